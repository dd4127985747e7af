//! A run in the Chrome trace event format, which `ui.perfetto.dev` and `chrome://tracing` open: a process for each
//! node, with its operations and commands as slices, messages as flows, and counters. Runs nothing.
//!
//! What overlaps (operations, commands, faults) is a nestable asynchronous slice. A message is a flow between two
//! instants of a nanosecond on the `messages` threads of its nodes. Times are microseconds with three decimals: exact.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use serde_json::{Map, Value, json};

use crate::base::history::{OpInvoked, RebuildProgress};
use crate::base::protocol::MarkChanged;
use crate::base::{Nanos, Record};

use super::links::Links;
use super::places::Places;
use super::scene::{Scene, field, shown};

/// The process that stands for the run: volumes, faults, what was violated.
const RUN: u64 = 1;
/// Threads of a node's process that are no CPU.
const LIFE: u64 = 1;
const MESSAGES: u64 = 2;
const CPUS: u64 = 10;

/// Writes the trace as one JSON object.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_perfetto(out: &mut dyn Write, scene: &Scene<'_>) -> io::Result<()> {
    let places = Places::of(scene);
    let links = Links::of(scene, &places);
    out.write_all(b"{\"displayTimeUnit\":\"ns\",\"otherData\":")?;
    let about = json!({
        "scenario": scene.scenario, "seed": scene.seed, "outcome": scene.outcome,
        "headline": scene.headline, "digest": format!("{:032x}", scene.digest),
        "replay": scene.replay,
    });
    serde_json::to_writer(&mut *out, &about)?;
    out.write_all(b",\"traceEvents\":[\n")?;
    let mut writer = Writer { out, scene, links: &links, first: true, counters: BTreeMap::new() };
    writer.names()?;
    for index in 0..scene.trace.len() {
        writer.record(index)?;
    }
    for violation in scene.violations {
        let args = json!({ "found": violation.found, "expected": violation.expected });
        let name = format!("{}: {}", violation.signature(), violation.place(scene.names));
        writer.instant((RUN, LIFE), &name, violation.at, "g", args)?;
    }
    out.write_all(b"\n]}\n")
}

/// A thread of a process.
type Thread = (u64, u64);

struct Writer<'a> {
    out: &'a mut dyn Write,
    scene: &'a Scene<'a>,
    links: &'a Links,
    first: bool,
    /// Counters by process and name.
    counters: BTreeMap<(u64, String), i64>,
}

const fn process(node: u64) -> u64 {
    node + 2
}

impl Writer<'_> {
    /// One event: `head` is everything but its time and its arguments, as members of an object.
    fn event(&mut self, head: &str, at: Nanos, args: &Value) -> io::Result<()> {
        let between = if std::mem::take(&mut self.first) { "" } else { ",\n" };
        let (micros, nanos) = (at.get() / 1_000, at.get() % 1_000);
        write!(self.out, "{between}{{{head},\"ts\":{micros}.{nanos:03},\"args\":{args}}}")
    }

    fn names(&mut self) -> io::Result<()> {
        let scene = self.scene;
        let run = format!("{} seed {}", scene.scenario, scene.seed);
        self.named(RUN, None, &run)?;
        self.named(RUN, Some(LIFE), "phases")?;
        let mut cpus = BTreeMap::new();
        for record in scene.trace {
            if let (Some(node), Some(cpu)) = (record.node, record.cpu) {
                cpus.insert((u64::from(node.get()), u64::from(cpu.get())), ());
            }
        }
        for (volume, name) in scene.names.volumes.iter().enumerate() {
            self.named(RUN, Some(CPUS + volume as u64), name)?;
        }
        for (node, name) in scene.names.nodes.iter().enumerate() {
            let pid = process(node as u64);
            self.named(pid, None, name)?;
            self.named(pid, Some(LIFE), "life")?;
            self.named(pid, Some(MESSAGES), "messages")?;
        }
        cpus.into_keys().try_for_each(|(node, cpu)| {
            self.named(process(node), Some(CPUS + cpu), &format!("cpu{cpu}"))
        })
    }

    fn named(&mut self, pid: u64, tid: Option<u64>, name: &str) -> io::Result<()> {
        let head = match tid {
            None => format!("\"ph\":\"M\",\"name\":\"process_name\",\"pid\":{pid}"),
            Some(tid) => {
                format!("\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":{pid},\"tid\":{tid}")
            }
        };
        self.event(&head, Nanos::ZERO, &json!({ "name": name }))
    }

    fn record(&mut self, index: usize) -> io::Result<()> {
        let record = &self.scene.trace[index];
        match record.kind.name {
            "app.invoked" => self.operation(index),
            "disk.submitted" => self.command(index),
            "net.sent" => self.message(index),
            "app.returned" | "app.abandoned" => self.count(index, "operations under way", -1),
            "disk.completed" | "disk.aborted" => {
                let name = format!("{} queue", shown(record, "disk", self.scene.names));
                self.count_on(self.disk_process(record), name, -1, record.at)
            }
            "node.down" | "node.paused" => {
                let name = record.kind.name.trim_start_matches("node.").to_owned();
                let pid = process(field(record, "node").unwrap_or(0));
                self.slice(pid, LIFE, &name, index)
            }
            "volume.state" => {
                let volume = field(record, "volume").unwrap_or(0);
                self.slice(RUN, CPUS + volume, &shown(record, "state", self.scene.names), index)
            }
            "fault.applied" | "fault.disk-applied" => self.fault(index),
            _ => self.other(index),
        }
    }

    /// All fields of a record, with its number and its cause.
    fn args(&self, record: &Record) -> Value {
        let fields = record.fields(self.scene.names);
        let mut args: Map<String, Value> =
            fields.map(|(name, value)| (name.to_owned(), value.into())).collect();
        args.insert("seq".to_owned(), record.seq.into());
        args.insert("cause".to_owned(), record.cause.into());
        args.into()
    }

    fn end(&self, index: usize) -> Nanos {
        self.links.end[index].map_or(self.scene.end, |end| self.scene.trace[end].at)
    }

    fn operation(&mut self, index: usize) -> io::Result<()> {
        let record = &self.scene.trace[index];
        let Some(op) = record.get::<OpInvoked>() else { return Ok(()) };
        let volume = self.scene.names.volume(op.volume);
        let name = format!("op{} {} {volume}:{}+{}", op.op.get(), op.kind, op.block, op.blocks);
        self.long(self.process(record), "applications", &name, index)?;
        self.count(index, "operations under way", 1)
    }

    fn command(&mut self, index: usize) -> io::Result<()> {
        let record = &self.scene.trace[index];
        let names = self.scene.names;
        let of = self.links.operation[index].map(|op| &self.scene.trace[op]);
        let op =
            of.and_then(|op| field(op, "op")).map_or_else(String::new, |op| format!(" op{op}"));
        let (disk, lba) = (shown(record, "disk", names), shown(record, "lba", names));
        let (kind, blocks) = (shown(record, "op", names), shown(record, "blocks", names));
        let pid = self.disk_process(record);
        self.long(pid, &disk, &format!("{kind} {lba}+{blocks}{op}"), index)?;
        self.count_on(pid, format!("{disk} queue"), 1, record.at)
    }

    fn message(&mut self, index: usize) -> io::Result<()> {
        let record = &self.scene.trace[index];
        let names = self.scene.names;
        let end = self.links.end[index];
        let lost = end.is_some_and(|end| self.scene.trace[end].kind.name == "net.dropped");
        let kind = shown(record, "kind", names);
        let kind = if lost { format!("{kind} (lost)") } else { kind };
        let args = self.args(record);
        let head = |pid: u64, ph: &str, more: &str| {
            let name = Value::from(kind.as_str());
            format!(
                "\"ph\":\"{ph}\",\"cat\":\"message\",\"name\":{name},\"pid\":{pid},\"tid\":{MESSAGES}{more}"
            )
        };
        let id = format!(",\"id\":{}", record.seq);
        let from = process(field(record, "from").unwrap_or(0));
        self.event(&head(from, "X", ",\"dur\":0.001"), record.at, &args)?;
        self.event(&head(from, "s", &id), record.at, &json!({}))?;
        let Some(end) = end.filter(|_| !lost).map(|end| &self.scene.trace[end]) else {
            return Ok(());
        };
        let to = process(field(record, "to").unwrap_or(0));
        let args = self.args(end);
        self.event(&head(to, "X", ",\"dur\":0.001"), end.at, &args)?;
        self.event(&head(to, "f", &format!("{id},\"bp\":\"e\"")), end.at, &json!({}))
    }

    fn fault(&mut self, index: usize) -> io::Result<()> {
        let record = &self.scene.trace[index];
        let names = self.scene.names;
        let on = shown(record, "node", names) + &shown(record, "disk", names);
        let name = format!("{} {on}", shown(record, "action", names));
        if self.links.end[index].is_some() {
            return self.long(RUN, "faults", &name, index);
        }
        let args = self.args(record);
        self.instant((RUN, LIFE), &name, record.at, "g", args)
    }

    /// What has no length: on its CPU, or on the life of its node. Of polls only that there was one.
    fn other(&mut self, index: usize) -> io::Result<()> {
        let record = &self.scene.trace[index];
        if let Some(mark) = record.get::<MarkChanged>() {
            let name = format!("leg{} regions marked", mark.leg.get());
            let pid = self.process(record);
            self.count_on(pid, name, if mark.marked { 1 } else { -1 }, record.at)?;
        }
        if let Some(progress) = record.get::<RebuildProgress>() {
            let volume = self.scene.names.volume(progress.volume);
            let name = format!("{volume} leg{} rebuilt", progress.leg.get());
            let before = self.counters.get(&(RUN, name.clone())).copied().unwrap_or(0);
            return self.count_on(RUN, name, i64::from(progress.done) - before, record.at);
        }
        // Ends of what was written as a slice.
        if matches!(record.kind.name, "net.delivered" | "net.dropped" | "node.up" | "node.resumed")
        {
            return Ok(());
        }
        let tid = record.cpu.map_or(LIFE, |cpu| CPUS + u64::from(cpu.get()));
        let pid = self.process(record);
        let args = self.args(record);
        self.instant((pid, tid), record.kind.name, record.at, "t", args)
    }

    fn process(&self, record: &Record) -> u64 {
        record.node.map_or(RUN, |node| process(u64::from(node.get())))
    }

    /// The node that a disk belongs to: the first part of its name.
    fn disk_process(&self, record: &Record) -> u64 {
        let disk = shown(record, "disk", self.scene.names);
        let node = disk.split('/').next().unwrap_or_default();
        let at = self.scene.names.nodes.iter().position(|name| name == node);
        at.map_or(RUN, |node| process(node as u64))
    }

    fn instant(
        &mut self,
        (pid, tid): Thread,
        name: &str,
        at: Nanos,
        scope: &str,
        args: Value,
    ) -> io::Result<()> {
        let name = Value::from(name);
        let head =
            format!("\"ph\":\"i\",\"s\":\"{scope}\",\"name\":{name},\"pid\":{pid},\"tid\":{tid}");
        self.event(&head, at, &args)
    }

    /// A slice of a thread; those of one thread don't overlap.
    fn slice(&mut self, pid: u64, tid: u64, name: &str, index: usize) -> io::Result<()> {
        let record = &self.scene.trace[index];
        let length = self.end(index).get().saturating_sub(record.at.get());
        let (name, args) = (Value::from(name), self.args(record));
        let dur = format!("{}.{:03}", length / 1_000, length % 1_000);
        let head =
            format!("\"ph\":\"X\",\"name\":{name},\"pid\":{pid},\"tid\":{tid},\"dur\":{dur}");
        self.event(&head, record.at, &args)
    }

    /// A slice that may overlap others of its category.
    fn long(&mut self, pid: u64, category: &str, name: &str, index: usize) -> io::Result<()> {
        let record = &self.scene.trace[index];
        let head = |ph: &str| {
            let (category, name) = (Value::from(category), Value::from(name));
            let id = record.seq;
            format!(
                "\"ph\":\"{ph}\",\"cat\":{category},\"name\":{name},\"id\":{id},\"pid\":{pid},\"tid\":{LIFE}"
            )
        };
        let args = self.args(record);
        self.event(&head("b"), record.at, &args)?;
        let end = self.links.end[index].map(|end| &self.scene.trace[end]);
        let args = end.map_or_else(|| json!({ "end": "none" }), |end| self.args(end));
        self.event(&head("e"), self.end(index), &args)
    }

    fn count(&mut self, index: usize, name: &str, by: i64) -> io::Result<()> {
        let record = &self.scene.trace[index];
        // An operation ends where it began, whoever says so.
        let at = self.links.operation[index].map_or(record, |op| &self.scene.trace[op]);
        self.count_on(self.process(at), name.to_owned(), by, record.at)
    }

    fn count_on(&mut self, pid: u64, name: String, by: i64, at: Nanos) -> io::Result<()> {
        let counter = self.counters.entry((pid, name.clone())).or_default();
        *counter += by;
        let value = *counter;
        let head = format!("\"ph\":\"C\",\"name\":{},\"pid\":{pid}", Value::from(name));
        self.event(&head, at, &json!({ "value": value }))
    }
}
