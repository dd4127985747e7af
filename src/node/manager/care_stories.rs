//! Stories of volumes that nobody has. Tells none of spares.

use super::input::{Effect, Input};
use super::rig::{A, B, C0, C1, NEVER, Rig, place};
use crate::base::{Nanos, NodeId};

const T0: NodeId = NodeId::new(10);
const T1: NodeId = NodeId::new(11);

#[test]
fn a_volume_whose_owner_is_gone_for_good_is_seen_to_by_one_target_after_the_other() {
    let mut rig = Rig::attached();
    rig.wait(Nanos::from_millis(99));
    assert_eq!(rig.asked_to_care(), []);
    rig.wait(Nanos::from_millis(5));
    assert_eq!(rig.asked_to_care(), [T0]);
    rig.wait(Nanos::from_millis(102));
    assert_eq!(rig.asked_to_care(), [T0, T1], "the first did nothing");
    // An owner that is heard of needs nobody.
    let mut rig = Rig::attached();
    for _ in 0..60 {
        rig.wait(Nanos::from_millis(4));
        rig.settle(Input::Heard { client: C0, session: 1 });
    }
    assert_eq!(rig.asked_to_care(), []);
}

#[test]
fn clients_that_wait_come_before_targets() {
    let mut rig = Rig::attached();
    rig.settle(Input::Attach { client: C1, session: 7, held: NEVER });
    rig.wait(Nanos::from_millis(30));
    assert_eq!(rig.machine.record().owner, Some((C1, 7)));
    assert_eq!(rig.asked_to_care(), []);
}

#[test]
fn whoever_asks_for_a_volume_has_it_from_its_caretaker_at_once() {
    let mut rig = Rig::attached();
    rig.wait(Nanos::from_millis(110));
    rig.settle(Input::Attach { client: T0, session: 5, held: NEVER });
    rig.wait(Nanos::from_millis(2));
    assert_eq!(rig.machine.record().owner, Some((T0, 5)));
    assert!(rig.machine.record().recover);
    rig.out.clear();
    rig.settle(Input::Attach { client: C1, session: 7, held: NEVER });
    rig.wait(Nanos::from_millis(1));
    let record = rig.machine.record();
    assert_eq!((record.owner, record.recover), (Some((C1, 7)), true));
    assert!(rig.out.contains(&Effect::Detached(T0, 5)), "{:?}", rig.out);
}

#[test]
fn a_volume_that_was_given_back_degraded_is_seen_to_and_a_whole_one_is_not() {
    let mut rig = Rig::degraded();
    let held = rig.epoch();
    rig.settle(Input::Detach { client: C0, session: 1, held });
    rig.wait(Nanos::from_millis(110));
    assert_eq!(rig.asked_to_care(), [T0], "the target of the leg in sync");
    let mut rig = Rig::attached();
    let held = rig.epoch();
    rig.settle(Input::Detach { client: C0, session: 1, held });
    rig.wait(Nanos::from_millis(300));
    assert_eq!(rig.asked_to_care(), []);
}

#[test]
fn a_target_that_is_away_is_not_asked() {
    let mut rig = Rig::attached();
    rig.settle(Input::Place(place(A), None));
    rig.wait(Nanos::from_millis(105));
    assert_eq!(rig.asked_to_care(), [T1]);
    rig.settle(Input::Place(place(B), None));
    rig.wait(Nanos::from_millis(300));
    assert_eq!(rig.asked_to_care(), [T1], "nobody is left");
}
