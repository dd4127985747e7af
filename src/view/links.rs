//! What belongs together in a trace: the end of what a record begins, and the operation that a command or a
//! message is part of. Reads records by their names and fields, so that a data service that is not ours is
//! seen as well; whatever it doesn't know stays by itself.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use crate::base::history::{BlockRead, OpAbandoned, OpInvoked, OpKind, OpReturned, VolumeChanged};
use crate::base::protocol::LegLoaded;
use crate::base::{DiskId, NodeId, Record, VolumeId, Word};

use super::places::Places;
use super::scene::{LegOnDisk, Scene, field};

/// How far a chain of causes is followed from a command to the message that asked for it, and from what an
/// application was shown to the disk that was read.
const HOPS_MAX: usize = 48;
/// Operations that are over and may still have messages on their way, for each node.
const OVER_MAX: usize = 256;

/// For each record, by its index in the trace.
pub struct Links {
    /// The record that ends what this one begins: an operation, a command, a message, a fault, a time down, a state.
    pub end: Vec<Option<usize>>,
    /// The operation that it is part of, as the index of its `app.invoked`.
    pub operation: Vec<Option<usize>>,
    /// Of a block that an application was shown: the completion of the command that read it.
    pub source: Vec<Option<usize>>,
    /// The legs that targets found on their disks, in the order in which they were found first.
    pub legs: Vec<LegOnDisk>,
}

impl Links {
    /// Finds what belongs together.
    #[must_use]
    pub fn of(scene: &Scene<'_>, places: &Places) -> Self {
        let ends = Ends::of(scene);
        let mut owners = Owners::new(scene, places, &ends.begin);
        for index in 0..scene.trace.len() {
            owners.take(index);
        }
        Self {
            end: ends.end,
            operation: owners.operation,
            source: owners.source,
            legs: owners.legs,
        }
    }
}

/// What is open under which key, and what ended what.
struct Ends {
    end: Vec<Option<usize>>,
    begin: Vec<Option<usize>>,
    open: BTreeMap<(&'static str, u64, u64), Vec<usize>>,
}

impl Ends {
    fn of(scene: &Scene<'_>) -> Self {
        let none = vec![None; scene.trace.len()];
        let mut ends = Self { end: none.clone(), begin: none, open: BTreeMap::new() };
        for (index, record) in scene.trace.iter().enumerate() {
            ends.take(scene, index, record);
        }
        ends
    }

    fn take(&mut self, scene: &Scene<'_>, index: usize, record: &Record) {
        let word = |name| field(record, name).unwrap_or(0);
        let host = || word("disk") << 32 | word("host");
        match record.kind.name {
            "app.invoked" => self.begin("op", word("op"), 0, index),
            "app.returned" | "app.abandoned" => self.close("op", word("op"), 0, index),
            "disk.submitted" => self.begin("command", host(), word("cookie"), index),
            "disk.completed" | "disk.aborted" => {
                self.close("command", host(), word("cookie"), index)
            }
            "net.delivered" | "net.dropped" if word("again") == 0 => {
                let sent = scene.cause(index).filter(|sent| {
                    scene.trace[*sent].kind.name == "net.sent" && self.end[*sent].is_none()
                });
                self.pair(sent, index);
            }
            "node.down" => self.begin("down", word("node"), 0, index),
            "node.up" => self.close("down", word("node"), 0, index),
            "node.paused" => self.begin("paused", word("node"), 0, index),
            "node.resumed" => self.close("paused", word("node"), 0, index),
            "cpu.stop" => self.begin("cpu", word("node"), word("cpu"), index),
            "cpu.resume" => self.close("cpu", word("node"), word("cpu"), index),
            "disk.unplug" => self.begin("unplugged", word("disk"), 0, index),
            "disk.plug" | "disk.replace" => self.close("unplugged", word("disk"), 0, index),
            "fault.applied" | "fault.disk-applied" => {
                self.begin("fault", word("entry"), word("action"), index);
            }
            "fault.lifted" => self.lift(scene, word("entry"), index),
            _ if record.kind.code == <VolumeChanged as crate::base::Recorded>::TYPE.code => {
                self.close("state", word("volume"), 0, index);
                self.begin("state", word("volume"), 0, index);
            }
            _ => {}
        }
    }

    fn begin(&mut self, what: &'static str, key: u64, more: u64, index: usize) {
        self.open.entry((what, key, more)).or_default().push(index);
    }

    /// Ends all that is open under a key.
    fn close(&mut self, what: &'static str, key: u64, more: u64, index: usize) {
        for begun in self.open.remove(&(what, key, more)).unwrap_or_default() {
            self.pair(Some(begun), index);
        }
    }

    /// One firing of a script entry is undone: the oldest that is open, on all that it was applied to.
    fn lift(&mut self, scene: &Scene<'_>, entry: u64, index: usize) {
        let of_entry =
            self.open.iter_mut().filter(|((what, key, _), _)| *what == "fault" && *key == entry);
        let mut lifted = Vec::new();
        for (_, begun) in of_entry {
            let Some(first) = begun.first().map(|first| scene.trace[*first].at) else { continue };
            lifted.extend(begun.iter().copied().filter(|one| scene.trace[*one].at == first));
            begun.retain(|one| scene.trace[*one].at != first);
        }
        for begun in lifted {
            self.pair(Some(begun), index);
        }
    }

    fn pair(&mut self, begun: Option<usize>, index: usize) {
        if let Some(begun) = begun {
            self.end[begun] = Some(index);
            self.begin[index] = Some(begun);
        }
    }
}

/// An operation, while messages of it may be under way.
struct Active {
    index: usize,
    invoked: OpInvoked,
    over: Option<usize>,
    /// Disks that have had a command of it, with the first block.
    asked: Vec<(DiskId, u64)>,
}

/// Finds out whose each command and message is, in the order of the trace.
struct Owners<'a> {
    scene: &'a Scene<'a>,
    places: &'a Places,
    begin: &'a [Option<usize>],
    operation: Vec<Option<usize>>,
    source: Vec<Option<usize>>,
    legs: Vec<LegOnDisk>,
    active: BTreeMap<NodeId, VecDeque<Active>>,
}

impl<'a> Owners<'a> {
    fn new(scene: &'a Scene<'a>, places: &'a Places, begin: &'a [Option<usize>]) -> Self {
        let none = vec![None; scene.trace.len()];
        let (operation, source) = (none.clone(), none);
        Self { scene, places, begin, operation, source, legs: Vec::new(), active: BTreeMap::new() }
    }

    fn take(&mut self, index: usize) {
        let record = &self.scene.trace[index];
        if let Some(invoked) = record.get::<OpInvoked>() {
            self.operation[index] = Some(index);
            let Some(node) = record.node else { return };
            let active = self.active.entry(node).or_default();
            active.push_back(Active { index, invoked, over: None, asked: Vec::new() });
            if active.len() > OVER_MAX
                && let Some(at) = active.iter().position(|active| active.over.is_some())
            {
                active.remove(at);
            }
        } else if record.get::<OpReturned>().is_some() || record.get::<OpAbandoned>().is_some() {
            self.operation[index] = self.begin[index];
            let mut all = self.active.values_mut().flatten();
            if let Some(active) = all.find(|active| Some(active.index) == self.begin[index]) {
                active.over = Some(index);
            }
        } else if let Some(read) = record.get::<BlockRead>() {
            self.block_read(index, read);
        } else if let Some(loaded) = record.get::<LegLoaded>() {
            let LegLoaded { disk, volume, leg, first, blocks, depth } = loaded;
            let leg = LegOnDisk { disk, volume, leg: leg.get(), first, blocks, depth };
            if !self.legs.contains(&leg) {
                self.legs.push(leg);
            }
        } else {
            match record.kind.name {
                "disk.submitted" => self.submitted(index),
                "disk.completed" | "disk.aborted" | "net.delivered" | "net.dropped" => {
                    self.operation[index] =
                        self.begin[index].and_then(|begun| self.operation[begun]);
                }
                "disk.media-written" | "disk.faulted" => {
                    let cause =
                        self.scene.cause(index).filter(|cause| self.is(*cause, "disk.submitted"));
                    self.operation[index] = cause.and_then(|cause| self.operation[cause]);
                }
                "net.sent" => self.reply(index),
                _ => {}
            }
        }
    }

    fn is(&self, index: usize, name: &str) -> bool {
        self.scene.trace[index].kind.name == name
    }

    /// The first record of this name that led to a record.
    fn ancestor(&self, index: usize, name: &str, hops: usize) -> Option<usize> {
        let causes = std::iter::successors(self.scene.cause(index), |at| self.scene.cause(*at));
        causes.take(hops).find(|at| self.is(*at, name))
    }

    /// A command is part of the operation that was under way when its host sent the message that led to it,
    /// and that covers its blocks.
    fn submitted(&mut self, index: usize) {
        let record = &self.scene.trace[index];
        let word = |name| field(record, name).unwrap_or(0);
        let disk = DiskId::from_word(word("disk"));
        let (lba, blocks) = (word("lba"), word("blocks"));
        let Some((volume, block)) = self.block_of(disk, lba) else { return };
        let Some(sent) = self.ancestor(index, "net.sent", HOPS_MAX) else { return };
        let Some(host) = self.scene.trace[sent].node else { return };
        let op = super::scene::shown(record, "op", self.scene.names);
        let may_be = |kind: OpKind| match op.as_str() {
            "read" => kind == OpKind::Read,
            "write" | "write-zeroes" => kind.is_write(),
            "deallocate" => kind == OpKind::Trim,
            _ => false,
        };
        let Some(active) = self.active.get_mut(&host) else { return };
        let covers = |active: &&mut Active| {
            let of = &active.invoked;
            let during = active.index < sent && active.over.is_none_or(|over| sent < over);
            let range = of.block..of.block + u64::from(of.blocks);
            during
                && of.volume == volume
                && may_be(of.kind)
                && range.contains(&block)
                && range.contains(&(block + blocks.saturating_sub(1)))
        };
        let mut candidates: Vec<&mut Active> = active.iter_mut().filter(covers).collect();
        let asked = (disk, block);
        let fresh = candidates.iter().position(|active| !active.asked.contains(&asked));
        let at = fresh.or_else(|| candidates.len().checked_sub(1));
        let Some(active) = at.map(|at| &mut candidates[at]) else { return };
        active.asked.push(asked);
        let operation = Some(active.index);
        self.operation[index] = operation;
        self.operation[sent] = operation;
        if let Some(delivered) = self.ancestor(index, "net.delivered", HOPS_MAX)
            && self.begin[delivered] == Some(sent)
        {
            self.operation[delivered] = operation;
        }
    }

    /// The block of a volume that stands at a place of a disk.
    fn block_of(&self, disk: DiskId, lba: u64) -> Option<(VolumeId, u64)> {
        let on = |leg: &&LegOnDisk| {
            leg.disk == disk && (leg.first..leg.first + leg.blocks).contains(&lba)
        };
        let leg = self.legs.iter().rev().find(on)?;
        let place = lba - leg.first;
        self.places.block_at(leg.volume, leg.leg, place).map(|block| (leg.volume, block))
    }

    /// What is sent as soon as a command is over is the answer to who asked for it.
    fn reply(&mut self, index: usize) {
        let polled = self.scene.cause(index).filter(|at| self.is(*at, "sim.polled"));
        let over =
            polled.and_then(|at| self.scene.cause(at)).filter(|at| self.is(*at, "disk.completed"));
        self.operation[index] = over.and_then(|at| self.operation[at]);
    }

    /// What an application is shown was read by the command whose end led to it.
    fn block_read(&mut self, index: usize, read: BlockRead) {
        let mut all = self.active.values().flatten();
        let operation = all.find(|active| active.invoked.op == read.op).map(|active| active.index);
        self.operation[index] = operation;
        let before = self.scene.cause(index).filter(|before| {
            self.scene.trace[*before].get::<BlockRead>().is_some_and(|other| other.op == read.op)
        });
        let completed = match before {
            Some(before) => self.source[before],
            None => self.ancestor(index, "disk.completed", HOPS_MAX),
        };
        let Some(completed) = completed else { return };
        let Some(submitted) = self.begin[completed] else { return };
        let command = &self.scene.trace[submitted];
        let is_read = super::scene::shown(command, "op", self.scene.names) == "read";
        let word = |name| field(command, name).unwrap_or(0);
        let first = self.block_of(DiskId::from_word(word("disk")), word("lba"));
        let covers = first.is_some_and(|(volume, first)| {
            volume == read.volume && (first..first + word("blocks")).contains(&read.block)
        });
        if is_read && covers {
            self.source[index] = Some(completed);
            self.operation[submitted] = operation;
            self.operation[completed] = operation;
        }
    }
}
