//! The NVMe simulator alone: faults that the device doesn't tell of, and what protection information finds.

use stormglass::base::{Block, BlockSize, Nanos, Payload, Stamp};
use stormglass::disk::control::{Fault, FaultKind};
use stormglass::disk::port::{Op, Status};
use stormglass::disk::{BadSectorBurst, BitsFlipped, CommandFaulted, DiskConfig};

use crate::disk_bench::{Bench, exact, over_seeds, read, write};

fn protected() -> DiskConfig {
    DiskConfig { protection: true, ..exact() }
}

/// A disk with and one without protection information, on which block 5 was written twice.
fn both(spoil: impl Fn(&Bench)) -> [Bench; 2] {
    [exact(), protected()].map(|config| {
        let bench = Bench::new(1, config);
        bench.write(4, 3, 1);
        spoil(&bench);
        bench
    })
}

fn sequence(block: &Block) -> Option<u64> {
    block.stamp().map(Stamp::sequence)
}

#[track_caller]
fn shows(bench: &Bench, lba: u64) -> Option<u64> {
    let completion = bench.io(read(lba, 1));
    assert_eq!(completion.status, Status::Success);
    sequence(&completion.data.block(0))
}

fn faulted(bench: &Bench, kind: FaultKind) -> usize {
    let faulted = bench.rig.records_of::<CommandFaulted>();
    faulted.iter().filter(|faulted| faulted.fault == kind).count()
}

#[test]
fn rot_shows_in_reads_until_rewritten_or_lifted() {
    let [plain, protected] = both(|_| ());
    let fault = plain.disk.flip_bits(5, 3);
    assert_eq!(plain.rig.records_of::<BitsFlipped>().len(), 1);
    let data = plain.io(read(4, 3)).data;
    let bits = |block: &Block| block.bytes(BlockSize::B512);
    let differing = bits(&data.block(1))
        .iter()
        .zip(bits(&plain.disk.raw_read(5)))
        .map(|(read, true_)| (read ^ true_).count_ones())
        .sum::<u32>();
    assert_eq!(differing, 3);
    assert_eq!((sequence(&data.block(0)), sequence(&data.block(2))), (Some(1), Some(1)));
    assert_eq!(plain.truth(5), 1, "the medium is pristine");
    assert_eq!(plain.disk.raw_seen(5), data.block(1));
    assert_eq!(plain.disk.faults(), [Fault::Corrupt { count: 1 }]);
    assert_eq!(faulted(&plain, FaultKind::FlipBits), 1, "what was read wrong leaves a record");
    assert!(plain.disk.lift(fault));
    assert_eq!(shows(&plain, 5), Some(1));

    protected.disk.flip_bits(5, 1);
    let failed = protected.io(read(4, 3));
    assert!(failed.status == Status::GuardCheck && failed.data.is_empty());
    assert_eq!(shows(&protected, 6), Some(1));
    protected.write(5, 1, 2);
    assert_eq!(shows(&protected, 5), Some(2));
    assert_eq!(protected.disk.faults(), []);
}

#[test]
fn each_part_of_the_metadata_is_checked() {
    let first = 512 * 8;
    for (bit, status) in [
        (first, Status::GuardCheck),
        (first + 64, Status::AppTagCheck),
        (first + 127, Status::RefTagCheck),
    ] {
        let [plain, protected] = both(|bench| {
            bench.disk.flip_bits_at(5, &[bit]);
        });
        assert_eq!(shows(&plain, 5), Some(1), "metadata that nobody looks at");
        assert_eq!(protected.io(read(5, 1)).status, status);
    }
}

#[test]
fn a_torn_block_is_half_new_half_old() {
    let [plain, protected] = both(|bench| {
        bench.disk.tear_next_write(1);
        bench.write(4, 3, 2);
    });
    let data = plain.io(read(4, 3)).data;
    let torn: Vec<u64> =
        (4..7).filter(|lba| data.block((*lba - 4) as u32).stamp().is_none()).collect();
    assert_eq!(torn.len(), 1, "{data:?}");
    let half = |sequence| {
        let stamp = Stamp::new(1, torn[0], 1, sequence);
        Block::stamped(stamp).bytes(BlockSize::B512)
    };
    let bytes = data.block((torn[0] - 4) as u32).bytes(BlockSize::B512);
    assert_eq!((&bytes[..256], &bytes[256..]), (&half(2)[..256], &half(1)[256..]));
    assert_eq!(plain.truths(4, 3), [2, 2, 2]);
    plain.write(4, 3, 3);
    assert_eq!(shows(&plain, torn[0]), Some(3), "one write was meant");
    assert_eq!(protected.io(read(4, 3)).status, Status::GuardCheck);
}

#[test]
fn a_lost_write_leaves_what_was_there_and_nobody_notices() {
    for bench in both(|bench| {
        bench.disk.lose_next_write(1);
        bench.io(read(4, 3));
        bench.write(4, 2, 2);
    }) {
        assert_eq!(faulted(&bench, FaultKind::LoseNextWrite), 1);
        assert_eq!([4, 5, 6].map(|lba| shows(&bench, lba)), [Some(1); 3]);
        assert_eq!(bench.truths(4, 3), [2, 2, 1]);
        bench.write(5, 1, 3);
        assert_eq!([4, 5].map(|lba| shows(&bench, lba)), [Some(1), Some(3)]);
        bench.disk.heal();
        assert_eq!(shows(&bench, 4), Some(2), "what the device should hold");
    }
}

#[test]
fn a_misdirected_write_is_missing_here_and_strange_there() {
    let seen = over_seeds(|seed| {
        let [plain, protected] = [exact(), protected()].map(|config| {
            let bench = Bench::new(seed, config);
            bench.write(400, 200, 1);
            bench.disk.misdirect_next_write(1);
            bench.write(500, 2, 2);
            bench
        });
        assert_eq!([500, 501].map(|lba| shows(&plain, lba)), [Some(1); 2]);
        let astray: Vec<u64> = (400..600).filter(|lba| shows(&plain, *lba) == Some(2)).collect();
        assert_eq!(astray.len(), 2, "{astray:?}");
        assert!((2..=64).contains(&astray[0].abs_diff(500)), "{astray:?}");
        assert_eq!(protected.io(read(astray[0], 1)).status, Status::RefTagCheck);
        assert_eq!(shows(&protected, 500), Some(1), "nothing tells that a write is missing");
        astray[0] > 500
    });
    assert_eq!(seen.len(), 2, "up and down");
}

#[test]
fn a_misdirected_read_is_of_another_place() {
    let [plain, protected] = [exact(), protected()].map(|config| {
        let bench = Bench::new(1, config);
        bench.write(400, 200, 1);
        bench.disk.misdirect_next_read(1);
        bench
    });
    let data = plain.io(read(500, 2)).data;
    assert_eq!(plain.rig.records_of::<CommandFaulted>().len(), 1);
    let place = data.block(0).stamp().map(Stamp::block).expect("all was written");
    assert!((2..=64).contains(&place.abs_diff(500)), "{place}");
    assert_eq!(
        plain.io(read(500, 2)).data,
        Payload::run(Stamp::new(1, 400, 1, 1).advanced(100), 2)
    );
    assert_eq!(protected.io(read(500, 2)).status, Status::RefTagCheck);
    assert_eq!(protected.io(read(500, 2)).status, Status::Success);
}

#[test]
fn a_fault_that_waits_can_be_lifted() {
    let bench = Bench::new(1, exact());
    let lose = bench.disk.lose_next_write(2);
    assert_eq!(bench.disk.faults(), [Fault::Next { kind: FaultKind::LoseNextWrite, count: 2 }]);
    bench.write(0, 1, 1);
    assert_eq!(shows(&bench, 0), Some(0));
    assert!(bench.disk.lift(lose), "one is left, and one shows");
    assert_eq!(shows(&bench, 0), Some(1));
    bench.write(1, 1, 1);
    assert_eq!(shows(&bench, 1), Some(1));
    assert!(!bench.disk.lift(lose));
}

#[test]
fn compare_sees_what_a_read_sees() {
    let [plain, _] = both(|_| ());
    let compare =
        |sequence| Op::Compare { lba: 4, data: Payload::run(Stamp::new(1, 4, 1, sequence), 3) };
    assert_eq!(plain.io(compare(1)).status, Status::Success);
    let differs = plain.io(compare(2));
    assert!(differs.status == Status::CompareFailure && differs.data.is_empty());
    plain.disk.flip_bits(6, 1);
    assert_eq!(plain.io(compare(1)).status, Status::CompareFailure);
}

#[test]
fn an_old_image_brings_old_contents_back() {
    let bench = Bench::new(1, exact());
    bench.disk.keep_images(Nanos::from_millis(1));
    bench.write(0, 2, 1);
    bench.write(0, 1, 2);
    bench.io(Op::WriteUncorrectable { lba: 1, blocks: 1 });
    assert_eq!(sequence(&bench.disk.raw_read_old(0, Nanos::from_micros(30))), Some(1));
    assert_eq!(bench.disk.restore_old_image(Nanos::from_micros(30)), 2);
    assert_eq!([0, 1].map(|lba| shows(&bench, lba)), [Some(1); 2]);
    assert_eq!(bench.disk.images_kept(), Nanos::from_millis(1));
}

#[test]
fn a_burst_is_dense_and_comes_over_time() {
    let gaps = over_seeds(|seed| {
        let bench = Bench::new(seed, exact());
        bench.write(0, 200, 1);
        let within = Nanos::from_millis(10);
        bench.disk.insert_bad_sector_burst(100, 20, (80, within), Status::UnrecoveredRead);
        let told = bench.rig.records_of::<BadSectorBurst>();
        assert_eq!((told[0].lba, told[0].count, told[0].span), (100, 20, 80));
        let bad = || -> Vec<u64> {
            (0..200).filter(|lba| bench.io(read(*lba, 1)).status != Status::Success).collect()
        };
        let early = bad();
        bench.rig.run_until(Nanos::from_millis(30));
        let late = bad();
        assert!(early.len() < 20 && early.iter().all(|lba| late.contains(lba)), "{early:?}");
        assert!(late.len() == 20 && late.iter().all(|lba| (100..180).contains(lba)), "{late:?}");
        late.windows(2).filter(|pair| pair[1] == pair[0] + 1).count()
    });
    // Were the twenty drawn one by one, five would have a bad neighbour above them on average.
    assert!(gaps.iter().sum::<usize>() / gaps.len() >= 8, "{gaps:?}");
}

#[test]
fn deallocated_blocks_read_as_zeroes() {
    let [plain, _] = both(|_| ());
    let deallocate = |lba, blocks| Op::Deallocate { lba, blocks };
    assert_eq!(plain.io(deallocate(5, 1)).status, Status::Success);
    assert_eq!([4, 5, 6].map(|lba| shows(&plain, lba)), [Some(1), Some(0), Some(1)]);
    assert_eq!(plain.io(deallocate(999, 2)).status, Status::LbaRange);
    plain.disk.read_only();
    assert_eq!(plain.io(deallocate(4, 1)).status, Status::NamespaceWriteProtected);
    assert_eq!(plain.io(write(4, 1, 3)).status, Status::NamespaceWriteProtected);
}

#[test]
fn what_is_idle_changes_nothing() {
    let digest = |config: DiskConfig, prepare: fn(&Bench)| {
        let bench = Bench::new(7, config);
        prepare(&bench);
        bench.rig.records();
        for lba in 0..50 {
            bench.write(lba, 3, lba);
            bench.io(read(lba / 2, 4));
        }
        bench.io(Op::Flush);
        bench.rig.kernel.digest()
    };
    let plain = digest(exact(), |_| ());
    assert_eq!(plain, digest(protected(), |_| ()));
    assert_eq!(plain, digest(exact(), |bench| bench.disk.keep_images(Nanos::from_secs(1))));
}
