//! Short stories of the decision machine, each held to one rule of it. Runs no manager.

use super::machine::{Effect, Input, Machine};
use super::record::VolumeRecord;
use crate::base::history::VolumeState;
use crate::base::{DiskId, Epoch, LegIndex, Nanos, NodeId, VolumeId};
use crate::layout::AnyLayout;
use crate::layout::Coded;
use crate::layout::Layout;
use crate::layout::LegSet;
use crate::layout::Raid0;
use crate::layout::Raid1;
use crate::layout::Raid10;
use crate::node::layout::Extent;
use crate::node::{LegMode, LegReport, LegSpec, Timing, Topology, VolumeSpec};

const C0: NodeId = NodeId::new(0);
const C1: NodeId = NodeId::new(1);
const A: LegIndex = LegIndex::new(0);
const B: LegIndex = LegIndex::new(1);

/// A machine with a database, targets and a clock, all of them obedient.
struct Rig {
    machine: Machine,
    stored: Option<VolumeRecord>,
    now: Nanos,
    out: Vec<Effect>,
    /// How often a disk lost its power.
    losses: u32,
}

fn spec() -> VolumeSpec {
    spec_of(Raid1 { copies: 2 })
}

fn spec_of(layout: impl Into<AnyLayout>) -> VolumeSpec {
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
        legs,
    }
}

fn report(leg: LegIndex, generation: u64, registered: u64) -> LegReport {
    LegReport {
        volume: VolumeId::new(0),
        leg,
        usable: true,
        serial: 100 + u64::from(leg.get()),
        generation: Epoch::new(generation),
        registered: Epoch::new(registered),
        life: 0,
        cold: false,
    }
}

impl Rig {
    /// A manager that finds this record.
    fn boot(stored: Option<VolumeRecord>, now: Nanos) -> Self {
        Self::boot_for(&spec(), stored, now)
    }

    fn boot_for(spec: &VolumeSpec, stored: Option<VolumeRecord>, now: Nanos) -> Self {
        let machine = Machine::new(spec, &Timing::default(), stored, now).with_caches(true);
        Self { machine, stored, now, out: Vec::new(), losses: 0 }
    }

    /// A volume attached to `C0` under epoch 2, all legs in sync.
    fn attached() -> Self {
        let mut rig = Self::boot(None, Nanos::ZERO);
        rig.hello(A, 0, 0);
        rig.hello(B, 0, 0);
        rig.settle(Input::Attach { client: C0, session: 1 });
        assert_eq!(rig.grants(), [(C0, 2, [LegMode::ReadWrite; 2])]);
        rig.out.clear();
        rig
    }

    /// A volume of this layout attached to `C0` under epoch 2, all legs in sync.
    fn attached_as(layout: impl Into<AnyLayout>) -> Self {
        let spec = spec_of(layout);
        let mut rig = Self::boot_for(&spec, None, Nanos::ZERO);
        spec.leg_ids().for_each(|leg| rig.hello(leg, 0, 0));
        rig.settle(Input::Attach { client: C0, session: 1 });
        rig.out.clear();
        rig
    }

    fn apply(&mut self, input: Input) -> &[Effect] {
        let from = self.out.len();
        self.machine.apply(self.now, input, &mut self.out);
        &self.out[from..]
    }

    fn hello(&mut self, leg: LegIndex, generation: u64, registered: u64) {
        self.apply(Input::Leg(leg, Some(report(leg, generation, registered))));
    }

    fn after(&mut self, span: Nanos) {
        self.now += span;
        self.apply(Input::Tick);
    }

    /// Carries out what the machine says until it says no more: the database stores, and every
    /// target registers.
    fn settle(&mut self, input: Input) {
        let mut next = self.out.len();
        self.apply(input);
        while let Some(effect) = self.out.get(next).copied() {
            next += 1;
            match effect {
                Effect::Persist(record) => {
                    self.stored = Some(record);
                    self.apply(Input::Persisted(record.epoch));
                }
                Effect::Register { leg, epoch, life, again } => {
                    self.apply(Input::Registered { leg, epoch, life, again, ok: true });
                }
                Effect::Grant(..) | Effect::Detached(..) | Effect::State(_) => {}
            }
        }
    }

    /// The manager dies and boots again with what is stored.
    fn reboot(&mut self) {
        *self = Self::boot(self.stored, self.now + Nanos::from_millis(1));
    }

    fn grants(&self) -> Vec<(NodeId, u64, [LegMode; 2])> {
        let grants = self.out.iter().filter_map(|effect| match effect {
            Effect::Grant(to, _, Topology { epoch, modes, .. }) => {
                Some((*to, epoch.get(), [modes.of(A), modes.of(B)]))
            }
            _ => None,
        });
        grants.collect()
    }

    fn registrations(&self) -> Vec<(LegIndex, u64)> {
        let asked = self.out.iter().filter_map(|effect| match effect {
            Effect::Register { leg, epoch, .. } => Some((*leg, epoch.get())),
            _ => None,
        });
        asked.collect()
    }

    fn all_modes(&self) -> Vec<LegMode> {
        let modes = self.machine.record().modes;
        modes.legs().map(|leg| modes.of(leg)).collect()
    }

    fn modes(&self) -> [LegMode; 2] {
        [A, B].map(|leg| self.machine.record().modes.of(leg))
    }

    fn epoch(&self) -> Epoch {
        self.machine.record().epoch
    }

    /// `B` fails and is given up.
    fn degraded() -> Self {
        let mut rig = Self::attached();
        let epoch = rig.epoch();
        rig.settle(Input::LegFailed { leg: B, epoch });
        assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
        rig.out.clear();
        rig
    }

    /// `B` is back with this generation and being rebuilt.
    fn rebuilding(generation: u64) -> Self {
        let mut rig = Self::degraded();
        rig.hello(B, generation, 0);
        let epoch = rig.epoch();
        rig.settle(Input::LegBack { leg: B, epoch });
        assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
        rig
    }
}

#[test]
fn decides_persists_registers_persists_and_grants_in_this_order() {
    let mut rig = Rig::boot(None, Nanos::ZERO);
    rig.hello(A, 0, 0);
    rig.hello(B, 0, 0);
    let decided = rig.apply(Input::Attach { client: C0, session: 1 }).to_vec();
    let [Effect::Persist(record)] = decided[..] else { panic!("{decided:?}") };
    assert!(!record.granted && record.epoch == Epoch::new(2));
    let persisted = rig.apply(Input::Persisted(record.epoch)).to_vec();
    assert_eq!(
        persisted,
        [A, B].map(|leg| Effect::Register { leg, epoch: record.epoch, life: 0, again: false })
    );
    let registered =
        |leg| Input::Registered { leg, epoch: record.epoch, life: 0, again: false, ok: true };
    assert_eq!(rig.apply(registered(A)), [], "not before all legs have registered");
    let granting = rig.apply(registered(B)).to_vec();
    assert_eq!(granting, [Effect::Persist(VolumeRecord { granted: true, ..record })]);
    assert!(rig.grants().is_empty(), "not before it is on record that it may be");
    rig.apply(Input::Persisted(record.epoch));
    assert_eq!(rig.grants(), [(C0, 2, [LegMode::ReadWrite; 2])]);
}

#[test]
fn a_failed_leg_is_dead_before_anything_is_granted_without_it() {
    let mut rig = Rig::attached();
    rig.settle(Input::LegFailed { leg: B, epoch: Epoch::new(2) });
    assert_eq!(rig.grants(), [(C0, 3, [LegMode::ReadWrite, LegMode::Dead])]);
    let asked = [(A, 3), (A, 3)];
    assert_eq!(rig.registrations(), asked, "a dead leg is not given the epoch; A is asked twice");
    let stored = rig.stored.expect("a record");
    assert_eq!(stored.generations[B.index()], Epoch::new(2), "what B must show to be trusted");
    assert!(rig.out.contains(&Effect::State(VolumeState::Degraded)));
}

#[test]
fn what_was_said_of_an_epoch_that_is_over_counts_for_nothing() {
    let mut rig = Rig::degraded();
    let over = Epoch::new(2);
    for input in [
        Input::LegFailed { leg: A, epoch: over },
        Input::LegBack { leg: B, epoch: over },
        Input::Rebuilt { leg: B, epoch: over },
        Input::Registered { leg: A, epoch: over, life: 0, again: false, ok: true },
    ] {
        assert_eq!(rig.apply(input), [], "{input:?}");
    }
}

#[test]
fn the_last_leg_in_sync_is_never_given_up() {
    let mut rig = Rig::degraded();
    let epoch = rig.epoch();
    rig.settle(Input::LegFailed { leg: A, epoch });
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    // Not even for one that is being rebuilt.
    let mut rig = Rig::rebuilding(2);
    let epoch = rig.epoch();
    rig.settle(Input::LegFailed { leg: A, epoch });
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
    rig.settle(Input::LegFailed { leg: B, epoch });
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
}

#[test]
fn each_group_of_legs_keeps_as_many_as_it_needs() {
    let [a, b, c, d] = [0, 1, 2, 3].map(LegIndex::new);
    let (read_write, dead) = (LegMode::ReadWrite, LegMode::Dead);
    let mut rig = Rig::attached_as(Raid10 { groups: 2, copies: 2, stripe_blocks: 1 });
    for leg in [b, c] {
        let epoch = rig.epoch();
        rig.settle(Input::LegFailed { leg, epoch });
    }
    assert_eq!(rig.all_modes(), [read_write, dead, dead, read_write], "one of each group may go");
    for leg in [a, d] {
        let epoch = rig.epoch();
        rig.settle(Input::LegFailed { leg, epoch });
    }
    assert_eq!(rig.all_modes(), [read_write, dead, dead, read_write], "no group goes in whole");
    let mut rig = Rig::attached_as(Coded { data: 2, parity: 2, stripe_blocks: 1 });
    for leg in [a, d, b] {
        let epoch = rig.epoch();
        rig.settle(Input::LegFailed { leg, epoch });
    }
    assert_eq!(rig.all_modes(), [dead, read_write, read_write, dead], "as many as have parity");
    let mut rig = Rig::attached_as(Raid0 { legs: 3, stripe_blocks: 1 });
    let epoch = rig.epoch();
    rig.settle(Input::LegFailed { leg: b, epoch });
    assert_eq!(rig.all_modes(), [read_write; 3], "nobody can stand in for it");
    rig.apply(Input::Leg(b, None));
    assert_eq!(rig.out.last(), Some(&Effect::State(VolumeState::Offline)), "all are needed");
}

#[test]
fn two_legs_that_fail_together_both_stay() {
    let mut rig = Rig::attached();
    rig.apply(Input::Leg(A, None));
    rig.settle(Input::LegFailed { leg: B, epoch: Epoch::new(2) });
    assert_eq!(rig.modes(), [LegMode::ReadWrite; 2], "A is away: it cannot serve instead");
    rig.settle(Input::LegFailed { leg: A, epoch: Epoch::new(2) });
    rig.hello(A, 2, 2);
    assert_eq!(rig.modes(), [LegMode::ReadWrite; 2]);
    // What was said is forgotten; what is said again counts.
    rig.after(Nanos::from_millis(20));
    rig.settle(Input::LegFailed { leg: B, epoch: Epoch::new(2) });
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
}

#[test]
fn a_leg_that_does_not_register_in_time_is_given_up_and_one_that_did_is_not() {
    let mut rig = Rig::attached();
    rig.apply(Input::Leg(A, None));
    rig.apply(Input::Leg(B, None));
    rig.apply(Input::Attach { client: C0, session: 2 });
    rig.apply(Input::Persisted(Epoch::new(3)));
    rig.after(Nanos::from_millis(5));
    assert_eq!(rig.modes(), [LegMode::ReadWrite; 2], "neither has registered");
    rig.hello(A, 2, 0);
    rig.apply(Input::Registered { leg: A, epoch: Epoch::new(3), life: 0, again: false, ok: true });
    rig.after(Nanos::from_millis(5));
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead], "A can serve now");
}

#[test]
fn a_manager_that_stood_still_gives_a_registration_its_time_again() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C0, session: 2 });
    rig.apply(Input::Persisted(Epoch::new(3)));
    rig.apply(Input::Registered { leg: A, epoch: Epoch::new(3), life: 0, again: false, ok: true });
    // B registers while nobody listens.
    rig.now += Nanos::from_millis(12);
    rig.apply(Input::StoodStill);
    rig.after(Nanos::from_millis(1));
    assert_eq!(rig.modes(), [LegMode::ReadWrite; 2]);
    rig.settle(Input::Registered { leg: B, epoch: Epoch::new(3), life: 0, again: false, ok: true });
    assert_eq!(rig.modes(), [LegMode::ReadWrite; 2]);
    assert_eq!(rig.epoch(), Epoch::new(3));
}

#[test]
fn an_earlier_session_that_is_heard_late_does_not_become_the_owner() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C0, session: 3 });
    rig.apply(Input::Attach { client: C0, session: 2 });
    rig.apply(Input::Attach { client: C0, session: 3 });
    rig.settle(Input::Persisted(Epoch::new(3)));
    assert_eq!(rig.machine.record().owner, Some((C0, 3)));
    assert_eq!(rig.epoch(), Epoch::new(3), "nothing else was called for");
}

#[test]
fn what_a_reborn_owner_is_told_first_is_meant_for_the_session_before_it() {
    let mut rig = Rig::attached();
    rig.reboot();
    // The client has rebooted as well and is connected, but what it says is on its way yet.
    rig.hello(A, 2, 2);
    rig.settle(Input::Leg(B, Some(report(B, 2, 2))));
    rig.settle(Input::Attach { client: C0, session: 2 });
    let told = rig.out.iter().filter_map(|effect| match effect {
        Effect::Grant(_, session, topology) => {
            Some((*session, topology.epoch.get(), topology.recover))
        }
        _ => None,
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told, [(1, 2, false), (2, 3, true)], "session, epoch, whether to recover");
}

#[test]
fn a_target_that_rebooted_makes_all_register_anew() {
    let mut rig = Rig::attached();
    rig.apply(Input::Leg(B, None));
    rig.settle(Input::Leg(B, Some(report(B, 2, 0))));
    assert_eq!(rig.grants(), [(C0, 3, [LegMode::ReadWrite; 2])]);
    assert_eq!(rig.registrations(), [(A, 3), (B, 3)]);
}

#[test]
fn a_target_that_reboots_while_the_grant_is_persisted_is_not_forgotten() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C0, session: 2 });
    rig.apply(Input::Persisted(Epoch::new(3)));
    for leg in [A, B] {
        rig.apply(Input::Registered { leg, epoch: Epoch::new(3), life: 0, again: false, ok: true });
    }
    rig.hello(B, 3, 0);
    let settled = rig.apply(Input::Persisted(Epoch::new(3))).to_vec();
    assert!(matches!(settled[0], Effect::Grant(..)), "{settled:?}");
    assert_eq!(rig.epoch(), Epoch::new(4), "B is to register again");
}

#[test]
fn a_leg_comes_back_by_w_and_the_rebuild_covers_what_its_generation_says() {
    for (generation, all) in [(2, false), (3, false), (1, true), (0, true)] {
        let rig = Rig::rebuilding(generation);
        let record = rig.machine.record();
        assert_eq!(record.rebuilds_all(B), all, "generation {generation}");
    }
    // Another disk has nothing, whatever its generation says.
    let mut rig = Rig::degraded();
    rig.apply(Input::Leg(B, Some(LegReport { serial: 999, ..report(B, 9, 0) })));
    let epoch = rig.epoch();
    rig.settle(Input::LegBack { leg: B, epoch });
    assert!(rig.machine.record().rebuilds_all(B));
    assert_eq!(rig.machine.record().serials[B.index()], 999);
}

#[test]
fn a_rebuild_of_everything_that_is_cut_short_stays_one() {
    let mut rig = Rig::rebuilding(0);
    let epoch = rig.epoch();
    rig.settle(Input::LegFailed { leg: B, epoch });
    // By now it has registered a new generation, and still lacks most blocks.
    rig.hello(B, epoch.get(), 0);
    let epoch = rig.epoch();
    rig.settle(Input::LegBack { leg: B, epoch });
    assert!(rig.machine.record().rebuilds_all(B));
    let epoch = rig.epoch();
    rig.settle(Input::Rebuilt { leg: B, epoch });
    assert_eq!(rig.modes(), [LegMode::ReadWrite; 2]);
    assert!(!rig.machine.record().rebuilds_all(B));
}

#[test]
fn a_rebuilt_leg_counts_only_as_long_as_its_disk_serves() {
    let mut rig = Rig::rebuilding(2);
    let epoch = rig.epoch();
    rig.apply(Input::Leg(B, None));
    rig.apply(Input::Rebuilt { leg: B, epoch });
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
    let mut rig = Rig::rebuilding(2);
    let epoch = rig.epoch();
    rig.apply(Input::Leg(B, Some(LegReport { serial: 999, ..report(B, 9, 0) })));
    rig.settle(Input::Rebuilt { leg: B, epoch });
    assert_ne!(rig.modes()[1], LegMode::ReadWrite, "what was rebuilt is on another disk");
}

#[test]
fn another_life_of_the_client_has_to_recover_and_another_client_has_to_wait() {
    let mut rig = Rig::attached();
    rig.settle(Input::Attach { client: C0, session: 2 });
    assert!(rig.machine.record().recover);
    assert_eq!(rig.machine.record().owner, Some((C0, 2)));
    rig.settle(Input::Attach { client: C1, session: 7 });
    rig.after(Nanos::from_millis(21));
    assert_eq!(rig.machine.record().owner, Some((C0, 2)), "the lease and its margin run");
    rig.apply(Input::Heard { client: C0, session: 1 });
    assert_eq!(rig.machine.record().owner, Some((C0, 2)), "an earlier session says nothing");
    rig.apply(Input::Heard { client: C0, session: 2 });
    rig.after(Nanos::from_millis(21));
    assert_eq!(rig.machine.record().owner, Some((C0, 2)), "it was heard in between");
    rig.after(Nanos::from_millis(2));
    assert_eq!(rig.machine.record().owner, Some((C1, 7)));
    assert!(rig.machine.record().recover);
}

#[test]
fn a_volume_that_was_detached_has_nothing_to_recover() {
    let mut rig = Rig::attached();
    rig.settle(Input::Detach { client: C0, session: 9 });
    assert_eq!(rig.machine.record().owner, Some((C0, 1)), "that was another life");
    rig.settle(Input::Detach { client: C0, session: 1 });
    assert_eq!(rig.machine.record().owner, None);
    rig.settle(Input::Attach { client: C1, session: 1 });
    assert!(!rig.machine.record().recover);
}

#[test]
fn an_owner_that_leaves_is_told_when_it_is_on_record_and_whoever_waits_is_next() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C1, session: 7 });
    let decided = rig.apply(Input::Detach { client: C0, session: 1 }).to_vec();
    let [Effect::Persist(record)] = decided[..] else { panic!("{decided:?}") };
    assert_eq!(record.owner, None);
    let again = rig.apply(Input::Detach { client: C0, session: 1 });
    assert_eq!(again, [], "said again, it is still not on record");
    let persisted = rig.apply(Input::Persisted(record.epoch)).to_vec();
    assert_eq!(persisted[0], Effect::Detached(C0, 1));
    let [.., Effect::Persist(next)] = persisted[..] else { panic!("{persisted:?}") };
    assert_eq!((next.owner, next.recover), (Some((C1, 7)), false), "no lease is waited for");
}

#[test]
fn who_waits_no_longer_does_not_become_the_owner() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C1, session: 7 });
    let withdrawn = rig.apply(Input::Detach { client: C1, session: 7 });
    assert_eq!(withdrawn, [Effect::Detached(C1, 7)]);
    rig.settle(Input::Detach { client: C0, session: 1 });
    rig.after(Nanos::from_secs(1));
    assert_eq!(rig.machine.record().owner, None);
}

#[test]
fn a_reboot_after_the_grant_changes_nothing() {
    let mut rig = Rig::attached();
    rig.reboot();
    rig.hello(A, 2, 2);
    rig.hello(B, 2, 2);
    rig.apply(Input::Attach { client: C0, session: 1 });
    assert_eq!(rig.grants().last(), Some(&(C0, 2, [LegMode::ReadWrite; 2])));
    assert!(!rig.out.iter().any(|effect| matches!(effect, Effect::Persist(_))));
    assert!(rig.out.contains(&Effect::State(VolumeState::Healthy)), "told by each life");
}

#[test]
fn a_reboot_between_persist_and_registration_asks_no_more_of_a_disk_than_it_was_given() {
    let mut rig = Rig::attached();
    let effects = rig.apply(Input::Attach { client: C0, session: 2 }).to_vec();
    let [Effect::Persist(record)] = effects[..] else { panic!("{effects:?}") };
    rig.stored = Some(record);
    rig.reboot();
    rig.settle(Input::Attach { client: C0, session: 3 });
    assert_eq!(rig.epoch(), Epoch::new(4));
    for leg in [A, B] {
        rig.settle(Input::Leg(leg, Some(report(leg, 2, 0))));
    }
    assert_eq!(rig.grants(), [(C0, 4, [LegMode::ReadWrite; 2])], "generation 2 will do");
}

#[test]
fn an_older_image_that_shows_up_after_a_reboot_is_not_registered() {
    let mut rig = Rig::attached();
    rig.settle(Input::Attach { client: C0, session: 2 });
    rig.reboot();
    rig.hello(A, 3, 3);
    rig.hello(B, 2, 0);
    assert_eq!(rig.registrations(), [], "B lacks what was written under epoch 3");
    rig.settle(Input::Tick);
    rig.now += Nanos::from_millis(12);
    rig.settle(Input::Tick);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    let epoch = rig.epoch();
    rig.settle(Input::LegBack { leg: B, epoch });
    assert!(rig.machine.record().rebuilds_all(B));
}

#[test]
fn offline_is_told_while_no_leg_in_sync_serves() {
    let mut rig = Rig::attached();
    rig.apply(Input::Leg(A, None));
    rig.apply(Input::Leg(B, None));
    assert_eq!(rig.out.last(), Some(&Effect::State(VolumeState::Offline)));
    rig.settle(Input::Leg(B, Some(report(B, 2, 0))));
    rig.settle(Input::Leg(A, Some(report(A, 2, 0))));
    assert_eq!(rig.out.last(), Some(&Effect::State(VolumeState::Healthy)));
}

impl Rig {
    /// The leg's target came up again, and its disk had lost a volatile cache.
    fn hello_cold(&mut self, leg: LegIndex, generation: u64) {
        self.losses += 1;
        let report = self.cold(leg, generation);
        self.settle(Input::Leg(leg, Some(report)));
    }

    fn cold(&self, leg: LegIndex, generation: u64) -> LegReport {
        LegReport { life: self.losses, cold: true, ..report(leg, generation, 0) }
    }
}

#[test]
fn a_leg_that_lost_its_cache_is_brought_up_to_date_from_one_that_did_not() {
    let mut rig = Rig::attached();
    rig.hello_cold(B, 2);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    assert_eq!(rig.machine.record().cold, Epoch::new(0));
    let epoch = rig.epoch();
    rig.settle(Input::LegBack { leg: B, epoch });
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
    assert_eq!(rig.machine.record().rebuild_all, LegSet::NONE, "where it is marked is enough");
}

#[test]
fn a_leg_that_lost_its_cache_does_not_serve_while_the_other_is_away() {
    let mut rig = Rig::attached();
    rig.apply(Input::Leg(A, None));
    rig.out.clear();
    rig.hello_cold(B, 2);
    assert_eq!(rig.modes(), [LegMode::ReadWrite; 2]);
    assert!(rig.registrations().iter().all(|(leg, _)| *leg != B), "{:?}", rig.out);
    rig.hello(A, 2, 0);
    rig.settle(Input::Tick);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
}

#[test]
fn when_all_legs_lost_their_caches_they_go_on_and_the_owner_is_told() {
    let mut rig = Rig::attached();
    rig.apply(Input::Leg(A, None));
    rig.apply(Input::Leg(B, None));
    rig.hello_cold(A, 2);
    rig.out.clear();
    rig.hello_cold(B, 2);
    assert_eq!(rig.modes(), [LegMode::ReadWrite; 2]);
    let cold: Vec<Epoch> = rig
        .out
        .iter()
        .filter_map(|effect| match effect {
            Effect::Grant(_, _, topology) => Some(topology.cold),
            _ => None,
        })
        .collect();
    assert_eq!(cold, [rig.epoch()], "granted once, as of this epoch: {:?}", rig.out);
    assert_eq!(rig.machine.record().cold, rig.epoch());
}

#[test]
fn a_leg_that_lost_its_cache_while_it_was_rebuilt_starts_over() {
    let mut rig = Rig::attached();
    rig.hello_cold(B, 2);
    let epoch = rig.epoch();
    rig.settle(Input::LegBack { leg: B, epoch });
    let rebuilding = rig.epoch();
    rig.hello_cold(B, rebuilding.get());
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    rig.settle(Input::Rebuilt { leg: B, epoch: rebuilding });
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead], "that was before");
}

#[test]
fn a_leg_that_loses_its_cache_after_all_did_is_brought_up_to_date() {
    let mut rig = Rig::attached();
    rig.apply(Input::Leg(A, None));
    rig.apply(Input::Leg(B, None));
    rig.hello_cold(A, 2);
    rig.hello_cold(B, 2);
    let all_lost = rig.epoch();
    rig.hello_cold(B, all_lost.get());
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    assert_eq!(rig.machine.record().cold, all_lost, "the owner has heard of that one");
}

#[test]
fn a_registration_in_an_earlier_life_of_the_disk_does_not_make_a_cold_leg_warm() {
    let mut rig = Rig::attached();
    rig.apply(Input::Leg(A, None));
    let reborn = rig.apply(Input::Attach { client: C0, session: 2 }).to_vec();
    let [Effect::Persist(VolumeRecord { epoch, .. })] = reborn[..] else { panic!("{reborn:?}") };
    let asked = rig.apply(Input::Persisted(epoch)).to_vec();
    assert_eq!(asked, [Effect::Register { leg: B, epoch, life: 0, again: false }]);
    // B loses its cache before it hears of that; its answer is about the life that is over.
    rig.hello_cold(B, 2);
    rig.apply(Input::Registered { leg: B, epoch, life: 0, again: false, ok: true });
    rig.hello(A, 2, 0);
    rig.settle(Input::Tick);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
}

#[test]
fn a_leg_is_asked_to_register_in_the_life_that_it_was_last_found_in() {
    let mut rig = Rig::attached();
    rig.apply(Input::Leg(A, None));
    rig.apply(Input::Leg(B, None));
    rig.hello_cold(A, 2);
    rig.hello_cold(B, 2);
    let asked = rig.out.iter().filter_map(|effect| match effect {
        Effect::Register { leg, epoch, life, .. } if *epoch == rig.epoch() => Some((*leg, *life)),
        _ => None,
    });
    assert_eq!(asked.collect::<Vec<_>>(), [(A, 1), (B, 2)]);
}

#[test]
fn a_cold_leg_whose_rebuild_is_decided_on_may_say_again_that_it_is_cold() {
    let mut rig = Rig::attached();
    rig.hello_cold(B, 2);
    let epoch = rig.epoch();
    rig.apply(Input::LegBack { leg: B, epoch });
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
    // Another leg of its target changed: all are told of again.
    rig.apply(Input::Leg(B, Some(rig.cold(B, 2))));
    let epoch = rig.epoch();
    rig.apply(Input::Persisted(epoch));
    rig.apply(Input::Leg(B, Some(rig.cold(B, 2))));
    assert_eq!((rig.modes(), rig.epoch()), ([LegMode::ReadWrite, LegMode::WriteOnly], epoch));
    // Cold in another life, it may lack what was to be rebuilt.
    rig.hello_cold(B, 2);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
}

impl Rig {
    /// `B` is given up, but the epoch without it has not been registered yet.
    fn giving_up() -> Self {
        let mut rig = Self::attached();
        rig.apply(Input::Leg(B, None));
        let decided = rig.apply(Input::LegFailed { leg: B, epoch: Epoch::new(2) }).to_vec();
        let [.., Effect::Persist(record)] = decided[..] else { panic!("{decided:?}") };
        rig.stored = Some(record);
        rig.apply(Input::Persisted(record.epoch));
        assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
        rig.out.clear();
        rig
    }
}

#[test]
fn a_leg_given_up_in_an_epoch_that_nobody_was_told_of_is_taken_back_when_the_others_lost_their_caches()
 {
    let mut rig = Rig::giving_up();
    rig.hello_cold(A, 2);
    assert_eq!(rig.grants(), [], "what A has may be the older");
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    rig.settle(Input::Leg(B, Some(report(B, 2, 0))));
    assert_eq!(rig.modes(), [LegMode::Dead, LegMode::ReadWrite]);
    assert_eq!(rig.grants(), [(C0, 4, [LegMode::Dead, LegMode::ReadWrite])]);
    assert_eq!(rig.machine.record().cold, Epoch::new(0), "nothing is lost");
    assert_eq!(rig.machine.record().rebuild_all, LegSet::NONE);
    // Warm again, A takes part.
    let epoch = rig.epoch();
    rig.settle(Input::LegBack { leg: A, epoch });
    assert_eq!(rig.modes(), [LegMode::WriteOnly, LegMode::ReadWrite]);
}

#[test]
fn a_leg_that_is_given_up_is_not_let_go_before_the_others_have_said_once_more_that_they_lost_nothing()
 {
    let mut rig = Rig::giving_up();
    let epoch = rig.epoch();
    rig.hello(B, 2, 0);
    let registered = |again| Input::Registered { leg: A, epoch, life: 0, again, ok: true };
    rig.apply(registered(false));
    let asked = rig.apply(Input::Persisted(epoch)).to_vec();
    assert_eq!(asked, [Effect::Register { leg: A, epoch, life: 0, again: true }]);
    // Said before it was on record, in whatever way, it counts for nothing.
    rig.apply(registered(false));
    rig.hello(A, 3, 3);
    assert_eq!(rig.grants(), []);
    // Nor would it if A lost its cache on the way: B has everything.
    rig.hello_cold(A, 3);
    assert_eq!(rig.modes(), [LegMode::Dead, LegMode::ReadWrite]);
    assert_eq!(rig.grants(), [(C0, 4, [LegMode::Dead, LegMode::ReadWrite])]);
    // Otherwise the owner is told now.
    let mut rig = Rig::giving_up();
    rig.apply(registered(false));
    rig.apply(Input::Persisted(epoch));
    rig.settle(registered(true));
    assert_eq!(rig.grants(), [(C0, 3, [LegMode::ReadWrite, LegMode::Dead])]);
}

#[test]
fn it_is_waited_for_over_a_reboot_too() {
    let mut rig = Rig::giving_up();
    rig.reboot();
    rig.hello_cold(A, 2);
    rig.after(Nanos::from_millis(50));
    assert_eq!((rig.grants(), rig.epoch()), (Vec::new(), Epoch::new(3)));
    rig.settle(Input::Leg(B, Some(report(B, 2, 0))));
    assert_eq!(rig.modes(), [LegMode::Dead, LegMode::ReadWrite]);
}

#[test]
fn when_it_lost_its_cache_as_well_what_is_left_is_what_there_is() {
    let mut rig = Rig::giving_up();
    rig.hello_cold(A, 2);
    rig.hello_cold(B, 2);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    assert_eq!(rig.machine.record().cold, rig.epoch());
    assert_eq!(rig.grants(), [(C0, 4, [LegMode::ReadWrite, LegMode::Dead])]);
}

#[test]
fn an_older_image_or_another_disk_is_not_taken_back() {
    for stranger in [report(B, 1, 0), LegReport { serial: 999, ..report(B, 2, 0) }] {
        let mut rig = Rig::giving_up();
        rig.hello_cold(A, 2);
        rig.settle(Input::Leg(B, Some(stranger)));
        assert_eq!((rig.modes(), rig.grants()), ([LegMode::ReadWrite, LegMode::Dead], vec![]));
        // It is the disk that was there that is waited for.
        rig.settle(Input::Leg(B, Some(report(B, 2, 0))));
        assert_eq!(rig.modes(), [LegMode::Dead, LegMode::ReadWrite]);
    }
}

#[test]
fn a_leg_given_up_in_an_epoch_that_was_granted_is_not_taken_back() {
    let mut rig = Rig::degraded();
    rig.hello(B, 2, 0);
    rig.hello_cold(A, 3);
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead], "it lacks what was written since");
    assert_eq!(rig.machine.record().cold, rig.epoch());
}

#[test]
fn an_owner_that_leaves_has_flushed_and_nobody_given_up_is_waited_for() {
    let mut rig = Rig::attached();
    rig.apply(Input::Detach { client: C0, session: 1 });
    let leaving = *rig.machine.record();
    rig.apply(Input::LegFailed { leg: B, epoch: Epoch::new(3) });
    rig.settle(Input::Persisted(leaving.epoch));
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    rig.settle(Input::Attach { client: C1, session: 7 });
    assert_eq!(rig.machine.record().given_up_untold(), 0, "A has all that there was");
}

#[test]
fn a_leg_that_is_taken_for_present_and_is_away_is_waited_for() {
    // B's target is gone, but the manager has not read that; the owner reports A.
    let mut rig = Rig::attached();
    rig.apply(Input::LegFailed { leg: A, epoch: Epoch::new(2) });
    rig.apply(Input::Persisted(Epoch::new(3)));
    assert_eq!(rig.modes(), [LegMode::Dead, LegMode::ReadWrite]);
    for _ in 0..20 {
        rig.after(Nanos::from_millis(5));
    }
    assert_eq!((rig.modes(), rig.epoch()), ([LegMode::Dead, LegMode::ReadWrite], Epoch::new(3)));
    assert_eq!(rig.grants(), [], "offline, until B is back");
}
