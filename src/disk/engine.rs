//! The device itself: takes commands in, lets each take its time, executes and completes it.

use std::cell::OnceCell;
use std::cell::RefCell;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;

use crate::base::DiskId;
use crate::base::Nanos;
use crate::base::NodeId;
use crate::base::Payload;
use crate::base::Seq;
use crate::base::history::MediaWritten;
use crate::sim::Device;
use crate::sim::Kernel;
use crate::sim::OwnerId;
use crate::sim::Rng;
use crate::sim::Wait;

use super::command::Completion;
use super::command::Op;
use super::command::OpCode;
use super::config::DiskConfig;
use super::fault::FaultKind;
use super::fault::Faults;
use super::fault::Verdict;
use super::media::Media;
use super::queue::InFlight;
use super::queue::Pairs;
use super::queue::Slots;
use super::queue::Work;
use super::records::CommandAborted;
use super::records::CommandCompleted;
use super::records::CommandFaulted;
use super::records::CommandSubmitted;
use super::records::SectorRemapped;
use super::status::Status;

/// One disk of one simulation.
pub(super) struct Engine {
    pub(super) kernel: Kernel,
    pub(super) id: DiskId,
    pub(super) config: DiskConfig,
    owner: OnceCell<OwnerId>,
    pub(super) state: RefCell<State>,
}

/// What changes about a disk. Never borrowed while a record is written or a task woken.
pub(super) struct State {
    pub(super) media: Media,
    pub(super) faults: Faults,
    pub(super) serial: u64,
    slots: Slots,
    pairs: Pairs,
    latency: Rng,
    chance: Rng,
}

/// What executing a command did to the medium.
#[derive(Debug)]
struct Executed {
    /// What a read read.
    data: Payload,
    /// The first blocks of the command's range that changed.
    changed: u32,
    /// Bad sectors among them.
    remapped: u32,
}

impl Engine {
    /// A blank disk, attached to the kernel.
    pub(super) fn new(kernel: &Kernel, id: DiskId, config: DiskConfig) -> Rc<Self> {
        config.check();
        let state = State {
            media: Media::default(),
            faults: Faults::default(),
            serial: first_serial(id),
            slots: Slots::default(),
            pairs: Pairs::default(),
            latency: kernel.stream(&format!("disk.{}.latency", id.get())),
            chance: kernel.stream(&format!("disk.{}.fault", id.get())),
        };
        let owner = OnceCell::new();
        let state = RefCell::new(state);
        let engine = Rc::new(Self { kernel: kernel.clone(), id, config, owner, state });
        let owner = kernel.attach(engine.clone());
        engine.owner.set(owner).expect("a disk is attached once");
        engine
    }

    pub(super) fn open(&self, host: NodeId) -> u32 {
        self.state.borrow_mut().pairs.open(host)
    }

    /// Takes a command in; `false` if the queue pair is full.
    pub(super) fn submit(&self, pair: u32, cookie: u64, tag: u64, work: Work) -> bool {
        let code = work.code();
        let (lba, blocks) = work.range();
        let (host, latency, refused, slowed) = {
            let state = &mut *self.state.borrow_mut();
            let entry = state.pairs.get(pair);
            if entry.outstanding >= self.config.queue_depth {
                return false;
            }
            entry.outstanding += 1;
            let host = entry.host;
            let factor = state.faults.slow_factor();
            let latency = self.draw_latency(&mut state.latency, code, factor);
            (host, latency, state.faults.refusal(host), state.faults.slow_lands())
        };
        let cause = self.kernel.cause();
        let disk = self.id;
        let submitted = CommandSubmitted { disk, host, cookie, op: code, lba, blocks };
        let submitted = self.kernel.emit(None, &submitted);
        if slowed {
            let verdict = Verdict { fault: Some(FaultKind::Slow), ..Verdict::OK };
            self.tell_fault(&verdict, code, lba);
        }
        self.kernel.set_cause(cause);
        let submitted_at = self.kernel.now();
        let command = InFlight {
            pair,
            host,
            cookie,
            tag,
            work,
            refused,
            parked: false,
            submitted_at,
            submitted,
        };
        let token = self.state.borrow_mut().slots.insert(command);
        self.kernel.schedule(submitted_at.saturating_add(latency), self.owner(), token);
        true
    }

    fn owner(&self) -> OwnerId {
        *self.owner.get().expect("a disk is attached when it is made")
    }

    fn draw_latency(&self, rng: &mut Rng, code: OpCode, factor: u32) -> Nanos {
        let (min, max) = match code {
            OpCode::Read | OpCode::Identify => self.config.read,
            OpCode::Write | OpCode::WriteZeroes | OpCode::WriteUncorrectable => self.config.write,
            OpCode::Flush => self.config.flush,
        };
        rng.nanos(min, max).saturating_mul(u64::from(factor))
    }

    pub(super) fn outstanding(&self, pair: u32) -> u16 {
        self.state.borrow().pairs.outstanding(pair)
    }

    pub(super) fn poll_completion(&self, pair: u32, cx: &Context<'_>) -> Poll<Completion> {
        {
            let mut state = self.state.borrow_mut();
            let entry = state.pairs.get(pair);
            if let Some(completion) = entry.completions.pop_front() {
                entry.outstanding -= 1;
                return Poll::Ready(completion);
            }
            entry.consumer = Some(self.kernel.wake_ref(cx));
        }
        let which = u64::from(self.id.get());
        self.kernel.waits_for(Wait { what: "a completion from disk", which });
        Poll::Pending
    }

    /// Ends a queue pair: each command in flight was executed, or not, or for some of its blocks.
    pub(super) fn close(&self, pair: u32) {
        let cause = self.kernel.cause();
        let tokens = self.state.borrow().slots.tokens(|command| command.pair == pair);
        for token in tokens {
            let ended = {
                let state = &mut *self.state.borrow_mut();
                state.slots.remove(token).map(|command| {
                    let prefix = state.draw_prefix(&command, self.config.blocks);
                    let executed = state.execute(&command.work, prefix);
                    (command, executed)
                })
            };
            let Some((command, executed)) = ended else { continue };
            self.tell_executed(&command, &executed);
            self.kernel.set_cause(command.submitted);
            self.kernel.emit(
                None,
                &CommandAborted {
                    disk: self.id,
                    host: command.host,
                    cookie: command.cookie,
                    op: command.work.code(),
                    lba: command.work.range().0,
                    executed: executed.changed,
                },
            );
        }
        self.kernel.set_cause(cause);
        self.state.borrow_mut().pairs.close(pair);
    }

    /// Ends now whatever is in flight from `host` (from everybody, if `None`): each command was
    /// executed or not. `tell` is given their number and writes the record that led to it.
    pub(super) fn end_in_flight(
        &self,
        host: Option<NodeId>,
        fault: FaultKind,
        tell: impl FnOnce(u32) -> Seq,
    ) {
        let tokens = {
            let state = self.state.borrow();
            state.slots.tokens(|command| host.is_none_or(|host| host == command.host))
        };
        let cause = tell(tokens.len() as u32);
        for token in tokens {
            let ended = {
                let state = &mut *self.state.borrow_mut();
                state.slots.remove(token).map(|command| {
                    // What went with a device that was taken away can't be seen on its successor.
                    let executes = fault != FaultKind::Replaced
                        && state.may_execute(&command, self.config.blocks)
                        && state.chance.below(2) == 1;
                    let status = match fault {
                        FaultKind::Disconnected => Status::HostPath,
                        _ if state.chance.below(2) == 1 => Status::AbortQueue,
                        _ => Status::InvalidNamespace,
                    };
                    let verdict = Verdict { status, executed: executes, fault: Some(fault) };
                    let executed = state.execute_whole(&command, &verdict);
                    (command, verdict, executed)
                })
            };
            self.kernel.set_cause(cause);
            if let Some((command, verdict, executed)) = ended {
                self.finish(&command, &verdict, executed);
            }
        }
        self.kernel.set_cause(cause);
    }

    /// Lets commands that hung go on, those that don't hang for another reason.
    pub(super) fn release(&self) -> u32 {
        let released = {
            let state = &mut *self.state.borrow_mut();
            let faults = &state.faults;
            let goes_on = |command: &InFlight| command.parked && !faults.hangs(command.work.code());
            let tokens = state.slots.tokens(goes_on);
            let factor = faults.slow_factor();
            let mut released = Vec::with_capacity(tokens.len());
            for token in tokens {
                let Some(command) = state.slots.get(token) else { continue };
                command.parked = false;
                let code = command.work.code();
                released.push((token, self.draw_latency(&mut state.latency, code, factor)));
            }
            released
        };
        for (token, latency) in &released {
            self.kernel.schedule(self.kernel.now().saturating_add(*latency), self.owner(), *token);
        }
        released.len() as u32
    }

    /// A command is over: tells the trace what it did, and its host how it ended. What runs now is
    /// the cause of a fault that landed on it; its submission is the cause of all else.
    fn finish(&self, command: &InFlight, verdict: &Verdict, executed: Executed) {
        let (kernel, code) = (&self.kernel, command.work.code());
        if verdict.fault.is_some() {
            self.tell_fault(verdict, code, command.work.range().0);
        }
        self.tell_executed(command, &executed);
        kernel.set_cause(command.submitted);
        kernel.emit(
            None,
            &CommandCompleted {
                disk: self.id,
                host: command.host,
                cookie: command.cookie,
                op: code,
                status: verdict.status,
                latency: kernel.now() - command.submitted_at,
            },
        );
        let consumer = {
            let mut state = self.state.borrow_mut();
            let pair = state.pairs.get(command.pair);
            pair.completions.push_back(Completion {
                cookie: command.cookie,
                status: verdict.status,
                data: executed.data,
            });
            pair.consumer.take()
        };
        if let Some(consumer) = consumer {
            kernel.wake(consumer);
        }
    }

    fn tell_fault(&self, verdict: &Verdict, op: OpCode, lba: u64) {
        let Some(fault) = verdict.fault else { return };
        let (status, executed) = (verdict.status, verdict.executed);
        self.kernel.emit(None, &CommandFaulted { disk: self.id, fault, op, lba, status, executed });
    }

    fn tell_executed(&self, command: &InFlight, executed: &Executed) {
        if executed.changed == 0 {
            return;
        }
        let (disk, lba) = (self.id, command.work.range().0);
        self.kernel.set_cause(command.submitted);
        let changed = MediaWritten { disk, lba, blocks: executed.changed, tag: command.tag };
        self.kernel.emit(None, &changed);
        if executed.remapped > 0 {
            self.kernel.emit(None, &SectorRemapped { disk, lba, count: executed.remapped });
        }
    }
}

impl Device for Engine {
    fn fire(&self, token: u64) {
        let ended = {
            let state = &mut *self.state.borrow_mut();
            let Some(command) = state.slots.get(token) else { return };
            if command.refused.is_none() && state.faults.hangs(command.work.code()) {
                command.parked = true;
                let (code, lba) = (command.work.code(), command.work.range().0);
                Err((command.submitted, code, lba))
            } else {
                let command = state.slots.remove(token).expect("the token was just looked up");
                let verdict = state.judge(&command, self.config.blocks);
                let executed = state.execute_whole(&command, &verdict);
                Ok((command, verdict, executed))
            }
        };
        match ended {
            Ok((command, verdict, executed)) => {
                self.kernel.set_cause(command.submitted);
                self.finish(&command, &verdict, executed);
            }
            Err((submitted, code, lba)) => {
                self.kernel.set_cause(submitted);
                let fault = Some(FaultKind::Hang);
                self.tell_fault(&Verdict::refused(Status::Success, fault), code, lba);
            }
        }
    }
}

impl State {
    /// What becomes of a command that is due.
    fn judge(&mut self, command: &InFlight, capacity: u64) -> Verdict {
        if let Some((fault, status)) = command.refused {
            return Verdict::refused(status, Some(fault));
        }
        if !is_in_range(&command.work, capacity) {
            return Verdict::refused(Status::LbaRange, None);
        }
        let (lba, blocks) = command.work.range();
        let verdict = self.faults.judge(command.work.code(), lba, blocks, &mut self.chance);
        let is_read = command.work.code() == OpCode::Read;
        if is_read && verdict.status == Status::Success && self.media.is_lost(lba, blocks) {
            return Verdict::refused(Status::UnrecoveredRead, None);
        }
        verdict
    }

    /// Whether a command that ends early may have been executed.
    fn may_execute(&self, command: &InFlight, capacity: u64) -> bool {
        command.refused.is_none()
            && command.work.code().changes_media()
            && is_in_range(&command.work, capacity)
            && !self.faults.is_read_only()
    }

    /// How many of its blocks an aborted command got to: none, all, or anything between.
    fn draw_prefix(&mut self, command: &InFlight, capacity: u64) -> u32 {
        if !self.may_execute(command, capacity) {
            return 0;
        }
        let (_, blocks) = command.work.range();
        match self.chance.below(3) {
            0 => 0,
            1 => blocks,
            _ => self.chance.between(0, u64::from(blocks)) as u32,
        }
    }

    fn execute_whole(&mut self, command: &InFlight, verdict: &Verdict) -> Executed {
        let (_, blocks) = command.work.range();
        let mut executed = self.execute(&command.work, if verdict.executed { blocks } else { 0 });
        if verdict.status != Status::Success {
            executed.data = Payload::empty();
        }
        executed
    }

    /// Executes the first `count` blocks of a command.
    fn execute(&mut self, work: &Work, count: u32) -> Executed {
        let mut executed = Executed { data: Payload::empty(), changed: 0, remapped: 0 };
        let Work::Io(op) = work else { return executed };
        if count == 0 {
            return executed;
        }
        match op {
            Op::Read { lba, .. } => executed.data = self.media.read(*lba, count),
            Op::Write { lba, data, .. } => {
                self.media.write(*lba, data, count);
                executed.changed = count;
                executed.remapped = self.faults.rewritten(*lba, count);
            }
            Op::WriteZeroes { lba, .. } => {
                self.media.zero(*lba, count);
                executed.changed = count;
                executed.remapped = self.faults.rewritten(*lba, count);
            }
            Op::WriteUncorrectable { lba, .. } => {
                self.media.lose(*lba, count);
                executed.changed = count;
            }
            Op::Flush => {}
        }
        executed
    }

    /// Puts a blank device in the place of this one.
    pub(super) fn replace(&mut self) {
        self.media = Media::default();
        self.faults.heal();
        self.serial += 1;
    }
}

/// The serial number of the first device in a disk's place; each that replaces it counts up.
fn first_serial(id: DiskId) -> u64 {
    (u64::from(id.get()) + 1) << 32 | 1
}

fn is_in_range(work: &Work, capacity: u64) -> bool {
    if matches!(work.code(), OpCode::Flush | OpCode::Identify) {
        return true;
    }
    let (lba, blocks) = work.range();
    blocks > 0 && lba.checked_add(u64::from(blocks)).is_some_and(|end| end <= capacity)
}
