//! A checker's finding, as data and as text for a person. Finds nothing itself.

use crate::base::history::{BlockRead, OpInvoked, OpKind};
use crate::base::{DiskId, Names, Nanos, OpId, Record, Stamp, VolumeId};

use super::name::Check;

/// Something that must never happen has happened.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which check found it.
    pub check: Check,
    /// What it is: a slug that stays the same over seeds, such as `stale-read`.
    pub kind: &'static str,
    /// Where, by id: `vol0`, `disk3`, or the owner of what leaked.
    pub component: String,
    /// The volume, if it concerns one.
    pub volume: Option<VolumeId>,
    /// The disk, if it concerns one alone.
    pub disk: Option<DiskId>,
    /// The block of the volume (or of the disk alone), if it concerns one; the first of several.
    pub block: Option<u64>,
    /// The operations that it shows in, the one that gave it away first.
    pub ops: Vec<OpId>,
    /// When it was found.
    pub at: Nanos,
    /// What was found, by its origin: which operation wrote it, when invoked, when returned.
    pub found: String,
    /// What should have been found, by its origin.
    pub expected: String,
    /// Why the two disagree, line by line.
    pub detail: Vec<String>,
    /// The last records that concern it, oldest first.
    pub recent: Vec<Record>,
}

impl Violation {
    /// A finding of this kind of which nothing else is said yet.
    #[must_use]
    pub fn new(check: Check, kind: &'static str, at: Nanos) -> Self {
        Self {
            check,
            kind,
            component: String::new(),
            volume: None,
            disk: None,
            block: None,
            ops: Vec::new(),
            at,
            found: String::new(),
            expected: String::new(),
            detail: Vec::new(),
            recent: Vec::new(),
        }
    }

    /// What failures are grouped by: the same for the same bug over all seeds, such as
    /// `linear/stale-read`.
    #[must_use]
    pub fn signature(&self) -> String {
        format!("{}/{}", self.check, self.kind)
    }

    /// Where it happened, by name.
    #[must_use]
    pub fn place(&self, names: &Names) -> String {
        let component = match (self.volume, self.disk) {
            (_, Some(disk)) => names.disk(disk),
            (Some(volume), None) => names.volume(volume),
            (None, None) => self.component.clone(),
        };
        match self.block {
            Some(block) => format!("{component} block {block}"),
            None => component,
        }
    }

    /// All of it as text of several lines.
    #[must_use]
    pub fn report(&self, names: &Names) -> String {
        let mut text = format!("{}: {} at {}\n", self.signature(), self.place(names), self.at);
        text.push_str(&format!("  found     {}\n", self.found));
        text.push_str(&format!("  expected  {}\n", self.expected));
        for (index, line) in self.detail.iter().enumerate() {
            let label = if index == 0 { "because" } else { "" };
            text.push_str(&format!("  {label:<9} {line}\n"));
        }
        if !self.recent.is_empty() {
            text.push_str("  last records\n");
        }
        for record in &self.recent {
            text.push_str(&format!("  {}\n", line(record, names)));
        }
        text
    }
}

/// A record's line, with the content that it is about in the words of the rest of the report.
fn line(record: &Record, names: &Names) -> String {
    let line = record.line(names);
    let (end, stamp) = if let Some(invoked) = record.get::<OpInvoked>() {
        if invoked.kind == OpKind::Flush {
            let writer = Stamp::from_words([0, invoked.author]).writer();
            let start = line.split(" author=").next().unwrap_or(&line);
            return format!("{start} (of application {writer})");
        } else if !invoked.kind.is_write() {
            (" author=", None)
        } else {
            let place = u64::from(invoked.volume.get()) << 48 | invoked.block;
            (" author=", Some(Stamp::from_words([place, invoked.author])))
        }
    } else if let Some(read) = record.get::<BlockRead>() {
        (" place=", Some(Stamp::from_words([read.place, read.author])))
    } else {
        return line;
    };
    let start = line.split(end).next().unwrap_or(&line);
    match stamp {
        None => start.to_owned(),
        Some(stamp) if stamp.writer() == u16::MAX => format!("{start} (no write's bytes)"),
        Some(stamp) => format!("{start} ({stamp})"),
    }
}
