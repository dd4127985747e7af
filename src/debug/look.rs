//! Orders that look inside the simulation: nodes, disks, volumes, blocks, failures. Moves nothing.

use serde::Serialize;
use serde_json::{Value, json};

use crate::base::NodeId;
use crate::world::{Session, Verdict, VolumeLook};

use super::answer::Answer;
use super::events::{self, shown, story};
use super::order::Order;
use super::stop::no_node;

/// How many marked regions a leg's line names.
const MARKS_SHOWN: usize = 12;

fn value(looks: &impl Serialize) -> Value {
    serde_json::to_value(looks).expect("what is seen is plain JSON")
}

/// Answers an order that looks; `None` for one that does something else.
pub(super) fn look(session: &mut Session<'_>, order: &Order) -> Option<Result<Answer, String>> {
    Some(match order {
        Order::Events { count, record, node } => {
            events::events(session, *count, record.as_deref(), node.as_deref())
        }
        Order::Event { seq } => events::event(session, *seq),
        Order::Why { seq, count } => events::why(session, *seq, *count),
        Order::Messages => Ok(shown(&events::messages(session), &session.names())),
        Order::Commands => Ok(shown(&events::commands(session), &session.names())),
        Order::Operations => Ok(shown(&events::operations(session), &session.names())),
        Order::Nodes => Ok(nodes(session)),
        Order::Cpus { node } => named(session, node).map(|node| cpus(session, node)),
        Order::Tasks { node } => named(session, node).map(|node| tasks(session, node)),
        Order::Memory { node } => named(session, node).map(|node| memory(session, node)),
        Order::Timers { count } => Ok(timers(session, *count)),
        Order::Disks => Ok(disks(session)),
        Order::Disk { disk, lba } => one_disk(session, disk, *lba),
        Order::Volumes => Ok(volumes(session)),
        Order::Volume { volume } => one_volume(session, volume),
        Order::Block { volume, block, count } => one_block(session, volume, *block, *count),
        Order::Mirrors => Ok(mirrors(session)),
        Order::Failure => Ok(failure(session)),
        Order::Probes => Ok(probes(session)),
        _ => return None,
    })
}

fn named(session: &Session<'_>, node: &str) -> Result<NodeId, String> {
    session.node_named(node).ok_or_else(|| no_node(node, session))
}

fn nodes(session: &Session<'_>) -> Answer {
    let looks: Vec<_> = session.nodes().map(|node| session.node(node)).collect();
    let rows = looks.iter().map(|look| {
        vec![
            look.node.clone(),
            if look.up { "up" } else { "down" }.to_owned(),
            look.incarnation.to_string(),
            format!("{} of {}", look.cpus_ready, look.cpus),
            look.tasks.to_string(),
            look.connections.to_string(),
            look.memory.to_string(),
        ]
    });
    let head = ["node", "state", "life", "CPUs ready", "tasks", "connections", "memory"];
    Answer::table(&head, &rows.collect::<Vec<_>>(), value(&looks))
}

fn cpus(session: &Session<'_>, node: NodeId) -> Answer {
    let states = session.cpus(node);
    let halt = |stopped: bool, paused: bool| match (stopped, paused) {
        (true, _) => "stopped",
        (false, true) => "paused",
        (false, false) => "runs",
    };
    let rows = states.iter().map(|cpu| {
        let ready = if cpu.ready.is_empty() { "-".to_owned() } else { cpu.ready.join(", ") };
        let halt = halt(cpu.stopped, cpu.paused).to_owned();
        vec![
            cpu.cpu.to_string(),
            halt,
            cpu.busy_until.to_string(),
            cpu.poll_cost.to_string(),
            ready,
        ]
    });
    let data = states.iter().map(|cpu| {
        json!({
            "cpu": cpu.cpu.get(), "ready": cpu.ready, "busy_until_ns": cpu.busy_until.get(),
            "poll_cost_ns": cpu.poll_cost.get(), "stopped": cpu.stopped, "paused": cpu.paused,
        })
    });
    let head = ["CPU", "state", "busy until", "poll cost", "run queue"];
    Answer::table(&head, &rows.collect::<Vec<_>>(), data.collect())
}

fn tasks(session: &Session<'_>, node: NodeId) -> Answer {
    let states = session.tasks(node);
    let waits = |ready: bool, wait: Option<String>| match (ready, wait) {
        (true, _) => "(ready to run)".to_owned(),
        (false, Some(wait)) => wait,
        (false, None) => "(in foreign code)".to_owned(),
    };
    let wait =
        |task: &crate::world::TaskState| waits(task.ready, task.wait.map(|wait| wait.to_string()));
    let rows = states.iter().map(|task| {
        vec![
            format!("{}.{}", task.id.0, task.id.1),
            task.cpu.to_string(),
            task.name.to_owned(),
            wait(task),
            task.cause.to_string(),
            task.spawned_at.clone(),
        ]
    });
    let data = states.iter().map(|task| {
        json!({
            "task": task.id.0, "generation": task.id.1, "cpu": task.cpu.get(), "name": task.name,
            "ready": task.ready, "waits_for": task.wait.map(|wait| wait.to_string()),
            "cause": task.cause, "spawned_at": task.spawned_at,
        })
    });
    let head = ["task", "CPU", "name", "waits for", "woken by", "spawned at"];
    Answer::table(&head, &rows.collect::<Vec<_>>(), data.collect())
}

fn memory(session: &Session<'_>, node: NodeId) -> Answer {
    let account = session.memory(node);
    let limit = account.limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    let sites: Vec<_> = account.sites.iter().filter(|site| site.live > 0).collect();
    let rows = sites.iter().map(|site| {
        let kind = if site.reserves { "reserved" } else { "allocated" }.to_owned();
        vec![site.bytes.to_string(), site.live.to_string(), kind, site.place.clone()]
    });
    let data = json!({
        "used": account.used, "reserved": account.reserved, "peak": account.peak,
        "limit": account.limit, "refused": account.refused,
        "sites": sites.iter().map(|site| json!({
            "place": site.place, "bytes": site.bytes, "live": site.live, "reserves": site.reserves,
        })).collect::<Vec<_>>(),
    });
    let rows: Vec<_> = rows.collect();
    let table = Answer::table(&["bytes", "pieces", "kind", "place"], &rows, data);
    let head = format!(
        "{} bytes in use, {} of them reserved; peak {}, limit {limit}, {} requests refused",
        account.used, account.reserved, account.peak, account.refused
    );
    Answer::new(format!("{head}\n{}", table.text), table.data)
}

fn timers(session: &Session<'_>, count: usize) -> Answer {
    let names = session.names();
    let timers: Vec<_> = session.timers().into_iter().take(count).collect();
    let rows = timers
        .iter()
        .map(|timer| vec![timer.at.to_string(), names.node(timer.node), timer.cause.to_string()]);
    let data = timers.iter().map(|timer| {
        json!({ "at_ns": timer.at.get(), "node": names.node(timer.node), "cause": timer.cause })
    });
    Answer::table(&["at", "node", "armed by"], &rows.collect::<Vec<_>>(), data.collect())
}

fn disks(session: &Session<'_>) -> Answer {
    let names = session.disk_names().to_vec();
    let looks: Vec<_> = names.iter().filter_map(|name| session.disk(name)).collect();
    let rows = looks.iter().map(|look| {
        let faults = match look.faults.as_slice() {
            [] => "-".to_owned(),
            faults => faults.join("; "),
        };
        let (serial, blocks) = (format!("{:x}", look.serial), look.blocks.to_string());
        vec![look.disk.clone(), serial, blocks, look.cached.to_string(), faults]
    });
    let head = ["disk", "serial", "blocks", "cached", "faults"];
    Answer::table(&head, &rows.collect::<Vec<_>>(), value(&looks))
}

fn one_disk(session: &Session<'_>, disk: &str, lba: Option<u64>) -> Result<Answer, String> {
    let look = session.disk(disk).ok_or_else(|| {
        format!("no disk `{disk}`; there are {}", session.disk_names().join(", "))
    })?;
    let Some(lba) = lba else {
        let faults: String = look.faults.iter().map(|fault| format!("\n  {fault}")).collect();
        let text = format!(
            "{disk}: serial {:x}, {} blocks, {} of them not past the volatile cache{faults}",
            look.serial, look.blocks, look.cached
        );
        return Ok(Answer::new(text, value(&look)));
    };
    let block = session.raw_block(disk, lba);
    let block = block.ok_or_else(|| format!("{disk} has blocks 0 to {}", look.blocks - 1))?;
    let data = json!({ "disk": disk, "lba": lba, "holds": block.to_string() });
    Ok(Answer::new(format!("{disk} block {lba}: {block}"), data))
}

fn volumes(session: &Session<'_>) -> Answer {
    let names = session.volume_names().to_vec();
    let looks: Vec<VolumeLook> = names.iter().filter_map(|name| session.volume(name)).collect();
    let rows = looks.iter().map(|look| {
        let legs = look.legs.iter().map(|leg| format!("{}={}", leg.disk, leg.mode));
        vec![
            look.volume.clone(),
            look.state.clone(),
            look.epoch.to_string(),
            look.owner.clone().unwrap_or_else(|| "-".to_owned()),
            legs.collect::<Vec<_>>().join(" "),
        ]
    });
    let head = ["volume", "state", "epoch", "owner", "legs"];
    Answer::table(&head, &rows.collect::<Vec<_>>(), value(&looks))
}

fn no_volume(session: &Session<'_>, volume: &str) -> String {
    format!("no volume `{volume}`; there are {}", session.volume_names().join(", "))
}

fn one_volume(session: &Session<'_>, volume: &str) -> Result<Answer, String> {
    let look = session.volume(volume).ok_or_else(|| no_volume(session, volume))?;
    let rows = look.legs.iter().map(|leg| {
        let first = leg.marked.iter().take(MARKS_SHOWN).map(ToString::to_string);
        let mut marks = first.collect::<Vec<_>>().join(" ");
        if leg.marked.len() > MARKS_SHOWN {
            marks.push_str(" …");
        }
        let shows = leg.generation.map_or_else(|| "none".to_owned(), |it| it.to_string());
        let known = if leg.known { "" } else { " another disk" };
        vec![
            leg.leg.to_string(),
            leg.disk.clone(),
            leg.mode.to_owned(),
            format!("{shows} (at least {}){known}", leg.generation_min),
            format!("{} of {}", leg.marked.len(), look.regions),
            marks,
        ]
    });
    let head = ["leg", "disk", "mode", "generation", "marked", "regions"];
    let rows: Vec<_> = rows.collect();
    let table = Answer::table(&head, &rows, value(&look));
    let granted = if look.granted { "granted" } else { "not granted yet" };
    let recover = if look.recover { ", to be recovered" } else { "" };
    let owner = look.owner.as_deref().unwrap_or("nobody");
    let text = format!(
        "{volume} is {}, epoch {} {granted}, owner {owner}{recover}\n{}",
        look.state, look.epoch, table.text
    );
    Ok(Answer::new(text, table.data))
}

fn one_block(
    session: &Session<'_>,
    volume: &str,
    block: u64,
    count: usize,
) -> Result<Answer, String> {
    let at = session.volume_names().iter().position(|name| name == volume);
    let at = at.ok_or_else(|| no_volume(session, volume))?;
    let copies = session.copies(volume, block);
    let copies = copies.ok_or_else(|| format!("{volume} has no block {block}"))?;
    let rows = copies.iter().map(|copy| {
        let mut state = Vec::new();
        if copy.poisoned {
            state.push("poisoned".to_owned());
        }
        if copy.marked {
            state.push("region marked".to_owned());
        }
        state.extend(copy.without_cache.iter().map(|left| format!("without cache: {left}")));
        let place = format!("{} block {}", copy.disk, copy.lba);
        vec![
            copy.leg.to_string(),
            copy.mode.to_owned(),
            place,
            copy.holds.clone(),
            state.join(", "),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let table = Answer::table(&["leg", "mode", "place", "holds", ""], &rows, Value::Null);
    let disk = |name: &str| session.disk_names().iter().position(|disk| disk == name);
    let places: Vec<(u64, u64)> =
        copies.iter().filter_map(|copy| Some((disk(&copy.disk)? as u64, copy.lba))).collect();
    let story = shown(&story(session, (at as u64, block), &places, count), &session.names());
    let text = format!("{}\nits story, the last of it\n{}", table.text, story.text);
    Ok(Answer::new(text, json!({ "copies": value(&copies), "story": story.data })))
}

fn mirrors(session: &Session<'_>) -> Answer {
    let names = session.names();
    let found = session.compare_mirrors();
    let data = found.iter().map(|violation| {
        json!({
            "signature": violation.signature(), "place": violation.place(&names),
            "found": violation.found, "expected": violation.expected,
        })
    });
    let data: Value = data.collect();
    match found.is_empty() {
        true => Answer::new("all in-sync legs agree, but where marks cover it", data),
        false => {
            let reports = found.iter().map(|violation| violation.report(&names));
            Answer::new(reports.collect::<String>().trim_end(), data)
        }
    }
}

/// What went wrong so far.
pub(super) fn failure(session: &mut Session<'_>) -> Answer {
    let names = session.names();
    let Some(verdict) = session.verdict() else {
        return Answer::new("nothing has gone wrong so far", json!({ "outcome": Value::Null }));
    };
    let (outcome, text) = match &verdict {
        Verdict::Pass => ("pass", "the run has come to its end, and every check held".to_owned()),
        Verdict::Violation(found) => {
            let reports: String = found.iter().map(|violation| violation.report(&names)).collect();
            ("violation", reports.trim_end().to_owned())
        }
        Verdict::Liveness(report) => {
            let waiting: String = report.waiting.iter().map(|line| format!("\n  {line}")).collect();
            ("liveness", format!("{}; waiting:{waiting}", report.kind))
        }
        Verdict::Crash(crash) => {
            let node = names.node(crash.node);
            let head = format!("{node} task `{}` panicked at {}", crash.task, crash.at);
            ("crash", format!("{head}: {}\n  {}", crash.message, crash.location))
        }
        Verdict::Inert(entries) => ("inert", format!("never landed:\n  {}", entries.join("\n  "))),
        Verdict::Nondeterminism(trespass) => ("nondeterminism", trespass.headline()),
        Verdict::Misfit(misfit) => ("misfit", misfit.clone()),
        Verdict::Stopped => ("stuck-host", verdict.headline()),
    };
    let data = json!({ "outcome": outcome, "report": text });
    Answer::new(text, data)
}

fn probes(session: &Session<'_>) -> Answer {
    let reached = session.probes();
    let rows: Vec<Vec<String>> =
        reached.iter().map(|(name, count)| vec![name.clone(), count.to_string()]).collect();
    let data: serde_json::Map<String, Value> =
        reached.into_iter().map(|(name, count)| (name, count.into())).collect();
    Answer::table(&["probe", "reached"], &rows, Value::Object(data))
}
