//! The NVMe simulator alone: the volatile cache, what a loss of power leaves, atomic writes.

use std::collections::BTreeSet;

use stormglass::base::{Nanos, Payload, Stamp};
use stormglass::disk::port::{Op, Status};
use stormglass::disk::{CacheDropped, CacheLost, DiskConfig, PowerLost};

use crate::disk_bench::{Bench, exact, over_seeds, read, statuses, write};

/// Writes take 2 us into the cache and 20 us to the medium; nothing is written back by itself.
fn cached() -> DiskConfig {
    let fixed = |time| (time, time);
    DiskConfig {
        volatile_cache: true,
        cache_write: fixed(Nanos::from_micros(2)),
        write_back: fixed(Nanos::from_secs(1000)),
        ..exact()
    }
}

fn fua(lba: u64, blocks: u32, sequence: u64) -> Op {
    Op::Write { lba, data: Payload::run(Stamp::new(1, lba, 1, sequence), blocks), fua: true }
}

/// What the first blocks hold after a power loss, over seeds.
fn after_power_loss(config: &DiskConfig, blocks: u64, load: impl Fn(&Bench)) -> BTreeSet<Vec<u64>> {
    over_seeds(|seed| {
        let bench = Bench::new(seed, config.clone());
        load(&bench);
        bench.disk.power_loss();
        let left = bench.truths(0, blocks);
        assert!(bench.disk.raw_without_cache().is_empty());
        left
    })
}

#[test]
fn writes_complete_into_the_cache_and_are_read_from_it() {
    let bench = Bench::new(1, cached());
    bench.write(0, 1, 1);
    assert_eq!(bench.rig.kernel.now(), Nanos::from_micros(2));
    assert_eq!(bench.io(read(0, 1)).data, Payload::run(Stamp::new(1, 0, 1, 1), 1));
    assert_eq!(bench.truth(0), 1);
    let without = bench.disk.raw_without_cache();
    assert_eq!(without.keys().copied().collect::<Vec<_>>(), [0], "but it is not on the medium");
    let before = bench.rig.kernel.now();
    assert_eq!(bench.io(fua(1, 1, 1)).status, Status::Success);
    assert_eq!(bench.rig.kernel.now() - before, Nanos::from_micros(20));
    assert_eq!(bench.io(Op::Flush).status, Status::Success);
    assert!(bench.disk.raw_without_cache().is_empty());
}

#[test]
fn a_power_loss_keeps_any_subset_in_order_for_each_block() {
    let seen = after_power_loss(&cached(), 2, |bench| {
        bench.write(0, 1, 1);
        bench.write(1, 1, 2);
        bench.write(0, 1, 3);
    });
    let all = [0, 1, 3].into_iter().flat_map(|a| [0, 2].map(|b| vec![a, b]));
    assert_eq!(seen, all.collect(), "the later one may be kept without the earlier one");
}

#[test]
fn what_was_flushed_or_forced_survives() {
    let seen = after_power_loss(&cached(), 3, |bench| {
        bench.write(0, 1, 1);
        bench.io(Op::Flush);
        bench.io(fua(1, 1, 2));
        bench.write(2, 1, 3);
        bench.io(fua(2, 1, 4));
    });
    assert_eq!(seen, BTreeSet::from([vec![1, 2, 4]]));
}

#[test]
fn a_flush_covers_what_had_completed_when_it_was_submitted() {
    let seen = after_power_loss(&cached(), 2, |bench| {
        bench.write(0, 1, 1);
        // The write completes while the flush is under way.
        let done = bench.start(bench.host, vec![Op::Flush, write(1, 1, 1)]);
        bench.rig.settle();
        assert_eq!(statuses(&done.take()), [Status::Success; 2]);
    });
    assert_eq!(seen, BTreeSet::from([vec![1, 0], vec![1, 1]]));
}

#[test]
fn a_failed_flush_covers_nothing() {
    use stormglass::disk::control::{OpMask, Phase};
    let seen = after_power_loss(&cached(), 1, |bench| {
        bench.write(0, 1, 1);
        bench.disk.fail_next(OpMask::FLUSH, 1, Status::Internal, Phase::Before);
        assert_eq!(bench.io(Op::Flush).status, Status::Internal);
    });
    assert_eq!(seen.len(), 2);
}

#[test]
fn within_the_atomic_unit_all_or_nothing_beyond_it_torn() {
    let config = DiskConfig { atomic_blocks: 2, atomic_boundary: 4, ..cached() };
    let whole = after_power_loss(&config, 2, |bench| bench.write(0, 2, 1));
    assert_eq!(whole, BTreeSet::from([vec![0, 0], vec![1, 1]]));
    let larger = after_power_loss(&config, 3, |bench| bench.write(0, 3, 1));
    assert!(larger.len() > 2, "{larger:?}");
    let across = after_power_loss(&config, 5, |bench| bench.write(3, 2, 1));
    assert_eq!(across.len(), 4, "the boundary is between them: {across:?}");
}

#[test]
fn an_atomic_write_is_not_torn_by_its_host_either() {
    let seen = over_seeds(|seed| {
        let bench = Bench::new(seed, DiskConfig { atomic_blocks: 4, ..exact() });
        let _lost = bench.start(bench.host, vec![write(0, 4, 1)]);
        bench.rig.run_until(Nanos::from_micros(5));
        bench.rig.kernel.kill(bench.target);
        bench.truths(0, 4)
    });
    assert_eq!(seen, BTreeSet::from([vec![0; 4], vec![1; 4]]));
}

#[test]
fn the_device_writes_back_by_itself() {
    let config =
        DiskConfig { write_back: (Nanos::from_millis(1), Nanos::from_millis(2)), ..cached() };
    let bench = Bench::new(1, config);
    bench.write(0, 1, 1);
    assert_eq!(bench.disk.raw_without_cache().len(), 1);
    bench.rig.run_until(Nanos::from_millis(3));
    assert!(bench.disk.raw_without_cache().is_empty());
    bench.disk.power_loss();
    assert_eq!(bench.truth(0), 1);
}

#[test]
fn zeroes_are_cached_and_lost_blocks_are_not() {
    let seen = over_seeds(|seed| {
        let bench = Bench::new(seed, cached());
        bench.io(fua(0, 2, 1));
        bench.io(Op::WriteZeroes { lba: 0, blocks: 1 });
        bench.io(Op::WriteUncorrectable { lba: 1, blocks: 1 });
        bench.disk.power_loss();
        assert!(bench.disk.raw_is_lost(1));
        bench.truth(0)
    });
    assert_eq!(seen, BTreeSet::from([0, 1]));
}

#[test]
fn a_power_loss_tells_what_went() {
    let bench = Bench::new(3, cached());
    bench.write(0, 8, 1);
    bench.disk.power_loss();
    let records = bench.rig.records();
    let lost: Vec<PowerLost> = records.iter().filter_map(|record| record.get()).collect();
    assert_eq!(lost.len(), 1);
    let cache: Vec<CacheLost> = records.iter().filter_map(|record| record.get()).collect();
    let kept = bench.truths(0, 8).iter().filter(|sequence| **sequence == 1).count() as u32;
    assert_eq!((cache[0].cached, cache[0].lost), (8, 8 - kept));
}

#[test]
fn without_a_cache_a_power_loss_is_nothing() {
    let bench = Bench::new(1, exact());
    bench.write(0, 1, 1);
    let before = (bench.rig.kernel.digest(), bench.disk.identity());
    bench.disk.power_loss();
    assert_eq!((bench.rig.kernel.digest(), bench.disk.identity()), before);
}

#[test]
fn a_device_that_drops_its_cache_ends_its_queue_pairs() {
    let bench = Bench::new(1, cached());
    bench.write(7, 1, 1);
    let (drive, host) = (bench.disk.drive(), bench.host);
    let pair = drive.open(host);
    let flight = bench.start(bench.host, vec![write(0, 1, 1), read(5, 1)]);
    bench.rig.run_until(Nanos::from_micros(3));
    bench.disk.drop_cache();
    assert!(pair.is_dead() && !drive.open(host).is_dead());
    bench.rig.settle();
    assert_eq!(statuses(&flight.take()), [Status::PowerLoss; 2]);
    assert_eq!(bench.rig.records_of::<CacheDropped>().len(), 1);
    bench.rig.run(bench.target, async move {
        crate::disk_bench::submit(&pair, 1, read(0, 1));
        assert_eq!(pair.completion().await.status, Status::AbortQueue);
    });
    assert_eq!(bench.disk.identity().life, 1);
    bench.write(0, 1, 2);
}

#[test]
fn identify_tells_of_cache_and_atomicity() {
    let config =
        DiskConfig { atomic_blocks: 4, atomic_boundary: 8, transfer_blocks: 16, ..cached() };
    let bench = Bench::new(1, config);
    let identity = bench.disk.identity();
    assert!(identity.volatile_cache && identity.deallocated_zeroes && !identity.protection);
    let sizes = (identity.atomic_blocks, identity.atomic_boundary, identity.transfer_blocks);
    assert_eq!(sizes, (4, 8, 16));
    assert_eq!(bench.io(write(0, 17, 1)).status, Status::InvalidField);
    bench.write(0, 16, 1);
    assert_eq!(bench.io(read(0, 17)).status, Status::InvalidField);
    assert_eq!(bench.io(Op::Deallocate { lba: 0, blocks: 17 }).status, Status::Success);
}
