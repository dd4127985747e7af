//! What became of the operations that a violation names, on every leg of its block, in sentences: the chain of events
//! between what was promised and what was found. Judges nothing.

use std::collections::BTreeSet;

use crate::base::history::{BlockRead, OpInvoked, OpKind, OpReturned};
use crate::base::{Nanos, OpId, Record, Stamp};
use crate::check::Violation;

use super::links::Links;
use super::places::Places;
use super::scene::{LegOnDisk, Scene, field, shown};
use super::unequal::{Change, Unequal};

/// The most copies by nobody's operation that are told.
const COPIES_MAX: usize = 12;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// When.
    pub at: Nanos,
    /// The record that says so.
    pub seq: u64,
    /// What, in words.
    pub text: String,
}

/// The story of a violation; empty where it concerns no block that an operation was about.
#[must_use]
pub fn tell(scene: &Scene<'_>, violation: &Violation) -> Vec<Sentence> {
    let places = Places::of(scene);
    let links = Links::of(scene, &places);
    let Some(mut teller) = Teller::new(scene, &links, &places, violation) else {
        return Vec::new();
    };
    let mut told = Vec::new();
    for index in 0..scene.trace.len() {
        teller.record(index, &mut told);
    }
    told.sort_by_key(|sentence| (sentence.at, sentence.seq));
    told
}

/// The operations that a violation names: in what was found, in the first thing expected, and in why.
fn named(violation: &Violation) -> BTreeSet<OpId> {
    let expected = violation.expected.split("; or ").next().unwrap_or_default();
    let texts = [violation.found.as_str(), expected].into_iter();
    let texts = texts.chain(violation.detail.iter().map(String::as_str));
    let words = texts.flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric()));
    let ops = words.filter_map(|word| word.strip_prefix("op")?.parse().ok()).map(OpId::new);
    ops.chain(violation.ops.iter().copied()).collect()
}

struct Teller<'a> {
    scene: &'a Scene<'a>,
    links: &'a Links,
    block: u64,
    /// The operations, as indices of their `app.invoked`.
    ops: Vec<usize>,
    /// The legs of the block, with its place on their disks.
    legs: Vec<(LegOnDisk, u64)>,
    /// From the first of the operations to the violation.
    span: (Nanos, Nanos),
    /// Whether the legs may differ there.
    unequal: Option<Unequal>,
}

impl<'a> Teller<'a> {
    fn new(
        scene: &'a Scene<'a>,
        links: &'a Links,
        places: &Places,
        violation: &Violation,
    ) -> Option<Self> {
        let (volume, block) = (violation.volume?, violation.block?);
        let named = named(violation);
        let is_meant = |record: &Record| {
            record.get::<OpInvoked>().is_some_and(|op| {
                let blocks = op.block..op.block + u64::from(op.blocks);
                named.contains(&op.op) && op.volume == volume && blocks.contains(&block)
            })
        };
        let ops: Vec<usize> =
            (0..scene.trace.len()).filter(|index| is_meant(&scene.trace[*index])).collect();
        let stretches = places.stretches().iter();
        let stretch = stretches.filter(|at| at.volume == volume);
        let stretch =
            stretch.into_iter().find(|at| (at.block..at.block + at.blocks).contains(&block))?;
        let place = stretch.at + (block - stretch.block);
        let of_block = links.legs.iter().filter(|leg| {
            leg.volume == volume && stretch.legs >> leg.leg & 1 == 1 && place < leg.blocks
        });
        let legs: Vec<_> = of_block.map(|leg| (*leg, leg.first + place)).collect();
        let unequal = Unequal::of(volume, &legs);
        let first = scene.trace[*ops.first()?].at;
        Some(Self { scene, links, block, ops, legs, span: (first, violation.at), unequal })
    }

    fn record(&mut self, index: usize, told: &mut Vec<Sentence>) {
        let record = &self.scene.trace[index];
        let names = self.scene.names;
        let change = self.unequal.as_mut().map_or(Change::None, |it| it.observe(record));
        if self.ops.contains(&index) {
            return self.operation(index, told);
        }
        if !(self.span.0..=self.span.1).contains(&record.at) {
            return;
        }
        if let Some(read) = record.get::<BlockRead>() {
            return self.block_read(index, read, told);
        }
        let on = || shown(record, "node", names) + &shown(record, "disk", names);
        let text = match record.kind.name {
            "fault.applied" | "fault.disk-applied" => {
                let (entry, action) =
                    (shown(record, "entry", names), shown(record, "action", names));
                format!("script[{entry}] {action} befalls {}", on())
            }
            "fault.lifted" => format!("{} is undone", shown(record, "action", names)),
            "node.down" => format!("{} goes down", on()),
            "node.up" => format!("{} is up again", on()),
            "volume.state" => {
                format!("{} is {}", shown(record, "volume", names), shown(record, "state", names))
            }
            "volume.caches-lost" => "all copies have lost their caches".to_owned(),
            "client.granted" => {
                let node = record.node.map_or_else(String::new, |node| names.node(node));
                format!("{node} acts under epoch {}", shown(record, "epoch", names))
            }
            "disk.media-written" => return self.copied(index, told),
            "client.recovered" if change == Change::Equal => {
                let node = record.node.map_or_else(String::new, |node| names.node(node));
                format!(
                    "{node} has made region {} equal on all legs",
                    shown(record, "region", names)
                )
            }
            _ => return,
        };
        told.push(Sentence { at: record.at, seq: record.seq, text });
    }

    fn operation(&self, index: usize, told: &mut Vec<Sentence>) {
        let record = &self.scene.trace[index];
        let op = record.get::<OpInvoked>().expect("only operations are kept");
        let end = self.links.end[index].map(|end| &self.scene.trace[end]);
        let what = match op.kind {
            OpKind::Trim => "trims the block".to_owned(),
            kind if kind.is_write() => format!("writes {}", content(0, op.author)),
            _ => return,
        };
        let after = |end: &Record| Nanos::new(end.at.get() - record.at.get());
        let fate = match end {
            None => "it has not returned".to_owned(),
            Some(end) => match end.get::<OpReturned>() {
                Some(returned) => {
                    let acknowledged =
                        if returned.result.name() == "ok" { ": acknowledged" } else { "" };
                    format!("it returns {} after {}{acknowledged}", returned.result, after(end))
                }
                None => format!("its application dies after {}: never acknowledged", after(end)),
            },
        };
        let text = format!("op{} {what}; {fate}", op.op.get());
        told.push(Sentence { at: record.at, seq: record.seq, text });
        for (leg, lba) in &self.legs {
            told.push(self.on_leg(index, &op, leg, *lba));
        }
    }

    /// What became of a write on one leg.
    fn on_leg(&self, index: usize, op: &OpInvoked, leg: &LegOnDisk, lba: u64) -> Sentence {
        let (trace, names) = (self.scene.trace, self.scene.names);
        let name = format!("leg{} {}", leg.leg, names.disk(leg.disk));
        let content = content(0, op.author);
        let of_op = |at: &usize| self.links.operation[*at] == Some(index);
        let here = |at: &usize| {
            field(&trace[*at], "disk") == Some(u64::from(leg.disk.get()))
                && covers(&trace[*at], lba)
        };
        let mut family = (index..trace.len()).filter(of_op).filter(here);
        let mut command = None;
        let held = family.find(|at| {
            if trace[*at].kind.name == "disk.submitted" {
                command.get_or_insert(*at);
            }
            trace[*at].kind.name == "disk.media-written"
        });
        let told =
            |at: usize, text: String| Sentence { at: trace[at].at, seq: trace[at].seq, text };
        if let Some(held) = held {
            return told(held, format!("{name} holds {content}"));
        }
        let Some(command) = command else {
            let last = self.links.end[index].unwrap_or(index);
            let text = format!("{name} never gets {content}: no command with it reaches the disk");
            return told(last, text);
        };
        let Some(end) = self.links.end[command] else {
            return told(command, format!("{name} never gets {content}: its write does not end"));
        };
        let how = match trace[end].kind.name {
            "disk.aborted" => "is aborted".to_owned(),
            _ => format!("ends with {}", shown(&trace[end], "status", names)),
        };
        told(end, format!("{name} never gets {content}: its write {how}"))
    }

    fn block_read(&self, index: usize, read: BlockRead, told: &mut Vec<Sentence>) {
        let is_named = self.links.operation[index].is_some_and(|op| self.ops.contains(&op));
        if read.block != self.block || !is_named {
            return;
        }
        let disk = |completed: usize| field(&self.scene.trace[completed], "disk");
        let source = self.links.source[index].and_then(disk);
        let leg = self.legs.iter().find(|(leg, _)| source == Some(u64::from(leg.disk.get())));
        let from = leg.map_or_else(String::new, |(leg, _)| {
            format!(" from leg{} {}", leg.leg, self.scene.names.disk(leg.disk))
        });
        let caveat = self.unequal.as_ref().and_then(Unequal::caveat);
        let caveat = caveat.map_or_else(String::new, |caveat| format!("; {caveat}"));
        let what = content(read.place, read.author);
        let text = format!("op{} reads {what}{from}{caveat}", read.op.get());
        let record = &self.scene.trace[index];
        told.push(Sentence { at: record.at, seq: record.seq, text });
    }

    /// A leg's block was changed by no operation that is known: a rebuild, a repair, a recovery.
    fn copied(&self, index: usize, told: &mut Vec<Sentence>) {
        let record = &self.scene.trace[index];
        let on = |(leg, lba): &&(LegOnDisk, u64)| {
            field(record, "disk") == Some(u64::from(leg.disk.get())) && covers(record, *lba)
        };
        let Some((leg, _)) = self.legs.iter().find(on) else { return };
        let copies =
            told.iter().filter(|sentence| sentence.text.ends_with("of another leg")).count();
        if self.links.operation[index].is_some() || copies >= COPIES_MAX {
            return;
        }
        let name = self.scene.names.disk(leg.disk);
        let text = format!("leg{} {name} is given what was read of another leg", leg.leg);
        told.push(Sentence { at: record.at, seq: record.seq, text });
    }
}

fn covers(record: &Record, lba: u64) -> bool {
    let (first, blocks) = (field(record, "lba"), field(record, "blocks"));
    first.zip(blocks).is_some_and(|(first, blocks)| (first..first + blocks).contains(&lba))
}

/// A content as a report names it: `w1#4`.
fn content(place: u64, author: u64) -> String {
    let stamp = Stamp::from_words([place, author]);
    match stamp.writer() {
        0 => "zeroes".to_owned(),
        u16::MAX => "bytes of no write".to_owned(),
        writer => format!("w{writer}#{}", stamp.sequence()),
    }
}

#[cfg(test)]
mod tests {
    use crate::base::history::{MediaWritten, OpAbandoned, OpInvoked, OpKind};
    use crate::base::protocol::LegLoaded;
    use crate::base::{DiskId, LegIndex, Names, Nanos, NodeId, OpId, Record, Recorded, VolumeId};
    use crate::check::{Check, Violation};
    use crate::view::links::Links;
    use crate::view::places::Places;
    use crate::view::scene::Scene;

    use super::tell;

    crate::word_enum! {
        /// As disks have them.
        pub enum Code { Read = "read", Write = "write" }
    }
    crate::record! {
        /// As the network has it.
        pub struct Sent = "net.sent", Trace { from: NodeId, to: NodeId }
    }
    crate::record! {
        /// As the network has it.
        pub struct Delivered = "net.delivered", Trace { from: NodeId, to: NodeId }
    }
    crate::record! {
        /// As disks have it.
        pub struct Submitted = "disk.submitted", Trace {
            disk: DiskId, host: NodeId, cookie: u64, op: Code, lba: u64, blocks: u32
        }
    }
    crate::record! {
        /// As disks have it.
        pub struct Completed = "disk.completed", Trace { disk: DiskId, host: NodeId, cookie: u64 }
    }
    crate::record! {
        /// As disks have it.
        pub struct Aborted = "disk.aborted", Trace { disk: DiskId, host: NodeId, cookie: u64 }
    }

    /// A client writes block 2 of a mirror and dies; the write reaches one leg.
    fn cut_off() -> Vec<Record> {
        let mut trace: Vec<Record> = Vec::new();
        let mut happens = |node: u32, cause: u64, kind, words| {
            let seq = trace.len() as u64 + 1;
            let (at, node) = (Nanos::from_micros(seq), Some(NodeId::new(node)));
            trace.push(Record { at, seq, cause, node, cpu: None, kind, words });
        };
        let (client, volume, op) = (NodeId::new(0), VolumeId::new(0), OpId::new(1));
        let disk = |leg: u32| DiskId::new(leg);
        for leg in [0, 1] {
            let loaded = LegLoaded {
                disk: disk(leg),
                volume,
                leg: LegIndex::new(leg as u8),
                first: 100,
                blocks: 8,
                depth: 4,
            };
            happens(leg + 1, 0, LegLoaded::TYPE, loaded.words());
        }
        let (kind, author) = (OpKind::Write, 1 << 48 | 7);
        let invoked = OpInvoked { op, volume, kind, block: 2, blocks: 1, author };
        happens(0, 0, OpInvoked::TYPE, invoked.words());
        for leg in [0, 1] {
            let (from, to) = (client, NodeId::new(leg + 1));
            happens(0, 3 + u64::from(leg), Sent::TYPE, Sent { from, to }.words());
        }
        for leg in [0, 1] {
            let (from, to) = (client, NodeId::new(leg + 1));
            let delivered = Delivered { from, to }.words();
            happens(leg + 1, 4 + u64::from(leg), Delivered::TYPE, delivered);
            let (disk, host, cookie) = (disk(leg), client, 9);
            let submitted = Submitted { disk, host, cookie, op: Code::Write, lba: 102, blocks: 1 };
            happens(leg + 1, 6 + 2 * u64::from(leg), Submitted::TYPE, submitted.words());
        }
        let written = MediaWritten { disk: disk(0), lba: 102, blocks: 1, tag: 1 };
        happens(1, 7, MediaWritten::TYPE, written.words());
        let (host, cookie) = (client, 9);
        let completed = Completed { disk: disk(0), host, cookie };
        happens(1, 7, Completed::TYPE, completed.words());
        happens(0, 0, OpAbandoned::TYPE, OpAbandoned { op, volume }.words());
        happens(2, 12, Aborted::TYPE, Aborted { disk: disk(1), host, cookie }.words());
        trace
    }

    fn names() -> Names {
        let list = |names: [&str; 2]| names.map(str::to_owned).to_vec();
        Names { disks: list(["t0/d0", "t1/d0"]), ..Names::default() }
    }

    #[test]
    fn a_write_that_was_cut_off_is_told_leg_by_leg() {
        let (trace, names) = (cut_off(), names());
        let scene = Scene::of_test(&trace, &names);
        let violation = Violation {
            check: Check::Linear,
            kind: "read-went-back",
            component: "vol0".into(),
            volume: Some(VolumeId::new(0)),
            disk: None,
            block: Some(2),
            ops: Vec::new(),
            at: Nanos::from_micros(20),
            found: "zeroes".into(),
            expected: "w1#7, written by op1 (invoked 3us); or w1#5, written by op9".into(),
            detail: Vec::new(),
            recent: Vec::new(),
        };
        let told = tell(&scene, &violation);
        let told: Vec<&str> = told.iter().map(|sentence| sentence.text.as_str()).collect();
        let expected = [
            "op1 writes w1#7; its application dies after 9us: never acknowledged",
            "leg0 t0/d0 holds w1#7",
            "leg1 t1/d0 never gets w1#7: its write is aborted",
        ];
        assert_eq!(told, expected);
        assert!(tell(&scene, &Violation { block: Some(3), ..violation }).is_empty());
    }

    #[test]
    fn commands_and_messages_know_their_operation_and_their_end() {
        let (trace, names) = (cut_off(), names());
        let scene = Scene::of_test(&trace, &names);
        let links = Links::of(&scene, &Places::of(&scene));
        let of_op = |index: usize| links.operation[index] == Some(2);
        assert!((2..trace.len()).all(of_op), "{:?}", links.operation);
        let end = |seq: usize| links.end[seq - 1].map(|index| index + 1);
        let ends = [3, 4, 5, 7, 9].map(end);
        assert_eq!(ends, [Some(12), Some(6), Some(8), Some(11), Some(13)]);
        assert_eq!(links.legs.len(), 2);
    }
}
