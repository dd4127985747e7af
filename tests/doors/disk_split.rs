//! Commands that are longer than the device takes: refused by it, done in parts by its host.

use stormglass::base::{Nanos, Payload};
use stormglass::disk::control::{OpMask, Phase};
use stormglass::disk::port::{
    Command, Completion, Driver, DriverConfig, Op, OpCode, Splitter, Standing, Status,
};
use stormglass::disk::{CommandSubmitted, DiskConfig};

use crate::disk_bench::{Bench, exact, over_seeds, read, statuses, write};
use crate::rig::Outcome;

/// A disk that takes four blocks at a time, and so many commands.
fn narrow(queue_depth: u16) -> DiskConfig {
    DiskConfig { transfer_blocks: 4, queue_depth, ..exact() }
}

/// Submits one command after the other through a splitter, as soon as there is room; in the order of their ends.
fn split(bench: &Bench, ops: Vec<Op>) -> Outcome<Vec<Completion>> {
    let (drive, host) = (bench.disk.drive(), bench.host);
    let longest = bench.disk.identity().transfer_blocks;
    bench.rig.start(bench.target, async move {
        let queue = Splitter::open(&drive, host);
        let (count, mut done) = (ops.len(), Vec::new());
        for (cookie, op) in ops.into_iter().enumerate() {
            while queue.standing() == Standing::Full {
                done.push(queue.completion().await);
            }
            let command = Command { cookie: cookie as u64, tag: 7, op };
            queue.submit(command, longest).expect("there is room");
        }
        while done.len() < count {
            done.push(queue.completion().await);
        }
        done
    })
}

fn to_the_end(bench: &Bench, ops: Vec<Op>) -> Vec<Completion> {
    let done = split(bench, ops);
    bench.rig.settle();
    done.take()
}

/// What was asked of the device: kind, first block, blocks.
fn asked(bench: &Bench) -> Vec<(OpCode, u64, u32)> {
    let submitted = bench.rig.records_of::<CommandSubmitted>().into_iter();
    submitted.map(|told| (told.op, told.lba, told.blocks)).collect()
}

#[test]
fn what_the_device_refuses_its_host_does_in_parts() {
    let bench = Bench::new(1, narrow(8));
    assert_eq!(bench.io(write(0, 10, 1)).status, Status::InvalidField);
    assert_eq!(bench.truths(0, 10), [0; 10]);
    bench.rig.records();
    let done = to_the_end(&bench, vec![write(0, 10, 1)]);
    assert_eq!((done[0].cookie, done[0].status), (0, Status::Success));
    assert_eq!(bench.truths(0, 10), [1; 10]);
    let parts = [(0, 4), (4, 4), (8, 2)].map(|(lba, blocks)| (OpCode::Write, lba, blocks));
    assert_eq!(asked(&bench), parts);
    let done = to_the_end(&bench, vec![read(1, 9)]);
    assert_eq!(done[0].data, Payload::run(done[0].data.block(0).stamp().unwrap(), 9));
    assert_eq!(bench.rig.kernel.now(), Nanos::from_micros(20 + 20 + 10), "all parts at once");
    let Op::Write { data, .. } = write(0, 10, 1) else { panic!("a write") };
    let done = to_the_end(&bench, vec![Op::Compare { lba: 0, data: data.clone() }]);
    assert_eq!(statuses(&done), [Status::Success]);
    bench.write(9, 1, 2);
    let done = to_the_end(&bench, vec![Op::Compare { lba: 0, data }]);
    assert_eq!(statuses(&done), [Status::CompareFailure], "one block of the last part differs");
}

#[test]
fn what_is_short_or_carries_no_blocks_is_one_command() {
    let bench = Bench::new(1, narrow(8));
    let ops = vec![write(0, 4, 1), Op::Deallocate { lba: 0, blocks: 9 }, Op::Flush, read(0, 4)];
    assert_eq!(statuses(&to_the_end(&bench, ops)), [Status::Success; 4]);
    let codes: Vec<OpCode> = asked(&bench).into_iter().map(|(code, ..)| code).collect();
    assert_eq!(codes, [OpCode::Write, OpCode::Deallocate, OpCode::Flush, OpCode::Read]);
}

#[test]
fn parts_wait_for_room_and_go_before_what_comes_later() {
    for depth in [1, 2, 3] {
        let bench = Bench::new(1, narrow(depth));
        let ops = vec![write(0, 20, 1), write(2, 9, 2), read(0, 20), read(19, 1)];
        let done = to_the_end(&bench, ops);
        assert_eq!(statuses(&done), [Status::Success; 4], "{depth}");
        let first = asked(&bench).into_iter().take(5).map(|(_, lba, _)| lba);
        assert_eq!(first.collect::<Vec<_>>(), [0, 4, 8, 12, 16], "{depth}");
    }
}

#[test]
fn one_part_that_fails_fails_the_whole_and_leaves_the_others_as_they_are() {
    let seen = over_seeds(|seed| {
        let bench = Bench::new(seed, DiskConfig { write: exact().read, ..narrow(8) });
        bench.disk.insert_bad_sector(5, 1, Status::UnrecoveredRead);
        let done = to_the_end(&bench, vec![read(0, 12)]);
        assert_eq!(statuses(&done), [Status::UnrecoveredRead]);
        assert!(done[0].data.is_empty());
        bench.disk.fail_next(OpMask::WRITE, 1, Status::WriteFault, Phase::Before);
        let done = to_the_end(&bench, vec![write(0, 12, 1)]);
        assert_eq!(statuses(&done), [Status::WriteFault]);
        bench.truths(0, 12)
    });
    assert!(seen.iter().all(|truths| truths.contains(&0) && truths.contains(&1)), "{seen:?}");
}

#[test]
fn parts_that_wait_are_not_sent_once_one_has_failed() {
    let bench = Bench::new(1, narrow(1));
    bench.disk.fail_next(OpMask::WRITE, 1, Status::WriteFault, Phase::Before);
    let done = to_the_end(&bench, vec![write(0, 20, 1), read(0, 1)]);
    assert_eq!(statuses(&done), [Status::WriteFault, Status::Success]);
    assert_eq!(asked(&bench), [(OpCode::Write, 0, 4), (OpCode::Read, 0, 1)]);
}

#[test]
fn a_whole_is_in_doubt_when_any_part_is() {
    let bench = Bench::new(1, narrow(8));
    bench.disk.fail_next(OpMask::WRITE, 1, Status::WriteFault, Phase::Before);
    bench.disk.fail_next(OpMask::WRITE, 1, Status::HostPath, Phase::Before);
    let done = to_the_end(&bench, vec![write(0, 12, 1)]);
    assert!(done[0].status.is_in_doubt(), "{}", done[0].status);
}

#[test]
fn a_part_that_completes_twice_counts_once() {
    let bench = Bench::new(1, narrow(2));
    bench.disk.duplicate_next_completion(3);
    let done = to_the_end(&bench, vec![write(0, 16, 1), read(0, 16)]);
    assert_eq!(statuses(&done), [Status::Success; 2]);
    assert_eq!(done[1].data.len(), 16);
}

#[test]
fn a_split_write_is_atomic_by_parts_at_most_when_its_host_dies() {
    let seen = over_seeds(|seed| {
        let bench = Bench::new(seed, DiskConfig { atomic_blocks: 8, ..narrow(8) });
        let _lost = split(&bench, vec![write(0, 8, 1)]);
        bench.rig.run_until(Nanos::from_micros(5));
        bench.rig.kernel.kill(bench.target);
        bench.truths(0, 8)
    });
    let halves = |a, b| [[a; 4], [b; 4]].concat();
    let expected = [halves(0, 0), halves(0, 1), halves(1, 0), halves(1, 1)];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_driver_learns_the_limit_by_identify_and_aborts_all_parts() {
    let bench = Bench::new(1, narrow(8));
    let (drive, host) = (bench.disk.drive(), bench.host);
    let handle = bench.rig.kernel.handle(bench.target);
    let config = DriverConfig::LINUX.scaled(1_000_000).with_retries(0);
    let (namespace, op) = (bench.disk.clone(), write(0, 10, 1));
    let ends = bench.rig.run(bench.target, async move {
        let driver = Driver::open(&handle, &drive, host, config);
        let mut ends = Vec::new();
        for identify in [false, true] {
            if identify {
                driver.identify().await.expect("it answers");
            }
            driver.submit(Command { cookie: 3, tag: 7, op: op.clone() }).expect("there is room");
            ends.push(driver.completion().await.status);
        }
        namespace.hang(OpMask::WRITE);
        driver.submit(Command { cookie: 4, tag: 7, op: op.clone() }).expect("there is room");
        let last = driver.completion().await;
        ends.push(last.status);
        (last.cookie, ends)
    });
    let expected = [Status::InvalidField, Status::Success, Status::AbortRequested];
    assert_eq!(ends, (4, expected.to_vec()));
}
