//! An action of many places made one of a single place. Chooses none.

use serde_json::Value;

use crate::scenario::action::Action;

/// The arguments that say where an action acts first of all.
const PLACES: [&str; 5] = ["disk", "node", "a", "from", "client"];

/// The same action in this place, a node or a disk by its id, where it names it by a selector.
#[must_use]
pub fn placed(action: &Action, place: &str) -> Action {
    let mut value = serde_json::to_value(action).expect("an action is plain JSON");
    let Some(arguments) = value.get_mut(action.name()).and_then(Value::as_object_mut) else {
        return action.clone();
    };
    let Some(first) = PLACES.iter().find(|key| arguments.contains_key(**key)) else {
        return action.clone();
    };
    let is_selector = |text: &str| text.starts_with("any:") || text.starts_with("all:");
    if arguments[*first].as_str().is_some_and(is_selector) {
        arguments[*first] = Value::from(place);
    }
    serde_json::from_value(value).unwrap_or_else(|_| action.clone())
}

#[cfg(test)]
mod tests {
    use super::placed;
    use crate::scenario::Action;

    #[test]
    fn selectors_become_ids_and_ids_stay() {
        let at = |text: &str, place| {
            let action: Action = serde_json::from_str(text).unwrap();
            serde_json::to_string(&placed(&action, place)).unwrap()
        };
        let unplug = r#"{"disk.unplug":{"disk":"any:leg-of:vol0"}}"#;
        assert_eq!(at(unplug, "t1/d0"), r#"{"disk.unplug":{"disk":"t1/d0"}}"#);
        let fixed = r#"{"disk.unplug":{"disk":"t0/d0"}}"#;
        assert_eq!(at(fixed, "t1/d0"), fixed);
        let hold = r#"{"net.hold":{"from":"any:client","to":"any:target"}}"#;
        assert_eq!(at(hold, "c1"), r#"{"net.hold":{"from":"c1","to":"any:target"}}"#);
        let stop = r#"{"cpu.stop":{"cpu":"any:cpu"}}"#;
        assert_eq!(at(stop, "c1"), stop);
    }
}
