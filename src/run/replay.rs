//! A saved failure again, held against what its file expects. Reads and writes no file.

use crate::scenario::SeedFile;
use crate::world::RunOptions;

use super::compare::{Bracket, first_difference};
use super::corpus::VERSION;
use super::engine::{Engine, HarnessCrash, Ran, run_once};
use super::outcome::{ExitCode, Judgement, Outcome};

/// How a replay compares with its file.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The run.
    pub ran: Ran,
    /// Whether outcome and signature are those of the file.
    pub same_outcome: bool,
    /// Whether the digest is that of the file; `None` when the run was cut short on request.
    pub same_digest: Option<bool>,
    /// Where a second run parted from the first, when the digest was not that of the file and the
    /// seed was run again to see whether it is deterministic at all.
    pub unsteady: Option<Bracket>,
    /// What no longer matches, one line each, each with what the file has and what the run had.
    pub differences: Vec<String>,
}

impl Replayed {
    /// The exit code of a program that replayed this: that of the run's own outcome.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        self.ran.judgement.outcome.exit_code()
    }

    /// Whether the run was that of the file to the last bit.
    #[must_use]
    pub fn matches(&self) -> bool {
        self.same_outcome && self.same_digest != Some(false) && self.unsteady.is_none()
    }
}

/// Runs the file's scenario and seed again.
///
/// # Errors
/// When the engine panics.
pub fn replay(
    engine: &Engine<'_>,
    file: &SeedFile,
    options: &RunOptions,
) -> Result<Replayed, HarnessCrash> {
    let ran = run_once(engine, &file.scenario, file.seed, options)?;
    let digest = ran.report.digest;
    let whole = options.until.is_none_or(|until| ran.report.virtual_time < until);
    let same_digest = whole.then_some(digest == file.digest.0);
    let mut replayed =
        Replayed { ran, same_outcome: true, same_digest, unsteady: None, differences: Vec::new() };
    let expects_nondeterminism = file.expect == Outcome::Nondeterminism.name();
    if same_digest == Some(false) || expects_nondeterminism {
        let again = run_once(engine, &file.scenario, file.seed, &RunOptions::default())?;
        replayed.unsteady = first_difference(&replayed.ran.report, &again.report);
    }
    if replayed.unsteady.is_some() {
        replayed.ran.judgement = Judgement::nondeterminism(&file.scenario.name);
    }
    compare(file, &mut replayed);
    Ok(replayed)
}

fn compare(file: &SeedFile, replayed: &mut Replayed) {
    let judgement = &replayed.ran.judgement;
    let mut differences = Vec::new();
    let mut differ = |what: &str, was: &str, is: &str| {
        if was != is {
            differences.push(format!("{what:<9} was {was}, is {is}"));
        }
    };
    differ("outcome", &file.expect, judgement.outcome.name());
    let signature = judgement.signature.as_ref().map_or("none", |signature| signature.as_str());
    // A fixed bug keeps its signature in the file, to be known by.
    let fixed = file.expect == Outcome::Pass.name();
    if !(fixed && judgement.passed()) {
        differ("signature", file.signature.as_deref().unwrap_or("none"), signature);
    }
    replayed.same_outcome = differences.is_empty();
    if replayed.same_digest == Some(false) {
        let digest = crate::scenario::Digest(replayed.ran.report.digest);
        differences.push(format!("{:<9} was {}, is {digest}", "digest", file.digest));
    }
    if !differences.is_empty() {
        differences.push(match file.found_by == VERSION {
            true => format!("{:<9} {VERSION} then and now: its code has changed since", "version"),
            false => format!("{:<9} was {}, is {VERSION}", "version", file.found_by),
        });
    }
    replayed.differences = differences;
}

#[cfg(test)]
mod tests {
    use crate::base::Nanos;
    use crate::run::fake::{leaks_on, passes_but, report, scenario, stuck};
    use crate::run::outcome::{ExitCode, Outcome};
    use crate::scenario::{Digest, Scenario, SeedFile};
    use crate::world::RunOptions;

    use super::{Engine, Replayed, replay};

    fn file(expect: &str, signature: &str, digest: u128) -> SeedFile {
        SeedFile {
            version: 1,
            scenario: scenario("a"),
            seed: 5,
            expect: expect.into(),
            signature: (!signature.is_empty()).then(|| signature.into()),
            digest: Digest(digest),
            found_by: "0.0.1".into(),
            note: None,
        }
    }

    fn run(engine: &Engine<'_>, file: &SeedFile) -> Replayed {
        replay(engine, file, &RunOptions::default()).unwrap()
    }

    #[test]
    fn the_same_failure_matches_and_still_fails() {
        let engine = passes_but(|_, _| Some(stuck("hangs")));
        let digest = run(&engine, &file("pass", "", 0)).ran.report.digest;
        let replayed = run(&engine, &file("liveness", "liveness/hangs", digest));
        assert!(replayed.matches() && replayed.differences.is_empty());
        assert_eq!(replayed.exit_code(), ExitCode::Liveness);
    }

    #[test]
    fn a_fixed_bug_passes() {
        let engine = passes_but(|_, _| None);
        let digest = run(&engine, &file("pass", "", 0)).ran.report.digest;
        let replayed = run(&engine, &file("pass", "liveness/hangs", digest));
        assert!(replayed.matches());
        assert_eq!(replayed.exit_code(), ExitCode::Pass);
    }

    #[test]
    fn what_no_longer_matches_is_named_with_the_version() {
        let engine = passes_but(|_, _| Some(stuck("hangs")));
        let replayed = run(&engine, &file("violation", "violation/linear/stale-read", 1));
        assert!(!replayed.matches() && replayed.unsteady.is_none());
        let lines = &replayed.differences;
        assert_eq!(lines[0], "outcome   was violation, is liveness");
        assert_eq!(lines[1], "signature was violation/linear/stale-read, is liveness/hangs");
        assert!(lines[2].starts_with("digest    was 00000000000000000000000000000001, is "));
        assert_eq!(lines[3], format!("version   was 0.0.1, is {}", env!("CARGO_PKG_VERSION")));
        assert_eq!(replayed.exit_code(), ExitCode::Liveness);
    }

    #[test]
    fn code_that_changed_under_one_version_is_said_to_have() {
        let engine = passes_but(|_, _| None);
        let same = SeedFile { found_by: env!("CARGO_PKG_VERSION").into(), ..file("pass", "", 1) };
        let lines = run(&engine, &same).differences;
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!("version   {version} then and now: its code has changed since");
        assert_eq!(lines.last(), Some(&expected));
    }

    #[test]
    fn a_digest_that_never_settles_is_nondeterminism() {
        let replayed = run(&leaks_on(5), &file("pass", "", 1));
        assert!(replayed.unsteady.is_some() && !replayed.matches());
        assert_eq!(replayed.ran.judgement.outcome, Outcome::Nondeterminism);
        assert_eq!(replayed.exit_code(), ExitCode::Nondeterminism);
    }

    #[test]
    fn a_run_cut_short_has_no_digest_to_compare() {
        let engine = |scenario: &Scenario, seed: u64, options: &RunOptions| {
            let mut report = report(scenario, seed, options, &[1]);
            report.virtual_time = options.until.unwrap_or(Nanos::from_secs(1));
            report
        };
        let until = Some(Nanos::from_millis(3));
        let options = RunOptions { until, ..RunOptions::default() };
        let replayed = replay(&engine, &file("pass", "", 1), &options).unwrap();
        assert_eq!(replayed.same_digest, None);
        assert!(replayed.matches());
    }
}
