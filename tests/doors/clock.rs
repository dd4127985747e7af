//! Clocks that jump and drift, as node code reads them and as its timers follow.

use stormglass::base::Nanos;
use stormglass::sim::{ClockDriftSet, ClockJumped, NodeConfig};

use crate::rig::{Rig, free_node};

#[test]
fn a_clock_jump_moves_the_wall_clock_back_and_no_timer() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let asleep = rig.start(node, async move {
        handle.sleep(Nanos::from_secs(10)).await;
        (handle.kernel().now(), handle.monotonic(), handle.wall())
    });
    rig.run_until(Nanos::from_secs(4));
    rig.kernel.clock_jump(node, -3_000_000_000);
    let handle = rig.kernel.handle(node);
    assert_eq!(handle.wall(), Nanos::from_secs(1), "it went back");
    assert_eq!(handle.monotonic(), Nanos::from_secs(4));
    rig.settle();
    let ten = Nanos::from_secs(10);
    assert_eq!(asleep.take(), (ten, ten, Nanos::from_secs(7)));
    let told = [ClockJumped { node, by: -3_000_000_000 }];
    assert_eq!(rig.records_of::<ClockJumped>(), told);
}

#[test]
fn a_clock_drift_takes_armed_timers_along_both_ways() {
    for (ppm, woken) in [(1_000_000, 6), (-500_000, 18)] {
        let rig = Rig::new(1);
        let (node, other) = (rig.node(&free_node()), rig.node(&free_node()));
        let sleeper = |node| {
            let handle = rig.kernel.handle(node);
            rig.start(node, async move {
                handle.sleep(Nanos::from_secs(10)).await;
                (handle.kernel().now(), handle.monotonic())
            })
        };
        let (asleep, true_one) = (sleeper(node), sleeper(other));
        rig.run_until(Nanos::from_secs(2));
        let before = rig.kernel.handle(node).monotonic();
        rig.kernel.clock_drift(node, ppm);
        assert_eq!(
            rig.kernel.handle(node).monotonic(),
            before,
            "the clock bends, it does not jump"
        );
        rig.settle();
        assert_eq!(asleep.take(), (Nanos::from_secs(woken), Nanos::from_secs(10)), "{ppm} ppm");
        assert_eq!(true_one.take().0, Nanos::from_secs(10), "other nodes have clocks of their own");
        assert_eq!(rig.records_of::<ClockDriftSet>(), [ClockDriftSet { node, ppm }]);
    }
}

#[test]
fn a_timer_that_is_moved_twice_and_dropped_fires_once_or_never() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let outcome = rig.start(node, async move {
        let never = handle.timeout(Nanos::from_secs(1), handle.sleep(Nanos::from_secs(5))).await;
        handle.sleep(Nanos::from_secs(1)).await;
        (never.is_err(), handle.kernel().now())
    });
    rig.run_until(Nanos::from_millis(500));
    rig.kernel.clock_drift(node, -500_000);
    rig.run_until(Nanos::from_millis(700));
    rig.kernel.clock_drift(node, 0);
    rig.settle();
    // 0.5 s true, 0.2 s at half speed, then true: 1 s of the clock takes 1.1 s.
    assert_eq!(outcome.take(), (true, Nanos::from_millis(2_100)));
}

#[test]
fn a_clock_keeps_going_when_its_node_goes_down() {
    let rig = Rig::new(1);
    let node = rig.node(&NodeConfig { ..free_node() });
    rig.kernel.clock_drift(node, 100_000);
    rig.run_until(Nanos::from_secs(1));
    rig.kernel.kill(node);
    rig.run_until(Nanos::from_secs(2));
    rig.kernel.boot(node);
    assert_eq!(rig.kernel.handle(node).monotonic(), Nanos::from_millis(2_200));
}
