//! The kernel's control door, when nobody injects anything: what is asked of it changes nothing.

use stormglass::base::Nanos;
use stormglass::sim::trace::Keep;
use stormglass::sim::{
    Kernel, KernelConfig, NodeConfig, NodeHandle, Seed, Turn, Work, WorkQueueKind,
};

/// A program that uses all that its host offers.
fn program(handle: &NodeHandle) {
    let queue = handle.work_queue("queue", WorkQueueKind::Unbound { max_active: 2 });
    let counts = handle.per_cpu(|_| std::cell::Cell::new(0_u32));
    for _ in 0..8 {
        let (host, queue, counts) = (handle.clone(), queue.clone(), counts.clone());
        handle.spawn("task", async move {
            let mut rng = host.rng("naps");
            for _ in 0..20 {
                let bytes = host.alloc(1 + rng.below(100)).expect("there is no limit");
                let worker = host.clone();
                let work = Work::new("work", move |_| {
                    let worker = worker.clone();
                    async move { worker.sleep(Nanos::new(40)).await }
                });
                queue.queue_delayed(&work, Nanos::new(rng.below(50)));
                host.sleep(Nanos::new(rng.below(300))).await;
                counts.with(|count| count.set(count.get() + 1));
                drop(bytes);
            }
        });
    }
}

/// The digest of two nodes' runs, of which one reboots; `look` is called between turns.
fn digest(config: &KernelConfig, keep: Keep, look: impl Fn(&Kernel)) -> u128 {
    let kernel = Kernel::new(Seed::new(5), config);
    kernel.keep_trace(keep);
    let two_cpus = NodeConfig { cpus: 2, ..NodeConfig::default() };
    let nodes = ["one", "two"].map(|name| kernel.add_node(name, &two_cpus));
    for node in nodes {
        kernel.on_boot(node, |handle| program(&handle));
        kernel.boot(node);
    }
    let mut turns = 0;
    while kernel.turn() == Turn::Ran {
        turns += 1;
        if turns == 200 {
            drop(kernel.kill(nodes[1]));
            kernel.boot(nodes[1]);
        }
        look(&kernel);
    }
    let digest = kernel.digest();
    kernel.dismantle();
    digest
}

#[test]
fn what_is_asked_of_an_idle_control_door_changes_nothing() {
    let plain = KernelConfig::default();
    let alone = digest(&plain, Keep::Nothing, |_| ());
    let looked_at = digest(&plain, Keep::All, |kernel| {
        for node in [0, 1].map(stormglass::base::NodeId::new) {
            for cpu in kernel.cpus(node) {
                assert!(!kernel.is_cpu_stopped(node, cpu) && !kernel.is_cpu_slow(node, cpu));
            }
            assert!(kernel.is_up(node) && !kernel.is_short_of_memory(node));
            drop((kernel.open_items(node), kernel.memory(node), kernel.work_queues(node)));
            let handle = kernel.handle(node);
            assert!(handle.monotonic() <= handle.wall());
        }
        drop((kernel.waiting_tasks(), kernel.dump_work(), kernel.sites()));
        drop((kernel.recent_records(), kernel.checkpoints(), kernel.probes().clone()));
        assert!(kernel.misfit().is_none() && kernel.idle_schedule().is_none());
    });
    assert_eq!(alone, looked_at);
    let recorded = KernelConfig { record_schedule: true, ..plain };
    assert_eq!(alone, digest(&recorded, Keep::Nothing, |_| ()));
    let other = KernelConfig { schedule: stormglass::sim::ScheduleKind::Fifo, ..recorded };
    assert_ne!(alone, digest(&other, Keep::Nothing, |_| ()), "the digest sees the order");
}
