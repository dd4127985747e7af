//! The kernel simulator alone: CPUs, time, incarnations, schedules, crashes, hangs.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use stormglass::base::history::NodeDown;
use stormglass::base::{CpuId, Nanos, Record};
use stormglass::sim::{
    ClockConfig, Kernel, KernelConfig, LeakedCount, NodeConfig, NodeHandle, NodeUp, Queue,
    ResourceLeaked, ScheduleKind, Seed, Signal, TaskPolled, Tracked, Turn, sealed,
};

use crate::rig::{Rig, free_node};

fn cpus(cpus: u16, poll_cost: u64) -> NodeConfig {
    NodeConfig { cpus, poll_cost: Nanos::new(poll_cost), ..NodeConfig::default() }
}

fn fifo() -> KernelConfig {
    KernelConfig { schedule: ScheduleKind::Fifo, ..KernelConfig::default() }
}

/// Lets whoever else is ready go first.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

type Log = Rc<RefCell<Vec<(Nanos, u32)>>>;

/// A task that notes `(now, name)` at each of its polls.
async fn polled(handle: NodeHandle, name: u32, polls: u32, log: Log) {
    for _ in 0..polls {
        log.borrow_mut().push((handle.kernel().now(), name));
        yield_now().await;
    }
}

fn times(log: &Log, name: u32) -> Vec<u64> {
    log.borrow().iter().filter(|(_, who)| *who == name).map(|(at, _)| at.get()).collect()
}

#[test]
fn two_tasks_on_one_cpu_queue_and_each_poll_costs_its_time() {
    let rig = Rig::with(1, &fifo());
    let handle = rig.kernel.handle(rig.node(&cpus(1, 100)));
    let log = Log::default();
    for name in 0..2 {
        handle.spawn("polled", polled(handle.clone(), name, 3, log.clone()));
    }
    rig.settle();
    assert_eq!(times(&log, 0), [0, 200, 400]);
    assert_eq!(times(&log, 1), [100, 300, 500]);
}

#[test]
fn two_tasks_on_two_cpus_run_side_by_side() {
    let rig = Rig::with(1, &fifo());
    let handle = rig.kernel.handle(rig.node(&cpus(2, 100)));
    let log = Log::default();
    for name in 0..2 {
        handle.spawn("polled", polled(handle.clone(), name, 3, log.clone()));
    }
    rig.settle();
    assert_eq!(times(&log, 0), [0, 100, 200]);
    assert_eq!(times(&log, 1), [0, 100, 200]);
    let order: Vec<u32> = log.borrow().iter().map(|(_, name)| *name).collect();
    assert_eq!(order, [0, 1, 0, 1, 0, 1], "they interleave at their awaits");
    let polls = rig.records();
    let cpus = polls.iter().filter(|record| record.get::<TaskPolled>().is_some());
    let cpus: Vec<u16> = cpus.filter_map(|record| Some(record.cpu?.get())).collect();
    assert!(cpus.contains(&0) && cpus.contains(&1), "{cpus:?}");
}

#[test]
fn a_task_can_be_given_its_cpu() {
    let rig = Rig::new(1);
    let handle = rig.kernel.handle(rig.node(&cpus(4, 100)));
    let log = Log::default();
    for name in 0..2 {
        handle.spawn_on(CpuId::new(7), "polled", polled(handle.clone(), name, 1, log.clone()));
    }
    rig.settle();
    let mut at: Vec<u64> = log.borrow().iter().map(|(at, _)| at.get()).collect();
    at.sort_unstable();
    assert_eq!(at, [0, 100], "both on CPU 7 modulo 4, one after the other");
}

#[test]
fn timers_are_exact() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let shown = rig.run(node, async move {
        let mut shown = Vec::new();
        for span in [1, 999, 12_345_678_901] {
            handle.sleep(Nanos::new(span)).await;
            shown.push(handle.kernel().now().get());
        }
        handle.sleep(Nanos::ZERO).await;
        handle.sleep_until(Nanos::new(5)).await;
        shown.push(handle.kernel().now().get());
        shown
    });
    assert_eq!(shown, [1, 1000, 12_345_679_901, 12_345_679_901]);
}

#[test]
fn an_interval_ticks_at_its_period() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let shown = rig.run(node, async move {
        let mut interval = handle.interval(Nanos::new(10));
        let mut shown = Vec::new();
        for busy in [0, 3, 25, 0] {
            interval.tick().await;
            shown.push(handle.kernel().now().get());
            handle.sleep(Nanos::new(busy)).await;
        }
        shown
    });
    assert_eq!(shown, [10, 20, 30, 55], "a late tick comes at once, and only one");
}

#[test]
fn a_timeout_gives_up_and_does_not_disturb() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let both = rig.run(node, async move {
        let late = handle.timeout(Nanos::new(10), handle.sleep(Nanos::new(11))).await;
        let early = handle.timeout(Nanos::from_secs(30), handle.sleep(Nanos::new(5))).await;
        (late.is_err(), early.is_ok(), handle.kernel().now())
    });
    assert_eq!(both, (true, true, Nanos::new(15)));
    assert_eq!(rig.kernel.now(), Nanos::new(15), "a disarmed timer does not move time");
}

#[test]
fn a_node_sleeps_by_its_own_drifting_clock() {
    let rig = Rig::new(1);
    let clock = ClockConfig { offset: 500, drift_ppm: 100_000 };
    let node = rig.node(&NodeConfig { clock, ..free_node() });
    let handle = rig.kernel.handle(node);
    let seen = rig.run(node, async move {
        handle.sleep(Nanos::new(1_100)).await;
        (handle.kernel().now().get(), handle.monotonic().get(), handle.wall().get())
    });
    assert_eq!(seen, (1_000, 1_100, 1_600));
}

#[test]
fn a_kill_drops_tasks_and_a_boot_starts_anew() {
    struct Guard(Rc<Cell<u32>>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let rig = Rig::new(1);
    let node = rig.kernel.add_node("n", &free_node());
    let (started, dropped) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (starts, drops) = (started.clone(), dropped.clone());
    rig.kernel.on_boot(node, move |handle| {
        let guard = Guard(drops.clone());
        let starts = starts.clone();
        handle.clone().spawn("main", async move {
            starts.set(handle.incarnation());
            let _guard = guard;
            pending::<()>().await;
        });
    });
    assert!(!rig.kernel.is_up(node));
    rig.kernel.boot(node);
    rig.kernel.boot(node);
    rig.settle();
    assert_eq!((started.get(), dropped.get()), (1, 0));
    assert_eq!(rig.kernel.kill(node), []);
    assert_eq!((rig.kernel.is_up(node), dropped.get()), (false, 1));
    assert!(rig.kernel.kill(node).is_empty());
    rig.kernel.boot(node);
    rig.settle();
    assert_eq!((started.get(), dropped.get(), rig.kernel.incarnation(node)), (2, 1, 2));
    let records = rig.records();
    let ups = records.iter().filter_map(Record::get::<NodeUp>).filter(|up| up.node == node);
    assert_eq!(ups.map(|up| up.incarnation).collect::<Vec<_>>(), [1, 2]);
    let downs: Vec<NodeDown> = records.iter().filter_map(Record::get).collect();
    assert_eq!(downs, [NodeDown { node, incarnation: 1, tasks: 1 }]);
}

#[test]
fn a_task_spawned_by_the_death_of_another_dies_too() {
    struct Undertaker(NodeHandle, Rc<Cell<bool>>);
    impl Drop for Undertaker {
        fn drop(&mut self) {
            let ran = self.1.clone();
            self.0.spawn_on(CpuId::new(0), "after-life", async move { ran.set(true) });
        }
    }
    let rig = Rig::new(1);
    let node = rig.node(&cpus(3, 0));
    let ran = Rc::new(Cell::new(false));
    let handle = rig.kernel.handle(node);
    let undertaker = Undertaker(handle.clone(), ran.clone());
    handle.spawn_on(CpuId::new(2), "main", async move {
        let _undertaker = undertaker;
        pending::<()>().await;
    });
    rig.settle();
    rig.kernel.kill(node);
    rig.kernel.boot(node);
    rig.settle();
    assert!(!ran.get());
    assert!(rig.kernel.waiting_tasks().is_empty());
}

#[test]
fn tasks_of_a_scope_end_together_and_no_others() {
    let rig = Rig::new(1);
    let node = rig.node(&cpus(2, 0));
    let handle = rig.kernel.handle(node);
    let (scoped, scope) = handle.scoped();
    let ended = Rc::new(Cell::new(0));
    struct Ends(Rc<Cell<u32>>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let (inner, ends) = (scoped.clone(), ended.clone());
    scoped.spawn("parent", async move {
        let _parent = Ends(ends.clone());
        for _ in 0..200 {
            // More tasks than are remembered at a time; they are over at once.
            let _over = inner.spawn("short", async {}).await;
        }
        let child = Ends(ends.clone());
        inner.spawn("child", async move {
            let _child = child;
            pending::<()>().await;
        });
        pending::<()>().await;
    });
    let other = Ends(ended.clone());
    handle.spawn("other", async move {
        let _other = other;
        pending::<()>().await;
    });
    rig.settle();
    assert_eq!((ended.get(), rig.kernel.waiting_tasks().len()), (0, 3));
    scope.end();
    rig.settle();
    assert_eq!((ended.get(), rig.kernel.waiting_tasks().len()), (2, 1), "the other one goes on");
}

#[test]
fn what_outlives_its_node_is_reported() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let escaped: Rc<RefCell<Option<Tracked>>> = Rc::default();
    let hole = escaped.clone();
    let line = Rc::new(RefCell::new(0));
    let at = line.clone();
    let _running = rig.start(node, async move {
        let _kept = handle.tracker("lock").open();
        *hole.borrow_mut() = Some(handle.tracker("buffer").open());
        *at.borrow_mut() = line!() - 1;
        pending::<()>().await;
    });
    rig.settle();
    assert_eq!(rig.kernel.open_items(node).len(), 2);
    let line = *line.borrow();
    let leaked = rig.kernel.kill(node);
    let [LeakedCount { what: "buffer", count: 1, bytes: 0, site, place, .. }] = &leaked[..] else {
        panic!("{leaked:?}")
    };
    assert_eq!(*place, format!("{}:{line}", file!()), "it names the place of the call");
    assert_eq!(rig.kernel.sites()[site.index()], *place);
    let told = [ResourceLeaked { node, count: 1, bytes: 0, site: *site }];
    assert_eq!(rig.records_of::<ResourceLeaked>(), told);
    drop(escaped);
    assert_eq!(rig.kernel.open_items(node), []);
}

#[test]
fn a_wake_of_a_task_that_is_gone_does_nothing() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let queue: Queue<u32> = Queue::new(&rig.kernel);
    let consumer = queue.clone();
    let lost = rig.start(node, async move { consumer.pop().await });
    rig.settle();
    rig.kernel.kill(node);
    rig.kernel.boot(node);
    // The newcomer gets the slot of the task that was killed.
    let newcomer = rig.start(node, pending::<()>());
    rig.settle();
    let polls = |rig: &Rig| rig.records_of::<TaskPolled>().len();
    polls(&rig);
    queue.push(1);
    rig.settle();
    assert_eq!(polls(&rig), 0, "nobody was woken");
    assert!(!lost.is_done() && !newcomer.is_done());
    let next = queue.clone();
    assert_eq!(rig.run(node, async move { next.pop().await }), 1, "the item is still there");
}

#[test]
fn an_aborted_task_runs_no_more() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let ticks = Rc::new(Cell::new(0));
    let (sleeper, count) = (handle.clone(), ticks.clone());
    let task = handle.spawn("ticker", async move {
        loop {
            sleeper.sleep(Nanos::new(10)).await;
            count.set(count.get() + 1);
        }
    });
    rig.run_until(Nanos::new(35));
    task.abort();
    task.abort();
    rig.settle();
    assert_eq!(ticks.get(), 3);
}

#[test]
fn a_join_handle_gives_the_result() {
    let rig = Rig::new(1);
    let node = rig.node(&cpus(2, 100));
    let handle = rig.kernel.handle(node);
    let sum = rig.run(node, async move {
        let sleeper = handle.clone();
        let late = handle.spawn("late", async move {
            sleeper.sleep(Nanos::new(1_000)).await;
            40
        });
        let soon = handle.spawn("soon", async { 2 });
        late.await.unwrap() + soon.await.unwrap()
    });
    assert_eq!(sum, 42);
}

#[test]
fn a_paused_node_does_nothing_and_loses_nothing() {
    let rig = Rig::new(1);
    let node = rig.node(&cpus(2, 100));
    let handle = rig.kernel.handle(node);
    let log = Log::default();
    let notes = log.clone();
    let sleeper = handle.clone();
    let _running = rig.start(node, async move {
        loop {
            sleeper.sleep(Nanos::new(1_000)).await;
            notes.borrow_mut().push((sleeper.kernel().now(), 0));
        }
    });
    rig.run_until(Nanos::new(2_500));
    rig.kernel.pause(node);
    rig.run_until(Nanos::new(9_000));
    assert_eq!(times(&log, 0), [1_000, 2_000]);
    rig.kernel.resume(node);
    rig.run_until(Nanos::new(11_000));
    assert_eq!(times(&log, 0), [1_000, 2_000, 9_000, 10_000]);
}

#[test]
fn a_killed_node_that_was_paused_boots_running() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    rig.kernel.pause(node);
    rig.kernel.kill(node);
    rig.kernel.boot(node);
    assert_eq!(rig.run(node, async { 5 }), 5);
}

/// Turns until something other than `Ran`.
fn end_of(kernel: &Kernel) -> Turn {
    loop {
        let turn = kernel.turn();
        if turn != Turn::Ran {
            return turn;
        }
    }
}

#[test]
fn a_panic_in_a_task_is_a_crash_that_says_where() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let sleeper = handle.clone();
    let line = line!() + 1;
    handle.spawn("careless", async move {
        sleeper.sleep(Nanos::new(77)).await;
        panic!("lost {} blocks", 3);
    });
    assert_eq!(end_of(&rig.kernel), Turn::Crashed);
    let crash = rig.kernel.crash().expect("the panic is described");
    assert_eq!((crash.node, crash.task, crash.at), (node, "careless", Nanos::new(77)));
    assert_eq!(crash.message, "lost 3 blocks");
    let place = |line| format!("tests/doors/sim.rs:{line}");
    assert_eq!((crash.spawned_at, crash.location), (place(line), place(line + 2)));
    assert!(crash.backtrace.to_string().contains("sim"), "{}", crash.backtrace);
    assert_eq!(rig.kernel.turn(), Turn::Crashed, "nothing runs any more");
}

#[test]
fn a_panic_at_boot_or_at_death_is_a_crash_too() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let rig = Rig::new(1);
    let node = rig.kernel.add_node("n", &free_node());
    rig.kernel.on_boot(node, |_| panic!("no boot"));
    rig.kernel.boot(node);
    assert_eq!(rig.kernel.turn(), Turn::Crashed);
    let crash = rig.kernel.crash().expect("the panic is described");
    assert_eq!((crash.node, crash.task, crash.message.as_str()), (node, "boot", "no boot"));

    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let bomb = Bomb;
    let _armed = rig.start(node, async move {
        let _bomb = bomb;
        pending::<()>().await;
    });
    rig.settle();
    rig.kernel.kill(node);
    assert_eq!(rig.kernel.crash().expect("the panic is described").message, "dropped");
}

/// The order in which ten ready tasks of one CPU run.
fn order(seed: u64, schedule: ScheduleKind) -> (Vec<u32>, u128) {
    let rig = Rig::with(seed, &KernelConfig { schedule, ..KernelConfig::default() });
    let handle = rig.kernel.handle(rig.node(&cpus(1, 10)));
    let log = Log::default();
    for name in 0..10 {
        handle.spawn("polled", polled(handle.clone(), name, 2, log.clone()));
    }
    rig.settle();
    let order = log.borrow().iter().map(|(_, name)| *name).collect();
    (order, rig.kernel.digest())
}

#[test]
fn the_schedule_and_the_seed_decide_the_order() {
    let (in_turn, _) = order(1, ScheduleKind::Fifo);
    assert_eq!(in_turn, (0..10).chain(0..10).collect::<Vec<_>>());
    assert_eq!(in_turn, order(2, ScheduleKind::Fifo).0);
    let drawn = order(1, ScheduleKind::Random);
    assert_ne!(drawn.0, in_turn);
    assert_eq!(drawn, order(1, ScheduleKind::Random), "same seed, same run");
    let other = order(2, ScheduleKind::Random);
    assert!(other.0 != drawn.0 && other.1 != drawn.1, "another seed, another run");
}

#[test]
fn the_digest_differs_as_soon_as_one_record_does() {
    let digest = |late: u64| {
        let rig = Rig::new(1);
        let node = rig.node(&free_node());
        let handle = rig.kernel.handle(node);
        rig.run(node, async move { handle.sleep(Nanos::new(1_000 + late)).await });
        rig.kernel.digest()
    };
    assert_eq!(digest(0), digest(0));
    assert_ne!(digest(0), digest(1));
}

#[test]
fn the_last_records_are_at_hand() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    for polls in [10, 250, 300, 1_000] {
        rig.run(node, async move {
            for _ in 0..polls {
                yield_now().await;
            }
        });
        let recent: Vec<u64> =
            rig.kernel.recent_records().iter().map(|record| record.seq).collect();
        let last = rig.kernel.records();
        let first = last.saturating_sub(255).max(1);
        assert_eq!(recent, (first..=last).collect::<Vec<_>>());
    }
}

#[test]
fn foreign_combinators_wake_our_tasks() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let seen = rig.run(node, async move {
        let sleep = |span: u64| {
            let handle = handle.clone();
            async move {
                handle.sleep(Nanos::new(span)).await;
                span
            }
        };
        let joined = futures::join!(sleep(30), sleep(10));
        let mut unordered: FuturesUnordered<_> = [30, 10, 20].into_iter().map(sleep).collect();
        let mut order = Vec::new();
        while let Some(span) = unordered.next().await {
            order.push(span);
        }
        let first = match select(pin!(sleep(50)), pin!(sleep(7))).await {
            Either::Left((span, _)) | Either::Right((span, _)) => span,
        };
        let tasks: Vec<_> = (1..4).map(|n| handle.spawn("part", sleep(n * 5))).collect();
        let parts = futures::future::try_join_all(tasks).await.unwrap();
        (joined, order, first, parts, handle.kernel().now())
    });
    assert_eq!(seen, ((30, 10), vec![10, 20, 30], 7, vec![5, 10, 15], Nanos::new(82)));
}

#[test]
fn a_foreign_waker_reaches_its_task_from_outside_a_turn() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let queue: Queue<u32> = Queue::new(&rig.kernel);
    let consumer = queue.clone();
    let popped = rig.start(node, async move {
        let mut waits: FuturesUnordered<_> = std::iter::once(consumer.pop()).collect();
        waits.next().await
    });
    let (send, receive) = futures::channel::oneshot::channel::<u32>();
    let received = rig.start(node, receive);
    rig.settle();
    queue.push(3);
    send.send(4).expect("the receiver waits");
    rig.settle();
    assert_eq!((popped.take(), received.take()), (Some(3), Ok(4)));
}

#[test]
fn a_signal_wakes_all_and_forgets_those_who_come_by_often() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let (signal, open) = (Signal::new(&rig.kernel), Rc::new(Cell::new(false)));
    let waits = || {
        let (signal, open) = (signal.clone(), open.clone());
        async move { signal.wait_for(|| open.get().then_some(1)).await }
    };
    let (one, other) = (rig.start(node, waits()), rig.start(node, waits()));
    let (handle, impatient) = (rig.kernel.handle(node), waits());
    let third = rig.start(node, async move {
        let mut wait = pin!(impatient);
        loop {
            if let Poll::Ready(value) = futures::poll!(&mut wait) {
                return value;
            }
            handle.sleep(Nanos::new(10)).await;
        }
    });
    rig.run_until(Nanos::new(500));
    assert_eq!(format!("{signal:?}"), "Signal(3 waiters)");
    signal.notify();
    rig.run_until(Nanos::new(600));
    assert!(!one.is_done(), "the condition does not hold");
    open.set(true);
    signal.notify();
    rig.settle();
    assert_eq!((one.take(), other.take(), third.take()), (1, 1, 1));
}

#[test]
fn polls_without_end_at_one_instant_are_stuck() {
    let config = KernelConfig { polls_per_instant_max: 1_000, ..KernelConfig::default() };
    let rig = Rig::with(1, &config);
    let node = rig.node(&free_node());
    let _spins = rig.start(node, async {
        loop {
            yield_now().await;
        }
    });
    assert_eq!(end_of(&rig.kernel), Turn::Stuck);
    assert_eq!(rig.kernel.now(), Nanos::ZERO);

    let rig = Rig::with(1, &config);
    let node = rig.node(&cpus(1, 1));
    rig.run(node, async {
        for _ in 0..5_000 {
            yield_now().await;
        }
    });
    assert!(rig.kernel.now() >= Nanos::new(5_000), "where a poll costs time, it is only slow");
}

#[test]
fn a_report_says_who_waits_for_what() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let queue: Queue<u32> = Queue::new(&rig.kernel);
    handle.spawn("pops", async move { queue.pop().await });
    let sleeper = handle.clone();
    handle.spawn("sleeps", async move { sleeper.sleep(Nanos::from_secs(9)).await });
    handle.spawn("hangs", pending::<()>());
    rig.run_until(Nanos::new(10));
    handle.spawn("is-ready", async {});
    let mut lines: Vec<String> =
        rig.kernel.waiting_tasks().iter().map(|task| task.line(&Default::default())).collect();
    lines.retain(|line| line.starts_with(&format!("n{}", node.get())));
    let shown: Vec<String> = lines
        .iter()
        .map(|line| {
            let (task, rest) = line.split_once(" (tests/doors/sim.rs:").expect("its spawn place");
            format!("{task} {}", rest.split_once(") ").expect("a line number").1)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "n1 task `pops` waits for an item in a queue 0",
            "n1 task `sleeps` waits for the timer at 9000000000",
            "n1 task `hangs` waits in foreign code",
            "n1 task `is-ready` is ready to run",
        ]
    );
}

#[test]
fn streams_of_nodes_follow_name_and_incarnation() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let draw = |name| rig.kernel.handle(node).rng(name).bits();
    assert_eq!(draw("app"), draw("app"));
    assert_ne!(draw("app"), draw("retry"));
    let before = draw("app");
    rig.kernel.kill(node);
    rig.kernel.boot(node);
    assert_ne!(draw("app"), before);
}

#[test]
#[expect(clippy::disallowed_types, reason = "this is the test that it follows virtual time")]
fn the_sealed_clock_follows_virtual_time() {
    let elapsed = sealed(1, || {
        let kernel = Kernel::new(Seed::new(1), &KernelConfig::default());
        let node = kernel.add_node("n", &free_node());
        let spans = Rc::new(RefCell::new(Vec::new()));
        let noted = spans.clone();
        kernel.on_boot(node, move |handle| {
            let noted = noted.clone();
            handle.clone().spawn("main", async move {
                let start = std::time::Instant::now();
                for span in [1_500, 20_000_000_000] {
                    handle.sleep(Nanos::new(span)).await;
                    noted.borrow_mut().push(start.elapsed().as_nanos());
                }
            });
        });
        kernel.boot(node);
        while kernel.turn() == Turn::Ran {}
        kernel.dismantle();
        spans.take()
    });
    assert_eq!(elapsed, [1_500, 20_000_001_500]);
}

#[test]
fn what_is_due_before_a_time_out_that_was_given_up_is_served_in_order() {
    let rig = Rig::new(1);
    let node = rig.kernel.add_node("n", &free_node());
    let woken = Rc::new(RefCell::new(Vec::new()));
    let handles = Rc::new(RefCell::new(None));
    let kept = handles.clone();
    rig.kernel.on_boot(node, move |handle| {
        *kept.borrow_mut() = Some(handle.clone());
        let inner = handle.clone();
        handle.spawn("first", async move {
            let soon = inner.sleep(Nanos::from_millis(1));
            assert!(inner.timeout(Nanos::from_millis(10), soon).await.is_ok());
        });
    });
    rig.kernel.boot(node);
    while rig.kernel.turn() == Turn::Ran {}
    assert!(rig.kernel.now() < Nanos::from_millis(2), "a time-out of no effect takes no time");
    let handle = handles.borrow().clone().expect("it has booted");
    for span in [3_000_000, 20_000, 500] {
        let (inner, woken) = (handle.clone(), woken.clone());
        handle.spawn("then", async move {
            inner.sleep(Nanos::new(span)).await;
            woken.borrow_mut().push(span);
        });
    }
    while rig.kernel.turn() == Turn::Ran {}
    assert_eq!(*woken.borrow(), [500, 20_000, 3_000_000]);
}

#[test]
fn a_dismantled_kernel_keeps_nothing_alive() {
    let kept = Rc::new(());
    let (in_task, in_boot) = (kept.clone(), kept.clone());
    let rig = Rig::new(1);
    let node = rig.kernel.add_node("n", &free_node());
    // An observer goes with the kernel itself.
    let in_kernel = kept.clone();
    rig.kernel.observe(Box::new(move |_| assert!(Rc::strong_count(&in_kernel) > 0)));
    rig.kernel.on_boot(node, move |handle| {
        let (in_task, in_boot) = (in_task.clone(), in_boot.clone());
        handle.clone().spawn("main", async move {
            let memory = handle.memory();
            let _held = (in_task, in_boot, memory.alloc(1), memory, handle);
            pending::<()>().await;
        });
    });
    rig.kernel.boot(node);
    rig.settle();
    assert!(Rc::strong_count(&kept) > 3);
    drop(rig);
    assert_eq!(Rc::strong_count(&kept), 1);
}
