//! Timers that are made to fire before their time: what ends by it, and what does not care.

use std::cell::RefCell;
use std::rc::Rc;

use stormglass::base::Nanos;
use stormglass::sim::{TimersFired, Work, WorkQueueKind};

use crate::rig::{Rig, free_node};

const fn ms(millis: u64) -> Nanos {
    Nanos::from_millis(millis)
}

#[test]
fn fire_timers_ends_all_sleeps_of_a_node_now_and_those_of_no_other() {
    let rig = Rig::new(1);
    let (node, other) = (rig.node(&free_node()), rig.node(&free_node()));
    let sleeper = |node, span| {
        let handle = rig.kernel.handle(node);
        rig.start(node, async move {
            handle.sleep(span).await;
            (handle.kernel().now(), handle.monotonic())
        })
    };
    let (short, long) = (sleeper(node, ms(3)), sleeper(node, ms(900)));
    let spared = sleeper(other, ms(5));
    rig.run_until(ms(2));
    assert_eq!(rig.kernel.fire_timers(node), 2);
    let told = [TimersFired { node, timers: 2 }];
    rig.settle();
    assert_eq!(short.take(), (ms(2), ms(2)), "no clock shows the deadline");
    assert_eq!(long.take(), (ms(2), ms(2)));
    assert_eq!(spared.take().0, ms(5));
    assert_eq!(rig.records_of::<TimersFired>(), told);
    assert_eq!(rig.kernel.fire_timers(node), 0, "nothing is armed");
}

#[test]
fn a_timer_that_is_armed_afterwards_is_true_again() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    // As code has to wait that must not go on too early.
    let patient = rig.start(node, async move {
        let mut looks = 0;
        while handle.monotonic() < ms(10) {
            handle.sleep_until(ms(10)).await;
            looks += 1;
        }
        (looks, handle.kernel().now())
    });
    for at in [2, 5] {
        rig.run_until(ms(at));
        assert_eq!(rig.kernel.fire_timers(node), 1);
    }
    rig.settle();
    assert_eq!(patient.take(), (3, ms(10)));
}

#[test]
fn a_tick_that_came_early_comes_once_more_in_its_time() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let ticks = rig.start(node, async move {
        let mut interval = handle.interval(ms(10));
        let mut ticks = Vec::new();
        for _ in 0..4 {
            interval.tick().await;
            ticks.push(handle.kernel().now());
        }
        ticks
    });
    rig.run_until(ms(14));
    rig.kernel.fire_timers(node);
    rig.settle();
    assert_eq!(ticks.take(), [ms(10), ms(14), ms(20), ms(30)]);
}

#[test]
fn time_outs_and_delayed_work_come_early_too_and_stopped_cpus_hold_theirs() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let log: Rc<RefCell<Vec<(&str, Nanos)>>> = Rc::default();
    let (queue, told) = (handle.work_queue("events", WorkQueueKind::Ordered), log.clone());
    let at = rig.kernel.handle(node);
    let work = Work::new("late", move |_| {
        let (told, at) = (told.clone(), at.clone());
        async move { told.borrow_mut().push(("work", at.kernel().now())) }
    });
    queue.queue_delayed(&work, ms(50));
    let told = log.clone();
    let _waits = rig.start(node, async move {
        let never = handle.timeout(ms(70), std::future::pending::<()>()).await;
        assert!(never.is_err());
        told.borrow_mut().push(("time-out", handle.kernel().now()));
    });
    rig.run_until(ms(3));
    rig.kernel.pause(node);
    rig.kernel.fire_timers(node);
    rig.run_until(ms(6));
    assert!(log.borrow().is_empty(), "they are due, and nobody runs");
    rig.kernel.resume(node);
    rig.settle();
    let mut ends = log.take();
    ends.sort_unstable();
    assert_eq!(ends, [("time-out", ms(6)), ("work", ms(6))]);
}

#[test]
fn a_change_of_drift_does_not_put_off_what_was_made_due() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let asleep = rig.start(node, async move {
        handle.sleep(ms(10)).await;
        handle.kernel().now()
    });
    rig.run_until(ms(2));
    rig.kernel.fire_timers(node);
    rig.kernel.clock_drift(node, -500_000);
    rig.settle();
    assert_eq!(asleep.take(), ms(2));
}
