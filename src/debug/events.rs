//! Orders that look at records: the last ones, one with its effects, the chain of causes. Moves nothing.

use serde_json::{Value, json};

use crate::base::{Names, Record, Seq};
use crate::view::{record_line, record_value};
use crate::world::Session;

use super::answer::Answer;
use super::stop::{concerns, is_named, word};

/// That a task ran, which each of its records says as well.
const POLLED: &str = "sim.polled";

/// Records, one a line.
pub(super) fn shown(records: &[Record], names: &Names) -> Answer {
    let lines: Vec<String> = records.iter().map(|record| record_line(record, names)).collect();
    let data: Vec<Value> = records.iter().map(|record| record_value(record, names)).collect();
    let text = if lines.is_empty() { "(none)".to_owned() } else { lines.join("\n") };
    Answer::new(text, Value::Array(data))
}

/// The last records that fit, oldest first.
fn last(session: &Session<'_>, count: usize, fits: impl Fn(&Record) -> bool) -> Vec<Record> {
    session.look_at_trace(|trace| {
        let fitting = trace.iter().rev().filter(|record| fits(record));
        let mut found: Vec<Record> = fitting.take(count).copied().collect();
        found.reverse();
        found
    })
}

/// The last records before here.
pub(super) fn events(
    session: &Session<'_>,
    count: usize,
    name: Option<&str>,
    node: Option<&str>,
) -> Result<Answer, String> {
    let node = match node {
        Some(node) => {
            Some(session.node_named(node).ok_or_else(|| super::stop::no_node(node, session))?)
        }
        None => None,
    };
    let found = last(session, count, |record| {
        name.is_none_or(|name| is_named(record.kind.name, name))
            && node.is_none_or(|node| record.node == Some(node))
    });
    Ok(shown(&found, &session.names()))
}

fn record_at(session: &Session<'_>, seq: Seq) -> Result<Record, String> {
    let found = session.look_at_trace(|trace| trace.get((seq as usize).wrapping_sub(1)).copied());
    found.ok_or_else(|| {
        let last = session.position().seq;
        format!("no record {seq} so far; there are 1 to {last}")
    })
}

/// One record, with those that it is the cause of.
pub(super) fn event(session: &Session<'_>, seq: Seq) -> Result<Answer, String> {
    let record = record_at(session, seq)?;
    let effects: Vec<Record> = session.look_at_trace(|trace| {
        let later = &trace[seq as usize..];
        later.iter().filter(|record| record.cause == seq).copied().collect()
    });
    let names = session.names();
    let mut text = record_line(&record, &names);
    if !effects.is_empty() {
        text.push_str("\nled to\n");
        text.push_str(&shown(&effects, &names).text);
    }
    let effects: Vec<Value> = effects.iter().map(|record| record_value(record, &names)).collect();
    let data = json!({ "event": record_value(&record, &names), "led_to": effects });
    Ok(Answer::new(text, data))
}

/// How a record came about: its cause, that one's cause and so on, the last `count` of them, oldest first.
/// That a task ran is left out.
pub(super) fn why(session: &Session<'_>, seq: Option<Seq>, count: usize) -> Result<Answer, String> {
    let mut record = record_at(session, seq.unwrap_or(session.position().seq))?;
    let mut chain = vec![record];
    while record.cause != 0 && chain.len() < count {
        record = record_at(session, record.cause)?;
        if record.kind.name != POLLED {
            chain.push(record);
        }
    }
    chain.reverse();
    let mut answer = shown(&chain, &session.names());
    if record.cause != 0 {
        answer.text.insert_str(0, "…\n");
    }
    Ok(answer)
}

/// The last records about a block of a volume, or about one of these places of disks.
pub(super) fn story(
    session: &Session<'_>,
    block: (u64, u64),
    places: &[(u64, u64)],
    count: usize,
) -> Vec<Record> {
    last(session, count, |record| concerns(record, block, places))
}

/// Records of one name that none of the others has ended yet.
fn unended(
    session: &Session<'_>,
    begins: &str,
    ends: &[&str],
    ended: impl Fn(&Record, &Record) -> bool,
) -> Vec<Record> {
    session.look_at_trace(|trace| {
        let mut open: Vec<Record> = Vec::new();
        for record in trace {
            if record.kind.name == begins {
                open.push(*record);
            } else if ends.contains(&record.kind.name) {
                open.retain(|begun| !ended(begun, record));
            }
        }
        open
    })
}

/// Messages on their way: sent, and neither delivered nor dropped for good.
pub(super) fn messages(session: &Session<'_>) -> Vec<Record> {
    let ended = |sent: &Record, end: &Record| {
        end.cause == sent.seq && word(end, "again").is_none_or(|again| again == 0)
    };
    unended(session, "net.sent", &["net.delivered", "net.dropped"], ended)
}

/// Disk commands under way: submitted, and neither completed nor aborted.
pub(super) fn commands(session: &Session<'_>) -> Vec<Record> {
    let ended = |submitted: &Record, end: &Record| {
        let same = |field| word(submitted, field) == word(end, field);
        end.cause == submitted.seq || ["disk", "host", "cookie"].into_iter().all(same)
    };
    unended(session, "disk.submitted", &["disk.completed", "disk.aborted"], ended)
}

/// Operations of applications under way: invoked, and neither returned nor abandoned.
pub(super) fn operations(session: &Session<'_>) -> Vec<Record> {
    let ended = |invoked: &Record, end: &Record| word(invoked, "op") == word(end, "op");
    unended(session, "app.invoked", &["app.returned", "app.abandoned"], ended)
}
