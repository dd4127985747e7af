//! A run as a log for ShiViz: one event a record that matters, with the vector clock of its node. Runs nothing.
//!
//! ShiViz reads it by the expression that it offers by itself, `(?<event>.*)\n(?<host>\S*) (?<clock>{.*})`. A node's clock takes in that of the sender with each
//! delivered message, and that of whatever else led to a record from another node (a disk's command, a fault).

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use serde_json::Value;

use crate::base::Record;

use super::scene::{Scene, shown};

type Clock = BTreeMap<String, u64>;

/// Writes the log: two lines an event. Polls are left out, and so is what happened on no host.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_shiviz(out: &mut dyn Write, scene: &Scene<'_>) -> io::Result<()> {
    let mut clocks: BTreeMap<String, Clock> = BTreeMap::new();
    // The clock and host of each record that has one, for those that it leads to.
    let mut at: Vec<Option<(String, Clock)>> = Vec::with_capacity(scene.trace.len());
    for (index, record) in scene.trace.iter().enumerate() {
        let cause = scene.cause(index).and_then(|cause| at[cause].clone());
        let Some(host) = host(record, scene) else {
            at.push(cause);
            continue;
        };
        let clock = clocks.entry(host.clone()).or_default();
        if let Some((_, of)) = cause.as_ref().filter(|(from, _)| *from != host) {
            for (name, count) in of {
                let mine = clock.entry(name.clone()).or_default();
                *mine = (*mine).max(*count);
            }
        }
        if record.kind.name == "sim.polled" {
            at.push(Some((host, clock.clone())));
            continue;
        }
        *clock.entry(host.clone()).or_default() += 1;
        let clock = clock.clone();
        let event = event(record, scene);
        writeln!(out, "{event}\n{host} {}", Value::from_iter(clock.clone()))?;
        at.push(Some((host, clock)));
    }
    Ok(())
}

/// The lane of a record: its node, or the disk that it is about.
fn host(record: &Record, scene: &Scene<'_>) -> Option<String> {
    if let Some(node) = record.node {
        return Some(scene.names.node(node));
    }
    for name in ["disk", "node"] {
        let host = shown(record, name, scene.names);
        if !host.is_empty() {
            return Some(host);
        }
    }
    None
}

fn event(record: &Record, scene: &Scene<'_>) -> String {
    let mut text = format!("{} {}", record.at, record.kind.name);
    for (name, value) in record.fields(scene.names) {
        text.push_str(&format!(" {name}={value}"));
    }
    text
}
