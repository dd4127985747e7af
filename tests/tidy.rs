//! The shape of the tree: layers, heads, sizes, names. Reads sources as text, and runs none of them.

use std::fs;
use std::path::Path;

/// What each folder of `src` may name beside itself. One crate has no compiler walls: this is the wall.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("layout", &["base"]),
    ("sim", &["base"]),
    ("disk", &["base", "sim"]),
    ("net", &["base", "sim"]),
    ("process", &["base", "sim"]),
    ("node", &["base", "layout", "sim", "disk::port", "net::port", "process::port"]),
    ("check", &["base", "sim::trace"]),
    ("scenario", &["base", "layout"]),
    ("world", &["base", "layout", "sim", "disk", "net", "process", "node", "check", "scenario"]),
    ("view", &["base", "sim::trace", "check"]),
    ("run", &["base", "scenario", "check", "world", "view"]),
    ("debug", &["base", "sim::trace", "scenario", "world", "view"]),
    ("real", &["base", "sim", "disk", "net", "node", "scenario", "run::Stopwatch", "world"]),
    (
        "glass",
        &[
            "base",
            "sim",
            "disk",
            "net",
            "check",
            "view",
            "run::work_off",
            "run::Watchdog",
            "run::HostLimits",
        ],
    ),
    (
        "cli",
        &[
            "base", "sim", "disk", "net", "node", "check", "scenario", "world", "view", "run",
            "debug", "real",
        ],
    ),
];

const LINES_MAX: usize = 800;

/// The files that can't do without: one handles signals and registers, one hands code of type 'static its way out of a
/// stack, one calls a library made of C.
const UNSAFE_FILES: &[&str] = &[
    "src/sim/strict/traps.rs",
    "src/node/app/guest/fiber.rs",
    "src/node/app/guest/sqlite/engine.rs",
];
const UNSAFE: &str = concat!("unsafe", "_code");

/// Names that say nothing of what a file holds.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "imp", "misc"];

#[test]
fn the_tree_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "examples"] {
        collect(&root.join(folder), folder, &mut files);
    }
    assert!(files.len() > 50, "only {} source files found below {}", files.len(), root.display());
    let mut complaints = Vec::new();
    for file in &files {
        let text = fs::read_to_string(root.join(file)).expect("a source file is readable text");
        complaints.extend(complaints_about(file, &text));
    }
    assert!(complaints.is_empty(), "{} complaints\n{}", complaints.len(), complaints.join("\n"));
}

/// All Rust files below `folder`, as paths from the root with forward slashes, sorted.
fn collect(folder: &Path, name: &str, files: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
    paths.sort();
    for path in paths {
        let entry = path.file_name().and_then(|name| name.to_str()).expect("names are UTF-8");
        let name = format!("{name}/{entry}");
        if path.is_dir() {
            collect(&path, &name, files);
        } else if entry.ends_with(".rs") {
            files.push(name);
        }
    }
}

fn complaints_about(file: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut complain =
        |line: usize, what: String| complaints.push(format!("{file}:{line}: {what}"));
    if !text.starts_with("//! ") {
        complain(1, "has no head: its first line is to be `//! ` and the file's one duty".into());
    }
    let lines = text.lines().count();
    if lines > LINES_MAX {
        complain(LINES_MAX + 1, format!("has {lines} lines, and may have {LINES_MAX}: split it"));
    }
    if file.split(['/', '.']).any(|part| EMPTY_NAMES.contains(&part)) {
        complain(1, "has a name that says nothing: name it after what it holds".into());
    }
    if let Some(line) = text.lines().position(|line| line.contains(UNSAFE))
        && !UNSAFE_FILES.contains(&file)
    {
        complain(line + 1, format!("allows unsafe code, which only {UNSAFE_FILES:?} may hold"));
    }
    if !file.starts_with("src/") {
        return complaints;
    }
    if file.ends_with("/mod.rs") {
        let first = statements(text).into_iter().find(|(_, code)| !is_of_a_mod_file(code));
        if let Some((line, code)) = first {
            let what = "mod.rs holds only its head, `mod` and `pub use`: move the rest, from";
            complain(line, format!("{what} `{}` on", shorten(&code)));
        }
    }
    for (line, code) in code_lines(text) {
        if code.contains("super::super") {
            complain(line, "`super::super` hides the layer: write `crate::layer::…`".into());
        }
        for path in named_paths(code) {
            if let Some(what) = complaint_about_path(file, &path) {
                complain(line, what);
            }
        }
    }
    complaints
}

/// The lines that are no comment, with their numbers.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Splits a file that should hold declarations only at their semicolons.
fn statements(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let (mut start, mut statement) = (0, String::new());
    for (line, code) in code_lines(text) {
        let code = code.trim();
        if statement.is_empty() && (code.is_empty() || code.starts_with('#')) {
            continue;
        }
        if statement.is_empty() {
            start = line;
        }
        statement.push_str(code);
        statement.push(' ');
        if code.ends_with(';') || code == "}" {
            found.push((start, std::mem::take(&mut statement)));
        }
    }
    if !statement.is_empty() {
        found.push((start, statement));
    }
    found
}

fn is_of_a_mod_file(statement: &str) -> bool {
    let public = statement.strip_prefix("pub").map(|rest| match rest.strip_prefix('(') {
        Some(scope) => scope.split_once(") ").map_or("", |(_, rest)| rest),
        None => rest.trim_start(),
    });
    let declares = |code: &str| code.starts_with("mod ") && !code.contains('{');
    match public {
        Some(code) => code.starts_with("use ") || declares(code),
        None => declares(statement),
    }
}

fn shorten(statement: &str) -> &str {
    statement.split_once(['{', '(', ';']).map_or(statement, |(start, _)| start).trim()
}

/// The paths on a line that start at the crate, without it: `sim::Kernel`, `{base` for a fan-out.
fn named_paths(code: &str) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut paths = Vec::new();
    for root in ["crate::", "stormglass::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| is_name(c) || c == '$' || c == ':') {
                continue;
            }
            let rest = &code[at + root.len()..];
            let end = rest.find(|c| !is_name(c) && c != ':').unwrap_or(rest.len());
            let opens = &rest[end..rest.len().min(end + 1)];
            paths.push(match opens {
                "!" => "base".to_owned(),
                "{" if end == 0 => "{".to_owned(),
                _ => rest[..end].trim_end_matches(':').to_owned(),
            });
        }
    }
    paths
}

fn complaint_about_path(file: &str, path: &str) -> Option<String> {
    let own = file.strip_prefix("src/").and_then(|file| file.split(['/', '.']).next())?;
    let allowed: &[&str] = match own {
        "lib" => return None,
        "main" => &["cli"],
        _ => match LAYERS.iter().find(|(layer, _)| *layer == own) {
            Some((_, allowed)) => allowed,
            None => return Some(format!("`{own}` is no layer: enter it in the table of layers")),
        },
    };
    if path == "{" {
        return Some(
            "`use crate::{…}` hides the layers: one `use crate::layer::…` each".to_owned(),
        );
    }
    let begins_with = |prefix: &str| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    if begins_with(own) || allowed.iter().any(|layer| begins_with(layer)) {
        return None;
    }
    let may = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
    Some(format!("names `{path}`: `{own}` may name {may}"))
}

#[track_caller]
fn check(file: &str, code: &str, expected: &[&str]) {
    let complaints = complaints_about(file, &format!("//! Has a duty.\n{code}\n"));
    assert_eq!(complaints.len(), expected.len(), "{complaints:?}");
    for (complaint, expected) in complaints.iter().zip(expected) {
        assert!(complaint.contains(expected), "`{expected}` is not in `{complaint}`");
    }
}

#[test]
fn imports_against_the_layers_are_found() {
    check("src/disk/engine.rs", "use crate::base::Nanos;\nuse crate::sim::Kernel;", &[]);
    check("src/disk/engine.rs", "use crate::net::Port;", &["engine.rs:2: names `net::Port`"]);
    check("src/net/port.rs", "fn f(d: &crate::disk::port::Drive) {}", &["may name base, sim"]);
    check("src/node/a.rs", "use crate::disk::port::{Drive, Op};\nuse crate::net::port::Port;", &[]);
    check("src/node/a.rs", "use crate::disk::control::Namespace;", &["names `disk::control"]);
    check("src/node/a.rs", "use crate::disk::{port, control};", &["names `disk`"]);
    check("src/check/a.rs", "use crate::sim::trace::Keep;", &[]);
    check("src/check/a.rs", "use crate::sim::Kernel;", &["may name base, sim::trace"]);
    check("src/base/a.rs", "pub use crate::sim::Seed;", &["`base` may name nothing"]);
    check("src/simple/a.rs", "use crate::base::Nanos;", &["`simple` is no layer"]);
    check("src/main.rs", "fn main() { stormglass::run::sweep(); }", &["`main` may name cli"]);
}

#[test]
fn what_hides_a_layer_is_found() {
    check("src/world/a.rs", "use crate::{base, sim};", &["hides the layers"]);
    check("src/node/a/b.rs", "use super::super::layout::Extent;", &["hides the layer"]);
    let macros =
        "crate::record! {}\nlet n = $crate::base::Nanos::ZERO;\npub(in crate::net) fn f() {}";
    check("src/net/a.rs", macros, &[]);
    check("src/base/a.rs", "// See crate::sim.\n/// And crate::node::client.", &[]);
}

#[test]
fn a_mod_file_that_holds_code_is_found() {
    let good = "#![deny(x)]\nmod a;\npub mod b;\n#[cfg(test)]\nmod c;\npub use a::{\n    A,\n    B,\n};\npub(super) use b::C;\npub(in crate::net) use b::D;";
    check("src/net/mod.rs", good, &[]);
    check("src/net/mod.rs", "mod a;\nuse a::A;", &["mod.rs:3: mod.rs holds only"]);
    check("src/net/mod.rs", "mod a;\n\nfn f() {\n    g();\n}", &["mod.rs:4: mod.rs holds only"]);
    check("src/net/mod.rs", "mod a;\npub struct S;", &["from `pub struct S` on"]);
    check("src/net/mod.rs", "mod tests { fn f() {} }", &["mod.rs holds only"]);
}

#[test]
fn heads_sizes_and_names_are_looked_at() {
    let fast = format!("//! A head.\n#![allow({UNSAFE}, reason = \"speed\")]\n");
    assert_eq!(complaints_about("src/sim/fast.rs", &fast).len(), 1);
    assert!(complaints_about(UNSAFE_FILES[0], &fast).is_empty());
    assert_eq!(complaints_about("src/net/a.rs", "use std::fmt;\n").len(), 1);
    assert_eq!(complaints_about("tests/a.rs", "//!\n").len(), 1, "a head that says nothing");
    check("src/net/a.rs", &"\n".repeat(798), &[]);
    check("src/net/a.rs", &"\n".repeat(799), &["has 801 lines"]);
    check("src/net/utils.rs", "", &["a name that says nothing"]);
    check("tests/helpers/mod.rs", "fn f() {}", &["a name that says nothing"]);
}

#[test]
fn every_probe_and_every_site_has_its_place_in_the_cluster() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src/node"), "src/node", &mut files);
    let read = |file: &String| fs::read_to_string(root.join(file)).expect("a source file is text");
    let (lists, others): (Vec<_>, Vec<_>) =
        files.iter().partition(|file| file.ends_with("node/probes.rs"));
    let code: String = others.into_iter().map(read).collect();
    let list: String = lists.into_iter().map(read).collect();
    let declared = list.lines().filter_map(|line| line.trim().split_once(" = \""));
    let unused: Vec<&str> = declared
        .map(|(name, _)| name)
        .filter(|name| {
            let place = format!("probes::{name}");
            let goes_on = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
            !code.split(&place).skip(1).any(|rest| !goes_on(rest))
        })
        .collect();
    assert!(unused.is_empty(), "declared in probes.rs and used nowhere: {unused:?}");
}

/// The pages that people read, from the root on.
fn pages(root: &Path) -> Vec<String> {
    let docs = fs::read_dir(root.join("docs")).expect("a folder").map(|page| page.expect("a page"));
    let names = docs.map(|page| page.file_name().into_string().expect("a plain name"));
    let docs = names.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}"));
    let beside = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "scenarios/README.md"];
    docs.chain(beside.map(str::to_owned)).collect()
}

/// The text of a page outside its blocks of code, which hold no links and no headings.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// What a heading is called in the address of its page.
fn anchor(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// What is wrong with a link of a page, if it is one within the repository.
fn complaint_about_link(root: &Path, page: &str, link: &str) -> Option<String> {
    if link.contains("://") || link.contains(' ') {
        return None;
    }
    let (file, wanted) = link.split_once('#').unwrap_or((link, ""));
    let folder = root.join(page).parent().expect("a page is in a folder").to_owned();
    let path = if file.is_empty() { root.join(page) } else { folder.join(file) };
    if !path.exists() {
        return Some(format!("{page} links to {link}: there is no such file"));
    }
    if wanted.is_empty() || path.extension().is_none_or(|end| end != "md") {
        return None;
    }
    let text = fs::read_to_string(&path).expect("a page is text");
    let mut headings = prose(&text).filter(|line| line.starts_with('#'));
    (!headings.any(|heading| anchor(heading) == wanted))
        .then(|| format!("{page} links to {link}: there is no such heading"))
}

#[test]
fn the_book_has_all_pages_and_all_links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let summary = fs::read_to_string(root.join("docs/SUMMARY.md")).expect("the book has a summary");
    let mut wrong = Vec::new();
    for page in pages(root) {
        if let Some(name) = page.strip_prefix("docs/")
            && name != "SUMMARY.md"
            && !summary.contains(&format!("]({name})"))
        {
            wrong.push(format!("docs/SUMMARY.md lacks {name}"));
        }
        let text = fs::read_to_string(root.join(&page)).expect("a page is text");
        for line in prose(&text) {
            let links = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            wrong.extend(links.filter_map(|link| complaint_about_link(root, &page, link)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn links_that_lead_nowhere_are_found() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let complaint = |link| complaint_about_link(root, "docs/README.md", link);
    for link in ["why.md", "why.md#what-it-is-not", "../README.md", "#the-book", "https://x.y/z#a"]
    {
        assert_eq!(complaint(link), None);
    }
    for link in ["whence.md", "why.md#what-it-is", "#the-film", "../docs/ci/none.yml"] {
        assert!(complaint(link).is_some(), "{link}");
    }
    assert_eq!(anchor("## `sweep PATH…`"), "sweep-path");
}
