//! What a run comes to: its outcome against what the scenario expects, its signature, its exit code.
//! Runs nothing and words no report.

use std::fmt;

use crate::check::Check;
use crate::check::Violation;
use crate::scenario::Expect;
use crate::world::Crash;
use crate::world::Verdict;

/// The exit codes of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitCode {
    /// All is well.
    Pass = 0,
    /// The command line makes no sense, or an output cannot be written.
    Usage = 2,
    /// A scenario or seed file cannot be used.
    BadFile = 3,
    /// A safety check was violated.
    Safety = 10,
    /// Something never came to its end.
    Liveness = 11,
    /// Two runs of one seed differ.
    Nondeterminism = 12,
    /// A scenario did not do what it declares.
    Inert = 13,
    /// Code panicked.
    Crash = 14,
}

impl ExitCode {
    /// The code that stands for several: the lowest one that is not a pass.
    #[must_use]
    pub fn lowest_failure(codes: impl IntoIterator<Item = Self>) -> Self {
        codes.into_iter().filter(|code| *code != Self::Pass).min().unwrap_or(Self::Pass)
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

crate::word_enum! {
    /// What a run comes to. `pass` is what the scenario expects, which may be a planted violation.
    pub enum Outcome {
        /// It ended as its scenario expects.
        Pass = "pass",
        /// A safety check was violated.
        Violation = "violation",
        /// It hung, or did not heal.
        Liveness = "liveness",
        /// Code panicked.
        Crash = "crash",
        /// Two runs of the same seed differ.
        Nondeterminism = "nondeterminism",
        /// A declared fault never landed.
        Inert = "inert",
        /// The failure that the scenario expects did not show.
        Missed = "missed",
        /// It was to follow a recorded schedule, which does not fit.
        Misfit = "misfit",
        /// The host gave it no more time or memory: neither a pass nor a failure, for nothing is known.
        StuckHost = "stuck-host",
    }
}

impl Outcome {
    /// The exit code of a program that saw this outcome among others. `stuck-host` says nothing; what it
    /// means that there was nothing else, [`SweepReport`](super::SweepReport) says.
    #[must_use]
    pub const fn exit_code(self) -> ExitCode {
        match self {
            Self::Pass | Self::StuckHost => ExitCode::Pass,
            Self::Violation => ExitCode::Safety,
            Self::Liveness => ExitCode::Liveness,
            Self::Crash => ExitCode::Crash,
            Self::Nondeterminism => ExitCode::Nondeterminism,
            Self::Inert | Self::Missed => ExitCode::Inert,
            Self::Misfit => ExitCode::BadFile,
        }
    }

    /// The outcome of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.name() == name)
    }
}

/// What a failure is known by over all seeds: slugs parted by slashes, such as
/// `violation/linear/stale-read`. Sweeps group by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(String);

impl Signature {
    /// A signature of these parts; each becomes lower case, digits and dashes.
    #[must_use]
    pub fn new(parts: &[&str]) -> Self {
        let parts: Vec<String> = parts.iter().map(|part| slug(part)).collect();
        Self(parts.join("/"))
    }

    /// The signature that a seed file holds, as it stands.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As part of a file name.
    #[must_use]
    pub fn slug(&self) -> String {
        slug(&self.0)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A run's verdict, held against its scenario's expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What it comes to.
    pub outcome: Outcome,
    /// What was found, also where it was expected; `None` when nothing was.
    pub signature: Option<Signature>,
}

impl Judgement {
    /// Judges a verdict. An expected violation is met when the named check is among those violated.
    #[must_use]
    pub fn of(expect: &Expect, verdict: &Verdict) -> Self {
        let (outcome, signature) = found(verdict);
        let met = match expect {
            Expect::Pass => outcome == Outcome::Pass,
            Expect::Violation(check) => {
                violations(verdict).iter().any(|v| v.check.name() == check.name())
            }
            Expect::Liveness => outcome == Outcome::Liveness,
            Expect::Crash => outcome == Outcome::Crash,
        };
        if met {
            return Self { outcome: Outcome::Pass, signature };
        }
        if outcome == Outcome::Pass {
            let signature = Some(Signature::new(&["missed", &expected_name(expect)]));
            return Self { outcome: Outcome::Missed, signature };
        }
        Self { outcome, signature }
    }

    /// Two runs of a seed of this scenario differ.
    #[must_use]
    pub fn nondeterminism(scenario: &str) -> Self {
        let signature = Signature::new(&["nondeterminism", scenario]);
        Self { outcome: Outcome::Nondeterminism, signature: Some(signature) }
    }

    /// Stormglass itself panicked, outside node code.
    #[must_use]
    pub fn harness_crash(message: &str) -> Self {
        let signature = Signature::new(&["crash", "harness", &squashed(message)]);
        Self { outcome: Outcome::Crash, signature: Some(signature) }
    }

    /// Whether the run ended as it should.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.outcome == Outcome::Pass
    }
}

/// The violations of a verdict.
#[must_use]
pub fn violations(verdict: &Verdict) -> &[Violation] {
    match verdict {
        Verdict::Violation(violations) => violations,
        _ => &[],
    }
}

fn found(verdict: &Verdict) -> (Outcome, Option<Signature>) {
    let (outcome, signature) = match verdict {
        Verdict::Pass => return (Outcome::Pass, None),
        Verdict::Stopped => return (Outcome::StuckHost, None),
        Verdict::Violation(violations) => return (of_violations(violations), primary(violations)),
        Verdict::Liveness(report) => {
            (Outcome::Liveness, Signature::new(&["liveness", &squashed(&report.kind)]))
        }
        Verdict::Crash(crash) => (Outcome::Crash, of_crash(crash)),
        Verdict::Nondeterminism(trespass) => {
            (Outcome::Nondeterminism, Signature::new(&["nondeterminism", &trespass.call]))
        }
        Verdict::Misfit(_) => (Outcome::Misfit, Signature::new(&["misfit"])),
        Verdict::Inert(entries) => {
            let first = entries.first().map_or("unknown", String::as_str);
            (Outcome::Inert, Signature::new(&["inert", first]))
        }
    };
    (outcome, Some(signature))
}

fn of_violations(violations: &[Violation]) -> Outcome {
    if violations.iter().all(|violation| violation.check == Check::Live) {
        return Outcome::Liveness;
    }
    Outcome::Violation
}

/// The signature of the first safety violation, or of the first of any kind.
fn primary(violations: &[Violation]) -> Option<Signature> {
    let safety = violations.iter().find(|violation| violation.check != Check::Live);
    let violation = safety.or_else(|| violations.first())?;
    if violation.check == Check::Live {
        return Some(Signature::new(&["liveness", violation.kind]));
    }
    Some(Signature::new(&["violation", violation.check.name(), violation.kind]))
}

fn of_crash(crash: &Crash) -> Signature {
    let file = crash.location.split(':').next().unwrap_or_default();
    let file = file.rsplit_once("src/").map_or(file, |(_, below)| below);
    let first_line = crash.message.lines().next().unwrap_or_default();
    Signature::new(&["crash", file.trim_end_matches(".rs"), &squashed(first_line)])
}

fn expected_name(expect: &Expect) -> String {
    match expect {
        Expect::Pass => "pass".to_owned(),
        Expect::Violation(check) => format!("violation-{}", check.name()),
        Expect::Liveness => "liveness".to_owned(),
        Expect::Crash => "crash".to_owned(),
    }
}

/// The text with each run of digits as one `n`: what stays the same over seeds.
fn squashed(text: &str) -> String {
    let mut squashed = String::with_capacity(text.len());
    let mut in_number = false;
    for letter in text.chars() {
        let digit = letter.is_ascii_digit();
        if !digit {
            squashed.push(letter);
        } else if !in_number {
            squashed.push('n');
        }
        in_number = digit;
    }
    squashed
}

const SLUG_MAX: usize = 60;

/// Lower-case letters, digits and single dashes, at most [`SLUG_MAX`] of them; never empty.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for letter in text.chars().map(|letter| letter.to_ascii_lowercase()) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == SLUG_MAX {
            break;
        }
    }
    let trimmed = slug.trim_end_matches('-');
    if trimmed.is_empty() { "unnamed".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use crate::base::{Nanos, NodeId};
    use crate::check::{Check, Violation};
    use crate::scenario::{CheckName, Expect};
    use crate::world::{Crash, LivenessReport, Stack, Verdict};

    use super::{ExitCode, Judgement, Outcome, Signature, slug};

    fn violation(check: Check, kind: &'static str) -> Violation {
        Violation {
            check,
            kind,
            component: "vol0".into(),
            volume: None,
            disk: None,
            block: None,
            ops: Vec::new(),
            at: Nanos::ZERO,
            found: String::new(),
            expected: String::new(),
            detail: Vec::new(),
            recent: Vec::new(),
        }
    }

    fn crash(message: &str) -> Verdict {
        Verdict::Crash(Crash {
            node: NodeId::new(0),
            task: "serve",
            spawned_at: "src/node/target/serve.rs:1".into(),
            at: Nanos::ZERO,
            message: message.into(),
            location: "/any/where/src/node/target/serve.rs:120".into(),
            backtrace: Stack::default(),
        })
    }

    fn judge(expect: Expect, verdict: &Verdict) -> (Outcome, String) {
        let judgement = Judgement::of(&expect, verdict);
        let signature = judgement.signature.as_ref().map_or("", Signature::as_str).to_owned();
        (judgement.outcome, signature)
    }

    #[test]
    fn signatures_stay_the_same_over_seeds() {
        let of = |verdict: &Verdict| judge(Expect::Pass, verdict).1;
        let stale = Verdict::Violation(vec![violation(Check::Linear, "stale-read")]);
        assert_eq!(of(&stale), "violation/linear/stale-read");
        assert_eq!(
            of(&crash("index out of bounds: the len is 3 but the index is 17\nmore")),
            "crash/node-target-serve/index-out-of-bounds-the-len-is-n-but-the-index-is-n"
        );
        assert_eq!(of(&crash("block 1234 lost")), of(&crash("block 7 lost")));
        let stuck = LivenessReport { kind: "io-never-returned".into(), waiting: Vec::new() };
        assert_eq!(of(&Verdict::Liveness(stuck)), "liveness/io-never-returned");
        let inert = Verdict::Inert(vec!["script[2] disk.slow".into(), "script[3]".into()]);
        assert_eq!(of(&inert), "inert/script-2-disk-slow");
        assert_eq!(of(&Verdict::Pass), "");
    }

    #[test]
    fn safety_outranks_liveness_among_violations() {
        let live = violation(Check::Live, "never-returned");
        let only_live = Verdict::Violation(vec![live.clone()]);
        let found = judge(Expect::Pass, &only_live);
        assert_eq!(found, (Outcome::Liveness, "liveness/never-returned".into()));
        let both = Verdict::Violation(vec![live, violation(Check::Mirrors, "differ")]);
        let found = judge(Expect::Pass, &both);
        assert_eq!(found, (Outcome::Violation, "violation/mirrors/differ".into()));
    }

    #[test]
    fn a_run_is_held_against_what_its_scenario_expects() {
        let stale = Verdict::Violation(vec![violation(Check::Linear, "stale-read")]);
        let linear = Expect::Violation(CheckName::Linear);
        let durable = Expect::Violation(CheckName::Durable);
        let signature = "violation/linear/stale-read".to_owned();
        assert_eq!(judge(linear, &stale), (Outcome::Pass, signature.clone()));
        assert_eq!(judge(durable, &stale), (Outcome::Violation, signature));
        assert_eq!(
            judge(linear, &Verdict::Pass),
            (Outcome::Missed, "missed/violation-linear".into())
        );
        assert_eq!(judge(Expect::Crash, &crash("x")).0, Outcome::Pass);
        assert_eq!(judge(Expect::Liveness, &crash("x")).0, Outcome::Crash);
        assert_eq!(judge(Expect::Pass, &Verdict::Pass), (Outcome::Pass, String::new()));
    }

    #[test]
    fn the_lowest_failure_is_the_exit_code_of_several() {
        use ExitCode::{Crash, Inert, Pass, Safety};
        assert_eq!(ExitCode::lowest_failure([]), Pass);
        assert_eq!(ExitCode::lowest_failure([Pass, Pass]), Pass);
        assert_eq!(ExitCode::lowest_failure([Crash, Pass, Safety, Inert]), Safety);
        let codes: Vec<u8> = Outcome::ALL.iter().map(|outcome| outcome.exit_code() as u8).collect();
        assert_eq!(codes, [0, 10, 11, 14, 12, 13, 13, 3, 0]);
    }

    #[test]
    fn slugs_are_fit_for_file_names() {
        assert_eq!(slug("violation/Linear/stale read!"), "violation-linear-stale-read");
        assert_eq!(slug("../../etc"), "etc");
        assert_eq!(slug("é—"), "unnamed");
        assert_eq!(slug(&"ab ".repeat(100)).len(), 59);
    }
}
