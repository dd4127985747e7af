//! Schedules: what each picks, that unfair ones are bounded, and that a recorded one can be replayed.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use stormglass::base::Nanos;
use stormglass::sim::trace::Keep;
use stormglass::sim::{
    Kernel, KernelConfig, Misfit, NodeConfig, NodeHandle, Recording, ScheduleKind, Seed, Turn,
};

use crate::rig::Rig;

fn with(schedule: ScheduleKind) -> KernelConfig {
    KernelConfig { schedule, ..KernelConfig::default() }
}

fn one_cpu() -> NodeConfig {
    NodeConfig { cpus: 1, poll_cost: Nanos::new(100), ..NodeConfig::default() }
}

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Tasks `a` to `d` of three polls each, and the order in which those came.
fn order(rig: &Rig) -> String {
    let handle = rig.kernel.handle(rig.node(&one_cpu()));
    let log = Rc::<RefCell<String>>::default();
    for name in ["a", "b", "c", "d"] {
        let log = log.clone();
        handle.spawn(name, async move {
            for _ in 0..3 {
                log.borrow_mut().push_str(name);
                yield_now().await;
            }
        });
    }
    rig.settle();
    log.take()
}

#[test]
fn lifo_runs_the_last_that_became_ready() {
    let order = order(&Rig::with(1, &with(ScheduleKind::Lifo)));
    assert_eq!(order, "dddcccbbbaaa");
}

#[test]
fn pct_runs_by_priority_and_changes_it_where_it_drew() {
    let of = |seed, depth| {
        let schedule = ScheduleKind::Pct { depth, steps: 9 };
        order(&Rig::with(seed, &with(schedule)))
    };
    let switches = |order: &str| {
        let letters: Vec<char> = order.chars().collect();
        letters.windows(2).filter(|pair| pair[0] != pair[1]).count()
    };
    let mut orders: Vec<String> = (0..50).map(|seed| of(seed, 1)).collect();
    assert!(orders.iter().all(|order| switches(order) == 3), "each runs to its end: {orders:?}");
    orders.sort_unstable();
    orders.dedup();
    assert!(orders.len() > 12, "{} of the 24 orders in 50 seeds", orders.len());
    let most = (0..50).map(|seed| switches(&of(seed, 3))).max();
    assert_eq!(most, Some(5), "two change points are two switches at most");
}

/// Polls for ever, and lets others go in between.
fn spinner(handle: &NodeHandle, name: &'static str) {
    handle.spawn(name, async {
        loop {
            yield_now().await;
        }
    });
}

#[test]
fn unfair_schedules_leave_nobody_out_for_ever() {
    let pct = ScheduleKind::Pct { depth: 2, steps: 1_000 };
    let starve = ScheduleKind::Starve { task: "victim".to_owned() };
    for schedule in [ScheduleKind::Lifo, pct, starve] {
        let rig = Rig::with(5, &with(schedule.clone()));
        let handle = rig.kernel.handle(rig.node(&one_cpu()));
        let polls = Rc::new(Cell::new(0_u64));
        let count = polls.clone();
        handle.spawn("work.victim", async move {
            loop {
                count.set(count.get() + 1);
                yield_now().await;
            }
        });
        spinner(&handle, "spins");
        spinner(&handle, "spins");
        rig.run_until(Nanos::from_micros(1_000));
        // 10,000 polls, of which it gets one in 256 at the least.
        assert!(polls.get() >= 10_000 / 600, "{schedule:?}: {} polls", polls.get());
    }
}

#[test]
fn a_starved_task_runs_when_nothing_else_can() {
    let starve = |task: &str| with(ScheduleKind::Starve { task: task.to_owned() });
    for seed in 0..20 {
        let order = order(&Rig::with(seed, &starve("b")));
        assert!(order.ends_with("bbb"), "seed {seed}: {order}");
    }
    let rig = Rig::with(1, &starve("nobody"));
    let _order = order(&rig);
    let idle = rig.kernel.idle_schedule();
    assert_eq!(idle.as_deref(), Some("schedule starve: no task `nobody` ever had to wait"));
}

/// The digest of a run, its recording and how it ended.
fn run(seed: u64, schedule: ScheduleKind, tasks: u32) -> (u128, Recording, Option<Misfit>) {
    let config = KernelConfig { record_schedule: true, ..with(schedule) };
    let kernel = Kernel::new(Seed::new(seed), &config);
    kernel.keep_trace(Keep::Nothing);
    let node = kernel.add_node("node", &one_cpu());
    kernel.boot(node);
    let handle = kernel.handle(node);
    for _ in 0..tasks {
        let sleeper = handle.clone();
        handle.spawn("task", async move {
            let mut rng = sleeper.rng("naps");
            for _ in 0..20 {
                sleeper.sleep(Nanos::new(rng.below(300))).await;
            }
        });
    }
    while kernel.turn() == Turn::Ran {}
    let recording = kernel.recorded_schedule().expect("it was asked for");
    let result = (kernel.digest(), recording, kernel.misfit());
    kernel.dismantle();
    result
}

#[test]
fn a_recorded_schedule_makes_the_same_run() {
    let pct = ScheduleKind::Pct { depth: 3, steps: 100 };
    for schedule in [ScheduleKind::Random, ScheduleKind::Lifo, ScheduleKind::Fifo, pct] {
        let (digest, recording, misfit) = run(3, schedule.clone(), 20);
        assert!(misfit.is_none() && !recording.is_empty());
        let text = recording.to_string();
        let again = run(3, ScheduleKind::Replay(text.parse().expect("it is one")), 20);
        assert_eq!(again, (digest, recording, None), "{schedule:?}");
    }
    assert_ne!(run(3, ScheduleKind::Random, 20).0, run(3, ScheduleKind::Fifo, 20).0);
}

#[test]
fn a_recorded_schedule_of_another_run_ends_with_an_error() {
    let (_, recording, _) = run(3, ScheduleKind::Random, 20);
    let (_, _, misfit) = run(3, ScheduleKind::Replay(recording.clone()), 19);
    let text = misfit.expect("it does not fit").to_string();
    assert!(text.starts_with("the recorded schedule does not fit: at pick "), "{text}");
    let (_, _, misfit) = run(3, ScheduleKind::Replay(Recording::default()), 20);
    assert_eq!(misfit, Some(Misfit::Over { pick: 1 }));
}
