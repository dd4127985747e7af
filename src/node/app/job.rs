//! The operations of a job, one after the other: passes over its blocks, flushes, pauses, and what it reads back.
//! Issues none.

use std::collections::VecDeque;

use crate::base::history::OpKind;
use crate::base::{Job, JobKind, Nanos, SizeClass, Spread};
use crate::sim::Rng;

use super::cover::Cover;
use super::draw::Choice;

/// What a worker of a job is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Issue this.
    Op(Choice),
    /// Ask again when nothing of the job is under way.
    Quiet,
    /// Ask again then: so long after the job began.
    Wait(Nanos),
    /// End.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Operations of a pass.
    Working,
    /// What was written is read back; then the pass goes on, or the next one begins.
    Reading {
        ends_pass: bool,
        /// Whether all writes have returned.
        is_settled: bool,
    },
    /// It issues no more, but perhaps a flush.
    Closing,
    Over,
}

/// How far a job has come; survives its client.
#[derive(Debug)]
pub(super) struct JobState {
    rng: Rng,
    phase: Phase,
    /// Where it goes on, of reads, writes and trims: blocks from the start of its area.
    cursors: [u64; 3],
    /// Operations that are still to follow from the random place that was drawn last.
    run_left: u64,
    cover: Option<Cover>,
    /// Operations of its own choice, so far.
    ops: u64,
    /// Blocks in this pass, so far.
    done: u64,
    /// Passes that are over.
    passes: u64,
    /// Writes since the last flush.
    unflushed: u64,
    /// What follows at once.
    due: VecDeque<Choice>,
    /// What was written and not read back.
    written: VecDeque<Choice>,
    /// Until when it pauses, since it began.
    pause: Nanos,
}

const READS: usize = 0;
const WRITES: usize = 1;
const TRIMS: usize = 2;

impl JobState {
    pub(super) fn new(job: &Job, rng: Rng) -> Self {
        let is_once = job.spread == Spread::EachOnce && job.random_percent > 0;
        Self {
            rng,
            phase: Phase::Working,
            cursors: [0; 3],
            run_left: 0,
            cover: is_once.then(|| Cover::new(job.places())),
            ops: 0,
            done: 0,
            passes: 0,
            unflushed: 0,
            due: VecDeque::new(),
            written: VecDeque::new(),
            pause: Nanos::ZERO,
        }
    }

    /// What to do at a time since the job began; `is_quiet` says that nothing of it is under way.
    pub(super) fn next(&mut self, job: &Job, now: Nanos, is_quiet: bool) -> Turn {
        loop {
            if let Some(choice) = self.due.pop_front() {
                return Turn::Op(choice);
            }
            match self.phase {
                Phase::Working if self.is_over(job, now) => self.end_work(job),
                Phase::Working if self.owes_reading(job) => {
                    self.phase = Phase::Reading { ends_pass: false, is_settled: false };
                }
                Phase::Working if self.done >= job.pass => self.end_pass(job),
                Phase::Working if now < self.pause => return Turn::Wait(self.pause),
                Phase::Working => return Turn::Op(self.work(job, now)),
                // A flush covers what has returned, and a read back is of what has.
                Phase::Reading { is_settled: false, .. } | Phase::Closing if !is_quiet => {
                    return Turn::Quiet;
                }
                Phase::Reading { ends_pass, is_settled: false } => {
                    self.phase = Phase::Reading { ends_pass, is_settled: true };
                }
                Phase::Reading { ends_pass, .. } => match self.written.pop_front() {
                    Some(wrote) => return Turn::Op(Choice { kind: OpKind::Read, ..wrote }),
                    None if ends_pass => self.begin_pass(job, now),
                    None => self.phase = Phase::Working,
                },
                Phase::Closing => {
                    self.phase = Phase::Over;
                    if job.flush_at_end {
                        return Turn::Op(flush(job));
                    }
                }
                Phase::Over => return Turn::Over,
            }
        }
    }

    fn is_over(&self, job: &Job, now: Nanos) -> bool {
        job.ops.is_some_and(|ops| self.ops >= ops) || job.runtime.is_some_and(|end| now >= end)
    }

    /// No pass follows.
    fn end_work(&mut self, job: &Job) {
        self.passes = job.passes.unwrap_or(u64::MAX).saturating_sub(1);
        self.end_pass(job);
    }

    fn end_pass(&mut self, job: &Job) {
        if !job.reads_back {
            self.written.clear();
        }
        let is_settled = self.written.is_empty();
        self.phase = Phase::Reading { ends_pass: true, is_settled };
    }

    fn begin_pass(&mut self, job: &Job, now: Nanos) {
        self.passes = self.passes.saturating_add(1);
        let is_last = job.passes.is_some_and(|passes| self.passes >= passes);
        let is_last = is_last || self.passes == u64::MAX || self.is_over(job, now);
        self.phase = if is_last { Phase::Closing } else { Phase::Working };
        (self.done, self.run_left, self.cursors) = (0, 0, [0; 3]);
    }

    fn owes_reading(&self, job: &Job) -> bool {
        job.backlog > 0 && self.written.len() as u64 >= job.backlog
    }

    /// An operation of the pass, with what follows from it.
    fn work(&mut self, job: &Job, now: Nanos) -> Choice {
        let (kind, way) = match job.kind {
            JobKind::Read => (OpKind::Read, READS),
            JobKind::Write => (OpKind::Write, WRITES),
            JobKind::Trim | JobKind::TrimWrite => (OpKind::Trim, TRIMS),
            JobKind::Mixed(reads) if self.rng.below(100) < u64::from(reads) => {
                (OpKind::Read, READS)
            }
            JobKind::Mixed(_) => (OpKind::Write, WRITES),
        };
        let (place, blocks) = self.place(job, way);
        self.ops += 1;
        self.done += blocks;
        if job.think > Nanos::ZERO && self.ops.is_multiple_of(job.think_every) {
            self.pause = now.saturating_add(job.think);
        }
        let choice = Choice { kind, block: job.first + place, blocks: blocks as u32 };
        match kind {
            OpKind::Write => self.wrote(job, choice),
            OpKind::Trim if job.kind == JobKind::TrimWrite => {
                let write = self.wrote(job, choice);
                self.due.push_front(write);
                choice
            }
            _ => choice,
        }
    }

    /// A write, and the flush behind it, if one is due.
    fn wrote(&mut self, job: &Job, choice: Choice) -> Choice {
        if job.reads_back || job.backlog > 0 {
            self.written.push_back(choice);
        }
        self.unflushed += 1;
        if job.flush_every > 0 && self.unflushed >= job.flush_every {
            self.unflushed = 0;
            self.due.push_back(flush(job));
        }
        Choice { kind: if job.fua { OpKind::WriteFua } else { OpKind::Write }, ..choice }
    }

    /// Where an operation goes, in blocks from the start of the area, and how many blocks it has.
    fn place(&mut self, job: &Job, way: usize) -> (u64, u64) {
        let blocks = self.size(&job.sizes[way]).min(job.blocks);
        let goes_on = self.run_left > 0 && self.cursors[way] + blocks <= job.blocks;
        if goes_on {
            self.run_left -= 1;
        } else if self.rng.below(100) < u64::from(job.random_percent) {
            self.run_left = job.run - 1;
            let (place, blocks) = self.random_place(job, blocks);
            self.cursors[way] = place + blocks;
            return (place, blocks);
        }
        let at = self.cursors[way];
        let at = if at < job.blocks { at } else { 0 };
        let blocks = blocks.min(job.blocks - at);
        self.cursors[way] = at + blocks + if goes_on { 0 } else { job.hole };
        (at, blocks)
    }

    fn size(&mut self, classes: &[SizeClass]) -> u64 {
        let total: u64 = classes.iter().map(|class| u64::from(class.weight)).sum();
        let mut drawn = if classes.len() > 1 { self.rng.below(total) } else { 0 };
        for class in classes {
            match drawn.checked_sub(u64::from(class.weight)) {
                Some(rest) => drawn = rest,
                None => return self.rng.between(u64::from(class.min), u64::from(class.max)),
            }
        }
        1
    }

    fn random_place(&mut self, job: &Job, blocks: u64) -> (u64, u64) {
        let (unit, units) = (job.unit(), job.places());
        let place = match &job.spread {
            Spread::EachOnce => {
                let cover = self.cover.as_mut().expect("a job that covers its area keeps how far");
                let drawn = self.rng.below(units);
                let (at, taken) = cover.take(drawn, blocks.div_ceil(unit));
                return (at * unit, blocks.min(taken * unit));
            }
            Spread::Anywhere => self.rng.below(units),
            Spread::Weighted { buckets, is_scattered } => {
                let total = buckets.last().map_or(1, |bucket| bucket.upto);
                let drawn = self.rng.below(total);
                let bucket = buckets[buckets.partition_point(|bucket| bucket.upto <= drawn)];
                let place = bucket.first + self.rng.below(bucket.count);
                if *is_scattered { scattered(place, units) } else { place }
            }
        };
        ((place * unit).min(job.blocks - blocks), blocks)
    }
}

fn flush(job: &Job) -> Choice {
    Choice { kind: OpKind::Flush, block: job.first, blocks: 1 }
}

/// Another place for each, all over the area; a few share theirs, as they do in fio.
fn scattered(place: u64, units: u64) -> u64 {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    ((u128::from(place.wrapping_add(1).wrapping_mul(GOLDEN)) * u128::from(units)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{JobState, Turn};
    use crate::base::history::OpKind;
    use crate::base::{Bucket, Job, JobKind, Nanos, SizeClass, Spread};
    use crate::node::app::draw::Choice;
    use crate::sim::Seed;

    fn job(kind: JobKind) -> Job {
        let one = vec![SizeClass { min: 2, max: 2, weight: 1 }];
        Job {
            kind,
            random_percent: 0,
            run: 1,
            hole: 0,
            sizes: [one.clone(), one.clone(), one],
            first: 100,
            blocks: 32,
            pass: 32,
            passes: Some(1),
            ops: None,
            spread: Spread::EachOnce,
            fua: false,
            flush_every: 0,
            flush_at_end: false,
            think: Nanos::ZERO,
            think_every: 1,
            rate: None,
            runtime: None,
            reads_back: false,
            backlog: 0,
            seed: None,
        }
    }

    /// All operations, with a tick of a microsecond for each.
    fn all(job: &Job) -> Vec<Choice> {
        let mut state = JobState::new(job, Seed::new(3).stream("job"));
        let (mut now, mut ops) = (0, Vec::new());
        for _ in 0..100_000 {
            match state.next(job, Nanos::from_micros(now), true) {
                Turn::Op(choice) => ops.push(choice),
                Turn::Wait(until) => now = until.get() / 1_000,
                Turn::Quiet => panic!("it is quiet"),
                Turn::Over => return ops,
            }
            now += 1;
        }
        panic!("endless");
    }

    fn kinds(ops: &[Choice]) -> Vec<OpKind> {
        ops.iter().map(|op| op.kind).collect()
    }

    #[test]
    fn a_sequential_job_passes_over_its_area_as_often_as_it_is_told() {
        let ops = all(&Job { passes: Some(2), ..job(JobKind::Write) });
        let places: Vec<u64> = ops.iter().map(|op| op.block).collect();
        let pass: Vec<u64> = (0..16).map(|at| 100 + 2 * at).collect();
        assert_eq!(places, [pass.clone(), pass].concat());
    }

    #[test]
    fn a_random_job_goes_everywhere_once() {
        let ops = all(&Job { random_percent: 100, ..job(JobKind::Read) });
        let places: BTreeSet<u64> = ops.iter().map(|op| op.block).collect();
        assert_eq!((ops.len(), places.len()), (16, 16));
        assert!(!ops.is_sorted_by_key(|op| op.block));
        let mixed = vec![SizeClass { min: 1, max: 5, weight: 1 }];
        let sizes = [mixed.clone(), mixed.clone(), mixed];
        let ops = all(&Job { random_percent: 100, sizes, ..job(JobKind::Write) });
        let blocks: Vec<u64> =
            ops.iter().flat_map(|op| op.block..op.block + u64::from(op.blocks)).collect();
        let once: BTreeSet<u64> = blocks.iter().copied().collect();
        assert_eq!((blocks.len(), once.len()), (32, 32), "no block twice, none left out");
    }

    #[test]
    fn flushes_trims_and_reads_back_come_where_they_are_due() {
        use OpKind::{Flush, Read, Trim, Write};
        let short = Job { pass: 8, ..job(JobKind::Write) };
        let ops = all(&Job { flush_every: 2, flush_at_end: true, ..short.clone() });
        assert_eq!(kinds(&ops), [Write, Write, Flush, Write, Write, Flush, Flush]);
        let ops = all(&Job { reads_back: true, ..short.clone() });
        assert_eq!(kinds(&ops), [Write, Write, Write, Write, Read, Read, Read, Read]);
        assert_eq!(ops[4].block, ops[0].block);
        let ops = all(&Job { backlog: 2, ..short.clone() });
        assert_eq!(kinds(&ops), [Write, Write, Read, Read, Write, Write, Read, Read]);
        let ops = all(&Job { kind: JobKind::TrimWrite, pass: 4, ..short.clone() });
        assert_eq!(kinds(&ops), [Trim, Write, Trim, Write]);
        let ops = all(&Job { fua: true, ops: Some(1), ..short });
        assert_eq!(kinds(&ops), [OpKind::WriteFua]);
    }

    #[test]
    fn runtime_and_thinktime_are_kept() {
        let timed =
            Job { passes: None, runtime: Some(Nanos::from_micros(300)), ..job(JobKind::Read) };
        assert_eq!(all(&timed).len(), 300, "an operation a microsecond");
        let thinks = Job { think: Nanos::from_micros(49), think_every: 2, ..timed };
        let ops = all(&thinks).len();
        assert!((11..=13).contains(&ops), "{ops}");
    }

    #[test]
    fn weights_holes_and_runs_say_where_it_goes() {
        let buckets = vec![
            Bucket { first: 0, count: 1, upto: 90 },
            Bucket { first: 1, count: 15, upto: 100 },
        ];
        let spread = Spread::Weighted { buckets, is_scattered: false };
        let hot = Job { random_percent: 100, spread, pass: 2_000, ..job(JobKind::Read) };
        let ops = all(&hot);
        let first = ops.iter().filter(|op| op.block == 100).count();
        assert!((850..950).contains(&first), "{first} of {}", ops.len());
        let ops = all(&Job { hole: 4, pass: 12, ..job(JobKind::Read) });
        let places: Vec<u64> = ops.iter().map(|op| op.block).collect();
        assert_eq!(places, [100, 106, 112, 118, 124, 130]);
        let ops = all(&Job {
            run: 4,
            pass: 16,
            spread: Spread::Anywhere,
            random_percent: 100,
            ..job(JobKind::Read)
        });
        let steps = ops.windows(2).filter(|pair| pair[1].block == pair[0].block + 2).count();
        assert!(steps >= 4, "{ops:?}");
    }

    #[test]
    fn what_is_under_way_is_waited_for() {
        let job = Job { pass: 4, reads_back: true, ..job(JobKind::Write) };
        let mut state = JobState::new(&job, Seed::new(3).stream("job"));
        let mut next = |is_quiet| state.next(&job, Nanos::ZERO, is_quiet);
        assert!(matches!(next(true), Turn::Op(_)));
        assert!(matches!(next(false), Turn::Op(_)));
        assert_eq!(next(false), Turn::Quiet, "the writes are to return first");
        assert!(matches!(next(true), Turn::Op(_)));
        assert!(matches!(next(false), Turn::Op(_)), "reads go side by side");
        assert_eq!(next(false), Turn::Quiet);
        assert_eq!(next(true), Turn::Over);
    }
}
