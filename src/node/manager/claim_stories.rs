//! Stories of who owns a volume: clients that wait, take over, come back too late, or wait no longer.

use super::input::{Effect, Input};
use super::rig::{A, B, C0, C1, NEVER, ONCE, Rig};
use crate::base::{Nanos, NodeId};

const C2: NodeId = NodeId::new(2);

fn owner(rig: &Rig) -> Option<(NodeId, u64)> {
    rig.machine.record().owner
}

#[test]
fn clients_get_the_volume_in_the_order_in_which_they_asked() {
    let mut rig = Rig::attached();
    rig.settle(Input::Attach { client: C2, session: 5, held: NEVER });
    rig.settle(Input::Attach { client: C1, session: 6, held: NEVER });
    rig.settle(Input::Attach { client: C2, session: 7, held: NEVER });
    rig.settle(Input::Detach { client: C0, session: 1, held: ONCE });
    assert_eq!(owner(&rig), Some((C2, 7)), "its newer session is in its older one's place");
    rig.settle(Input::Detach { client: C2, session: 7, held: ONCE });
    assert_eq!(owner(&rig), Some((C1, 6)));
    rig.settle(Input::Detach { client: C1, session: 6, held: ONCE });
    assert_eq!(owner(&rig), None);
}

#[test]
fn an_owner_that_was_overtaken_is_told_so_and_does_not_get_its_turn() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C1, session: 7, held: NEVER });
    rig.settle(Input::Tick);
    rig.now += Nanos::from_millis(23);
    rig.settle(Input::Tick);
    assert_eq!(owner(&rig), Some((C1, 7)));
    let persisted = |effect: &Effect| matches!(effect, Effect::Persist(_));
    let told = |effect: &Effect| *effect == Effect::Detached(C0, 1);
    let order = (rig.out.iter().position(persisted), rig.out.iter().position(told));
    assert!(order.0.is_some() && order.0 < order.1, "not before it is on record");
    let late = rig.apply(Input::Attach { client: C0, session: 1, held: ONCE });
    assert_eq!(late, [Effect::Detached(C0, 1)], "in case it has not heard");
    rig.settle(Input::Detach { client: C1, session: 7, held: ONCE });
    assert_eq!(owner(&rig), None, "that session is over");
    rig.settle(Input::Attach { client: C0, session: 2, held: NEVER });
    assert_eq!(owner(&rig), Some((C0, 2)));
}

#[test]
fn an_owner_that_comes_back_while_it_is_being_overtaken_is_told_when_that_is_on_record() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C1, session: 7, held: NEVER });
    rig.after(Nanos::from_millis(23));
    let record = *rig.machine.record();
    assert_eq!((record.owner, rig.out.last()), (Some((C1, 7)), Some(&Effect::Persist(record))));
    let early = rig.apply(Input::Attach { client: C0, session: 1, held: ONCE });
    assert_eq!(early, []);
    let stored = rig.apply(Input::Persisted(record.epoch)).to_vec();
    assert_eq!(stored[0], Effect::Detached(C0, 1));
    let told = rig.out.iter().filter(|effect| **effect == Effect::Detached(C0, 1));
    assert_eq!(told.count(), 1);
}

#[test]
fn an_owner_that_comes_back_goes_on_if_its_manager_dies_before_another_one_is_on_record() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C1, session: 7, held: NEVER });
    rig.after(Nanos::from_millis(23));
    assert_eq!(owner(&rig), Some((C1, 7)), "decided on, and not stored");
    rig.apply(Input::Attach { client: C0, session: 1, held: ONCE });
    rig.reboot();
    for leg in [A, B] {
        rig.hello(leg, 2, 2);
    }
    rig.settle(Input::Attach { client: C0, session: 1, held: ONCE });
    assert_eq!(rig.grants().last().map(|grant| (grant.0, grant.1)), Some((C0, 2)));
    assert!(!rig.out.contains(&Effect::Detached(C0, 1)));
}

#[test]
fn a_claim_that_is_withdrawn_when_its_client_is_the_owner_stands() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C1, session: 7, held: NEVER });
    rig.settle(Input::Detach { client: C0, session: 1, held: ONCE });
    assert_eq!(owner(&rig), Some((C1, 7)));
    // It may hear of its grant, and write, before this is heard.
    rig.settle(Input::Detach { client: C1, session: 7, held: NEVER });
    rig.after(Nanos::from_millis(1));
    assert_eq!(owner(&rig), Some((C1, 7)));
    rig.settle(Input::Detach { client: C1, session: 7, held: ONCE });
    assert_eq!(owner(&rig), None);
}

#[test]
fn a_claim_ends_with_its_connection() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C1, session: 7, held: NEVER });
    rig.apply(Input::Gone { client: C1 });
    rig.settle(Input::Detach { client: C0, session: 1, held: ONCE });
    assert_eq!(owner(&rig), None);
}

#[test]
fn an_attachment_that_was_told_that_it_is_over_does_not_come_by_the_volume_again() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C1, session: 7, held: NEVER });
    rig.now += Nanos::from_millis(23);
    rig.apply(Input::Tick);
    // That it has been taken from it is not on record yet when it asks once more.
    rig.apply(Input::Attach { client: C0, session: 1, held: NEVER });
    let epoch = rig.epoch();
    rig.settle(Input::Persisted(epoch));
    assert!(rig.out.contains(&Effect::Detached(C0, 1)), "{:?}", rig.out);
    assert_eq!(owner(&rig), Some((C1, 7)));
    rig.settle(Input::Detach { client: C1, session: 7, held: ONCE });
    assert_eq!(owner(&rig), None);
}

#[test]
fn nor_does_it_when_its_turn_had_come_while_that_was_put_on_record() {
    let mut rig = Rig::attached();
    rig.now += Nanos::from_millis(123);
    rig.apply(Input::Tick);
    let target = rig.asked_to_care()[0];
    rig.apply(Input::Attach { client: target, session: 50, held: NEVER });
    rig.apply(Input::Tick);
    let epoch = rig.epoch();
    rig.apply(Input::Attach { client: C0, session: 1, held: NEVER });
    rig.apply(Input::Tick);
    rig.settle(Input::Persisted(epoch));
    assert!(rig.out.contains(&Effect::Detached(C0, 1)), "{:?}", rig.out);
    rig.wait(Nanos::from_millis(2));
    assert_eq!(owner(&rig), Some((target, 50)));
}

#[test]
fn a_new_owner_has_its_lease_to_be_heard_in() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C1, session: 7, held: NEVER });
    rig.apply(Input::Attach { client: C2, session: 8, held: NEVER });
    rig.now += Nanos::from_millis(23);
    rig.settle(Input::Tick);
    assert_eq!(owner(&rig), Some((C1, 7)));
    rig.now += Nanos::from_millis(21);
    rig.settle(Input::Tick);
    assert_eq!(owner(&rig), Some((C1, 7)));
    rig.now += Nanos::from_millis(2);
    rig.settle(Input::Tick);
    assert_eq!(owner(&rig), Some((C2, 8)));
}

#[test]
fn the_owner_that_boots_anew_goes_before_those_who_wait() {
    let mut rig = Rig::attached();
    rig.apply(Input::Attach { client: C1, session: 7, held: NEVER });
    rig.settle(Input::Attach { client: C0, session: 2, held: NEVER });
    assert_eq!(owner(&rig), Some((C0, 2)));
    assert!(!rig.out.contains(&Effect::Detached(C0, 1)), "nobody is there to be told");
    rig.settle(Input::Detach { client: C0, session: 2, held: ONCE });
    assert_eq!(owner(&rig), Some((C1, 7)));
}
