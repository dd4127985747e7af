//! Tests of the register: it agrees with a search that tries every order, and stays small.

use std::cell::Cell;

use proptest::prelude::{any, prop};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::register::{Register, Wrong};
use super::value::{Fate, Moment};
use crate::base::{Nanos, OpId, Seq};

/// An operation of a small history. Value 0 is zeroes.
#[derive(Clone, Copy, Debug)]
struct Op {
    write: bool,
    value: u64,
    fate: Fate,
    invoked: Seq,
    /// `Seq::MAX`: never.
    returned: Seq,
}

impl Op {
    fn is_mandatory(&self) -> bool {
        self.returned != Seq::MAX && (!self.write || self.fate == Fate::Acknowledged)
    }
    fn is_possible(&self) -> bool {
        if self.write { self.fate != Fate::Refused } else { self.is_mandatory() }
    }
    /// When it must have taken effect, if it did.
    fn deadline(&self) -> Seq {
        if self.is_mandatory() { self.returned } else { Seq::MAX }
    }
}

/// Tries every order.
fn is_linearizable(ops: &[Op], done: u32, current: u64) -> bool {
    let left = |index: usize| done & 1 << index == 0 && ops[index].is_possible();
    let all = 0..ops.len();
    if !all.clone().any(|index| left(index) && ops[index].is_mandatory()) {
        return true;
    }
    all.clone().any(|next| {
        let op = ops[next];
        left(next)
            && !all.clone().any(|other| left(other) && ops[other].deadline() < op.invoked)
            && (op.write || op.value == current)
            && is_linearizable(ops, done | 1 << next, if op.write { op.value } else { current })
    })
}

/// Feeds the history to a register; what it finds first.
fn judge(ops: &[Op]) -> (Register, Option<Wrong>) {
    let mut events: Vec<(Seq, usize, bool)> = Vec::new();
    for (index, op) in ops.iter().enumerate() {
        events.push((op.invoked, index, true));
        if op.returned != Seq::MAX {
            events.push((op.returned, index, false));
        }
    }
    events.sort_unstable();
    let mut register = Register::new();
    for (seq, index, invoked) in events {
        let op = ops[index];
        let now = moment(seq, index);
        let found = match (invoked, op.write) {
            (true, true) => {
                register.write_invoked(op.value, now);
                None
            }
            (true, false) => {
                register.read_invoked(seq);
                None
            }
            (false, true) => {
                register.write_ended(op.fate, now, None, &mut Vec::new()).map(Wrong::Refused)
            }
            (false, false) => {
                let read = register.read(op.value, moment(op.invoked, index), now);
                register.read_ended(op.invoked);
                read.err()
            }
        };
        if found.is_some() {
            return (register, found);
        }
    }
    (register, None)
}

fn moment(seq: Seq, op: usize) -> Moment {
    Moment { seq, at: Nanos::new(seq), op: OpId::new(op as u64) }
}

type Draw = (u8, u8, u16, u16, u16);

/// Makes a history of draws: operations at random times on a true register, with some reads
/// falsified. The values of writes are unique, but for trims.
fn history(draws: &[Draw], lies: u16, trims: bool) -> Vec<Op> {
    let mut keys: Vec<(u32, usize, u8)> = Vec::new();
    for (index, (_, _, a, b, c)) in draws.iter().enumerate() {
        let mut times = [*a, *b, *c];
        times.sort_unstable();
        keys.extend((0..3).map(|at| (u32::from(times[at as usize]), index, at)));
    }
    keys.sort_unstable();
    let mut next_value = 1;
    let mut ops: Vec<Op> = draws
        .iter()
        .map(|(kind, fate, ..)| {
            let write = kind % 2 == 0 && next_value <= 3;
            let value = if !write || (trims && kind % 8 == 0) { 0 } else { next_value };
            next_value += u64::from(value > 0);
            let fates = [Fate::Pending, Fate::InDoubt, Fate::Abandoned, Fate::Refused];
            let fate =
                if *fate % 2 == 0 { Fate::Acknowledged } else { fates[*fate as usize / 2 % 4] };
            Op { write, value, fate, invoked: 0, returned: Seq::MAX }
        })
        .collect();
    let mut current = 0;
    for (position, (_, index, at)) in keys.into_iter().enumerate() {
        let (seq, op) = (position as Seq + 1, &mut ops[index]);
        match at {
            0 => op.invoked = seq,
            // A write that ends in doubt has its effect late, or early, or not at all.
            1 if op.write && op.fate != Fate::Refused => current = op.value,
            1 if !op.write => op.value = current,
            2 if !op.write || op.fate != Fate::Pending => op.returned = seq,
            _ => {}
        }
    }
    for (index, op) in ops.iter_mut().enumerate() {
        if !op.write && lies & 1 << index != 0 {
            op.value = u64::from(draws[index].1 % 4);
        }
    }
    ops
}

/// Compares the register with the search; counts legal and illegal histories.
fn compare(ops: &[Op], trims: bool, counts: &[Cell<u32>; 2]) -> Result<(), TestCaseError> {
    let legal = is_linearizable(ops, 0, 0);
    let (register, found) = judge(ops);
    counts[usize::from(legal)].set(counts[usize::from(legal)].get() + 1);
    if legal != found.is_none() && (legal || !trims) {
        return Err(TestCaseError::fail(format!("legal: {legal}, but found {found:?}: {ops:#?}")));
    }
    if found.is_some() {
        return Ok(());
    }
    // What may a medium hold now? What a read done now could show.
    let now = ops.len() as Seq * 3 + 1;
    let seen_in_flight = ops.iter().any(|op| op.write && op.fate == Fate::Pending);
    for value in 0..=3 {
        let read =
            Op { write: false, value, fate: Fate::Acknowledged, invoked: now, returned: now + 1 };
        let legal = is_linearizable(&[ops, &[read]].concat(), 0, 0);
        let held = register.may_hold(value, now);
        let is_exact = !trims && !seen_in_flight;
        if legal != held.is_ok() && (legal || is_exact) {
            let text = format!("{value} now: legal {legal}, but {held:?}: {ops:#?}");
            return Err(TestCaseError::fail(text));
        }
    }
    Ok(())
}

fn agrees_with_the_search(ops_max: usize, cases: u32, trims: bool) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let draw = (any::<u8>(), any::<u8>(), any::<u16>(), any::<u16>(), any::<u16>());
    let strategy = (prop::collection::vec(draw, 1..=ops_max), any::<u16>())
        .prop_map(|(draws, lies)| history(&draws, lies & lies >> 3, trims));
    let counts = [Cell::new(0), Cell::new(0)];
    let outcome = TestRunner::new(config).run(&strategy, |ops| compare(&ops, trims, &counts));
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    for count in counts {
        assert!(count.get() > cases / 10, "legal and illegal must both be frequent");
    }
}

#[test]
fn agrees_with_a_search_of_every_order() {
    agrees_with_the_search(6, 20_000, false);
    agrees_with_the_search(9, 10_000, false);
}

#[test]
fn never_condemns_a_legal_history_with_trims() {
    agrees_with_the_search(6, 20_000, true);
}

#[test]
fn stays_small_however_long_the_history() {
    let mut register = Register::new();
    for round in 0..10_000_u64 {
        // Each read begins within the write of its round and ends within that of the next: there
        // is no moment without a read.
        let (seq, value) = (round * 10 + 10, 1 << 48 | (round + 1));
        register.write_invoked(value, moment(seq, round as usize));
        register.read_invoked(seq + 1);
        let ended = moment(seq + 2, round as usize);
        register.write_ended(Fate::Acknowledged, ended, None, &mut Vec::new());
        if round > 0 {
            let read = register.read(value, moment(seq - 9, 0), moment(seq + 3, 0));
            assert_eq!(read, Ok(()));
            register.read_ended(seq - 9);
        }
        assert!(register.values().len() <= 8, "{:?}", register.values());
    }
    assert!(register.has_forgotten());
    let old = register.read(1 << 48 | 7, moment(200_000, 0), moment(200_001, 0));
    assert_eq!(old, Err(Wrong::Forgotten));
}

#[test]
fn a_refused_write_is_named_when_it_shows_up() {
    let mut register = Register::new();
    register.write_invoked(5, moment(1, 1));
    assert_eq!(register.write_ended(Fate::Refused, moment(2, 1), None, &mut Vec::new()), None);
    let read = register.read(5, moment(3, 2), moment(4, 2));
    assert!(matches!(read, Err(Wrong::Refused(value)) if value.author == 5), "{read:?}");
}
