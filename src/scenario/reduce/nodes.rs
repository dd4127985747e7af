//! Scenarios with a client or a target fewer, whichever number it had. Chooses none.

use serde_json::Value;

use crate::scenario::model::Scenario;

use super::document::{document, scenario};

/// The scenario without a node that nothing in it names: the others keep their order, and get new numbers.
#[must_use]
pub fn with_fewer_nodes(of: &Scenario) -> Vec<Scenario> {
    let whole = document(of);
    let mut fewer = Vec::new();
    for (key, letter, count) in
        [("clients", 'c', of.cluster.clients), ("targets", 't', of.cluster.targets)]
    {
        for gone in (0..count).rev() {
            let mut other = whole.clone();
            let mut is_named = false;
            for part in ["volumes", "workload", "script"] {
                if let Some(value) = other.get_mut(part) {
                    is_named |= renumber(value, letter, gone);
                }
            }
            if is_named || count == 1 {
                continue;
            }
            other["cluster"][key] = Value::from(count - 1);
            fewer.extend(scenario(&other, &of.words));
        }
    }
    fewer
}

/// Gives the nodes after `gone` the number before theirs. Says whether that one is named.
fn renumber(value: &mut Value, letter: char, gone: u16) -> bool {
    match value {
        Value::Array(items) => {
            items.iter_mut().fold(false, |named, item| renumber(item, letter, gone) | named)
        }
        Value::Object(entries) => {
            entries.values_mut().fold(false, |named, item| renumber(item, letter, gone) | named)
        }
        Value::String(text) => {
            let (node, rest) = text.split_once('/').unwrap_or((text, ""));
            let Some(number) = node.strip_prefix(letter).and_then(|it| it.parse::<u16>().ok())
            else {
                return false;
            };
            if number > gone {
                let slash = if rest.is_empty() { "" } else { "/" };
                *text = format!("{letter}{}{slash}{rest}", number - 1);
            }
            number == gone
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::with_fewer_nodes;
    use crate::scenario::parse;

    #[test]
    fn a_node_that_nothing_names_goes_and_the_others_move_up() {
        let text = r#"{ "version": 1, "name": "s", "cluster": { "clients": 2, "targets": 4 },
            "volumes": [{ "name": "vol0", "layout": "raid1", "blocks": 64, "legs": ["t1/d0", "t3/d0"] }],
            "workload": [{ "app": "random", "client": "c1", "volume": "vol0", "ops": 9 }],
            "script": [{ "at": "1ms", "do": { "node.reboot": { "node": "t3" } } }] }"#;
        let scenario = parse("s.json", text).unwrap();
        let fewer = with_fewer_nodes(&scenario);
        assert_eq!(fewer.len(), 3, "c0, t2 and t0 are named by nothing");
        let without_client = serde_json::to_string(&fewer[0]).unwrap();
        assert!(without_client.contains(r#""client":"c0""#), "{without_client}");
        let without_t0 = serde_json::to_string(&fewer[2]).unwrap();
        assert!(without_t0.contains(r#"["t0/d0","t2/d0"]"#), "{without_t0}");
        assert!(without_t0.contains(r#""node":"t2""#), "{without_t0}");
    }
}
