//! The strict seal holds: each way to bring something of the host into a run is refused and told with who took
//! it, or cannot be taken at all; and what a run needs it lets through.

#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::hint::black_box;
use std::mem::MaybeUninit;
use std::path::Path;

use stormglass::scenario::load;
use stormglass::sim::{Trespass, sealed_strictly, strict_seal, trespassed};
use stormglass::world::{RunOptions, Verdict, simulate};

/// What `code` is told of when it runs under the strict seal.
fn found(code: impl FnOnce() + Send) -> Option<Trespass> {
    sealed_strictly(7, || under_test(code)).1
}

/// A function that is on the stack in every build.
#[inline(never)]
fn under_test(code: impl FnOnce()) {
    code();
    black_box(());
}

#[track_caller]
fn check(call: &str, code: impl FnOnce() + Send) {
    let found = found(code).unwrap_or_else(|| panic!("{call} went through"));
    assert_eq!(found.call, call, "{found:#?}");
    let tells = |of: &str| found.stack.iter().any(|function| function.contains(of));
    assert!(tells("under_test"), "the stack leads here: {found:#?}");
    let beyond =
        ["on_call", "on_fault", "sealed_strictly", "block_on"].into_iter().find(|it| tells(it));
    assert_eq!(beyond, None, "handlers and the seal are none of it: {found:#?}");
}

#[test]
fn it_can_be_had_here() {
    assert_eq!(strict_seal(), Ok(()));
}

#[test]
fn entropy_by_a_raw_call_is_refused() {
    check("getrandom", || {
        let mut bytes = [MaybeUninit::uninit(); 8];
        let drawn = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
        assert!(drawn.is_err());
    });
}

#[test]
fn files_are_refused() {
    check("openat", || assert!(std::fs::read("/etc/hostname").is_err()));
}

#[test]
fn the_network_is_refused() {
    check("socket", || assert!(std::net::UdpSocket::bind("127.0.0.1:0").is_err()));
}

#[test]
fn numbers_of_processes_are_refused() {
    check("getpid", || assert_ne!(std::process::id(), 0));
}

#[test]
fn waiting_on_the_wall_is_refused() {
    let span = rustix::time::Timespec { tv_sec: 0, tv_nsec: 1 };
    check("nanosleep", || drop(rustix::thread::nanosleep(&span)));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_clock_that_needs_no_system_call_is_refused() {
    let read = || black_box(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic));
    // The first call looks the clock up; so it is made out here. This crate takes a clock that refuses for a defect of its own, and panics.
    read();
    let found =
        found(|| drop(std::panic::catch_unwind(read))).expect("the vDSO's clock is stopped");
    assert!(["rdtsc", "clock_gettime"].contains(&found.call.as_str()), "{found:?}");
}

#[test]
fn the_first_trespass_is_told_inside_as_well() {
    check("getpid", || {
        assert!(!trespassed());
        black_box(std::process::id());
        assert!(trespassed());
        drop(std::fs::read("/etc/hostname"));
    });
}

#[test]
#[expect(clippy::disallowed_types, reason = "this is the test that the seal holds them")]
fn memory_output_panics_and_virtual_clocks_go_through() {
    let found = found(|| {
        let large: Vec<u64> = (0..1 << 20).collect();
        assert_eq!(black_box(large).len(), 1 << 20);
        eprintln!("said under the strict seal");
        let before = std::time::Instant::now();
        assert_eq!(before.elapsed(), std::time::Duration::ZERO);
        let map: std::collections::HashMap<u32, u32> = (0..64).map(|key| (key, key)).collect();
        assert_eq!(map.len(), 64);
    });
    assert_eq!(found, None);
}

/// glibc gives memory of a thread's arena back here, and asks before it does so for the first time.
#[test]
fn an_allocator_that_gives_memory_back_goes_through() {
    let found = found(|| {
        let blocks: Vec<Vec<u8>> = (0..512).map(|_| vec![1_u8; 64 << 10]).collect();
        assert_eq!(black_box(blocks).len(), 512);
    });
    assert_eq!(found, None);
}

#[test]
fn threads_cannot_be_had() {
    let start = || std::thread::Builder::new().spawn(|| ()).is_ok();
    let (started, _) = sealed_strictly(1, || std::panic::catch_unwind(start).unwrap_or(false));
    assert!(!started);
}

#[test]
fn another_thread_is_not_under_it() {
    found(|| drop(std::fs::read("/etc/hostname")));
    assert!(std::process::id() > 0 && std::fs::read_dir("/").is_ok());
}

#[test]
fn a_run_is_the_same_under_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["raid1/client-reboot-mid-write", "ec/ec-baseline-2-1", "faults/node-wipe"] {
        let scenario = load(&root.join(format!("scenarios/{name}.json"))).expect("it is valid");
        let plain = simulate(&scenario, 3, &RunOptions::default());
        let strict = RunOptions { strict: true, ..RunOptions::default() };
        let strict = simulate(&scenario, 3, &strict);
        assert!(matches!(strict.verdict, Verdict::Pass), "{:?}", strict.verdict);
        assert_eq!(plain.digest, strict.digest, "{name}");
    }
}
