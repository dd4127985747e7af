//! Whether a scenario's cluster has a controller, and which of its volumes come to be by themselves. Names no call.

use super::action::{Action, Family};
use super::model::Scenario;
use super::script::Effect;
use super::volume::Volume;

impl Scenario {
    /// Whether the cluster has a controller, and a satellite on each target: where it has a database server or says what
    /// satellites are like, or where the script calls the controller, or does something to its database or to the programs
    /// of satellites. In a cluster without, all volumes are there from the start.
    #[must_use]
    pub fn has_controller(&self) -> bool {
        let concerns_it = |action: &Action| match action.family() {
            Family::Api | Family::External => true,
            // The manager's own records are older than any controller.
            Family::Database => !matches!(action, Action::DatabaseRestoreOldSnapshot(_)),
            _ => false,
        };
        let cluster = &self.cluster;
        cluster.databases > 0 || cluster.satellites.is_some() || self.actions().any(concerns_it)
    }

    /// Whether the script has a volume made, so that it does not come to be at the start.
    #[must_use]
    pub fn makes(&self, volume: &Volume) -> bool {
        let defines = |action: &Action| {
            matches!(action, Action::ApiCreateResourceDefinition(it)
                if it.name.eq_ignore_ascii_case(&volume.name))
        };
        self.actions().any(defines)
    }

    /// The actions of the script.
    fn actions(&self) -> impl Iterator<Item = &Action> {
        self.script.iter().filter_map(|entry| match &entry.effect {
            Effect::Do(action) => Some(action),
            _ => None,
        })
    }
}

/// Whether a volume of this name may be a resource of the controller's.
pub(super) fn is_resource_name(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let has_letter = name.contains(|c: char| c.is_ascii_alphabetic());
    let is_free = !["all", "proxy"].iter().any(|word| word.eq_ignore_ascii_case(name));
    (2..=48).contains(&name.len()) && begins && has_letter && is_free
}
