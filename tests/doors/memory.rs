//! Memory accounts: limits, requests that fail, who holds what, and leaks that name their place.

use std::cell::RefCell;
use std::rc::Rc;

use stormglass::base::Nanos;
use stormglass::sim::{
    Allocation, AllocationRefused, MemoryFailNextSet, MemoryLimited, MemoryUnlimited, NodeConfig,
    OutOfMemory, ResourceLeaked,
};

use crate::rig::{Rig, free_node};

#[test]
fn an_account_knows_who_holds_what() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let memory = rig.kernel.handle(node).memory();
    let session = memory.reserve(1_000).unwrap();
    let mut buffers: Vec<Allocation> = (0..3).map(|_| memory.alloc(100).unwrap()).collect();
    buffers.truncate(2);
    let account = rig.kernel.memory(node);
    assert_eq!((account.used, account.reserved, account.peak), (1_200, 1_000, 1_300));
    let [reserved, allocated] = &account.sites[..] else { panic!("{account:?}") };
    assert!(reserved.reserves && !allocated.reserves);
    assert_eq!((allocated.live, allocated.bytes, allocated.taken), (2, 200, 3));
    assert!(allocated.place.starts_with("tests/doors/memory.rs:"), "{}", allocated.place);
    drop((session, buffers));
    let account = rig.kernel.memory(node);
    assert_eq!((account.used, account.reserved), (0, 0));
}

#[test]
fn limit_memory_refuses_what_is_beyond_and_spares_what_is_held() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let held = handle.alloc(800).unwrap();
    rig.kernel.limit_memory(node, 500);
    assert!(rig.kernel.is_short_of_memory(node));
    assert_eq!(handle.alloc(1).unwrap_err(), OutOfMemory { bytes: 1, used: 800 });
    drop(held);
    let fits = handle.alloc(500).unwrap();
    assert!(handle.alloc(1).is_err());
    rig.kernel.unlimit_memory(node);
    let _more = handle.alloc(1 << 40).unwrap();
    drop(fits);
    assert_eq!(rig.kernel.memory(node).refused, 2);
    let records = rig.records();
    let limited = records.iter().filter_map(|record| record.get::<MemoryLimited>());
    assert_eq!(limited.collect::<Vec<_>>(), [MemoryLimited { node, bytes: 500, used: 800 }]);
    assert!(records.iter().any(|record| record.get::<MemoryUnlimited>().is_some()));
    let refused = records.iter().filter_map(|record| record.get::<AllocationRefused>());
    let refused: Vec<(u64, u64)> = refused.map(|refused| (refused.bytes, refused.used)).collect();
    assert_eq!(refused, [(1, 800), (1, 500)]);
}

#[test]
fn a_node_cannot_be_given_more_than_it_was_made_with() {
    let rig = Rig::new(1);
    let node = rig.node(&NodeConfig { memory: Some(1_000), ..free_node() });
    let handle = rig.kernel.handle(node);
    rig.kernel.limit_memory(node, 5_000);
    assert!(!rig.kernel.is_short_of_memory(node));
    assert!(handle.alloc(1_001).is_err());
    let _all = handle.alloc(1_000).unwrap();
    assert!(handle.alloc(1).is_err());
}

#[test]
fn fail_next_memory_fails_so_many_requests_and_no_more() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    rig.kernel.fail_next_memory(node, 2, 0);
    assert!(handle.alloc(1).is_err() && handle.memory().reserve(1).is_err());
    assert!(!rig.kernel.is_short_of_memory(node));
    assert!(handle.alloc(1).is_ok());
    assert_eq!(
        rig.records_of::<MemoryFailNextSet>(),
        [MemoryFailNextSet { node, count: 2, after: 0 }]
    );
}

#[test]
fn fail_next_memory_lets_so_many_requests_pass_first() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    rig.kernel.fail_next_memory(node, 2, 3);
    let granted: Vec<bool> = (0..7).map(|_| handle.alloc(1).is_ok()).collect();
    assert_eq!(granted, [true, true, true, false, false, true, true]);
    assert!(!rig.kernel.is_short_of_memory(node));
    rig.kernel.fail_next_memory(node, 1, 1);
    assert!(rig.kernel.is_short_of_memory(node), "what is to come counts");
    let account = rig.kernel.memory(node);
    assert_eq!((account.fail_next, account.fail_after, account.refused), (1, 1, 2));
    rig.kernel.fail_next_memory(node, 0, 0);
    assert!((0..3).all(|_| handle.alloc(1).is_ok()));
}

#[test]
fn who_waits_for_memory_goes_on_when_some_is_freed_or_after_a_while() {
    let rig = Rig::new(1);
    let node = rig.node(&NodeConfig { memory: Some(100), ..free_node() });
    let handle = rig.kernel.handle(node);
    let held = handle.alloc(60).unwrap();
    let waiting = |bytes| {
        let handle = handle.clone();
        rig.start(node, async move {
            let got = handle.memory().alloc_waiting(bytes).await;
            (handle.kernel().now(), got.bytes())
        })
    };
    let waits = waiting(50);
    rig.run_until(Nanos::from_micros(130));
    assert!(!waits.is_done());
    drop(held);
    rig.settle();
    assert_eq!(waits.take(), (Nanos::from_micros(130), 50), "at once");
    rig.kernel.fail_next_memory(node, 2, 0);
    let fails = waiting(1);
    rig.settle();
    assert_eq!(fails.take().0, Nanos::from_micros(530), "at its third attempt");
}

#[test]
fn memory_that_outlives_its_node_names_who_took_it() {
    let rig = Rig::new(1);
    let node = rig.node(&free_node());
    let handle = rig.kernel.handle(node);
    let escaped: Rc<RefCell<Vec<Allocation>>> = Rc::default();
    let hole = escaped.clone();
    let _running = rig.start(node, async move {
        let _kept = handle.alloc(1).unwrap();
        for _ in 0..2 {
            hole.borrow_mut().push(handle.alloc(4096).unwrap());
        }
        std::future::pending::<()>().await;
    });
    rig.settle();
    let leaked = rig.kernel.kill(node);
    let [leak] = &leaked[..] else { panic!("{leaked:?}") };
    assert_eq!((leak.what, leak.count, leak.bytes), ("memory", 2, 8192));
    assert!(leak.place.starts_with("tests/doors/memory.rs:"), "{}", leak.place);
    let told = [ResourceLeaked { node, count: 2, bytes: 8192, site: leak.site }];
    assert_eq!(rig.records_of::<ResourceLeaked>(), told);
}
