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
use crate::sim::WakeRef;

use super::backing::Backing;
use super::cache::Cache;
use super::command::Completion;
use super::command::Op;
use super::command::OpCode;
use super::config::DiskConfig;
use super::execute::Executed;
use super::execute::LATE_FACTOR;
use super::execute::Setting;
use super::execute::refuses;
use super::fault::End;
use super::fault::FaultKind;
use super::fault::Faults;
use super::fault::Verdict;
use super::journal::Journal;
use super::media::Media;
use super::port::Standing;
use super::queue::InFlight;
use super::queue::Pairs;
use super::queue::Slots;
use super::queue::Work;
use super::records::CommandAborted;
use super::records::CommandCompleted;
use super::records::CommandFaulted;
use super::records::CommandSubmitted;
use super::records::SectorRemapped;
use super::silent::Silent;
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
    pub(super) silent: Silent,
    /// What is not on the medium for good, if the disk has a volatile cache.
    pub(super) cache: Option<Cache>,
    /// What the disk held before, if somebody may want it back.
    pub(super) journal: Option<Journal>,
    /// How often the device has lost its power or was replaced.
    pub(super) life: u32,
    /// What ended the queue pairs that are dead.
    pub(super) ended_by: FaultKind,
    /// While the controller is reset, when it will be ready.
    pub(super) ready_at: Nanos,
    pub(super) slots: Slots,
    pairs: Pairs,
    latency: Rng,
    pub(super) chance: Rng,
    pub(super) cache_rng: Rng,
    pub(super) silent_rng: Rng,
}

impl Engine {
    /// A blank disk, attached to the kernel.
    pub(super) fn new(kernel: &Kernel, id: DiskId, config: DiskConfig) -> Rc<Self> {
        config.check();
        let stream = |purpose: &str| kernel.stream(&format!("disk.{}.{purpose}", id.get()));
        let state = State {
            media: Media::default(),
            faults: Faults::default(),
            serial: first_serial(id),
            silent: Silent::default(),
            cache: config.volatile_cache.then(Cache::default),
            journal: None,
            life: 0,
            ended_by: FaultKind::PowerLost,
            ready_at: Nanos::ZERO,
            slots: Slots::default(),
            pairs: Pairs::default(),
            latency: stream("latency"),
            chance: stream("fault"),
            cache_rng: stream("cache"),
            silent_rng: stream("silent"),
        };
        let owner = OnceCell::new();
        let state = RefCell::new(state);
        let engine = Rc::new(Self { kernel: kernel.clone(), id, config, owner, state });
        let owner = kernel.attach(engine.clone());
        engine.owner.set(owner).expect("a disk is attached once");
        engine
    }

    /// Has the blocks kept elsewhere from now on.
    pub(super) fn keep_by(&self, backing: Box<dyn Backing>) {
        let state = &mut *self.state.borrow_mut();
        state.serial = backing.serial();
        state.media = Media::outside(backing, self.config.block_size);
    }

    pub(super) fn open(&self, host: NodeId) -> u32 {
        let state = &mut *self.state.borrow_mut();
        state.pairs.open(host, state.life)
    }

    /// Takes a command in; `false` if the queue pair is full.
    pub(super) fn submit(&self, pair: u32, cookie: u64, tag: u64, work: Work) -> bool {
        let code = work.code();
        let (lba, blocks) = work.range();
        let submitted_at = self.kernel.now();
        let (token, host, latency, slowed) = {
            let state = &mut *self.state.borrow_mut();
            let entry = state.pairs.get(pair);
            // An abort goes through the queue pair of the controller itself.
            if code != OpCode::Abort {
                if entry.outstanding >= self.config.queue_depth {
                    return false;
                }
                entry.outstanding += 1;
            }
            let host = entry.host;
            let factor = state.faults.slow_factor();
            let latency = self.draw_latency(&mut state.latency, &work, factor);
            let refused = state.refusal(pair, host, submitted_at);
            let token = state.slots.insert(InFlight {
                pair,
                host,
                cookie,
                tag,
                work,
                code,
                range: (lba, blocks),
                refused,
                parked: false,
                held: None,
                covers: state.cache.as_ref().map_or(0, Cache::next),
                submitted_at,
                // Known when it is written.
                submitted: 0,
            });
            (token, host, latency, state.faults.slow_lands())
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
        if let Some(command) = self.state.borrow_mut().slots.get(token) {
            command.submitted = submitted;
        }
        self.kernel.schedule(submitted_at.saturating_add(latency), self.owner(), token);
        true
    }

    fn owner(&self) -> OwnerId {
        *self.owner.get().expect("a disk is attached when it is made")
    }

    fn draw_latency(&self, rng: &mut Rng, work: &Work, factor: u32) -> Nanos {
        let (min, max) = match work {
            Work::Identify | Work::Abort(_) | Work::Io(Op::Read { .. } | Op::Compare { .. }) => {
                self.config.read
            }
            Work::Io(Op::Flush) => self.config.flush,
            Work::Io(
                Op::Write { fua: false, .. } | Op::WriteZeroes { .. } | Op::Deallocate { .. },
            ) if self.config.volatile_cache => self.config.cache_write,
            Work::Io(_) => self.config.write,
        };
        rng.nanos(min, max).saturating_mul(u64::from(factor))
    }

    pub(super) fn setting(&self) -> Setting<'_> {
        Setting { config: &self.config, now: self.kernel.now() }
    }

    pub(super) fn standing(&self, pair: u32) -> Standing {
        let state = &mut *self.state.borrow_mut();
        let life = state.life;
        match state.pairs.get(pair) {
            pair if pair.life != life => Standing::Dead,
            pair if pair.outstanding >= self.config.queue_depth => Standing::Full,
            _ => Standing::Open,
        }
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
                    let prefix = state.draw_prefix(&command, &self.config);
                    let executed = match prefix {
                        0 => Executed::nothing(),
                        _ => state.execute(&command, prefix, self.setting()),
                    };
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
                    op: command.code,
                    lba: command.range.0,
                    executed: executed.changed,
                },
            );
        }
        self.kernel.set_cause(cause);
        self.state.borrow_mut().pairs.close(pair);
    }

    /// Ends now those of the commands in flight that `which` picks; `tell` is given their number and
    /// writes the record that led to it. How each ends, and how much of it was done, `draw` says.
    pub(super) fn end_in_flight(
        &self,
        which: impl Fn(&InFlight) -> bool,
        tell: impl FnOnce(u32) -> Seq,
        draw: impl Fn(&mut State, &InFlight) -> (Verdict, u32),
    ) {
        let tokens = self.state.borrow().slots.tokens(which);
        let cause = tell(tokens.len() as u32);
        for token in tokens {
            let ended = {
                let state = &mut *self.state.borrow_mut();
                state.slots.remove(token).map(|command| {
                    let (verdict, count) = draw(state, &command);
                    let executed = match count {
                        0 => Executed::nothing(),
                        _ => state.execute(&command, count, self.setting()),
                    };
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

    /// The host asked for a command of a queue pair to be aborted: it ends now, in doubt, if it is there.
    fn abort(&self, pair: u32, cookie: u64) {
        let tell = |_| self.kernel.cause();
        let is_victim = |command: &InFlight| {
            command.pair == pair && command.cookie == cookie && !is_abort(command)
        };
        // A device that has executed a command doesn't find it any more.
        let which = |command: &InFlight| is_victim(command) && command.held.is_none();
        self.end_in_flight(which, tell, |state, command| {
            let count = state.draw_prefix(command, &self.config);
            let verdict = Verdict::refused(Status::AbortRequested, Some(FaultKind::Abort));
            (Verdict { executed: count > 0, ..verdict }, count)
        });
    }

    /// Lets commands that hung go on, those that don't hang for another reason.
    pub(super) fn release(&self) -> u32 {
        let released = {
            let state = &mut *self.state.borrow_mut();
            let faults = &state.faults;
            let goes_on = |command: &InFlight| {
                command.parked && command.held.is_none() && !faults.hangs(command.code)
            };
            let tokens = state.slots.tokens(goes_on);
            let factor = faults.slow_factor();
            let mut released = Vec::with_capacity(tokens.len());
            for token in tokens {
                let Some(command) = state.slots.get(token) else { continue };
                command.parked = false;
                let work = &command.work;
                released.push((token, self.draw_latency(&mut state.latency, work, factor)));
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
        self.tell_what_was_done(command, verdict, &executed);
        let twice = verdict.end == End::Twice;
        self.complete(&Issue::of(command), verdict.status, executed.data, twice);
    }

    fn tell_what_was_done(&self, command: &InFlight, verdict: &Verdict, executed: &Executed) {
        if verdict.fault.is_some() {
            self.tell_fault(verdict, command.code, command.range.0);
        }
        self.tell_executed(command, executed);
    }

    fn complete(&self, issue: &Issue, status: Status, data: Payload, twice: bool) {
        let kernel = &self.kernel;
        let Issue { pair, host, cookie, code, submitted_at, submitted, .. } = *issue;
        kernel.set_cause(submitted);
        let latency = kernel.now() - submitted_at;
        kernel.emit(
            None,
            &CommandCompleted { disk: self.id, host, cookie, op: code, status, latency },
        );
        if code == OpCode::Abort {
            return;
        }
        let consumer = {
            let mut state = self.state.borrow_mut();
            let pair = state.pairs.get(pair);
            let completion = Completion { cookie, status, data };
            pair.post_again();
            pair.again = twice.then(|| completion.clone());
            pair.completions.push_back(completion);
            pair.consumer.take()
        };
        if let Some(consumer) = consumer {
            kernel.wake(consumer);
        }
    }

    /// A command was executed, and its host isn't told, or not yet.
    fn hold(&self, mut command: InFlight, verdict: &Verdict, executed: Executed) {
        self.tell_what_was_done(&command, verdict, &executed);
        command.held = Some(Box::new((verdict.status, executed.data)));
        command.parked = true;
        let (token, latency) = {
            let state = &mut *self.state.borrow_mut();
            let factor = state.faults.slow_factor().saturating_mul(LATE_FACTOR);
            let latency = self.draw_latency(&mut state.silent_rng, &command.work, factor);
            (state.slots.insert(command), latency)
        };
        if verdict.end == End::Late {
            self.kernel.schedule(self.kernel.now().saturating_add(latency), self.owner(), token);
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
        let (disk, lba) = (self.id, command.range.0);
        self.kernel.set_cause(command.submitted);
        let changed = MediaWritten { disk, lba, blocks: executed.changed, tag: command.tag };
        self.kernel.emit(None, &changed);
        if executed.remapped > 0 {
            self.kernel.emit(None, &SectorRemapped { disk, lba, count: executed.remapped });
        }
    }
}

/// What is to be done about a command that is due.
enum Due {
    Hangs(Seq, OpCode, u64),
    Ends(InFlight, Verdict, Executed),
    /// Its completion comes late.
    Comes(InFlight, Status, Payload),
    Aborts(InFlight, u64),
}

impl Engine {
    fn take_due(&self, token: u64) -> Option<Due> {
        let state = &mut *self.state.borrow_mut();
        let command = state.slots.get(token)?;
        if command.held.is_some() {
            let mut command = state.slots.remove(token)?;
            let (status, data) = *command.held.take()?;
            return Some(Due::Comes(command, status, data));
        }
        if command.refused.is_none() && state.faults.hangs(command.code) {
            command.parked = true;
            let (code, lba) = (command.code, command.range.0);
            return Some(Due::Hangs(command.submitted, code, lba));
        }
        let command = state.slots.remove(token)?;
        if let (Work::Abort(victim), None) = (&command.work, command.refused) {
            let victim = *victim;
            return Some(Due::Aborts(command, victim));
        }
        let verdict = state.judge(&command, self.setting());
        let executed = state.execute_whole(&command, &verdict, self.setting());
        Some(Due::Ends(command, verdict, executed))
    }
}

/// What a command's end is told by.
#[derive(Clone, Copy)]
struct Issue {
    pair: u32,
    host: NodeId,
    cookie: u64,
    tag: u64,
    code: OpCode,
    submitted_at: Nanos,
    submitted: Seq,
}

impl Issue {
    fn of(command: &InFlight) -> Self {
        Self {
            pair: command.pair,
            host: command.host,
            cookie: command.cookie,
            tag: command.tag,
            code: command.code,
            submitted_at: command.submitted_at,
            submitted: command.submitted,
        }
    }
}

impl Engine {
    /// Executes a read or a write that is due on a device that nothing is wrong with, as nearly all are. Does
    /// for it what [`Engine::take_due`] does for any, in fewer steps; says whether it was one.
    fn fire_plain(&self, token: u64) -> bool {
        let (issue, lba, changed, data) = {
            let state = &mut *self.state.borrow_mut();
            let is_sound = state.is_sound();
            let Some(command) = state.slots.get(token) else { return false };
            let is_plain = command.refused.is_none() && command.held.is_none();
            if !is_sound || !is_plain || refuses(command, &self.config).is_some() {
                return false;
            }
            let (lba, blocks) = command.range;
            let (changed, data) = match &command.work {
                Work::Io(Op::Write { data, .. }) => {
                    state.media.write(lba, data, blocks);
                    (blocks, Payload::empty())
                }
                Work::Io(Op::Read { .. }) if !state.media.is_lost(lba, blocks) => {
                    (0, state.media.read(lba, blocks))
                }
                _ => return false,
            };
            let issue = Issue::of(command);
            state.slots.free(token);
            (issue, lba, changed, data)
        };
        if changed > 0 {
            self.kernel.set_cause(issue.submitted);
            let (disk, tag) = (self.id, issue.tag);
            self.kernel.emit(None, &MediaWritten { disk, lba, blocks: changed, tag });
        }
        self.complete(&issue, Status::Success, data, false);
        true
    }

    #[cold]
    fn fire_any(&self, token: u64) {
        match self.take_due(token) {
            None => {}
            Some(Due::Ends(command, verdict, executed)) => {
                self.kernel.set_cause(command.submitted);
                if verdict.is_held() {
                    self.hold(command, &verdict, executed);
                } else {
                    self.finish(&command, &verdict, executed);
                }
            }
            Some(Due::Hangs(submitted, code, lba)) => {
                self.kernel.set_cause(submitted);
                let fault = Some(FaultKind::Hang);
                self.tell_fault(&Verdict::refused(Status::Success, fault), code, lba);
            }
            Some(Due::Comes(command, status, data)) => {
                self.complete(&Issue::of(&command), status, data, false);
            }
            Some(Due::Aborts(command, victim)) => {
                self.kernel.set_cause(command.submitted);
                self.abort(command.pair, victim);
                let issue = Issue::of(&command);
                self.complete(&issue, Status::Success, Payload::empty(), false);
            }
        }
    }
}

impl Device for Engine {
    fn fire(&self, token: u64) {
        if !self.fire_plain(token) {
            self.fire_any(token);
        }
    }
}

fn is_abort(command: &InFlight) -> bool {
    command.code == OpCode::Abort
}

impl State {
    /// Whether no fault can meet a command, and nobody wants back what one replaces.
    fn is_sound(&self) -> bool {
        self.faults.is_quiet()
            && self.silent.is_empty()
            && self.cache.is_none()
            && self.journal.is_none()
    }

    /// Puts a blank device in the place of this one.
    pub(super) fn replace(&mut self) {
        self.media = Media::default();
        self.silent.heal();
        self.faults.heal();
        if let Some(cache) = &mut self.cache {
            cache.clear();
        }
        self.journal = self.journal.take().map(|journal| Journal::new(journal.span()));
        self.serial += 1;
        self.life += 1;
        self.ended_by = FaultKind::Replaced;
    }

    /// Whether a queue pair is older than the last loss of power.
    pub(super) fn is_dead(&mut self, pair: u32) -> bool {
        self.pairs.get(pair).life != self.life
    }

    /// Takes out whoever waits for a completion.
    pub(super) fn take_consumers(&mut self) -> Vec<WakeRef> {
        self.pairs.consumers().collect()
    }

    /// Why a command submitted now will not reach the device.
    fn refusal(&mut self, pair: u32, host: NodeId, now: Nanos) -> Option<(FaultKind, Status)> {
        if self.pairs.get(pair).life != self.life {
            return Some((self.ended_by, Status::AbortQueue));
        }
        if now < self.ready_at {
            return Some((FaultKind::Reset, Status::NamespaceNotReady));
        }
        self.faults.refusal(host)
    }
}

/// The serial number of the first device in a disk's place; each that replaces it counts up.
fn first_serial(id: DiskId) -> u64 {
    (u64::from(id.get()) + 1) << 32 | 1
}
