//! Two entries of a script made one: a fault and what ends it become a fault that lasts so long. Judges none.

use crate::scenario::{Action, Effect, Entry, NanosRange, Scenario, Trigger};

/// The scenario with one such pair merged, for each pair that there is.
pub(super) fn merged(scenario: &Scenario) -> Vec<Scenario> {
    let script = &scenario.script;
    let mut found = Vec::new();
    for first in 0..script.len() {
        for second in first + 1..script.len() {
            let Some(entry) = merge(&script[first], &script[second]) else { continue };
            let mut script = script.clone();
            script[first] = entry;
            script.remove(second);
            found.push(Scenario { script, ..scenario.clone() });
        }
    }
    found
}

fn merge(fault: &Entry, end: &Entry) -> Option<Entry> {
    let (Trigger::At(from), Trigger::At(to)) = (&fault.trigger, &end.trigger) else { return None };
    let (Effect::Do(fault_action), Effect::Do(end_action)) = (&fault.effect, &end.effect) else {
        return None;
    };
    let (from, to) = (from.fixed()?, to.fixed()?);
    let ends = to > from && fault.undo_after.is_none() && is_end(fault_action, end_action);
    ends.then(|| Entry { undo_after: Some(NanosRange::exactly(to - from)), ..fault.clone() })
}

/// Whether the second takes back what the first does, in the same place.
fn is_end(fault: &Action, end: &Action) -> bool {
    match (fault, end) {
        (Action::DiskUnplug(a), Action::DiskPlug(b)) => a == b,
        (Action::DiskDisconnectFromClient(a), Action::DiskReconnectToClient(b)) => a == b,
        (Action::DiskReadOnly(a), Action::DiskHeal(b)) => a == b,
        (Action::NodePowerOff(a), Action::NodePowerOn(b)) => a == b,
        (Action::NodePause(a), Action::NodeResume(b)) => a == b,
        (Action::CpuStop(a), Action::CpuResume(b)) => a == b,
        (Action::AppPause(a), Action::AppResume(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::merged;
    use crate::run::fake::scenario;

    #[test]
    fn a_fault_and_its_end_are_one_entry() {
        let mut two = scenario("a");
        two.script = serde_json::from_str(
            r#"[{ "at": "2ms", "do": { "node.pause": { "node": "t0" } } },
                { "at": "3ms", "do": { "node.resume": { "node": "t1" } } },
                { "at": "5ms", "do": { "node.resume": { "node": "t0" } } }]"#,
        )
        .unwrap();
        let merged = merged(&two);
        assert_eq!(merged.len(), 1);
        let text = serde_json::to_string(&merged[0].script).unwrap();
        let expected = r#"[{"at":"2ms","do":{"node.pause":{"node":"t0"}},"for":"3ms"},{"at":"3ms","do":{"node.resume":{"node":"t1"}}}]"#;
        assert_eq!(text, expected);
    }
}
