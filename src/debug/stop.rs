//! Where a run under the debugger is to stop. Leads nothing.

use std::fmt;

use clap::Subcommand;

use crate::base::{FieldKind, Nanos, Record};
use crate::scenario::parse_duration;
use crate::world::Session;

/// A place to stop at. A run stops after the turn in which it comes about.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Stop {
    /// Something has gone wrong: a violation, a hang, a crash
    Failure,
    /// Virtual time has come this far, such as 3.2ms
    Time {
        /// When
        #[arg(value_parser = time)]
        at: Nanos,
    },
    /// So many turns have been taken: tasks polled and events fired
    Turn {
        /// How many
        turn: u64,
    },
    /// The record of this number has been written
    Event {
        /// The record's number, `seq` in a trace
        seq: u64,
    },
    /// A record of this name was written; a name that ends in `*` stands for all that begin so
    Record {
        /// Such as app.returned, fault.applied, disk.*
        name: String,
        /// Only on this node
        #[arg(long)]
        node: Option<String>,
    },
    /// Anything happens on this node
    Node {
        /// Such as t0
        node: String,
    },
    /// Anything happens to this block, in the volume or on a disk that holds it
    Block {
        /// The volume's name
        volume: String,
        /// The block
        block: u64,
    },
    /// The volume comes to this state: healthy, degraded, rebuilding or offline
    State {
        /// The volume's name
        volume: String,
        /// The state
        state: String,
    },
    /// This probe is reached (see `list probes`)
    Probe {
        /// Its name
        name: String,
    },
}

pub(super) fn time(text: &str) -> Result<Nanos, String> {
    parse_duration(text).ok_or_else(|| "expected a time such as `250us` or `3.2ms`".to_owned())
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure => f.write_str("failure"),
            Self::Time { at } => write!(f, "time {at}"),
            Self::Turn { turn } => write!(f, "turn {turn}"),
            Self::Event { seq } => write!(f, "event {seq}"),
            Self::Record { name, node: None } => write!(f, "record {name}"),
            Self::Record { name, node: Some(node) } => write!(f, "record {name} on {node}"),
            Self::Node { node } => write!(f, "node {node}"),
            Self::Block { volume, block } => write!(f, "block {volume} {block}"),
            Self::State { volume, state } => write!(f, "state {volume} {state}"),
            Self::Probe { name } => write!(f, "probe {name}"),
        }
    }
}

/// A place to stop at, looked up in one simulation.
pub(super) struct Watcher {
    stop: Stop,
    /// Of [`Stop::Record`] and [`Stop::Node`].
    node: Option<u32>,
    /// Of [`Stop::Block`] and [`Stop::State`].
    volume: u64,
    /// Of [`Stop::Block`]: disks and places there.
    places: Vec<(u64, u64)>,
    /// How much of it there was before: failures, or times that a probe was reached.
    before: u64,
}

const STATES: [&str; 4] = ["healthy", "degraded", "rebuilding", "offline"];

impl Watcher {
    /// Looks up what a place to stop at names.
    ///
    /// # Errors
    /// When there is nothing of such a name: what there is instead.
    pub(super) fn new(stop: &Stop, session: &Session<'_>) -> Result<Self, String> {
        let mut watcher =
            Self { stop: stop.clone(), node: None, volume: 0, places: Vec::new(), before: 0 };
        let volume_at = |volume: &str| {
            let names = session.volume_names();
            let at = names.iter().position(|name| name == volume);
            at.ok_or_else(|| format!("no volume `{volume}`; there are {}", names.join(", ")))
        };
        match stop {
            Stop::Node { node } | Stop::Record { node: Some(node), .. } => {
                let found = session.node_named(node).ok_or_else(|| no_node(node, session))?;
                watcher.node = Some(found.get());
            }
            Stop::Block { volume, block } => {
                watcher.volume = volume_at(volume)? as u64;
                let copies = session.copies(volume, *block);
                let copies = copies.ok_or_else(|| format!("{volume} has no block {block}"))?;
                let disk = |name: &str| session.disk_names().iter().position(|it| it == name);
                let places = copies.iter().filter_map(|copy| Some((disk(&copy.disk)?, copy.lba)));
                watcher.places = places.map(|(disk, lba)| (disk as u64, lba)).collect();
            }
            Stop::State { volume, state } => {
                watcher.volume = volume_at(volume)? as u64;
                if !STATES.contains(&state.as_str()) {
                    return Err(format!("no state `{state}`; there are {}", STATES.join(", ")));
                }
            }
            Stop::Failure => watcher.before = session.failures() as u64,
            Stop::Probe { name } => watcher.before = reached(session, name),
            _ => {}
        }
        Ok(watcher)
    }

    /// Whether the turn just taken, which wrote these records, came to it.
    pub(super) fn is_met(&mut self, session: &Session<'_>, written: &[Record]) -> bool {
        let grown = |now: u64, before: &mut u64| now > std::mem::replace(before, now);
        match &self.stop {
            Stop::Failure => grown(session.failures() as u64, &mut self.before),
            Stop::Probe { name } => grown(reached(session, name), &mut self.before),
            Stop::Time { at } => session.position().at >= *at,
            Stop::Turn { turn } => session.position().turn >= *turn,
            Stop::Event { seq } => session.position().seq >= *seq,
            _ => written.iter().any(|record| self.is_about(record)),
        }
    }

    /// Whether it can come about once only.
    pub(super) fn is_once(&self) -> bool {
        matches!(self.stop, Stop::Time { .. } | Stop::Turn { .. } | Stop::Event { .. })
    }

    fn is_about(&self, record: &Record) -> bool {
        let on_node = |node: u32| record.node.is_some_and(|at| at.get() == node);
        match &self.stop {
            Stop::Record { name, .. } => {
                is_named(record.kind.name, name) && self.node.is_none_or(on_node)
            }
            Stop::Node { .. } => self.node.is_some_and(on_node),
            Stop::Block { block, .. } => concerns(record, (self.volume, *block), &self.places),
            Stop::State { state, .. } => {
                record.kind.name == "volume.state"
                    && word(record, "volume") == Some(self.volume)
                    && named(record, "state") == Some(state)
            }
            _ => false,
        }
    }
}

pub(super) fn no_node(node: &str, session: &Session<'_>) -> String {
    let names = session.names().nodes;
    format!("no node `{node}`; there are {}", names.join(", "))
}

/// How often a probe has been reached.
fn reached(session: &Session<'_>, name: &str) -> u64 {
    let probes = session.probes();
    probes.iter().find(|(probe, _)| probe == name).map_or(0, |(_, count)| *count)
}

/// Whether a name is meant: the name itself, or its beginning with a `*`.
pub(super) fn is_named(name: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == wanted,
    }
}

/// The word of a record's field.
pub(super) fn word(record: &Record, field: &str) -> Option<u64> {
    let at = record.kind.fields.iter().position(|it| it.name == field)?;
    record.words.get(at).copied()
}

fn named(record: &Record, field: &str) -> Option<&'static str> {
    let at = record.kind.fields.iter().position(|it| it.name == field)?;
    match record.kind.fields[at].kind {
        FieldKind::Name(name) => Some(name(record.words[at])),
        _ => None,
    }
}

/// Whether a record is about a block of a volume, or about one of these places of disks.
pub(super) fn concerns(
    record: &Record,
    (volume, block): (u64, u64),
    places: &[(u64, u64)],
) -> bool {
    let count = word(record, "blocks").unwrap_or(1).max(1);
    let covers = |first: u64, wanted: u64| wanted >= first && wanted - first < count;
    if let (Some(of), Some(first)) = (word(record, "volume"), word(record, "block")) {
        return of == volume && covers(first, block);
    }
    match (word(record, "disk"), word(record, "lba")) {
        (Some(disk), Some(first)) => {
            places.iter().any(|(on, lba)| *on == disk && covers(first, *lba))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_named;

    #[test]
    fn a_star_stands_for_every_end() {
        assert!(is_named("disk.submitted", "disk.*") && is_named("app.returned", "app.returned"));
        assert!(!is_named("disk.submitted", "disk") && !is_named("net.sent", "disk.*"));
    }
}
