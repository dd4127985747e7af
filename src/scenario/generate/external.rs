//! What a random scenario does to the external programs of satellites and to their device files. Draws nothing else.

use crate::scenario::action::{
    Action, DevicesOnly, ExitWith, Flood, ProgramName, ProgramsOnly, SlowPrograms,
};
use crate::scenario::amounts::Bytes;
use crate::scenario::ids::{NodeClass, NodeRef, NodeSelector};

use super::calls::RESOURCES;
use super::dice::Dice;
use super::script::Scene;

/// The action of this name.
pub(super) fn on_programs(dice: &mut Dice, scene: &Scene<'_>, name: &str) -> Action {
    let node = match dice.between(0, 3) {
        0 => NodeSelector::All(NodeClass::Target),
        1 => {
            let last = u64::from(scene.cluster.targets) - 1;
            NodeSelector::Fixed(NodeRef::Target(dice.between(0, last) as u16))
        }
        _ => NodeSelector::Any(NodeClass::Target),
    };
    let program = dice.one_in(2).then(|| dice.pick(ProgramName::ALL));
    let resource = dice.one_in(3).then(|| resource(dice, scene));
    let programs = ProgramsOnly { node, program, resource: resource.clone() };
    let devices = DevicesOnly { node, resource: resource.clone() };
    match name {
        "external.hang" => Action::ExternalHang(programs),
        "external.ignore_term" => Action::ExternalIgnoreTerm(programs),
        "external.unkillable" => Action::ExternalUnkillable(programs),
        "external.garble" => Action::ExternalGarble(programs),
        "external.flood" => {
            let bytes = Bytes::mebibytes(dice.amount((1, 6), &[1, 16]));
            Action::ExternalFlood(Flood { node, program, resource, bytes })
        }
        "external.exit" => {
            let code = dice.amount((1, 9), &[1, 255]) as u8;
            Action::ExternalExit(ExitWith { node, program, resource, code })
        }
        "external.slow" => {
            let factor = dice.amount((2, 60), &[1_000]) as u32;
            Action::ExternalSlow(SlowPrograms { node, program, resource, factor })
        }
        "external.device_never_appears" => Action::ExternalDeviceNeverAppears(devices),
        "external.device_disappears" => Action::ExternalDeviceDisappears(devices),
        _ => Action::ExternalOpenBlocks(devices),
    }
}

/// One that a call may make, or one of the scenario's volumes.
fn resource(dice: &mut Dice, scene: &Scene<'_>) -> String {
    let volume = &scene.volumes[dice.between(0, scene.volumes.len() as u64 - 1) as usize];
    if dice.one_in(2) { volume.name.clone() } else { dice.pick(&RESOURCES).to_owned() }
}
