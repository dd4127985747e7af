//! Applies the actions on external programs and device files through their machines' door, and undoes them. Decides no time.
//!
//! The budget allows all of them: what satellites do not bring about is brought about later, and no leg of a volume that
//! clients have depends on a program.

use crate::base::NodeId;
use crate::process::Program;
use crate::process::control::{Aim, FaultId, Machine};
use crate::scenario::{Action, DevicesOnly, NodeSelector, ProgramName, ProgramsOnly};

use super::apply::{Applied, Undo};
use crate::world::external;
use crate::world::records::{ActionName, FaultApplied};
use crate::world::select;
use crate::world::simulate::World;

impl World<'_> {
    pub(super) fn apply_to_programs(&mut self, entry: u32, action: &Action) -> Applied {
        let Some((selector, aim)) = aimed(action) else { return Applied::Nothing };
        let mut rng = self.rng.clone();
        let chosen = select::nodes(selector, &self.stage).draw(&mut rng, |_, _| true);
        self.rng = rng;
        let mut undos = Vec::new();
        for node in chosen {
            let applied = FaultApplied { entry, action: ActionName::of(action), node };
            self.stage.kernel.emit(None, &applied);
            let machine = external::machine(&self.stage, node).expect("a target has a machine");
            let Some(fault) = set(machine, action, aim.clone()) else { continue };
            self.program_faults.push((entry, node, fault));
            undos.push(Undo::External(node, fault));
        }
        Applied::Landed(undos)
    }

    pub(super) fn undo_on_programs(&mut self, node: NodeId, fault: FaultId) {
        if let Some(machine) = external::machine(&self.stage, node) {
            machine.lift(fault);
        }
    }

    /// Lets all programs do what they are to do.
    pub(super) fn stop_program_faults(&mut self) {
        let machines = self.stage.control.iter().flat_map(|control| &control.machines);
        machines.for_each(Machine::heal);
    }

    /// Whether an entry set something wrong with programs, and nothing ever met it.
    pub(in crate::world) fn is_unmet_by_programs(&self, entry: u32) -> bool {
        let mut of_entry = self.program_faults.iter().filter(|(at, ..)| *at == entry).peekable();
        let is_unmet = |(_, node, fault): &(u32, NodeId, FaultId)| {
            external::machine(&self.stage, *node).is_none_or(|machine| machine.met(*fault) == 0)
        };
        of_entry.peek().is_some() && of_entry.all(is_unmet)
    }
}

/// Sets what an action wants set.
fn set(machine: &Machine, action: &Action, aim: Aim) -> Option<FaultId> {
    Some(match action {
        Action::ExternalHang(_) => machine.hang(aim),
        Action::ExternalIgnoreTerm(_) => machine.ignore_term(aim),
        Action::ExternalUnkillable(_) => machine.unkillable(aim),
        Action::ExternalFlood(args) => machine.flood(aim, args.bytes.get()),
        Action::ExternalGarble(_) => machine.garble(aim),
        Action::ExternalExit(args) => machine.exit(aim, args.code),
        Action::ExternalSlow(args) => machine.slow(aim, args.factor),
        Action::ExternalDeviceNeverAppears(_) => machine.device_never_appears(aim),
        Action::ExternalDeviceDisappears(_) => machine.device_disappears(aim),
        Action::ExternalOpenBlocks(_) => machine.open_blocks(aim),
        _ => return None,
    })
}

/// Where an action is applied, and to what there.
fn aimed(action: &Action) -> Option<(NodeSelector, Aim)> {
    let aim = |program: Option<ProgramName>, resource: &Option<String>| Aim {
        program: program.map(|program| match program {
            ProgramName::VolumeManager => Program::VolumeManager,
            ProgramName::NvmeTarget => Program::NvmeTarget,
            ProgramName::EventStream => Program::EventStream,
        }),
        resource: resource.clone(),
    };
    Some(match action {
        Action::ExternalHang(it)
        | Action::ExternalIgnoreTerm(it)
        | Action::ExternalUnkillable(it)
        | Action::ExternalGarble(it) => {
            let ProgramsOnly { node, program, resource } = it;
            (*node, aim(*program, resource))
        }
        Action::ExternalFlood(it) => (it.node, aim(it.program, &it.resource)),
        Action::ExternalExit(it) => (it.node, aim(it.program, &it.resource)),
        Action::ExternalSlow(it) => (it.node, aim(it.program, &it.resource)),
        Action::ExternalDeviceNeverAppears(it)
        | Action::ExternalDeviceDisappears(it)
        | Action::ExternalOpenBlocks(it) => {
            let DevicesOnly { node, resource } = it;
            (*node, aim(None, resource))
        }
        _ => return None,
    })
}
