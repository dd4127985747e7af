//! The options of a job onto the blocks of a volume, and what had to be fitted for that. Parses nothing.

use crate::base::{BlockSize, Job, JobKind, SizeClass, Spread};
use crate::scenario::trace::{BLOCKS_MAX, Recording, STEPS_MAX, Speed};

use super::app::FioWork;
use super::options::{Direction, Options};
use super::sizes::ByteSizes;
use super::values::Amount;

/// A job remembers for each place whether it was there, up to so many.
const PLACES_MAX: u64 = 1 << 26;
/// What the draws of a job follow from that repeats itself in each run.
const REPEATED: u64 = 0x8909_7000;

/// Puts one job onto blocks.
pub(super) struct Placing {
    block_size: BlockSize,
    first: u64,
    size: u64,
    /// What was fitted.
    pub notes: Vec<String>,
}

impl Placing {
    pub fn new(block_size: BlockSize, (first, last): (u64, u64)) -> Self {
        Self { block_size, first, size: last - first + 1, notes: Vec::new() }
    }

    /// What the job does; else why it cannot.
    pub fn place(&mut self, options: &Options, log: Option<&Recording>) -> Result<FioWork, String> {
        let offset = self.blocks(options.offset, self.size).unwrap_or(0);
        if offset >= self.size {
            return Err(format!("its `offset` is beyond the {} blocks that it may use", self.size));
        }
        let room = self.size - offset;
        let wanted = self.blocks(options.size, self.size).unwrap_or(room).max(1);
        if wanted > room {
            self.notes.push(format!("its `size` is cut from {wanted} to {room} blocks"));
        }
        let (first, blocks) = (self.first + offset, wanted.min(room));
        if let Some(log) = log {
            let region = (first, first + blocks - 1);
            let replay = log.replay(Speed::RECORDED, self.block_size, region);
            let replay = replay.filter(|replay| !replay.steps.is_empty());
            return replay.map(|replay| FioWork::Replay(replay.into())).ok_or_else(|| {
                format!("its log has no operation on whole blocks, or more than {STEPS_MAX}")
            });
        }
        let job = self.job(options, first, blocks);
        let spread = self.spread(options, &job);
        Ok(FioWork::Job(Job { spread, ..job }.into()))
    }

    fn job(&mut self, options: &Options, first: u64, blocks: u64) -> Job {
        let usual = if options.is_random { 100 } else { 0 };
        let writes = !matches!(options.direction, Direction::Read | Direction::Trim);
        let number = options.number;
        let flush_every = match (options.fsync, options.fdatasync) {
            (0, every) | (every, 0) => every,
            (a, b) => a.min(b),
        };
        Job {
            kind: match options.direction {
                Direction::Read => JobKind::Read,
                Direction::Write => JobKind::Write,
                Direction::Trim => JobKind::Trim,
                Direction::TrimWrite => JobKind::TrimWrite,
                Direction::Mixed => JobKind::Mixed(options.rwmixread),
            },
            random_percent: options.percentage_random.unwrap_or(usual),
            run: number.filter(|_| options.is_random).unwrap_or(1),
            hole: number.filter(|_| !options.is_random).map_or(0, |bytes| self.up(bytes)),
            sizes: self.sizes(options, blocks),
            first,
            blocks,
            pass: self.blocks(options.io_size, blocks).unwrap_or(blocks).max(1),
            passes: (!options.time_based).then_some(options.loops),
            ops: options.number_ios,
            spread: Spread::Anywhere,
            fua: options.sync,
            flush_every,
            flush_at_end: options.end_fsync && writes,
            think: options.thinktime,
            think_every: options.thinktime_blocks,
            rate: options.rate_iops,
            runtime: options.runtime.map(|it| it.saturating_add(options.ramp_time)),
            reads_back: options.verify && options.do_verify && writes,
            backlog: if options.verify && writes { options.verify_backlog } else { 0 },
            seed: options.randseed.or_else(|| options.randrepeat.then_some(REPEATED)),
        }
    }

    fn spread(&mut self, options: &Options, job: &Job) -> Spread {
        let places = job.places();
        if let Some(buckets) = options.distribution.buckets(places) {
            return Spread::Weighted { buckets, is_scattered: options.distribution.is_scattered() };
        }
        if places > PLACES_MAX && !options.norandommap {
            let note = "it goes anywhere each time, as with `norandommap`: it has too many places";
            self.notes.push(note.to_owned());
        }
        let is_once = !options.norandommap && places <= PLACES_MAX;
        if is_once { Spread::EachOnce } else { Spread::Anywhere }
    }

    fn sizes(&mut self, options: &Options, blocks: u64) -> [Vec<SizeClass>; 3] {
        let most = blocks.min(BLOCKS_MAX);
        let block = self.block_size.bytes() as u64;
        let used = match options.direction {
            Direction::Read => 0..1,
            Direction::Write => 1..2,
            Direction::Trim | Direction::TrimWrite => 2..3,
            Direction::Mixed => 0..2,
        };
        let used = options.sizes[used].iter().flatten();
        let (mut rounded, mut cut) = (false, false);
        for sizes in used {
            rounded |= [sizes.min, sizes.max].iter().any(|bytes| !bytes.is_multiple_of(block));
            cut |= self.up(sizes.max) > most;
        }
        if rounded {
            self.notes.push(format!("its sizes are rounded up to blocks of {block} bytes"));
        }
        if cut {
            self.notes.push(format!("its sizes are cut to {most} blocks"));
        }
        let class = |sizes: &ByteSizes| SizeClass {
            min: self.up(sizes.min).min(most) as u32,
            max: self.up(sizes.max).min(most) as u32,
            weight: sizes.weight,
        };
        options.sizes.each_ref().map(|sizes| sizes.iter().map(class).collect())
    }

    /// Whole blocks of an amount; a part is one of so many blocks.
    fn blocks(&self, amount: Option<Amount>, whole: u64) -> Option<u64> {
        amount.map(|amount| match amount {
            Amount::Bytes(bytes) => self.up(bytes),
            Amount::Percent(percent) => (u128::from(whole) * u128::from(percent) / 100) as u64,
        })
    }

    fn up(&self, bytes: u64) -> u64 {
        bytes.div_ceil(self.block_size.bytes() as u64)
    }
}

/// The most blocks that an operation of a job has, however many there are to use.
pub(super) fn longest(options: &Options, log: Option<&Recording>, block_size: BlockSize) -> u64 {
    let block = block_size.bytes() as u64;
    let most = match log {
        Some(log) => log.longest(block_size),
        None => {
            let sizes = options.sizes.iter().flatten();
            sizes.map(|sizes| sizes.max.div_ceil(block)).max().unwrap_or(1)
        }
    };
    most.min(BLOCKS_MAX)
}
