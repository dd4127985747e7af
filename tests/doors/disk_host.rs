//! The NVMe simulator as a host's driver meets it: completions lost, late and twice, abort, reset, retries.

use std::collections::BTreeSet;

use stormglass::base::Nanos;
use stormglass::disk::control::{FaultKind, OpMask, Phase};
use stormglass::disk::port::{Command, Completion, Driver, DriverConfig, Op, Status};
use stormglass::disk::{CommandCompleted, CommandFaulted, CommandTimedOut, ControllerReset};

use crate::disk_bench::{Bench, exact, over_seeds, read, statuses, submit, write};
use crate::rig::Outcome;

/// 30 ms until a command is aborted, and no retries.
const SCALED: DriverConfig = DriverConfig::LINUX.scaled(1000).with_retries(0);

/// Submits one command after the other through a driver; they complete in any order.
fn drive(bench: &Bench, config: DriverConfig, ops: Vec<Op>) -> Outcome<Vec<Completion>> {
    let (drive, host) = (bench.disk.drive(), bench.host);
    let handle = bench.rig.kernel.handle(bench.target);
    bench.rig.start(bench.target, async move {
        let driver = Driver::open(&handle, &drive, host, config);
        let count = ops.len();
        for (cookie, op) in ops.into_iter().enumerate() {
            driver.submit(Command { cookie: cookie as u64, tag: 7, op }).expect("there is room");
        }
        let mut done = Vec::new();
        while done.len() < count {
            done.push(driver.completion().await);
        }
        done
    })
}

#[test]
fn a_lost_completion_was_executed_and_never_comes() {
    let bench = Bench::new(1, exact());
    bench.disk.fail_next(OpMask::WRITE, 1, Status::Internal, Phase::Completion);
    let lost = bench.start(bench.host, vec![write(0, 1, 1)]);
    bench.rig.run_until(Nanos::from_secs(1));
    assert!(!lost.is_done() && bench.truth(0) == 1);
    assert!(bench.disk.faults().is_empty() && bench.disk.holds_answers(), "its host still waits");
    bench.disk.heal();
    bench.rig.settle();
    assert!(!lost.is_done(), "a completion that is lost isn't found by healing");
    bench.write(0, 1, 2);
    bench.disk.disconnect_from_client(bench.host);
    bench.rig.settle();
    assert_eq!(statuses(&lost.take()), [Status::HostPath], "it goes with its path");
    assert!(!bench.disk.holds_answers());
    assert_eq!(bench.truth(0), 2, "and isn't done again");
}

#[test]
fn a_delayed_completion_comes_late_with_what_was_read_in_time() {
    let bench = Bench::new(1, exact());
    bench.write(0, 1, 1);
    bench.disk.fail_next(OpMask::READ, 1, Status::Internal, Phase::Delayed);
    let late = bench.start(bench.host, vec![read(0, 1)]);
    bench.rig.run_until(Nanos::from_micros(100));
    assert!(!late.is_done() && bench.disk.holds_answers());
    bench.write(0, 1, 2);
    bench.rig.settle();
    assert!(!bench.disk.holds_answers());
    let late = late.take().remove(0);
    assert_eq!(late.status, Status::Success);
    assert_eq!(late.data.block(0).stamp().map(|stamp| stamp.sequence()), Some(1));
    assert!(bench.rig.kernel.now() >= Nanos::from_micros(500));
}

#[test]
fn a_duplicated_completion_comes_twice_and_a_driver_takes_it_once() {
    let bench = Bench::new(1, exact());
    bench.disk.duplicate_next_completion(1);
    let (drive, host) = (bench.disk.drive(), bench.host);
    let cookies = bench.rig.run(bench.target, async move {
        let pair = drive.open(host);
        submit(&pair, 1, read(0, 1));
        let first = pair.completion().await.cookie;
        submit(&pair, 2, read(0, 1));
        [first, pair.completion().await.cookie, pair.completion().await.cookie]
    });
    assert_eq!(cookies, [1, 1, 2]);
    assert_eq!(bench.rig.records_of::<CommandCompleted>().len(), 2);

    bench.disk.duplicate_next_completion(1);
    let done = self::drive(&bench, SCALED, vec![read(0, 1), Op::Flush, read(1, 1)]);
    bench.rig.settle();
    let cookies: Vec<u64> = done.take().iter().map(|completion| completion.cookie).collect();
    assert_eq!(cookies, [0, 2, 1]);
}

#[test]
fn an_aborted_command_was_executed_or_not() {
    let seen = over_seeds(|seed| {
        let bench = Bench::new(seed, exact());
        let (drive, host) = (bench.disk.drive(), bench.host);
        bench.disk.hang(OpMask::WRITE);
        let status = bench.rig.run(bench.target, async move {
            let pair = drive.open(host);
            submit(&pair, 1, write(0, 1, 1));
            submit(&pair, 2, read(0, 1));
            assert_eq!(pair.completion().await.cookie, 2);
            pair.abort(1);
            pair.abort(77);
            let ended = pair.completion().await;
            assert_eq!((ended.cookie, pair.outstanding()), (1, 0));
            ended.status
        });
        assert_eq!(status, Status::AbortRequested);
        let truth = bench.truth(0);
        bench.disk.heal();
        bench.rig.settle();
        assert_eq!(bench.truth(0), truth, "nothing of it lands later");
        truth
    });
    assert_eq!(seen, BTreeSet::from([0, 1]));
}

#[test]
fn a_reset_ends_everything_and_takes_its_time() {
    let bench = Bench::new(1, exact());
    let flight = bench.start(bench.host, vec![write(0, 1, 1), Op::Flush]);
    let other = bench.start(bench.other, vec![read(0, 1)]);
    bench.rig.run_until(Nanos::from_micros(5));
    let ready = bench.disk.drive().reset(bench.host);
    bench.rig.settle();
    assert_eq!(statuses(&flight.take()), [Status::AbortQueue; 2]);
    assert_eq!(statuses(&other.take()), [Status::AbortQueue], "the controller is everybody's");
    assert_eq!(bench.io(read(0, 1)).status, Status::NamespaceNotReady);
    assert_eq!(bench.rig.records_of::<ControllerReset>().len(), 1);
    bench.rig.run_until(ready);
    assert_eq!(bench.io(read(0, 1)).status, Status::Success);
}

#[test]
fn a_driver_aborts_what_takes_too_long() {
    let bench = Bench::new(1, exact());
    bench.disk.hang(OpMask::WRITE);
    let done = drive(&bench, SCALED, vec![write(0, 1, 1), read(0, 1)]);
    bench.rig.settle();
    assert_eq!(statuses(&done.take()), [Status::Success, Status::AbortRequested]);
    let steps: Vec<u8> =
        bench.rig.records_of::<CommandTimedOut>().iter().map(|late| late.step).collect();
    assert_eq!(steps, [1]);
    assert!(bench.rig.kernel.now() < Nanos::from_millis(61));
}

#[test]
fn a_driver_resets_and_then_gives_up_a_device_that_does_not_react() {
    let bench = Bench::new(1, exact());
    bench.disk.hang(OpMask::ALL);
    let (drive, host) = (bench.disk.drive(), bench.host);
    let handle = bench.rig.kernel.handle(bench.target);
    let ended = bench.rig.start(bench.target, async move {
        let driver = Driver::open(&handle, &drive, host, SCALED);
        let mut statuses = Vec::new();
        for cookie in 0..3 {
            driver.submit(Command { cookie, tag: 0, op: read(0, 1) }).expect("there is room");
            statuses.push(driver.completion().await.status);
            if cookie == 0 {
                // Over by then: what hangs now hangs for another reason.
                handle.sleep(Nanos::from_millis(3)).await;
            }
        }
        assert!(driver.is_removed());
        statuses
    });
    bench.rig.settle();
    assert_eq!(ended.take(), [Status::AbortQueue, Status::HostPath, Status::HostPath]);
    let steps: Vec<u8> =
        bench.rig.records_of::<CommandTimedOut>().iter().map(|late| late.step).collect();
    assert_eq!(steps, [1, 2, 1, 3]);
}

#[test]
fn a_driver_finds_a_lost_completion_by_reset() {
    let bench = Bench::new(1, exact());
    bench.disk.fail_next(OpMask::WRITE, 1, Status::Internal, Phase::Completion);
    let done = drive(&bench, SCALED, vec![write(0, 1, 1)]);
    bench.rig.settle();
    assert_eq!(statuses(&done.take()), [Status::AbortQueue]);
    assert_eq!(bench.truth(0), 1);
}

#[test]
fn a_driver_tries_again_what_an_abort_or_a_reset_ended_unless_it_may_have_been_written() {
    let ended = |op: Op, count| {
        let bench = Bench::new(1, exact());
        bench.disk.fail_next(OpMask::ALL, count, Status::Internal, Phase::Completion);
        let done = drive(&bench, DriverConfig::LINUX.scaled(1000), vec![op]);
        bench.rig.settle();
        (done.take()[0].status, bench.rig.records_of::<ControllerReset>().len())
    };
    assert_eq!(ended(read(0, 1), 1), (Status::Success, 1));
    assert_eq!(ended(Op::Flush, 1), (Status::Success, 1));
    assert_eq!(ended(write(0, 1, 1), 1), (Status::AbortQueue, 1));
    let gone = ended(read(0, 1), 9);
    assert_eq!(gone, (Status::HostPath, 1), "no second reset without a completion in between");
    let bench = Bench::new(1, exact());
    bench.disk.hang(OpMask::READ);
    let done = drive(&bench, DriverConfig::LINUX.scaled(1000), vec![read(0, 1)]);
    bench.rig.settle();
    let steps: Vec<u8> =
        bench.rig.records_of::<CommandTimedOut>().iter().map(|late| late.step).collect();
    assert_eq!(statuses(&done.take()), [Status::AbortRequested]);
    assert_eq!(steps, [1; 6], "five retries, each aborted in its turn");
}

#[test]
fn a_driver_tries_again_what_may_be_tried_again() {
    let with = |status, count| {
        let bench = Bench::new(1, exact());
        bench.disk.fail_next(OpMask::ALL, count, status, Phase::Before);
        let done = drive(&bench, DriverConfig::LINUX.scaled(1000), vec![write(0, 1, 1)]);
        bench.rig.settle();
        let faulted = bench.rig.records_of::<CommandFaulted>();
        assert!(faulted.iter().all(|faulted| faulted.fault == FaultKind::FailNext));
        (done.take()[0].status, faulted.len(), bench.rig.kernel.now())
    };
    let (status, tries, _) = with(Status::Internal, 5);
    assert_eq!((status, tries), (Status::Success, 5));
    let (status, tries, _) = with(Status::Internal, 6);
    assert_eq!((status, tries), (Status::Internal, 6), "five retries and no more");
    let (status, tries, _) = with(Status::WriteFault, 9);
    assert_eq!((status, tries), (Status::WriteFault, 6));
    for never in [Status::NamespaceWriteProtected, Status::HostPath, Status::PowerLoss] {
        assert_eq!(with(never, 1).0, never, "never twice");
    }
    let quick = with(Status::Internal, 1).2;
    let told_to_wait = with(Status::CommandInterrupted, 1).2;
    assert!(told_to_wait >= quick.saturating_add(Nanos::from_micros(100)), "CRD is heeded");
}

#[test]
fn a_driver_identifies_only_for_so_long() {
    let bench = Bench::new(1, exact());
    bench.disk.hang(OpMask::ALL);
    let (drive, host) = (bench.disk.drive(), bench.host);
    let handle = bench.rig.kernel.handle(bench.target);
    let identity = bench.rig.run(bench.target, async move {
        Driver::open(&handle, &drive, host, SCALED).identify().await
    });
    assert_eq!(identity, Err(Status::AbortedByHost));
    assert_eq!(bench.rig.kernel.now(), Nanos::from_millis(60));
}
