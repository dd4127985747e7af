//! A run as text for a terminal: a column for each node, one line an event, arrows where messages arrive. Polls are left
//! out. Knows no terminal: it is told how wide one is, and whether it has colours.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use crate::base::{NodeId, Record};

use super::scene::{Scene, field};

/// How the text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width {
    /// Characters in a line.
    pub columns: usize,
    /// Whether colours may be used.
    pub colour: bool,
}

const TIME: usize = 12;
/// A node's column, at most and at least.
const LANE_MAX: usize = 6;
const LANE_MIN: usize = 3;
/// What is left for words, at least.
const WORDS_MIN: usize = 40;
/// So often the names of the nodes are said again.
const LINES_A_HEAD: usize = 40;

/// The 16 colours of a terminal that are used, by their codes.
#[derive(Clone, Copy)]
enum Colour {
    Plain,
    Dim,
    Red,
    Green,
    Yellow,
    Magenta,
    Cyan,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "\x1b[90m",
            Self::Red => "\x1b[31m",
            Self::Green => "\x1b[32m",
            Self::Yellow => "\x1b[33m",
            Self::Magenta => "\x1b[35m",
            Self::Cyan => "\x1b[36m",
        }
    }

    fn of(record: &Record) -> Self {
        let name = record.kind.name;
        match name {
            "app.abandoned" | "disk.aborted" | "net.dropped" | "node.down" | "disk.faulted" => {
                Self::Red
            }
            "disk.submitted" | "disk.completed" | "disk.media-written" => Self::Yellow,
            "node.up" => Self::Green,
            _ => match name.split('.').next().unwrap_or_default() {
                "app" => Self::Cyan,
                "net" if is_message(name) || name.starts_with("net.c") => Self::Dim,
                "volume" | "world" => Self::Magenta,
                "manager" | "client" | "target" => Self::Green,
                "fault" | "disk" | "net" | "memory" | "cpu" => Self::Red,
                _ => Self::Plain,
            },
        }
    }
}

fn is_message(name: &str) -> bool {
    matches!(name, "net.sent" | "net.delivered" | "net.dropped")
}

/// Writes the run.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_columns(out: &mut dyn Write, scene: &Scene<'_>, width: Width) -> io::Result<()> {
    let mut page = Page::new(scene, width);
    let mut violations = scene.violations.iter().peekable();
    for record in scene.trace {
        while let Some(violation) = violations.next_if(|violation| violation.at < record.at) {
            page.violation(out, violation)?;
        }
        page.record(out, record)?;
    }
    violations.try_for_each(|violation| page.violation(out, violation))
}

struct Page<'a> {
    scene: &'a Scene<'a>,
    width: Width,
    /// The column of each node that has one.
    lanes: BTreeMap<NodeId, usize>,
    lane_width: usize,
    up: Vec<bool>,
    lines: usize,
}

impl<'a> Page<'a> {
    /// Those nodes have a column that something happened on; where there is no room for all, those where most did.
    fn new(scene: &'a Scene<'a>, width: Width) -> Self {
        let mut busy: BTreeMap<NodeId, usize> = BTreeMap::new();
        for node in
            scene.trace.iter().filter(|record| is_told(record)).filter_map(|record| record.node)
        {
            *busy.entry(node).or_default() += 1;
        }
        let room = width.columns.saturating_sub(TIME + 1 + WORDS_MIN);
        let lane_width = (room / busy.len().max(1)).clamp(LANE_MIN, LANE_MAX);
        let mut nodes: Vec<(NodeId, usize)> = busy.into_iter().collect();
        nodes.sort_by_key(|(node, count)| (std::cmp::Reverse(*count), *node));
        nodes.truncate(room / lane_width);
        nodes.sort_unstable();
        let lanes: BTreeMap<NodeId, usize> =
            nodes.into_iter().enumerate().map(|(lane, (node, _))| (node, lane)).collect();
        let up = vec![false; lanes.len()];
        Self { scene, width, lanes, lane_width, up, lines: 0 }
    }

    fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut line = format!("{:>TIME$} ", "time");
        for node in self.lanes.keys() {
            let name = self.scene.names.node(*node);
            let name: String = name.chars().take(self.lane_width - 1).collect();
            line.push_str(&format!("{name:<width$}", width = self.lane_width));
        }
        self.write(out, line.trim_end(), Colour::Plain)
    }

    fn record(&mut self, out: &mut dyn Write, record: &Record) -> io::Result<()> {
        if !is_told(record) {
            return Ok(());
        }
        if self.lines.is_multiple_of(LINES_A_HEAD) {
            self.head(out)?;
        }
        self.lines += 1;
        let at = |name: &str| {
            let node = field(record, name).and_then(|node| u32::try_from(node).ok());
            node.and_then(|node| self.lanes.get(&NodeId::new(node))).copied()
        };
        let lane = record.node.and_then(|node| self.lanes.get(&node)).copied();
        let (from, to, node) = (at("from"), at("to"), at("node"));
        match record.kind.name {
            "node.up" => node.into_iter().for_each(|lane| self.up[lane] = true),
            "node.down" => node.into_iter().for_each(|lane| self.up[lane] = false),
            _ => {}
        }
        let arrives = matches!(record.kind.name, "net.delivered" | "net.dropped");
        let graph = match (from, to) {
            (Some(from), Some(to)) if arrives && from != to => {
                self.arrow(from, to, record.kind.name == "net.dropped")
            }
            _ => self.marked(lane.or(node), '●'),
        };
        let line = format!("{:>TIME$} {graph}{}", record.at.to_string(), self.words(record));
        self.write(out, line.trim_end(), Colour::of(record))
    }

    fn violation(
        &mut self,
        out: &mut dyn Write,
        violation: &crate::check::Violation,
    ) -> io::Result<()> {
        self.lines += 1;
        let names = self.scene.names;
        let (what, place) = (violation.signature(), violation.place(names));
        let graph = self.marked(None, '●');
        let line = format!("{:>TIME$} {graph}VIOLATION {what}: {place}", violation.at.to_string());
        self.write(out, &line, Colour::Red)
    }

    /// The columns with a mark in one.
    fn marked(&self, lane: Option<usize>, mark: char) -> String {
        let mut graph = String::new();
        for (at, up) in self.up.iter().enumerate() {
            graph.push(if Some(at) == lane { mark } else { idle(*up) });
            graph.extend(std::iter::repeat_n(' ', self.lane_width - 1));
        }
        graph
    }

    /// The columns with an arrow from one to another.
    fn arrow(&self, from: usize, to: usize, lost: bool) -> String {
        let mut cells: Vec<char> = self.marked(None, ' ').chars().collect();
        let (first, last) = (from.min(to) * self.lane_width, from.max(to) * self.lane_width);
        for cell in &mut cells[first + 1..last] {
            *cell = if lost { '╌' } else { '─' };
        }
        cells[from * self.lane_width] = if from < to { '├' } else { '┤' };
        cells[to * self.lane_width] = if lost { '×' } else { '●' };
        if !lost && last - first > 1 {
            let (tip, head) = if from < to { (last - 1, '▶') } else { (first + 1, '◀') };
            cells[tip] = head;
        }
        cells.into_iter().collect()
    }

    /// Its name and fields, without those that its columns show.
    fn words(&self, record: &Record) -> String {
        let mut text = record.kind.name.to_owned();
        let arrow = matches!(record.kind.name, "net.sent" | "net.delivered" | "net.dropped");
        for (name, value) in record.fields(self.scene.names) {
            let is_drawn = arrow && matches!(name, "connection" | "from");
            if !is_drawn {
                text.push_str(&format!(" {name}={value}"));
            }
        }
        text
    }

    /// Writes a line, cut to the width.
    fn write(&self, out: &mut dyn Write, line: &str, colour: Colour) -> io::Result<()> {
        let cut: String = if line.chars().count() > self.width.columns {
            line.chars().take(self.width.columns.saturating_sub(1)).chain(['…']).collect()
        } else {
            line.to_owned()
        };
        match colour.code() {
            code if self.width.colour && !code.is_empty() => writeln!(out, "{code}{cut}\x1b[0m"),
            _ => writeln!(out, "{cut}"),
        }
    }
}

/// What a column shows where nothing happens: whether its node is up.
const fn idle(up: bool) -> char {
    if up { '│' } else { '·' }
}

/// Whether a record has a line: polls have none, nor what only says by which way a connection goes.
fn is_told(record: &Record) -> bool {
    !matches!(record.kind.name, "sim.polled" | "net.routed")
}

#[cfg(test)]
mod tests {
    use crate::base::{Names, Nanos, NodeId, Record, Recorded};
    use crate::view::Scene;

    use super::{Width, write_columns};

    crate::record! {
        /// As the network has it.
        pub struct Sent = "net.sent", Trace { from: NodeId, to: NodeId, bytes: u64 }
    }
    crate::record! {
        /// As the network has it.
        pub struct Delivered = "net.delivered", Trace { from: NodeId, to: NodeId, bytes: u64 }
    }
    crate::record! {
        /// As the kernel has it.
        pub struct Up = "node.up", Notable { node: NodeId }
    }

    fn record<R: Recorded>(seq: u64, node: u32, what: &R) -> Record {
        let (at, node) = (Nanos::from_micros(seq), Some(NodeId::new(node)));
        Record { at, seq, cause: 0, node, cpu: None, kind: R::TYPE, words: what.words() }
    }

    fn shown(width: Width) -> String {
        let (a, b) = (NodeId::new(0), NodeId::new(1));
        let trace = [
            record(1, 0, &Up { node: a }),
            record(2, 0, &Sent { from: a, to: b, bytes: 9 }),
            record(3, 1, &Delivered { from: a, to: b, bytes: 9 }),
            record(4, 0, &Delivered { from: b, to: a, bytes: 123_456_789_012_345_678 }),
        ];
        let names = Names { nodes: vec!["c0".into(), "t0".into()], ..Names::default() };
        let scene = Scene::of_test(&trace, &names);
        let mut out = Vec::new();
        write_columns(&mut out, &scene, width).expect("a vector takes all");
        String::from_utf8(out).expect("lines are text")
    }

    #[test]
    fn a_line_an_event_with_arrows_where_messages_arrive() {
        let expected = "        time c0    t0
         1us ●     ·     node.up node=c0
         2us ●     ·     net.sent to=t0 bytes=9
         3us ├────▶●     net.delivered to=t0 bytes=9
         4us ●◀────┤     net.delivered to=c0 bytes=123456789012345678
";
        assert_eq!(shown(Width { columns: 100, colour: false }), expected);
    }

    #[test]
    fn lines_are_cut_and_coloured_as_told() {
        let narrow = shown(Width { columns: 60, colour: false });
        assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
        assert!(narrow.contains('…') && !narrow.contains('\u{1b}'), "{narrow}");
        let colourful = shown(Width { columns: 100, colour: true });
        assert!(colourful.contains("\u{1b}[32m") && colourful.ends_with("\u{1b}[0m\n"));
    }
}
