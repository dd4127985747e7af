//! The registers of all blocks that were touched, by place. A block that nobody is working on takes one
//! cache line; only the others have their register in full. Judges nothing.

use std::borrow::Cow;

use super::index::Index;
use super::register::{Register, Settled};

/// How many neighbouring blocks share an entry of the index: what one cache line has room for.
const CHUNK: usize = 8;

/// Where what is known of a block is kept.
#[derive(Clone, Copy, Debug, Default)]
enum Cell {
    /// Nobody has touched it.
    #[default]
    Untouched,
    /// Its register is at rest, in this slot.
    Settled(u32),
    /// Its register is there in full, in this slot.
    Full(u32),
}

/// A register for each block touched.
#[derive(Clone, Debug, Default)]
pub(super) struct Registers {
    /// From a place to its chunk.
    index: Index,
    chunks: Vec<[Cell; CHUNK]>,
    settled: Slots<Settled>,
    full: Slots<Register>,
}

/// Slots that are used again, the last one freed first: it is the likeliest to be in the cache.
#[derive(Clone, Debug)]
struct Slots<T> {
    slots: Vec<T>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// A slot that nobody has; what it holds is of no meaning.
    fn take(&mut self, make: impl FnOnce() -> T) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(make());
            self.slots.len() as u32 - 1
        })
    }
}

/// The chunk that a place is in, and where in it.
const fn chunk_of(place: u64) -> (u64, usize) {
    (place / CHUNK as u64, place as usize % CHUNK)
}

impl Registers {
    /// The register of a place; `None` if it was never touched.
    pub(super) fn get(&self, place: u64) -> Option<Cow<'_, Register>> {
        match self.cell(place) {
            Cell::Untouched => None,
            Cell::Settled(slot) => {
                let mut register = Register::new();
                register.resume(&self.settled.slots[slot as usize]);
                Some(Cow::Owned(register))
            }
            Cell::Full(slot) => Some(Cow::Borrowed(&self.full.slots[slot as usize])),
        }
    }

    /// The value of a place whose register is at rest.
    pub(super) fn settled(&self, place: u64) -> Option<&Settled> {
        match self.cell(place) {
            Cell::Settled(slot) => Some(&self.settled.slots[slot as usize]),
            Cell::Untouched | Cell::Full(_) => None,
        }
    }

    fn cell(&self, place: u64) -> Cell {
        let (chunk, within) = chunk_of(place);
        self.index.get(chunk).map_or(Cell::Untouched, |chunk| self.chunks[chunk as usize][within])
    }

    /// Works on the registers of all blocks of a volume: those whose places have it in their high bits.
    pub(super) fn of_volume(&mut self, volume: u16, mut work: impl FnMut(&mut Register)) {
        let is_its = |chunk: &u64| (chunk * CHUNK as u64) >> 48 == u64::from(volume);
        let chunks: Vec<u64> = self.index.keys().filter(is_its).collect();
        for place in chunks.into_iter().flat_map(|chunk| (0..CHUNK).map(move |at| (chunk, at))) {
            let place = place.0 * CHUNK as u64 + place.1 as u64;
            if !matches!(self.cell(place), Cell::Untouched) {
                self.with(place, &mut work);
            }
        }
    }

    /// Works on the register of a place, then lets it rest if it can.
    pub(super) fn with<R>(&mut self, place: u64, work: impl FnOnce(&mut Register) -> R) -> R {
        let (chunk, within) = chunk_of(place);
        let chunk = self.index.get(chunk).unwrap_or_else(|| {
            self.chunks.push([Cell::Untouched; CHUNK]);
            self.index.insert(chunk, self.chunks.len() as u32 - 1);
            self.chunks.len() as u32 - 1
        });
        let cell = &mut self.chunks[chunk as usize][within];
        let slot = match *cell {
            Cell::Full(slot) => slot,
            Cell::Untouched => {
                let slot = self.full.take(Register::new);
                self.full.slots[slot as usize].restart();
                slot
            }
            Cell::Settled(at) => {
                let slot = self.full.take(Register::new);
                self.full.slots[slot as usize].resume(&self.settled.slots[at as usize]);
                self.settled.free.push(at);
                slot
            }
        };
        let register = &mut self.full.slots[slot as usize];
        let result = work(register);
        *cell = match register.settled() {
            Some(settled) => {
                self.full.free.push(slot);
                let at = self.settled.take(|| settled);
                self.settled.slots[at as usize] = settled;
                Cell::Settled(at)
            }
            None => Cell::Full(slot),
        };
        result
    }
}
