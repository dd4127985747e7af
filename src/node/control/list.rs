//! What the controller says of what there is. Changes nothing.

use super::code::{Detail, ReturnCode, Severity};
use super::config::Config;
use super::execute::Surroundings;
use super::reply::{Reply, ReplyList, refs};
use super::request::Request;
use crate::base::control::SatelliteStatus;

/// One thing that is said for each object; one that says that there is none.
pub(super) fn list(config: &Config, around: &Surroundings, request: &Request) -> ReplyList {
    let (operation, object) = request.target();
    let say = |message: String| Reply::done(operation, object, message);
    let found: ReplyList = match request {
        Request::ListNodes {} => {
            let nodes = config.nodes.iter().map(|(name, kind)| {
                let status = around.statuses.get(name).copied();
                let status = status.unwrap_or(SatelliteStatus::Offline).name();
                let reply = say(format!("Node `{name}` is a {kind}.")).about(refs::NODE, name);
                reply.details(status)
            });
            nodes.collect()
        }
        Request::ListStoragePools {} => {
            let pools = config.pools.iter().map(|((at, name), capacity)| {
                let free = config.free(at, name);
                let message = format!("Storage pool `{name}` is on node `{at}`.");
                let details = format!("{free} KiB of {capacity} KiB are free.");
                let reply = say(message).details(details).about(refs::NODE, at);
                reply.about(refs::STORAGE_POOL, name)
            });
            pools.collect()
        }
        Request::ListResourceDefinitions {} => {
            let definitions = config.definitions.iter().map(|(name, it)| {
                let volumes = it.volumes.iter();
                let volumes = volumes.map(|(number, it)| format!("{number}: {} KiB", it.size));
                let volumes: Vec<String> = volumes.collect();
                let message = format!("Resource definition `{name}` has port {}.", it.port);
                let details = format!("Volumes: {}.", volumes.join(", "));
                say(message).details(details).about(refs::RESOURCE_DEFINITION, name)
            });
            definitions.collect()
        }
        Request::ListResources {} => {
            let resources = config.resources.iter().map(|((name, at), it)| {
                let message = format!("Resource `{name}` is on node `{at}`.");
                let standings = around.standings.get(at);
                let standing = standings.and_then(|standings| standings.get(name.key()));
                let stage = standing.map_or("not heard of", |standing| standing.stage.name());
                let details = format!("Storage pool `{}`, node id {}, {stage}.", it.pool, it.id);
                let mut reply = say(message).details(details).about(refs::NODE, at);
                reply.error_report_ids.extend(standing.and_then(|it| it.report.clone()));
                reply.about(refs::RESOURCE_DEFINITION, name)
            });
            resources.collect()
        }
        _ => {
            let resources = config.resources.iter();
            let volumes = resources.flat_map(|((name, at), it)| {
                it.volumes.iter().map(move |(number, gross)| (name, at, number, gross))
            });
            let volumes = volumes.map(|(name, at, number, gross)| {
                let message = format!("Volume {number} of resource `{name}` is on node `{at}`.");
                let reply = say(message).details(format!("{gross} KiB with its metadata."));
                let reply = reply.about(refs::NODE, at).about(refs::VOLUME_NUMBER, number);
                reply.about(refs::RESOURCE_DEFINITION, name)
            });
            volumes.collect()
        }
    };
    if found.is_empty() {
        let (severity, detail) = (Severity::Info, Detail::Nothing);
        let code = ReturnCode { severity, operation, object, detail };
        return vec![Reply::new(code, format!("There is no {object}."))];
    }
    found
}
