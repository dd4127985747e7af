//! A run as one page that needs nothing else: no network, no file beside it. Draws nothing itself: that is
//! done by the page's own script (`html/`), from the data that stand in it.

use std::io;
use std::io::Write;

use serde::Serialize;

use crate::base::Names;
use crate::check::Violation;

use super::encode::{Columns, Kind, encode};
use super::links::Links;
use super::places::Places;
use super::scene::Scene;
use super::stats::Stats;

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/style.css");
/// In the order in which they are loaded; each uses what those before it have.
const SCRIPTS: &[&str] = &[
    include_str!("html/data.js"),
    include_str!("html/lanes.js"),
    include_str!("html/story.js"),
    include_str!("html/search.js"),
    include_str!("html/stats.js"),
    include_str!("html/draw.js"),
    include_str!("html/panel.js"),
    include_str!("html/main.js"),
    include_str!("html/selftest.js"),
];

#[derive(Serialize)]
struct Data<'a> {
    version: &'static str,
    scenario: &'a str,
    seed: u64,
    outcome: &'a str,
    failed: bool,
    signature: Option<&'a str>,
    digest: String,
    end: u64,
    headline: &'a str,
    report: &'a str,
    replay: &'a str,
    violations: Vec<Found<'a>>,
    names: NameLists<'a>,
    legs: Vec<[u64; 5]>,
    places: Vec<[u64; 5]>,
    stats: Stats,
    first: u64,
    records: usize,
    kinds: Vec<Kind>,
    columns: Columns,
}

#[derive(Serialize)]
struct Found<'a> {
    check: &'static str,
    kind: &'static str,
    place: String,
    volume: Option<u16>,
    disk: Option<u32>,
    block: Option<u64>,
    ops: Vec<u64>,
    at: u64,
    found: &'a str,
    expected: &'a str,
    detail: &'a [String],
    recent: Vec<u64>,
}

#[derive(Serialize)]
struct NameLists<'a> {
    nodes: &'a [String],
    disks: &'a [String],
    volumes: &'a [String],
    sites: &'a [String],
}

fn found<'a>(violation: &'a Violation, names: &Names) -> Found<'a> {
    Found {
        check: violation.check.name(),
        kind: violation.kind,
        place: violation.place(names),
        volume: violation.volume.map(|volume| volume.get()),
        disk: violation.disk.map(|disk| disk.get()),
        block: violation.block,
        ops: violation.ops.iter().map(|op| op.get()).collect(),
        at: violation.at.get(),
        found: &violation.found,
        expected: &violation.expected,
        detail: &violation.detail,
        recent: violation.recent.iter().map(|record| record.seq).collect(),
    }
}

/// Writes the page.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_html(out: &mut dyn Write, scene: &Scene<'_>) -> io::Result<()> {
    let places = Places::of(scene);
    let links = Links::of(scene, &places);
    let (columns, kinds) = encode(scene, &links);
    let names = scene.names;
    let data = Data {
        version: env!("CARGO_PKG_VERSION"),
        scenario: scene.scenario,
        seed: scene.seed,
        outcome: scene.outcome,
        failed: scene.failed,
        signature: scene.signature,
        digest: format!("{:032x}", scene.digest),
        end: scene.end.get(),
        headline: scene.headline,
        report: scene.report,
        replay: scene.replay,
        violations: scene.violations.iter().map(|violation| found(violation, names)).collect(),
        names: NameLists {
            nodes: &names.nodes,
            disks: &names.disks,
            volumes: &names.volumes,
            sites: &names.sites,
        },
        legs: legs(&links),
        places: stretches(&places),
        stats: Stats::of(scene.trace, names, scene.end, &links),
        first: scene.trace.first().map_or(1, |record| record.seq),
        records: scene.trace.len(),
        kinds,
        columns,
    };
    for part in PAGE.split_inclusive("-->") {
        match part.split_once("<!--") {
            Some((before, slot)) => {
                out.write_all(before.as_bytes())?;
                fill(out, slot.trim_end_matches("-->").trim(), &data)?;
            }
            None => out.write_all(part.as_bytes())?,
        }
    }
    Ok(())
}

/// Writes what belongs into a slot of the page.
fn fill(out: &mut dyn Write, slot: &str, data: &Data<'_>) -> io::Result<()> {
    match slot {
        "title" => write!(out, "{} seed {}", escaped(data.scenario), data.seed),
        "style" => write!(out, "<style>\n{STYLE}</style>"),
        "data" => {
            let json = serde_json::to_string(data)?;
            // Nothing in it may look like the end of the script that it stands in.
            let json = json.replace('<', "\\u003c");
            write!(out, "<script type=\"application/json\" id=\"data\">{json}</script>")
        }
        _ => {
            out.write_all(b"<script>\n\"use strict\";\n")?;
            SCRIPTS.iter().try_for_each(|script| out.write_all(script.as_bytes()))?;
            out.write_all(b"</script>")
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

fn legs(links: &Links) -> Vec<[u64; 5]> {
    let leg = |leg: &super::scene::LegOnDisk| {
        let (disk, volume) = (u64::from(leg.disk.get()), u64::from(leg.volume.get()));
        [disk, volume, u64::from(leg.leg), leg.first, leg.blocks]
    };
    links.legs.iter().map(leg).collect()
}

fn stretches(places: &Places) -> Vec<[u64; 5]> {
    let stretch = |at: &super::places::Stretch| {
        [u64::from(at.volume.get()), at.block, at.blocks, u64::from(at.legs), at.at]
    };
    places.stretches().iter().map(stretch).collect()
}
