//! What the tasks of a satellite share: what it is to have, and how each resource stands. Runs no program.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::base::Nanos;
use crate::node::control::Rows;
use crate::process::port::Os;
use crate::sim::{NodeHandle, Queue, Signal};

use super::goal::{Goal, goals};
use super::problem::Problem;
use super::resource::{self, Resource};
use super::timing::SatelliteTiming;

/// How a resource stands on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is being brought about, or done away with.
    Deploying,
    /// It is as it is to be.
    Deployed,
    /// It could not be brought about, and is tried again later.
    Failed,
}

impl Stage {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deploying => "being deployed",
            Self::Deployed => "deployed",
            Self::Failed => "failed",
        }
    }
}

/// The same, with the report of what went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How it stands.
    pub stage: Stage,
    /// What the report of its last failure is known by, for as long as it has not been brought about since.
    pub report: Option<String>,
}

/// How all resources of a satellite stand, by their keys.
pub type Standings = BTreeMap<String, Standing>;

/// Something went wrong.
pub(super) struct Mishap {
    /// Of which resource; none, if of none.
    pub(super) resource: Option<Rc<Resource>>,
    pub(super) problem: Problem,
}

/// A satellite.
pub(super) struct Agent {
    pub(super) handle: NodeHandle,
    pub(super) os: Os,
    pub(super) timing: SatelliteTiming,
    /// The controller whose satellite it is: the number of its connection, and its term.
    controller: Cell<(u64, u64)>,
    /// The version of the last full sync. None, before there was one.
    synced: Cell<Option<u64>>,
    resources: RefCell<BTreeMap<String, Rc<Resource>>>,
    /// What is to be reported.
    pub(super) mishaps: Queue<Mishap>,
    /// A resource stands otherwise than before, or there has been a full sync: how often so far.
    revision: Cell<u64>,
    pub(super) changed: Signal,
    /// With a planted bug: whether a resource has its turn, and until when all are put off.
    pub(super) turn: Cell<bool>,
    pub(super) put_off: Cell<Nanos>,
}

impl Agent {
    pub(super) fn new(handle: &NodeHandle, os: Os, timing: SatelliteTiming) -> Rc<Self> {
        Rc::new(Self {
            handle: handle.clone(),
            os,
            timing,
            controller: Cell::default(),
            synced: Cell::new(None),
            resources: RefCell::default(),
            mishaps: Queue::new(handle.kernel()),
            revision: Cell::new(0),
            changed: Signal::new(handle.kernel()),
            turn: Cell::new(false),
            put_off: Cell::new(Nanos::ZERO),
        })
    }

    /// How often something about the resources has changed.
    pub(super) fn revision(&self) -> u64 {
        self.revision.get()
    }

    /// Something about the resources has changed.
    pub(super) fn tell(&self) {
        self.revision.set(self.revision.get() + 1);
        self.changed.notify();
    }

    /// A controller of this term says that it is its satellite. If no later one has done so, it is, from now on, by this
    /// connection alone: what comes back is its number.
    pub(super) fn belong_to(&self, term: u64) -> Option<u64> {
        let (last, latest) = self.controller.get();
        (term >= latest).then(|| {
            self.controller.set((last + 1, term));
            self.changed.notify();
            last + 1
        })
    }

    /// Whether it is its controller's by this connection.
    pub(super) fn belongs_by(&self, connection: u64) -> bool {
        self.controller.get().0 == connection
    }

    /// The version of the last full sync.
    pub(super) fn version(&self) -> Option<u64> {
        self.synced.get()
    }

    /// Takes over all that it is to have, by a full sync of this version, which is not older than the last.
    pub(super) fn sync(self: &Rc<Self>, version: u64, rows: &Rows) {
        let mut wanted = goals(rows);
        for (key, resource) in &*self.resources.borrow() {
            resource.aim_at(wanted.remove(key).unwrap_or_default());
        }
        for (key, goal) in wanted {
            self.begin(key, goal);
        }
        self.synced.set(Some(version));
        self.tell();
    }

    /// There are volumes of a resource on the machine: if nobody wants it, it is done away with.
    pub(super) fn found(self: &Rc<Self>, key: &str) {
        if !self.resources.borrow().contains_key(key) {
            self.begin(key.to_owned(), Goal::new());
        }
    }

    fn begin(self: &Rc<Self>, key: String, goal: Goal) {
        let resource = Resource::new(&self.handle, &key, goal);
        self.resources.borrow_mut().insert(key, resource.clone());
        self.handle.spawn("satellite.resource", resource::run(self.clone(), resource));
    }

    /// A resource is done away with.
    pub(super) fn forget(&self, key: &str) {
        self.resources.borrow_mut().remove(key);
        self.tell();
    }

    pub(super) fn resource(&self, key: &str) -> Option<Rc<Resource>> {
        self.resources.borrow().get(key).cloned()
    }

    /// Calls on all resources.
    pub(super) fn for_all(&self, mut f: impl FnMut(&Resource)) {
        self.resources.borrow().values().for_each(|resource| f(resource));
    }

    /// How all resources stand.
    pub(super) fn standings(&self) -> Standings {
        let resources = self.resources.borrow();
        resources.iter().map(|(key, resource)| (key.clone(), resource.standing())).collect()
    }

    /// How many of the resources that are to be there are, and how many are to be.
    pub(super) fn progress(&self) -> (u32, u32) {
        let resources = self.resources.borrow();
        let wanted = || resources.values().filter(|resource| resource.is_wanted());
        let deployed = wanted().filter(|resource| resource.standing().stage == Stage::Deployed);
        (deployed.count() as u32, wanted().count() as u32)
    }
}
