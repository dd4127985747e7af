//! What programs on volumes must not find: less than they were told is kept, half a step, anything else, damage. Told record
//! by record.

use stormglass::base::guest::{Damage, GuestBegan, GuestCommitted, GuestFound};
use stormglass::base::{Nanos, NodeId, Record, Recorded};
use stormglass::check::{Check, Checkers};

const WRITER: u32 = 1;

/// A program that a test makes up.
struct Told {
    checkers: Checkers,
    seq: u64,
}

impl Told {
    fn new() -> Self {
        Self { checkers: Checkers::new(&[Check::Guests]), seq: 0 }
    }

    fn says<R: Recorded>(&mut self, what: R) -> &mut Self {
        self.seq += 1;
        let (at, seq) = (Nanos::new(self.seq), self.seq);
        let (kind, words) = (R::TYPE, what.words());
        let node = Some(NodeId::new(4));
        self.checkers.observe(&Record { at, seq, cause: 0, node, cpu: None, kind, words });
        self
    }

    fn begins(&mut self, step: u64, before: u64, after: u64) -> &mut Self {
        self.says(GuestBegan { writer: WRITER, step, before, after })
    }

    /// A step that is done.
    fn commits(&mut self, step: u64, before: u64, contents: u64) -> &mut Self {
        self.begins(step, before, contents);
        self.says(GuestCommitted { writer: WRITER, step, contents })
    }

    fn finds(&mut self, contents: u64) -> &mut Self {
        self.says(GuestFound { writer: WRITER, contents, damage: Damage::None })
    }

    fn damaged(&mut self, damage: Damage) -> &mut Self {
        self.says(GuestFound { writer: WRITER, contents: 0, damage })
    }

    fn found(&mut self) -> Vec<String> {
        self.checkers.take_violations().iter().map(|violation| violation.signature()).collect()
    }
}

#[test]
fn a_program_finds_what_it_was_told_is_kept() {
    let mut told = Told::new();
    told.finds(0).commits(1, 0, 11).finds(11).commits(2, 11, 22).commits(3, 22, 33).finds(33);
    // What is under way may be there or not.
    told.begins(4, 33, 44).finds(44).begins(5, 44, 55).finds(44).finds(44);
    // A step that leaves things as they were, and one that takes something out of both.
    told.commits(6, 44, 44).begins(7, 4, 4).finds(4).commits(8, 4, 0).finds(0);
    assert!(told.found().is_empty());
}

#[test]
fn a_step_that_was_done_is_not_to_be_undone() {
    for old in [0, 11, 22] {
        let mut told = Told::new();
        told.commits(1, 0, 11).commits(2, 11, 22).commits(3, 22, 33).begins(4, 33, 44).finds(old);
        assert_eq!(told.found(), ["guests/lost-commit"], "{old}");
    }
}

#[test]
fn what_is_under_way_is_there_in_whole_or_not_at_all() {
    let mut told = Told::new();
    told.commits(1, 0, 11).begins(2, 11, 22).finds(12);
    assert_eq!(told.found(), ["guests/wrong-contents"]);
    // What it has looked at since, it may go on from, and is not reported again.
    told.finds(12).commits(3, 12, 33).finds(33).finds(1);
    assert!(told.found().is_empty());
}

#[test]
fn what_was_seen_once_to_have_been_done_or_not_stays_so() {
    let mut told = Told::new();
    told.commits(1, 0, 11).begins(2, 11, 22).finds(22).finds(11);
    assert_eq!(told.found(), ["guests/lost-commit"]);
}

#[test]
fn damage_is_damage_whatever_else_is_there() {
    use Damage::{CheckFailed, NotChanged, NotOpened, NotReadable, Panicked, WentBack};
    for damage in [NotOpened, CheckFailed, NotReadable, NotChanged, Panicked, WentBack] {
        let mut told = Told::new();
        told.damaged(damage);
        assert_eq!(told.found(), [format!("guests/{}", damage.name())]);
    }
}
