//! The kernel: takes turns, polls tasks, fires events, writes records. Knows no fault and no verdict.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use madsim::time::TimeHandle;

use crate::base::{CpuId, Names, Nanos, NodeId, RecordType, Recorded, Seq, WORDS};

use super::config::KernelConfig;
use super::crash::{Caught, Crash, guarded, install_hook};
use super::ledger::Ledger;
use super::log;
use super::memory::Account;
use super::node::Node;
use super::probe::{Buggify, Probes};
use super::records::TaskPolled;
use super::schedule::{self, Misfit, Recorder, Recording};
use super::scheduler::{Begun, OWNER_DEVICES, OWNER_TIMER, Scheduler, Step};
use super::task::{Body, ForeignWakes, State, Task, TaskId, WakeRef, waker};
use super::trace::{Place, TraceSink};
use super::wait::Wait;
use crate::base::{Rng, Seed};

/// A component that schedules events of its own and is told of the death of nodes.
pub trait Device {
    /// The event that this device scheduled with `token` is due.
    fn fire(&self, token: u64);
    /// This incarnation of a node is gone: whatever it had open is lost.
    fn node_down(&self, node: NodeId) {
        let _ = node;
    }
}

/// Names a device in the event queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerId(u32);

/// What one turn did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Polled a task or fired an event.
    Ran,
    /// Nothing is left to do, now or later.
    Idle,
    /// Node code panicked; [`Kernel::crash`] has it. Nothing runs any more.
    Crashed,
    /// Polls went on without end at one instant.
    Stuck,
    /// A replayed schedule says nothing that fits; [`Kernel::misfit`] has it. Nothing runs any more.
    Misfit,
}

/// Which CPU of its node a task runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// The next in turn, for good.
    NextInTurn,
    /// This one (taken modulo the node's CPUs), for good.
    On(CpuId),
    /// The next in turn, and another one whenever that is halted.
    Unbound,
}

/// One simulation's kernel. Clones share it.
#[derive(Clone)]
pub struct Kernel {
    pub(super) inner: Rc<Inner>,
}

pub(super) struct Inner {
    seed: Seed,
    pub(super) now: Cell<Nanos>,
    /// The record that led to what runs now.
    pub(super) cause: Cell<Seq>,
    /// Where the task being polled is; nowhere between polls.
    place: Cell<Place>,
    /// The task being polled, and the data pointer of its own waker, which tells it from a combinator's.
    running: Cell<(TaskId, *const ())>,
    /// What the task being polled said last that it waits for.
    wait: Cell<Option<Wait>>,
    pub(super) scheduler: RefCell<Scheduler>,
    pub(super) nodes: RefCell<Vec<Node>>,
    /// The nodes' memory.
    pub(super) accounts: RefCell<Vec<Rc<Account>>>,
    pub(super) devices: RefCell<Vec<Rc<dyn Device>>>,
    pub(super) trace: RefCell<TraceSink>,
    pub(super) recording: Option<Rc<RefCell<Recording>>>,
    pub(super) misfit: Cell<Option<Misfit>>,
    foreign: Arc<ForeignWakes>,
    pub(super) ledger: Ledger,
    probes: Probes,
    pub(super) buggify: Buggify,
    /// What log lines call nodes, disks and volumes.
    pub(super) names: RefCell<Names>,
    crash: RefCell<Option<Crash>>,
    /// Whether there is a crash or a misfit: asked at every turn.
    has_ended: Cell<bool>,
    seal: Option<TimeHandle>,
    sealed_until: Cell<Nanos>,
    /// The instant of the last poll, and how many there were at it.
    polls: Cell<(Nanos, u64)>,
    polls_per_instant_max: u64,
    turns: Cell<u64>,
}

/// Drops a task that was ended while it was being polled.
#[cold]
fn drop_ended(body: Body) {
    drop(body);
}

/// What no waker's data pointer is: no task is being polled.
const NO_WAKER: *const () = std::ptr::without_provenance(usize::MAX);
const NOT_RUNNING: (TaskId, *const ()) = (TaskId { slot: u32::MAX, generation: 0 }, NO_WAKER);

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kernel(seed {}, at {})", self.inner.seed.get(), self.now())
    }
}

impl Kernel {
    /// A simulation of this seed, at time zero, without nodes. Inside [`sealed`](super::sealed), the
    /// seal's clock is kept in step with virtual time.
    #[must_use]
    pub fn new(seed: Seed, config: &KernelConfig) -> Self {
        install_hook();
        let mut schedule = schedule::make(&config.schedule, seed);
        let recording = config.record_schedule.then(Rc::<RefCell<Recording>>::default);
        if let Some(recording) = &recording {
            schedule = Box::new(Recorder::new(schedule, recording.clone()));
        }
        let inner = Inner {
            seed,
            now: Cell::new(Nanos::ZERO),
            cause: Cell::new(0),
            place: Cell::default(),
            running: Cell::new(NOT_RUNNING),
            wait: Cell::new(None),
            scheduler: RefCell::new(Scheduler::new(schedule)),
            nodes: RefCell::default(),
            accounts: RefCell::default(),
            devices: RefCell::default(),
            trace: RefCell::default(),
            recording,
            misfit: Cell::new(None),
            foreign: Arc::default(),
            ledger: Ledger::default(),
            probes: Probes::default(),
            buggify: Buggify::new(config.buggify, seed),
            names: RefCell::default(),
            crash: RefCell::new(None),
            has_ended: Cell::new(false),
            seal: TimeHandle::try_current(),
            sealed_until: Cell::new(Nanos::ZERO),
            polls: Cell::new((Nanos::ZERO, 0)),
            polls_per_instant_max: config.polls_per_instant_max,
            turns: Cell::new(0),
        };
        Self { inner: Rc::new(inner) }
    }

    /// Virtual time.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.inner.now.get()
    }

    /// The run's seed.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.inner.seed
    }

    /// The random stream of this name.
    #[must_use]
    pub fn stream(&self, name: &str) -> Rng {
        self.inner.seed.stream(name)
    }

    /// How many turns have been taken: polls and events.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.inner.turns.get()
    }

    /// Counts the probes that are reached.
    #[must_use]
    pub fn probes(&self) -> &Probes {
        &self.inner.probes
    }

    /// Probes that were reached and buggify sites that fired (`buggify.` and their name), with how
    /// often, in the order of their names.
    #[must_use]
    pub fn reached(&self) -> Vec<(String, u64)> {
        let mut reached = self.inner.probes.reached();
        reached.extend(self.inner.buggify.fired());
        reached.sort_unstable();
        reached
    }

    /// Registers a device; its events carry the returned id.
    pub fn attach(&self, device: Rc<dyn Device>) -> OwnerId {
        let mut devices = self.inner.devices.borrow_mut();
        devices.push(device);
        OwnerId(OWNER_DEVICES + devices.len() as u32 - 1)
    }

    /// Fires `owner`'s `token` at `at`, or now if that has passed.
    pub fn schedule(&self, at: Nanos, owner: OwnerId, token: u64) {
        self.push(at, owner.0, token);
    }

    pub(super) fn push_timer(&self, at: Nanos, token: u64) {
        self.push(at, OWNER_TIMER, token);
    }

    fn push(&self, at: Nanos, owner: u32, token: u64) {
        let at = at.max(self.now());
        self.inner.scheduler.borrow_mut().push(at, owner, token);
    }

    /// Writes a record, caused by what runs now, and becomes the cause of what follows.
    pub fn emit<R: Recorded>(&self, node: Option<NodeId>, what: &R) -> Seq {
        self.write(Place::of(node), R::TYPE, &what.words())
    }

    /// Where records of all types come in: one stretch of code, which stays in the cache. What only some of them
    /// need is elsewhere, so that this calls nothing and saves no registers.
    #[inline(never)]
    fn write(&self, given: Place, kind: &'static RecordType, words: &[u64; WORDS]) -> Seq {
        let inner = &*self.inner;
        let head = (self.now(), inner.place.get().or_given(given), inner.cause.get());
        let mut trace = inner.trace.borrow_mut();
        let seq = trace.write(head, kind, words);
        inner.cause.set(seq);
        if trace.is_done(kind) && !log::enabled() {
            return seq;
        }
        drop(trace);
        self.finish_record(seq, head, kind, words)
    }

    /// Shows a record to those whom it concerns.
    #[inline(never)]
    fn finish_record(
        &self,
        seq: Seq,
        head: (Nanos, Place, Seq),
        kind: &'static RecordType,
        words: &[u64; WORDS],
    ) -> Seq {
        self.inner.trace.borrow_mut().finish(seq, head, kind, words);
        if log::enabled() {
            self.log_last_record();
        }
        seq
    }

    #[cold]
    fn log_last_record(&self) {
        let last = self.inner.trace.borrow().last();
        if let Some(record) = last {
            log::record(&record, &self.inner.names.borrow());
        }
    }

    /// The record that led to what runs now, or 0.
    #[must_use]
    pub fn cause(&self) -> Seq {
        self.inner.cause.get()
    }

    /// Says what led to what a device does next.
    pub fn set_cause(&self, cause: Seq) {
        self.inner.cause.set(cause);
    }

    /// The task being polled.
    pub(super) fn current_task(&self) -> Option<TaskId> {
        let (task, waker) = self.inner.running.get();
        (waker != NO_WAKER).then_some(task)
    }

    /// The CPU on which a task of this node is being polled.
    pub(super) fn current_cpu(&self, node: NodeId) -> Option<CpuId> {
        let place = self.inner.place.get();
        if place.is_on(node) { place.cpu() } else { None }
    }

    /// Whom to wake when what the current poll waits for has come.
    #[must_use]
    pub fn wake_ref(&self, cx: &Context<'_>) -> WakeRef {
        let (task, waker) = self.inner.running.get();
        if waker == cx.waker().data() {
            WakeRef::Task(task)
        } else {
            WakeRef::Foreign(cx.waker().clone())
        }
    }

    /// Notes what the current task waits for, for the report of a hang.
    pub fn waits_for(&self, wait: Wait) {
        self.inner.wait.set(Some(wait));
    }

    /// Wakes a waiter; of a task that is gone, nothing happens.
    pub fn wake(&self, wake: WakeRef) {
        match wake {
            WakeRef::Task(task) => self.ready(task),
            WakeRef::Foreign(waker) => {
                waker.wake();
                self.take_foreign_wakes();
            }
        }
    }

    fn ready(&self, task: TaskId) {
        self.inner.scheduler.borrow_mut().ready(task, self.inner.cause.get());
    }

    #[track_caller]
    pub(super) fn spawn_on(
        &self,
        node: NodeId,
        place_on: Placement,
        name: &'static str,
        future: impl Future<Output = ()> + 'static,
    ) -> TaskId {
        let inner = &self.inner;
        let place = Location::caller();
        let cpu = {
            let mut nodes = inner.nodes.borrow_mut();
            let entry = &mut nodes[node.index()];
            let wish = match place_on {
                Placement::On(cpu) => Some(cpu.get()),
                Placement::NextInTurn | Placement::Unbound => None,
            };
            let chosen = wish.unwrap_or(entry.next_cpu) % entry.cpus;
            if wish.is_none() {
                entry.next_cpu = (chosen + 1) % entry.cpus;
            }
            entry.first_cpu + u32::from(chosen)
        };
        let id = inner.scheduler.borrow_mut().tasks.insert(|id| Task {
            body: Some((Box::pin(future), waker(&inner.foreign, id))),
            node,
            cpu,
            state: State::Idle,
            cause: 0,
            name,
            place,
            wait: None,
            is_unbound: place_on == Placement::Unbound,
        });
        self.ready(id);
        id
    }

    /// One step: runs a CPU that has something to do now, or else fires the next event.
    pub fn turn(&self) -> Turn {
        let inner = &*self.inner;
        inner.turns.set(inner.turns.get() + 1);
        if inner.has_ended.get() {
            return self.how_it_ended();
        }
        self.take_foreign_wakes();
        let step = inner.scheduler.borrow_mut().next(&inner.now);
        match step {
            Step::Poll(begun) => return self.poll(begun),
            Step::Wake(wake, cause) => {
                inner.cause.set(cause);
                self.wake(wake);
            }
            Step::Fire { owner, token } => {
                inner.cause.set(0);
                let device = inner.devices.borrow()[(owner - OWNER_DEVICES) as usize].clone();
                device.fire(token);
            }
            Step::Idle => return Turn::Idle,
            Step::Misfit(misfit) => {
                inner.misfit.set(Some(misfit));
                inner.has_ended.set(true);
                return Turn::Misfit;
            }
        }
        Turn::Ran
    }

    #[cold]
    fn how_it_ended(&self) -> Turn {
        if self.inner.misfit.get().is_some() { Turn::Misfit } else { Turn::Crashed }
    }

    #[inline]
    fn take_foreign_wakes(&self) {
        if self.inner.foreign.is_pending() {
            self.ready_foreign();
        }
    }

    #[cold]
    fn ready_foreign(&self) {
        for task in self.inner.foreign.take() {
            self.ready(task);
        }
    }

    fn poll(&self, begun: Begun) -> Turn {
        let inner = &*self.inner;
        let Begun { id, node, cpu, cause, mut body } = begun;
        self.keep_seal_in_step();
        inner.cause.set(cause);
        inner.wait.set(None);
        inner.place.set(Place::on_cpu(node, cpu));
        inner.running.set((id, body.1.data()));
        if log::enabled() {
            self.log_place(node);
        }
        self.emit(None, &TaskPolled { task: id.slot, generation: id.generation });
        let (future, waker) = &mut body;
        let result = guarded(|| future.as_mut().poll(&mut Context::from_waker(waker)));
        match result {
            Ok(result) => self.end(id, result, body),
            Err(caught) => {
                self.task_panicked(id, node, body, caught);
                return Turn::Crashed;
            }
        }
        self.take_foreign_wakes();
        let (instant, polls) = inner.polls.get();
        let polls = if instant == self.now() { polls + 1 } else { 1 };
        inner.polls.set((self.now(), polls));
        if polls > inner.polls_per_instant_max { Turn::Stuck } else { Turn::Ran }
    }

    #[cold]
    fn log_place(&self, node: NodeId) {
        log::set(self.now(), &self.inner.nodes.borrow()[node.index()].name);
    }

    #[cold]
    fn task_panicked(&self, id: TaskId, node: NodeId, body: Body, caught: Caught) {
        // What it held may panic again when dropped; the first panic is the one to report.
        let _ = guarded(move || drop(body));
        let about = {
            let mut scheduler = self.inner.scheduler.borrow_mut();
            scheduler.tasks.get(id).map(|task| (task.name, task.place))
        };
        let (name, place) = about.map_or(("?", None), |(name, place)| (name, Some(place)));
        self.crashed(node, name, place, caught);
    }

    fn nothing_runs(&self) {
        self.inner.place.set(Place::default());
        self.inner.running.set(NOT_RUNNING);
    }

    fn end(&self, id: TaskId, result: Poll<()>, body: Body) {
        let inner = &*self.inner;
        if result.is_ready() {
            return self.finish(id, body);
        }
        self.nothing_runs();
        let mut scheduler = inner.scheduler.borrow_mut();
        if let Some(task) = scheduler.tasks.get(id) {
            let before = task.body.replace(body);
            debug_assert!(before.is_none(), "what is polled was taken out");
            task.wait = inner.wait.get();
            let again = task.state == State::Requeued;
            task.state = State::Idle;
            if again {
                let cause = task.cause;
                inner.cause.set(cause);
                scheduler.ready(id, cause);
            }
        } else {
            drop(scheduler);
            drop_ended(body);
        }
    }

    /// A task has come to its end.
    #[inline(never)]
    fn finish(&self, id: TaskId, body: Body) {
        drop(body);
        self.nothing_runs();
        let finished = self.inner.scheduler.borrow_mut().tasks.remove(id);
        drop(finished);
    }

    pub(super) fn crashed(
        &self,
        node: NodeId,
        name: &'static str,
        place: Option<&'static Location<'static>>,
        caught: Caught,
    ) {
        let inner = &self.inner;
        self.nothing_runs();
        inner.has_ended.set(true);
        *inner.crash.borrow_mut() = Some(Crash {
            node,
            task: name,
            spawned_at: place.map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line())),
            at: self.now(),
            message: caught.message,
            location: caught.location,
            backtrace: caught.backtrace,
        });
    }

    /// The panic that ended the run.
    #[must_use]
    pub fn crash(&self) -> Option<Crash> {
        self.inner.crash.borrow().clone()
    }

    fn keep_seal_in_step(&self) {
        let now = self.now();
        let behind = now.saturating_sub(self.inner.sealed_until.get());
        if let Some(seal) = &self.inner.seal
            && behind > Nanos::ZERO
        {
            seal.advance(Duration::from_nanos(behind.get()));
            self.inner.sealed_until.set(now);
        }
    }

    /// Ends the simulation: drops every task, event, device and memory account, so that nothing keeps itself
    /// alive. Nobody may ask for memory any more.
    pub fn dismantle(&self) {
        let inner = &self.inner;
        self.nothing_runs();
        for node in 0..inner.nodes.borrow().len() {
            self.end_work_queues(NodeId::new(node as u32));
        }
        let all = inner.scheduler.borrow().tasks.ids();
        for id in all {
            let task = inner.scheduler.borrow_mut().tasks.remove(id);
            drop(task);
        }
        let mut owned = Vec::new();
        for node in inner.nodes.borrow_mut().iter_mut() {
            node.boot = None;
            owned.push(std::mem::take(&mut node.owned));
        }
        drop(owned);
        let devices = std::mem::take(&mut *inner.devices.borrow_mut());
        drop(devices);
        // Accounts wake who waits for memory, and so have the kernel. Last, for what was dropped above held some.
        let accounts = std::mem::take(&mut *inner.accounts.borrow_mut());
        drop(accounts);
        inner.scheduler.borrow_mut().clear_events();
        log::clear();
    }
}
