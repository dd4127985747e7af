//! Single CPUs stopped and slowed down, per-CPU data, and tasks ended before their time.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;

use stormglass::base::{CpuId, Nanos, NodeId};
use stormglass::sim::{Aborted, CpuResumed, CpuSlowed, CpuStopped, NodeConfig, PerCpu, Queue};

use crate::rig::Rig;

fn cpus(cpus: u16, poll_cost: u64) -> NodeConfig {
    NodeConfig { cpus, poll_cost: Nanos::new(poll_cost), ..NodeConfig::default() }
}

/// Starts a task that counts the microseconds on a CPU.
fn ticker(rig: &Rig, node: NodeId, cpu: u16) -> Rc<Cell<u64>> {
    let (handle, ticks) = (rig.kernel.handle(node), Rc::new(Cell::new(0)));
    let (sleeper, count) = (handle.clone(), ticks.clone());
    handle.spawn_on(CpuId::new(cpu), "ticker", async move {
        loop {
            sleeper.sleep(Nanos::from_micros(1)).await;
            count.set(count.get() + 1);
        }
    });
    ticks
}

#[test]
fn a_stopped_cpu_stands_still_and_nothing_else_does() {
    let rig = Rig::new(1);
    let (node, other) = (rig.node(&cpus(3, 0)), rig.node(&cpus(3, 0)));
    let ticks: Vec<_> = (0..3).map(|cpu| ticker(&rig, node, cpu)).collect();
    let elsewhere = ticker(&rig, other, 1);
    rig.run_until(Nanos::new(10_500));
    rig.kernel.stop_cpu(node, CpuId::new(1));
    assert!(rig.kernel.is_cpu_stopped(node, CpuId::new(1)));
    rig.run_until(Nanos::new(30_500));
    let counts: Vec<u64> = ticks.iter().map(|count| count.get()).collect();
    assert_eq!((counts, elsewhere.get()), (vec![30, 10, 30], 30));
    rig.kernel.resume_cpu(node, CpuId::new(1));
    rig.run_until(Nanos::new(40_750));
    // The timer that was due while it stood still comes at once, and the ticks go on from there.
    let counts: Vec<u64> = ticks.iter().map(|count| count.get()).collect();
    assert_eq!((counts, elsewhere.get()), (vec![40, 21, 40], 40));
    let records = rig.records();
    assert_eq!(records.iter().filter(|it| it.get::<CpuStopped>().is_some()).count(), 1);
    assert_eq!(records.iter().filter(|it| it.get::<CpuResumed>().is_some()).count(), 1);
}

#[test]
fn what_is_delivered_to_a_stopped_cpu_waits_for_it() {
    let rig = Rig::new(1);
    let node = rig.node(&cpus(2, 0));
    let handle = rig.kernel.handle(node);
    let queue: Queue<u32> = Queue::new(&rig.kernel);
    let (consumer, popped_at) = (queue.clone(), Rc::new(Cell::new(None)));
    let (seen, clock) = (popped_at.clone(), handle.clone());
    handle.spawn_on(CpuId::new(0), "consumer", async move {
        consumer.pop().await;
        seen.set(Some(clock.monotonic()));
    });
    rig.run_until(Nanos::new(10));
    rig.kernel.stop_cpu(node, CpuId::new(0));
    queue.push(1);
    rig.run_until(Nanos::new(500));
    assert_eq!(popped_at.get(), None);
    rig.kernel.resume_cpu(node, CpuId::new(0));
    rig.settle();
    assert_eq!(popped_at.get(), Some(Nanos::new(500)), "it was kept, and comes at once");
}

#[test]
fn pausing_a_node_and_stopping_its_cpu_are_two_things() {
    let rig = Rig::new(1);
    let node = rig.node(&cpus(2, 0));
    let (first, second) = (ticker(&rig, node, 0), ticker(&rig, node, 1));
    rig.kernel.stop_cpu(node, CpuId::new(0));
    rig.kernel.pause(node);
    rig.run_until(Nanos::from_micros(10));
    assert_eq!((first.get(), second.get()), (0, 0));
    rig.kernel.resume(node);
    rig.run_until(Nanos::from_micros(20));
    assert_eq!(first.get(), 0, "its CPU is still stopped");
    assert!(second.get() > 5);
    rig.kernel.pause(node);
    rig.kernel.resume_cpu(node, CpuId::new(0));
    rig.run_until(Nanos::from_micros(30));
    assert_eq!(first.get(), 0, "its node is still paused");
    rig.kernel.resume(node);
    rig.run_until(Nanos::from_micros(40));
    assert!(first.get() > 5);
}

#[test]
fn a_reboot_starts_stopped_and_slow_cpus_afresh() {
    let rig = Rig::new(1);
    let node = rig.node(&cpus(1, 100));
    rig.kernel.stop_cpu(node, CpuId::new(0));
    rig.kernel.slow_cpu(node, CpuId::new(0), 50);
    rig.kernel.kill(node);
    rig.kernel.boot(node);
    assert!(!rig.kernel.is_cpu_stopped(node, CpuId::new(0)));
    let ticks = ticker(&rig, node, 0);
    rig.run_until(Nanos::from_micros(10));
    assert!(ticks.get() > 7, "{} ticks", ticks.get());
}

#[test]
fn an_unbound_task_leaves_a_stopped_cpu() {
    let rig = Rig::new(1);
    let node = rig.node(&cpus(2, 0));
    let handle = rig.kernel.handle(node);
    let (ticks, sleeper) = (Rc::new(Cell::new((0_u32, None))), handle.clone());
    let seen = ticks.clone();
    handle.spawn_unbound("ticker", async move {
        loop {
            sleeper.sleep(Nanos::from_micros(1)).await;
            seen.set((seen.get().0 + 1, Some(sleeper.cpu())));
        }
    });
    rig.run_until(Nanos::new(5_500));
    assert_eq!(ticks.get(), (5, Some(CpuId::new(0))));
    rig.kernel.stop_cpu(node, CpuId::new(0));
    rig.run_until(Nanos::new(10_500));
    assert_eq!(ticks.get(), (10, Some(CpuId::new(1))), "it woke up elsewhere");
    rig.kernel.stop_cpu(node, CpuId::new(1));
    rig.run_until(Nanos::new(15_500));
    assert_eq!(ticks.get().0, 10, "no CPU is left");
    rig.kernel.resume_cpu(node, CpuId::new(1));
    rig.run_until(Nanos::new(20_500));
    assert!(ticks.get().0 >= 14);
}

#[test]
fn a_ready_unbound_task_is_moved_when_its_cpu_stops() {
    let rig = Rig::new(1);
    let node = rig.node(&cpus(2, 100));
    let handle = rig.kernel.handle(node);
    let ran_on = Rc::new(Cell::new(None));
    let (seen, clock) = (ran_on.clone(), handle.clone());
    handle.spawn_unbound("once", async move { seen.set(Some(clock.cpu())) });
    rig.kernel.stop_cpu(node, CpuId::new(0));
    rig.settle();
    assert_eq!(ran_on.get(), Some(CpuId::new(1)));
}

#[test]
fn polls_on_a_slow_cpu_cost_more() {
    let rig = Rig::new(1);
    let node = rig.node(&cpus(2, 100));
    let handle = rig.kernel.handle(node);
    let took = |cpu: u16| {
        let (start, clock) = (rig.kernel.now(), handle.clone());
        let end = Rc::new(Cell::new(Nanos::ZERO));
        let seen = end.clone();
        handle.spawn_on(CpuId::new(cpu), "first", async {});
        handle.spawn_on(CpuId::new(cpu), "second", async {});
        handle.spawn_on(CpuId::new(cpu), "third", async move { seen.set(clock.monotonic()) });
        rig.settle();
        let last = rig.kernel.now().max(end.get());
        last.saturating_sub(start)
    };
    assert_eq!(took(0), Nanos::new(200));
    rig.kernel.slow_cpu(node, CpuId::new(0), 10);
    rig.run_until(Nanos::from_micros(10));
    assert_eq!(took(0), Nanos::new(2_000));
    rig.run_until(Nanos::from_micros(20));
    assert_eq!(took(1), Nanos::new(200), "the other CPU is as fast as ever");
    rig.kernel.slow_cpu(node, CpuId::new(0), 1);
    rig.run_until(Nanos::from_micros(30));
    assert_eq!(took(0), Nanos::new(200));
    let factors: Vec<u32> = rig.records_of::<CpuSlowed>().iter().map(|it| it.factor).collect();
    assert_eq!(factors, [10, 1]);
}

#[test]
fn each_cpu_has_its_own_data_until_the_incarnation_ends() {
    struct Counter(Cell<u32>, Rc<Cell<u32>>);
    impl Drop for Counter {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1);
        }
    }
    let rig = Rig::new(1);
    let node = rig.node(&cpus(3, 0));
    let handle = rig.kernel.handle(node);
    let dropped = Rc::new(Cell::new(0));
    let counts: PerCpu<Counter> = handle.per_cpu(|_| Counter(Cell::new(0), dropped.clone()));
    for cpu in [0, 2, 2] {
        let counts = counts.clone();
        handle.spawn_on(CpuId::new(cpu), "count", async move {
            counts.with(|counter| counter.0.set(counter.0.get() + 1));
        });
    }
    rig.settle();
    let of = |cpu| counts.with_on(CpuId::new(cpu), |counter| counter.0.get());
    assert_eq!([of(0), of(1), of(2)], [1, 0, 2]);
    assert_eq!(counts.fold(0, |sum, counter| sum + counter.0.get()), 3);
    rig.kernel.kill(node);
    assert!(counts.is_freed());
    assert_eq!(dropped.get(), 3, "although the handle is still held");
}

#[test]
fn waiting_for_an_aborted_task_ends_with_an_error() {
    let rig = Rig::new(1);
    let node = rig.node(&cpus(1, 0));
    let other = rig.node(&cpus(1, 0));
    let (handle, far) = (rig.kernel.handle(node), rig.kernel.handle(other));
    let (aborted, killed) = rig.run(node, {
        let kernel = rig.kernel.clone();
        async move {
            let never = handle.spawn("never", pending::<u32>());
            handle.sleep(Nanos::new(5)).await;
            never.abort();
            let aborted = never.await;
            let far_away = far.spawn("far-away", pending::<u32>());
            handle.sleep(Nanos::new(5)).await;
            kernel.kill(other);
            (aborted, far_away.await)
        }
    });
    assert_eq!(aborted, Err(Aborted { task: "never" }));
    assert_eq!(killed, Err(Aborted { task: "far-away" }));
    let text = Aborted { task: "never" }.to_string();
    assert_eq!(text, "task `never` was ended before it had a result");
}

#[test]
fn a_result_is_given_although_the_task_is_aborted_afterwards() {
    let rig = Rig::new(1);
    let node = rig.node(&cpus(1, 0));
    let handle = rig.kernel.handle(node);
    let result = rig.run(node, async move {
        let task = handle.spawn("soon", async { 7 });
        handle.sleep(Nanos::new(5)).await;
        task.abort();
        task.await
    });
    assert_eq!(result, Ok(7));
}
