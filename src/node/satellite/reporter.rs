//! Reports what goes wrong on a satellite, on a disk of its own node, one after the other: nothing else waits for that.

use std::rc::Rc;

use crate::disk::port::Drive;
use crate::node::config::{ClusterMap, ControlMap};
use crate::node::control::{ErrorId, Finding, ReportLog, publish};

use super::agent::{Agent, Mishap};

/// Reports for the life of the node.
pub(super) async fn run(
    agent: Rc<Agent>,
    (map, control): (Rc<ClusterMap>, Rc<ControlMap>),
    drive: Drive,
) {
    let handle = agent.handle.clone();
    let started = (handle.wall().get() / 1_000_000_000) as u32;
    let targets = &control.targets;
    let at = targets.iter().position(|(target, _)| *target == handle.node());
    let at = at.expect("a satellite is on a target");
    let (size, config) = (map.block_size, map.timing.driver);
    let mut log = ReportLog::open((&handle, &drive), size, config, 0).await;
    let managers = control.all_managers();
    loop {
        let Mishap { resource, problem } = agent.mishaps.pop().await;
        let id = ErrorId { started, node: at as u32 + 1, number: log.next() };
        let reply = problem.reply(resource.as_ref().map(|resource| resource.key.as_str()));
        let (deployed, wanted) = agent.progress();
        let version = agent.version().map_or("no".to_owned(), |version| version.to_string());
        let finding = Finding {
            id,
            module: "Satellite",
            at: handle.wall(),
            node: &targets[at].1,
            peer: &managers,
            reply: &reply,
            call: format!("full sync of version {version}"),
            standing: format!("{deployed} of {wanted} resources are as they are to be"),
            position: 0,
        };
        publish(&handle, &mut log, finding).await;
        if let Some(resource) = resource {
            resource.reported(id.to_string());
            agent.tell();
        }
    }
}
