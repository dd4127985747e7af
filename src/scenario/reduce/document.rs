//! A scenario as a JSON document, and back if it is still a valid one. Changes nothing by itself.

use serde_json::Value;

use crate::scenario::load::parse_with;
use crate::scenario::model::Scenario;
use crate::scenario::own::Words;

/// Where in a scenario's document something is: a JSON pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer(pub(super) String);

impl Pointer {
    /// The key or index below this.
    pub(super) fn below(&self, step: &str) -> Self {
        Self(format!("{}/{step}", self.0))
    }
    /// The last key or index.
    pub(super) fn last(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

pub(super) fn document(scenario: &Scenario) -> Value {
    serde_json::to_value(scenario).expect("a scenario is plain JSON")
}

/// The scenario of a document, if it is a valid one that says no more than these words beside those of the format.
pub(super) fn scenario(document: &Value, words: &Words) -> Option<Scenario> {
    parse_with("reduced", &document.to_string(), words).ok()
}

/// Shows every value below one of these keys with where it is; keys hold no slash.
pub(super) fn walk(value: &Value, at: &Pointer, show: &mut dyn FnMut(&Pointer, &Value)) {
    show(at, value);
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                walk(value, &at.below(key), show);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                walk(value, &at.below(&index.to_string()), show);
            }
        }
        _ => {}
    }
}

/// The parts of a scenario that it is made simpler in.
pub(super) const PARTS: [&str; 4] = ["cluster", "volumes", "workload", "script"];

/// Every value of these parts with where it is.
pub(super) fn values(document: &Value, parts: &[&str]) -> Vec<(Pointer, Value)> {
    let mut found = Vec::new();
    for part in parts {
        let at = Pointer(format!("/{part}"));
        if let Some(value) = document.get(part) {
            walk(value, &at, &mut |at, value| found.push((at.clone(), value.clone())));
        }
    }
    found
}

/// The scenario with another value in this place, if it is a valid one.
pub(super) fn with(
    document: &Value,
    at: &Pointer,
    value: Value,
    words: &Words,
) -> Option<Scenario> {
    let mut changed = document.clone();
    *changed.pointer_mut(&at.0)? = value;
    scenario(&changed, words)
}
