//! The network simulator's finer faults, each proved by what the other door sees: altered, doubled, late and
//! overtaken messages, narrow links, half-open connections, interfaces, and faults of one kind of message.

use std::cell::RefCell;
use std::rc::Rc;

use stormglass::base::{Nanos, Odds};
use stormglass::net::{
    Address, CloseReason, ConnectError, DropReason, Fabric, NetConfig, NetFault, RuleId,
};

use crate::net_rig::*;

fn odds(numerator: u32, denominator: u32) -> Odds {
    Odds::new(numerator, denominator).expect("odds")
}

/// A network whose messages take 100 us, neither more nor less.
fn steady() -> NetConfig {
    NetConfig { latency: (us(100), us(100)), ..NetConfig::default() }
}

#[test]
fn an_altered_message_costs_its_connection_where_there_is_a_checksum() {
    let lab = Lab::new(21, quick());
    let server = lab.serve(B);
    let client = lab.talk(400, us(10));
    lab.at(ms(1), |_, fabric| fabric.corrupt(A, B, odds(1, 20)));
    let records = lab.run();
    let got = numbers(&server);
    assert!(got.len() > 80 && got.len() < 400, "{}", got.len());
    assert_eq!(got, up_to(got.len() as u64), "nothing altered was handed on, nothing is missing");
    let (a, b) = (closed_at(&client).expect("A"), closed_at(&server).expect("B"));
    assert!(b > ms(1) && a > b && a < b + us(40), "the receiver first, then the sender: {b} {a}");
    assert!(closings(&records).contains(&(B, CloseReason::Corrupted)));
    assert_eq!(drops(&records, DropReason::Corrupted), 1);
    assert_eq!(meetings(&records, NetFault::Corrupt), 1);
    assert_eq!(lab.fabric.in_flight(), 0);
}

#[test]
fn an_altered_message_arrives_altered_where_there_is_no_checksum() {
    let lab = Lab::new(21, NetConfig { checksum: false, ..quick() });
    let server = lab.serve(B);
    let client = lab.talk(400, us(10));
    lab.at(ms(1), |_, fabric| fabric.corrupt(A, B, odds(1, 20)));
    let records = lab.run();
    let got = numbers(&server);
    assert_eq!(got.len(), 400);
    let altered = got.iter().filter(|number| **number >= ALTERED).count();
    assert!((5..40).contains(&altered), "{altered}");
    assert_eq!(meetings(&records, NetFault::Corrupt), altered);
    let whole = got.iter().zip(0..).filter(|(number, at)| **number == *at).count();
    assert_eq!(whole + altered, 400, "in their places");
    assert_eq!(closed_at(&client), None);
}

#[test]
fn an_altered_datagram_is_dropped_or_arrives_altered() {
    for checksum in [true, false] {
        let lab = Lab::new(22, NetConfig { checksum, ..quick() });
        let log = lab.take_datagrams();
        lab.send_datagrams(300, us(10));
        lab.at(Nanos::ZERO, |_, fabric| fabric.corrupt(A, B, odds(1, 5)));
        let records = lab.run();
        let altered = numbers(&log).iter().filter(|number| **number >= ALTERED).count();
        let dropped = drops(&records, DropReason::Corrupted);
        let met = meetings(&records, NetFault::Corrupt);
        assert!((30..100).contains(&met), "{met}");
        assert_eq!((altered, dropped), if checksum { (0, met) } else { (met, 0) });
    }
}

#[test]
fn a_datagram_may_come_twice_but_nothing_comes_twice_on_a_connection() {
    let lab = Lab::new(23, quick());
    let (log, server) = (lab.take_datagrams(), lab.serve(B));
    lab.send_datagrams(200, us(10));
    lab.talk(200, us(10));
    lab.at(Nanos::ZERO, |_, fabric| fabric.duplicate(A, B, odds(1, 4)));
    let records = lab.run();
    let got = numbers(&log);
    let mut once = got.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once, up_to(200), "all of them");
    let twice = got.len() - once.len();
    assert!((20..80).contains(&twice), "{twice}");
    assert_eq!(numbers(&server), up_to(200));
    let vain = drops(&records, DropReason::Duplicate);
    assert!((20..80).contains(&vain), "{vain}");
    assert_eq!(meetings(&records, NetFault::Duplicate), twice + vain);
    assert_eq!(lab.fabric.in_flight(), 0);
}

#[test]
fn what_the_wire_carries_twice_takes_its_time_twice() {
    let took = |doubled: bool| {
        let lab = Lab::new(23, NetConfig { bandwidth_bits_per_second: 1_000_000_000, ..steady() });
        let server = lab.serve(B);
        lab.on(A, |handle, port| async move {
            let connection = port.connect(B, SERVICE).await.expect("B listens");
            for number in 0..10 {
                connection.send(Parcel { number, bytes: 125_000 }).expect("it is open");
                handle.sleep(ms(1)).await;
            }
            std::future::pending::<()>().await;
        });
        if doubled {
            lab.at(Nanos::ZERO, |_, fabric| fabric.duplicate(A, B, Odds::ALWAYS));
        }
        lab.run();
        got_at(&server, 9)
    };
    // A message is on the wire while its predecessor's copy is: each of them costs what is left of that.
    assert!(took(true) > took(false) + ms(4), "{} against {}", took(true), took(false));
}

#[test]
fn others_overtake_a_late_datagram_and_wait_for_a_late_message_of_a_connection() {
    let lab = Lab::new(24, steady());
    let (log, server) = (lab.take_datagrams(), lab.serve(B));
    lab.send_datagrams(200, us(10));
    lab.talk(200, us(10));
    lab.at(Nanos::ZERO, |_, fabric| fabric.reorder(A, B, odds(1, 10)));
    let records = lab.run();
    let got = numbers(&log);
    assert!(got.windows(2).any(|pair| pair[0] > pair[1]), "some were overtaken");
    let mut sorted = got.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, up_to(200), "and none lost");
    assert_eq!(numbers(&server), up_to(200), "never on a connection");
    let at: Vec<Nanos> = server.borrow().iter().map(|(at, _)| *at).collect();
    let together = at.windows(2).filter(|pair| pair[1] - pair[0] < us(2)).count();
    assert!(together > 30, "{together} came on the heels of a late one");
    assert!(meetings(&records, NetFault::Reorder) > 10);
}

#[test]
fn a_narrow_link_lets_one_message_through_after_another_whosever_they_are() {
    let lab = Lab::new(25, steady());
    let (log, server) = (lab.take_datagrams(), lab.serve(B));
    // A message of 64 bytes takes 512 us at a million bits a second; the two handshakes as much.
    lab.at(us(250), |_, fabric| fabric.bandwidth(A, B, 1_000_000));
    lab.talk(20, Nanos::new(100));
    lab.send_datagrams(20, Nanos::new(100));
    let records = lab.run();
    let datagrams_before = log.borrow().iter().filter(|(at, _)| *at < us(250)).count();
    assert_eq!(datagrams_before, 20, "they were through before the link became narrow");
    let (first, last) = (got_at(&server, 0), got_at(&server, 19));
    assert!(first >= us(812) && first < us(830), "what was on the wire already waits: {first}");
    assert_eq!((last - first).get() / 1000, 19 * 512, "their times add up behind each other");
    assert_eq!(meetings(&records, NetFault::Bandwidth), 20);
}

#[test]
fn a_half_open_connection_swallows_what_is_sent_until_its_owner_gives_it_up() {
    let lab = Lab::new(26, quick());
    let server = lab.serve(B);
    let client = lab.talk(500, us(20));
    lab.at(ms(2), |_, fabric| {
        assert_eq!((fabric.connections(A, B), fabric.whole_connections(B, A)), (1, 1));
        assert_eq!((fabric.is_in_use(Address::first(A)), fabric.connections(A, A)), (true, 0));
        assert_eq!(fabric.half_open(A, B), 1);
        assert_eq!((fabric.open_connections(A), fabric.open_connections(B)), (1, 0));
        assert_eq!((fabric.connections(A, B), fabric.whole_connections(A, B)), (1, 0));
        assert!(!fabric.is_in_use(Address::first(A)), "it is not open at both ends");
    });
    lab.at(ms(9), |_, fabric| assert_eq!(fabric.open_connections(A), 1, "A believes in it"));
    lab.at(ms(20), |kernel, fabric| {
        drop(kernel.kill(A));
        assert_eq!(fabric.open_connections(A), 0);
    });
    let records = lab.run();
    assert!(closed_at(&server).is_some_and(|at| at >= ms(2) && at < us(2_010)));
    assert_eq!(closed_at(&client), None, "it was never told");
    let (got, vanished) = (numbers(&server), drops(&records, DropReason::HalfOpen));
    assert_eq!(got, up_to(got.len() as u64));
    assert_eq!(got.len() + vanished, 500, "on the wire already, or sent later");
    assert!(vanished > 300, "{vanished}");
    assert_eq!(lab.fabric.in_flight(), 0);
}

#[test]
fn who_believes_in_a_half_open_connection_is_told_when_it_is_healed_and_new_ones_are_whole() {
    for all in [true, false] {
        let lab = Lab::new(26, quick());
        let first = lab.serve(B);
        let client = lab.talk(1, us(1));
        lab.at(ms(2), |_, fabric| fabric.half_open(A, B));
        lab.at(
            ms(4),
            move |_, fabric| {
                if all { fabric.heal_all() } else { fabric.heal_half_open(A, B) }
            },
        );
        lab.on(B, |handle, port| async move {
            handle.sleep(ms(3)).await;
            let again = port.listen(SERVICE + 1).accept().await;
            assert_eq!(again.recv().await.map(|parcel| parcel.number), Ok(77));
        });
        lab.on(A, |handle, port| async move {
            handle.sleep(us(3_100)).await;
            let connection = port.connect(B, SERVICE + 1).await.expect("B listens");
            connection.send(small(77)).expect("it is open");
            assert!(connection.recv().await.is_err(), "B has read it and gone");
        });
        let records = lab.run();
        assert!(closed_at(&first).is_some_and(|at| at < us(2_010)));
        assert!(closed_at(&client).is_some_and(|at| at > ms(4) && at < us(4_030)));
        let half = (B, CloseReason::HalfOpen);
        assert_eq!(closings(&records).iter().filter(|closed| **closed == half).count(), 1);
    }
}

#[test]
fn the_next_messages_of_a_kind_are_dropped_and_no_others() {
    let lab = Lab::new(27, quick());
    let (log, server) = (lab.take_datagrams(), lab.serve(B));
    lab.send_datagrams(5, ms(1));
    lab.on(A, |handle, port| async move {
        let connection = port.connect(B, SERVICE).await.expect("B listens");
        for number in 0..10 {
            let bytes = if number % 2 == 0 { 64 } else { 4_096 };
            connection.send(Parcel { number, bytes }).expect("it is open");
            handle.sleep(ms(1)).await;
        }
        std::future::pending::<()>().await;
    });
    lab.at(us(1_500), |_, fabric| {
        fabric.drop_next(A, B, SMALL, 3);
        assert_eq!(fabric.faults(), 1);
    });
    let records = lab.run();
    assert_eq!(lab.fabric.faults(), 0, "it has had all its messages");
    assert_eq!(drops(&records, DropReason::DropNext), 3);
    assert_eq!(meetings(&records, NetFault::DropNext), 3);
    let missing = 15 - numbers(&log).len() - numbers(&server).len();
    assert_eq!(missing, 3);
    let large = numbers(&server).into_iter().filter(|number| number % 2 == 1);
    assert_eq!(large.collect::<Vec<_>>(), [1, 3, 5, 7, 9], "of the other kind, and in order");
    assert_eq!(closed_at(&server), None, "the connection goes on without them");
}

#[test]
fn a_lifted_drop_next_drops_no_more() {
    let lab = Lab::new(27, quick());
    let server = lab.serve(B);
    lab.talk(10, ms(1));
    lab.at(us(1_500), |_, fabric| {
        let rule = fabric.drop_next(A, B, SMALL, 100);
        let later = fabric.clone();
        assert!(later.faults() == 1 && rule != later.drop_next(B, A, SMALL, 1));
    });
    lab.at(us(4_500), |_, fabric| fabric.heal_link(A, B));
    lab.run();
    assert_eq!(numbers(&server).len(), 7);
    assert_eq!(lab.fabric.faults(), 1, "the other direction's");
}

#[test]
fn the_next_messages_of_a_kind_come_twice_in_a_row() {
    let lab = Lab::new(28, quick());
    let (log, server) = (lab.take_datagrams(), lab.serve(B));
    lab.send_datagrams(3, ms(1));
    lab.talk(10, ms(1));
    lab.at(us(4_500), |_, fabric| fabric.duplicate_next(A, B, SMALL, 2));
    lab.at(us(100), |_, fabric| fabric.duplicate_next(A, B, SMALL, 1));
    let records = lab.run();
    let got = numbers(&server);
    assert!(got.windows(2).all(|pair| pair[0] <= pair[1]), "{got:?}");
    assert_eq!(got.len() + numbers(&log).len(), 13 + 3, "three came twice");
    assert_eq!(got.windows(2).filter(|pair| pair[0] == pair[1] && pair[0] >= 4).count(), 2);
    assert_eq!(meetings(&records, NetFault::DuplicateNext), 3);
    assert_eq!(lab.fabric.in_flight(), 0);
}

#[test]
fn the_next_messages_of_a_kind_come_late_and_what_follows_on_the_connection_waits() {
    let lab = Lab::new(29, quick());
    let server = lab.serve(B);
    lab.talk(10, ms(1));
    lab.at(us(2_500), |_, fabric| fabric.delay_next((A, B), SMALL, 1, (ms(3), ms(3))));
    lab.run();
    assert_eq!(numbers(&server), up_to(10));
    assert!(got_at(&server, 2) < us(2_100));
    for number in [3, 4, 5] {
        let at = got_at(&server, number);
        assert!(at > ms(6) && at < us(6_100), "{number} at {at}");
    }
    assert!(got_at(&server, 7) < us(7_100), "the others are in time");
}

/// Connects `A` to `B` by the way of an attempt, and sends a message every 100 us.
fn talk_by(lab: &Lab, attempt: u32, count: u64) -> Log {
    let log = Log::default();
    let noted = log.clone();
    lab.on(A, move |handle, port| async move {
        let way = port.way(B, attempt);
        let connection = port.connect_by(way, SERVICE).await.expect("B listens");
        assert_eq!(connection.addresses(), way);
        for number in 0..count {
            if connection.send(small(number)).is_err() {
                break;
            }
            handle.sleep(us(100)).await;
        }
        note_all(&handle, &connection, &noted).await;
    });
    log
}

#[test]
fn an_interface_that_is_down_takes_its_own_connections_and_no_others() {
    let lab = Lab::new(30, NetConfig { interfaces: 2, ..quick() });
    let server = Log::default();
    let noted = server.clone();
    lab.on(B, |handle, port| async move {
        let listener = port.listen(SERVICE);
        loop {
            let (connection, handle) = (listener.accept().await, handle.clone());
            let (noted, task) = (noted.clone(), handle.clone());
            drop(handle.spawn("one", async move { note_all(&task, &connection, &noted).await }));
        }
    });
    let clients = [0, 1, 2, 3].map(|attempt| talk_by(&lab, attempt, 100));
    let down = Address { node: B, interface: 1 };
    lab.at(ms(2), move |_, fabric| fabric.interface_down(down));
    lab.on(A, move |handle, port| async move {
        handle.sleep(ms(3)).await;
        let by = |attempt| port.connect_by(port.way(B, attempt), SERVICE);
        assert_eq!(by(1).await.map(|_| ()), Err(ConnectError::TimedOut));
        assert!(by(0).await.is_ok());
    });
    lab.at(ms(12), |_, fabric| fabric.heal_all());
    lab.on(A, move |handle, port| async move {
        handle.sleep(ms(13)).await;
        assert!(port.connect_by(port.way(B, 1), SERVICE).await.is_ok(), "it is up again");
    });
    let records = lab.run();
    let cut = |attempt: u32| (attempt / 2 + attempt) % 2 == 1;
    for (attempt, client) in (0..).zip(&clients) {
        let closed = closed_at(client);
        assert_eq!(closed.is_some(), cut(attempt), "attempt {attempt}: {closed:?}");
        assert!(closed.is_none_or(|at| at > ms(2) && at < ms(7)));
    }
    assert!(drops(&records, DropReason::InterfaceDown) > 2);
    assert!(meetings(&records, NetFault::InterfaceDown) > 2);
}

#[test]
fn every_pair_of_interfaces_has_its_turn() {
    for interfaces in 1..=4 {
        let lab = Lab::new(31, NetConfig { interfaces, ..quick() });
        lab.on(A, move |_, port| async move {
            let pairs = u32::from(interfaces) * u32::from(interfaces);
            let mut ways: Vec<(Address, Address)> =
                (0..pairs).map(|attempt| port.way(B, attempt)).collect();
            let near = ways.windows(2).filter(|two| two[0].0 == two[1].0).count();
            assert_eq!(near, 0, "the next attempt leaves by another interface");
            ways.sort_unstable();
            ways.dedup();
            assert_eq!(ways.len(), pairs as usize);
        });
        lab.run();
    }
}

#[test]
fn datagrams_go_by_the_interfaces_that_they_are_told() {
    let lab = Lab::new(32, NetConfig { interfaces: 2, ..quick() });
    let seen = Rc::new(RefCell::new(Vec::new()));
    let noted = seen.clone();
    lab.on(B, |_, port| async move {
        let socket = port.bind(SERVICE);
        loop {
            let (from, parcel) = socket.recv_from().await;
            noted.borrow_mut().push((parcel.number, from.interface));
        }
    });
    lab.at(Nanos::ZERO, |_, fabric| fabric.interface_down(Address { node: A, interface: 0 }));
    lab.on(A, |handle, port| async move {
        let socket = port.bind(SERVICE);
        for attempt in 0..4 {
            handle.sleep(us(50)).await;
            socket.send_by(port.way(B, attempt), SERVICE, small(u64::from(attempt)));
        }
    });
    lab.run();
    assert_eq!(*seen.borrow(), [(1, 1), (3, 1)]);
}

type Set = fn(&Fabric<Parcel>);

/// Each fault, and how it is set from `A` to `B`.
fn all_faults() -> Vec<(NetFault, Set)> {
    fn keep(_: RuleId) {}
    vec![
        (NetFault::Partition, |fabric| keep(fabric.partition(A, B, true))),
        (NetFault::Isolate, |fabric| keep(fabric.isolate(B))),
        (NetFault::Delay, |fabric| keep(fabric.delay(A, B, us(300), us(300)))),
        (NetFault::Loss, |fabric| keep(fabric.loss(A, B, odds(999, 1_000)))),
        (NetFault::Duplicate, |fabric| keep(fabric.duplicate(A, B, Odds::ALWAYS))),
        (NetFault::Reorder, |fabric| keep(fabric.reorder(A, B, Odds::ALWAYS))),
        (NetFault::Corrupt, |fabric| keep(fabric.corrupt(A, B, Odds::ALWAYS))),
        (NetFault::Bandwidth, |fabric| keep(fabric.bandwidth(A, B, 1_000_000))),
        (NetFault::Reset, |fabric| assert_eq!(fabric.reset(A, B), 1)),
        (NetFault::HalfOpen, |fabric| assert_eq!(fabric.half_open(A, B), 1)),
        (NetFault::Hold, |fabric| keep(fabric.hold(A, B))),
        (NetFault::DropNext, |fabric| keep(fabric.drop_next(A, B, SMALL, 1))),
        (NetFault::DelayNext, |fabric| {
            keep(fabric.delay_next((A, B), SMALL, 1, (us(300), us(300))));
        }),
        (NetFault::DuplicateNext, |fabric| keep(fabric.duplicate_next(A, B, SMALL, 1))),
        (NetFault::InterfaceDown, |fabric| keep(fabric.interface_down(Address::first(B)))),
        (NetFault::AddressConflict, |fabric| keep(fabric.address_conflict(Address::first(B)))),
        (NetFault::Renumber, |fabric| assert_eq!(fabric.renumber(Address::first(B)), 1)),
    ]
}

/// What became of one message of a connection and of one datagram, when the fault was set while both were
/// on the wire and lifted a millisecond later: how often each arrived, and when last.
fn fate_in_flight(set: Set) -> ([usize; 2], [Option<Nanos>; 2], usize) {
    let lab = Lab::new(40, steady());
    let (log, server) = (lab.take_datagrams(), lab.serve(B));
    lab.on(A, |handle, port| async move {
        let connection = port.connect(B, SERVICE).await.expect("B listens");
        handle.sleep_until(ms(1)).await;
        let _closed = connection.send(small(1));
        port.bind(SERVICE).send_to(B, SERVICE, small(2));
        std::future::pending::<()>().await;
    });
    lab.at(us(1_050), move |_, fabric| set(fabric));
    lab.at(ms(2), |_, fabric| fabric.heal_all());
    let records = lab.run();
    let last = |log: &Log, number: u64| {
        let log = log.borrow();
        log.iter().rev().find(|(_, seen)| *seen == Seen::Got(number)).map(|(at, _)| *at)
    };
    let met = NetFault::ALL.iter().map(|fault| meetings(&records, *fault)).sum();
    assert_eq!(lab.fabric.in_flight(), 0);
    let times = [last(&server, 1), last(&log, 2)];
    ([numbers(&server).len(), numbers(&log).len()], times, met)
}

#[test]
fn every_fault_takes_what_is_on_the_wire_already() {
    let faults = all_faults();
    let named: Vec<NetFault> = faults.iter().map(|(fault, _)| *fault).collect();
    assert_eq!(named, {
        let mut all = NetFault::ALL.to_vec();
        // One that no message meets: who listens does.
        all.retain(|fault| *fault != NetFault::PortInUse);
        all.sort_by_key(|fault| named.iter().position(|named| named == fault));
        all
    });
    for (fault, set) in faults {
        let (counts, [connected, datagram], met) = fate_in_flight(set);
        let late = |at: Option<Nanos>, from: u64, to: u64| {
            assert!(at.is_some_and(|at| at >= us(from) && at < us(to)), "{fault}: {at:?}");
        };
        assert!(met > 0, "{fault} met nothing");
        match fault {
            NetFault::Partition
            | NetFault::Isolate
            | NetFault::InterfaceDown
            | NetFault::AddressConflict
            | NetFault::Loss => {
                assert_eq!(counts, [1, 0], "{fault}: sent again, and lost");
                late(connected, 1_600, 3_200);
            }
            NetFault::Delay => {
                late(connected, 1_400, 1_410);
                late(datagram, 1_400, 1_410);
            }
            NetFault::Reorder => {
                late(connected, 1_200, 1_510);
                late(datagram, 1_200, 1_510);
            }
            NetFault::Bandwidth => {
                late(connected.min(datagram), 1_612, 1_622);
                late(connected.max(datagram), 2_124, 2_134);
            }
            NetFault::Duplicate => assert_eq!(counts, [1, 2], "{fault}"),
            NetFault::Corrupt => assert_eq!(counts, [0, 0], "{fault}"),
            NetFault::Reset | NetFault::HalfOpen | NetFault::Renumber => {
                assert_eq!(counts, [0, 1], "{fault}");
            }
            NetFault::PortInUse => unreachable!("no message meets it"),
            NetFault::Hold => {
                late(connected, 2_000, 2_010);
                late(datagram, 2_000, 2_010);
            }
            NetFault::DropNext => assert_eq!(counts.iter().sum::<usize>(), 1, "{fault}"),
            NetFault::DelayNext => late(connected.max(datagram), 1_400, 1_410),
            NetFault::DuplicateNext => assert_eq!(counts.iter().sum::<usize>(), 3, "{fault}"),
        }
    }
}

#[test]
fn a_fault_that_is_set_leaves_a_record_of_its_name() {
    for (fault, set) in all_faults() {
        let lab = Lab::new(41, quick());
        lab.serve(B);
        lab.talk(1, ms(1));
        lab.at(us(500), move |_, fabric| set(fabric));
        let name = format!("net.{fault}");
        let records = lab.run();
        let set = records.iter().filter(|record| record.kind.name == name).count();
        assert_eq!(set, 1, "{name}");
    }
}

#[test]
fn faults_of_a_link_leave_its_other_direction_and_other_links_alone() {
    let quiet = |set: Option<Set>| {
        let lab = Lab::new(42, quick());
        let other = lab.serve(C);
        lab.on(A, |_, port| async move {
            let connection = port.connect(C, SERVICE).await.expect("C listens");
            for number in 0..100 {
                connection.send(small(number)).expect("it is open");
            }
            std::future::pending::<()>().await;
        });
        if let Some(set) = set {
            lab.at(Nanos::ZERO, move |_, fabric| set(fabric));
        }
        lab.run();
        other.take()
    };
    let undisturbed = quiet(None);
    for (fault, set) in all_faults() {
        if !matches!(fault, NetFault::Reset | NetFault::HalfOpen | NetFault::Renumber) {
            assert_eq!(quiet(Some(set)), undisturbed, "{fault}");
        }
    }
}
