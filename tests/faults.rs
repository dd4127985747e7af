//! Each action of the schema has a control method, a trace record, a test that drives it through the doors and
//! a scenario named after it; what is still missing is listed, and the list may only shrink.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use stormglass::base::{Bug, Names, Record};
use stormglass::scenario::{Action, ActionInfo, Effect, Scenario, discover, load};
use stormglass::world::{Keep, RunOptions, simulate};

/// Actions whose control method has another name: one that brings up or down, an undo, or one that several
/// actions share.
const METHODS: [(&str, &str); 16] = [
    ("node.reboot", "kill"),
    ("node.power_off", "kill"),
    ("node.crash", "kill"),
    ("node.power_on", "boot"),
    ("node.wipe", "replace"),
    ("memory.limit", "limit_memory"),
    ("memory.fail_next", "fail_next_memory"),
    ("app.kill", "kill"),
    ("cpu.stop", "stop_cpu"),
    ("cpu.resume", "resume_cpu"),
    ("cpu.slow", "slow_cpu"),
    ("app.pause", "pause"),
    ("app.resume", "resume"),
    ("app.attach", "attach"),
    ("app.detach", "detach"),
    ("database.restore_old_snapshot", "restore_old_image"),
];

/// Actions that a door's test drives by a whole cluster, and so by their names in a script.
const BY_SCRIPT: [&str; 6] = ["app.", "manager.", "node.", "api.", "database.", "connector."];

/// What is missing, action and thing.
const NOT_YET: &[(&str, &str)] = &[];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn method(action: &str) -> &str {
    let named = METHODS.iter().find(|(name, _)| *name == action).map(|(_, method)| *method);
    named.unwrap_or_else(|| action.split_once('.').expect("a family and a name").1)
}

/// The text of every Rust file below a folder.
fn texts(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            text.push_str(&texts(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            text.push_str(&fs::read_to_string(path).expect("readable text"));
        }
    }
    text
}

/// The sources of the control doors that an action may be behind.
fn control(action: &ActionInfo) -> String {
    let folders: &[&str] = match action.family.name() {
        "disk" => &["disk"],
        "database" => &["disk", "node/database"],
        "api" => &["node/control"],
        "external" => &["process"],
        "net" => &["net"],
        "node" => &["sim", "disk"],
        "app" => &["sim", "node/app", "node/client"],
        "manager" => &["node/manager"],
        "connector" => &["node/connector", "net"],
        _ => &["sim"],
    };
    folders.iter().map(|folder| texts(&root().join("src").join(folder))).collect()
}

fn scenario_file(action: &str) -> PathBuf {
    let name = action.replace(['.', '_'], "-");
    root().join("scenarios/faults").join(name + ".json")
}

fn uses(scenario: &Scenario, action: &str) -> bool {
    let actions = scenario.script.iter().filter_map(|entry| match &entry.effect {
        Effect::Do(action) => Some(action.name()),
        _ => None,
    });
    actions.into_iter().any(|name| name == action)
}

/// Whether a record says that this action was applied.
fn tells(record: &Record, action: &str) -> bool {
    let names = Names::default();
    let is_fault = matches!(record.kind.name, "fault.applied" | "fault.disk-applied");
    is_fault && record.fields(&names).any(|(field, value)| field == "action" && value == action)
}

/// What an action lacks.
fn missing(action: &ActionInfo, doors: &str) -> Vec<&'static str> {
    let mut missing = Vec::new();
    let method = method(action.name);
    if !control(action).contains(&format!("pub fn {method}(")) {
        missing.push("control method");
    }
    let by_method = doors.contains(&format!(".{method}("));
    let by_script = BY_SCRIPT.iter().any(|family| action.name.starts_with(family))
        && doors.contains(&format!("\"{}\":", action.name));
    if !by_method && !by_script {
        missing.push("door test");
    }
    let Ok(scenario) = load(&scenario_file(action.name)) else {
        missing.push("scenario");
        return missing;
    };
    assert!(uses(&scenario, action.name), "{} does not use its action", scenario.name);
    let options = RunOptions { trace: Keep::All, ..RunOptions::default() };
    let report = simulate(&scenario, 1, &options);
    if !report.trace.iter().any(|record| tells(record, action.name)) {
        missing.push("trace record");
    }
    missing
}

#[test]
fn every_action_has_a_method_a_record_a_test_and_a_scenario() {
    let doors = texts(&root().join("tests/doors"));
    let lacking: Vec<(&str, &str)> = Action::ALL
        .iter()
        .flat_map(|action| missing(action, &doors).into_iter().map(|what| (action.name, what)))
        .collect();
    let news: Vec<_> = lacking.iter().filter(|lack| !NOT_YET.contains(lack)).collect();
    assert!(news.is_empty(), "these are missing: {news:#?}");
    let done: Vec<_> = NOT_YET.iter().filter(|lack| !lacking.contains(lack)).collect();
    assert!(done.is_empty(), "these are there now, so take them off `NOT_YET`: {done:#?}");
}

#[test]
fn every_scenario_of_a_fault_is_named_after_an_action() {
    let files = fs::read_dir(root().join("scenarios/faults")).expect("the scenarios of faults");
    let known: Vec<PathBuf> = Action::ALL.iter().map(|action| scenario_file(action.name)).collect();
    for file in files {
        let path = file.expect("an entry").path();
        let named = known.iter().any(|known| {
            let (stem, own) = (known.with_extension(""), path.with_extension(""));
            let (stem, own) = (stem.display().to_string(), own.display().to_string());
            own == stem || own.starts_with(&format!("{stem}-"))
        });
        assert!(named, "{} is named after no action", path.display());
    }
}

/// The cells of the rows that a page has of an action.
fn rows<'a>(page: &'a str, action: &str) -> Vec<Vec<&'a str>> {
    let name = format!("`{action}`");
    let cells = page.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    let rows = cells.map(|row| row.split(" | ").map(str::trim).collect::<Vec<_>>());
    rows.filter(|row| row.first().is_some_and(|first| first.split(", ").any(|it| it == name)))
        .collect()
}

/// Every scenario of the library, by its name.
fn library() -> BTreeMap<String, Scenario> {
    let files = discover(&[root().join("scenarios")]).expect("the library");
    let scenarios = files.iter().map(|file| load(file).expect("a scenario"));
    scenarios.map(|scenario| (scenario.name.clone(), scenario)).collect()
}

#[test]
fn every_action_has_its_rows_in_the_book_and_what_finds_bugs_is_there() {
    let page = |name: &str| {
        fs::read_to_string(root().join("docs").join(name)).expect("a page of the book")
    };
    let (actions, faults, library) = (page("actions.md"), page("faults.md"), library());
    let mut wrong = Vec::new();
    for action in Action::ALL {
        let name = action.name;
        let [row] = &rows(&actions, name)[..] else {
            wrong.push(format!("docs/actions.md is to have a row of {name}"));
            continue;
        };
        if rows(&faults, name).is_empty() {
            wrong.push(format!("docs/faults.md is to have a row of {name}"));
        }
        let finds = row.last().expect("a row has cells");
        for told in finds.split('`').skip(1).step_by(2) {
            let is_bug = Bug::of_name(told).is_some();
            let is_scenario = library.get(told).is_some_and(|scenario| uses(scenario, name));
            if !is_bug && !is_scenario {
                wrong.push(format!("{told} is no bug, and no scenario that has {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
