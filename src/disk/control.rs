//! The door for tests and the world: makes a namespace, breaks and heals it, looks at its medium.
//!
//! Faults are overlays: what the medium holds is only ever changed by commands, by a power loss
//! ([`Namespace::power_loss`], [`Namespace::drop_cache`]), by [`Namespace::replace`], by
//! [`Namespace::restore_old_image`] and by [`Namespace::raw_write`]. Faults that the device doesn't tell of,
//! and those of its power, are in `sabotage.rs`.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use crate::base::Block;
use crate::base::DiskId;
use crate::base::Nanos;
use crate::base::NodeId;
use crate::base::Odds;
use crate::base::Seq;
use crate::sim::Kernel;
use crate::sim::Rng;

use super::backing::Backing;
use super::config::DiskConfig;
use super::engine::Engine;
use super::fault::Verdict;
use super::port::Drive;
use super::port::Identity;
use super::queue::InFlight;
use super::records::BadSectorBurst;
use super::records::BadSectorInserted;
use super::records::BrokenWith;
use super::records::ClientDisconnected;
use super::records::ClientReconnected;
use super::records::FailNextSet;
use super::records::FaultLifted;
use super::records::HangSet;
use super::records::Healed;
use super::records::Plugged;
use super::records::RandomFailureInjected;
use super::records::RawWritten;
use super::records::ReadOnlySet;
use super::records::Replaced;
use super::records::SlowSet;
use super::records::Unplugged;
use super::status::Status;

pub use super::command::OpMask;
pub use super::fault::{Fault, FaultId, FaultKind, Phase};

/// One disk, as tests and the world hold it. Clones share it.
///
/// Every method that injects a fault leaves a record of its own name; each command that the fault
/// lands on leaves a `disk.faulted`.
#[derive(Clone)]
pub struct Namespace {
    pub(super) engine: Rc<Engine>,
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({})", self.engine.id)
    }
}

impl Namespace {
    /// A blank disk, plugged in. Draws from the streams `disk.<id>.latency` and `disk.<id>.fault`.
    /// Panics where the configuration is out of range.
    #[must_use]
    pub fn new(kernel: &Kernel, id: DiskId, config: DiskConfig) -> Self {
        Self { engine: Engine::new(kernel, id, config) }
    }

    /// A disk whose blocks are kept by `backing`, and outlive the process. It has the backing's serial number, and no
    /// volatile cache.
    ///
    /// # Panics
    /// When the configuration makes no sense, or has a volatile cache.
    #[must_use]
    pub fn kept_by(
        kernel: &Kernel,
        id: DiskId,
        config: DiskConfig,
        backing: Box<dyn Backing>,
    ) -> Self {
        assert!(!config.volatile_cache, "what a backing holds is durable");
        let disk = Self::new(kernel, id, config);
        disk.engine.keep_by(backing);
        disk
    }

    /// The device door, for the node that holds the disk.
    #[must_use]
    pub fn drive(&self) -> Drive {
        Drive::new(self.engine.clone())
    }

    /// The disk.
    #[must_use]
    pub fn id(&self) -> DiskId {
        self.engine.id
    }

    /// What it was made with.
    #[must_use]
    pub fn config(&self) -> &DiskConfig {
        &self.engine.config
    }

    /// What the device says of itself, asked without a command.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.engine.identity()
    }

    /// Makes reads that cover any of `count` blocks from `block` on fail with `status`, until the
    /// block is rewritten. Blocks beyond the disk's end are left out.
    pub fn insert_bad_sector(&self, block: u64, count: u64, status: Status) -> FaultId {
        check_error(status);
        let (engine, end) = (&self.engine, self.engine.config.blocks);
        let id = engine.state.borrow_mut().faults.add_bad(block, count, end, status);
        engine.kernel.emit(None, &BadSectorInserted { disk: engine.id, lba: block, count, status });
        id
    }

    /// Makes `count` blocks (at least 1) among `span` from `block` on fail as
    /// [`Namespace::insert_bad_sector`] does, each from a time within `within` on.
    ///
    /// Latent errors come in bursts, near to each other in place and in time: of 1.53 million disks those
    /// with one error were far likelier to have a second, mostly close by (L. Bairavasundaram, G. Goodson,
    /// S. Pasupathy, J. Schindler, "An analysis of latent sector errors in disk drives", SIGMETRICS 2007).
    /// So the blocks are drawn as runs, each block of a run followed by the next with one chance in two.
    pub fn insert_bad_sector_burst(
        &self,
        block: u64,
        count: u64,
        (span, within): (u64, Nanos),
        status: Status,
    ) -> FaultId {
        check_error(status);
        assert!(count > 0 && count <= span, "a burst of {count} bad blocks among {span}");
        let (engine, end) = (&self.engine, self.engine.config.blocks);
        let now = engine.kernel.now();
        let id = {
            let state = &mut *engine.state.borrow_mut();
            let span = span.min(end.saturating_sub(block));
            let blocks = draw_burst(&mut state.silent_rng, span, count.min(span), within);
            let placed: Vec<(u64, Nanos)> =
                blocks.iter().map(|(at, after)| (block + at, now.saturating_add(*after))).collect();
            state.faults.add_burst(&placed, status)
        };
        let disk = engine.id;
        engine.kernel.emit(None, &BadSectorBurst { disk, lba: block, count, span, within, status });
        id
    }

    /// Makes commands of `ops` fail with `status` by chance, in this phase.
    pub fn inject_random_failure(
        &self,
        ops: OpMask,
        odds: Odds,
        status: Status,
        phase: Phase,
    ) -> FaultId {
        check_error(status);
        let (numerator, denominator) = (odds.numerator(), odds.denominator());
        let disk = self.engine.id;
        self.engine.kernel.emit(
            None,
            &RandomFailureInjected { disk, ops, numerator, denominator, status, phase },
        );
        self.add(Fault::RandomFailure { ops, odds, status, phase })
    }

    /// Makes every command fail with `status`, unexecuted.
    pub fn break_with(&self, status: Status) -> FaultId {
        check_error(status);
        self.engine.kernel.emit(None, &BrokenWith { disk: self.engine.id, status });
        self.add(Fault::Broken { status })
    }

    /// Makes the next `count` (at least 1) commands of `ops` that are due fail with `status` in this
    /// phase.
    pub fn fail_next(&self, ops: OpMask, count: u32, status: Status, phase: Phase) -> FaultId {
        check_error(status);
        assert!(count > 0, "fail_next of no command");
        let disk = self.engine.id;
        self.engine.kernel.emit(None, &FailNextSet { disk, ops, count, status, phase });
        self.add(Fault::FailNext { ops, count, status, phase })
    }

    /// Lets the disk take no write: each fails with `NamespaceWriteProtected`.
    pub fn read_only(&self) -> FaultId {
        self.engine.kernel.emit(None, &ReadOnlySet { disk: self.engine.id });
        self.add(Fault::ReadOnly)
    }

    /// Multiplies the latency of commands submitted from now on. `factor` is at least 1; of several
    /// the newest counts.
    pub fn slow(&self, factor: u32) -> FaultId {
        assert!(factor > 0, "a disk slowed by 0");
        self.engine.kernel.emit(None, &SlowSet { disk: self.engine.id, factor });
        self.add(Fault::Slow { factor })
    }

    /// Lets commands of `ops`, those in flight among them, never complete. They go on when the fault
    /// is lifted, and go down with their queue pair, their path or the namespace.
    pub fn hang(&self, ops: OpMask) -> FaultId {
        self.engine.kernel.emit(None, &HangSet { disk: self.engine.id, ops });
        self.add(Fault::Hang { ops })
    }

    pub(super) fn add(&self, fault: Fault) -> FaultId {
        self.engine.state.borrow_mut().faults.add(fault)
    }

    /// Lifts one fault alone; whether it was still active.
    pub fn lift(&self, fault: FaultId) -> bool {
        let was_active = {
            let state = &mut *self.engine.state.borrow_mut();
            // Not `||`: one fault may wait for commands and show in blocks at once.
            state.faults.lift(fault) | state.silent.lift(fault)
        };
        let released = self.engine.release();
        if was_active {
            self.engine.kernel.emit(None, &FaultLifted { disk: self.engine.id, released });
        }
        was_active
    }

    /// Lifts all overlays: bad sectors, failures, read-only, slowness, hangs, blocks that read wrong. What
    /// the medium holds was never touched by them. Paths that were cut and a namespace that is unplugged
    /// stay so.
    pub fn heal(&self) {
        {
            let mut state = self.engine.state.borrow_mut();
            state.faults.heal();
            state.silent.heal();
        }
        let released = self.engine.release();
        self.engine.kernel.emit(None, &Healed { disk: self.engine.id, released });
    }

    /// Cuts the path between a client and the disk: the client's outstanding commands end with
    /// `HostPath` now, each executed or not; later ones end so unexecuted.
    pub fn disconnect_from_client(&self, client: NodeId) {
        let engine = &self.engine;
        engine.state.borrow_mut().faults.disconnect(client);
        let of_client = |command: &InFlight| command.host == client;
        self.cut(of_client, FaultKind::Disconnected, |ended| {
            engine.kernel.emit(None, &ClientDisconnected { disk: engine.id, client, ended })
        });
    }

    /// Ends commands in flight: each was executed or not.
    fn cut(
        &self,
        which: impl Fn(&InFlight) -> bool,
        fault: FaultKind,
        tell: impl FnOnce(u32) -> Seq,
    ) {
        let engine = &self.engine;
        engine.end_in_flight(which, tell, |state, command| {
            // What went with a device that was taken away can't be seen on its successor.
            let executed = fault != FaultKind::Replaced
                && state.may_execute(command, &engine.config)
                && state.chance.below(2) == 1;
            let status = match fault {
                FaultKind::Disconnected => Status::HostPath,
                _ if state.chance.below(2) == 1 => Status::AbortQueue,
                _ => Status::InvalidNamespace,
            };
            let (_, blocks) = command.range;
            let verdict = Verdict::refused(status, Some(fault));
            (Verdict { executed, ..verdict }, if executed { blocks } else { 0 })
        });
    }

    /// Restores a client's path.
    pub fn reconnect_to_client(&self, client: NodeId) {
        self.engine.state.borrow_mut().faults.reconnect(client);
        self.engine.kernel.emit(None, &ClientReconnected { disk: self.engine.id, client });
    }

    /// Takes the namespace away: outstanding commands end with `InvalidNamespace` or `AbortQueue` now,
    /// each executed or not; later ones end with `InvalidNamespace`.
    pub fn unplug(&self) {
        let engine = &self.engine;
        engine.state.borrow_mut().faults.set_unplugged(true);
        self.cut(
            |_| true,
            FaultKind::Unplugged,
            |ended| engine.kernel.emit(None, &Unplugged { disk: engine.id, ended }),
        );
    }

    /// Brings the namespace back with its contents.
    pub fn plug(&self) {
        self.engine.state.borrow_mut().faults.set_unplugged(false);
        self.engine.kernel.emit(None, &Plugged { disk: self.engine.id });
    }

    /// Puts a blank device with another serial number in the disk's place, healthy; outstanding
    /// commands end as in [`Namespace::unplug`], and queue pairs with them. Paths and plug stay as they are.
    pub fn replace(&self) {
        let engine = &self.engine;
        let serial = engine.state.borrow().serial + 1;
        self.cut(
            |_| true,
            FaultKind::Replaced,
            |ended| engine.kernel.emit(None, &Replaced { disk: engine.id, serial, ended }),
        );
        let consumers = {
            let state = &mut *engine.state.borrow_mut();
            state.replace();
            state.take_consumers()
        };
        consumers.into_iter().for_each(|consumer| engine.kernel.wake(consumer));
    }

    /// Whether the block was marked as lost and not written since.
    #[must_use]
    pub fn raw_is_lost(&self, lba: u64) -> bool {
        self.engine.state.borrow().media.is_lost(lba, 1)
    }

    /// What the medium holds at `lba`, under every overlay, with what is only in the volatile cache; zeroes
    /// beyond the end.
    #[must_use]
    pub fn raw_read(&self, lba: u64) -> Block {
        self.engine.state.borrow().media.block(lba)
    }

    /// Of what time the medium's content is: as long as that stays, so does all that [`Self::raw_read`] shows.
    #[must_use]
    pub fn raw_version(&self) -> (u32, u64) {
        let state = self.engine.state.borrow();
        (state.life, state.media.changes())
    }

    /// Shows what the medium holds, under every overlay, block by block in order. Blocks that hold
    /// zeroes may be left out. `see` must not call back into the disk.
    pub fn raw_scan(&self, blocks: Range<u64>, see: impl FnMut(u64, &Block)) {
        self.engine.state.borrow().media.scan(blocks.start, blocks.end, see);
    }

    /// Changes a block behind everyone's back. Panics beyond the disk's end.
    pub fn raw_write(&self, lba: u64, block: Block) {
        assert!(lba < self.engine.config.blocks, "raw_write of block {lba}, beyond the disk's end");
        self.engine.state.borrow_mut().media.set(lba, block);
        self.engine.kernel.emit(None, &RawWritten { disk: self.engine.id, lba });
    }

    /// Whether a command was executed and its host has not heard of it, for its completion was lost or comes late: until
    /// that has come, or the host has aborted the command, the host waits, though nothing may be wrong with the disk any more.
    #[must_use]
    pub fn holds_answers(&self) -> bool {
        self.engine.state.borrow().slots.holds_answers()
    }

    /// What is wrong with the disk now.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let state = self.engine.state.borrow();
        let mut faults = state.faults.active();
        if !state.silent.is_empty() {
            faults.push(Fault::Corrupt { count: state.silent.len() as u64 });
        }
        faults
    }
}

/// The places of a burst among `span` blocks, each with its time.
fn draw_burst(rng: &mut Rng, span: u64, count: u64, within: Nanos) -> BTreeMap<u64, Nanos> {
    let mut burst = BTreeMap::new();
    while (burst.len() as u64) < count {
        let mut at = rng.below(span);
        // The next free place: every place is as likely to start a run, and none is drawn twice.
        while burst.contains_key(&at) {
            at = (at + 1) % span;
        }
        burst.insert(at, rng.nanos(Nanos::ZERO, within));
        while (burst.len() as u64) < count && at + 1 < span && rng.below(2) == 1 {
            at += 1;
            burst.entry(at).or_insert_with(|| rng.nanos(Nanos::ZERO, within));
        }
    }
    burst
}

fn check_error(status: Status) {
    assert!(status != Status::Success, "a fault that ends commands with success");
}
