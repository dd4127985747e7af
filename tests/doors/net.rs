//! The network simulator, driven alone through both of its doors: connections, datagrams, and the faults
//! that cut, lose, delay and hold.

use std::cell::RefCell;
use std::rc::Rc;

use stormglass::base::{Nanos, Odds};
use stormglass::net::{
    CloseReason, ConnectError, DropReason, MessageDelivered, MessageSent, NetConfig,
};

use crate::net_rig::*;

#[test]
fn messages_arrive_in_order_whatever_the_jitter() {
    let lab = Lab::new(1, NetConfig { latency: (us(1), ms(1)), ..quick() });
    let server = lab.serve(B);
    lab.talk(500, us(3));
    let records = lab.run();
    assert_eq!(numbers(&server), up_to(500));
    let mut spans = Vec::new();
    for record in records.iter().filter(|record| record.get::<MessageDelivered<Parcel>>().is_some())
    {
        let sent = &records[record.cause as usize - 1];
        assert!(sent.get::<MessageSent<Parcel>>().is_some(), "a delivery's cause is its sending");
        spans.push(record.at - sent.at);
    }
    assert!(spans.iter().all(|span| *span >= us(1) && *span < us(1_010)));
    assert!(spans.iter().any(|span| *span < us(500)) && spans.iter().any(|span| *span > us(900)));
}

#[test]
fn a_link_transmits_one_message_after_another() {
    let lab = Lab::new(1, NetConfig { bandwidth_bits_per_second: 1_000_000_000, ..quick() });
    let server = lab.serve(B);
    lab.on(A, |_, port| async move {
        let connection = port.connect(B, SERVICE).await.expect("B listens");
        for number in 0..10 {
            connection.send(Parcel { number, bytes: 125_000 }).expect("it is open");
        }
        std::future::pending::<()>().await;
    });
    lab.run();
    let (first, last) = (got_at(&server, 0), got_at(&server, 9));
    assert!(first >= ms(1) && first < us(1_100), "{first}");
    assert!(last >= ms(10) && last < us(10_100), "{last}");
}

#[test]
fn what_has_arrived_and_was_not_read_shows() {
    let lab = Lab::new(1, quick());
    let seen = Rc::new(RefCell::new(Vec::new()));
    let noted = seen.clone();
    lab.on(B, |handle, port| async move {
        let connection = port.listen(SERVICE).accept().await;
        for _ in 0..3 {
            noted.borrow_mut().push(connection.unread());
            handle.sleep(ms(2)).await;
            noted.borrow_mut().push(connection.unread());
            let _message = connection.recv().await;
        }
    });
    lab.talk(2, ms(1));
    lab.run();
    // Both have arrived before the first is read, and a third never comes.
    assert_eq!(*seen.borrow(), [0, 2, 1, 1, 0, 0]);
}

#[test]
fn a_connection_takes_a_round_trip_and_so_does_a_refusal() {
    for listens in [true, false] {
        let lab = Lab::new(2, NetConfig { latency: (us(10), us(10)), ..quick() });
        if listens {
            lab.serve(B);
        }
        let done = Rc::new(RefCell::new(None));
        let result = done.clone();
        lab.on(A, |handle, port| async move {
            let connected = port.connect(B, SERVICE).await.map(|connection| connection.peer());
            *result.borrow_mut() = Some((connected, handle.monotonic()));
        });
        let records = lab.run();
        let (connected, at) = done.borrow_mut().take().expect("an answer came");
        assert!(at >= us(20) && at < us(21), "{at}");
        assert_eq!(connected, if listens { Ok(B) } else { Err(ConnectError::Refused) });
        let refused = closings(&records).contains(&(A, CloseReason::Refused));
        assert_eq!(refused, !listens);
        assert_eq!(lab.fabric.open_connections(A), 0, "it was dropped");
    }
}

#[test]
fn nobody_answers_from_a_dead_or_unreachable_node() {
    for dead in [true, false] {
        let lab = Lab::new(2, quick());
        lab.serve(B);
        let done = Rc::new(RefCell::new(None));
        let result = done.clone();
        lab.at(us(1), move |kernel, fabric| {
            if dead {
                drop(kernel.kill(B));
            } else {
                fabric.partition(B, A, true);
            }
        });
        lab.on(A, |handle, port| async move {
            handle.sleep(us(2)).await;
            let connected = port.connect(B, SERVICE).await.map(|connection| connection.id());
            *result.borrow_mut() = Some((connected, handle.monotonic()));
        });
        lab.run();
        let (connected, at) = done.borrow_mut().take().expect("an answer came");
        assert_eq!(connected, Err(ConnectError::TimedOut));
        assert!(at >= us(2_002) && at < us(2_004), "{at}");
        assert_eq!(lab.fabric.open_connections(B), 0, "the half of B's is gone, too");
    }
}

#[test]
fn an_attempt_outlasts_a_reboot_of_the_node_asked() {
    let lab = Lab::new(2, quick());
    lab.kernel.kill(B);
    let fabric = lab.fabric.clone();
    lab.kernel.on_boot(B, move |handle| {
        let port = fabric.port(&handle);
        drop(handle.spawn("server", async move {
            let _ = port.listen(SERVICE).accept().await.recv().await;
        }));
    });
    lab.at(us(700), |kernel, _| kernel.boot(B));
    let at = Rc::new(RefCell::new(None));
    let connected = at.clone();
    lab.on(A, |handle, port| async move {
        let _open = port.connect(B, SERVICE).await.expect("B has come up in time");
        *connected.borrow_mut() = Some(handle.monotonic());
    });
    lab.run();
    let at = at.borrow().expect("connected");
    assert!(at > us(1_000) && at < us(1_100), "{at}");
}

#[test]
fn what_a_node_sent_before_its_death_arrives_and_then_the_end() {
    let lab = Lab::new(3, NetConfig { latency: (us(50), us(100)), ..quick() });
    let server = lab.serve(B);
    lab.talk(100, Nanos::new(1));
    lab.at(us(300), |kernel, fabric| {
        drop(kernel.kill(A));
        assert_eq!(fabric.open_connections(A), 0);
        assert_eq!(fabric.open_connections(B), 1, "B does not know yet");
    });
    lab.run();
    assert_eq!(numbers(&server), up_to(100));
    let closed = closed_at(&server).expect("B is told");
    assert!(closed >= us(350) && closed < us(410), "{closed}");
    assert_eq!(lab.fabric.open_connections(B), 0);
}

#[test]
fn nothing_sent_to_a_dead_incarnation_reaches_the_next() {
    let lab = Lab::new(3, NetConfig { latency: (us(50), us(50)), ..quick() });
    let reborn = Log::default();
    let (fabric, noted) = (lab.fabric.clone(), reborn.clone());
    lab.kernel.kill(B);
    lab.kernel.on_boot(B, move |handle| {
        let (port, noted, host) = (fabric.port(&handle), noted.clone(), handle.clone());
        drop(handle.spawn("server", async move {
            let socket = port.bind(SERVICE);
            let listener = port.listen(SERVICE);
            if host.incarnation() > 2 {
                drop(host.spawn("datagrams", async move {
                    let (_, parcel) = socket.recv().await;
                    panic!("datagram {} reached the next incarnation", parcel.number);
                }));
            }
            note_all(&host, &listener.accept().await, &noted).await;
        }));
    });
    lab.kernel.boot(B);
    let client = lab.talk(10, us(10));
    lab.on(A, |handle, port| async move {
        handle.sleep(us(130)).await;
        port.bind(SERVICE).send_to(B, SERVICE, small(1));
    });
    lab.at(us(140), |kernel, _| {
        drop(kernel.kill(B));
        kernel.boot(B);
    });
    let records = lab.run();
    assert!(numbers(&reborn).is_empty());
    assert_eq!(drops(&records, DropReason::NodeDown), 1, "the datagram");
    assert!(drops(&records, DropReason::Closed) > 0, "what was on the wire");
    assert!(closed_at(&client).is_some_and(|at| at >= us(190)));
}

#[test]
fn closing_an_end_lets_through_what_was_sent_and_drops_what_was_not_read() {
    let lab = Lab::new(4, quick());
    lab.on(B, |handle, port| async move {
        let connection = port.listen(SERVICE).accept().await;
        handle.sleep(us(200)).await;
        for number in 0..5 {
            connection.send(small(number)).expect("open");
        }
        connection.close();
        assert!(!connection.is_open());
        assert!(connection.send(small(9)).is_err());
        assert!(connection.recv().await.is_err());
        std::future::pending::<()>().await;
    });
    let client = lab.talk(3, us(1));
    let records = lab.run();
    assert_eq!(numbers(&client), up_to(5));
    assert!(closed_at(&client).is_some());
    assert_eq!(drops(&records, DropReason::Unread), 3);
    assert_eq!(lab.fabric.in_flight(), 0);
}

#[test]
fn a_listener_that_goes_closes_what_it_did_not_accept() {
    let lab = Lab::new(4, quick());
    lab.on(B, |handle, port| async move {
        let listener = port.listen(SERVICE);
        handle.sleep(us(200)).await;
        drop(listener);
        std::future::pending::<()>().await;
    });
    let client = lab.talk(1, us(1));
    lab.run();
    assert!(closed_at(&client).is_some_and(|at| at > us(200) && at < us(230)));
}

#[test]
fn a_partition_breaks_idle_connections_at_both_ends_in_bounded_time() {
    for oneway in [true, false] {
        let lab = Lab::new(5, quick());
        let server = lab.serve(B);
        let client = lab.talk(1, us(1));
        lab.at(ms(10), move |_, fabric| fabric.partition(B, A, oneway));
        let records = lab.run();
        for log in [&server, &client] {
            let at = closed_at(log).expect("both ends notice");
            assert!(at >= ms(10) && at <= ms(14), "{at}");
        }
        let unreachable = (A, CloseReason::Unreachable);
        assert!(closings(&records).contains(&unreachable), "{:?}", closings(&records));
    }
}

#[test]
fn a_partition_that_heals_in_time_loses_nothing() {
    let lab = Lab::new(5, quick());
    let server = lab.serve(B);
    let client = lab.talk(100, us(20));
    lab.at(us(500), |_, fabric| fabric.partition(A, B, false));
    lab.at(us(2_500), |_, fabric| fabric.heal_link(A, B));
    let records = lab.run();
    assert_eq!(numbers(&server), up_to(100));
    assert!(drops(&records, DropReason::Partitioned) >= 3, "retransmitted in vain meanwhile");
    assert!(got_at(&server, 50) > us(2_500));
    assert!(got_at(&server, 10) < us(500));
    assert_eq!((closed_at(&server), closed_at(&client)), (None, None));
}

#[test]
fn a_one_way_partition_lets_the_other_way_through_until_the_connection_breaks() {
    let lab = Lab::new(5, quick());
    let server = lab.serve(B);
    lab.at(ms(1), |_, fabric| fabric.partition(B, A, true));
    lab.talk(300, us(20));
    lab.run();
    assert!(got_at(&server, 100) > ms(1));
    assert!(closed_at(&server).is_some());
}

#[test]
fn an_isolated_node_reaches_nobody_but_itself_and_the_others_reach_each_other() {
    let lab = Lab::new(6, quick());
    lab.serve(B);
    lab.serve(C);
    lab.at(us(1), |_, fabric| fabric.isolate(B));
    lab.at(ms(20), |_, fabric| fabric.heal(B));
    let results = Rc::new(RefCell::new(Vec::new()));
    for from in [A, B] {
        let noted = results.clone();
        lab.on(from, move |handle, port| async move {
            handle.sleep(us(10)).await;
            for to in [B, C] {
                let connected = port.connect(to, SERVICE).await.is_ok();
                noted.borrow_mut().push((from, to, connected));
            }
            handle.sleep_until(ms(21)).await;
            let back = port.connect(C, 99).await.map(|_| ());
            assert_eq!(back, Err(ConnectError::Refused), "C is reached again");
        });
    }
    lab.run();
    let mut results = results.borrow().clone();
    results.sort_unstable();
    assert_eq!(results, [(A, B, false), (A, C, true), (B, B, true), (B, C, false)]);
}

#[test]
fn lost_messages_are_sent_again_in_order() {
    let lab = Lab::new(7, quick());
    let server = lab.serve(B);
    lab.talk(200, us(10));
    lab.at(us(100), |_, fabric| fabric.loss(A, B, Odds::new(1, 4).expect("odds")));
    let records = lab.run();
    assert_eq!(numbers(&server), up_to(200));
    let lost = drops(&records, DropReason::Lost);
    assert!((20..120).contains(&lost), "{lost}");
}

#[test]
fn too_many_losses_in_a_row_break_the_connection_at_both_ends() {
    let lab = Lab::new(7, quick());
    let server = lab.serve(B);
    let client = lab.talk(1_000, us(10));
    let nearly = Odds::new(99, 100).expect("odds");
    lab.at(us(1_000), move |_, fabric| fabric.loss(A, B, nearly));
    let records = lab.run();
    let (a, b) = (closed_at(&client).expect("A"), closed_at(&server).expect("B"));
    assert!(a >= ms(4) && a < ms(40), "{a}");
    assert!(b > a && b <= a + ms(4), "B is told or notices: {b} after {a}");
    assert!(drops(&records, DropReason::Broken) > 10, "those that waited behind");
    assert_eq!(lab.fabric.in_flight(), 0);
}

#[test]
fn losing_everything_breaks_idle_connections_and_healing_it_in_time_does_not() {
    for heals in [true, false] {
        let lab = Lab::new(7, quick());
        let server = lab.serve(B);
        lab.talk(1, us(1));
        lab.at(ms(1), |_, fabric| fabric.loss(A, B, Odds::ALWAYS));
        if heals {
            lab.at(ms(3), |_, fabric| fabric.heal_link(A, B));
        }
        lab.run();
        assert_eq!(closed_at(&server).is_some(), !heals);
    }
}

#[test]
fn a_delay_holds_until_it_is_lifted() {
    let lab = Lab::new(8, quick());
    let server = lab.serve(B);
    lab.talk(3, ms(10));
    lab.at(ms(5), |_, fabric| fabric.delay(A, B, ms(2), ms(3)));
    lab.at(ms(15), |_, fabric| fabric.heal_link(A, B));
    lab.run();
    assert!(got_at(&server, 0) < us(100));
    assert!(got_at(&server, 1) > ms(12) && got_at(&server, 1) < us(13_100));
    assert!(got_at(&server, 2) < us(20_150));
}

#[test]
fn a_held_link_lets_go_of_its_burst_in_order() {
    let lab = Lab::new(9, quick());
    let server = lab.serve(B);
    let client = lab.talk(200, us(100));
    lab.at(ms(1), |_, fabric| fabric.hold(A, B));
    lab.at(ms(15), |_, fabric| {
        assert!(fabric.in_flight() > 100, "{}", fabric.in_flight());
        fabric.release(A, B);
    });
    lab.run();
    assert_eq!(numbers(&server), up_to(200));
    let burst = server.borrow().iter().filter(|(at, _)| *at >= ms(15) && *at < us(15_100)).count();
    assert!(burst > 130, "{burst}");
    let meanwhile =
        server.borrow().iter().filter(|(at, _)| *at > us(1_100) && *at < ms(15)).count();
    assert_eq!(meanwhile, 0);
    assert_eq!(closed_at(&client), None, "held is not broken");
}

#[test]
fn a_reset_breaks_the_connections_of_two_nodes_and_no_others() {
    let lab = Lab::new(10, quick());
    let server = lab.serve(B);
    let other = lab.serve(C);
    let client = lab.talk(1, us(1));
    lab.on(A, |handle, port| async move {
        let connection = port.connect(C, SERVICE).await.expect("C listens");
        handle.sleep(ms(3)).await;
        connection.send(small(1)).expect("it is still open");
        std::future::pending::<()>().await;
    });
    lab.at(ms(1), |_, fabric| {
        assert_eq!(fabric.open_connections(A), 2);
        fabric.reset(A, B);
        assert_eq!(fabric.open_connections(A), 1);
    });
    let records = lab.run();
    for log in [&server, &client] {
        assert!(closed_at(log).is_some_and(|at| at >= ms(1) && at < us(1_010)));
    }
    assert_eq!(numbers(&other), [1]);
    let mut reset = closings(&records);
    reset.retain(|(_, why)| *why == CloseReason::Reset);
    assert_eq!(reset.len(), 2);
}

#[test]
fn datagrams_overtake_each_other_and_are_gone_when_dropped() {
    let lab = Lab::new(11, NetConfig { latency: (us(5), us(500)), ..quick() });
    let log = Log::default();
    let noted = log.clone();
    lab.on(B, |handle, port| async move {
        let socket = port.bind(SERVICE);
        loop {
            let (from, parcel) = socket.recv().await;
            assert_eq!(from, A);
            noted.borrow_mut().push((handle.monotonic(), Seen::Got(parcel.number)));
        }
    });
    lab.on(A, |handle, port| async move {
        let socket = port.bind(SERVICE);
        for number in 0..200 {
            socket.send_to(B, SERVICE, small(number));
            handle.sleep(us(10)).await;
        }
        socket.send_to(B, SERVICE + 1, small(999));
    });
    lab.at(us(1_000), |_, fabric| fabric.partition(A, B, true));
    lab.at(us(1_200), |_, fabric| fabric.heal_all());
    let records = lab.run();
    let got = numbers(&log);
    assert!(got.windows(2).any(|pair| pair[0] > pair[1]), "some overtook");
    let partitioned = drops(&records, DropReason::Partitioned);
    assert!((20..100).contains(&partitioned), "{partitioned}");
    assert_eq!(got.len() + partitioned, 200);
    assert_eq!(drops(&records, DropReason::NobodyListens), 1);
}
