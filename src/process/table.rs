//! What a machine has: its volumes, device files and exports, its running programs, and what is wrong with them. Runs none.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::base::{Nanos, NodeId, Rng};
use crate::sim::{Device, Kernel, NodeHandle, Queue, Signal as Changed};

use super::config::ProcessConfig;
use super::fault::{Aim, Fault, FaultId, resource_of};
use super::life::Process;
use super::records::{DeviceGone, DeviceSeen, ProcessFaulted, Program, TroubleKind};

/// A logical volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalVolume {
    /// Its size in KiB.
    pub size: u64,
    /// Where it is stored.
    pub pool: String,
}

/// What an event stream has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Observation {
    Appeared(String),
    Gone(String),
}

/// Draws how long things take: a stream for each kind, so that none moves another.
pub(super) struct Latencies {
    programs: BTreeMap<Program, Rng>,
    devices: Rng,
    opens: Rng,
    writes: Rng,
    /// Whether a program that is ended halfway has done what it was to do.
    pub(super) halfway: Rng,
}

/// One machine.
pub(super) struct Table {
    pub(super) kernel: Kernel,
    pub(super) node: NodeId,
    pub(super) config: ProcessConfig,
    pub(super) latencies: RefCell<Latencies>,
    pub(super) volumes: RefCell<BTreeMap<String, LogicalVolume>>,
    /// Device files that are there, each with how often it is open.
    devices: RefCell<BTreeMap<String, Rc<Cell<u32>>>>,
    pub(super) exports: RefCell<BTreeSet<String>>,
    pub(super) processes: RefCell<BTreeMap<u32, Rc<Process>>>,
    pub(super) faults: RefCell<Vec<Fault>>,
    /// Device files that would be there, were they not kept from appearing.
    held: RefCell<BTreeSet<String>>,
    listeners: RefCell<Vec<Queue<Observation>>>,
    /// Volumes in the order in which they were first named.
    names: RefCell<Vec<String>>,
    numbers: Cell<(u32, u32)>,
    /// How often something has met each fault, those among them that were lifted since.
    met: RefCell<BTreeMap<FaultId, u64>>,
    /// Something else is wrong now, or another device file is there.
    pub(super) changed: Changed,
}

/// The kernel's side of it: a machine that goes down forgets all but its volumes.
pub(super) struct Reset(pub(super) Rc<Table>);

impl Device for Reset {
    fn fire(&self, _token: u64) {}

    fn node_down(&self, node: NodeId) {
        let table = &self.0;
        if node == table.node {
            table.processes.borrow_mut().clear();
            table.devices.borrow_mut().clear();
            table.exports.borrow_mut().clear();
            table.held.borrow_mut().clear();
            table.listeners.borrow_mut().clear();
        }
    }
}

impl Table {
    pub(super) fn new(kernel: &Kernel, node: NodeId, config: ProcessConfig) -> Rc<Self> {
        let stream = |what: &str| kernel.stream(&format!("process.{}.{what}", node.get()));
        let programs = Program::ALL.iter().map(|it| (*it, stream(it.name())));
        let latencies = Latencies {
            programs: programs.collect(),
            devices: stream("device"),
            opens: stream("open"),
            writes: stream("write"),
            halfway: stream("halfway"),
        };
        let table = Rc::new(Self {
            kernel: kernel.clone(),
            node,
            config,
            latencies: RefCell::new(latencies),
            volumes: RefCell::default(),
            devices: RefCell::default(),
            exports: RefCell::default(),
            processes: RefCell::default(),
            faults: RefCell::default(),
            held: RefCell::default(),
            listeners: RefCell::default(),
            names: RefCell::default(),
            numbers: Cell::new((0, 0)),
            met: RefCell::default(),
            changed: Changed::new(kernel),
        });
        let _nothing_to_schedule = kernel.attach(Rc::new(Reset(table.clone())));
        table
    }

    /// The number of the next process.
    pub(super) fn next_pid(&self) -> u32 {
        let (pids, faults) = self.numbers.get();
        self.numbers.set((pids + 1, faults));
        pids + 1
    }

    /// Sets something wrong.
    pub(super) fn set(&self, kind: TroubleKind, aim: Aim, amount: u64) -> FaultId {
        let (pids, faults) = self.numbers.get();
        self.numbers.set((pids, faults + 1));
        let id = FaultId(faults + 1);
        self.faults.borrow_mut().push(Fault { id, kind, aim, amount });
        self.changed.notify();
        id
    }

    /// A volume's number in records; 0 for none.
    pub(super) fn number(&self, name: Option<&str>) -> u32 {
        let Some(name) = name else { return 0 };
        let mut names = self.names.borrow_mut();
        let known = names.iter().position(|known| known.eq_ignore_ascii_case(name));
        let at = known.unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        });
        at as u32 + 1
    }

    /// The newest fault of a kind that a run of a program meets, with its amount. Whoever asks has met it.
    pub(super) fn meets(&self, process: &Process, kind: TroubleKind) -> Option<u64> {
        let faults = self.faults.borrow();
        let hits = |fault: &&Fault| {
            fault.kind == kind && fault.aim.hits_run(process.program, process.about.as_deref())
        };
        let fault = faults.iter().rev().find(hits)?;
        self.met(process.pid, fault);
        Some(fault.amount)
    }

    /// Whether a device file meets a fault of a kind.
    pub(super) fn device_meets(&self, name: &str, kind: TroubleKind) -> bool {
        let faults = self.faults.borrow();
        let hits = |fault: &&Fault| fault.kind == kind && fault.aim.is_about(Some(name));
        let fault = faults.iter().rev().find(hits);
        fault.into_iter().for_each(|fault| self.met(0, fault));
        fault.is_some()
    }

    fn met(&self, pid: u32, fault: &Fault) {
        *self.met.borrow_mut().entry(fault.id).or_default() += 1;
        let (kind, fault) = (fault.kind, fault.id.0);
        self.kernel.emit(Some(self.node), &ProcessFaulted { pid, kind, fault });
    }

    /// How often something has met a fault.
    pub(super) fn times_met(&self, fault: FaultId) -> u64 {
        self.met.borrow().get(&fault).copied().unwrap_or(0)
    }

    /// How long a run of a program takes before it does anything.
    pub(super) fn latency(&self, program: Program) -> Nanos {
        let (min, max) = match program {
            Program::VolumeManager => self.config.volume_manager,
            Program::NvmeTarget => self.config.nvme_target,
            Program::EventStream => self.config.event_stream,
        };
        let mut latencies = self.latencies.borrow_mut();
        let rng = latencies.programs.get_mut(&program).expect("every program has a stream");
        rng.nanos(min, max)
    }

    pub(super) fn open_latency(&self) -> Nanos {
        let (min, max) = self.config.open;
        self.latencies.borrow_mut().opens.nanos(min, max)
    }

    pub(super) fn write_latency(&self) -> Nanos {
        let (min, max) = self.config.write;
        self.latencies.borrow_mut().writes.nanos(min, max)
    }

    /// A volume is there, or activated, or its machine has booted: its device file appears some time after.
    pub(super) fn activate(self: &Rc<Self>, handle: &NodeHandle, name: &str) {
        let (min, max) = self.config.device;
        let after = self.latencies.borrow_mut().devices.nanos(min, max);
        let (table, own, name) = (self.clone(), handle.clone(), name.to_owned());
        handle.spawn("process.device", async move {
            own.sleep(after).await;
            table.appear(name);
        });
    }

    fn appear(&self, name: String) {
        let is_there = self.devices.borrow().contains_key(&name);
        if is_there || !self.volumes.borrow().contains_key(&name) {
            return;
        }
        if self.device_meets(&name, TroubleKind::DeviceNeverAppears) {
            self.held.borrow_mut().insert(name);
            return;
        }
        if self.device_meets(&name, TroubleKind::DeviceDisappears) {
            return;
        }
        let volume = self.number(Some(&name));
        self.devices.borrow_mut().insert(name.clone(), Rc::default());
        self.kernel.emit(Some(self.node), &DeviceSeen { volume });
        self.tell(&Observation::Appeared(name));
        self.changed.notify();
    }

    /// A device file is gone, and what was exported of it with it.
    pub(super) fn vanish(&self, name: &str) -> bool {
        self.held.borrow_mut().remove(name);
        if self.devices.borrow_mut().remove(name).is_none() {
            return false;
        }
        self.exports.borrow_mut().remove(name);
        let volume = self.number(Some(name));
        self.kernel.emit(Some(self.node), &DeviceGone { volume });
        self.tell(&Observation::Gone(name.to_owned()));
        self.changed.notify();
        true
    }

    fn tell(&self, what: &Observation) {
        self.listeners.borrow().iter().for_each(|listener| listener.push(what.clone()));
    }

    /// Tells of what happens to device files from now on.
    pub(super) fn listen(&self) -> Queue<Observation> {
        let listener = Queue::new(&self.kernel);
        self.listeners.borrow_mut().push(listener.clone());
        listener
    }

    /// The device files that are there.
    pub(super) fn devices(&self) -> Vec<String> {
        self.devices.borrow().keys().cloned().collect()
    }

    /// How often a device file is open; none, if there is no such.
    pub(super) fn device(&self, name: &str) -> Option<Rc<Cell<u32>>> {
        self.devices.borrow().get(name).cloned()
    }

    /// Lets device files appear that nothing keeps from it any more.
    pub(super) fn release_devices(self: &Rc<Self>) {
        let held = self.held.take();
        if !self.kernel.is_up(self.node) {
            return;
        }
        let handle = self.kernel.handle(self.node);
        held.iter().for_each(|name| self.activate(&handle, name));
    }

    /// The volumes of a resource, or all.
    pub(super) fn volumes_of(&self, resource: Option<&str>) -> Vec<(String, LogicalVolume)> {
        let volumes = self.volumes.borrow();
        let is_of = |name: &str| {
            resource.is_none_or(|resource| resource_of(name).eq_ignore_ascii_case(resource))
        };
        let found = volumes.iter().filter(|(name, _)| is_of(name));
        found.map(|(name, volume)| (name.clone(), volume.clone())).collect()
    }
}

/// What keeps programs from going on, the worst first.
const STUCK: [TroubleKind; 3] =
    [TroubleKind::Unkillable, TroubleKind::IgnoreTerm, TroubleKind::Hang];
/// What ends an event stream's wait for something to tell.
const FELT_AT_ONCE: [TroubleKind; 4] =
    [TroubleKind::Unkillable, TroubleKind::IgnoreTerm, TroubleKind::Hang, TroubleKind::Exit];

impl Table {
    fn is_in_force(&self, process: &Process, kind: TroubleKind) -> bool {
        let faults = self.faults.borrow();
        let about = process.about.as_deref();
        faults.iter().any(|it| it.kind == kind && it.aim.hits_run(process.program, about))
    }

    /// What keeps a program from going on.
    pub(super) fn stuck(&self, process: &Process) -> Option<TroubleKind> {
        STUCK.into_iter().find(|kind| self.is_in_force(process, *kind))
    }

    /// Whether a program that waits for something to tell is to look up.
    pub(super) fn is_troubled(&self, process: &Process) -> bool {
        FELT_AT_ONCE.into_iter().any(|kind| self.is_in_force(process, kind))
    }

    /// Whether whoever opens a device file waits.
    pub(super) fn blocks_opening(&self, name: &str) -> bool {
        let faults = self.faults.borrow();
        let kind = TroubleKind::OpenBlocks;
        faults.iter().any(|it| it.kind == kind && it.aim.is_about(Some(name)))
    }
}
