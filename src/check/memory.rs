//! Every node keeps within its memory, and at rest holds what it reserved and nothing else. Counts nothing
//! itself: the world hands over the accounts.

use crate::base::Nanos;

use super::checker::Checker;
use super::name::Check;
use super::violation::Violation;

/// What a node holds at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryAtRest {
    /// The node's name.
    pub owner: String,
    /// Bytes that it may hold, if there is a limit.
    pub limit: Option<u64>,
    /// Bytes that it holds.
    pub used: u64,
    /// Of these, bytes that are set aside for as long as it runs: its base line.
    pub reserved: u64,
    /// Bytes held for work that should be over, by the place in the code that took them.
    pub held: Vec<(String, u64)>,
}

/// The checker of memory accounts.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    violations: Vec<Violation>,
}

impl Memory {
    /// Takes in what nodes hold when nothing is under way any more.
    pub fn at_rest(&mut self, at: Nanos, nodes: &[MemoryAtRest]) {
        for node in nodes {
            if let Some(limit) = node.limit.filter(|limit| node.used > *limit) {
                let found = format!("{} bytes in use", node.used);
                let expected = format!("at most its limit of {limit} bytes");
                self.violations.push(violation(at, "over-limit", node, found, expected));
            }
            if node.used > node.reserved {
                let found = format!("{} bytes in use", node.used);
                let expected = format!("its base line of {} bytes", node.reserved);
                self.violations.push(violation(at, "not-given-back", node, found, expected));
            }
        }
    }
}

impl Checker for Memory {
    fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.violations)
    }
}

fn violation(
    at: Nanos,
    kind: &'static str,
    node: &MemoryAtRest,
    found: String,
    expected: String,
) -> Violation {
    let held = node.held.iter().map(|(place, bytes)| format!("{bytes} bytes taken at {place}"));
    Violation {
        check: Check::Memory,
        kind,
        component: node.owner.clone(),
        volume: None,
        disk: None,
        block: None,
        ops: Vec::new(),
        at,
        found,
        expected,
        detail: held.collect(),
        recent: Vec::new(),
    }
}
