//! One run, replay, sweep, prove: what is done with whole simulations. The only layer that starts threads.
//!
//! Everything here takes the simulation as an [`Engine`], a function from scenario and seed to a report,
//! and gives back plain data; the command line words it.

mod clean;
mod compare;
mod corpus;
mod describe;
mod engine;
mod grounds;
mod hunt;
mod merge;
mod necessary;
mod outcome;
mod plan;
mod pool;
mod prove;
mod replay;
mod seeds;
mod shrink;
mod stopwatch;
mod subject;
mod sweep;
mod tally;
mod walltimes;
mod watchdog;

pub use compare::{Bracket, first_difference};
pub use corpus::{VERSION, expectable, expected_outcome, save, seed_file};
pub use describe::{describe, describe_trespass, headline};
pub use engine::{Engine, HarnessCrash, Ran, run_once};
pub use hunt::{Found, HuntOptions, HuntReport, Hunted, hunt};
pub use merge::{Merged, merge};
pub use necessary::{Trial, Without, trials};
pub use outcome::{ExitCode, Judgement, Outcome, Signature, violations};
pub use plan::StopFlag;
pub use pool::work_off;
pub use prove::{Difference, ProveOptions, ProveReport, prove};
pub use replay::{Replayed, replay};
pub use seeds::{BadSeedRange, BadShard, NAMED_SEEDS_MAX, SeedRange, Shard};
pub use shrink::{ShrinkError, ShrinkProgress, Shrunk, Size, shrink};
pub use stopwatch::Stopwatch;
pub use subject::{Subject, Tested};
pub use sweep::{SweepEvent, SweepOptions, SweepProgress, sweep};
pub use tally::{
    FailedSeed, FailureGroup, FailureText, ScenarioTally, SeedResult, SeedRun, StuckSeed,
    SweepReport,
};
pub use walltimes::WallTimes;
pub use watchdog::{Guard, HostLimits, Watchdog, resident};

#[cfg(test)]
pub(crate) mod fake;
