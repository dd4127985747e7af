//! A machine with all that it needs around it, for stories of it to be told. Tells none.

use super::input::{Effect, Input};
use super::machine::Machine;
use super::record::VolumeRecord;
use crate::base::{DiskId, Epoch, LegIndex, Nanos, NodeId, PlaceIndex, VolumeId};
use crate::layout::AnyLayout;
use crate::layout::Layout;
use crate::layout::Raid1;
use crate::node::layout::Extent;
use crate::node::{LegMode, LegReport, LegSpec, Timing, Topology, VolumeSpec};

pub(super) const C0: NodeId = NodeId::new(0);
/// Held by a client that never had the volume.
pub(super) const NEVER: Epoch = Epoch::new(0);
/// Held by a client that had it.
pub(super) const ONCE: Epoch = Epoch::new(1);
pub(super) const C1: NodeId = NodeId::new(1);
pub(super) const A: LegIndex = LegIndex::new(0);
pub(super) const B: LegIndex = LegIndex::new(1);

/// A machine with a database, targets and a clock, all of them obedient.
pub(super) struct Rig {
    pub(super) machine: Machine,
    pub(super) stored: Option<VolumeRecord>,
    pub(super) now: Nanos,
    pub(super) out: Vec<Effect>,
    /// How often a disk lost its power.
    pub(super) losses: u32,
}

pub(super) fn spec() -> VolumeSpec {
    spec_of(Raid1 { copies: 2 })
}

/// A mirror with a spare.
pub(super) fn spec_with_spare() -> VolumeSpec {
    let mut spec = spec_of(Raid1 { copies: 3 });
    spec.layout = Raid1 { copies: 2 }.into();
    spec.spares = spec.legs.split_off(2);
    spec
}

pub(super) fn spec_of(layout: impl Into<AnyLayout>) -> VolumeSpec {
    let layout = layout.into();
    let leg = |at: u32| LegSpec {
        target: NodeId::new(10 + at),
        disk: DiskId::new(at),
        extent: Extent { data: 0, blocks: 64, journal_blocks: 0, superblock: 70, bitmap_blocks: 1 },
    };
    let legs = (0..u32::from(layout.legs())).map(leg).collect();
    VolumeSpec {
        id: VolumeId::new(0),
        layout,
        blocks: 64,
        region_depth: 32,
        rebuild_rate: None,
        scrub_rate: None,
        verified: false,
        legs,
        spares: Vec::new(),
        spare_after: Nanos::from_millis(50),
    }
}

/// Where a leg is at first.
pub(super) fn place(leg: LegIndex) -> PlaceIndex {
    PlaceIndex::new(leg.get())
}

pub(super) fn report(leg: LegIndex, generation: u64, registered: u64) -> LegReport {
    LegReport {
        volume: VolumeId::new(0),
        place: place(leg),
        usable: true,
        serial: 100 + u64::from(leg.get()),
        generation: Epoch::new(generation),
        registered: Epoch::new(registered),
        life: 0,
        cold: false,
        confirmed: Epoch::new(0),
        foreign: None,
    }
}

/// A leg's target is to register it, in the first life of its device and for no rebuild in whole.
pub(super) fn registration(leg: LegIndex, epoch: Epoch, again: bool) -> Effect {
    let rebuild = Epoch::new(0);
    Effect::Register { leg, place: place(leg), epoch, life: 0, again, rebuild }
}

impl Rig {
    /// A manager that finds this record.
    pub(super) fn boot(stored: Option<VolumeRecord>, now: Nanos) -> Self {
        Self::boot_for(&spec(), stored, now)
    }

    pub(super) fn boot_for(spec: &VolumeSpec, stored: Option<VolumeRecord>, now: Nanos) -> Self {
        let machine = Machine::new(spec, &Timing::default(), stored, now).with_caches(true);
        Self { machine, stored, now, out: Vec::new(), losses: 0 }
    }

    /// A volume attached to `C0` under epoch 2, all legs in sync.
    pub(super) fn attached() -> Self {
        let mut rig = Self::boot(None, Nanos::ZERO);
        rig.hello(A, 0, 0);
        rig.hello(B, 0, 0);
        rig.settle(Input::Attach { client: C0, session: 1, held: NEVER });
        assert_eq!(rig.grants(), [(C0, 2, [LegMode::ReadWrite; 2])]);
        rig.out.clear();
        rig
    }

    /// A mirror with a spare, attached to `C0` under epoch 2.
    pub(super) fn attached_with_spare() -> Self {
        let spec = spec_with_spare();
        let mut rig = Self::boot_for(&spec, None, Nanos::ZERO);
        (0..3).for_each(|at| rig.hello(LegIndex::new(at), 0, 0));
        rig.settle(Input::Attach { client: C0, session: 1, held: NEVER });
        rig.out.clear();
        rig
    }

    /// A volume of this layout attached to `C0` under epoch 2, all legs in sync.
    pub(super) fn attached_as(layout: impl Into<AnyLayout>) -> Self {
        let spec = spec_of(layout);
        let mut rig = Self::boot_for(&spec, None, Nanos::ZERO);
        spec.leg_ids().for_each(|leg| rig.hello(leg, 0, 0));
        rig.settle(Input::Attach { client: C0, session: 1, held: NEVER });
        rig.out.clear();
        rig
    }

    pub(super) fn apply(&mut self, input: Input) -> &[Effect] {
        let from = self.out.len();
        self.machine.apply(self.now, input, &mut self.out);
        &self.out[from..]
    }

    pub(super) fn hello(&mut self, leg: LegIndex, generation: u64, registered: u64) {
        self.apply(Input::Place(place(leg), Some(report(leg, generation, registered))));
    }

    pub(super) fn after(&mut self, span: Nanos) {
        self.now += span;
        self.apply(Input::Tick);
    }

    /// Carries out what the machine says until it says no more: the database stores, and every
    /// target registers.
    pub(super) fn settle(&mut self, input: Input) {
        let mut next = self.out.len();
        self.apply(input);
        while let Some(effect) = self.out.get(next).copied() {
            next += 1;
            match effect {
                Effect::Persist(record) => {
                    self.stored = Some(record);
                    self.apply(Input::Persisted(record.epoch));
                }
                Effect::Register { leg, epoch, life, again, .. } => {
                    self.apply(Input::Registered { leg, epoch, life, again, ok: true });
                }
                Effect::Grant(..)
                | Effect::Detached(..)
                | Effect::SplitBrain { .. }
                | Effect::ForeignDisk { .. }
                | Effect::CareFor(_)
                | Effect::State(_) => {}
            }
        }
    }

    /// The manager dies and boots again with what is stored.
    pub(super) fn reboot(&mut self) {
        let (spec, now) = (self.machine.spec().clone(), self.now + Nanos::from_millis(1));
        *self = Self::boot_for(&spec, self.stored, now);
    }

    /// Time passes, tick by tick, and whatever is to be done is carried out.
    pub(super) fn wait(&mut self, span: Nanos) {
        let until = self.now + span;
        while self.now < until {
            self.now += Nanos::from_millis(1);
            self.settle(Input::Tick);
        }
    }

    /// Which targets were asked to see to the volume.
    pub(super) fn asked_to_care(&self) -> Vec<NodeId> {
        let asked = self.out.iter().filter_map(|effect| match effect {
            Effect::CareFor(target) => Some(*target),
            _ => None,
        });
        asked.collect()
    }

    pub(super) fn grants(&self) -> Vec<(NodeId, u64, [LegMode; 2])> {
        let grants = self.out.iter().filter_map(|effect| match effect {
            Effect::Grant(to, _, Topology { epoch, modes, .. }) => {
                Some((*to, epoch.get(), [modes.of(A), modes.of(B)]))
            }
            _ => None,
        });
        grants.collect()
    }

    pub(super) fn registrations(&self) -> Vec<(LegIndex, u64)> {
        let asked = self.out.iter().filter_map(|effect| match effect {
            Effect::Register { leg, epoch, .. } => Some((*leg, epoch.get())),
            _ => None,
        });
        asked.collect()
    }

    pub(super) fn all_modes(&self) -> Vec<LegMode> {
        let modes = self.machine.record().modes;
        modes.legs().map(|leg| modes.of(leg)).collect()
    }

    pub(super) fn modes(&self) -> [LegMode; 2] {
        [A, B].map(|leg| self.machine.record().modes.of(leg))
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.machine.record().epoch
    }

    /// `B` fails and is given up.
    pub(super) fn degraded() -> Self {
        let mut rig = Self::attached();
        let epoch = rig.epoch();
        rig.settle(Input::LegFailed { leg: B, epoch });
        assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
        rig.out.clear();
        rig
    }

    /// `B` is back with this generation and being rebuilt.
    pub(super) fn rebuilding(generation: u64) -> Self {
        let mut rig = Self::degraded();
        rig.hello(B, generation, 0);
        let epoch = rig.epoch();
        rig.settle(Input::LegBack { leg: B, epoch });
        assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
        rig
    }
}
