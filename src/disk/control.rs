//! The door for tests and the world: makes a namespace, breaks and heals it, looks at its medium.
//!
//! Faults are overlays: what the medium holds is only ever changed by commands, by
//! [`Namespace::replace`] and by [`Namespace::raw_write`].

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use crate::base::Block;
use crate::base::DiskId;
use crate::base::NodeId;
use crate::base::Odds;
use crate::sim::Kernel;

use super::config::DiskConfig;
use super::engine::Engine;
use super::port::Drive;
use super::port::Identity;
use super::records::BadSectorInserted;
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
    engine: Rc<Engine>,
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

    /// Makes commands of `ops` fail with `status` by chance, before or after they are executed.
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
        self.inject_random_failure(OpMask::ALL, Odds::ALWAYS, status, Phase::Before)
    }

    /// Makes the next `count` (at least 1) commands of `ops` that are due fail with `status`,
    /// unexecuted.
    pub fn fail_next(&self, ops: OpMask, count: u32, status: Status) -> FaultId {
        check_error(status);
        assert!(count > 0, "fail_next of no command");
        self.engine.kernel.emit(None, &FailNextSet { disk: self.engine.id, ops, count, status });
        self.add(Fault::FailNext { ops, count, status })
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

    fn add(&self, fault: Fault) -> FaultId {
        self.engine.state.borrow_mut().faults.add(fault)
    }

    /// Lifts one fault alone; whether it was still active.
    pub fn lift(&self, fault: FaultId) -> bool {
        let was_active = self.engine.state.borrow_mut().faults.lift(fault);
        let released = self.engine.release();
        if was_active {
            self.engine.kernel.emit(None, &FaultLifted { disk: self.engine.id, released });
        }
        was_active
    }

    /// Lifts all overlays: bad sectors, failures, read-only, slowness, hangs. What the medium holds was
    /// never touched by them. Paths that were cut and a namespace that is unplugged stay so.
    pub fn heal(&self) {
        self.engine.state.borrow_mut().faults.heal();
        let released = self.engine.release();
        self.engine.kernel.emit(None, &Healed { disk: self.engine.id, released });
    }

    /// Cuts the path between a client and the disk: the client's outstanding commands end with
    /// `HostPath` now, each executed or not; later ones end so unexecuted.
    pub fn disconnect_from_client(&self, client: NodeId) {
        let engine = &self.engine;
        engine.state.borrow_mut().faults.disconnect(client);
        engine.end_in_flight(Some(client), FaultKind::Disconnected, |ended| {
            engine.kernel.emit(None, &ClientDisconnected { disk: engine.id, client, ended })
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
        engine.end_in_flight(None, FaultKind::Unplugged, |ended| {
            engine.kernel.emit(None, &Unplugged { disk: engine.id, ended })
        });
    }

    /// Brings the namespace back with its contents.
    pub fn plug(&self) {
        self.engine.state.borrow_mut().faults.set_unplugged(false);
        self.engine.kernel.emit(None, &Plugged { disk: self.engine.id });
    }

    /// Puts a blank device with another serial number in the disk's place, healthy; outstanding
    /// commands end as in [`Namespace::unplug`]. Paths and plug stay as they are.
    pub fn replace(&self) {
        let engine = &self.engine;
        let serial = engine.state.borrow().serial + 1;
        engine.end_in_flight(None, FaultKind::Replaced, |ended| {
            engine.kernel.emit(None, &Replaced { disk: engine.id, serial, ended })
        });
        engine.state.borrow_mut().replace();
    }

    /// Whether the block was marked as lost and not written since.
    #[must_use]
    pub fn raw_is_lost(&self, lba: u64) -> bool {
        self.engine.state.borrow().media.is_lost(lba, 1)
    }

    /// What the medium holds at `lba`, under every overlay; zeroes beyond the end.
    #[must_use]
    pub fn raw_read(&self, lba: u64) -> Block {
        self.engine.state.borrow().media.block(lba)
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

    /// What is wrong with the disk now.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.engine.state.borrow().faults.active()
    }
}

fn check_error(status: Status) {
    assert!(status != Status::Success, "a fault that ends commands with success");
}
