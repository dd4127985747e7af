//! Each block is a linearizable register: a read shows the last acknowledged write or one in flight,
//! and never goes back. Reports what the history found contradictory; see `register.rs` for the rule.

use crate::base::Record;
use crate::base::history::OpKind;

use super::caches::Promise;
use super::checker::Checker;
use super::history::{Contradiction, History, Unfit};
use super::name::Check;
use super::origin;
use super::register::Wrong;
use super::violation::Violation;

/// The checker of reads. It reports the first contradiction of each block and no more of that block.
#[derive(Clone, Debug, Default)]
pub struct Linear {
    violations: Vec<Violation>,
}

impl Checker for Linear {
    fn observe(&mut self, _record: &Record, history: &History) {
        for contradiction in history.contradictions() {
            self.violations.push(violation(contradiction, history));
        }
    }

    fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }
}

fn violation(contradiction: &Contradiction, history: &History) -> Violation {
    let Contradiction { volume, block, ref operation, at, content, ref unfit, ref legal } =
        *contradiction;
    let own = std::iter::once(operation.op());
    let ops = origin::distinct(own.chain(origin::ops(unfit)));
    let mut detail = vec![format!("{}, returned {at}", operation.text())];
    detail.extend(if operation.kind == OpKind::Flush {
        origin::broken_promise(operation.author, unfit)
    } else {
        origin::reasons(unfit)
    });
    detail.extend(promise(contradiction, history));
    Violation {
        check: Check::Linear,
        kind: if operation.kind == OpKind::Flush { "flushed-though-lost" } else { kind(unfit) },
        component: volume.to_string(),
        volume: Some(volume),
        disk: None,
        block: Some(block),
        at,
        found: origin::of_unfit(history, content, unfit),
        expected: origin::any_of(legal, history.values(volume, block).is_empty()),
        detail,
        recent: history.recent(volume, Some(block), &ops),
        ops,
    }
}

/// Of what all caches were lost behind, why it must be there nevertheless.
fn promise(contradiction: &Contradiction, history: &History) -> Option<String> {
    let Unfit::Wrong(Wrong::Superseded { by, .. }) = &contradiction.unfit else { return None };
    if contradiction.operation.kind == OpKind::Flush {
        return None;
    }
    let Promise { flush, done_at: at, lost_at } = history.promise_of(contradiction.volume, by)?;
    let (op, writer) = (flush.op, flush.writer);
    let new = origin::label(by.author);
    Some(format!(
        "all copies lost their power {lost_at}, but {op}, a flush of application {writer}, was done {at} and says that {new} is there"
    ))
}

fn kind(unfit: &Unfit) -> &'static str {
    match unfit {
        Unfit::Garbled | Unfit::Wrong(Wrong::Absent) => "never-written",
        Unfit::Misplaced => "misplaced-data",
        Unfit::Unshown => "unshown-read",
        Unfit::Wrong(Wrong::Refused(_)) => "refused-write-visible",
        Unfit::Wrong(Wrong::Forgotten) => "stale-read",
        // Seen by a read before its write was acknowledged, if it ever was.
        Unfit::Wrong(Wrong::Superseded { by, .. }) if by.first_return.op != by.op => {
            "read-went-back"
        }
        Unfit::Wrong(Wrong::Superseded { .. }) => "stale-read",
    }
}
