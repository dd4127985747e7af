//! Lines of coded blocks as they stand on the disks, and as they will stand once what the stripe journal has on
//! record is finished. Judges nothing.

use crate::base::{Block, BlockSize, LegIndex, Payload};
use crate::disk::control::Namespace;
use crate::layout::Coded;
use crate::layout::Layout;
use crate::node::{Entry, Header, LegSpec, Places, VolumeSpec};

/// The coded blocks of one volume.
pub(super) struct Lines<'a> {
    disks: &'a [Namespace],
    spec: &'a VolumeSpec,
    places: Places,
    code: Coded,
    size: BlockSize,
    /// What stands in each leg's slots.
    entries: Vec<(LegIndex, Entry)>,
}

impl<'a> Lines<'a> {
    /// Those of a volume whose layout is a code.
    pub(super) fn of(
        disks: &'a [Namespace],
        (spec, places): (&'a VolumeSpec, Places),
        size: BlockSize,
    ) -> Option<Self> {
        let code = spec.layout.code()?;
        let mut lines = Self { disks, spec, places, code, size, entries: Vec::new() };
        for leg in spec.leg_ids() {
            let entries = (0..code.slots()).filter_map(|slot| lines.entry(leg, slot));
            let entries: Vec<(LegIndex, Entry)> = entries.map(|entry| (leg, entry)).collect();
            lines.entries.extend(entries);
        }
        Some(lines)
    }

    fn disk(&self, leg: LegIndex) -> &Namespace {
        &self.disks[self.place(leg).disk.index()]
    }

    fn place(&self, leg: LegIndex) -> &LegSpec {
        self.spec.place(self.places.of(leg))
    }

    /// The whole entry that stands in a slot of a leg.
    fn entry(&self, leg: LegIndex, slot: u32) -> Option<Entry> {
        let first = self.spec.leg_blocks() + u64::from(slot) * self.code.slot_blocks();
        let lba = self.place(leg).extent.data + first;
        let header = Header::from_block(&self.disk(leg).raw_read(lba), self.size)?;
        let body =
            (1..=u64::from(header.body_blocks())).map(|at| self.disk(leg).raw_read(lba + at));
        let body: Vec<Block> = body.collect();
        header.with_body(&Payload::from_blocks(&body))
    }

    /// How many lines there are.
    pub(super) fn count(&self) -> u64 {
        self.spec.leg_blocks()
    }

    /// The newest entry on any of these legs that is of the row of a line.
    fn begun(&self, at: u64, legs: &[LegIndex]) -> Option<&Entry> {
        let row = self.code.row_at(at);
        let slot = self.code.slot_of(row);
        let of_slot = self
            .entries
            .iter()
            .filter(|(leg, entry)| legs.contains(leg) && self.code.slot_of(entry.row) == slot);
        let newest = of_slot.map(|(_, entry)| entry).max_by_key(|entry| entry.age);
        newest.filter(|entry| entry.row == row)
    }

    /// What a leg holds of a line; `None` if that is unreadable.
    fn block(&self, leg: LegIndex, at: u64, begun: Option<&Entry>) -> Option<Block> {
        let line = (at % u64::from(self.code.stripe_blocks)) as u32;
        let parts = begun.into_iter().flat_map(|entry| &entry.parts);
        let mut covering = parts
            .filter(|part| part.leg == leg && (part.line..part.line + part.count).contains(&line));
        if let Some(part) = covering.next() {
            return part.data.as_ref().map(|data| data.block(line - part.line));
        }
        let lba = self.place(leg).extent.data + at;
        (!self.disk(leg).raw_is_lost(lba)).then(|| self.disk(leg).raw_read(lba))
    }

    /// What these legs hold of a line, by column.
    fn line(&self, at: u64, legs: &[LegIndex], finished: bool) -> Vec<Option<Block>> {
        let begun = if finished { self.begun(at, legs) } else { None };
        let row = self.code.row_at(at);
        let legs_of = (0..self.code.legs()).map(|column| self.code.leg_of(column, row));
        legs_of
            .map(|leg| if legs.contains(&leg) { self.block(leg, at, begun) } else { None })
            .collect()
    }

    /// Whether what is readable of a line on these legs is of one piece.
    pub(super) fn fits(&self, at: u64, legs: &[LegIndex], finished: bool) -> bool {
        let found = self.line(at, legs, finished);
        let mut left = self.code.needed();
        let enough = found.iter().map(|block| {
            let taken = block.clone().filter(|_| left > 0);
            left -= u32::from(taken.is_some());
            taken
        });
        let mut computed: Vec<Option<Block>> = enough.collect();
        if !self.code.solve(&mut computed, self.size) {
            return true;
        }
        found.iter().zip(&computed).all(|(found, computed)| found.is_none() || found == computed)
    }

    /// A block of the volume by what these legs hold of others.
    pub(super) fn computed(&self, block: u64, legs: &[LegIndex]) -> Option<Block> {
        let run = self.code.run(block, 1);
        let mut line = self.line(run.at, legs, true);
        let column = self.code.column_of(run.legs.first(), self.code.row_at(run.at));
        self.code.solve(&mut line, self.size);
        line[usize::from(column)].clone()
    }
}
