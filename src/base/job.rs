//! What an application does that follows a job file: where it goes, in what sizes, how often, and what it reads back.
//! Reads no file and issues nothing.

use super::time::Nanos;

/// What the operations of a job are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Trims.
    Trim,
    /// Each block is trimmed and then written.
    TrimWrite,
    /// So many reads of a hundred, the others writes.
    Mixed(u32),
}

/// Sizes that operations have, any of the range as likely as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeClass {
    /// The fewest blocks, at least 1.
    pub min: u32,
    /// The most.
    pub max: u32,
    /// How often this class is drawn, among the others.
    pub weight: u32,
}

/// Neighbouring places that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The first of them.
    pub first: u64,
    /// How many they are, at least 1.
    pub count: u64,
    /// The weights of all buckets up to this one, itself included.
    pub upto: u64,
}

/// Where the random operations of a job go. Places are counted in operations of the smallest size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Anywhere, but nowhere again before everywhere else.
    EachOnce,
    /// Anywhere, each time.
    Anywhere,
    /// By weights; with hot places all over the area rather than side by side, if they are scattered.
    Weighted {
        /// By place. Never empty, and of some weight.
        buckets: Vec<Bucket>,
        /// Whether hot places are all over the area.
        is_scattered: bool,
    },
}

/// What one job does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What its operations are.
    pub kind: JobKind,
    /// How many of a hundred operations go to a random place; the others behind the one before of their kind.
    pub random_percent: u32,
    /// Operations side by side that follow from one draw of a random place, at least 1.
    pub run: u64,
    /// Blocks that are passed over behind each operation that is no random one.
    pub hole: u64,
    /// Sizes of reads, of writes, of trims.
    pub sizes: [Vec<SizeClass>; 3],
    /// Its first block.
    pub first: u64,
    /// How many blocks it uses.
    pub blocks: u64,
    /// Blocks of one pass.
    pub pass: u64,
    /// Passes, at least 1; `None` for as many as there is time for.
    pub passes: Option<u64>,
    /// Operations at most.
    pub ops: Option<u64>,
    /// Where random operations go.
    pub spread: Spread,
    /// Whether its writes have forced unit access.
    pub fua: bool,
    /// Writes between two flushes; 0 for no flush.
    pub flush_every: u64,
    /// Whether it ends with a flush.
    pub flush_at_end: bool,
    /// How long it pauses,
    pub think: Nanos,
    /// and after how many operations each time, at least 1.
    pub think_every: u64,
    /// Operations per second of virtual time at most.
    pub rate: Option<u64>,
    /// When it issues no more, since it began.
    pub runtime: Option<Nanos>,
    /// Whether it reads back at the end of each pass what it wrote in it.
    pub reads_back: bool,
    /// Writes after which it reads back those, before it goes on; 0 for never.
    pub backlog: u64,
    /// What its draws follow from, in the place of the run's seed.
    pub seed: Option<u64>,
}

impl Job {
    /// The blocks of its smallest operation: places are counted in these.
    #[must_use]
    pub fn unit(&self) -> u64 {
        let used = match self.kind {
            JobKind::Read => 0..1,
            JobKind::Write => 1..2,
            JobKind::Trim | JobKind::TrimWrite => 2..3,
            JobKind::Mixed(_) => 0..2,
        };
        let least = self.sizes[used].iter().flatten().map(|class| u64::from(class.min)).min();
        least.unwrap_or(1).clamp(1, self.blocks.max(1))
    }

    /// How many places there are for random operations, at least 1.
    #[must_use]
    pub fn places(&self) -> u64 {
        (self.blocks / self.unit()).max(1)
    }
}
