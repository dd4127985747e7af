//! Keys that a scenario can do without: their defaults stand in. Chooses none.

use serde_json::Value;

use crate::scenario::model::Scenario;

use super::document::{PARTS, Pointer, document, scenario, values};

/// Without them, and without what is in them, an entry says something else, not less.
const KEPT: [&str; 5] = ["for", "depth", "blocks", "mix", "legs"];

/// The keys without which it is another valid scenario, that of their defaults.
#[must_use]
pub fn removable(of: &Scenario) -> Vec<Pointer> {
    let whole = document(of);
    let all = values(&whole, &PARTS).into_iter().map(|(at, _)| at);
    let keys = all.filter(|at| !at.0.split('/').any(|key| KEPT.contains(&key)));
    let keys = keys.filter(|at| at.last().parse::<usize>().is_err());
    keys.filter(|at| {
        let is_part = PARTS.iter().any(|part| at.0 == format!("/{part}"));
        !is_part && without(of, std::slice::from_ref(at)).is_some_and(|other| other != *of)
    })
    .collect()
}

/// The scenario without these keys, if it is a valid one.
#[must_use]
pub fn without(of: &Scenario, keys: &[Pointer]) -> Option<Scenario> {
    let mut whole = document(of);
    for Pointer(at) in keys {
        let (parent, key) = at.rsplit_once('/')?;
        // It may be gone with one above it.
        if let Some(Value::Object(entries)) = whole.pointer_mut(parent) {
            entries.shift_remove(key);
        }
    }
    scenario(&whole, &of.words)
}

#[cfg(test)]
mod tests {
    use super::{removable, without};
    use crate::scenario::parse;

    #[test]
    fn what_has_its_default_is_not_removable_and_what_is_required_neither() {
        let text = r#"{ "version": 1, "name": "s",
            "cluster": { "targets": 4, "disk": { "volatile_cache": true } },
            "volumes": [{ "name": "vol0", "layout": "ec", "data": 2, "parity": 1, "blocks": 64 }],
            "workload": [{ "app": "random", "client": "c0", "volume": "vol0", "ops": 9, "fua": "1/2" }] }"#;
        let scenario = parse("s.json", text).unwrap();
        let keys = removable(&scenario);
        let names: Vec<&str> = keys.iter().map(|key| key.0.as_str()).collect();
        let expected = [
            "/cluster/targets",
            "/cluster/disk",
            "/cluster/disk/volatile_cache",
            "/workload/0/fua",
        ];
        assert_eq!(names, expected);
        let plain = without(&scenario, &keys).unwrap();
        assert!(!plain.cluster.disk.volatile_cache && plain.cluster.targets == 3);
        assert_eq!(removable(&plain), []);
    }
}
