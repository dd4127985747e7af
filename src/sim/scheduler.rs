//! What runs next: ready tasks on their CPUs, then the earliest event. Polls nothing and fires nothing.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::Range;

use crate::base::{CpuId, Nanos, NodeId, Seq};

use super::config::NodeConfig;
use super::cpu::{Cpu, PAUSED};
use super::queue::EventQueue;
use super::schedule::{CpuSlot, Misfit, Ready, Schedule};
use super::task::{Body, State, TaskId, Tasks, WakeRef};
use super::timer::Timers;

pub(super) const OWNER_TIMER: u32 = 0;
const OWNER_CPU: u32 = 1;
/// The first of the kernel's devices.
pub(super) const OWNER_DEVICES: u32 = 2;

/// What is to be done next.
pub(super) enum Step {
    /// A task has its CPU.
    Poll(Begun),
    /// A timer has fired: whom to wake, and what armed it.
    Wake(WakeRef, Seq),
    /// A device's event is due.
    Fire {
        /// Which device.
        owner: u32,
        /// Which of its events.
        token: u64,
    },
    /// Nothing, now or later.
    Idle,
    /// The schedule says nothing that fits.
    Misfit(Misfit),
}

/// A task that is to be polled: its body is taken out for that.
pub(super) struct Begun {
    pub(super) id: TaskId,
    pub(super) node: NodeId,
    pub(super) cpu: CpuId,
    /// The record that led to its being woken.
    pub(super) cause: Seq,
    pub(super) body: Body,
}

/// Tasks, CPUs, timers and events of a simulation.
pub(super) struct Scheduler {
    pub(super) tasks: Tasks,
    pub(super) timers: Timers,
    cpus: Vec<Cpu>,
    /// CPUs to look at now.
    dispatch: VecDeque<u32>,
    events: EventQueue,
    pub(super) schedule: Box<dyn Schedule>,
}

/// The next CPU of the same node that isn't halted, or `at` where there is none.
fn running_cpu(cpus: &[Cpu], at: u32) -> u32 {
    let node = cpus[at as usize].node;
    let first = cpus.partition_point(|cpu| cpu.node < node) as u32;
    let count = cpus.partition_point(|cpu| cpu.node <= node) as u32 - first;
    let others = (1..count).map(|step| first + (at - first + step) % count);
    others.into_iter().find(|other| cpus[*other as usize].halted == 0).unwrap_or(at)
}

impl Scheduler {
    pub(super) fn new(schedule: Box<dyn Schedule>) -> Self {
        Self {
            tasks: Tasks::default(),
            timers: Timers::default(),
            cpus: Vec::new(),
            dispatch: VecDeque::new(),
            events: EventQueue::default(),
            schedule,
        }
    }

    /// Adds the CPUs of a node; they follow all others.
    pub(super) fn add_cpus(&mut self, node: NodeId, config: &NodeConfig) -> u32 {
        let first = self.cpus.len() as u32;
        let cpus = (0..config.cpus).map(CpuId::new);
        self.cpus.extend(cpus.map(|cpu| Cpu::new(node, cpu, config.poll_cost)));
        first
    }

    pub(super) fn cpu(&mut self, at: u32) -> &mut Cpu {
        &mut self.cpus[at as usize]
    }

    pub(super) fn cpus(&self) -> &[Cpu] {
        &self.cpus
    }

    pub(super) fn push(&mut self, at: Nanos, owner: u32, token: u64) {
        self.events.push(at, owner, token);
    }

    pub(super) fn clear_events(&mut self) {
        self.events.clear();
    }

    /// Puts a task into its CPU's run queue, because of this record.
    pub(super) fn ready(&mut self, id: TaskId, cause: Seq) {
        let Some(task) = self.tasks.get(id) else { return };
        match task.state {
            State::Idle => {
                task.state = State::Queued;
                task.cause = cause;
                if task.is_unbound && self.cpus[task.cpu as usize].halted != 0 {
                    task.cpu = running_cpu(&self.cpus, task.cpu);
                }
                let (at, name) = (task.cpu, task.name);
                let cpu = &mut self.cpus[at as usize];
                cpu.ready.push(Ready { task: id, name });
                if !cpu.in_dispatch && !cpu.has_alarm {
                    cpu.in_dispatch = true;
                    self.dispatch.push_back(at);
                }
            }
            State::Running => {
                task.state = State::Requeued;
                task.cause = cause;
            }
            State::Queued | State::Requeued => {}
        }
    }

    /// Moves ready tasks that are bound to no CPU away from one that was stopped.
    pub(super) fn move_unbound(&mut self, from: u32) {
        let to = running_cpu(&self.cpus, from);
        if to == from {
            return;
        }
        let tasks = &mut self.tasks;
        let mut is_unbound = |ready: &mut Ready| match tasks.get(ready.task) {
            Some(task) if task.is_unbound => {
                task.cpu = to;
                true
            }
            _ => false,
        };
        let ready = &mut self.cpus[from as usize].ready;
        let moved: Vec<Ready> = ready.extract_if(.., &mut is_unbound).collect();
        self.cpus[to as usize].ready.extend(moved);
        self.look_at(to);
    }

    /// Looks at a CPU again: it may have become free or have been let go on.
    pub(super) fn look_at(&mut self, at: u32) {
        let cpu = &mut self.cpus[at as usize];
        if !cpu.in_dispatch {
            cpu.in_dispatch = true;
            self.dispatch.push_back(at);
        }
    }

    /// What is to be done next; moves `now` on if that is later.
    #[inline]
    pub(super) fn next(&mut self, now: &Cell<Nanos>) -> Step {
        loop {
            while let Some(cpu) = self.dispatch.pop_front() {
                match self.run_cpu(cpu, now.get()) {
                    Ok(None) => {}
                    Ok(Some(begun)) => return Step::Poll(begun),
                    Err(misfit) => return Step::Misfit(misfit),
                }
            }
            let Some(ticket) = self.events.pop() else {
                self.events.rewind(now.get());
                return Step::Idle;
            };
            let step = match ticket.owner() {
                OWNER_TIMER => match self.timers.fire(ticket.token, ticket.at()) {
                    Some((wake, cause)) => Some(Step::Wake(wake, cause)),
                    // Disarmed or moved: time goes on only for what happens.
                    None => continue,
                },
                OWNER_CPU => {
                    self.cpus[ticket.token as usize].has_alarm = false;
                    self.look_at(ticket.token as u32);
                    None
                }
                owner => Some(Step::Fire { owner, token: ticket.token }),
            };
            now.set(now.get().max(ticket.at()));
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// Gives the CPU to one of its ready tasks, unless it is busy, halted or has none. One that was ended
    /// meanwhile has had the CPU all the same.
    #[inline]
    fn run_cpu(&mut self, at: u32, now: Nanos) -> Result<Option<Begun>, Misfit> {
        let cpu = &mut self.cpus[at as usize];
        cpu.in_dispatch = false;
        if cpu.halted != 0 || cpu.has_alarm || cpu.ready.is_empty() {
            return Ok(None);
        }
        let mut chosen = None;
        if cpu.busy_until <= now {
            let last = cpu.ready.len() - 1;
            let pick =
                if last == 0 { 0 } else { self.schedule.pick(CpuSlot::new(at), &cpu.ready)? };
            chosen = if pick == last { cpu.ready.pop() } else { Some(cpu.ready.remove(pick)) };
            cpu.busy_until = now + cpu.poll_cost;
        }
        if !cpu.ready.is_empty() {
            cpu.has_alarm = true;
            self.events.push(cpu.busy_until, OWNER_CPU, u64::from(at));
        }
        let cpu = cpu.id;
        Ok(chosen.and_then(|ready| self.begin(ready.task, cpu)))
    }

    /// Takes out what is polled.
    #[inline]
    fn begin(&mut self, id: TaskId, cpu: CpuId) -> Option<Begun> {
        let task = self.tasks.get(id)?;
        let body = task.body.take()?;
        task.state = State::Running;
        task.wait = None;
        Some(Begun { id, node: task.node, cpu, cause: task.cause, body })
    }

    /// Takes a ready task of CPUs whose node goes down; nothing stops or slows them any longer.
    pub(super) fn drain(&mut self, cpus: Range<u32>) -> Option<TaskId> {
        let cpus = &mut self.cpus[cpus.start as usize..cpus.end as usize];
        cpus.iter_mut().find_map(|cpu| {
            cpu.halted = 0;
            cpu.poll_cost = cpu.poll_cost_normal;
            cpu.ready.pop().map(|ready| ready.task)
        })
    }

    pub(super) fn pause(&mut self, cpus: Range<u32>) {
        cpus.for_each(|at| self.cpu(at).halted |= PAUSED);
    }

    /// Lets paused CPUs go on, those that are not stopped as well.
    pub(super) fn resume(&mut self, cpus: Range<u32>) {
        for at in cpus {
            self.cpu(at).halted &= !PAUSED;
            self.look_at(at);
        }
    }
}
