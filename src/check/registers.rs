//! The registers of all blocks that were touched, by place. A block that nobody is working on takes one
//! cache line, and one that is being rewritten as most are, a line and a half; only the others have their
//! register in full. Judges nothing.

use std::borrow::Cow;

use super::index::Index;
use super::register::Register;
use super::value::{Moment, Settled, Value};

/// How many neighbouring blocks share an entry of the index: what one cache line has room for.
const CHUNK: usize = 16;

/// A [`Cell`] in 32 bits: the lower two say of which kind it is.
#[derive(Clone, Copy, Debug, Default)]
struct Packed(u32);

impl Packed {
    fn get(self) -> Cell {
        let slot = self.0 >> 2;
        match self.0 & 3 {
            0 => Cell::Untouched,
            1 => Cell::Settled(slot),
            2 => Cell::Rewritten(slot),
            _ => Cell::Full(slot),
        }
    }
}

impl From<Cell> for Packed {
    fn from(cell: Cell) -> Self {
        let (kind, slot) = match cell {
            Cell::Untouched => (0, 0),
            Cell::Settled(slot) => (1, slot),
            Cell::Rewritten(slot) => (2, slot),
            Cell::Full(slot) => (3, slot),
        };
        assert!(slot < 1 << 30, "a history of more than a billion blocks");
        Self(slot << 2 | kind)
    }
}

/// Where what is known of a block is kept.
#[derive(Clone, Copy, Debug)]
enum Cell {
    /// Nobody has touched it.
    Untouched,
    /// Its register is at rest, in this slot.
    Settled(u32),
    /// Its register was at rest when a write began that has not ended, in this slot.
    Rewritten(u32),
    /// Its register is there in full, in this slot.
    Full(u32),
}

/// A register at rest, by its slot, and the only thing that has happened to it since.
#[derive(Clone, Copy, Debug)]
struct Rewrite {
    before: u32,
    author: u64,
    invoked: Moment,
}

impl Rewrite {
    /// Makes a register what this stands for.
    fn unfold(&self, before: &Settled, register: &mut Register) {
        register.resume(before);
        register.write_invoked(self.author, self.invoked);
    }
}

/// A register for each block touched.
#[derive(Clone, Debug, Default)]
pub(super) struct Registers {
    /// From a place to its chunk.
    index: Index,
    chunks: Vec<[Packed; CHUNK]>,
    settled: Slots<Settled>,
    rewrites: Slots<Rewrite>,
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

impl<T: Copy> Slots<T> {
    /// Keeps something: its slot.
    fn hold(&mut self, what: T) -> u32 {
        let at = self.take(|| what);
        self.slots[at as usize] = what;
        at
    }

    /// Takes it out again.
    fn give(&mut self, at: u32) -> T {
        self.free.push(at);
        self.slots[at as usize]
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
            Cell::Rewritten(slot) => {
                let mut register = Register::new();
                let rewrite = &self.rewrites.slots[slot as usize];
                rewrite.unfold(&self.settled.slots[rewrite.before as usize], &mut register);
                Some(Cow::Owned(register))
            }
            Cell::Full(slot) => Some(Cow::Borrowed(&self.full.slots[slot as usize])),
        }
    }

    /// The value of a place whose register is at rest.
    pub(super) fn settled(&self, place: u64) -> Option<&Settled> {
        match self.cell(place) {
            Cell::Settled(slot) => Some(&self.settled.slots[slot as usize]),
            Cell::Untouched | Cell::Rewritten(_) | Cell::Full(_) => None,
        }
    }

    /// A write of a block was invoked: [`Register::write_invoked`].
    pub(super) fn write_invoked(&mut self, place: u64, author: u64, invoked: Moment) {
        if let Some((chunk, within)) = self.find(place)
            && let cell = &mut self.chunks[chunk][within]
            && let Cell::Settled(before) = cell.get()
        {
            *cell = Cell::Rewritten(self.rewrites.hold(Rewrite { before, author, invoked })).into();
            return;
        }
        self.with(place, |register| register.write_invoked(author, invoked));
    }

    /// Does what [`Register::write_ended`] does about a write that was acknowledged, where that takes no
    /// thought: nothing else happened to the block since it was at rest. Gives the value from before, which
    /// is forgotten; it returned before the write was invoked.
    pub(super) fn rewritten(&mut self, place: u64, ended: Moment) -> Option<Value> {
        let (chunk, within) = self.find(place)?;
        let cell = &mut self.chunks[chunk][within];
        let Cell::Rewritten(at) = cell.get() else { return None };
        if self.rewrites.slots[at as usize].invoked.op != ended.op {
            return None;
        }
        let Rewrite { before, author, invoked } = self.rewrites.give(at);
        *cell = Cell::Settled(before).into();
        let settled = &mut self.settled.slots[before as usize];
        let value = settled.value();
        *settled = Settled::of(author, invoked, ended);
        Some(value)
    }

    /// Where a place's cell is.
    fn find(&self, place: u64) -> Option<(usize, usize)> {
        let (chunk, within) = chunk_of(place);
        Some((self.index.get(chunk)? as usize, within))
    }

    fn cell(&self, place: u64) -> Cell {
        self.find(place).map_or(Cell::Untouched, |(chunk, within)| self.chunks[chunk][within].get())
    }

    /// Works on the registers of all blocks of a volume: those whose places have it in their high bits.
    pub(super) fn of_volume(&mut self, volume: u16, mut work: impl FnMut(u64, &mut Register)) {
        let is_its = |chunk: &u64| (chunk * CHUNK as u64) >> 48 == u64::from(volume);
        let chunks: Vec<u64> = self.index.keys().filter(is_its).collect();
        for place in chunks.into_iter().flat_map(|chunk| (0..CHUNK).map(move |at| (chunk, at))) {
            let place = place.0 * CHUNK as u64 + place.1 as u64;
            if !matches!(self.cell(place), Cell::Untouched) {
                self.with(place, |register| work(place, register));
            }
        }
    }

    /// Works on the register of a place, then lets it rest if it can.
    pub(super) fn with<R>(&mut self, place: u64, work: impl FnOnce(&mut Register) -> R) -> R {
        let (chunk, within) = chunk_of(place);
        let chunk = self.index.get(chunk).unwrap_or_else(|| {
            self.chunks.push([Packed::default(); CHUNK]);
            self.index.insert(chunk, self.chunks.len() as u32 - 1);
            self.chunks.len() as u32 - 1
        });
        let cell = &mut self.chunks[chunk as usize][within];
        let slot = match cell.get() {
            Cell::Full(slot) => slot,
            Cell::Untouched => {
                let slot = self.full.take(Register::new);
                self.full.slots[slot as usize].restart();
                slot
            }
            Cell::Settled(at) => {
                let slot = self.full.take(Register::new);
                self.full.slots[slot as usize].resume(&self.settled.give(at));
                slot
            }
            Cell::Rewritten(at) => {
                let slot = self.full.take(Register::new);
                let rewrite = self.rewrites.give(at);
                let before = self.settled.give(rewrite.before);
                rewrite.unfold(&before, &mut self.full.slots[slot as usize]);
                slot
            }
        };
        let register = &mut self.full.slots[slot as usize];
        let result = work(register);
        let rest = match register.settled() {
            Some(settled) => {
                self.full.free.push(slot);
                Cell::Settled(self.settled.hold(settled))
            }
            None => Cell::Full(slot),
        };
        *cell = rest.into();
        result
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, prop, prop_oneof};
    use proptest::{prop_assert_eq, proptest};

    use super::Registers;
    use crate::base::{Nanos, OpId, Seq};
    use crate::check::register::Register;
    use crate::check::value::{Fate, Moment, Value};

    /// What may happen to a block: by which of a few operations.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Write(u8),
        Ended(u8, Fate),
        Read,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..3_u8).prop_map(Step::Write),
            6 => (0..3_u8).prop_map(|op| Step::Ended(op, Fate::Acknowledged)),
            1 => (0..3_u8).prop_map(|op| Step::Ended(op, Fate::InDoubt)),
            1 => Just(Step::Read),
        ];
        prop::collection::vec(step, 0..60)
    }

    /// The values that were forgotten on the way, one way and the other.
    fn write_ended(
        registers: &mut Registers,
        ended: Moment,
        fate: Fate,
        forgotten: &mut Vec<Value>,
    ) {
        if fate == Fate::Acknowledged
            && let Some(value) = registers.rewritten(0, ended)
        {
            return forgotten.push(value);
        }
        registers.with(0, |it| it.write_ended(fate, ended, None, forgotten));
    }

    proptest! {
        #[test]
        fn a_block_that_is_rewritten_is_as_if_its_register_were_there_in_full(steps in steps()) {
            let (mut registers, mut model) = (Registers::default(), Register::new());
            let (mut forgotten, mut expected) = (Vec::new(), Vec::new());
            let mut open: [Option<OpId>; 3] = [None; 3];
            for (step, seq) in steps.into_iter().zip(1_u64..) {
                let moment = |op| Moment { seq: seq as Seq, at: Nanos::new(seq * 10), op };
                match step {
                    Step::Write(at) if open[at as usize].is_none() => {
                        let op = OpId::new(seq);
                        open[at as usize] = Some(op);
                        registers.write_invoked(0, seq, moment(op));
                        model.write_invoked(seq, moment(op));
                    }
                    Step::Ended(at, fate) => {
                        let Some(op) = open[at as usize].take() else { continue };
                        write_ended(&mut registers, moment(op), fate, &mut forgotten);
                        model.write_ended(fate, moment(op), None, &mut expected);
                    }
                    Step::Read => {
                        registers.with(0, |it| it.read_invoked(seq));
                        model.read_invoked(seq);
                        let author = model.values().last().map_or(0, |value| value.author);
                        let (from, to) = (moment(OpId::new(seq)), moment(OpId::new(seq)));
                        let told = registers.with(0, |it| it.read(author, from, to).is_ok());
                        prop_assert_eq!(told, model.read(author, from, to).is_ok());
                        registers.with(0, |it| it.read_ended(seq));
                        model.read_ended(seq);
                    }
                    Step::Write(_) => {}
                }
                if let Some(register) = registers.get(0) {
                    prop_assert_eq!(register.values(), model.values());
                    prop_assert_eq!(register.has_forgotten(), model.has_forgotten());
                }
                prop_assert_eq!(&forgotten, &expected);
            }
        }
    }
}
