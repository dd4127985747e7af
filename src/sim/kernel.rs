//! The kernel: pops events, advances time, polls tasks on their CPUs. Knows no fault and no verdict.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use madsim::time::TimeHandle;

use crate::base::{CpuId, Names, Nanos, NodeId, Recorded, Seq};

use super::config::KernelConfig;
use super::cpu::Cpu;
use super::crash::{Caught, Crash, guarded, install_hook};
use super::ledger::Ledger;
use super::log;
use super::node::Node;
use super::probe::{Buggify, Probes};
use super::queue::EventQueue;
use super::records::TaskPolled;
use super::rng::{Rng, Seed};
use super::schedule::{self, CpuSlot, Misfit, Ready, Recorder, Recording, Schedule};
use super::task::{Body, ForeignWakes, State, Task, TaskId, Tasks, WakeRef, waker};
use super::timer::Timers;
use super::trace::{Place, TraceSink};
use super::wait::Wait;

/// A component that schedules events of its own and is told of the death of nodes.
pub trait Device {
    /// The event that this device scheduled with `token` is due.
    fn fire(&self, token: u64);
    /// This incarnation of a node is gone: whatever it had open is lost.
    fn node_down(&self, node: NodeId) {
        let _ = node;
    }
}

/// The next CPU of the same node that isn't halted, or `at` where there is none.
fn running_cpu(cpus: &[Cpu], at: u32) -> u32 {
    let node = cpus[at as usize].node;
    let first = cpus.partition_point(|cpu| cpu.node < node) as u32;
    let count = cpus.partition_point(|cpu| cpu.node <= node) as u32 - first;
    let others = (1..count).map(|step| first + (at - first + step) % count);
    others.into_iter().find(|other| cpus[*other as usize].halted == 0).unwrap_or(at)
}

/// Names a device in the event queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerId(u32);

const OWNER_TIMER: u32 = 0;
const OWNER_CPU: u32 = 1;
const OWNER_DEVICES: u32 = 2;

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
    events: RefCell<EventQueue>,
    pub(super) tasks: RefCell<Tasks>,
    pub(super) timers: RefCell<Timers>,
    pub(super) cpus: RefCell<Vec<Cpu>>,
    dispatch: RefCell<VecDeque<u32>>,
    pub(super) nodes: RefCell<Vec<Node>>,
    pub(super) devices: RefCell<Vec<Rc<dyn Device>>>,
    pub(super) trace: RefCell<TraceSink>,
    pub(super) schedule: RefCell<Box<dyn Schedule>>,
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
    polls_now: Cell<u64>,
    polls_per_instant_max: u64,
    turns: Cell<u64>,
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
            events: RefCell::default(),
            tasks: RefCell::default(),
            timers: RefCell::default(),
            cpus: RefCell::default(),
            dispatch: RefCell::default(),
            nodes: RefCell::default(),
            devices: RefCell::default(),
            trace: RefCell::default(),
            schedule: RefCell::new(schedule),
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
            polls_now: Cell::new(0),
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
        self.inner.events.borrow_mut().push(at, owner, token);
    }

    /// Writes a record, caused by what runs now, and becomes the cause of what follows.
    pub fn emit<R: Recorded>(&self, node: Option<NodeId>, what: &R) -> Seq {
        let inner = &*self.inner;
        let running = inner.place.get();
        let place = match node {
            Some(elsewhere) if !running.is_on(elsewhere) => Place::of(node),
            _ => running,
        };
        let cause = inner.cause.get();
        let seq = inner.trace.borrow_mut().write(self.now(), place, cause, what);
        inner.cause.set(seq);
        if log::enabled() {
            self.log_last_record();
        }
        seq
    }

    #[cold]
    fn log_last_record(&self) {
        let last = self.inner.trace.borrow().recent().pop();
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

    /// Puts a task into its CPU's run queue.
    fn ready(&self, id: TaskId) {
        let inner = &self.inner;
        let mut tasks = inner.tasks.borrow_mut();
        let Some(task) = tasks.get(id) else { return };
        match task.state {
            State::Idle => {
                task.state = State::Queued;
                task.cause = inner.cause.get();
                let mut cpus = inner.cpus.borrow_mut();
                if task.is_unbound && cpus[task.cpu as usize].halted != 0 {
                    task.cpu = running_cpu(&cpus, task.cpu);
                }
                let cpu = &mut cpus[task.cpu as usize];
                cpu.ready.push(Ready { task: id, name: task.name });
                if !cpu.in_dispatch && !cpu.has_alarm {
                    cpu.in_dispatch = true;
                    inner.dispatch.borrow_mut().push_back(task.cpu);
                }
            }
            State::Running => {
                task.state = State::Requeued;
                task.cause = inner.cause.get();
            }
            State::Queued | State::Requeued => {}
        }
    }

    /// Moves ready tasks that are bound to no CPU away from one that was stopped.
    pub(super) fn move_unbound(&self, from: u32) {
        let inner = &self.inner;
        let (mut tasks, mut cpus) = (inner.tasks.borrow_mut(), inner.cpus.borrow_mut());
        let to = running_cpu(&cpus, from);
        if to == from {
            return;
        }
        let mut is_unbound = |ready: &mut Ready| match tasks.get(ready.task) {
            Some(task) if task.is_unbound => {
                task.cpu = to;
                true
            }
            _ => false,
        };
        let moved: Vec<Ready> = cpus[from as usize].ready.extract_if(.., &mut is_unbound).collect();
        cpus[to as usize].ready.extend(moved);
        drop((tasks, cpus));
        self.look_at_cpu(to);
    }

    /// Looks at a CPU again: it may have become free or have been let go on.
    pub(super) fn look_at_cpu(&self, cpu_index: u32) {
        let mut cpus = self.inner.cpus.borrow_mut();
        let cpu = &mut cpus[cpu_index as usize];
        if !cpu.in_dispatch {
            cpu.in_dispatch = true;
            self.inner.dispatch.borrow_mut().push_back(cpu_index);
        }
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
        let id = inner.tasks.borrow_mut().insert(|id| Task {
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
        let inner = &self.inner;
        inner.turns.set(inner.turns.get() + 1);
        if inner.has_ended.get() {
            return if inner.misfit.get().is_some() { Turn::Misfit } else { Turn::Crashed };
        }
        self.take_foreign_wakes();
        let next = inner.dispatch.borrow_mut().pop_front();
        if let Some(cpu) = next {
            return self.run_cpu(cpu);
        }
        let Some(ticket) = inner.events.borrow_mut().pop() else { return Turn::Idle };
        let timer = match ticket.owner {
            OWNER_TIMER => match inner.timers.borrow_mut().fire(ticket.token) {
                // Disarmed: time goes on only for what happens.
                None => return Turn::Ran,
                fired => fired,
            },
            _ => None,
        };
        if ticket.at() > inner.now.get() {
            inner.now.set(ticket.at());
            inner.polls_now.set(0);
        }
        inner.cause.set(0);
        match ticket.owner {
            OWNER_TIMER => {
                if let Some((wake, cause)) = timer {
                    inner.cause.set(cause);
                    self.wake(wake);
                }
            }
            OWNER_CPU => {
                inner.cpus.borrow_mut()[ticket.token as usize].has_alarm = false;
                self.look_at_cpu(ticket.token as u32);
            }
            owner => {
                let device = inner.devices.borrow()[(owner - OWNER_DEVICES) as usize].clone();
                device.fire(ticket.token);
            }
        }
        Turn::Ran
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

    /// Polls the CPU's next task, unless the CPU is busy, stopped or has none.
    fn run_cpu(&self, index: u32) -> Turn {
        let inner = &self.inner;
        let now = self.now();
        let picked = {
            let mut cpus = inner.cpus.borrow_mut();
            let cpu = &mut cpus[index as usize];
            cpu.in_dispatch = false;
            if cpu.halted != 0 || cpu.ready.is_empty() || cpu.has_alarm {
                return Turn::Ran;
            }
            let mut picked = None;
            if cpu.busy_until <= now {
                let last = cpu.ready.len() - 1;
                let at = if last == 0 { Ok(0) } else { self.pick(index, &cpu.ready) };
                let Ok(at) = at else { return Turn::Misfit };
                cpu.busy_until = now + cpu.poll_cost;
                let ready = if at == last { cpu.ready.pop() } else { Some(cpu.ready.remove(at)) };
                picked = Some((ready.expect("a task is ready").task, cpu.id));
            }
            if !cpu.ready.is_empty() {
                cpu.has_alarm = true;
                self.push(cpu.busy_until, OWNER_CPU, u64::from(index));
            }
            picked
        };
        match picked {
            Some((task, cpu)) => self.poll(task, cpu),
            None => Turn::Ran,
        }
    }

    /// Asks the schedule; its misfit is the end.
    fn pick(&self, cpu: u32, ready: &[Ready]) -> Result<usize, ()> {
        let picked = self.inner.schedule.borrow_mut().pick(CpuSlot::new(cpu), ready);
        picked.map_err(|misfit| {
            self.inner.misfit.set(Some(misfit));
            self.inner.has_ended.set(true);
        })
    }

    fn poll(&self, id: TaskId, cpu: CpuId) -> Turn {
        let inner = &self.inner;
        let Some((mut body, node, name)) = self.begin(id, cpu) else { return Turn::Ran };
        self.keep_seal_in_step();
        if log::enabled() {
            log::set(self.now(), &inner.nodes.borrow()[node.index()].name);
        }
        self.emit(None, &TaskPolled { task: id.slot, generation: id.generation });
        let (future, waker) = &mut body;
        let result = guarded(|| future.as_mut().poll(&mut Context::from_waker(waker)));
        let result = match result {
            Ok(result) => result,
            Err(caught) => {
                let place = inner.tasks.borrow_mut().get(id).map(|task| task.place);
                // What it held may panic again when dropped; the first panic is the one to report.
                let _ = guarded(move || drop(body));
                self.crashed(node, name, place, caught);
                return Turn::Crashed;
            }
        };
        self.end(id, result, body);
        self.take_foreign_wakes();
        let polls = inner.polls_now.get() + 1;
        inner.polls_now.set(polls);
        if polls > inner.polls_per_instant_max { Turn::Stuck } else { Turn::Ran }
    }

    fn begin(&self, id: TaskId, cpu: CpuId) -> Option<(Body, NodeId, &'static str)> {
        let inner = &self.inner;
        let mut tasks = inner.tasks.borrow_mut();
        let task = tasks.get(id)?;
        let body = task.body.take()?;
        task.state = State::Running;
        task.wait = None;
        inner.wait.set(None);
        inner.cause.set(task.cause);
        inner.place.set(Place::on_cpu(task.node, cpu));
        inner.running.set((id, body.1.data()));
        Some((body, task.node, task.name))
    }

    fn nothing_runs(&self) {
        self.inner.place.set(Place::default());
        self.inner.running.set(NOT_RUNNING);
    }

    fn end(&self, id: TaskId, result: Poll<()>, body: Body) {
        let inner = &self.inner;
        if result.is_ready() {
            drop(body);
            self.nothing_runs();
            let finished = inner.tasks.borrow_mut().remove(id);
            drop(finished);
            return;
        }
        self.nothing_runs();
        let mut tasks = inner.tasks.borrow_mut();
        let Some(task) = tasks.get(id) else {
            drop(tasks);
            drop(body);
            return;
        };
        task.body = Some(body);
        task.wait = inner.wait.get();
        let again = task.state == State::Requeued;
        task.state = State::Idle;
        if again {
            let cause = task.cause;
            drop(tasks);
            inner.cause.set(cause);
            self.ready(id);
        }
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

    /// Ends the simulation: drops every task, event and device, so that nothing keeps itself alive.
    pub fn dismantle(&self) {
        let inner = &self.inner;
        self.nothing_runs();
        for node in 0..inner.nodes.borrow().len() {
            self.end_work_queues(NodeId::new(node as u32));
        }
        let all = inner.tasks.borrow().ids();
        for id in all {
            let task = inner.tasks.borrow_mut().remove(id);
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
        inner.events.borrow_mut().clear();
        log::clear();
    }
}
