//! Short stories of the decision machine, each held to one rule of it. Runs no manager.

use super::input::{Effect, Input};
use super::record::VolumeRecord;
use super::rig::{A, B, C0, C1, NEVER, ONCE, Rig, place, registration, report};
use crate::base::history::VolumeState;
use crate::base::{Epoch, LegIndex, Nanos, PlaceIndex, VolumeId};
use crate::layout::Coded;
use crate::layout::Raid0;
use crate::layout::Raid10;
use crate::node::{LegMode, LegReport, Occupant};

#[test]
fn decides_persists_registers_persists_and_grants_in_this_order() {
    let mut rig = Rig::boot(None, Nanos::ZERO);
    rig.hello(A, 0, 0);
    rig.hello(B, 0, 0);
    let decided = rig.apply(Input::Attach { client: C0, session: 1, held: NEVER }).to_vec();
    let [Effect::Persist(record)] = decided[..] else { panic!("{decided:?}") };
    assert!(!record.granted && record.epoch == Epoch::new(2));
    let persisted = rig.apply(Input::Persisted(record.epoch)).to_vec();
    assert_eq!(persisted, [A, B].map(|leg| registration(leg, record.epoch, false)));
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
    rig.apply(Input::Place(place(b), None));
    assert_eq!(rig.out.last(), Some(&Effect::State(VolumeState::Offline)), "all are needed");
}

#[test]
fn two_legs_that_fail_together_both_stay() {
    let mut rig = Rig::attached();
    rig.apply(Input::Place(place(A), None));
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
    rig.apply(Input::Place(place(A), None));
    rig.apply(Input::Place(place(B), None));
    rig.apply(Input::Attach { client: C0, session: 2, held: NEVER });
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
    rig.apply(Input::Attach { client: C0, session: 2, held: NEVER });
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
fn a_registration_that_may_lie_unread_is_waited_for() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C0, session: 2, held: NEVER });
    rig.apply(Input::Persisted(Epoch::new(3)));
    rig.apply(Input::Registered { leg: A, epoch: Epoch::new(3), life: 0, again: false, ok: true });
    let (targets, deadline) = rig.machine.awaits_registration().expect("B is to register");
    assert_eq!(targets.len(), 1);
    rig.now = deadline;
    rig.apply(Input::Unread);
    rig.after(Nanos::ZERO);
    assert_eq!(rig.modes(), [LegMode::ReadWrite; 2]);
    // All has been read now.
    rig.after(Nanos::from_millis(2));
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    rig.apply(Input::Unread);
    assert_eq!(rig.machine.awaits_registration(), None);
}

#[test]
fn an_earlier_session_that_is_heard_late_does_not_become_the_owner() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C0, session: 3, held: NEVER });
    rig.apply(Input::Attach { client: C0, session: 2, held: NEVER });
    rig.apply(Input::Attach { client: C0, session: 3, held: NEVER });
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
    rig.settle(Input::Place(place(B), Some(report(B, 2, 2))));
    rig.settle(Input::Attach { client: C0, session: 2, held: NEVER });
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
    rig.apply(Input::Place(place(B), None));
    rig.settle(Input::Place(place(B), Some(report(B, 2, 0))));
    assert_eq!(rig.grants(), [(C0, 3, [LegMode::ReadWrite; 2])]);
    assert_eq!(rig.registrations(), [(A, 3), (B, 3)]);
}

#[test]
fn a_target_that_reboots_while_the_grant_is_persisted_is_not_forgotten() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C0, session: 2, held: NEVER });
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
    for (generation, all) in [(2, false), (1, true), (0, true)] {
        let rig = Rig::rebuilding(generation);
        let record = rig.machine.record();
        assert_eq!(record.rebuilds_all(B), all, "generation {generation}");
    }
    // Another disk has nothing, whatever its generation says.
    let mut rig = Rig::degraded();
    rig.apply(Input::Place(place(B), Some(LegReport { serial: 999, ..report(B, 2, 0) })));
    let epoch = rig.epoch();
    rig.settle(Input::LegBack { leg: B, epoch });
    assert!(rig.machine.record().rebuilds_all(B));
    assert_eq!(rig.machine.record().serials[B.index()], 999);
}

/// What `B`'s target reports of a disk that another volume's leg is on.
fn foreign() -> LegReport {
    let (volume, leg, place) = (VolumeId::new(7), LegIndex::new(3), PlaceIndex::new(3));
    let foreign = Some(Occupant { volume, leg, place });
    LegReport { usable: false, serial: 0, foreign, ..report(B, 0, 0) }
}

#[test]
fn a_disk_that_belongs_elsewhere_is_reported_once_and_left_alone_until_it_is_replaced() {
    let mut rig = Rig::degraded();
    let place = place(B);
    let found = foreign().foreign.expect("it is another leg's");
    let told = rig.apply(Input::Place(place, Some(foreign()))).to_vec();
    assert_eq!(told, [Effect::ForeignDisk { place, found }]);
    assert_eq!(rig.apply(Input::Place(place, Some(foreign()))), [], "once");
    let epoch = rig.epoch();
    rig.settle(Input::LegBack { leg: B, epoch });
    assert_eq!((rig.modes()[1], rig.epoch()), (LegMode::Dead, epoch));
    // A blank disk is nobody's: whoever put it there wants it to be used.
    rig.apply(Input::Place(place, Some(LegReport { serial: 999, ..report(B, 0, 0) })));
    rig.settle(Input::LegBack { leg: B, epoch });
    assert_eq!(rig.modes()[1], LegMode::WriteOnly);
    assert!(rig.machine.record().rebuilds_all(B));
}

#[test]
fn the_right_disk_comes_back_after_a_wrong_one_as_if_nothing_had_been_there() {
    let mut rig = Rig::degraded();
    rig.apply(Input::Place(place(B), Some(foreign())));
    rig.hello(B, 2, 0);
    let epoch = rig.epoch();
    rig.settle(Input::LegBack { leg: B, epoch });
    assert_eq!(rig.modes()[1], LegMode::WriteOnly);
    assert!(!rig.machine.record().rebuilds_all(B), "its marks say what it misses");
}

#[test]
fn a_disk_that_belongs_elsewhere_is_never_noted_as_a_legs_own() {
    let mut rig = Rig::boot(None, Nanos::ZERO);
    rig.hello(A, 0, 0);
    rig.apply(Input::Place(place(B), Some(foreign())));
    rig.settle(Input::Attach { client: C0, session: 1, held: NEVER });
    rig.wait(Nanos::from_millis(10));
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    assert!(rig.registrations().iter().all(|(leg, _)| *leg == A), "{:?}", rig.registrations());
    assert_eq!(rig.machine.record().serials[B.index()], 0);
    // Nor is it while it is in the place of a leg that is being rebuilt.
    let mut rig = Rig::rebuilding(0);
    let known = rig.machine.record().serials[B.index()];
    rig.settle(Input::Place(place(B), Some(foreign())));
    let epoch = rig.epoch();
    rig.settle(Input::LegFailed { leg: B, epoch });
    assert_eq!((rig.modes()[1], rig.machine.record().serials[B.index()]), (LegMode::Dead, known));
}

#[test]
fn a_disk_that_is_first_heard_of_when_it_registers_is_on_record_before_the_owner_is_told() {
    let mut rig = Rig::boot(None, Nanos::ZERO);
    rig.hello(A, 0, 0);
    rig.apply(Input::Attach { client: C0, session: 1, held: NEVER });
    rig.hello(B, 0, 0);
    rig.settle(Input::Persisted(Epoch::new(2)));
    assert_eq!(rig.grants(), [(C0, 2, [LegMode::ReadWrite; 2])]);
    let known = rig.machine.record().serials;
    assert_eq!([known[A.index()], known[B.index()]], [100, 101]);
    // A blank disk in its place is none of them, and its number takes nobody's place.
    rig.apply(Input::Place(place(B), Some(LegReport { serial: 999, ..report(B, 0, 0) })));
    assert_eq!(rig.machine.record().serials[B.index()], 101);
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
    rig.apply(Input::Place(place(B), None));
    rig.apply(Input::Rebuilt { leg: B, epoch });
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
    let mut rig = Rig::rebuilding(2);
    let epoch = rig.epoch();
    rig.apply(Input::Place(place(B), Some(LegReport { serial: 999, ..report(B, 3, 0) })));
    rig.settle(Input::Rebuilt { leg: B, epoch });
    assert_ne!(rig.modes()[1], LegMode::ReadWrite, "what was rebuilt is on another disk");
}

#[test]
fn a_disk_that_is_replaced_during_its_rebuild_is_not_taken_for_the_same_by_a_decision_that_comes_first()
 {
    // Its target is up again and has not read the disk yet; nor does an older image of the right one pass for it.
    let unread = LegReport { usable: false, serial: 0, ..report(B, 0, 0) };
    for found in [LegReport { serial: 999, ..report(B, 0, 0) }, report(B, 0, 0)] {
        let mut rig = Rig::rebuilding(0);
        assert!(rig.machine.record().rebuilds_all(B));
        rig.apply(Input::Place(place(B), None));
        rig.apply(Input::Place(place(B), Some(unread)));
        let epoch = rig.epoch();
        rig.settle(Input::Attach { client: C0, session: 2, held: NEVER });
        assert!(rig.epoch() > epoch);
        assert_eq!(rig.machine.record().serials[B.index()], 101, "what was copied is on that one");
        rig.settle(Input::Place(place(B), Some(found)));
        assert_eq!(rig.modes()[1], LegMode::Dead, "its rebuild starts over");
    }
}

#[test]
fn another_life_of_the_client_has_to_recover_and_another_client_has_to_wait() {
    let mut rig = Rig::attached();
    rig.settle(Input::Attach { client: C0, session: 2, held: NEVER });
    assert!(rig.machine.record().recover);
    assert_eq!(rig.machine.record().owner, Some((C0, 2)));
    rig.settle(Input::Attach { client: C1, session: 7, held: NEVER });
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
    rig.settle(Input::Detach { client: C0, session: 9, held: ONCE });
    assert_eq!(rig.machine.record().owner, Some((C0, 1)), "that was another life");
    rig.settle(Input::Detach { client: C0, session: 1, held: ONCE });
    assert_eq!(rig.machine.record().owner, None);
    rig.settle(Input::Attach { client: C1, session: 1, held: NEVER });
    assert!(!rig.machine.record().recover);
}

#[test]
fn an_owner_that_leaves_is_told_when_it_is_on_record_and_whoever_waits_is_next() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C1, session: 7, held: NEVER });
    let decided = rig.apply(Input::Detach { client: C0, session: 1, held: ONCE }).to_vec();
    let [Effect::Persist(record)] = decided[..] else { panic!("{decided:?}") };
    assert_eq!(record.owner, None);
    let again = rig.apply(Input::Detach { client: C0, session: 1, held: ONCE });
    assert_eq!(again, [], "said again, it is still not on record");
    let persisted = rig.apply(Input::Persisted(record.epoch)).to_vec();
    assert_eq!(persisted[0], Effect::Detached(C0, 1));
    let [.., Effect::Persist(next)] = persisted[..] else { panic!("{persisted:?}") };
    assert_eq!((next.owner, next.recover), (Some((C1, 7)), false), "no lease is waited for");
}

#[test]
fn who_waits_no_longer_does_not_become_the_owner() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C1, session: 7, held: NEVER });
    let withdrawn = rig.apply(Input::Detach { client: C1, session: 7, held: ONCE });
    assert_eq!(withdrawn, [Effect::Detached(C1, 7)]);
    rig.settle(Input::Detach { client: C0, session: 1, held: ONCE });
    rig.after(Nanos::from_secs(1));
    assert_eq!(rig.machine.record().owner, None);
}

#[test]
fn a_reboot_after_the_grant_changes_nothing() {
    let mut rig = Rig::attached();
    rig.reboot();
    rig.hello(A, 2, 2);
    rig.hello(B, 2, 2);
    rig.apply(Input::Attach { client: C0, session: 1, held: NEVER });
    assert_eq!(rig.grants().last(), Some(&(C0, 2, [LegMode::ReadWrite; 2])));
    assert!(!rig.out.iter().any(|effect| matches!(effect, Effect::Persist(_))));
    assert!(rig.out.contains(&Effect::State(VolumeState::Healthy)), "told by each life");
}

#[test]
fn a_reboot_between_persist_and_registration_asks_no_more_of_a_disk_than_it_was_given() {
    let mut rig = Rig::attached();
    let effects = rig.apply(Input::Attach { client: C0, session: 2, held: NEVER }).to_vec();
    let [Effect::Persist(record)] = effects[..] else { panic!("{effects:?}") };
    rig.stored = Some(record);
    rig.reboot();
    rig.settle(Input::Attach { client: C0, session: 3, held: NEVER });
    for leg in [A, B] {
        assert_eq!(rig.epoch(), Epoch::new(3), "not all disks have been heard");
        rig.settle(Input::Place(place(leg), Some(report(leg, 2, 0))));
    }
    assert_eq!(rig.epoch(), Epoch::new(4));
    assert_eq!(rig.grants(), [(C0, 4, [LegMode::ReadWrite; 2])], "generation 2 will do");
}

#[test]
fn who_boots_decides_nothing_before_all_disks_were_heard_or_had_their_time() {
    let attach = Input::Attach { client: C0, session: 2, held: NEVER };
    let mut rig = Rig::attached();
    rig.reboot();
    rig.hello(A, 2, 0);
    rig.settle(attach);
    rig.wait(Nanos::from_millis(4));
    assert_eq!(rig.epoch(), Epoch::new(2));
    rig.wait(Nanos::from_millis(2));
    assert!(rig.epoch() > Epoch::new(2), "B is away");
    // The database has gone back: epoch 3 is on a disk that is heard late, and is not decided on again.
    let mut rig = Rig::attached();
    rig.reboot();
    rig.hello(A, 2, 0);
    rig.settle(attach);
    rig.hello(B, 3, 0);
    rig.wait(Nanos::from_millis(20));
    assert_eq!(rig.epoch(), Epoch::new(2));
    assert!(rig.out.iter().any(|effect| matches!(effect, Effect::SplitBrain { .. })));
    // That it goes away takes nothing back; another disk does.
    rig.apply(Input::Place(place(B), None));
    rig.wait(Nanos::from_millis(20));
    assert_eq!(rig.epoch(), Epoch::new(2));
    rig.settle(Input::Place(place(B), Some(LegReport { serial: 999, ..report(B, 0, 0) })));
    rig.wait(Nanos::from_millis(20));
    assert!(rig.epoch() > Epoch::new(2));
}

#[test]
fn an_older_image_is_not_let_into_the_rebuild_with_which_an_owner_goes_on() {
    let mut rig = Rig::rebuilding(0);
    assert!(rig.machine.record().rebuilds_all(B) && rig.machine.record().granted);
    rig.reboot();
    rig.settle(Input::Place(place(B), Some(report(B, 0, 0))));
    let epoch = rig.epoch();
    rig.settle(Input::Tick);
    assert_eq!((rig.epoch(), rig.registrations()), (epoch, vec![]), "A has not been heard");
    rig.settle(Input::Place(place(A), Some(report(A, epoch.get(), 0))));
    assert_eq!(rig.modes()[1], LegMode::Dead, "its rebuild starts over");
}

#[test]
fn who_knows_an_epoch_before_it_was_asked_to_register_it_has_it_from_somebody_else() {
    // A manager that finds nothing of a volume takes it for a new one.
    let mut rig = Rig::boot(None, Nanos::ZERO);
    rig.apply(Input::Attach { client: C0, session: 2, held: NEVER });
    let epoch = rig.epoch();
    rig.hello(A, epoch.get(), 0);
    assert!(rig.out.iter().any(|effect| matches!(effect, Effect::SplitBrain { .. })));
    rig.settle(Input::Persisted(epoch));
    rig.hello(B, 0, 0);
    rig.wait(Nanos::from_millis(20));
    assert_eq!((rig.epoch(), rig.registrations(), rig.grants()), (epoch, vec![], vec![]));
}

#[test]
fn who_stood_still_hears_first_what_was_said_meanwhile() {
    let mut rig = Rig::attached();
    rig.reboot();
    rig.hello(A, 2, 0);
    rig.settle(Input::Attach { client: C0, session: 2, held: NEVER });
    rig.now += Nanos::from_millis(30);
    rig.settle(Input::StoodStill);
    rig.settle(Input::Tick);
    assert_eq!(rig.epoch(), Epoch::new(2));
    rig.hello(B, 3, 0);
    rig.wait(Nanos::from_millis(20));
    assert_eq!(rig.epoch(), Epoch::new(2), "B knows of a later one");
}

#[test]
fn an_older_image_that_shows_up_after_a_reboot_is_not_registered() {
    let mut rig = Rig::attached();
    rig.settle(Input::Attach { client: C0, session: 2, held: NEVER });
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
    rig.apply(Input::Place(place(A), None));
    rig.apply(Input::Place(place(B), None));
    assert_eq!(rig.out.last(), Some(&Effect::State(VolumeState::Offline)));
    rig.settle(Input::Place(place(B), Some(report(B, 2, 0))));
    rig.settle(Input::Place(place(A), Some(report(A, 2, 0))));
    assert_eq!(rig.out.last(), Some(&Effect::State(VolumeState::Healthy)));
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

#[test]
fn a_leg_ahead_of_the_record_is_reported_and_nothing_is_decided_until_it_is_not() {
    // The database has gone back: the record knows nothing of epoch 9, under which A alone was written.
    let mut rig = Rig::attached();
    rig.reboot();
    rig.hello(B, 2, 0);
    rig.hello(A, 9, 0);
    let told = Effect::SplitBrain { place: place(A), generation: Epoch::new(9) };
    assert!(rig.out.contains(&told), "{:?}", rig.out);
    assert_eq!(rig.out.last(), Some(&Effect::State(VolumeState::Offline)));
    rig.out.clear();
    for _ in 0..20 {
        rig.after(Nanos::from_millis(5));
    }
    rig.settle(Input::Attach { client: C0, session: 2, held: NEVER });
    rig.settle(Input::Attach { client: C1, session: 3, held: NEVER });
    assert_eq!((rig.registrations(), rig.grants()), (Vec::new(), Vec::new()));
    assert_eq!((rig.epoch(), rig.modes()), (Epoch::new(2), [LegMode::ReadWrite; 2]));
    // The right disk is back.
    rig.settle(Input::Place(place(A), Some(report(A, 2, 0))));
    assert_eq!(rig.registrations().first(), Some(&(A, 2)), "it goes on where it was");
}
