//! What one simulation is asked for and what it hands back: plain data. Runs and judges nothing.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::base::Bug;
use crate::base::Names;
use crate::base::Nanos;
use crate::base::Record;
use crate::check::Violation;
use crate::node::control::ErrorReport;
use crate::sim::Crash;
use crate::sim::Recording;
use crate::sim::Trespass;
use crate::sim::trace::Checkpoint;
use crate::sim::trace::Keep;

/// How to run a simulation. Nothing here may change its digest, except that `until`, `events_max`, `stop_at_failure`
/// and `stop` may end it earlier.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Which records to hand back in [`RunReport::trace`].
    /// All of them enter the digest in any case; each kept costs about 100 bytes.
    pub trace: Keep,
    /// Stop at this virtual time; `None` runs to the scenario's own end.
    pub until: Option<Nanos>,
    /// Stop once it has so many records ([`RunReport::events`]), or at most some thousand turns later, each time the
    /// same; `None` runs to the scenario's own end.
    pub events_max: Option<u64>,
    /// End at the first violation instead of running on with it.
    pub stop_at_failure: bool,
    /// Record the picks of the schedule in [`RunReport::schedule`].
    pub record_schedule: bool,
    /// Make these picks instead of those that the scenario's schedule would make. With the scenario and
    /// the seed that they were recorded of, it is the same run; with any other, a
    /// [`Verdict::Misfit`].
    pub replay_schedule: Option<Recording>,
    /// Is told once, in one line, how the run fails: on its thread, and below the code that made it fail, so that
    /// a debugger that stops here shows how that came about. What never happened has no such code.
    pub at_failure: Option<AtFailure>,
    /// Looked at between turns: once it is raised, from another thread, the run ends with [`Verdict::Stopped`].
    /// The simulation itself never sees it.
    pub stop: Option<Arc<AtomicBool>>,
    /// Run under the strict seal ([`crate::sim::sealed_strictly`]): a call for something of the host ends the run
    /// with [`Verdict::Nondeterminism`]. Only where [`crate::sim::strict_seal`] is to be had.
    pub strict: bool,
}

/// Somebody who is told how a run fails while it does.
pub type AtFailure = fn(&str);

impl Default for RunOptions {
    /// No trace, to the scenario's end or the first violation: what digests are compared under.
    fn default() -> Self {
        Self {
            trace: Keep::Nothing,
            until: None,
            events_max: None,
            stop_at_failure: true,
            record_schedule: false,
            replay_schedule: None,
            at_failure: None,
            stop: None,
            strict: false,
        }
    }
}

/// A simulation that did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivenessReport {
    /// What did not happen, the same over all seeds: `io-never-returned`, `volume-never-healthy`.
    pub kind: String,
    /// Who waits for what, one line each.
    pub waiting: Vec<String>,
}

/// How a simulation ended, before it is compared with what its scenario expects. That a run is not
/// deterministic takes two simulations to find, or the strict seal.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It came to its end and every check held.
    Pass,
    /// A check found something; never empty.
    Violation(Vec<Violation>),
    /// It hung, or did not heal in time.
    Liveness(LivenessReport),
    /// Node code panicked.
    Crash(Crash),
    /// These script entries never fired or had nothing to act on, such as `script[2] disk.slow`.
    Inert(Vec<String>),
    /// It called for something of the host, which the strict seal refused.
    Nondeterminism(Trespass),
    /// It was to follow a recorded schedule, which does not fit: where, in words.
    Misfit(String),
    /// It was stopped from outside ([`RunOptions::stop`]) before anything was found: nothing is known of it.
    Stopped,
}

/// A violation in one line.
pub(super) fn headline(violation: &Violation) -> String {
    format!("violation/{}", violation.signature())
}

impl Verdict {
    /// What it is, in one line.
    #[must_use]
    pub fn headline(&self) -> String {
        match self {
            Self::Pass => "pass".to_owned(),
            Self::Violation(violations) => violations.first().map_or_else(String::new, headline),
            Self::Liveness(report) => format!("liveness/{}", report.kind),
            Self::Crash(crash) => crash.headline(),
            Self::Inert(entries) => format!("inert: {}", entries.join(", ")),
            Self::Nondeterminism(trespass) => format!("nondeterminism: {}", trespass.headline()),
            Self::Misfit(misfit) => format!("misfit: {misfit}"),
            Self::Stopped => "stopped from outside".to_owned(),
        }
    }
}

/// What one simulation did.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// The scenario's name.
    pub scenario: String,
    /// The seed that decided everything.
    pub seed: u64,
    /// How it ended.
    pub verdict: Verdict,
    /// The digest of all records.
    pub digest: u128,
    /// Digests on the way, in order of `seq`.
    pub checkpoints: Vec<Checkpoint>,
    /// Virtual time at the end.
    pub virtual_time: Nanos,
    /// Operations that applications issued.
    pub ops: u64,
    /// Nodes that went down and were booted again.
    pub reboots: u64,
    /// Faults that were applied and had something to act on.
    pub faults: u64,
    /// Records written.
    pub events: u64,
    /// The records that [`RunOptions::trace`] asked for, in order.
    pub trace: Vec<Record>,
    /// The names that records are shown with.
    pub names: Names,
    /// The last records before the end, oldest first; empty when the run passed.
    pub last_events: Vec<Record>,
    /// Names of the probes that were reached, with how often, in the order of their names.
    pub probes: Vec<(String, u64)>,
    /// The reports of errors that are on the manager's disk, in the order of their numbers.
    pub errors: Vec<ErrorReport>,
    /// The picks of the schedule, if [`RunOptions::record_schedule`] asked for them.
    pub schedule: Option<Recording>,
    /// The bugs to whose places the run came, planted or not: with any other bug planted it would have been the same run.
    /// A build that can plant none says nothing of it.
    pub met: Vec<Bug>,
}
