//! One seed of a test, from its start to its end. Chooses no seed.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::base::{Names, Nanos, Record};
use crate::check::Violation;
use crate::sim::trace::Keep;
use crate::sim::{KernelConfig, Turn, sealed};

use super::failure::How;
use super::sim::Sim;

/// How one run ended.
pub(super) struct Led {
    pub(super) how: Option<How>,
    pub(super) at: Nanos,
    pub(super) digest: u128,
    pub(super) recent: Vec<Record>,
    pub(super) names: Names,
    pub(super) waiting: Vec<String>,
    pub(super) violations: Vec<Violation>,
    /// All records, if they were to be kept.
    pub(super) trace: Vec<Record>,
}

/// How long a run may take.
#[derive(Clone)]
pub(super) struct Limits {
    pub(super) virtual_time: Nanos,
    pub(super) wall_time: Duration,
    /// Set when that is over; none, where nobody sees to it.
    pub(super) stop: Option<Arc<AtomicBool>>,
}

/// Runs a test with a seed, on a sealed thread of its own.
pub(super) fn lead<F, Fut>(
    (seed, config): (u64, &KernelConfig),
    body: &Arc<F>,
    limits: &Limits,
    keep: Keep,
) -> Led
where
    F: Fn(Sim) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let (body, limits, config) = (body.clone(), limits.clone(), config.clone());
    sealed(seed, move || {
        let sim = Sim::new(seed, &config);
        sim.kernel().keep_trace(keep);
        let is_over = Rc::new(Cell::new(false));
        begin(&sim, body, &is_over);
        let mut how = go_on(&sim, &is_over, &limits);
        if how.is_none() {
            sim.checkers().borrow_mut().finish(sim.now());
            how = violation(&sim);
        }
        if how.is_none() {
            sim.count_leaks();
            how = sim.kernel().crash().map(|_| crashed(&sim)).or_else(|| violation(&sim));
        }
        let kernel = sim.kernel();
        let failed = how.is_some();
        let is_stalled = matches!(how, Some(How::Stalled | How::TooLong(_)));
        let waiting = if is_stalled { waiting(&sim) } else { Vec::new() };
        let led = Led {
            how,
            at: kernel.now(),
            digest: kernel.digest(),
            recent: if failed { kernel.recent_records() } else { Vec::new() },
            names: sim.names(),
            waiting,
            violations: sim.checkers().borrow_mut().take_violations(),
            trace: kernel.take_trace(),
        };
        kernel.dismantle();
        led
    })
}

/// The test itself, as a task of its node: a panic of it is one of the simulation.
fn begin<F, Fut>(sim: &Sim, body: Arc<F>, is_over: &Rc<Cell<bool>>)
where
    F: Fn(Sim) -> Fut + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let (lead, is_over) = (sim.clone(), is_over.clone());
    sim.host().spawn("test", async move {
        body(lead).await;
        is_over.set(true);
    });
}

/// Takes turns until the test is over, or fails.
fn go_on(sim: &Sim, is_over: &Cell<bool>, limits: &Limits) -> Option<How> {
    let kernel = sim.kernel();
    while !is_over.get() {
        if !sim.checkers().borrow().violations().is_empty() {
            return violation(sim);
        }
        if kernel.now() > limits.virtual_time {
            return Some(How::TooLong(limits.virtual_time));
        }
        if limits.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Some(How::Slow(limits.wall_time));
        }
        match kernel.turn() {
            Turn::Ran => {}
            Turn::Idle => return Some(How::Stalled),
            Turn::Crashed => return Some(crashed(sim)),
            Turn::Stuck | Turn::Misfit => return Some(How::Spinning),
        }
    }
    violation(sim)
}

fn crashed(sim: &Sim) -> How {
    let crash = sim.kernel().crash().expect("a turn that crashed has a crash");
    let node = sim.names().node(crash.node);
    let (task, place, message) = (crash.task, &crash.location, &crash.message);
    How::Panicked(format!("task `{task}` of {node} panicked at {place}: {message}"))
}

fn violation(sim: &Sim) -> Option<How> {
    let checkers = sim.checkers().borrow();
    let first = checkers.violations().first()?;
    Some(How::Violation(first.report(&sim.names())))
}

/// What tasks wait for.
fn waiting(sim: &Sim) -> Vec<String> {
    let names = sim.names();
    let tasks = sim.kernel().waiting_tasks();
    tasks.iter().map(|task| task.line(&names)).collect()
}
