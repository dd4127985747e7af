//! Tests of whole commands on a make-believe engine: what a person sees, what is saved, the exit code.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use tempfile::TempDir;

use crate::run::fake::{leaks_on, passes_but, scenario, stuck};
use crate::run::{Engine, ExitCode};
use crate::scenario::{Scenario, SeedFile, Words};
use crate::world::Verdict;

use super::console::Console;
use super::entry::{Variables, main_of, main_on};

#[derive(Clone, Default)]
struct Sink(Rc<RefCell<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

/// A standard output that fails in this way.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}

/// A directory with two scenarios, and commands run in it.
pub(super) struct Session {
    dir: TempDir,
}

pub(super) struct Shown {
    pub(super) code: ExitCode,
    pub(super) out: String,
    pub(super) err: String,
}

impl Session {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["calm", "stormy"] {
            let text = serde_json::to_string(&scenario(name)).unwrap();
            std::fs::write(dir.path().join(format!("{name}.json")), text).unwrap();
        }
        Self { dir }
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// Runs a command line in which `@` stands for the directory.
    pub(super) fn run(&self, command: &str, engine: &Engine<'_>) -> Shown {
        self.run_in(|_| None, command, engine)
    }

    /// The same where the environment holds these variables.
    pub(super) fn run_in(&self, variables: Variables, command: &str, engine: &Engine<'_>) -> Shown {
        let (out, err) = (Sink::default(), Sink::default());
        let console = Console::new(Box::new(out.clone()), Box::new(err.clone()));
        let here = self.dir.path().display().to_string();
        let words = command.split(' ').map(|word| word.replace('@', &here).into());
        let code = main_on(console, words.collect(), (engine, &Words::default()), variables);
        let text = |sink: Sink| sink.text().replace(&here, "@");
        Shown { code, out: text(out), err: text(err) }
    }
}

/// Every tenth seed of `stormy` hangs.
pub(super) fn hangs(scenario: &Scenario, seed: u64) -> Option<Verdict> {
    (scenario.name == "stormy" && seed.is_multiple_of(10)).then(|| stuck("io-never-returned"))
}

pub(super) const SWEEP: &str = "stormglass sweep @/calm.json @/stormy.json --save @/seeds";

#[test]
fn an_engine_of_ones_own_is_not_passed_over() {
    let session = Session::new();
    let engine = passes_but(hangs);
    for command in ["debug @/calm.json", "hunt @", "sweep --random", "sweep @ --random"] {
        let (out, err) = (Sink::default(), Sink::default());
        let console = Console::new(Box::new(out.clone()), Box::new(err.clone()));
        let here = session.path("");
        let line = format!("mine {command}").replace("@/", &here).replace('@', &here);
        let words = line.split(' ').map(Into::into).collect();
        let code = main_of(console, words, (&engine, &Words::default()), (|_| None, true));
        assert_eq!(code, ExitCode::Usage, "{command}");
        assert!(err.text().contains("is about the reference cluster"), "{}", err.text());
    }
}

#[test]
fn a_sweep_tells_groups_saves_the_fastest_and_ends_with_the_command() {
    let session = Session::new();
    let shown = session.run(&format!("{SWEEP} --seeds 45"), &passes_but(hangs));
    assert_eq!(shown.code, ExitCode::Liveness);
    assert!(shown.err.contains("failed: stormy seed "), "{}", shown.err);
    let (_, failures) = shown.out.split_once("run twice\n").unwrap();
    assert_eq!(
        failures,
        "1 distinct failure in 4 of 90 seeds:

liveness/io-never-returned: 4 in stormy
  first stormy seed 10, fastest stormy seed 40
    io-never-returned; waiting:
      c0 waits for t0
  saved as @/seeds/liveness-io-never-returned-40.json

To replay, and to look at:
  stormglass replay @/seeds/liveness-io-never-returned-40.json
  stormglass view @/seeds/liveness-io-never-returned-40.json --html failure.html
"
    );
    let path = session.path("seeds/liveness-io-never-returned-40.json");
    let saved = SeedFile::load(Path::new(&path)).unwrap();
    assert_eq!((saved.seed, saved.expect.as_str()), (40, "liveness"));
    assert_eq!(saved.scenario.name, "stormy");
}

#[test]
fn what_a_sweep_saved_is_replayed_bit_for_bit() {
    let session = Session::new();
    session.run(&format!("{SWEEP} --seeds 45"), &passes_but(hangs));
    let replay = "stormglass replay @/seeds/liveness-io-never-returned-40.json";
    let same = session.run(replay, &passes_but(hangs));
    assert_eq!(same.code, ExitCode::Liveness);
    assert!(same.out.ends_with("bit for bit\n"), "{}", same.out);
    let fixed = session.run(replay, &passes_but(|_, _| None));
    assert_eq!(fixed.code, ExitCode::Pass);
    assert!(fixed.out.contains("outcome   was liveness, is pass\n"), "{}", fixed.out);
    assert!(fixed.out.ends_with("no match: the program has changed since\n"), "{}", fixed.out);
}

#[test]
fn results_are_equal_bytes_on_one_and_eight_threads() {
    let session = Session::new();
    for jobs in ["1", "8"] {
        let options = format!("--seeds 30 --jobs {jobs} --json @/{jobs}.json");
        session.run(&format!("{SWEEP} {options}"), &passes_but(hangs));
    }
    let read = |name| std::fs::read_to_string(session.path(name)).unwrap();
    let (one, eight) = (read("1.json"), read("8.json"));
    assert_eq!(one, eight);
    let value: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!(value["results"].as_array().unwrap().len(), 60);
    assert_eq!(value["results"][39]["signature"], "liveness/io-never-returned");
    assert_eq!(value["failures"][0]["scenarios"]["stormy"], 3);
    assert_eq!(value["exit_code"], 11);
}

#[test]
fn json_on_standard_output_is_alone_there() {
    let session = Session::new();
    let shown = session.run(&format!("{SWEEP} --seeds 2 --json -"), &passes_but(hangs));
    assert!(serde_json::from_str::<serde_json::Value>(&shown.out).is_ok(), "{}", shown.out);
    assert!(shown.err.contains("no failure"), "{}", shown.err);
}

#[test]
fn junit_has_a_case_for_each_seed() {
    let session = Session::new();
    session.run(&format!("{SWEEP} --seeds 10 --junit @/out.xml"), &passes_but(hangs));
    let xml = std::fs::read_to_string(session.path("out.xml")).unwrap();
    assert!(xml.contains(r#"tests="20" skipped="0" failures="1" errors="0""#), "{xml}");
    assert!(xml.contains(r#"<testcase name="seed 10" classname="stormy""#), "{xml}");
    assert!(xml.contains(r#"<failure message="liveness/io-never-returned" type="liveness""#));
    assert!(xml.contains("c0 waits for t0") && xml.contains("stormy.json --seed 10"), "{xml}");
}

#[test]
fn a_sweep_whose_seeds_cannot_be_saved_still_reports() {
    let session = Session::new();
    let command = "stormglass sweep @/stormy.json --seeds 10 --save @/calm.json/seeds";
    let shown = session.run(command, &passes_but(hangs));
    assert_eq!(shown.code, ExitCode::Liveness);
    assert!(shown.out.contains("not saved: @/calm.json/seeds/"), "{}", shown.out);
    assert!(shown.out.ends_with("  stormglass run @/stormy.json --seed 10\n"), "{}", shown.out);
}

#[test]
fn a_run_that_fails_ends_with_the_command() {
    let session = Session::new();
    let shown = session.run("stormglass run @/stormy.json --seed 20", &passes_but(hangs));
    assert_eq!(shown.code, ExitCode::Liveness);
    assert!(shown.out.starts_with("scenario  stormy seed 20\noutcome   liveness\n"));
    let end = "\nTo replay, and to look at:\n  stormglass run @/stormy.json --seed 20\n  \
               stormglass view @/stormy.json --seed 20 --html failure.html\nTo stand at the failure and look \
               around:\n  stormglass debug @/stormy.json --seed 20\n";
    assert!(shown.out.ends_with(end), "{}", shown.out);
}

#[test]
fn a_run_as_json_is_one_object_of_fixed_keys() {
    let session = Session::new();
    let shown = session.run("stormglass run @/stormy.json --json", &passes_but(hangs));
    let value: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
    let expected =
        "scenario seed outcome signature digest virtual_ns ops reboots faults probes violations";
    assert!(keys.iter().copied().eq(expected.split(' ')), "{keys:?}");
    assert_eq!((&value["seed"], &value["outcome"]), (&1.into(), &"pass".into()));
    assert_eq!(value["digest"].as_str().unwrap().len(), 32);
    assert_eq!(shown.code, ExitCode::Pass);
}

#[test]
fn a_trace_is_written_where_it_was_asked_for() {
    let session = Session::new();
    let run = "stormglass run @/calm.json --seed 60 --trace @/trace.jsonl";
    assert_eq!(session.run(run, &passes_but(hangs)).code, ExitCode::Pass);
    let trace = std::fs::read_to_string(session.path("trace.jsonl")).unwrap();
    assert_eq!(trace.lines().count(), 90);
    let nowhere = session.run("stormglass run @/calm.json --trace @/no/dir", &passes_but(hangs));
    assert_eq!(nowhere.code, ExitCode::Usage);
    assert!(nowhere.err.starts_with("error: @/no/dir: the file cannot be written"));
}

#[test]
fn a_proof_names_the_first_event_that_differs() {
    let session = Session::new();
    let shown = session.run("stormglass prove @/calm.json --seeds 3..4", &leaks_on(4));
    assert_eq!(shown.code, ExitCode::Nondeterminism);
    assert!(shown.out.starts_with("calm seed 4 is not deterministic\n"), "{}", shown.out);
    assert!(shown.out.contains("the first event that differs, within records 9 to 12:\n"));
    assert!(shown.out.contains(" fake.tick value=100"), "{}", shown.out);
    let fine = session.run("stormglass prove @/calm.json --seeds 3", &leaks_on(4));
    assert_eq!(fine.code, ExitCode::Pass);
    assert!(fine.out.ends_with(": no difference\n"), "{}", fine.out);
}

#[test]
fn a_proof_tells_of_runs_that_fail_alike() {
    let session = Session::new();
    let shown = session.run("stormglass prove @/stormy.json --seeds 1..80", &passes_but(hangs));
    assert_eq!(shown.code, ExitCode::Pass, "they are deterministic");
    assert!(shown.out.contains("seeds did not pass, both times alike:\n"), "{}", shown.out);
    assert!(shown.out.contains("  stormy seed 10: liveness\n"), "{}", shown.out);
    assert!(shown.out.ends_with(": no difference\n"), "{}", shown.out);
}

#[test]
fn a_panic_of_stormglass_itself_is_told_as_such() {
    let session = Session::new();
    let engine = |_: &Scenario, _: u64, _: &_| std::panic::resume_unwind(Box::new("lost my mind"));
    let shown = session.run("stormglass run @/calm.json", &engine);
    assert_eq!(shown.code, ExitCode::Crash);
    assert!(shown.err.contains("calm seed 1: lost my mind\nThis is a bug in stormglass"));
}

#[test]
fn seed_files_and_scenarios_are_told_apart() {
    let session = Session::new();
    session.run(&format!("{SWEEP} --seeds 10"), &passes_but(hangs));
    let seed = "@/seeds/liveness-io-never-returned-10.json";
    let shown = session.run(&format!("stormglass run {seed}"), &passes_but(hangs));
    assert_eq!(shown.code, ExitCode::BadFile);
    assert!(shown.err.contains("`stormglass replay` runs those"), "{}", shown.err);
    let all = session.run("stormglass validate @", &passes_but(hangs));
    assert_eq!((all.code, all.out.as_str()), (ExitCode::Pass, "3 files: no error\n"));
    let path = session.path("seeds/liveness-io-never-returned-10.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("\"expect\": \"liveness\"", "\"expect\": \"hope\"");
    std::fs::write(&path, text).unwrap();
    let bad = session.run(&format!("stormglass replay {seed}"), &passes_but(hangs));
    assert_eq!(bad.code, ExitCode::BadFile);
    assert!(bad.err.contains("found `hope`, expected pass, violation, liveness"), "{}", bad.err);
}

#[test]
fn a_reader_that_goes_away_changes_no_exit_code() {
    let session = Session::new();
    let run = |kind, seed: &str| {
        let console = Console::new(Box::new(Broken(kind)), Box::new(io::sink()));
        let words = ["stormglass", "run", &session.path("stormy.json"), "--seed", seed];
        main_on(
            console,
            words.map(Into::into).into(),
            (&passes_but(hangs), &Words::default()),
            |_| None,
        )
    };
    assert_eq!(run(io::ErrorKind::BrokenPipe, "1"), ExitCode::Pass);
    assert_eq!(run(io::ErrorKind::BrokenPipe, "10"), ExitCode::Liveness);
    assert_eq!(run(io::ErrorKind::StorageFull, "1"), ExitCode::Usage);
    assert_eq!(run(io::ErrorKind::StorageFull, "10"), ExitCode::Liveness);
}
