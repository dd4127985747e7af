//! The door for tests and the world: makes a machine, has its programs and device files go wrong and right again, looks at
//! what is truly there.
//!
//! Faults are overlays, aimed at a program or a resource. Each leaves a record of its own name where it is set, and a
//! `process.faulted` wherever something meets it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use crate::base::NodeId;
use crate::sim::Kernel;

use super::config::ProcessConfig;
use super::port::Host;
use super::records::{
    DeviceFilesVanish, DeviceNeverAppears, OpensBlock, OutputFloods, OutputGarbled, Program,
    ProgramsExit, ProgramsHang, ProgramsIgnoreTerm, ProgramsSlow, ProgramsUnkillable, TroubleKind,
    TroubleLifted,
};
use super::table::Table;

pub use super::fault::{Aim, FaultId};
pub use super::table::LogicalVolume;

/// One machine, as tests and the world hold it. Clones share it.
#[derive(Clone)]
pub struct Machine(Rc<Table>);

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Machine({})", self.0.node)
    }
}

/// Defines the methods that set something wrong, with their records.
macro_rules! troubles {
    ($($(#[$doc:meta])* pub fn $name:ident($($amount:ident: $type:ty)?) = $kind:ident, $record:ident;)*) => {
        impl Machine {$(
            $(#[$doc])*
            pub fn $name(&self, aim: Aim $(, $amount: $type)?) -> FaultId {
                let amount = 0 $(+ u64::from($amount))?;
                let id = self.0.set(TroubleKind::$kind, aim.clone(), amount);
                let (node, program, fault) = (self.0.node, aim.program, id.0);
                let volume = self.0.number(aim.resource.as_deref());
                self.0.kernel.emit(None, &$record { node, fault, program, volume, amount });
                id
            }
        )*}
    };
}

troubles! {
    /// Programs stand still, until SIGTERM ends them or the fault is lifted.
    pub fn hang() = Hang, ProgramsHang;
    /// Programs stand still, and SIGTERM does not end them.
    pub fn ignore_term() = IgnoreTerm, ProgramsIgnoreTerm;
    /// Programs stand still in the kernel, and nothing ends them before the fault is lifted; then a signal that came is
    /// heeded.
    pub fn unkillable() = Unkillable, ProgramsUnkillable;
    /// Programs write so many bytes more, before all else that they have to say.
    pub fn flood(bytes: u64) = Flood, OutputFloods;
    /// What programs write is garbage.
    pub fn garble() = Garble, OutputGarbled;
    /// Programs do nothing and exit with this code.
    pub fn exit(code: u8) = Exit, ProgramsExit;
    /// Programs take so many times as long.
    pub fn slow(factor: u32) = Slow, ProgramsSlow;
    /// Device files that are to appear do not, before the fault is lifted.
    pub fn device_never_appears() = DeviceNeverAppears, DeviceNeverAppears;
    /// Whoever opens a device file waits until the fault is lifted.
    pub fn open_blocks() = OpenBlocks, OpensBlock;
}

impl Machine {
    /// A machine without volumes, of this node.
    #[must_use]
    pub fn new(kernel: &Kernel, node: NodeId, config: ProcessConfig) -> Self {
        Self(Table::new(kernel, node, config))
    }

    /// The door for the node that runs on it.
    #[must_use]
    pub fn host(&self) -> Host {
        Host(self.0.clone())
    }

    /// The node that runs on it.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.0.node
    }

    /// Device files that are there vanish, and with them what is exported of them; they do not come back before the fault
    /// is lifted and somebody activates their volumes.
    pub fn device_disappears(&self, aim: Aim) -> FaultId {
        let id = self.0.set(TroubleKind::DeviceDisappears, aim.clone(), 0);
        let (node, program, fault) = (self.0.node, aim.program, id.0);
        let volume = self.0.number(aim.resource.as_deref());
        let record = DeviceFilesVanish { node, fault, program, volume, amount: 0 };
        self.0.kernel.emit(None, &record);
        for name in self.0.devices() {
            if self.0.device_meets(&name, TroubleKind::DeviceDisappears) {
                self.0.vanish(&name);
            }
        }
        id
    }

    /// Lifts a fault. Whether it was in force.
    pub fn lift(&self, fault: FaultId) -> bool {
        let mut faults = self.0.faults.borrow_mut();
        let Some(at) = faults.iter().position(|it| it.id == fault) else { return false };
        let kind = faults.remove(at).kind;
        drop(faults);
        let (node, fault) = (self.0.node, fault.0);
        self.0.kernel.emit(None, &TroubleLifted { node, kind, fault });
        if kind == TroubleKind::DeviceNeverAppears {
            self.0.release_devices();
        }
        self.0.changed.notify();
        true
    }

    /// Lifts all that is wrong.
    pub fn heal(&self) {
        let faults: Vec<FaultId> = self.0.faults.borrow().iter().map(|it| it.id).collect();
        faults.into_iter().for_each(|fault| {
            self.lift(fault);
        });
    }

    /// How often something has met a fault, whether it is in force or no longer.
    #[must_use]
    pub fn met(&self, fault: FaultId) -> u64 {
        self.0.times_met(fault)
    }

    /// How many faults are in force.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.0.faults.borrow().len()
    }

    /// The disks that hold its volumes are others, and blank.
    pub fn wipe(&self) {
        for name in self.0.devices() {
            self.0.vanish(&name);
        }
        self.0.volumes.borrow_mut().clear();
    }

    /// Takes a device file away once: nothing keeps it from coming back.
    pub fn remove_device(&self, name: &str) -> bool {
        self.0.vanish(name)
    }

    /// The logical volumes that there truly are.
    #[must_use]
    pub fn volumes(&self) -> BTreeMap<String, LogicalVolume> {
        self.0.volumes.borrow().clone()
    }

    /// What is truly exported.
    #[must_use]
    pub fn exports(&self) -> BTreeSet<String> {
        self.0.exports.borrow().clone()
    }

    /// The device files that there truly are.
    #[must_use]
    pub fn devices(&self) -> Vec<String> {
        self.0.devices()
    }

    /// The processes in the table, those among them that are over and that nobody has waited for.
    #[must_use]
    pub fn processes(&self) -> Vec<(u32, Program, bool)> {
        let processes = self.0.processes.borrow();
        let all = processes.values().map(|it| (it.pid, it.program, it.status().is_some()));
        all.collect()
    }
}
