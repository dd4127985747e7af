//! The NVMe simulator alone: each fault has an effect, and undoing it lifts the effect.

use std::collections::BTreeSet;

use stormglass::base::history::MediaWritten;
use stormglass::base::{Block, BlockSize, DiskId, Nanos, Odds, Payload, Record, Recorded, Stamp};
use stormglass::disk::control::{Fault, FaultKind, Namespace, OpMask, Phase};
use stormglass::disk::port::{Command, Drive, Op, QueueFull, QueuePair, Status};
use stormglass::disk::{
    BadSectorInserted, CommandAborted, CommandCompleted, CommandFaulted, CommandSubmitted,
    DiskConfig, SectorRemapped, Swapped,
};
use stormglass::sim::TaskPolled;

use crate::disk_bench::{Bench, exact, over_seeds, read, statuses, submit, write};

#[test]
fn a_disk_holds_what_was_written_and_else_zeroes() {
    let bench = Bench::new(1, exact());
    bench.write(10, 3, 1);
    bench.write(11, 1, 2);
    assert_eq!(bench.io(Op::WriteZeroes { lba: 12, blocks: 1 }).status, Status::Success);
    assert_eq!(bench.io(Op::Flush).status, Status::Success);
    let data = bench.io(read(9, 5)).data;
    let stamp = |block, sequence| Block::stamped(Stamp::new(1, block, 1, sequence));
    let expected = [Block::ZERO, stamp(10, 1), stamp(11, 2), Block::ZERO, Block::ZERO];
    assert!(data.blocks().eq(expected), "{data:?}");
    assert_eq!(bench.truths(9, 5), [0, 1, 2, 0, 0]);
}

#[test]
fn each_kind_of_command_takes_its_time() {
    let bench = Bench::new(1, exact());
    for op in [read(0, 1), write(0, 1, 1), Op::WriteZeroes { lba: 0, blocks: 1 }, Op::Flush] {
        bench.io(op);
    }
    let completed = bench.rig.records_of::<CommandCompleted>();
    let latencies: Vec<Nanos> = completed.iter().map(|completed| completed.latency).collect();
    assert_eq!(latencies, [10, 20, 20, 100].map(Nanos::from_micros));
}

#[test]
fn blocks_that_are_not_there_are_refused() {
    let bench = Bench::new(1, exact());
    let none = Op::Write { lba: 0, data: Payload::empty(), fua: true };
    let zero = |lba, blocks| Op::WriteZeroes { lba, blocks };
    for op in [read(0, 0), none, zero(5, 0), read(999, 2), write(1000, 1, 1), read(u64::MAX, 2)] {
        let completion = bench.io(op.clone());
        assert_eq!(completion.status, Status::LbaRange, "{op:?}");
        assert!(completion.data.is_empty() && completion.status.dnr());
    }
    assert_eq!(bench.rig.records_of::<MediaWritten>(), []);
    bench.write(999, 1, 1);
}

#[test]
fn a_block_marked_as_lost_stays_lost_until_it_is_written() {
    let bench = Bench::new(1, exact());
    bench.write(0, 4, 1);
    let lose = Op::WriteUncorrectable { lba: 1, blocks: 2 };
    assert_eq!(bench.io(lose).status, Status::Success);
    assert_eq!(bench.rig.records_of::<MediaWritten>().len(), 2, "it is a change like any other");
    assert_eq!(bench.io(read(0, 2)).status, Status::UnrecoveredRead);
    bench.disk.heal();
    assert_eq!(bench.io(read(2, 1)).status, Status::UnrecoveredRead, "it is no fault to be healed");
    assert!(bench.disk.raw_is_lost(1) && bench.disk.raw_is_lost(2) && !bench.disk.raw_is_lost(3));
    bench.write(1, 1, 2);
    assert_eq!(bench.io(read(0, 2)).status, Status::Success);
    assert_eq!(bench.io(read(2, 1)).status, Status::UnrecoveredRead);
    assert_eq!(bench.io(Op::WriteZeroes { lba: 2, blocks: 1 }).status, Status::Success);
    assert_eq!(bench.io(read(0, 4)).status, Status::Success);
}

#[test]
fn identify_says_what_the_disk_is() {
    let bench = Bench::new(1, exact());
    let (drive, host) = (bench.disk.drive(), bench.host);
    let identity = bench.rig.run(bench.target, async move { drive.identify(host).await });
    let identity = identity.expect("a healthy disk says who it is");
    assert_eq!((identity.blocks, identity.block_size), (1000, BlockSize::B512));
    assert_eq!((identity.queue_depth, identity.volatile_cache), (8, false));
    assert_eq!(bench.rig.kernel.now(), Nanos::from_micros(10));
    assert_eq!(identity, bench.disk.identity());
}

#[test]
fn the_queue_depth_bounds_what_is_outstanding() {
    let bench = Bench::new(1, exact());
    let drive = bench.disk.drive();
    let host = bench.host;
    bench.rig.run(bench.target, async move {
        let pair = drive.open(host);
        for cookie in 0..8 {
            assert!(!pair.is_full());
            submit(&pair, cookie, read(cookie, 1));
        }
        let ninth = Command { cookie: 8, tag: 0, op: Op::Flush };
        assert!(pair.is_full());
        assert_eq!(pair.submit(ninth.clone()), Err(QueueFull));
        assert_eq!(drive.open(host).outstanding(), 0, "each queue pair has a depth of its own");
        pair.completion().await;
        assert_eq!(pair.outstanding(), 7);
        pair.submit(ninth).expect("a completion was taken");
        let mut cookies: Vec<u64> = Vec::new();
        while pair.outstanding() > 0 {
            cookies.push(pair.completion().await.cookie);
        }
        assert_eq!(cookies.len(), 8);
        assert_eq!(cookies[7], 8, "the flush takes longest");
    });
}

#[test]
fn completions_come_within_the_latency_range_and_out_of_order() {
    let config = DiskConfig::default();
    let (min, max) = config.read;
    let bench = Bench::new(1, config);
    let done = bench.start(bench.host, (0..64).map(|lba| read(lba, 1)).collect());
    bench.rig.settle();
    let cookies: Vec<u64> = done.take().iter().map(|completion| completion.cookie).collect();
    assert!(!cookies.is_sorted(), "{cookies:?}");
    assert_eq!(cookies.iter().collect::<BTreeSet<_>>().len(), 64);
    for completed in bench.rig.records_of::<CommandCompleted>() {
        assert!((min..=max).contains(&completed.latency), "{completed:?}");
    }
}

#[test]
fn records_tell_what_led_to_what() {
    let bench = Bench::new(1, exact());
    bench.write(5, 2, 1);
    let records = bench.rig.records();
    fn only<R: Recorded>(records: &[Record]) -> (Record, R) {
        let mut found = records.iter().filter_map(|record| Some((*record, record.get::<R>()?)));
        let first = found.next().expect("a record of the type");
        assert!(found.next().is_none(), "two records of type {}", R::TYPE.name);
        first
    }
    let (submission, submitted) = only::<CommandSubmitted>(&records);
    let (change, written) = only::<MediaWritten>(&records);
    let (end, completed) = only::<CommandCompleted>(&records);
    assert_eq!((submitted.lba, submitted.blocks, submitted.host), (5, 2, bench.host));
    assert_eq!(submission.node, Some(bench.target), "submitted by the node that runs");
    let expected = MediaWritten { disk: DiskId::new(3), lba: 5, blocks: 2, tag: 7 };
    assert_eq!(written, expected);
    assert_eq!((change.cause, end.cause), (submission.seq, submission.seq));
    assert_eq!(completed.status, Status::Success);
    let woken = records.iter().find(|record| record.seq > end.seq).expect("the task goes on");
    assert_eq!(woken.get::<TaskPolled>().map(|_| woken.cause), Some(end.seq));
}

#[test]
fn a_bad_sector_fails_reads_until_it_is_rewritten() {
    let bench = Bench::new(1, exact());
    bench.write(10, 10, 1);
    bench.disk.insert_bad_sector(13, 2, Status::UnrecoveredRead);
    let failed = bench.io(read(10, 4));
    assert_eq!(failed.status, Status::UnrecoveredRead);
    assert!(failed.data.is_empty());
    assert_eq!(bench.io(read(10, 3)).status, Status::Success, "its neighbours are good");
    assert_eq!(bench.io(read(15, 5)).status, Status::Success);
    assert_eq!(bench.truths(13, 2), [1, 1], "what the medium holds is untouched");
    let faulted = bench.rig.records_of::<CommandFaulted>();
    assert_eq!(faulted.len(), 1);
    assert_eq!((faulted[0].fault, faulted[0].executed), (FaultKind::BadSector, false));

    bench.rig.kernel.kill(bench.host);
    bench.rig.kernel.kill(bench.target);
    bench.rig.kernel.boot(bench.host);
    bench.rig.kernel.boot(bench.target);
    assert_eq!(bench.io(read(13, 1)).status, Status::UnrecoveredRead, "it outlives a reboot");

    bench.write(13, 1, 2);
    let remapped = bench.rig.records_of::<SectorRemapped>();
    assert_eq!(remapped, [SectorRemapped { disk: DiskId::new(3), lba: 13, count: 1 }]);
    assert_eq!(bench.io(read(13, 1)).status, Status::Success);
    assert_eq!(bench.io(read(13, 2)).status, Status::UnrecoveredRead, "the next one is bad still");
    assert_eq!(bench.disk.faults(), [Fault::BadSectors { count: 1 }]);
}

#[test]
fn healing_lifts_bad_sectors() {
    let bench = Bench::new(1, exact());
    bench.write(998, 2, 1);
    bench.disk.insert_bad_sector(0, 3, Status::GuardCheck);
    let id = bench.disk.insert_bad_sector(999, u64::MAX, Status::UnrecoveredRead);
    assert_eq!(bench.disk.faults(), [Fault::BadSectors { count: 4 }]);
    assert_eq!(bench.io(read(2, 1)).status, Status::GuardCheck);
    assert_eq!(bench.io(read(998, 2)).status, Status::UnrecoveredRead);
    assert!(bench.disk.lift(id));
    assert!(!bench.disk.lift(id));
    assert_eq!(bench.io(read(998, 2)).data, Payload::run(Stamp::new(1, 998, 1, 1), 2));
    assert_eq!(bench.io(read(0, 1)).status, Status::GuardCheck, "the other fault is active still");
    bench.disk.heal();
    assert_eq!(bench.io(read(0, 1)).status, Status::Success);
    assert_eq!(bench.disk.faults(), []);
}

#[test]
fn a_random_failure_before_execution_changes_nothing() {
    let bench = Bench::new(1, exact());
    let quarter = Odds::new(1, 4).expect("a quarter");
    let status = Status::WriteFault;
    bench.disk.inject_random_failure(OpMask::WRITE, quarter, status, Phase::Before);
    let mut failed = 0;
    for lba in 0..400 {
        let ended = bench.io(write(lba, 1, 1)).status;
        assert_eq!(bench.truth(lba) == 1, ended == Status::Success, "block {lba} ended {ended}");
        failed += u64::from(ended == status);
        assert_eq!(bench.io(read(lba, 1)).status, Status::Success, "reads aren't meant");
    }
    assert!((60..140).contains(&failed), "{failed} of 400 at one in four");
    bench.disk.heal();
    (0..100).for_each(|lba| bench.write(lba, 1, 2));
}

#[test]
fn a_random_failure_after_execution_has_written() {
    let bench = Bench::new(1, exact());
    let id = bench.disk.inject_random_failure(
        OpMask::ALL,
        Odds::ALWAYS,
        Status::DataTransferError,
        Phase::After,
    );
    assert_eq!(bench.io(write(4, 2, 1)).status, Status::DataTransferError);
    assert_eq!(bench.truths(4, 2), [1, 1]);
    let seen = bench.io(read(4, 2));
    assert!(seen.status == Status::DataTransferError && seen.data.is_empty());
    let faulted = bench.rig.records_of::<CommandFaulted>();
    assert!(faulted.iter().all(|faulted| faulted.executed));
    assert!(bench.disk.lift(id));
    assert_eq!(bench.io(read(4, 2)).status, Status::Success);
}

#[test]
fn fail_next_hits_as_many_as_it_was_told() {
    let bench = Bench::new(1, exact());
    bench.disk.fail_next(OpMask::READ, 2, Status::Internal, Phase::Before);
    bench.write(0, 1, 1);
    assert_eq!(bench.io(read(0, 1)).status, Status::Internal);
    let (ops, status, phase) = (OpMask::READ, Status::Internal, Phase::Before);
    let left = Fault::FailNext { ops, count: 1, status, phase };
    assert_eq!(bench.disk.faults(), [left]);
    assert_eq!(bench.io(read(0, 1)).status, Status::Internal);
    assert_eq!(bench.io(read(0, 1)).status, Status::Success);
    assert_eq!(bench.disk.faults(), []);
    bench.disk.fail_next(OpMask::ALL, 1, Status::Internal, Phase::Before);
    bench.disk.heal();
    assert_eq!(bench.io(Op::Flush).status, Status::Success);
}

#[test]
fn a_broken_disk_fails_everything_until_healed() {
    let bench = Bench::new(1, exact());
    bench.disk.break_with(Status::NamespaceNotReady);
    let host = bench.host;
    for op in [read(0, 1), write(0, 1, 1), Op::WriteZeroes { lba: 0, blocks: 1 }, Op::Flush] {
        assert_eq!(bench.io(op).status, Status::NamespaceNotReady);
    }
    let drive = bench.disk.drive();
    let identity = bench.rig.run(bench.target, async move { drive.identify(host).await });
    assert_eq!(identity, Err(Status::NamespaceNotReady));
    assert_eq!(bench.truth(0), 0);
    bench.disk.heal();
    bench.write(0, 1, 1);
}

#[test]
fn a_read_only_disk_takes_no_write() {
    let bench = Bench::new(1, exact());
    bench.write(0, 1, 1);
    bench.disk.read_only();
    assert_eq!(bench.io(write(0, 1, 2)).status, Status::NamespaceWriteProtected);
    let zeroes = Op::WriteZeroes { lba: 0, blocks: 1 };
    assert_eq!(bench.io(zeroes).status, Status::NamespaceWriteProtected);
    assert_eq!(bench.io(read(0, 1)).data, Payload::run(Stamp::new(1, 0, 1, 1), 1));
    bench.disk.heal();
    bench.write(0, 1, 3);
}

#[test]
fn a_slow_disk_takes_a_multiple_of_the_time() {
    let bench = Bench::new(1, exact());
    let slow = bench.disk.slow(1000);
    bench.io(read(0, 1));
    bench.io(read(0, 1));
    assert_eq!(bench.rig.kernel.now(), Nanos::from_millis(20));
    let faulted = bench.rig.records_of::<CommandFaulted>();
    assert_eq!(faulted.len(), 1, "it landed, and says so once: {faulted:?}");
    assert_eq!(faulted[0].fault, FaultKind::Slow);
    assert!(bench.disk.lift(slow));
    bench.io(read(0, 1));
    assert_eq!(bench.rig.kernel.now(), Nanos::new(20_010_000));
}

#[test]
fn a_hung_command_goes_on_when_healed() {
    let bench = Bench::new(1, exact());
    let write_then_read = bench.start(bench.host, vec![write(0, 1, 1), read(5, 1)]);
    bench.rig.run_until(Nanos::from_micros(1));
    bench.disk.hang(OpMask::WRITE);
    bench.rig.settle();
    assert!(!write_then_read.is_done(), "the write was in flight and hangs");
    let completed = bench.rig.records_of::<CommandCompleted>();
    assert_eq!(completed.len(), 1, "the read is not meant: {completed:?}");
    assert_eq!(bench.truth(0), 0);
    bench.rig.run_until(Nanos::from_secs(1));
    assert!(!write_then_read.is_done());
    bench.disk.heal();
    bench.rig.settle();
    assert_eq!(statuses(&write_then_read.take()), [Status::Success; 2]);
    assert_eq!(bench.truth(0), 1);
    assert!(bench.rig.kernel.now() > Nanos::from_secs(1), "it takes its time again");
}

#[test]
fn lifting_one_of_two_hangs_leaves_the_other() {
    let bench = Bench::new(1, exact());
    let all = bench.disk.hang(OpMask::ALL);
    bench.disk.hang(OpMask::FLUSH);
    let flushed = bench.start(bench.host, vec![Op::Flush]);
    let was_read = bench.start(bench.host, vec![read(0, 1)]);
    bench.rig.settle();
    assert!(!flushed.is_done() && !was_read.is_done());
    bench.disk.lift(all);
    bench.rig.settle();
    assert!(!flushed.is_done() && was_read.is_done());
    bench.disk.heal();
    bench.rig.settle();
    assert!(flushed.is_done());
}

#[test]
fn a_hung_command_goes_down_with_its_queue_pair() {
    let seen = over_seeds(|seed| {
        let bench = Bench::new(seed, exact());
        bench.disk.hang(OpMask::ALL);
        let _lost = bench.start(bench.host, vec![write(0, 1, 1)]);
        bench.rig.settle();
        bench.rig.kernel.kill(bench.target);
        let at_death = bench.truth(0);
        bench.disk.heal();
        bench.rig.settle();
        assert_eq!(bench.truth(0), at_death, "nothing lands after the queue pair is gone");
        at_death
    });
    assert_eq!(seen, BTreeSet::from([0, 1]));
}

#[test]
fn a_client_cut_off_gets_path_errors_until_reconnected() {
    let bench = Bench::new(1, exact());
    let (cut, spared) = (bench.start(bench.host, vec![write(0, 1, 1), read(3, 1)]), bench.other);
    let other = bench.start(spared, vec![write(9, 1, 1)]);
    bench.rig.run_until(Nanos::from_micros(5));
    bench.disk.disconnect_from_client(bench.host);
    bench.rig.run_until(Nanos::from_micros(6));
    assert_eq!(statuses(&cut.take()), [Status::HostPath; 2], "they end at once");
    bench.rig.settle();
    assert_eq!(statuses(&other.take()), [Status::Success], "another client notices nothing");

    let before = bench.rig.kernel.now();
    assert_eq!(bench.io(write(20, 1, 1)).status, Status::HostPath);
    assert_eq!(bench.rig.kernel.now() - before, Nanos::from_micros(20), "after a latency");
    assert_eq!(bench.truth(20), 0);
    bench.disk.heal();
    assert_eq!(bench.io(read(0, 1)).status, Status::HostPath, "a path isn't the disk's to heal");
    assert_eq!(bench.disk.faults(), [Fault::Disconnected { client: bench.host }]);

    bench.disk.reconnect_to_client(bench.host);
    bench.write(20, 1, 2);
    assert_eq!(bench.disk.faults(), []);
}

#[test]
fn a_write_that_was_cut_off_was_executed_or_not() {
    let look = |seed, cut: fn(&Bench)| {
        let bench = Bench::new(seed, exact());
        let ended = bench.start(bench.host, vec![write(0, 4, 1)]);
        bench.rig.run_until(Nanos::from_micros(5));
        cut(&bench);
        let now = bench.truths(0, 4);
        bench.rig.settle();
        assert_eq!(bench.truths(0, 4), now, "nothing of it lands later");
        let changes = bench.rig.records_of::<MediaWritten>();
        assert_eq!(changes.len(), now[0] as usize, "what changed was told");
        (ended.take()[0].status, now)
    };
    let cut = over_seeds(|seed| look(seed, |bench| bench.disk.disconnect_from_client(bench.host)));
    let both = |status| [(status, vec![0; 4]), (status, vec![1; 4])];
    assert_eq!(cut, BTreeSet::from(both(Status::HostPath)));
    let unplugged = over_seeds(|seed| look(seed, |bench| bench.disk.unplug()));
    let mut expected = BTreeSet::from(both(Status::InvalidNamespace));
    expected.extend(both(Status::AbortQueue));
    assert_eq!(unplugged, expected);
}

#[test]
fn an_unplugged_namespace_is_gone_until_plugged_and_keeps_its_contents() {
    let bench = Bench::new(1, exact());
    bench.write(0, 2, 1);
    bench.disk.unplug();
    for host in [bench.host, bench.other] {
        assert_eq!(bench.io_for(host, read(0, 1)).status, Status::InvalidNamespace);
    }
    assert_eq!(bench.io(write(0, 1, 2)).status, Status::InvalidNamespace);
    let (drive, host) = (bench.disk.drive(), bench.host);
    let identity = bench.rig.run(bench.target, async move { drive.identify(host).await });
    assert_eq!(identity, Err(Status::InvalidNamespace));
    assert_eq!(bench.disk.faults(), [Fault::Unplugged]);
    bench.disk.plug();
    assert_eq!(bench.io(read(0, 2)).data, Payload::run(Stamp::new(1, 0, 1, 1), 2));
    assert_eq!(bench.disk.faults(), []);
}

#[test]
fn a_replaced_disk_is_blank_and_another_one() {
    let bench = Bench::new(1, exact());
    bench.write(0, 2, 1);
    bench.disk.read_only();
    let old = bench.disk.identity();
    let ended = bench.start(bench.host, vec![write(5, 1, 1)]);
    bench.rig.run_until(bench.rig.kernel.now() + Nanos::from_micros(1));
    bench.disk.replace();
    bench.rig.settle();
    assert_ne!(ended.take()[0].status, Status::Success);
    assert_eq!(bench.truths(0, 6), [0; 6]);
    assert_ne!(bench.disk.identity().serial, old.serial);
    bench.write(0, 1, 1);
}

#[test]
fn swapped_disks_take_what_they_hold_along_and_lose_their_power_on_the_way() {
    let bench = Bench::new(1, exact());
    let other = Namespace::new(&bench.rig.kernel, DiskId::new(4), exact());
    let stamp = |sequence| Block::stamped(Stamp::new(1, 0, 1, sequence));
    bench.write(0, 1, 1);
    bench.disk.insert_bad_sector(9, 1, Status::UnrecoveredRead);
    other.raw_write(0, stamp(2));
    let (here, there) = (bench.disk.identity(), other.identity());
    let (drive, host) = (bench.disk.drive(), bench.host);
    let pair = drive.open(host);
    let ended = bench.start(bench.host, vec![read(0, 1)]);
    bench.rig.run_until(bench.rig.kernel.now() + Nanos::from_micros(1));
    bench.disk.swap(&other);
    bench.rig.settle();
    assert_eq!((statuses(&ended.take()), pair.is_dead()), (vec![Status::PowerLoss], true));
    assert_eq!((bench.truth(0), other.raw_read(0)), (2, stamp(1)));
    assert_eq!(bench.disk.identity().serial, there.serial);
    assert_eq!(other.identity().serial, here.serial);
    assert!(bench.disk.identity().life > here.life.max(there.life));
    assert_eq!(
        (bench.disk.faults(), other.faults()),
        (vec![], vec![Fault::BadSectors { count: 1 }])
    );
    assert_eq!(bench.rig.records_of::<Swapped>().len(), 2);
    bench.disk.swap(&other);
    assert_eq!((bench.truth(0), bench.disk.identity().serial), (1, here.serial));
    bench.write(0, 1, 3);
}

#[test]
fn a_queue_pair_that_goes_leaves_writes_torn() {
    let seen = over_seeds(|seed| {
        let bench = Bench::new(seed, exact());
        bench.write(0, 4, 1);
        bench.rig.records();
        let _lost = bench.start(bench.host, vec![write(0, 4, 2), read(0, 1)]);
        bench.rig.run_until(bench.rig.kernel.now() + Nanos::from_micros(1));
        bench.rig.kernel.kill(bench.target);
        let truths = bench.truths(0, 4);
        let written = truths.iter().filter(|sequence| **sequence == 2).count() as u32;
        assert!(truths.is_sorted_by(|a, b| a >= b), "a prefix: {truths:?}");
        let records = bench.rig.records();
        let changes: Vec<MediaWritten> = records.iter().filter_map(Record::get).collect();
        let expected = MediaWritten { disk: DiskId::new(3), lba: 0, blocks: written, tag: 7 };
        assert_eq!(changes, if written == 0 { vec![] } else { vec![expected] });
        let aborted: Vec<CommandAborted> = records.iter().filter_map(Record::get).collect();
        let executed: Vec<u32> = aborted.iter().map(|aborted| aborted.executed).collect();
        assert_eq!(executed, [written, 0], "the write and the read both leave a record");
        bench.rig.settle();
        assert_eq!(bench.truths(0, 4), truths, "nothing lands afterwards");
        written
    });
    assert_eq!(seen, BTreeSet::from([0, 1, 2, 3, 4]));
}

#[test]
fn an_aborted_write_respects_what_refused_it() {
    for seed in 0..20 {
        let bench = Bench::new(seed, exact());
        bench.disk.disconnect_from_client(bench.other);
        let _cut = bench.start(bench.other, vec![write(0, 1, 1)]);
        let _beyond = bench.start(bench.host, vec![write(999, 2, 1)]);
        bench.rig.run_until(Nanos::from_micros(1));
        bench.rig.kernel.kill(bench.target);
        assert_eq!((bench.truth(0), bench.truth(999)), (0, 0));
    }
}

#[test]
fn a_new_queue_pair_hears_nothing_of_an_old_one() {
    let bench = Bench::new(1, exact());
    let (drive, host) = (bench.disk.drive(), bench.host);
    bench.rig.run(bench.target, async move {
        let old = drive.open(host);
        submit(&old, 1, read(0, 1));
        submit(&old, 2, Op::Flush);
        old.completion().await;
        drop(old);
        let new = drive.open(host);
        assert_eq!(new.outstanding(), 0);
        submit(&new, 3, read(0, 1));
        assert_eq!(new.completion().await.cookie, 3);
    });
}

#[test]
fn raw_access_goes_behind_everything() {
    let bench = Bench::new(1, exact());
    bench.disk.raw_write(7, Block::stamped(Stamp::new(1, 7, 1, 5)));
    bench.disk.unplug();
    assert_eq!(bench.truth(7), 5);
    let mut seen = Vec::new();
    bench.disk.raw_scan(0..1000, |lba, block| {
        seen.extend((*block != Block::ZERO).then_some(lba));
    });
    assert_eq!(seen, [7]);
    assert_eq!(bench.rig.records_of::<MediaWritten>(), [], "no command did it");
}

/// A busy minute: two hosts, faults, a kill in the middle.
fn storm(seed: u64, failures: bool) -> (u128, Vec<Record>) {
    storm_on(seed, |disk| {
        if failures {
            let odds = Odds::new(1, 5).expect("one in five");
            disk.inject_random_failure(OpMask::ALL, odds, Status::Internal, Phase::After);
        }
    })
}

fn storm_on(seed: u64, injure: impl FnOnce(&Namespace)) -> (u128, Vec<Record>) {
    let bench =
        Bench::new(seed, DiskConfig { blocks: 64, queue_depth: 16, ..DiskConfig::default() });
    injure(&bench.disk);
    let load = |pair: QueuePair| async move {
        for round in 0..50_u64 {
            while !pair.is_full() {
                let lba = (round * 7 + pair.outstanding() as u64) % 60;
                submit(&pair, round, if round % 3 == 0 { read(lba, 2) } else { write(lba, 4, 1) });
            }
            pair.completion().await;
        }
    };
    for host in [bench.host, bench.other] {
        bench.rig.start(bench.target, load(bench.disk.drive().open(host)));
    }
    bench.rig.run_until(Nanos::from_micros(300));
    bench.disk.disconnect_from_client(bench.other);
    bench.rig.run_until(Nanos::from_micros(400));
    bench.rig.kernel.kill(bench.target);
    bench.rig.settle();
    (bench.rig.kernel.digest(), bench.rig.records())
}

#[test]
fn a_seed_decides_everything() {
    assert_eq!(storm(1, true).0, storm(1, true).0);
    assert_ne!(storm(1, true).0, storm(2, true).0);
}

#[test]
fn a_fault_that_nothing_meets_changes_nothing() {
    // A device with a fault in force executes commands another way than one without any.
    let sound = storm_on(4, |_| {}).1;
    let injured = storm_on(4, |disk| {
        disk.insert_bad_sector(63, 1, Status::UnrecoveredRead);
    });
    let told = |record: &Record| (record.at, record.node, record.kind.code, record.words);
    let (own, injured): (Vec<_>, Vec<_>) =
        injured.1.iter().map(told).partition(|told| told.2 == BadSectorInserted::TYPE.code);
    assert_eq!(own.len(), 1);
    assert_eq!(injured, sound.iter().map(told).collect::<Vec<_>>());
}

#[test]
fn failures_do_not_move_latencies() {
    let latencies = |records: &[Record]| -> Vec<(u64, Nanos)> {
        let completed = records.iter().filter_map(Record::get::<CommandCompleted>);
        completed.map(|completed| (completed.cookie, completed.latency)).take(200).collect()
    };
    let (calm, stormy) = (storm(3, false).1, storm(3, true).1);
    let faults = stormy.iter().filter(|record| record.get::<CommandFaulted>().is_some()).count();
    assert!(faults > 10, "{faults} failures landed");
    let until_cut = |record: &&Record| record.at < Nanos::from_micros(300);
    let early =
        |records: &[Record]| -> Vec<Record> { records.iter().filter(until_cut).copied().collect() };
    assert_eq!(latencies(&early(&calm)), latencies(&early(&stormy)));
}

#[test]
fn a_drive_is_shown_by_its_disk() {
    let bench = Bench::new(1, exact());
    let drive: Drive = bench.disk.drive();
    assert_eq!(format!("{drive:?}"), "Drive(disk3)");
    bench.disk.inject_random_failure(OpMask::WRITE, Odds::ALWAYS, Status::Internal, Phase::Before);
    bench.disk.unplug();
    let shown: Vec<String> = bench.disk.faults().iter().map(ToString::to_string).collect();
    let ops = "write+write-zeroes+write-uncorrectable+deallocate";
    let random = format!("inject_random_failure: {ops} with internal at 1/1, before execution");
    assert_eq!(shown, [random.as_str(), "unplug"]);
}
