//! Who listens where: addresses and ports that are not to be had, and those that go under a listener.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;

use stormglass::base::{Nanos, Record};
use stormglass::net::{
    Address, AddressGone, AddressLost, BindError, BindFailed, CloseReason, ConnectError, NetConfig,
    NetFault,
};

use crate::net_rig::{A, B, Lab, SERVICE, closings, ignore, meetings, ms, quick, us};

const OTHER: u16 = 9;

fn lab(interfaces: u8) -> Lab {
    Lab::new(50, NetConfig { interfaces, ..quick() })
}

fn at_b(interface: u8) -> Address {
    Address { node: B, interface }
}

/// Listens on `B` as often as it can: when it could, and when its address went.
fn keep_listening(lab: &Lab, interface: Option<u8>, every: Nanos) -> Rc<RefCell<Vec<Listened>>> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let noted = log.clone();
    lab.on(B, move |handle, port| async move {
        while handle.monotonic() < ms(20) {
            match port.listen_on(interface, SERVICE) {
                Ok(listener) => {
                    noted.borrow_mut().push(Listened::Up(handle.monotonic()));
                    let until = handle.monotonic().max(ms(20));
                    let mut held = Vec::new();
                    let mut over = Box::pin(handle.sleep_until(until));
                    loop {
                        let next = poll_fn(|cx| {
                            use std::future::Future;
                            match listener.poll_incoming(cx) {
                                std::task::Poll::Pending => over.as_mut().poll(cx).map(|()| None),
                                ready => ready.map(Some),
                            }
                        });
                        match next.await {
                            Some(Ok(connection)) => held.push(connection),
                            Some(Err(AddressGone)) => {
                                noted.borrow_mut().push(Listened::Gone(handle.monotonic()));
                                break;
                            }
                            None => return,
                        }
                    }
                }
                Err(why) => {
                    noted.borrow_mut().push(Listened::Not(why));
                    handle.sleep(every).await;
                }
            }
        }
    });
    log
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listened {
    Up(Nanos),
    Not(BindError),
    Gone(Nanos),
}

fn failed(records: &[Record]) -> Vec<BindError> {
    records.iter().filter_map(Record::get::<BindFailed>).map(|failed| failed.why).collect()
}

#[test]
fn two_listeners_have_no_interface_in_common() {
    let lab = lab(2);
    lab.on(B, |_, port| async move {
        let first = port.listen_on(Some(0), SERVICE).expect("nobody is there");
        let _second = port.listen_on(Some(1), SERVICE).expect("another interface");
        let _other = port.listen_on(None, OTHER).expect("another port");
        assert_eq!(port.listen_on(Some(0), SERVICE).map(ignore), Err(BindError::InUse));
        assert_eq!(port.listen_on(None, SERVICE).map(ignore), Err(BindError::InUse));
        assert_eq!(port.listen_on(Some(1), OTHER).map(ignore), Err(BindError::InUse));
        drop(first);
        assert!(port.listen_on(Some(0), SERVICE).is_ok(), "it is free again");
    });
    assert_eq!(failed(&lab.run()), [BindError::InUse; 3]);
}

#[test]
fn a_listener_on_one_interface_is_found_by_that_one_alone() {
    let lab = lab(2);
    keep_listening(&lab, Some(1), ms(1));
    lab.on(A, |handle, port| async move {
        handle.sleep(us(100)).await;
        let from = Address::first(A);
        let other = port.connect_by((from, at_b(0)), SERVICE).await.map(ignore);
        assert_eq!(other, Err(ConnectError::Refused));
        assert!(port.connect_by((from, at_b(1)), SERVICE).await.is_ok());
    });
    lab.run();
}

#[test]
fn port_in_use_leaves_a_listener_alone_and_keeps_the_next_one_off() {
    let lab = lab(1);
    lab.on(B, |handle, port| async move {
        let listener = port.listen(SERVICE);
        handle.sleep_until(ms(2)).await;
        let (_first, _second) = (listener.accept().await, listener.accept().await);
        drop(listener);
        assert_eq!(port.listen_on(None, SERVICE).map(ignore), Err(BindError::InUse));
        assert!(port.listen_on(None, OTHER).is_ok(), "another port is free");
        handle.sleep_until(ms(5)).await;
        assert!(port.listen_on(None, SERVICE).is_ok(), "the other program has gone");
    });
    for connects_at in [us(500), us(1_500)] {
        lab.on(A, move |handle, port| async move {
            handle.sleep_until(connects_at).await;
            assert!(port.connect(B, SERVICE).await.is_ok(), "who listens keeps the port");
        });
    }
    lab.at(ms(1), |_, fabric| ignore(fabric.port_in_use(B, SERVICE)));
    lab.at(ms(4), |_, fabric| fabric.heal_all());
    assert_eq!(failed(&lab.run()), [BindError::InUse]);
}

#[test]
fn address_conflict_takes_the_address_from_who_listens_there_for_as_long() {
    let lab = lab(2);
    let listened = keep_listening(&lab, Some(1), ms(1));
    let other = Rc::new(RefCell::new(Vec::new()));
    let noted = other.clone();
    lab.on(A, move |handle, port| async move {
        let (from, to) = (Address::first(A), at_b(1));
        for at in [1, 4, 9] {
            handle.sleep_until(ms(at)).await;
            let connected = port.connect_by((from, to), SERVICE).await;
            noted.borrow_mut().push(connected.map(std::mem::forget));
        }
    });
    let rule = Rc::new(RefCell::new(None));
    let set = rule.clone();
    lab.at(ms(3), move |_, fabric| {
        *set.borrow_mut() = Some(fabric.address_conflict(at_b(1)));
    });
    lab.at(ms(8), move |_, fabric| {
        assert!(fabric.lift(rule.borrow().expect("it was set")), "it is in force");
    });
    let records = lab.run();
    assert_eq!(*other.borrow(), [Ok(()), Err(ConnectError::TimedOut), Ok(())]);
    assert!(meetings(&records, NetFault::AddressConflict) > 0);
    let lost: Vec<AddressLost> = records.iter().filter_map(Record::get).collect();
    assert_eq!(lost, [AddressLost { at: B, service: SERVICE, interface: 1 }]);
    assert!(failed(&records).iter().all(|why| *why == BindError::NotAvailable));
    let listened = listened.borrow();
    assert_eq!(listened[..2], [Listened::Up(Nanos::ZERO), Listened::Gone(ms(3))]);
    assert!(matches!(listened.last(), Some(Listened::Up(at)) if *at >= ms(8)), "{listened:?}");
}

#[test]
fn who_listens_on_all_interfaces_notices_only_when_all_addresses_are_anothers() {
    let lab = lab(2);
    let listened = keep_listening(&lab, None, ms(1));
    lab.at(ms(3), |_, fabric| ignore(fabric.address_conflict(at_b(1))));
    lab.at(ms(4), |_, fabric| ignore(fabric.interface_down(at_b(0))));
    lab.at(ms(6), |_, fabric| ignore(fabric.address_conflict(at_b(0))));
    lab.at(ms(9), |_, fabric| fabric.heal_all());
    lab.run();
    let listened = listened.borrow();
    assert_eq!(listened[..2], [Listened::Up(Nanos::ZERO), Listened::Gone(ms(6))]);
    assert!(matches!(listened.last(), Some(Listened::Up(at)) if *at >= ms(9)), "{listened:?}");
}

#[test]
fn an_interface_that_goes_is_noticed_by_who_listens_on_it_alone() {
    let lab = lab(2);
    let alone = keep_listening(&lab, Some(1), ms(1));
    lab.at(ms(3), |_, fabric| ignore(fabric.interface_down(at_b(1))));
    lab.at(ms(7), |_, fabric| fabric.heal_all());
    lab.run();
    let alone = alone.borrow();
    assert_eq!(alone[1], Listened::Gone(ms(3)));
    assert_eq!(alone[2], Listened::Not(BindError::NotAvailable));
    assert!(matches!(alone.last(), Some(Listened::Up(at)) if *at >= ms(7)), "{alone:?}");
}

#[test]
fn renumber_breaks_what_uses_the_address_and_can_be_listened_at_anew_at_once() {
    let lab = lab(2);
    let listened = keep_listening(&lab, Some(1), ms(1));
    let ends = Rc::new(RefCell::new(Vec::new()));
    let noted = ends.clone();
    lab.on(A, move |handle, port| async move {
        handle.sleep_until(ms(1)).await;
        let by = |interface| port.connect_by((Address::first(A), at_b(interface)), SERVICE);
        let connection = by(1).await.expect("B listens");
        assert_eq!(connection.recv().await.map(ignore), Err(stormglass::net::Closed));
        noted.borrow_mut().push(handle.monotonic());
        handle.sleep(us(10)).await;
        assert!(by(1).await.is_ok(), "it listens at the new address");
    });
    lab.at(ms(3), |_, fabric| assert_eq!(fabric.renumber(at_b(1)), 1));
    let records = lab.run();
    assert_eq!(*ends.borrow(), [ms(3)]);
    assert_eq!(meetings(&records, NetFault::Renumber), 1);
    assert!(closings(&records).contains(&(A, CloseReason::Reset)));
    let listened = listened.borrow();
    assert_eq!(listened[..2], [Listened::Up(Nanos::ZERO), Listened::Gone(ms(3))]);
    assert!(matches!(listened[2], Listened::Up(at) if at == ms(3)), "{listened:?}");
}
