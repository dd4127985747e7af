//! Tells checkers a story, record by record, on one volume with two legs. Judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use stormglass::base::history::{
    AppOpened, BlockRead, CachesLost, FenceRaised, MediaWritten, OpAbandoned, OpInvoked, OpKind,
    OpResult, OpReturned,
};
use stormglass::base::{
    Block, DiskId, Epoch, LegIndex, Names, Nanos, NodeId, OpId, Record, Recorded, Region, Stamp,
    VolumeId,
};
use stormglass::check::{Check, Checkers, LegMode, LegView, Media, VolumeView};

/// The volume of the story.
pub const VOL0: VolumeId = VolumeId::new(0);
/// Its size.
pub const BLOCKS: u64 = 64;
/// Blocks in a region.
pub const BLOCKS_PER_REGION: u32 = 32;

/// What operation `op` writes to `block`.
pub fn by(op: u64, block: u64) -> Stamp {
    Stamp::new(0, block, 1, op)
}

/// What a fresh or trimmed block holds.
pub const ZEROES: Stamp = Stamp::from_words([0, 0]);

pub struct Story {
    pub checkers: Checkers,
    pub legs: Vec<LegView>,
    pub media: Platters,
    seq: u64,
    kinds: BTreeMap<u64, OpKind>,
    /// The application that flushes.
    pub app: u16,
}

/// What the legs hold, and where they are marked.
#[derive(Default)]
pub struct Platters {
    pub blocks: BTreeMap<(u8, u64), Block>,
    pub marks: BTreeSet<(u8, u32)>,
    pub poison: BTreeSet<(u8, u64)>,
    /// Blocks that are only in a volatile cache: what the medium holds of them.
    pub cached: BTreeMap<(u8, u64), Block>,
    /// How many lines of coded blocks there are.
    pub lines: u64,
    /// Lines that don't fit as they stand, and those that would not if what was begun were finished.
    pub unfit: BTreeSet<u64>,
    pub hopeless: BTreeSet<u64>,
    /// What blocks come to by what other legs hold.
    pub computed: BTreeMap<u64, Block>,
    /// Blocks that a leg has nothing to do with.
    pub foreign: BTreeSet<(u8, u64)>,
}

impl Media for Platters {
    fn holds(&self, leg: LegIndex, block: u64) -> bool {
        !self.foreign.contains(&(leg.get(), block))
    }
    fn lines(&self) -> u64 {
        self.lines
    }
    fn region_of_line(&self, line: u64) -> Region {
        Region::new(line as u32)
    }
    fn line_fits(&self, line: u64, legs: &[LegIndex], finished: bool) -> bool {
        let unfit = if finished { &self.hopeless } else { &self.unfit };
        legs.len() < 2 || !unfit.contains(&line)
    }
    fn computed(&self, block: u64, _legs: &[LegIndex]) -> Option<Block> {
        self.computed.get(&block).cloned()
    }
    fn block(&self, leg: LegIndex, block: u64) -> Block {
        self.blocks.get(&(leg.get(), block)).cloned().unwrap_or_default()
    }
    fn without_cache(&self, leg: LegIndex, block: u64) -> Option<Block> {
        self.cached.get(&(leg.get(), block)).cloned()
    }
    fn marked(&self, leg: LegIndex, region: Region) -> bool {
        self.marks.contains(&(leg.get(), region.get()))
    }
    fn poisoned(&self, leg: LegIndex, block: u64) -> bool {
        self.poison.contains(&(leg.get(), block))
    }
}

impl Story {
    pub fn new() -> Self {
        Self {
            checkers: Checkers::new(Check::ALL),
            legs: vec![LegView { mode: LegMode::ReadWrite, surviving: true, cold: false }; 2],
            media: Platters::default(),
            seq: 0,
            kinds: BTreeMap::new(),
            app: 1,
        }
    }

    /// One that is held to these checks only.
    pub fn held_to(checks: &[Check]) -> Self {
        Self { checkers: Checkers::new(checks), ..Self::new() }
    }

    /// One whose media have volatile caches.
    pub fn with_caches() -> Self {
        let mut story = Self::new();
        story.checkers.expect_volatile_caches();
        story
    }

    /// An application opens the volume, and is the one that flushes from now on.
    pub fn open_as(&mut self, writer: u16) {
        self.app = writer;
        self.record(AppOpened { volume: VOL0, writer: writer.into() });
    }

    /// A flush, from invocation to return.
    pub fn flush(&mut self, op: u64) {
        self.invoke_flush(op);
        self.returned(op, OpResult::Ok);
    }

    /// A flush that failed: somebody was told that something may be lost.
    pub fn flush_failed(&mut self, op: u64) {
        self.invoke_flush(op);
        self.returned(op, OpResult::InDoubt);
    }

    /// Every leg loses its power.
    pub fn lose_caches(&mut self) {
        self.record(CachesLost { volume: VOL0 });
    }

    /// Puts content into a leg's volatile cache alone; the medium keeps what it had.
    pub fn put_cached(&mut self, leg: u8, block: u64, content: Stamp) {
        let index = LegIndex::new(leg);
        let held = self.media.block(index, block);
        self.put(leg, block, content);
        self.media.cached.insert((leg, block), held);
    }

    /// Each record is 100 us after the one before it.
    pub fn now(&self) -> Nanos {
        Nanos::from_micros(self.seq * 100)
    }

    pub fn record<T: Recorded>(&mut self, what: T) {
        self.record_on(0, what);
    }

    /// A record of another node than the client.
    pub fn record_on<T: Recorded>(&mut self, node: u32, what: T) {
        self.seq += 1;
        let record = self.make(node, what);
        self.checkers.observe(&record);
    }

    /// A record of the moment that the one before it is of.
    pub fn record_at_once<T: Recorded>(&mut self, what: T) {
        let record = self.make(0, what);
        self.checkers.observe(&record);
    }

    pub fn make<T: Recorded>(&self, node: u32, what: T) -> Record {
        Record {
            at: self.now(),
            seq: self.seq,
            cause: 0,
            node: Some(NodeId::new(node)),
            cpu: None,
            kind: T::TYPE,
            words: what.words(),
        }
    }

    fn invoke(&mut self, op: u64, kind: OpKind, block: u64, blocks: u32) {
        self.kinds.insert(op, kind);
        let author = match kind {
            OpKind::Flush => Stamp::new(0, 0, self.app, 0).words()[1],
            _ if kind.is_write() => by(op, 0).words()[1],
            _ => 0,
        };
        let op = OpId::new(op);
        self.record(OpInvoked { op, volume: VOL0, kind, block, blocks, author });
    }

    pub fn invoke_write(&mut self, op: u64, block: u64, blocks: u32) {
        self.invoke(op, OpKind::Write, block, blocks);
    }

    pub fn invoke_write_fua(&mut self, op: u64, block: u64, blocks: u32) {
        self.invoke(op, OpKind::WriteFua, block, blocks);
    }

    pub fn invoke_read(&mut self, op: u64, block: u64, blocks: u32) {
        self.invoke(op, OpKind::Read, block, blocks);
    }

    pub fn invoke_trim(&mut self, op: u64, block: u64, blocks: u32) {
        self.invoke(op, OpKind::Trim, block, blocks);
    }

    pub fn invoke_flush(&mut self, op: u64) {
        self.invoke(op, OpKind::Flush, 0, 0);
    }

    pub fn shown(&mut self, op: u64, block: u64, content: Stamp) {
        let [place, author] = content.words();
        self.record(BlockRead { op: OpId::new(op), volume: VOL0, block, place, author });
    }

    pub fn returned(&mut self, op: u64, result: OpResult) {
        let kind = self.kinds[&op];
        self.record(OpReturned { op: OpId::new(op), volume: VOL0, kind, result });
    }

    pub fn abandoned(&mut self, op: u64) {
        self.record(OpAbandoned { op: OpId::new(op), volume: VOL0 });
    }

    /// A write of one block, from invocation to return.
    pub fn write(&mut self, op: u64, block: u64) {
        self.invoke_write(op, block, 1);
        self.returned(op, OpResult::Ok);
    }

    /// A trim of one block, from invocation to return.
    pub fn trim(&mut self, op: u64, block: u64) {
        self.invoke_trim(op, block, 1);
        self.returned(op, OpResult::Ok);
    }

    /// A read of one block, from invocation to return.
    pub fn read(&mut self, op: u64, block: u64, content: Stamp) {
        self.invoke_read(op, block, 1);
        self.shown_and_returned(op, block, content);
    }

    pub fn shown_and_returned(&mut self, op: u64, block: u64, content: Stamp) {
        self.shown(op, block, content);
        self.returned(op, OpResult::Ok);
    }

    /// A fence before leg 0 and its medium, which starts at block 1000 of disk 3.
    pub fn fence(&mut self, epoch: u64) {
        self.record(FenceRaised {
            disk: DiskId::new(3),
            volume: VOL0,
            leg: LegIndex::new(0),
            first: 1000,
            blocks: BLOCKS,
            epoch: Epoch::new(epoch),
        });
    }

    pub fn media_written(&mut self, disk: u32, lba: u64, blocks: u32, tag: u64) {
        self.record(MediaWritten { disk: DiskId::new(disk), lba, blocks, tag });
    }

    /// Puts content on a leg's medium.
    pub fn put(&mut self, leg: u8, block: u64, content: Stamp) {
        let content = if content == ZEROES { Block::ZERO } else { Block::stamped(content) };
        self.media.blocks.insert((leg, block), content);
    }

    /// Puts content on both legs.
    pub fn put_both(&mut self, block: u64, content: Stamp) {
        self.put(0, block, content);
        self.put(1, block, content);
    }

    pub fn freeze(&mut self, at_rest: bool, checks: &[Check]) {
        let at = self.now();
        let volume = VolumeView {
            id: VOL0,
            name: "vol0",
            blocks: BLOCKS,
            blocks_per_region: BLOCKS_PER_REGION,
            legs: &self.legs,
            media: &self.media,
        };
        self.checkers.freeze(at, &[volume], at_rest, checks);
    }

    /// The signatures of what was found so far.
    pub fn found(&self) -> Vec<String> {
        self.checkers.violations().iter().map(|violation| violation.signature()).collect()
    }

    /// The report of what was found, which must be one violation.
    pub fn report(&self) -> String {
        let names = Names {
            nodes: vec!["c0".to_owned()],
            disks: ["t0/d0", "t1/d0", "t2/d0", "t3/d0"].map(str::to_owned).to_vec(),
            volumes: vec!["data".to_owned()],
            ..Names::default()
        };
        let violations = self.checkers.violations();
        assert_eq!(violations.len(), 1, "{violations:#?}");
        violations[0].report(&names)
    }
}
