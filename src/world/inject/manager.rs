//! Applies the actions on the manager through its control door, and undoes them. Decides no time.

use crate::base::{MessageKind, Nanos, NodeId};
use crate::node::manager::FalseMessage;
use crate::scenario::{Action, FalseWord, NodeClass};

use super::apply::{Applied, Undo};
use crate::world::records::{ActionName, FaultApplied};
use crate::world::select;
use crate::world::simulate::World;

/// How long a manager that is forced to reboot is down.
const REBOOT: Nanos = Nanos::from_millis(2);

/// How to take an action on the manager back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum ManagerUndo {
    Release,
    Heed(MessageKind),
}

/// What an entry has the manager do wrong once something reaches it, and how often it had done so before.
#[derive(Clone, Copy, Debug)]
pub(in crate::world) enum Misdeed {
    Overlook(MessageKind, u64),
    HoldBack(u64),
}

impl World<'_> {
    pub(super) fn apply_to_manager(&mut self, entry: u32, action: &Action) -> Applied {
        let manager = self.stage.manager();
        if let Action::ManagerInjectFalseMessage(args) = action {
            let to = select::nodes(args.to, &self.stage);
            let mut rng = self.rng.clone();
            let chosen = to.draw(&mut rng, |_, node| self.can_be_told(node, args.message));
            self.rng = rng;
            for node in &chosen {
                self.tell_applied(entry, action, *node);
                self.stage.manager_door.inject_false_message(*node, false_message(args.message));
            }
            return self.outcome(!chosen.is_empty(), false, Vec::new(), true);
        }
        if !self.stage.kernel.is_up(manager) {
            return Applied::Nothing;
        }
        self.tell_applied(entry, action, manager);
        self.note_trouble(&[manager]);
        let undo = self.act_on_manager(entry, action);
        Applied::Landed(undo.map(Undo::Manager).into_iter().collect())
    }

    fn tell_applied(&self, entry: u32, action: &Action, node: NodeId) {
        let applied = FaultApplied { entry, action: ActionName::of(action), node };
        self.stage.kernel.emit(None, &applied);
    }

    /// Whether the manager has such a thing to say to this node.
    fn can_be_told(&self, node: NodeId, word: FalseWord) -> bool {
        let class = |class| self.stage.nodes.class(class).contains(&node);
        let (client, target) = (class(NodeClass::Client), class(NodeClass::Target));
        let both_up = [node, self.stage.manager()].iter().all(|it| self.stage.kernel.is_up(*it));
        both_up
            && match word {
                FalseWord::Detached | FalseWord::Grant => client,
                FalseWord::Register | FalseWord::CareFor => target,
                FalseWord::Pong => client || target,
            }
    }

    fn act_on_manager(&mut self, entry: u32, action: &Action) -> Option<ManagerUndo> {
        let door = self.stage.manager_door.clone();
        match action {
            Action::ManagerIgnoreNextClientMessage(args) => {
                let kind = args.message.kind();
                self.misdeeds.push((entry, Misdeed::Overlook(kind, door.overlooked(kind))));
                door.ignore_next_client_message(kind, u64::from(args.count));
                return Some(ManagerUndo::Heed(kind));
            }
            Action::ManagerHoldAcks(args) => {
                self.misdeeds.push((entry, Misdeed::HoldBack(door.held_back())));
                door.hold_acks(args.twice);
                return Some(ManagerUndo::Release);
            }
            Action::ManagerForceReboot(args) if args.keep_memory => door.force_reboot(),
            Action::ManagerForceReboot(_) => {
                let manager = self.stage.manager();
                self.take_down(manager);
                self.boot_after(manager, REBOOT);
            }
            _ => {}
        }
        None
    }

    pub(super) fn undo_on_manager(&mut self, undo: ManagerUndo) {
        self.note_trouble(&[self.stage.manager()]);
        let door = &self.stage.manager_door;
        match undo {
            ManagerUndo::Release => door.release_acks(),
            ManagerUndo::Heed(kind) => door.ignore_next_client_message(kind, 0),
        }
    }

    /// The manager does right again.
    pub(super) fn stop_manager_faults(&mut self) {
        self.stage.manager_door.stop();
    }

    /// What an entry waited for to have the manager do wrong, if nothing of it ever came.
    pub(in crate::world) fn never_done(&self, entry: u32) -> Option<&'static str> {
        let door = &self.stage.manager_door;
        let of_entry = || self.misdeeds.iter().filter(|(of, _)| *of == entry).map(|(_, it)| it);
        let is_done = |misdeed: &Misdeed| match *misdeed {
            Misdeed::Overlook(kind, before) => door.overlooked(kind) > before,
            Misdeed::HoldBack(before) => door.held_back() > before,
        };
        if of_entry().any(is_done) {
            return None;
        }
        of_entry().next().map(|misdeed| match misdeed {
            Misdeed::Overlook(..) => "message that it was to overlook",
            Misdeed::HoldBack(_) => "answer that it was to keep back",
        })
    }
}

const fn false_message(word: FalseWord) -> FalseMessage {
    match word {
        FalseWord::Detached => FalseMessage::Detached,
        FalseWord::Grant => FalseMessage::Grant,
        FalseWord::Register => FalseMessage::Register,
        FalseWord::CareFor => FalseMessage::CareFor,
        FalseWord::Pong => FalseMessage::Pong,
    }
}
