//! Makes the calls of a script by way of the administrator's console, and looks at their answers. Decides no time.

use crate::base::control::ApiAnswered;
use crate::node::control::{CallId, Console, Reply, worst};
use crate::scenario::{Action, Bytes, Effect, ReplyWanted};

use super::apply::Applied;
use crate::world::records::{ActionName, FaultApplied};
use crate::world::report::{LivenessReport, Verdict};
use crate::world::simulate::World;

impl World<'_> {
    pub(super) fn apply_to_api(&mut self, entry: u32, action: &Action) -> Applied {
        let Some(control) = &self.stage.control else { return Applied::Nothing };
        let node = self.stage.manager();
        let applied = FaultApplied { entry, action: ActionName::of(action), node };
        self.stage.kernel.emit(None, &applied);
        let firing = self.entries[entry as usize].progress().0 + 1;
        let Some(call) = call(&control.console, action, firing) else { return Applied::Nothing };
        self.api_calls.push((call, entry));
        Applied::Landed(Vec::new())
    }

    /// A call was answered: looks whether it is as the script wants it.
    pub(in crate::world) fn api_answered(&mut self, answered: &ApiAnswered) {
        let asked = self.api_calls.iter().find(|(call, _)| *call == answered.call);
        let Some((call, entry)) = asked.copied() else { return };
        let script = &self.scenario.script[entry as usize];
        let Effect::Do(action) = &script.effect else { return };
        let Some(wanted) = wanted(action) else { return };
        let control = self.stage.control.as_ref().expect("a call was made of it");
        let replies = control.console.answer(call).expect("it was answered");
        let code = worst(&replies).expect("an answer says something");
        let success = wanted.success.is_none_or(|success| success != code.is_error());
        let fits = wanted.code.is_none_or(|wanted| wanted == code.detail as u16);
        if success && fits {
            return;
        }
        let mut waiting = vec![format!(
            "script[{entry}] {} was answered with code {} ({code}), and not as `reply` has it",
            action.name(),
            code.detail as u16
        )];
        waiting.extend(replies.iter().flat_map(told));
        let report = LivenessReport { kind: "reply-unexpected".to_owned(), waiting };
        self.fail(Verdict::Liveness(report));
    }
}

fn told(reply: &Reply) -> impl Iterator<Item = String> {
    let cause = reply.cause.iter().map(|cause| format!("  {cause}"));
    [reply.message.clone()].into_iter().chain(cause)
}

const fn kibibytes(bytes: Bytes) -> u64 {
    bytes.get() / 1024
}

/// In a name, it stands for how often its entry has fired, so that one entry can make many objects.
const FIRING: &str = "{n}";

/// Makes a call, for the so-many-eth time.
fn call(console: &Console, action: &Action, firing: u64) -> Option<CallId> {
    let named = |name: String| name.replace(FIRING, &firing.to_string());
    let maybe = |name: Option<String>| name.map(&named);
    let wide = |number: Option<u32>| number.map(u64::from);
    Some(match action.clone() {
        Action::ApiCreateNode(it) => console.create_node(named(it.name), it.node_type),
        Action::ApiModifyNode(it) => console.modify_node(named(it.name), it.node_type),
        Action::ApiDeleteNode(it) => console.delete_node(named(it.name)),
        Action::ApiCreateStoragePool(it) => {
            let (node, name) = (named(it.node), named(it.name));
            console.create_storage_pool(node, name, kibibytes(it.capacity))
        }
        Action::ApiDeleteStoragePool(it) => {
            console.delete_storage_pool(named(it.node), named(it.name))
        }
        Action::ApiCreateResourceDefinition(it) => {
            console.create_resource_definition(named(it.name), wide(it.port))
        }
        Action::ApiDeleteResourceDefinition(it) => {
            console.delete_resource_definition(named(it.name))
        }
        Action::ApiCreateVolumeDefinition(it) => {
            let (of, size) = (named(it.resource_definition), kibibytes(it.size));
            console.create_volume_definition(of, wide(it.volume), size)
        }
        Action::ApiModifyVolumeDefinition(it) => {
            let (of, size) = (named(it.resource_definition), kibibytes(it.size));
            console.modify_volume_definition(of, u64::from(it.volume), size)
        }
        Action::ApiDeleteVolumeDefinition(it) => {
            console.delete_volume_definition(named(it.resource_definition), u64::from(it.volume))
        }
        Action::ApiCreateResource(it) => {
            let (of, place) = (named(it.resource_definition), wide(it.place));
            console.create_resource(of, maybe(it.node), maybe(it.storage_pool), place)
        }
        Action::ApiDeleteResource(it) => {
            console.delete_resource(named(it.resource_definition), named(it.node))
        }
        Action::ApiListNodes(_) => console.list_nodes(),
        Action::ApiListStoragePools(_) => console.list_storage_pools(),
        Action::ApiListResourceDefinitions(_) => console.list_resource_definitions(),
        Action::ApiListResources(_) => console.list_resources(),
        Action::ApiListVolumes(_) => console.list_volumes(),
        _ => return None,
    })
}

/// What the answer is to be.
fn wanted(action: &Action) -> Option<&ReplyWanted> {
    match action {
        Action::ApiCreateNode(it) => it.reply.as_ref(),
        Action::ApiModifyNode(it) => it.reply.as_ref(),
        Action::ApiDeleteNode(it) | Action::ApiDeleteResourceDefinition(it) => it.reply.as_ref(),
        Action::ApiCreateStoragePool(it) => it.reply.as_ref(),
        Action::ApiDeleteStoragePool(it) => it.reply.as_ref(),
        Action::ApiCreateResourceDefinition(it) => it.reply.as_ref(),
        Action::ApiCreateVolumeDefinition(it) => it.reply.as_ref(),
        Action::ApiModifyVolumeDefinition(it) => it.reply.as_ref(),
        Action::ApiDeleteVolumeDefinition(it) => it.reply.as_ref(),
        Action::ApiCreateResource(it) => it.reply.as_ref(),
        Action::ApiDeleteResource(it) => it.reply.as_ref(),
        Action::ApiListNodes(it)
        | Action::ApiListStoragePools(it)
        | Action::ApiListResourceDefinitions(it)
        | Action::ApiListResources(it)
        | Action::ApiListVolumes(it) => it.reply.as_ref(),
        _ => None,
    }
}
