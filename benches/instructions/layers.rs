//! Sums a profile of callgrind by the layers of the source tree. Runs nothing.
//!
//! What was put into a function from another file counts for the layer of that file; what the standard library was
//! put in for, for the layer of the function that it is in.

use std::collections::BTreeMap;

/// What stands behind an entry of the profile, by its number: each is spelt out the first time only.
#[derive(Default)]
struct Spelt<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Spelt<'a> {
    /// Reads `(12) name` or `(12)`: the name.
    fn read(&mut self, entry: &'a str) -> &'a str {
        let (number, name) = entry.split_once(' ').unwrap_or((entry, ""));
        if !name.is_empty() {
            self.0.insert(number, name);
        }
        self.0.get(number).copied().unwrap_or("")
    }
}

/// Instructions by layer, most first.
pub fn by_layer(profile: &str) -> Vec<(String, u64)> {
    let (mut files, mut functions) = (Spelt::default(), Spelt::default());
    let (mut file, mut function, mut is_call) = ("", "", false);
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for line in profile.lines() {
        match line.split_once('=') {
            Some(("fl" | "fi" | "fe", entry)) => file = files.read(entry),
            Some(("cfi" | "cfl", entry)) => drop(files.read(entry).len()),
            Some(("fn", entry)) => function = functions.read(entry),
            Some(("cfn", entry)) => drop(functions.read(entry).len()),
            // The line behind it says what was called, which is counted where it is.
            Some(("calls", _)) => is_call = true,
            Some(_) => {}
            None if is_call => is_call = false,
            None => {
                if let Some(cost) = cost(line) {
                    *sums.entry(layer(file, function)).or_default() += cost;
                }
            }
        }
    }
    let mut sums: Vec<(String, u64)> = sums.into_iter().collect();
    sums.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
    sums
}

/// The instructions of a line `place cost`; places may be told as a distance from the one before.
fn cost(line: &str) -> Option<u64> {
    let (place, cost) = line.split_once(' ')?;
    place
        .starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first))
        .then_some(())?;
    cost.trim().parse().ok()
}

/// The folders of the tree that have a part in what an IO costs.
const LAYERS: [&str; 7] = ["sim", "net", "disk", "node", "layout", "check", "world"];
/// What is called for each record, whoever writes it.
const RECORDS: [&str; 3] = ["Kernel::write", "Kernel::finish_record", "::trace::"];

fn layer(file: &str, function: &str) -> String {
    let is_of = |crates: &[&str]| crates.iter().any(|name| file.contains(name));
    let in_tree = file.rsplit_once("/src/").map_or("", |(_, path)| path);
    let folder = in_tree.split('/').next().unwrap_or("");
    let is_ours = !is_of(&["/rustc/", "/registry/"]) && LAYERS.contains(&folder);
    let named = function.split("stormglass::").nth(1).and_then(|rest| rest.split("::").next());
    match named.filter(|named| LAYERS.contains(named)) {
        _ if is_of(&["twox-hash"]) || function.contains("twox_hash") => "digest",
        _ if RECORDS.iter().any(|name| function.contains(name)) => "records",
        _ if is_of(&["base/record.rs", "/sim/trace/"]) => "records",
        _ if is_of(&["/madsim-", "/naive-timer-"]) || function.contains("madsim") => "seal",
        _ if is_ours => folder,
        Some(named) => named,
        None => "libraries, all else",
    }
    .to_owned()
}
