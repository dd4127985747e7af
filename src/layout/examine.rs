//! Whether a layout keeps what [`Layout`] promises. Mends nothing.

use std::ops::Range;

use crate::base::LegIndex;

use super::coded::Coded;
use super::legs::{COPIES_MAX, LEGS_MAX, LegSet};
use super::shape::{Layout, ROW_DEPTH_MAX, Run};

/// So many blocks are looked at from a volume's first on, or one row, if it has more.
const LOOKED_AT: u64 = 4096;

/// Looks whether a layout keeps what [`Layout`] promises, in a volume of so many blocks: of a large one, in its first
/// rows and in its last. Of one without blocks, only legs, groups and the size of rows are looked at.
///
/// # Errors
/// The first promise that it breaks, in a sentence that goes on from "a layout".
pub fn examine(layout: &dyn Layout, blocks: u64) -> Result<(), String> {
    let legs = usize::from(layout.legs());
    demand((1..=LEGS_MAX).contains(&legs), || {
        format!("has {legs} legs, and may have 1 to {LEGS_MAX}")
    })?;
    groups(layout)?;
    rows(layout)?;
    match layout.code() {
        Some(code) => coded(layout, code)?,
        None => copied(layout)?,
    }
    stretches(layout, blocks).into_iter().try_for_each(|stretch| placed(layout, stretch, blocks))
}

fn demand(holds: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(broken()) }
}

/// Legs as they are named in sentences.
fn named(legs: LegSet) -> String {
    let each: Vec<String> = legs.iter().map(|leg| leg.get().to_string()).collect();
    if each.is_empty() { "none".to_owned() } else { each.join(", ") }
}

/// Each leg is in one group of neighbours.
fn groups(layout: &dyn Layout) -> Result<(), String> {
    for leg in layout.all().iter() {
        let group = layout.group_of(leg);
        demand(group.has(leg) && (group & !layout.all()).is_empty(), || {
            format!("has {leg} in a group of legs {}", named(group))
        })?;
        let neighbours = LegSet::span(group.first().get(), group.count() as u8);
        demand(group == neighbours, || {
            format!("has a group of legs {}, which are no neighbours", named(group))
        })?;
        let others = group.iter().map(|other| (other, layout.group_of(other)));
        for (other, of_other) in others {
            demand(of_other == group, || {
                let (group, of_other) = (named(group), named(of_other));
                format!("has {leg} in a group of legs {group}, and {other} in one of {of_other}")
            })?;
        }
    }
    Ok(())
}

fn rows(layout: &dyn Layout) -> Result<(), String> {
    let (depth, columns) = (layout.row_depth(), layout.columns());
    demand((1..=ROW_DEPTH_MAX).contains(&depth), || {
        format!("has rows of {depth} blocks on each leg, and may have 1 to {ROW_DEPTH_MAX}")
    })?;
    demand((1..=layout.all().count()).contains(&columns), || {
        format!("has {columns} columns on {} legs", layout.legs())
    })
}

/// What it says where legs of a group are copies.
fn copied(layout: &dyn Layout) -> Result<(), String> {
    for leg in layout.all().iter() {
        let count = layout.group_of(leg).count() as usize;
        demand(count <= COPIES_MAX, || {
            format!("has {count} copies in a group, and may have {COPIES_MAX}")
        })?;
    }
    let (needed, journal) = (layout.needed(), layout.journal_blocks());
    demand(needed == 1, || format!("needs {needed} legs of a group, each of which has all"))?;
    demand(journal == 0, || {
        format!("has {journal} blocks for the journal of a code that it lacks")
    })?;
    let are_all_copies = layout.legs() > 1 && layout.group_of(LegIndex::new(0)) == layout.all();
    demand(layout.writes_through() || are_all_copies, || {
        "leaves volatile caches to flushes, and not all its legs are copies of each other"
            .to_owned()
    })
}

/// What it says where one of the codes computes what is missing: the same as that.
fn coded(layout: &dyn Layout, code: Coded) -> Result<(), String> {
    let Coded { data, parity, stripe_blocks } = code;
    let is_one = (2..=12).contains(&data) && (1..=4).contains(&parity);
    demand(is_one && usize::from(data + parity) <= LEGS_MAX, || {
        format!("has a code of {data} columns of data and {parity} of parity")
    })?;
    demand((1..=64).contains(&stripe_blocks), || {
        format!("has a code with stripes of {stripe_blocks} blocks, and may have 1 to 64")
    })?;
    let said = |it: &dyn Layout| {
        let groups: Vec<LegSet> = it.all().iter().map(|leg| it.group_of(leg)).collect();
        let numbers = [it.needed(), it.columns(), it.row_depth()].map(u64::from);
        (groups, numbers, it.journal_blocks(), it.writes_through())
    };
    demand(said(layout) == said(&code), || {
        "has other legs, groups, rows or another journal than its code".to_owned()
    })
}

/// The blocks that are looked at: whole rows, as far as the volume goes.
fn stretches(layout: &dyn Layout, blocks: u64) -> Vec<Range<u64>> {
    let row = u64::from(layout.columns()) * u64::from(layout.row_depth());
    let first = 0..blocks.min((LOOKED_AT / row).max(1) * row);
    let last = blocks.saturating_sub(1) / row * row..blocks;
    let both = [first.clone(), last.start.max(first.end)..blocks];
    both.into_iter().filter(|stretch| !stretch.is_empty()).collect()
}

/// Every block of a stretch is where its run says, on the legs of one group, and nowhere else.
fn placed(layout: &dyn Layout, stretch: Range<u64>, blocks: u64) -> Result<(), String> {
    let alone: Vec<Run> =
        stretch.clone().map(|block| block_alone(layout, block)).collect::<Result<_, _>>()?;
    runs(layout, stretch.clone(), &alone)?;
    let row = u64::from(layout.columns()) * u64::from(layout.row_depth());
    let depth = u64::from(layout.row_depth());
    for at in stretch.start / row * depth..stretch.end.div_ceil(row) * depth {
        for leg in layout.all().iter() {
            let held = layout.block_at(leg, at).filter(|block| *block < blocks);
            let Some(block) = held else { continue };
            let run = layout.run(block, 1);
            demand(run.legs.has(leg) && run.at == at, || {
                let (legs, place) = (named(run.legs), run.at);
                format!(
                    "has block {block} on {leg} at {at} by `block_at`, and on legs {legs} at {place} by `run`"
                )
            })?;
        }
    }
    Ok(())
}

/// Where a block is that is asked for alone.
fn block_alone(layout: &dyn Layout, block: u64) -> Result<Run, String> {
    let run = layout.run(block, 1);
    demand(run.blocks == 1, || {
        format!("gives a run of {} blocks from block {block} on where 1 was asked for", run.blocks)
    })?;
    let (legs, at) = (named(run.legs), run.at);
    let is_known = match layout.code() {
        Some(code) => run == code.run(block, 1),
        None => !run.legs.is_empty() && run.legs == layout.group_of(run.legs.first()),
    };
    demand(is_known, || match layout.code() {
        Some(_) => {
            format!("has block {block} on legs {legs} at {at}, where its code has it elsewhere")
        }
        None => format!("has block {block} on legs {legs}, which are no group"),
    })?;
    let (columns, depth) = (u64::from(layout.columns()), u64::from(layout.row_depth()));
    let row = block / (columns * depth);
    let places = row * depth..(row + 1) * depth;
    demand(places.contains(&at), || {
        let (first, last) = (places.start, places.end - 1);
        format!("has block {block} at {at} of its legs, and its row is at {first} to {last}")
    })?;
    for leg in run.legs.iter() {
        let held = layout.block_at(leg, at);
        demand(held == Some(block), || {
            let held = held.map_or_else(|| "none".to_owned(), |block| block.to_string());
            format!("has block {block} on {leg} at {at} by `run`, and block {held} by `block_at`")
        })?;
    }
    Ok(run)
}

/// Runs go no further than blocks that are asked for alone follow each other.
fn runs(layout: &dyn Layout, stretch: Range<u64>, alone: &[Run]) -> Result<(), String> {
    let mut longest = 1;
    for block in stretch.clone().rev() {
        let index = (block - stretch.start) as usize;
        let (here, next) = (alone[index], alone.get(index + 1));
        let goes_on = next.is_some_and(|next| (next.legs, next.at) == (here.legs, here.at + 1));
        longest = if goes_on { longest + 1 } else { 1 };
        let asked = (stretch.end - block) as u32;
        let run = layout.run(block, asked);
        let is_there = (run.legs, run.at) == (here.legs, here.at);
        demand(is_there && (1..=longest).contains(&run.blocks), || {
            let Run { legs, at, blocks } = run;
            let legs = named(legs);
            format!(
                "gives a run of {blocks} blocks from block {block} on, on legs {legs} at {at}, and not all of them are \
                 there when they are asked for alone"
            )
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{LOOKED_AT, examine};
    use crate::base::LegIndex;
    use crate::layout::{Coded, Layout, LegSet, Raid1, Raid10, Run};

    const GOOD: Raid10 = Raid10 { groups: 2, copies: 2, stripe_blocks: 4 };
    const CODE: Coded = Coded { data: 2, parity: 1, stripe_blocks: 4 };

    /// A layout, each of whose answers can be another.
    struct Bent {
        legs: u8,
        group_of: fn(LegIndex) -> LegSet,
        writes_through: bool,
        needed: u32,
        columns: u32,
        row_depth: u32,
        code: Option<Coded>,
        journal_blocks: u64,
        run: fn(u64, u32) -> Run,
        block_at: fn(LegIndex, u64) -> Option<u64>,
    }

    /// Nothing is wrong with it.
    fn good() -> Bent {
        Bent {
            legs: 4,
            group_of: |leg| GOOD.group_of(leg),
            writes_through: true,
            needed: 1,
            columns: 2,
            row_depth: 4,
            code: None,
            journal_blocks: 0,
            run: |block, blocks| GOOD.run(block, blocks),
            block_at: |leg, at| GOOD.block_at(leg, at),
        }
    }

    /// Nothing is wrong with it either.
    fn coded() -> Bent {
        Bent {
            legs: 3,
            group_of: |leg| CODE.group_of(leg),
            needed: 2,
            code: Some(CODE),
            journal_blocks: CODE.journal_blocks(),
            run: |block, blocks| CODE.run(block, blocks),
            block_at: |leg, at| CODE.block_at(leg, at),
            ..good()
        }
    }

    impl Layout for Bent {
        fn legs(&self) -> u8 {
            self.legs
        }
        fn group_of(&self, leg: LegIndex) -> LegSet {
            (self.group_of)(leg)
        }
        fn writes_through(&self) -> bool {
            self.writes_through
        }
        fn needed(&self) -> u32 {
            self.needed
        }
        fn columns(&self) -> u32 {
            self.columns
        }
        fn row_depth(&self) -> u32 {
            self.row_depth
        }
        fn code(&self) -> Option<Coded> {
            self.code
        }
        fn journal_blocks(&self) -> u64 {
            self.journal_blocks
        }
        fn run(&self, block: u64, blocks: u32) -> Run {
            (self.run)(block, blocks)
        }
        fn block_at(&self, leg: LegIndex, at: u64) -> Option<u64> {
            (self.block_at)(leg, at)
        }
    }

    #[track_caller]
    fn breaks(layout: &Bent, expected: &str) {
        let broken = examine(layout, 100).expect_err(expected);
        assert!(broken.contains(expected), "{broken:?} should say {expected:?}");
    }

    #[test]
    fn what_keeps_its_promises_passes() {
        assert_eq!(examine(&good(), 100), Ok(()));
        assert_eq!(examine(&good(), 1 << 40), Ok(()));
        assert_eq!(examine(&coded(), 100), Ok(()));
        assert_eq!(examine(&Raid1 { copies: 2 }, LOOKED_AT * 3 + 1), Ok(()));
        // Shorter runs than there might be, and places that hold nothing.
        let of_one = Bent { run: |block, _| GOOD.run(block, 1), ..good() };
        assert_eq!(examine(&of_one, 100), Ok(()));
        let sparse = Bent {
            columns: 1,
            row_depth: 1,
            run: |at, blocks| Run { legs: LegSet::span(0, 2), at, blocks },
            block_at: |leg, at| (leg.get() < 2).then_some(at),
            ..good()
        };
        assert_eq!(examine(&sparse, 100), Ok(()));
    }

    #[test]
    fn what_legs_and_groups_cannot_be_is_said() {
        breaks(&Bent { legs: 0, ..good() }, "has 0 legs, and may have 1 to 16");
        breaks(&Bent { legs: 17, ..good() }, "has 17 legs");
        breaks(
            &Bent { group_of: |_| LegSet::span(2, 2), ..good() },
            "leg0 in a group of legs 2, 3",
        );
        breaks(&Bent { legs: 3, ..good() }, "leg2 in a group of legs 2, 3");
        let crossed = Bent { group_of: |leg| LegSet::from_bits(5 << (leg.get() % 2)), ..good() };
        breaks(&crossed, "legs 0, 2, which are no neighbours");
        let shifted = Bent { group_of: |leg| LegSet::span(leg.get(), 2), ..good() };
        breaks(&shifted, "leg0 in a group of legs 0, 1, and leg1 in one of 1, 2");
        let five = Bent { legs: 5, group_of: |_| LegSet::span(0, 5), columns: 1, ..good() };
        breaks(&five, "has 5 copies in a group, and may have 4");
    }

    #[test]
    fn what_numbers_cannot_be_is_said() {
        breaks(&Bent { row_depth: 0, ..good() }, "has rows of 0 blocks on each leg");
        breaks(&Bent { row_depth: 1025, ..good() }, "has rows of 1025 blocks");
        breaks(&Bent { columns: 0, ..good() }, "has 0 columns on 4 legs");
        breaks(&Bent { columns: 5, ..good() }, "has 5 columns on 4 legs");
        breaks(&Bent { needed: 2, ..good() }, "needs 2 legs of a group");
        breaks(&Bent { journal_blocks: 8, ..good() }, "has 8 blocks for the journal");
        breaks(&Bent { writes_through: false, ..good() }, "leaves volatile caches to flushes");
        let code = |data, stripe_blocks| Some(Coded { data, parity: 1, stripe_blocks });
        breaks(
            &Bent { code: code(1, 4), ..coded() },
            "a code of 1 columns of data and 1 of parity",
        );
        breaks(&Bent { code: code(2, 65), ..coded() }, "has a code with stripes of 65 blocks");
        breaks(&Bent { code: code(3, 4), ..coded() }, "has other legs, groups, rows");
        breaks(&Bent { journal_blocks: 0, ..coded() }, "or another journal than its code");
        breaks(&Bent { writes_through: false, ..coded() }, "than its code");
    }

    #[test]
    fn blocks_that_are_not_where_they_are_said_to_be_are_found() {
        let whole = Bent { run: |block, _| GOOD.run(block, 4), ..good() };
        breaks(&whole, "gives a run of 4 blocks from block 0 on where 1 was asked for");
        let alone = |block, blocks| Run { legs: LegSet::span(0, 1), ..GOOD.run(block, blocks) };
        breaks(&Bent { run: alone, ..good() }, "has block 0 on legs 0, which are no group");
        let nowhere = |block, blocks| Run { legs: LegSet::NONE, ..GOOD.run(block, blocks) };
        breaks(&Bent { run: nowhere, ..good() }, "has block 0 on legs none");
        breaks(
            &Bent { row_depth: 2, ..good() },
            "has block 2 at 2 of its legs, and its row is at 0 to 1",
        );
        let same = |block, blocks| GOOD.run(block - block % 2, blocks);
        breaks(
            &Bent { run: same, ..good() },
            "block 1 on leg0 at 0 by `run`, and block 0 by `block_at`",
        );
        breaks(&Bent { block_at: |_, _| None, ..good() }, "block none by `block_at`");
        let everywhere = Bent {
            columns: 1,
            row_depth: 1,
            run: |at, blocks| Run { legs: LegSet::span(0, 2), at, blocks },
            block_at: |_, at| Some(at),
            ..good()
        };
        breaks(&everywhere, "block 0 on leg2 at 0 by `block_at`, and on legs 0, 1 at 0 by `run`");
        let unturned = |block, blocks| Raid10 { copies: 1, ..GOOD }.run(block, blocks);
        breaks(&Bent { run: unturned, ..coded() }, "at 4, where its code has it elsewhere");
    }

    #[test]
    fn runs_that_go_on_where_blocks_do_not_are_found() {
        let endless = |block, blocks| Run { blocks, ..GOOD.run(block, blocks) };
        breaks(&Bent { run: endless, ..good() }, "gives a run of 5 blocks from block 95 on");
        let empty = |block, blocks| match blocks {
            1 => GOOD.run(block, blocks),
            _ => Run { blocks: 0, ..GOOD.run(block, blocks) },
        };
        breaks(&Bent { run: empty, ..good() }, "gives a run of 0 blocks from block 98 on");
        let elsewhere = |block, blocks| match blocks {
            1 => GOOD.run(block, blocks),
            _ => Run { at: 0, blocks: 1, ..GOOD.run(block, blocks) },
        };
        breaks(&Bent { run: elsewhere, ..good() }, "on legs 0, 1 at 0, and not all of them");
    }

    #[test]
    fn the_last_row_is_looked_at_too() {
        let overflows = |block: u64, blocks| GOOD.run(u64::from(block as u32), blocks);
        let layout = Bent { run: overflows, ..good() };
        assert_eq!(examine(&layout, 1 << 32), Ok(()));
        let broken =
            examine(&layout, (1 << 32) + 1).expect_err("the last block is the first one, too");
        assert!(broken.contains("has block 4294967296 at 0 of its legs"), "{broken}");
    }

    #[test]
    fn without_blocks_only_legs_groups_and_rows_are_looked_at() {
        let layout = Bent { block_at: |_, _| None, ..good() };
        assert_eq!(examine(&layout, 0), Ok(()));
        assert!(examine(&Bent { columns: 0, ..layout }, 0).is_err());
    }
}
