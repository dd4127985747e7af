//! What a guest is to do, how far it has come, and what must be on its volume by now. Does none of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::sim::Rng;

use super::contents::Contents;

/// A program that nobody here wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// An embedded database in Rust.
    Redb,
    /// A FAT file system.
    Fatfs,
    /// SQLite, if this program was built with it.
    Sqlite,
}

/// A guest, and what it is to do.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// Which program it is.
    pub program: Program,
    /// Steps that it is to finish: transactions of a database, operations on a file.
    pub steps: u64,
    /// Most steps per second of virtual time.
    pub rate: Option<u64>,
}

/// What a guest keeps: bytes by keys. Of a file system, files by their numbers.
pub(super) type Rows = BTreeMap<u64, Vec<u8>>;

/// A change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// The row is these bytes, whatever it was.
    Put(u64, Vec<u8>),
    /// It goes on with these bytes; it was there.
    Append(u64, Vec<u8>),
    /// It goes; it was there.
    Remove(u64),
    /// It has another key, which was free.
    Rename(u64, u64),
}

impl Edit {
    /// The keys that it concerns.
    fn keys(&self) -> impl Iterator<Item = u64> {
        let (one, other) = match *self {
            Self::Put(key, _) | Self::Append(key, _) | Self::Remove(key) => (key, key),
            Self::Rename(from, to) => (from, to),
        };
        [one, other].into_iter()
    }

    fn apply(&self, rows: &mut Rows) {
        match self {
            Self::Put(key, bytes) => drop(rows.insert(*key, bytes.clone())),
            Self::Append(key, bytes) => rows.entry(*key).or_default().extend(bytes),
            Self::Remove(key) => drop(rows.remove(key)),
            Self::Rename(from, to) => {
                if let Some(bytes) = rows.remove(from) {
                    rows.insert(*to, bytes);
                }
            }
        }
    }
}

/// How a program's steps are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// A step is done in whole or not at all. Otherwise what it touches may be in any state after a crash.
    pub(super) is_atomic: bool,
    /// The most edits of a step.
    pub(super) edits: u64,
    /// How many keys there are.
    pub(super) keys: u64,
    /// The most bytes that an edit writes.
    pub(super) bytes: u64,
}

/// How far a guest has come; survives its client.
#[derive(Debug)]
pub struct Plan {
    rng: Rng,
    pub(super) contents: Contents,
    /// What was there when it was last heard of.
    rows: Rows,
    /// Rows of which nothing is known.
    doubtful: BTreeSet<u64>,
    /// Steps drawn, and those finished.
    drawn: u64,
    finished: u64,
    /// Times that it was started.
    pub(super) starts: u64,
    /// Whether what it keeps its rows in has been made.
    pub(super) is_made: bool,
    /// Whether it has begun a step that it has not done.
    pub(super) is_in_step: bool,
    /// What it said of the first damage that it found.
    pub(in crate::node::app) said: Option<String>,
}

/// A plan that its guest and its host both know.
pub(super) type Shared = Rc<RefCell<Plan>>;

/// A step that is to be begun.
pub(super) struct Step {
    pub(super) number: u64,
    pub(super) edits: Vec<Edit>,
    /// What may be there while it is under way, in numbers: of what nothing is known then, neither says anything.
    pub(super) before: u64,
    pub(super) after: u64,
    /// What is there when it is done.
    pub(super) rows: Rows,
    /// Rows of which nothing is known until then.
    doubtful: BTreeSet<u64>,
}

impl Plan {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            rng,
            contents: Contents::default(),
            rows: Rows::new(),
            doubtful: BTreeSet::new(),
            drawn: 0,
            finished: 0,
            starts: 0,
            is_made: false,
            is_in_step: false,
            said: None,
        }
    }

    /// Steps finished.
    pub(super) fn finished(&self) -> u64 {
        self.finished
    }

    /// Rows of which nothing is known, and nobody is to look at.
    pub(super) fn doubtful(&self) -> BTreeSet<u64> {
        self.doubtful.clone()
    }

    /// Draws the next step.
    pub(super) fn draw(&mut self, style: Style) -> Step {
        let mut rows = self.rows.clone();
        let mut edits = Vec::new();
        for _ in 0..self.rng.between(1, style.edits) {
            let edit = self.edit(&rows, style);
            edit.apply(&mut rows);
            edits.push(edit);
        }
        self.drawn += 1;
        let number = self.drawn;
        if style.is_atomic {
            let (before, after) = (contents_of(&self.rows), contents_of(&rows));
            return Step { number, edits, before, after, rows, doubtful: BTreeSet::new() };
        }
        let doubtful: BTreeSet<u64> = edits.iter().flat_map(Edit::keys).collect();
        let mut others = self.rows.clone();
        others.retain(|key, _| !doubtful.contains(key));
        let others = contents_of(&others);
        Step { number, edits, before: others, after: others, rows, doubtful }
    }

    /// The step is under way.
    pub(super) fn begin(&mut self, step: &Step) {
        self.doubtful.clone_from(&step.doubtful);
    }

    fn edit(&mut self, rows: &Rows, style: Style) -> Edit {
        let rng = &mut self.rng;
        let key = rng.below(style.keys);
        let bytes = |rng: &mut Rng| -> Vec<u8> {
            // Small ones as likely as large ones.
            let most = style.bytes >> rng.below(8);
            let (length, word) = (rng.between(0, most), rng.bits());
            let word = |at: u64| word.wrapping_add(at / 8).rotate_left((at % 64) as u32) as u8;
            (0..length).map(word).collect()
        };
        let is_there = rows.contains_key(&key);
        match rng.below(8) {
            0..2 if is_there => Edit::Remove(key),
            2..4 if is_there && rows[&key].len() < 2 * style.bytes as usize => {
                Edit::Append(key, bytes(rng))
            }
            4 if is_there => match rng.below(style.keys) {
                to if rows.contains_key(&to) => Edit::Put(to, bytes(rng)),
                to => Edit::Rename(key, to),
            },
            _ => Edit::Put(key, bytes(rng)),
        }
    }

    /// The step is done.
    pub(super) fn commit(&mut self, step: Step) {
        self.finished += 1;
        self.doubtful.clear();
        self.rows = step.rows;
    }

    /// What is there, as the guest has found it. It goes on from that.
    pub(super) fn found(&mut self, rows: Rows) {
        self.rows = rows;
    }

    /// What was in doubt is no longer there.
    pub(super) fn cleaned(&mut self) {
        self.doubtful.clear();
    }

    /// The step that leaves nothing of what is there.
    pub(super) fn draw_anew(&mut self) -> Step {
        self.drawn += 1;
        Step {
            number: self.drawn,
            edits: Vec::new(),
            before: contents_of(&self.rows),
            after: contents_of(&Rows::new()),
            rows: Rows::new(),
            doubtful: BTreeSet::new(),
        }
    }

    /// It begins again with nothing.
    pub(super) fn start_over(&mut self) {
        self.rows.clear();
        self.doubtful.clear();
        self.is_made = false;
    }
}

/// A number for what there is: 0 for nothing.
pub(super) fn contents_of(rows: &Rows) -> u64 {
    if rows.is_empty() {
        return 0;
    }
    let mut bytes = Vec::new();
    for (key, value) in rows {
        bytes.extend(key.to_le_bytes());
        bytes.extend((value.len() as u64).to_le_bytes());
        bytes.extend(value);
    }
    xxhash_rust::xxh3::xxh3_64(&bytes)
}

#[cfg(test)]
mod tests {
    use super::{Edit, Plan, Rows, Style, contents_of};
    use crate::sim::Seed;

    const DATABASE: Style = Style { is_atomic: true, edits: 6, keys: 8, bytes: 300 };
    const FILES: Style = Style { is_atomic: false, edits: 1, keys: 8, bytes: 300 };

    #[test]
    fn steps_lead_from_what_was_there_to_what_is_said_to_be_after() {
        let mut plan = Plan::new(Seed::new(4).stream("plan"));
        let (mut rows, mut seen) = (Rows::new(), [false; 4]);
        for number in 1..=300 {
            let step = plan.draw(DATABASE);
            plan.begin(&step);
            assert_eq!((step.number, step.before), (number, contents_of(&rows)));
            for edit in &step.edits {
                let kind = match edit {
                    Edit::Put(..) => 0,
                    Edit::Append(key, _) => {
                        if rows.contains_key(key) {
                            1
                        } else {
                            panic!("gone")
                        }
                    }
                    Edit::Remove(key) => {
                        if rows.contains_key(key) {
                            2
                        } else {
                            panic!("gone")
                        }
                    }
                    Edit::Rename(from, to) => {
                        assert!(rows.contains_key(from) && !rows.contains_key(to));
                        3
                    }
                };
                seen[kind] = true;
                edit.apply(&mut rows);
            }
            assert_eq!(step.after, contents_of(&rows));
            assert_eq!(contents_of(&step.rows), contents_of(&rows));
            plan.commit(step);
        }
        assert_eq!((seen, plan.finished()), ([true; 4], 300));
    }

    #[test]
    fn what_a_step_touches_of_files_is_left_out_until_it_is_done_or_cleaned() {
        let mut plan = Plan::new(Seed::new(4).stream("plan"));
        for _ in 0..20 {
            let step = plan.draw(FILES);
            plan.begin(&step);
            plan.commit(step);
        }
        let whole = plan.rows.clone();
        let unheard = plan.draw(FILES);
        assert!(plan.doubtful().is_empty(), "a step that was never begun puts nothing in doubt");
        let step = plan.draw(FILES);
        assert_eq!(step.number, unheard.number + 1);
        plan.begin(&step);
        let doubtful = plan.doubtful();
        assert!(!doubtful.is_empty() && step.before == step.after);
        let rest: Rows = whole.into_iter().filter(|(key, _)| !doubtful.contains(key)).collect();
        assert_eq!(step.before, contents_of(&rest));
        // Its client dies; it finds the others, and goes on from there.
        plan.found(rest.clone());
        plan.cleaned();
        assert!(plan.doubtful().is_empty());
        let anew = plan.draw_anew();
        assert_eq!((anew.before, anew.after), (contents_of(&rest), 0));
        plan.start_over();
        assert_eq!((plan.is_made, plan.rows.len()), (false, 0));
    }
}
