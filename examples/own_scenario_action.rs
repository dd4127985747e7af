//! Words of one's own in scenarios: an action that takes a rack's power, a condition, a check. With arguments it is the whole
//! command line (`list faults`, `schema`, `run FILE`, …); without, it shows what comes of them.

use schemars::JsonSchema;
use serde::Deserialize;
use stormglass::base::{NodeId, Record};
use stormglass::check::{Check, Checker, History, Violation};
use stormglass::scenario::{Arguments, NodeClass, Words, parse_with};
use stormglass::world::{Look, Outcome, Own, OwnAction, OwnCondition, Scene};
use stormglass::world::{RunOptions, Verdict, simulate};

const RACKS: u16 = 2;
stormglass::record! {
    /// A rack lost its power or got it back.
    pub struct RackSwitched = "rack.switched", Notable { rack: u16, dark: bool }
}

/// The targets of a rack lose their power at once.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "RackPowerCut")]
struct PowerCut {
    /// Which rack, from 0: targets stand in them by turns.
    rack: u16,
}

fn targets(look: Look<'_>, rack: u16) -> Vec<NodeId> {
    let all = look.class(NodeClass::Target).into_iter();
    all.skip(usize::from(rack)).step_by(usize::from(RACKS)).collect()
}

impl Arguments for PowerCut {}

impl OwnAction for PowerCut {
    const NAME: &'static str = "rack.power_cut";
    const CAN_BE_UNDONE: bool = true;

    fn apply(&self, scene: &mut Scene<'_, '_>) -> Outcome {
        let (look, rack) = (scene.look(), self.rack);
        let up: Vec<NodeId> =
            targets(look, rack).into_iter().filter(|it| look.is_up(*it)).collect();
        if up.is_empty() {
            return Outcome::Nothing;
        }
        if !scene.may_take_nodes(&up) {
            return Outcome::Withheld;
        }
        scene.look().kernel().emit(None, &RackSwitched { rack, dark: true });
        up.iter().for_each(|node| scene.power_off(*node));
        scene.undo(move |scene| {
            scene.look().kernel().emit(None, &RackSwitched { rack, dark: false });
            up.iter().for_each(|node| scene.power_on(*node));
        });
        Outcome::Landed
    }
}

/// No target of the rack is up.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "RackIsDark")]
struct IsDark {
    /// Which rack, from 0.
    rack: u16,
}

impl Arguments for IsDark {}

impl OwnCondition for IsDark {
    const NAME: &'static str = "rack.is_dark";

    fn holds(&self, look: &Look<'_>) -> bool {
        targets(*look, self.rack).into_iter().all(|node| !look.is_up(node))
    }
}

/// A building loses all its racks at once only if somebody asks for it.
#[derive(Default)]
struct OneRackAtATime([bool; RACKS as usize], Vec<Violation>);

impl Checker for OneRackAtATime {
    fn observe(&mut self, record: &Record, _history: &History) {
        let Some(RackSwitched { rack, dark }) = record.get() else { return };
        self.0[usize::from(rack)] = dark;
        if self.0.iter().all(|dark| *dark) {
            let violation = Violation::new(Check::Own, "all-racks-dark", record.at);
            let (component, found) = ("racks".to_owned(), "none that has power".to_owned());
            let (expected, recent) = ("one that has".to_owned(), vec![*record]);
            self.1.push(Violation { component, found, expected, recent, ..violation });
        }
    }
    fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.1)
    }
}

fn words() -> Words {
    let own = Own::new().action::<PowerCut>().condition::<IsDark>().record::<RackSwitched>();
    own.checker("one-rack-at-a-time", "Some rack has power.", |_| OneRackAtATime::default()).words()
}

const SCENARIO: &str = r#"{ "version": 1, "name": "racks", "cluster": { "targets": 4 }, "budget": "BUDGET",
    "volumes": [{ "name": "vol0", "layout": "raid1", "blocks": 64, "legs": ["t0/d0", "t1/d0"] }],
    "workload": [{ "app": "random", "client": "c0", "volume": "vol0", "ops": 300 }],
    "script": [{ "at": "2ms", "do": { "rack.power_cut": { "rack": 0 } }, "for": "2ms..4ms" },
        { "when": { "rack.is_dark": { "rack": 0 } }, "do": { "rack.power_cut": { "rack": 1 } }, "for": "1ms" }] }"#;

fn main() -> std::process::ExitCode {
    let words = words();
    if std::env::args_os().len() > 1 {
        return stormglass::cli::main_with_words(std::env::args_os(), &words).into();
    }
    for budget in ["survivable", "none"] {
        let text = SCENARIO.replace("BUDGET", budget);
        let scenario = parse_with("racks", &text, &words).unwrap_or_else(|error| panic!("{error}"));
        let reports = (1..=20).map(|seed| simulate(&scenario, seed, &RunOptions::default()));
        let passed = reports.filter(|report| matches!(report.verdict, Verdict::Pass)).count();
        println!("budget {budget}: {passed} of 20 seeds pass");
    }
    std::process::ExitCode::SUCCESS
}
