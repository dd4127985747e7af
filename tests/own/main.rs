//! What a program adds to scenarios does there what the format's own words do: actions, conditions, checks, records.

mod layouts;

use std::path::Path;
use std::process::{Command, Output};

use schemars::JsonSchema;
use serde::Deserialize;
use stormglass::base::history::NodeDown;
use stormglass::base::{Nanos, Record};
use stormglass::check::{Check, Checker, History, Violation};
use stormglass::run::Judgement;
use stormglass::scenario::{Arguments, DiskSelector, NodeSelector, Scenario, Where, Words};
use stormglass::scenario::{parse, parse_with, schema, schema_with, seed_file_schema_with};
use stormglass::world::{Keep, RunOptions, RunReport, Verdict, simulate};
use stormglass::world::{Look, Outcome, Own, OwnAction, OwnCondition, Scene};

stormglass::record! {
    /// A lamp went on or off.
    pub struct LampFlipped = "lamp.flipped", Notable { lamp: u8, on: bool }
}

/// The lamps that are on.
#[derive(Default)]
struct Lamps(Vec<u8>);

/// A lamp goes on, or off; there are four.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FlipLamp {
    /// Which lamp, 0 to 3.
    lamp: u8,
}

impl Arguments for FlipLamp {}

impl OwnAction for FlipLamp {
    const NAME: &'static str = "mine.flip-lamp";

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Outcome {
        let lamp = self.lamp;
        if lamp > 3 {
            return Outcome::Nothing;
        }
        let Lamps(on) = scene.state();
        let was_on = on.contains(&lamp);
        if was_on {
            on.retain(|it| *it != lamp)
        } else {
            on.push(lamp)
        }
        scene.look().kernel().emit(None, &LampFlipped { lamp, on: !was_on });
        Outcome::Landed
    }
}

/// The lamp is on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LampOn {
    /// Which lamp, 0 to 3.
    lamp: u8,
}

impl Arguments for LampOn {}

impl OwnCondition for LampOn {
    const NAME: &'static str = "mine.lamp_on";

    fn holds(&self, look: &Look<'_>) -> bool {
        look.state().is_some_and(|Lamps(on)| on.contains(&self.lamp))
    }
}

/// So many nodes went down.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WentDown {
    /// How many.
    nodes: u32,
    #[serde(skip)]
    seen: u32,
}

impl Arguments for WentDown {}

impl OwnCondition for WentDown {
    const NAME: &'static str = "mine.went_down";

    fn observe(&mut self, record: &Record) {
        self.seen += u32::from(record.get::<NodeDown>().is_some());
    }
    fn holds(&self, _: &Look<'_>) -> bool {
        self.seen >= self.nodes
    }
}

/// A node loses its power, or a disk its path to everybody.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Jolt {
    /// Which node.
    node: NodeSelector,
    /// Which disk is unplugged, too.
    disk: Option<DiskSelector>,
}

impl Arguments for Jolt {
    fn places(&self) -> Vec<(&'static str, Where<'_>)> {
        let disk = self.disk.iter().map(|disk| ("disk", Where::Disk(disk)));
        std::iter::once(("node", Where::Target(self.node))).chain(disk).collect()
    }
}

impl OwnAction for Jolt {
    const NAME: &'static str = "mine.jolt";
    const CAN_BE_UNDONE: bool = true;

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Outcome {
        let nodes = scene.nodes(self.node, |look, _, node| look.is_up(node));
        if nodes.is_empty() {
            return Outcome::Nothing;
        }
        let disk = self.disk.clone();
        let disks = disk.map(|it| scene.disks(&it, |_, _, _| true)).unwrap_or_default();
        if !scene.may_take_nodes(&nodes) || !scene.may_take_disks(&disks) {
            return Outcome::Withheld;
        }
        nodes.iter().for_each(|node| scene.power_off(*node));
        for disk in &disks {
            scene.hit_disk(*disk);
            scene.look().disk(*disk).unplug();
        }
        scene.undo(move |scene| {
            disks.iter().for_each(|disk| scene.look().disk(*disk).plug());
            nodes.iter().for_each(|node| scene.power_on(*node));
        });
        Outcome::Landed
    }
}

/// Lamp 2 is broken: nobody should switch it on.
#[derive(Default)]
struct NoLamp2(Vec<Violation>);

impl Checker for NoLamp2 {
    fn observe(&mut self, record: &Record, _: &History) {
        if let Some(LampFlipped { lamp: 2, on: true }) = record.get() {
            self.0.push(Violation::new(Check::Own, "lamp-2-on", record.at));
        }
    }
    fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.0)
    }
}

fn words() -> Words {
    let own = Own::new().action::<FlipLamp>().action::<Jolt>();
    let own = own.condition::<LampOn>().condition::<WentDown>().record::<LampFlipped>();
    own.checker("no-lamp-2", "Lamp 2 stays off.", |_| NoLamp2::default()).words()
}

/// A small scenario with these entries, and these keys beside.
fn text(script: &str, rest: &str) -> String {
    format!(
        r#"{{ "version": 1, "name": "lamps", "cluster": {{ "targets": 3 }},
            "volumes": [{{ "name": "vol0", "layout": "raid1", "blocks": 64, "legs": ["t0/d0", "t1/d0"] }}],
            "workload": [{{ "app": "random", "client": "c0", "volume": "vol0", "ops": 100 }}]{rest},
            "script": [{script}] }}"#
    )
}

fn scenario(script: &str, rest: &str) -> Scenario {
    parse_with("lamps", &text(script, rest), &words()).unwrap_or_else(|error| panic!("{error}"))
}

fn ran(scenario: &Scenario) -> RunReport {
    simulate(scenario, 7, &RunOptions { trace: Keep::All, ..RunOptions::default() })
}

/// The lines of the records of this name.
fn lines(report: &RunReport, name: &str) -> Vec<String> {
    let of_name = report.trace.iter().filter(|record| record.kind.name == name);
    of_name.map(|record| record.line(&report.names)).collect()
}

#[track_caller]
fn passes(report: &RunReport) {
    assert!(matches!(report.verdict, Verdict::Pass), "{:?}", report.verdict);
}

#[test]
fn what_is_wrong_with_ones_own_is_said_as_of_the_formats() {
    let script = r#"
        { "at": "1ms", "do": { "mine.flip-lmap": { "lamp": 1 } } },
        { "at": "1ms", "do": { "mine.flip-lamp": { "lam": 1 } } },
        { "at": "1ms", "do": { "mine.flip-lamp": { "lamp": "one" } } },
        { "at": "1ms", "do": { "mine.flip-lamp": { "lamp": 1 } }, "for": "1ms" },
        { "at": "1ms", "do": { "mine.jolt": { "node": "t7", "disk": "t0/d9" } } },
        { "at": "1ms", "do": { "mine.jolt": { "node": "c0" } } },
        { "when": { "mine.lamp_onn": { "lamp": 1 } }, "freeze": ["all"] },
        { "when": { "mine.lamp_on": { "lamp": 1, "acked": 5 } }, "freeze": ["all"] },
        { "when": { "mine.lamp_on": { "lamp": 1 }, "acked": 5 }, "freeze": ["all"] },
        { "when": { "event": "lamp.fliped" }, "freeze": ["own"] }"#;
    let error = parse_with("lamps", &text(script, ""), &words()).expect_err("all is wrong");
    let said: Vec<(&str, &str, &str)> = error
        .errors
        .iter()
        .map(|it| {
            (it.json_path.as_str(), it.expected.as_str(), it.nearest.as_deref().unwrap_or(""))
        })
        .collect();
    let expected = [
        ("script[0].do.mine.flip-lmap", "`mine.flip-lamp`", "mine.flip-lamp"),
        ("script[1].do.mine.flip-lamp.lam", "`lamp`", "lamp"),
        ("script[2].do.mine.flip-lamp.lamp", "a whole number", ""),
        ("script[3].for", "no `for` beside `mine.flip-lamp`", ""),
        ("script[4].do.mine.jolt.node", "its targets are `t0` to `t2`", ""),
        ("script[4].do.mine.jolt.disk", "a disk of the cluster", "t0/d0"),
        ("script[5].do.mine.jolt.node", "a target", ""),
        ("script[6].when.mine.lamp_onn", "`mine.lamp_on`", "mine.lamp_on"),
        ("script[7].when.mine.lamp_on.acked", "`lamp`", ""),
        ("script[8].when", "`mine.lamp_on` alone", ""),
        ("script[9].when.event", "a trace record", "lamp.flipped"),
    ];
    for (path, wanted, nearest) in expected {
        let found =
            said.iter().find(|it| it.0 == path).unwrap_or_else(|| panic!("{path}: {said:#?}"));
        assert!(found.1.contains(wanted) && found.2 == nearest, "{found:?} is not {wanted:?}");
    }
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    assert!(error.errors.iter().all(|it| it.place.is_some_and(|place| place.line > 1)));
}

#[test]
fn a_program_without_them_knows_none_of_them() {
    let script = r#"{ "at": "1ms", "do": { "mine.flip-lamp": { "lamp": 1 } } },
        { "when": { "mine.lamp_on": { "lamp": 1 } }, "freeze": ["all"] }"#;
    let error =
        parse("lamps", &text(script, r#", "checks": ["own"]"#)).expect_err("nobody has them");
    let paths: Vec<&str> = error.errors.iter().map(|it| it.json_path.as_str()).collect();
    assert_eq!(paths, ["checks[0]", "script[0].do.mine.flip-lamp", "script[1].when.mine.lamp_on"]);
    assert!(error.errors[1].expected.contains("`disk.heal`"), "{error}");
    assert!(error.errors[2].expected.contains("`exported`"), "{error}");
}

#[test]
fn what_is_written_reads_back() {
    let script = r#"{ "at": "1ms", "do": { "mine.jolt": { "node": "any:target" } }, "for": "1ms" },
        { "when": { "mine.lamp_on": { "lamp": 1 } }, "nth": 2, "expect": { "mine.went_down": { "nodes": 1 } } }"#;
    let scenario = scenario(script, "");
    let written = serde_json::to_string(&scenario).expect("it is plain JSON");
    let again = parse_with("again", &written, &words()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again, scenario);
    assert!(again.words.is_some());
    assert_eq!(
        serde_json::from_str::<Scenario>(&written).expect("it reads without words"),
        scenario
    );
}

#[test]
fn they_are_in_the_schema_with_what_their_documentation_says() {
    let schema_of =
        |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("it is JSON");
    for (text, scenario) in [(schema_with(&words()), ""), (seed_file_schema_with(&words()), "seed")]
    {
        let schema = schema_of(&text);
        let actions = schema["$defs"]["Action"]["oneOf"].as_array().expect("some");
        let flip = actions.iter().find(|it| it["properties"]["mine.flip-lamp"].is_object());
        let flip = flip.unwrap_or_else(|| panic!("{scenario}: {actions:#?}"));
        assert_eq!(flip["description"], "A lamp goes on, or off; there are four.");
        assert_eq!(flip["properties"]["mine.flip-lamp"]["$ref"], "#/$defs/FlipLamp");
        assert_eq!(schema["$defs"]["FlipLamp"]["required"][0], "lamp");
        let condition = &schema["$defs"]["Condition"]["properties"]["mine.lamp_on"];
        assert_eq!(condition["description"], "The lamp is on.");
        assert!(schema["$defs"]["Jolt"]["properties"]["node"]["$ref"].is_string(), "{schema:#}");
    }
    assert!(!schema().contains("mine."));
}

#[test]
fn actions_and_conditions_come_when_the_script_says() {
    let script = r#"
        { "every": "1ms", "times": 3, "do": { "mine.flip-lamp": { "lamp": 1 } } },
        { "when": { "mine.lamp_on": { "lamp": 1 } }, "nth": 2, "do": { "mine.flip-lamp": { "lamp": 3 } } },
        { "when": { "event": "lamp.flipped" }, "nth": 2, "do": { "mine.flip-lamp": { "lamp": 0 } } },
        { "at": "6ms", "expect": { "mine.lamp_on": { "lamp": 3 } } },
        { "at": "2ms", "do": { "node.reboot": { "node": "t0", "downtime": "1ms" } } },
        { "at": "1us", "expect": { "mine.went_down": { "nodes": 1 } }, "within": "3ms" }"#;
    let report = ran(&scenario(script, ""));
    passes(&report);
    let flipped = lines(&report, "lamp.flipped");
    let of_lamp = |lamp| flipped.iter().filter(|line| line.contains(lamp)).collect::<Vec<_>>();
    let [first, second, third] = of_lamp("lamp=1")[..] else { panic!("{flipped:#?}") };
    assert!(first.contains("1ms") && first.contains("on=true"), "{first}");
    assert!(second.contains("2ms") && second.contains("on=false"), "{second}");
    assert!(third.contains("3ms") && third.contains("on=true"), "{third}");
    assert!(of_lamp("lamp=3")[0].contains("3ms"), "{flipped:#?}");
    assert!(of_lamp("lamp=0")[0].contains("2ms"), "{flipped:#?}");
    let applied = lines(&report, "fault.own-applied");
    assert_eq!(applied.len(), 5, "{applied:#?}");
    assert!(applied[0].ends_with("entry=0 action=mine.flip-lamp"), "{}", applied[0]);
    assert_eq!(report.faults, 6, "they count as others do");
}

#[test]
fn an_expectation_that_does_not_come_true_fails() {
    let script = r#"{ "at": "1ms", "expect": { "mine.lamp_on": { "lamp": 1 } }, "within": "1ms" }"#;
    let report = ran(&scenario(script, ""));
    let Verdict::Liveness(liveness) = &report.verdict else { panic!("{:?}", report.verdict) };
    assert_eq!(liveness.kind, "expectation-failed");
}

#[test]
fn an_action_that_finds_nothing_is_inert() {
    let report =
        ran(&scenario(r#"{ "at": "1ms", "do": { "mine.flip-lamp": { "lamp": 9 } } }"#, ""));
    let Verdict::Inert(entries) = &report.verdict else { panic!("{:?}", report.verdict) };
    assert_eq!(entries[..], ["script[0] mine.flip-lamp had nothing to act on"]);
    let waits = r#"{ "when": { "mine.lamp_on": { "lamp": 0 } }, "do": { "mine.flip-lamp": { "lamp": 1 } } }"#;
    let report = ran(&scenario(waits, ""));
    let Verdict::Inert(entries) = &report.verdict else { panic!("{:?}", report.verdict) };
    assert_eq!(entries[..], ["script[0] mine.flip-lamp never fired"]);
}

#[test]
fn the_budget_withholds_what_the_volumes_do_not_stand_and_for_undoes_the_rest() {
    let script = r#"
        { "at": "2ms", "do": { "mine.jolt": { "node": "t0", "disk": "t0/d0" } }, "for": "2ms" },
        { "at": "3ms", "do": { "mine.jolt": { "node": "t1" } }, "for": "1ms" }"#;
    let report = ran(&scenario(script, ""));
    passes(&report);
    let withheld = lines(&report, "fault.withheld");
    assert!(
        !withheld.is_empty() && withheld[0].ends_with("entry=1 action=mine.jolt"),
        "{withheld:#?}"
    );
    let applied = lines(&report, "fault.applied");
    assert!(applied[0].ends_with("entry=0 action=mine.jolt node=t0"), "{applied:#?}");
    let on_disk = lines(&report, "fault.disk-applied");
    assert!(on_disk[0].ends_with("entry=0 action=mine.jolt disk=t0/d0"), "{on_disk:#?}");
    let place = |name: &str, of: &str| {
        let is_it = |it: &Record| it.kind.name == name && it.line(&report.names).contains(of);
        report.trace.iter().position(is_it).unwrap_or_else(|| panic!("no {name} {of}"))
    };
    assert!(place("fault.lifted", "entry=0") < place("fault.applied", "entry=1"));
    let free = ran(&scenario(script, r#", "budget": "none""#));
    assert_eq!(lines(&free, "fault.withheld"), [""; 0]);
}

#[test]
fn without_for_it_is_undone_when_faults_stop() {
    let report =
        ran(&scenario(r#"{ "at": "2ms", "do": { "mine.jolt": { "node": "any:target" } } }"#, ""));
    passes(&report);
    let up = lines(&report, "node.up");
    assert_eq!(up.len(), 3 + 1 + 1 + 1, "each node once, and one target again: {up:#?}");
}

#[test]
fn checks_of_ones_own_hold_each_run_that_names_them() {
    let script = r#"{ "at": "1ms", "do": { "mine.flip-lamp": { "lamp": 2 } } }"#;
    for named in ["", r#", "checks": ["own"]"#, r#", "checks": ["all"]"#] {
        let report = ran(&scenario(script, named));
        let Verdict::Violation(found) = &report.verdict else { panic!("{:?}", report.verdict) };
        assert_eq!(
            (found[0].signature().as_str(), found[0].at),
            ("own/lamp-2-on", Nanos::from_millis(1))
        );
    }
    passes(&ran(&scenario(script, r#", "checks": ["linear"]"#)));
    let expected = scenario(script, r#", "expect": { "violation": "own" }"#);
    assert!(Judgement::of(&expected.expect, &ran(&expected).verdict).passed());
}

#[test]
fn they_disturb_no_run_that_does_without_them() {
    let script = r#"{ "at": "2ms", "do": { "node.reboot": { "node": "any:target" } } }"#;
    let plain = parse("lamps", &text(script, "")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ran(&plain).digest, ran(&scenario(script, "")).digest);
    let own = scenario(r#"{ "at": "2ms", "do": { "mine.jolt": { "node": "any:target" } } }"#, "");
    assert_eq!(ran(&own).digest, ran(&own).digest);
}

#[test]
#[should_panic(expected = "no `prefix.name`")]
fn a_prefix_of_the_formats_own_is_refused() {
    #[derive(Deserialize, JsonSchema)]
    struct Melt {}
    impl Arguments for Melt {}
    impl OwnAction for Melt {
        const NAME: &'static str = "disk.melt";
        fn apply(&self, _: &mut Scene<'_, '_>) -> Outcome {
            Outcome::Nothing
        }
    }
    let _own = Own::new().action::<Melt>();
}

/// An example as a command line, in a directory.
fn command(example: &str, directory: &Path, arguments: &str) -> (Option<i32>, String) {
    let here = std::env::current_exe().expect("a test is a program");
    let built = here.ancestors().nth(2).expect("below target").join("examples").join(example);
    let mut command = Command::new(built);
    let Output { status, stdout, stderr } = command
        .args(arguments.split_whitespace())
        .current_dir(directory)
        .output()
        .expect("the example runs");
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

/// Holds what an example says as a command line, in a directory, to its exit code and these parts of it.
#[track_caller]
fn says((example, at): (&str, &Path), arguments: &str, code: i32, parts: &[&str]) {
    let (status, text) = command(example, at, arguments);
    assert_eq!(status, Some(code), "{arguments}: {text}");
    parts.iter().for_each(|part| assert!(text.contains(part), "{arguments}: `{part}` in {text}"));
}

/// The one file in the directory `seeds` of another.
fn saved(at: &Path) -> String {
    let mut files = std::fs::read_dir(at.join("seeds")).expect("seeds");
    files.next().expect("one").expect("one").path().display().to_string()
}

#[test]
fn the_whole_command_line_knows_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    let racks = r#"{ "version": 1, "name": "racks", "cluster": { "targets": 4 }, "budget": "none",
        "volumes": [{ "name": "vol0", "layout": "raid1", "blocks": 64, "legs": ["t0/d0", "t1/d0"] }],
        "workload": [{ "app": "random", "client": "c0", "volume": "vol0", "ops": 100 }],
        "script": [{ "at": "2ms", "do": { "rack.power_cut": { "rack": 0 } }, "for": "3ms" },
            { "at": "1ms", "do": { "node.clock_jump": { "node": "any:client", "by": "1ms" } } },
            { "when": { "rack.is_dark": { "rack": 0 } }, "do": { "rack.power_cut": { "rack": 1 } }, "for": "1ms" }] }"#;
    std::fs::write(at.join("racks.json"), racks).expect("a file");
    std::fs::write(at.join("bad.json"), racks.replace("\"rack\": 1", "\"rak\": 1"))
        .expect("a file");
    std::fs::write(
        at.join("orders"),
        "do '{\"rack.power_cut\": {\"rack\": 0}}' --for 1ms\nscript\n",
    )
    .expect("a file");
    let says = |arguments: &str, code, parts: &[&str]| {
        says(("own_scenario_action", at), arguments, code, parts);
    };
    says("list faults", 0, &["family rack\nrack.power_cut", "rack: Which rack", "`for` undoes it"]);
    says("list conditions", 0, &["rack.is_dark", "No target of the rack is up.", "acked"]);
    says("list checks", 0, &["own: one-rack-at-a-time", "Some rack has power."]);
    says("schema", 0, &["\"rack.power_cut\"", "\"rack.is_dark\"", "\"RackPowerCut\""]);
    says("validate racks.json", 0, &["1 file: no error"]);
    says("validate bad.json", 3, &["script[2].do.rack.power_cut.rak", "did you mean `rack`?"]);
    says("run racks.json --seed 3", 10, &["own/all-racks-dark", "rack.switched rack=1 dark=true"]);
    says("prove racks.json --seeds 3", 0, &["no difference"]);
    says(
        "debug racks.json --seed 3 --from-start --commands orders",
        0,
        &["rack.power_cut", "live"],
    );
    says("sweep racks.json --seeds 4 --save seeds", 10, &["own/all-racks-dark: 4 in racks"]);
    let saved = saved(at);
    says(&format!("replay {saved}"), 10, &["bit for bit"]);
    says(&format!("shrink {saved} -o small.json"), 0, &["own/all-racks-dark"]);
    says("replay small.json", 10, &["bit for bit"]);
    let small = std::fs::read_to_string(at.join("small.json")).expect("a file");
    assert_eq!(small.matches("rack.power_cut").count(), 2, "{small}");
    assert!(!small.contains("clock_jump"), "{small}");
    says("sweep --random --seeds 1", 0, &["no failure"]);
}
