//! Stories of legs that are given spares. Tells none of volatile caches.

use super::input::{Effect, Input};
use super::rig::{A, B, C0, NEVER, Rig, place, report};
use crate::base::{Epoch, LegIndex, Nanos, PlaceIndex};
use crate::node::LegMode;

const SPARE: PlaceIndex = PlaceIndex::new(2);

/// `B` has been away for long, and is rebuilt on the spare.
fn on_spare() -> Rig {
    let mut rig = Rig::attached_with_spare();
    let epoch = rig.epoch();
    rig.settle(Input::LegFailed { leg: B, epoch });
    rig.settle(Input::Place(place(B), None));
    rig.wait(Nanos::from_millis(40));
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead], "it may come back");
    rig.out.clear();
    rig.wait(Nanos::from_millis(20));
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
    rig
}

fn registered_places(rig: &Rig) -> Vec<(LegIndex, PlaceIndex, Epoch)> {
    let asked = rig.out.iter().filter_map(|effect| match effect {
        Effect::Register { leg, place, rebuild, .. } => Some((*leg, *place, *rebuild)),
        _ => None,
    });
    asked.collect()
}

#[test]
fn a_leg_that_stays_away_is_rebuilt_in_whole_on_a_spare() {
    let mut rig = on_spare();
    let epoch = rig.epoch();
    let asked = registered_places(&rig);
    assert_eq!(asked, [(A, place(A), Epoch::new(0)), (B, SPARE, epoch)]);
    assert_eq!(rig.stored.map(|record| record.places.of(B)), Some(SPARE));
    rig.settle(Input::Rebuilt { leg: B, epoch });
    assert_eq!(rig.modes(), [LegMode::ReadWrite; 2]);
    let record = rig.machine.record();
    assert_eq!((record.serials[B.index()], record.rebuilds_all(B)), (102, false));
}

#[test]
fn the_old_disk_is_no_leg_any_more_but_a_spare() {
    let mut rig = on_spare();
    let epoch = rig.epoch();
    rig.settle(Input::Rebuilt { leg: B, epoch });
    rig.out.clear();
    // It is as good as new, and would be taken for `B` by its serial number and generation.
    rig.settle(Input::Place(place(B), Some(report(B, epoch.get(), 0))));
    let before = rig.epoch();
    rig.wait(Nanos::from_millis(5));
    assert_eq!((rig.epoch(), registered_places(&rig)), (before, Vec::new()));
    // The spare fails in its turn, and the leg is given the old place, for another rebuild in whole.
    rig.settle(Input::LegFailed { leg: B, epoch: before });
    rig.settle(Input::Place(SPARE, None));
    rig.out.clear();
    rig.wait(Nanos::from_millis(60));
    let now = rig.epoch();
    assert_eq!(registered_places(&rig)[1], (B, place(B), now));
    assert!(rig.machine.record().rebuilds_all(B));
}

#[test]
fn a_leg_that_is_back_in_time_needs_no_spare() {
    let mut rig = Rig::attached_with_spare();
    let epoch = rig.epoch();
    rig.settle(Input::LegFailed { leg: B, epoch });
    rig.wait(Nanos::from_millis(30));
    let epoch = rig.epoch();
    rig.settle(Input::LegBack { leg: B, epoch });
    rig.wait(Nanos::from_millis(60));
    assert_eq!(rig.machine.record().places.of(B), place(B));
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
}

#[test]
fn a_manager_that_boots_knows_where_the_leg_is_and_goes_on_with_the_same_rebuild() {
    let mut rig = on_spare();
    let epoch = rig.epoch();
    rig.reboot();
    for at in 0..3 {
        let leg = LegIndex::new(at);
        let generation = if leg == B { 2 } else { epoch.get() };
        rig.settle(Input::Place(place(leg), Some(report(leg, generation, 0))));
    }
    rig.wait(Nanos::from_millis(30));
    let asked = registered_places(&rig);
    assert!(asked.contains(&(B, SPARE, epoch)), "{asked:?}");
    assert!(asked.iter().all(|(_, place, _)| *place != super::rig::place(B)), "{asked:?}");
}

#[test]
fn a_spare_that_is_away_is_not_given() {
    let mut rig = Rig::attached_with_spare();
    rig.settle(Input::Place(SPARE, None));
    let epoch = rig.epoch();
    rig.settle(Input::LegFailed { leg: B, epoch });
    rig.wait(Nanos::from_millis(80));
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    rig.settle(Input::Place(SPARE, Some(report(LegIndex::new(2), 0, 0))));
    rig.wait(Nanos::from_millis(2));
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
}

#[test]
fn nobody_is_given_a_spare_that_nobody_would_rebuild() {
    let mut rig = Rig::attached_with_spare();
    let epoch = rig.epoch();
    rig.settle(Input::LegFailed { leg: B, epoch });
    let held = rig.epoch();
    rig.settle(Input::Detach { client: C0, session: 1, held });
    rig.wait(Nanos::from_millis(90));
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::Dead]);
    rig.settle(Input::Attach { client: C0, session: 2, held: NEVER });
    rig.wait(Nanos::from_millis(2));
    assert_eq!(rig.modes(), [LegMode::ReadWrite, LegMode::WriteOnly]);
}

/// `B` fails, is away for so long, and is back in sync for so long.
fn come_and_go(rig: &mut Rig, away: u64, there: u64) {
    let epoch = rig.epoch();
    rig.settle(Input::LegFailed { leg: B, epoch });
    rig.wait(Nanos::from_millis(away));
    let epoch = rig.epoch();
    rig.settle(Input::LegBack { leg: B, epoch });
    let epoch = rig.epoch();
    rig.settle(Input::Rebuilt { leg: B, epoch });
    rig.wait(Nanos::from_millis(there));
    assert_eq!((rig.modes()[1], rig.machine.record().places.of(B)), (LegMode::ReadWrite, place(B)));
}

/// `B` fails, and stays away for so long; where it is then.
fn go(rig: &mut Rig, away: u64) -> PlaceIndex {
    let epoch = rig.epoch();
    rig.settle(Input::LegFailed { leg: B, epoch });
    rig.wait(Nanos::from_millis(away));
    rig.machine.record().places.of(B)
}

#[test]
fn a_leg_that_comes_and_goes_is_given_a_spare_when_its_absences_add_up() {
    let mut rig = Rig::attached_with_spare();
    come_and_go(&mut rig, 20, 10);
    come_and_go(&mut rig, 20, 10);
    assert_eq!(go(&mut rig, 6), place(B));
    rig.wait(Nanos::from_millis(6));
    assert_eq!(rig.machine.record().places.of(B), SPARE);
    // Of the spare, nothing is known that would speak against it.
    let epoch = rig.epoch();
    rig.settle(Input::Rebuilt { leg: B, epoch });
    assert_eq!(go(&mut rig, 40), SPARE);
}

#[test]
fn a_leg_that_goes_too_often_is_given_a_spare_at_once() {
    let mut rig = Rig::attached_with_spare();
    (0..4).for_each(|_| come_and_go(&mut rig, 1, 10));
    assert_eq!(go(&mut rig, 1), SPARE);
    // Now and then is not too often.
    let mut rig = Rig::attached_with_spare();
    (0..9).for_each(|_| come_and_go(&mut rig, 5, 60));
    assert_eq!(go(&mut rig, 5), place(B));
}
