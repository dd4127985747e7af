//! Work queues: where work runs, in which order, how it is delayed, taken back, drained and dumped.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use stormglass::base::{CpuId, Nanos};
use stormglass::sim::{NodeConfig, NodeHandle, Work, WorkQueue, WorkQueueKind, WorkStage};

use crate::rig::Rig;

const BOUND: WorkQueueKind = WorkQueueKind::Bound { max_active: 256 };
const UNBOUND: WorkQueueKind = WorkQueueKind::Unbound { max_active: 256 };

fn cpus(cpus: u16) -> NodeConfig {
    NodeConfig { cpus, poll_cost: Nanos::ZERO, ..NodeConfig::default() }
}

/// When what began and ended, and on which CPU.
type Log = Rc<RefCell<Vec<(u64, String)>>>;

/// A work that sleeps for a while and says when it began and ended.
fn sleeper(handle: &NodeHandle, log: &Log, name: &'static str, span: u64) -> Work {
    let (handle, log) = (handle.clone(), log.clone());
    Work::new(name, move |_| {
        let (handle, log) = (handle.clone(), log.clone());
        async move {
            let now = || handle.monotonic().get();
            log.borrow_mut().push((now(), format!("{name} on {}", handle.cpu())));
            handle.sleep(Nanos::new(span)).await;
            log.borrow_mut().push((now(), format!("{name} over")));
        }
    })
}

fn told(log: &Log) -> Vec<String> {
    log.borrow().iter().map(|(at, what)| format!("{at} {what}")).collect()
}

fn setup(cpu_count: u16, kind: WorkQueueKind) -> (Rig, NodeHandle, WorkQueue, Log) {
    let rig = Rig::new(1);
    let handle = rig.kernel.handle(rig.node(&cpus(cpu_count)));
    let queue = handle.work_queue("events", kind);
    (rig, handle, queue, Log::default())
}

#[test]
fn bound_work_runs_on_its_cpu_and_waits_while_that_is_stopped() {
    let (rig, handle, queue, log) = setup(2, BOUND);
    let (a, b) = (sleeper(&handle, &log, "a", 10), sleeper(&handle, &log, "b", 10));
    rig.kernel.stop_cpu(handle.node(), CpuId::new(1));
    assert!(queue.queue_on(CpuId::new(1), &a));
    assert!(queue.queue_on(CpuId::new(0), &b));
    rig.run_until(Nanos::new(100));
    assert_eq!(told(&log), ["0 b on cpu0", "10 b over"]);
    rig.kernel.resume_cpu(handle.node(), CpuId::new(1));
    rig.settle();
    assert_eq!(told(&log)[2..], ["100 a on cpu1", "110 a over"]);
}

#[test]
fn bound_work_runs_where_it_was_queued() {
    let (rig, handle, queue, log) = setup(4, BOUND);
    let work = sleeper(&handle, &log, "a", 1);
    handle.spawn_on(CpuId::new(3), "queues", async move { assert!(queue.queue(&work)) });
    rig.settle();
    assert_eq!(told(&log)[0], "0 a on cpu3");
}

#[test]
fn unbound_work_goes_on_elsewhere() {
    let (rig, handle, queue, log) = setup(2, UNBOUND);
    let works = ["a", "b"].map(|name| sleeper(&handle, &log, name, 10));
    works.iter().for_each(|work| assert!(queue.queue(work)));
    rig.run_until(Nanos::new(5));
    rig.kernel.stop_cpu(handle.node(), CpuId::new(0));
    rig.settle();
    let ends: Vec<u64> =
        log.borrow().iter().filter(|(_, what)| what.ends_with("over")).map(|(at, _)| *at).collect();
    assert_eq!(ends, [10, 10]);
}

#[test]
fn an_ordered_queue_runs_one_at_a_time_in_order() {
    let (rig, handle, queue, log) = setup(4, WorkQueueKind::Ordered);
    for (name, span) in [("a", 30), ("b", 10), ("c", 20)] {
        assert!(queue.queue(&sleeper(&handle, &log, name, span)));
    }
    rig.settle();
    let what: Vec<String> = told(&log).iter().map(|line| line.replace(" on cpu", "@")).collect();
    let ends: Vec<&str> =
        what.iter().filter(|line| line.ends_with("over")).map(|it| &**it).collect();
    assert_eq!(ends, ["30 a over", "40 b over", "60 c over"]);
}

#[test]
fn only_so_many_run_at_a_time() {
    let (rig, handle, queue, log) = setup(1, WorkQueueKind::Unbound { max_active: 2 });
    for name in ["a", "b", "c"] {
        assert!(queue.queue(&sleeper(&handle, &log, name, 10)));
    }
    rig.settle();
    let begun = |name: &str| {
        let log = log.borrow();
        log.iter().find(|(_, what)| what.starts_with(&format!("{name} on"))).unwrap().0
    };
    let mut begun = ["a", "b", "c"].map(begun);
    begun.sort_unstable();
    assert_eq!(begun, [0, 0, 10]);
}

#[test]
fn queued_twice_it_runs_once_and_queued_while_it_runs_once_more() {
    let (rig, handle, queue, log) = setup(2, UNBOUND);
    let work = sleeper(&handle, &log, "a", 10);
    rig.kernel.pause(handle.node());
    assert!(queue.queue_delayed(&work, Nanos::new(5)));
    assert!(!queue.queue(&work), "it is pending");
    rig.kernel.resume(handle.node());
    rig.run_until(Nanos::new(8));
    assert!(queue.queue(&work), "it runs, and is not pending");
    assert!(!queue.queue(&work));
    rig.settle();
    let times: Vec<u64> = log.borrow().iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [5, 15, 15, 25], "never beside itself");
}

#[test]
fn a_delay_can_be_changed_and_taken_back() {
    let (rig, handle, queue, log) = setup(1, BOUND);
    let work = sleeper(&handle, &log, "a", 1);
    assert!(queue.queue_delayed(&work, Nanos::new(10)));
    rig.run_until(Nanos::new(5));
    assert!(queue.mod_delayed(&work, Nanos::new(100)), "it was pending");
    rig.run_until(Nanos::new(50));
    assert_eq!(told(&log), Vec::<String>::new());
    rig.settle();
    assert_eq!(told(&log), ["105 a on cpu0", "106 a over"]);
    assert!(!queue.mod_delayed(&work, Nanos::new(10)), "it was idle, and is armed now");
    assert!(work.cancel());
    assert!(!work.cancel());
    rig.settle();
    assert_eq!(log.borrow().len(), 2, "what was taken back does not run");
}

#[test]
fn a_delayed_work_that_is_flushed_runs_at_once_and_only_once() {
    let (rig, handle, queue, log) = setup(2, BOUND);
    let work = sleeper(&handle, &log, "a", 1);
    assert!(queue.queue_delayed(&work, Nanos::new(1_000)));
    rig.run_until(Nanos::new(5));
    let ended = rig.start(handle.node(), {
        let (work, handle) = (work.clone(), handle.clone());
        async move {
            work.flush_delayed().await;
            (work.is_pending(), handle.monotonic().get())
        }
    });
    rig.settle();
    assert_eq!(ended.take(), (false, 6));
    assert_eq!(told(&log), ["5 a on cpu0", "6 a over"]);
    let again = work.clone();
    rig.run(handle.node(), async move { again.flush_delayed().await });
    assert_eq!(log.borrow().len(), 2, "there was nothing to flush");
}

#[test]
fn the_delay_of_a_stopped_cpu_stands_still_with_it() {
    let (rig, handle, queue, log) = setup(2, BOUND);
    let work = sleeper(&handle, &log, "a", 1);
    let (delayed, armed) = (queue.clone(), work.clone());
    handle.spawn_on(CpuId::new(1), "arms", async move {
        delayed.queue_delayed(&armed, Nanos::new(10));
    });
    rig.run_until(Nanos::new(5));
    rig.kernel.stop_cpu(handle.node(), CpuId::new(1));
    rig.run_until(Nanos::new(50));
    assert_eq!(told(&log), Vec::<String>::new());
    rig.kernel.resume_cpu(handle.node(), CpuId::new(1));
    rig.settle();
    assert_eq!(told(&log), ["50 a on cpu1", "51 a over"]);
}

#[test]
fn cancel_sync_waits_for_a_run_under_way() {
    let (rig, handle, queue, log) = setup(1, BOUND);
    let work = sleeper(&handle, &log, "a", 10);
    queue.queue(&work);
    rig.run_until(Nanos::new(3));
    let ended = rig.start(handle.node(), {
        let handle = handle.clone();
        async move { (work.cancel_sync().await, handle.monotonic().get()) }
    });
    rig.settle();
    assert_eq!(ended.take(), (false, 10));
}

#[test]
fn flush_waits_for_what_was_queued_before_it() {
    let (rig, handle, queue, log) = setup(1, WorkQueueKind::Ordered);
    for name in ["a", "b"] {
        queue.queue(&sleeper(&handle, &log, name, 10));
    }
    let flushed = rig.start(handle.node(), {
        let (queue, handle) = (queue.clone(), handle.clone());
        async move {
            queue.flush().await;
            handle.monotonic().get()
        }
    });
    rig.run_until(Nanos::new(5));
    queue.queue(&sleeper(&handle, &log, "later", 100));
    rig.settle();
    assert_eq!(flushed.take(), 20);
}

#[test]
fn drain_waits_for_work_that_queues_itself_and_refuses_other() {
    let (rig, handle, queue, _) = setup(1, WorkQueueKind::Ordered);
    let (runs, again, host) = (Rc::new(Cell::new(0)), queue.clone(), handle.clone());
    let count = runs.clone();
    let work = Work::new("chained", move |work| {
        let (count, again, host) = (count.clone(), again.clone(), host.clone());
        async move {
            host.sleep(Nanos::new(10)).await;
            count.set(count.get() + 1);
            if count.get() < 4 {
                assert!(again.queue(&work), "its own work may queue more");
            }
        }
    });
    queue.queue(&work);
    let drained = rig.start(handle.node(), {
        let (queue, handle) = (queue.clone(), handle.clone());
        async move {
            queue.drain().await;
            handle.monotonic().get()
        }
    });
    rig.run_until(Nanos::new(5));
    assert!(!queue.queue(&Work::new("other", |_| async {})), "it is being drained");
    rig.settle();
    assert_eq!((drained.take(), runs.get()), (40, 4));
    assert!(queue.queue(&Work::new("other", |_| async {})));
}

#[test]
fn draining_a_node_drains_all_its_queues() {
    let (rig, handle, queue, log) = setup(2, BOUND);
    let second = handle.work_queue("second", WorkQueueKind::Ordered);
    // The first queue's work queues more on the second.
    let (feeds, fed) = (second.clone(), sleeper(&handle, &log, "fed", 30));
    let host = handle.clone();
    queue.queue(&Work::new("feeds", move |_| {
        let (feeds, fed, host) = (feeds.clone(), fed.clone(), host.clone());
        async move {
            host.sleep(Nanos::new(10)).await;
            feeds.queue(&fed);
        }
    }));
    let drained = rig.start(handle.node(), {
        let handle = handle.clone();
        async move {
            handle.drain_work_queues().await;
            handle.monotonic().get()
        }
    });
    rig.settle();
    assert_eq!(drained.take(), 40);
    assert_eq!(rig.kernel.work_queues(handle.node()).len(), 2);
}

#[test]
fn a_dump_tells_what_runs_and_what_waits_since_when() {
    let (rig, handle, queue, log) = setup(1, WorkQueueKind::Ordered);
    let works = ["a", "b", "c"].map(|name| sleeper(&handle, &log, name, 100));
    queue.queue(&works[0]);
    rig.run_until(Nanos::new(7));
    queue.queue(&works[1]);
    queue.queue_delayed(&works[2], Nanos::new(50));
    let dump = queue.dump();
    let stages: Vec<_> = dump.items.iter().map(|item| (item.work, item.stage)).collect();
    let wanted = [("a", WorkStage::Runs), ("b", WorkStage::Queued), ("c", WorkStage::Delayed)];
    assert_eq!(stages, wanted);
    assert_eq!(
        rig.kernel.dump_work()[0].to_string(),
        "work queue `events`: `a` (cpu0) runs since 0ns, `b` (cpu0) is queued since 7ns, `c` \
         (cpu0) is delayed until 57ns"
    );
    rig.settle();
    assert!(rig.kernel.dump_work().is_empty());
    assert_eq!(queue.dump().to_string(), "work queue `events`: empty");
}

#[test]
fn work_ends_with_its_incarnation() {
    let (rig, handle, queue, log) = setup(1, WorkQueueKind::Ordered);
    let works = ["a", "b", "c"].map(|name| sleeper(&handle, &log, name, 10));
    queue.queue(&works[0]);
    queue.queue(&works[1]);
    queue.queue_delayed(&works[2], Nanos::new(5));
    rig.run_until(Nanos::new(3));
    rig.kernel.kill(handle.node());
    rig.kernel.boot(handle.node());
    assert!(!queue.queue(&sleeper(&handle, &log, "d", 1)), "the queue is gone");
    rig.settle();
    assert_eq!(told(&log), ["0 a on cpu0"]);
    assert!(rig.kernel.work_queues(handle.node()).is_empty());
}
