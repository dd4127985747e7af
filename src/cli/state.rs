//! A sweep's results in a file that grows while it goes on: JSON lines, first the plan, then a seed a line. Runs
//! nothing.
//!
//! A line is written whole and at once when its seed is done, so that whatever ends the program leaves at most the
//! last line torn. What a line says of a failure in full is left out where an earlier line of the same signature
//! is both earlier in order and faster: no report would show it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::Nanos;
use crate::run::{FailureText, Outcome, SeedRange, SeedResult, SeedRun, Shard, Signature, VERSION};
use crate::scenario::{Digest, Scenario};

use super::places::Place;
use super::report::Failure;

/// The first key of a state file.
const KIND: &str = "sweep";

const FORMAT: u32 = 1;

/// What a sweep is to do: the first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    stormglass: String,
    format: u32,
    version: String,
    seeds: String,
    seeds_from: Option<String>,
    shard: String,
    scenarios: Vec<Planned>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Planned {
    name: String,
    /// Of the scenario as JSON, whatever its file is laid out like; of its profile where it is random.
    digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    random: Option<String>,
}

impl Plan {
    /// A plan for no scenario yet.
    pub(super) fn new(seeds: SeedRange, seeds_from: Option<&str>, shard: Shard) -> Self {
        Self {
            stormglass: KIND.to_owned(),
            format: FORMAT,
            version: VERSION.to_owned(),
            seeds: seeds.to_string(),
            seeds_from: seeds_from.map(str::to_owned),
            shard: shard.to_string(),
            scenarios: Vec::new(),
        }
    }

    /// Adds the scenario of a file.
    pub(super) fn add_scenario(&mut self, scenario: &Scenario, file: &Path) {
        let text = serde_json::to_string(scenario).expect("a scenario is plain JSON");
        self.scenarios.push(Planned {
            name: scenario.name.clone(),
            digest: digest(&text),
            file: Some(file.to_owned()),
            random: None,
        });
    }

    /// Adds the random scenarios of a profile.
    pub(super) fn add_random(&mut self, name: &str, profile: &str) {
        self.scenarios.push(Planned {
            name: name.to_owned(),
            digest: digest(profile),
            file: None,
            random: Some(profile.to_owned()),
        });
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.scenarios.iter().map(|planned| planned.name.clone()).collect()
    }

    pub(super) fn places(&self) -> Vec<Place> {
        let place = |planned: &Planned| match (&planned.file, &planned.random) {
            (Some(file), _) => Place::File(file.clone()),
            (None, random) => Place::Random(random.clone().unwrap_or_default()),
        };
        self.scenarios.iter().map(place).collect()
    }

    pub(super) fn seeds(&self) -> Option<SeedRange> {
        self.seeds.parse().ok()
    }

    pub(super) fn seeds_from(&self) -> Option<&str> {
        self.seeds_from.as_deref()
    }

    /// Whether this is the plan of another part of the same work, in words what is not so.
    pub(super) fn is_part_of(&self, other: &Self) -> Result<(), String> {
        let same = |what: &str, here: &str, there: &str| match here == there {
            true => Ok(()),
            false => Err(format!("{what}: it has {here}, expected {there}")),
        };
        let from = |plan: &Self| plan.seeds_from.clone().unwrap_or_else(|| "nothing".to_owned());
        same("format", &self.format.to_string(), &other.format.to_string())?;
        same("version", &self.version, &other.version)?;
        same("seeds", &self.seeds, &other.seeds)?;
        same("seeds from", &from(self), &from(other))?;
        let (here, there) = (self.names(), other.names());
        if let Some(more) = here.iter().find(|name| !there.contains(name)) {
            return Err(format!("scenario {more}: not expected"));
        }
        if let Some(missing) = there.iter().find(|name| !here.contains(name)) {
            return Err(format!("scenario {missing}: it has none"));
        }
        same("scenarios", &here.join(", "), &there.join(", "))?;
        self.scenarios.iter().zip(&other.scenarios).try_for_each(|(here, there)| {
            let what = format!("scenario {}, digest of its text", here.name);
            same(&what, &here.digest.to_string(), &there.digest.to_string())
        })
    }

    /// Whether this is the same plan, in words what differs.
    fn is(&self, other: &Self) -> Result<(), String> {
        self.is_part_of(other)?;
        match self.shard == other.shard {
            true => Ok(()),
            false => Err(format!("shard: it has {}, expected {}", self.shard, other.shard)),
        }
    }

    fn line(&self) -> String {
        serde_json::to_string(self).expect("a plan is plain JSON") + "\n"
    }
}

fn digest(text: &str) -> Digest {
    Digest(xxhash_rust::xxh3::xxh3_128(text.as_bytes()))
}

/// One seed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    scenario: String,
    index: usize,
    seed: u64,
    outcome: String,
    signature: Option<String>,
    digest: Digest,
    virtual_ns: u64,
    ops: u64,
    reboots: u64,
    faults: u64,
    events: u64,
    wall_us: u64,
    rechecked: bool,
    probes: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    headline: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stuck: Option<String>,
}

impl Line {
    fn of(run: &SeedRun, scenario: &str, in_full: bool) -> Self {
        let result = &run.result;
        let report = run.failure.as_ref().filter(|_| in_full).map(|text| text.report.clone());
        Self {
            scenario: scenario.to_owned(),
            index: result.scenario,
            seed: result.seed,
            outcome: result.outcome.name().to_owned(),
            signature: result.signature.as_ref().map(Signature::to_string),
            digest: Digest(result.digest),
            virtual_ns: result.virtual_time.get(),
            ops: result.ops,
            reboots: result.reboots,
            faults: result.faults,
            events: result.events,
            wall_us: u64::try_from(run.wall.as_micros()).unwrap_or(u64::MAX),
            rechecked: run.rechecked,
            probes: run.probes.iter().cloned().collect(),
            headline: run.failure.as_ref().map(|text| text.headline.clone()),
            report,
            stuck: run.stuck.clone(),
        }
    }

    /// The seed again, of a plan of scenarios of these names.
    fn run(self, names: &[String]) -> Result<SeedRun, String> {
        if names.get(self.index) != Some(&self.scenario) {
            return Err(format!(
                "the plan has no scenario {} called {}",
                self.index, self.scenario
            ));
        }
        let outcome = Outcome::of_name(&self.outcome)
            .ok_or_else(|| format!("there is no outcome `{}`", self.outcome))?;
        let result = SeedResult {
            scenario: self.index,
            seed: self.seed,
            outcome,
            signature: self.signature.as_deref().map(Signature::of_text),
            digest: self.digest.0,
            virtual_time: Nanos::new(self.virtual_ns),
            ops: self.ops,
            reboots: self.reboots,
            faults: self.faults,
            events: self.events,
        };
        let report = self.report.unwrap_or_default();
        let failure = self.headline.map(|headline| FailureText { headline, report });
        Ok(SeedRun {
            result,
            failure,
            stuck: self.stuck,
            probes: self.probes.into_iter().collect(),
            wall: Duration::from_micros(self.wall_us),
            rechecked: self.rechecked,
        })
    }
}

/// What a state file holds.
pub(super) struct Kept {
    pub(super) plan: Plan,
    pub(super) runs: Vec<SeedRun>,
    /// Whether its last line is torn, and left out.
    pub(super) torn: bool,
    /// Bytes up to the end of the last whole line.
    whole: u64,
}

impl Kept {
    /// Reads a state file.
    pub(super) fn load(path: &Path) -> Result<Self, Failure> {
        let bytes = std::fs::read(path).map_err(|error| bad(path, error.to_string()))?;
        Self::parse(path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Failure> {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let mut lines = (1..).zip(bytes[..whole].split_inclusive(|byte| *byte == b'\n'));
        let no_state =
            |why: String| bad(path, format!("its first line is no plan of a sweep: {why}"));
        let (_, first) = lines.next().ok_or_else(|| no_state("there is none".to_owned()))?;
        let plan: Plan = serde_json::from_slice(first).map_err(|it| no_state(it.to_string()))?;
        if plan.stormglass != KIND {
            return Err(no_state(format!("it is one of `{}`", plan.stormglass)));
        }
        let names = plan.names();
        let mut runs = Vec::new();
        for (number, line) in lines {
            let read = serde_json::from_slice::<Line>(line).map_err(|error| error.to_string());
            let run = read.and_then(|line| line.run(&names));
            runs.push(run.map_err(|why| bad(path, format!("line {number}: {why}")))?);
        }
        Ok(Self { plan, runs, torn: whole < bytes.len(), whole: whole as u64 })
    }
}

fn bad(path: &Path, why: String) -> Failure {
    Failure::State { path: path.to_owned(), why }
}

/// A state file that is being written.
pub(super) struct State {
    path: PathBuf,
    file: File,
    names: Vec<String>,
    /// Of each signature, what is first in order and what is fastest so far.
    told: BTreeMap<String, [(u64, usize, u64); 2]>,
}

/// What was in a state file when a sweep took it up.
pub(super) struct Resumed {
    pub(super) runs: Vec<SeedRun>,
    pub(super) torn: bool,
}

impl State {
    /// Opens the file for this plan, a new one or one that was left before its end.
    ///
    /// # Errors
    /// When it is of another plan, is no state file, is being written by another sweep, or cannot be written.
    pub(super) fn open(path: &Path, plan: &Plan) -> Result<(Self, Resumed), Failure> {
        let output = |source| Failure::Output { path: path.to_owned(), source };
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
        let mut file = options.open(path).map_err(output)?;
        // A file system that has no locks is used without.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(bad(path, "another sweep is writing it".to_owned()));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(output)?;
        let line = plan.line();
        let mut state =
            Self { path: path.to_owned(), file, names: plan.names(), told: BTreeMap::new() };
        if !bytes.contains(&b'\n') && line.as_bytes().starts_with(&bytes) {
            let torn = !bytes.is_empty();
            state
                .begin_at(0)
                .and_then(|()| state.file.write_all(line.as_bytes()))
                .map_err(output)?;
            return Ok((state, Resumed { runs: Vec::new(), torn }));
        }
        let kept = Kept::parse(path, &bytes)?;
        kept.plan.is(plan).map_err(|why| bad(path, format!("it is of another plan: {why}")))?;
        state.begin_at(kept.whole).map_err(output)?;
        let mut seen = BTreeSet::new();
        let runs = kept.runs.into_iter().filter(|run| seen.insert(run.turn())).collect::<Vec<_>>();
        for run in &runs {
            state.is_news(run);
        }
        Ok((state, Resumed { runs, torn: kept.torn }))
    }

    fn begin_at(&mut self, end: u64) -> io::Result<()> {
        self.file.set_len(end)?;
        self.file.seek(SeekFrom::Start(end)).map(drop)
    }

    /// Adds a seed.
    pub(super) fn add(&mut self, run: &SeedRun) -> Result<(), Failure> {
        let in_full = self.is_news(run);
        let line = Line::of(run, &self.names[run.result.scenario], in_full);
        let line = serde_json::to_string(&line).expect("a line is plain JSON") + "\n";
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|source| Failure::Output { path: self.path.clone(), source })
    }

    /// Whether it is the first in order, or the fastest, of its signature so far.
    fn is_news(&mut self, run: &SeedRun) -> bool {
        let Some(signature) = &run.result.signature else { return true };
        let SeedResult { events, scenario, seed, .. } = run.result;
        let this = [(0, scenario, seed), (events, scenario, seed)];
        let Some(least) = self.told.get_mut(signature.as_str()) else {
            self.told.insert(signature.to_string(), this);
            return true;
        };
        let news = this[0] < least[0] || this[1] < least[1];
        *least = [this[0].min(least[0]), this[1].min(least[1])];
        news
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use tempfile::TempDir;

    use crate::base::Nanos;
    use crate::run::fake::scenario;
    use crate::run::{FailureText, Outcome, SeedRange, SeedResult, SeedRun, Shard, Signature};

    use super::{Kept, Plan, State};

    fn plan(names: &[&str], seeds: u64) -> Plan {
        let mut plan = Plan::new(SeedRange::up_to(seeds).unwrap(), None, Shard::WHOLE);
        for name in names {
            plan.add_scenario(&scenario(name), &PathBuf::from(format!("{name}.json")));
        }
        plan
    }

    fn run(seed: u64, events: u64) -> SeedRun {
        let failed = seed.is_multiple_of(2);
        let text = FailureText { headline: "hangs".into(), report: "c0\n  waits".into() };
        SeedRun {
            result: SeedResult {
                scenario: 1,
                seed,
                outcome: if failed { Outcome::Liveness } else { Outcome::Pass },
                signature: failed.then(|| Signature::of_text("liveness/hangs")),
                digest: 7 << 100 | u128::from(seed),
                virtual_time: Nanos::from_millis(3),
                ops: 12,
                reboots: 1,
                faults: 2,
                events,
            },
            failure: failed.then_some(text),
            stuck: None,
            probes: vec![("rare".to_owned(), 4)],
            wall: Duration::from_micros(1_500),
            rechecked: seed == 3,
        }
    }

    fn file() -> (TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("night.state");
        (dir, path)
    }

    fn refusal(path: &Path, plan: &Plan) -> String {
        let failure = State::open(path, plan).err().expect("it is refused");
        let text = failure.to_string();
        text.split_once(": ").expect("the file's name comes first").1.to_owned()
    }

    #[test]
    fn what_was_written_is_read_again() {
        let (_dir, path) = file();
        let plan = plan(&["a", "b"], 9);
        let (mut state, resumed) = State::open(&path, &plan).unwrap();
        assert!(resumed.runs.is_empty() && !resumed.torn);
        let runs = [run(1, 50), run(2, 50), run(3, 50)];
        runs.iter().for_each(|run| state.add(run).unwrap());
        drop(state);
        let (_state, resumed) = State::open(&path, &plan).unwrap();
        assert_eq!(resumed.runs, runs);
        assert!(!resumed.torn);
    }

    #[test]
    fn a_torn_last_line_is_left_out_wherever_it_was_torn() {
        let (_dir, path) = file();
        let plan = plan(&["a", "b"], 9);
        let (mut state, _) = State::open(&path, &plan).unwrap();
        (1..=3).for_each(|seed| state.add(&run(seed, 50)).unwrap());
        drop(state);
        let whole = std::fs::read(&path).unwrap();
        let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let (mut state, resumed) = State::open(&path, &plan).unwrap();
            let lines = ends.iter().filter(|end| **end < length).count();
            assert_eq!(resumed.runs.len(), lines.saturating_sub(1), "of {length} bytes");
            for seed in resumed.runs.len() as u64 + 1..=3 {
                state.add(&run(seed, 50)).unwrap();
            }
            drop(state);
            assert_eq!(std::fs::read(&path).unwrap(), whole, "after {length} bytes");
        }
    }

    #[test]
    fn a_failure_is_told_in_full_where_a_report_may_show_it() {
        let (_dir, path) = file();
        let plan = plan(&["a", "b"], 9);
        let (mut state, _) = State::open(&path, &plan).unwrap();
        for (seed, events) in [(4, 50), (6, 60), (2, 70), (8, 40)] {
            state.add(&run(seed, events)).unwrap();
        }
        let told = Kept::load(&path).unwrap().runs;
        let full = |run: &SeedRun| !run.failure.as_ref().unwrap().report.is_empty();
        assert_eq!(told.iter().map(full).collect::<Vec<_>>(), [true, false, true, true]);
    }

    #[test]
    fn a_file_of_another_plan_is_refused_with_what_differs() {
        let (_dir, path) = file();
        let first = plan(&["a", "b"], 9);
        drop(State::open(&path, &first).unwrap());
        let before = std::fs::read(&path).unwrap();
        let other = "it is of another plan: ";
        let seeds = refusal(&path, &plan(&["a", "b"], 10));
        assert_eq!(seeds, format!("{other}seeds: it has 1..9, expected 1..10"));
        let fewer = refusal(&path, &plan(&["a"], 9));
        assert_eq!(fewer, format!("{other}scenario b: not expected"));
        let more = refusal(&path, &plan(&["a", "b", "c"], 9));
        assert_eq!(more, format!("{other}scenario c: it has none"));
        let order = refusal(&path, &plan(&["b", "a"], 9));
        assert_eq!(order, format!("{other}scenarios: it has a, b, expected b, a"));
        let mut changed = plan(&["a"], 9);
        let mut scenario = scenario("b");
        scenario.about = "another".into();
        changed.add_scenario(&scenario, Path::new("b.json"));
        let text = refusal(&path, &changed);
        assert!(text.starts_with(&format!("{other}scenario b, digest of its text: ")), "{text}");
        let part = Plan { shard: "1/2".into(), ..first.clone() };
        assert!(refusal(&path, &part).ends_with("shard: it has 1/1, expected 1/2"));
        let older = Plan { version: "0.0.9".into(), ..first };
        assert!(refusal(&path, &older).contains("version: it has "));
        assert_eq!(std::fs::read(&path).unwrap(), before, "and is left as it was");
    }

    #[test]
    fn what_is_no_state_file_is_left_alone() {
        let (_dir, path) = file();
        let plan = plan(&["a", "b"], 9);
        for text in ["{ \"version\": 1 }", "{ \"version\": 1 }\n", "hello\n", "x"] {
            std::fs::write(&path, text).unwrap();
            let refused = refusal(&path, &plan);
            assert!(refused.contains("no plan of a sweep"), "{refused}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        std::fs::write(&path, plan.line() + "{}\n" + &plan.line()).unwrap();
        assert!(refusal(&path, &plan).contains("line 2: missing field `scenario`"));
    }

    #[test]
    fn two_sweeps_do_not_write_one_file() {
        let (_dir, path) = file();
        let plan = plan(&["a", "b"], 9);
        let open = State::open(&path, &plan).unwrap();
        assert!(refusal(&path, &plan).contains("another sweep is writing it"));
        drop(open);
        assert!(State::open(&path, &plan).is_ok());
    }
}
