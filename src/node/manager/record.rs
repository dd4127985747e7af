//! What the manager knows of a volume for ever, and how it stands on the database's disk.

use crate::base::{Block, BlockSize, Epoch, LegIndex, Nanos, NodeId, PlaceIndex};

use crate::layout::LEGS_MAX;
use crate::node::layout::Superblock;
use crate::node::layout::hash_of_words;
use crate::node::protocol::{LegMode, Modes, Places};

/// A volume's configuration as the database holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeRecord {
    /// Grows with every record.
    pub epoch: Epoch,
    /// Whether all legs that are not dead registered the epoch, so that the owner may have been told
    /// of it and may have written under it.
    pub granted: bool,
    /// The client that has the volume attached, and its session.
    pub owner: Option<(NodeId, u64)>,
    /// Whether an owner before the present one left without detaching.
    pub recover: bool,
    /// The legs' modes.
    pub modes: Modes,
    /// By leg: the epoch in which it was decided that it is rebuilt in whole, on the disk that it is on; zero if
    /// it is not, or is done. Another such decision is another rebuild.
    pub rebuilds: [Epoch; LEGS_MAX],
    /// Each leg's generation: the last epoch before this one under which it may have been written.
    pub generations: [Epoch; LEGS_MAX],
    /// Where each leg is.
    pub places: Places,
    /// Each leg's disk by serial number; 0 until it was first seen.
    pub serials: [u64; LEGS_MAX],
    /// What the manager's wall clock showed when it wrote this: for a person to read. No rule depends on it.
    pub written_at: Nanos,
    /// The last epoch that was decided on because all legs in sync had lost their volatile caches.
    pub cold: Epoch,
    /// Legs (a bit each) that were in sync under the last epoch before this one that an owner was told of,
    /// and of which no loss was heard since. As nobody could write without them, they have all that was
    /// acknowledged, even if they were given up since.
    pub holders: u16,
    /// Whether the owner was surely told of this epoch. Noted only where it matters: if legs that have all that
    /// was acknowledged before are given up in it.
    pub told: bool,
}

const MAGIC: u64 = 0x7374_6f72_6d67_6d01;
const NOBODY: u64 = u64::MAX;
const WORDS: usize = 11 + 3 * LEGS_MAX;

impl VolumeRecord {
    /// A new volume on blank disks: all legs in sync, nobody attached.
    #[must_use]
    pub fn new(legs: usize) -> Self {
        Self {
            epoch: Epoch::new(1),
            granted: false,
            owner: None,
            recover: false,
            modes: Modes::all_read_write(legs),
            rebuilds: [Epoch::new(0); LEGS_MAX],
            generations: [Epoch::new(0); LEGS_MAX],
            places: Places::first(),
            serials: [0; LEGS_MAX],
            written_at: Nanos::ZERO,
            cold: Epoch::new(0),
            holders: 0,
            told: false,
        }
    }

    /// As a block of the database.
    #[must_use]
    pub fn to_block(&self, size: BlockSize) -> Block {
        let (owner, session) =
            self.owner.map_or((NOBODY, 0), |(node, session)| (u64::from(node.get()), session));
        let flags = u64::from(self.recover)
            | u64::from(self.granted) << 1
            | u64::from(self.told) << 2
            | u64::from(self.holders) << 24;
        let legs = self.modes.legs().count() as u64;
        let mut words =
            vec![MAGIC, self.epoch.get(), owner, session, flags, self.modes.word(), legs];
        words.extend(self.generations.map(Epoch::get));
        words.extend(self.serials);
        words.extend(self.rebuilds.map(Epoch::get));
        words.extend(self.places.words());
        words.push(self.written_at.get());
        words.push(self.cold.get());
        words.push(hash_of_words(&words));
        Block::of_words(&words, size)
    }

    /// The record that a block holds; `None` when it holds none, or a damaged one.
    #[must_use]
    pub fn from_block(block: &Block, size: BlockSize) -> Option<Self> {
        if block.stamp().is_some() {
            return None;
        }
        let mut found = [0; WORDS + 1];
        block.read_words(&mut found, size);
        if found[0] != MAGIC || found[WORDS] != hash_of_words(&found[..WORDS]) {
            return None;
        }
        let word = |at: usize| found[at];
        let mut modes = Modes::all_read_write(word(6) as usize);
        for leg in modes.legs() {
            let mode = LegMode::ALL[(word(5) >> (2 * leg.get()) & 3) as usize];
            modes.set(leg, mode);
        }
        let mut generations = [Epoch::new(0); LEGS_MAX];
        let mut serials = [0; LEGS_MAX];
        let mut rebuilds = [Epoch::new(0); LEGS_MAX];
        for leg in 0..LEGS_MAX {
            generations[leg] = Epoch::new(word(7 + leg));
            serials[leg] = word(7 + LEGS_MAX + leg);
            rebuilds[leg] = Epoch::new(word(7 + 2 * LEGS_MAX + leg));
        }
        Some(Self {
            epoch: Epoch::new(word(1)),
            granted: word(4) >> 1 & 1 == 1,
            owner: (word(2) != NOBODY).then(|| (NodeId::new(word(2) as u32), word(3))),
            recover: word(4) & 1 == 1,
            modes,
            rebuilds,
            generations,
            places: Places::from_words([word(WORDS - 4), word(WORDS - 3)]),
            serials,
            written_at: Nanos::new(word(WORDS - 2)),
            cold: Epoch::new(word(WORDS - 1)),
            holders: (word(4) >> 24) as u16,
            told: word(4) >> 2 & 1 == 1,
        })
    }

    /// The least generation that a leg's disk shows when it is no older image of itself.
    #[must_use]
    pub fn generation_min(&self, leg: LegIndex) -> Epoch {
        let registered = self.granted && self.modes.of(leg) != LegMode::Dead;
        if registered { self.epoch } else { self.generations[leg.index()] }
    }

    /// Whether no epoch was granted yet: nobody has written, and a cache that is lost had nothing in it.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        !self.granted && self.generations.iter().all(|generation| *generation == Epoch::new(0))
    }

    /// The leg that is in a place; none, if it is free.
    #[must_use]
    pub fn leg_at(&self, place: PlaceIndex) -> Option<LegIndex> {
        self.modes.legs().find(|leg| self.places.of(*leg) == place)
    }

    /// What tells a newer record from an older one: it grows with every record.
    #[must_use]
    pub fn age(&self) -> (Epoch, bool, bool) {
        (self.epoch, self.granted, self.told)
    }

    /// The legs in sync, a bit each.
    #[must_use]
    pub fn in_sync(&self) -> u16 {
        let in_sync = self.modes.legs_in(LegMode::ReadWrite);
        in_sync.fold(0, |legs, leg| legs | 1 << leg.get())
    }

    /// Legs (a bit each) that were given up since an owner was last told how the volume stands, unless it was
    /// told of this epoch.
    #[must_use]
    pub fn given_up(&self) -> u16 {
        self.holders & !self.in_sync()
    }

    /// Whether a leg in sync, whose superblock names these epochs, bears witness that nobody was told of this
    /// epoch: it has registered it, and was not asked again after it was on record that it may be granted.
    #[must_use]
    pub fn is_untold_by(&self, generation: Epoch, confirmed: Epoch) -> bool {
        generation == self.epoch && confirmed < self.epoch
    }

    /// Legs (a bit each) that were given up under epochs which nobody was told of: what was acknowledged
    /// before is on them, too. None if an owner may have been told of this one. `superblock` is what stands on
    /// a leg's disk.
    #[must_use]
    pub fn given_up_untold(&self, superblock: impl Fn(LegIndex) -> Option<Superblock>) -> u16 {
        let is_witness = |leg| {
            let found = superblock(leg);
            found.is_some_and(|found| self.is_untold_by(found.generation, found.confirmed))
        };
        let mut in_sync = self.modes.legs_in(LegMode::ReadWrite);
        let may_be_told = self.granted && (self.told || !in_sync.any(is_witness));
        if may_be_told { 0 } else { self.given_up() }
    }

    /// Whether the leg is to be rebuilt in whole.
    #[must_use]
    pub fn rebuilds_all(&self, leg: LegIndex) -> bool {
        self.rebuilds[leg.index()] > Epoch::new(0)
    }
}

#[cfg(test)]
mod tests {
    use super::VolumeRecord;
    use crate::base::{Block, BlockSize, Epoch, LegIndex, Nanos, NodeId, PlaceIndex};
    use crate::node::LegMode;

    #[test]
    fn a_record_survives_its_block_and_damage_is_seen() {
        let size = BlockSize::B512;
        let mut record = VolumeRecord::new(3);
        record.epoch = Epoch::new(77);
        record.granted = true;
        record.owner = Some((NodeId::new(4), 99));
        record.recover = true;
        record.modes.set(LegIndex::new(1), LegMode::Dead);
        record.modes.set(LegIndex::new(2), LegMode::WriteOnly);
        record.rebuilds[2] = Epoch::new(69);
        record.generations[2] = Epoch::new(70);
        record.serials[0] = 1234;
        record.places.set(LegIndex::new(2), PlaceIndex::new(3));
        record.places.set(LegIndex::new(15), PlaceIndex::new(31));
        record.written_at = Nanos::from_secs(5);
        record.cold = Epoch::new(71);
        record.holders = 3;
        record.told = true;
        let mut bytes = record.to_block(size).bytes(size);
        assert_eq!(VolumeRecord::from_block(&Block::from_bytes(&bytes), size), Some(record));
        bytes[9] ^= 1;
        assert_eq!(VolumeRecord::from_block(&Block::from_bytes(&bytes), size), None);
    }
}
