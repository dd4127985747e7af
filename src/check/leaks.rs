//! Nothing outlives its owner. Counts nothing itself: the world hands over what it found left.

use crate::base::Nanos;

use super::checker::Checker;
use super::name::Check;
use super::violation::Violation;

/// Something that was still there after its owner had gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Whose it was: a node's name, say.
    pub owner: String,
    /// What it is, as a slug: `task`, `buffer`, `connection`.
    pub what: &'static str,
    /// How many.
    pub count: u64,
    /// Bytes that they hold together; 0 of what is no memory.
    pub bytes: u64,
    /// The place in the code that took them, as `file:line`; empty where nobody knows.
    pub place: String,
}

impl Leak {
    fn text(&self) -> String {
        let mut text = format!("{} left {}", self.owner, self.count);
        if self.bytes > 0 {
            text.push_str(&format!(", {} bytes", self.bytes));
        }
        if !self.place.is_empty() {
            text.push_str(&format!(", taken at {}", self.place));
        }
        text
    }
}

/// The checker of leaks.
#[derive(Clone, Debug, Default)]
pub struct Leaks {
    violations: Vec<Violation>,
}

impl Leaks {
    /// Takes in what was found left at a clean shutdown: one violation for each kind of thing.
    pub fn leaked(&mut self, at: Nanos, leaks: &[Leak]) {
        let mut kinds: Vec<&'static str> =
            leaks.iter().filter(|leak| leak.count > 0).map(|leak| leak.what).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            let of_kind: Vec<&Leak> =
                leaks.iter().filter(|leak| leak.count > 0 && leak.what == kind).collect();
            self.violations.push(violation(at, kind, &of_kind));
        }
    }
}

impl Checker for Leaks {
    fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }
}

fn violation(at: Nanos, kind: &'static str, leaks: &[&Leak]) -> Violation {
    let total: u64 = leaks.iter().map(|leak| leak.count).sum();
    let owners = leaks.len();
    Violation {
        check: Check::Leaks,
        kind,
        component: leaks[0].owner.clone(),
        volume: None,
        disk: None,
        block: None,
        ops: Vec::new(),
        at,
        found: format!("{total} left of kind {kind}, of {owners} owners"),
        expected: "none once their owners were shut down".to_owned(),
        detail: leaks.iter().map(|leak| leak.text()).collect(),
        recent: Vec::new(),
    }
}
