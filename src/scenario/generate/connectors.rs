//! What a random scenario does to the connectors by which its manager is reached. Draws nothing else.

use crate::scenario::action::{Action, ConnectorOnly};
use crate::scenario::connector::{ConnectorRef, ConnectorSelector};

use super::dice::Dice;
use super::script::Scene;

/// The action of this name.
pub(super) fn on_a_connector(dice: &mut Dice, scene: &Scene<'_>, name: &str) -> Action {
    let connector = match dice.between(0, 3) {
        0 => ConnectorSelector::All,
        1 => fixed(dice, scene),
        _ => ConnectorSelector::Any,
    };
    let it = ConnectorOnly { connector };
    match name {
        "connector.stop" => Action::ConnectorStop(it),
        "connector.renumber" => Action::ConnectorRenumber(it),
        "connector.address_conflict" => Action::ConnectorAddressConflict(it),
        _ => Action::ConnectorPortInUse(it),
    }
}

/// A certain one.
pub(super) fn fixed(dice: &mut Dice, scene: &Scene<'_>) -> ConnectorSelector {
    let last = u64::from(scene.cluster.connectors) - 1;
    let manager = match scene.cluster.managers {
        0 | 1 => 0,
        managers => dice.between(0, u64::from(managers) - 1) as u16,
    };
    ConnectorSelector::Fixed(ConnectorRef { manager, number: dice.between(0, last) as u8 })
}
