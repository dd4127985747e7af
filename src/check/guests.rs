//! What a program that nobody here wrote was told is kept is there when it looks, what was under way is there in whole or
//! not at all, and nothing else is; and the program itself finds nothing wrong. Knows no program.
//!
//! A program's contents are numbers (`base::guest`). From when it begins a step they may be those of before or those of
//! after; from when it was told that the step is done, those of after; and from when it has looked, those that it found.
//!
//! Each program is reported once: from then on it goes by what it should not have found.

use std::collections::BTreeMap;

use crate::base::guest::{Damage, GuestBegan, GuestCommitted, GuestFound};
use crate::base::{Nanos, Record};

use super::name::Check;
use super::violation::Violation;

/// What is known of a program's contents.
#[derive(Clone, Debug)]
struct Guest {
    /// What they may be; nothing at first.
    may: [u64; 2],
    /// The step that was begun last, and the last that was done.
    begun: u64,
    done: u64,
    done_at: Nanos,
    /// What they were after each step that was done, and at the start.
    were: BTreeMap<u64, u64>,
    is_reported: bool,
}

impl Guest {
    fn new() -> Self {
        let were = BTreeMap::from([(0, 0)]);
        Self { may: [0, 0], begun: 0, done: 0, done_at: Nanos::ZERO, were, is_reported: false }
    }
}

/// The checker of what programs find.
#[derive(Clone, Debug, Default)]
pub struct Guests {
    by_writer: BTreeMap<u32, Guest>,
    violations: Vec<Violation>,
}

impl Guests {
    /// Takes in a record.
    pub(super) fn observe(&mut self, record: &Record) {
        if let Some(began) = record.get::<GuestBegan>() {
            let guest = self.guest(began.writer);
            (guest.begun, guest.may) = (began.step, [began.before, began.after]);
        } else if let Some(committed) = record.get::<GuestCommitted>() {
            let guest = self.guest(committed.writer);
            (guest.done, guest.done_at) = (committed.step, record.at);
            guest.may = [committed.contents; 2];
            guest.were.insert(committed.step, committed.contents);
        } else if let Some(found) = record.get::<GuestFound>() {
            self.found(record, &found);
        }
    }

    fn guest(&mut self, writer: u32) -> &mut Guest {
        self.by_writer.entry(writer).or_insert_with(Guest::new)
    }

    fn found(&mut self, record: &Record, found: &GuestFound) {
        let guest = self.guest(found.writer);
        let is_well = found.damage == Damage::None && guest.may.contains(&found.contents);
        let report = (!is_well && !guest.is_reported).then(|| violation(record, found, guest));
        guest.is_reported |= !is_well;
        guest.may = [found.contents; 2];
        self.violations.extend(report);
    }

    /// Whether anything was found.
    pub(super) fn has_violations(&self) -> bool {
        !self.violations.is_empty()
    }

    /// Hands over what was found.
    pub(super) fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }
}

fn violation(record: &Record, found: &GuestFound, guest: &Guest) -> Violation {
    let older = guest.were.iter().rev().find(|(_, contents)| **contents == found.contents);
    let (kind, what) = match (found.damage, older) {
        (Damage::None, Some((0, _))) => ("lost-commit", "what was there at the start".to_owned()),
        (Damage::None, Some((step, _))) => {
            ("lost-commit", format!("what was there after step {step}"))
        }
        (Damage::None, None) => {
            ("wrong-contents", "contents that no step of it leads to".to_owned())
        }
        (damage, _) => (damage.name(), complaint(damage).to_owned()),
    };
    let expected = match guest.done {
        _ if found.damage != Damage::None => "nothing wrong with what it keeps".to_owned(),
        0 => "nothing yet".to_owned(),
        step => format!("what it was told at {} is kept of step {step}", guest.done_at),
    };
    let under_way = (guest.begun > guest.done)
        .then(|| format!("step {} was under way: it may be there as well", guest.begun));
    let changes = "its reads and writes are those of the application with this number".to_owned();
    Violation {
        check: Check::Guests,
        kind,
        component: guest_name(found.writer),
        volume: None,
        disk: None,
        block: None,
        ops: Vec::new(),
        at: record.at,
        found: what,
        expected,
        detail: under_way.into_iter().chain([changes]).collect(),
        recent: vec![*record],
    }
}

/// What a violation calls the program of this number.
#[must_use]
pub fn guest_name(writer: u32) -> String {
    format!("w{writer}")
}

/// Whether this kind of violation is one of which the program itself says that something is wrong.
#[must_use]
pub fn is_of_damage(kind: &str) -> bool {
    Damage::ALL.iter().any(|damage| *damage != Damage::WentBack && damage.name() == kind)
}

/// What a program complains of.
const fn complaint(damage: Damage) -> &'static str {
    match damage {
        Damage::None => "nothing is wrong with it",
        Damage::NotOpened => "it does not open what it wrote",
        Damage::CheckFailed => "its own check fails",
        Damage::NotReadable => "it cannot read what it wrote",
        Damage::NotChanged => "it cannot change what it wrote",
        Damage::WentBack => "it reads less than it wrote, and its flush says that nothing was lost",
        Damage::Panicked => "it panics over what it wrote",
    }
}
