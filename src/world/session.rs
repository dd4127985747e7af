//! A simulation that somebody leads turn by turn and looks into between two turns. Leads none itself.

use crate::base::{Names, Nanos, Record, Seq, plant};
use crate::scenario::Scenario;
use crate::sim::sealed;
use crate::sim::trace::{Checkpoint, Keep};

use super::report::{RunOptions, Verdict};
use super::simulate::World;

/// How far a simulation has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Turns of the kernel: tasks polled and events fired.
    pub turn: u64,
    /// Records written: the sequence number of the last one.
    pub seq: Seq,
    /// Virtual time.
    pub at: Nanos,
}

/// A simulation under way, standing still between two turns. All its records are kept.
///
/// Looking into it changes nothing: led to its end it has the digest that [`simulate`](super::simulate)
/// gives the same scenario and seed, and up to its first failure the same records.
pub struct Session<'a> {
    pub(super) world: World<'a>,
    turns: u64,
    over: bool,
    end: Option<Verdict>,
}

impl Session<'_> {
    /// Runs `lead` on a fresh, sealed thread with the simulation of this scenario and seed, which has been
    /// switched on and has not taken a turn.
    ///
    /// # Panics
    /// When the host cannot start a thread, or when `lead` panics.
    pub fn lead<T: Send>(
        scenario: &Scenario,
        seed: u64,
        lead: impl FnOnce(&mut Session<'_>) -> T + Send,
    ) -> T {
        sealed(seed, || {
            plant(scenario.plant.iter().copied());
            let options = RunOptions { trace: Keep::All, ..RunOptions::default() };
            let mut world = World::new(scenario, seed, &options);
            world.begin();
            let mut session = Session { world, turns: 0, over: false, end: None };
            let result = lead(&mut session);
            session.world.stage.kernel.dismantle();
            result
        })
    }

    /// Takes one turn. Says whether there was one to take: after the end there is none.
    pub fn step(&mut self) -> bool {
        if self.over {
            return false;
        }
        self.turns += 1;
        self.over = self.world.step(false);
        true
    }

    /// Where it stands.
    #[must_use]
    pub fn position(&self) -> Position {
        let kernel = &self.world.stage.kernel;
        Position { turn: self.turns, seq: kernel.records(), at: kernel.now() }
    }

    /// Whether the run has come to its end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// How many things have gone wrong so far. A run goes on after a violation, and may meet more.
    #[must_use]
    pub fn failures(&self) -> usize {
        let violations = self.world.watch.checkers.borrow().violations().len();
        let crashed = self.world.stage.kernel.crash().is_some();
        violations + usize::from(crashed) + usize::from(self.world.failure.is_some())
    }

    /// What has gone wrong so far; at the end of a run that met nothing, `Pass`.
    #[must_use]
    pub fn verdict(&mut self) -> Option<Verdict> {
        if self.end.is_none() {
            if let Some(crash) = self.world.stage.kernel.crash() {
                return Some(Verdict::Crash(crash));
            }
            let violations = self.world.watch.checkers.borrow().violations().to_vec();
            if !violations.is_empty() {
                return Some(Verdict::Violation(violations));
            }
            if self.world.failure.is_some() {
                return self.world.failure.clone();
            }
            if self.over {
                self.end = Some(Verdict::Pass);
            }
        }
        self.end.clone()
    }

    /// The digest of all records so far.
    #[must_use]
    pub fn digest(&self) -> u128 {
        self.world.stage.kernel.digest()
    }

    /// Digests at regular distances, up to here.
    #[must_use]
    pub fn checkpoints(&self) -> Vec<Checkpoint> {
        self.world.stage.kernel.checkpoints()
    }

    /// The names that records are shown with.
    #[must_use]
    pub fn names(&self) -> Names {
        let kernel = &self.world.stage.kernel;
        Names { sites: kernel.sites(), ..self.world.stage.names.clone() }
    }

    /// Looks at all records so far, in order.
    pub fn look_at_trace<R>(&self, look: impl FnOnce(&[Record]) -> R) -> R {
        self.world.stage.kernel.look_at_trace(look)
    }

    /// How often each probe was reached, by name.
    #[must_use]
    pub fn probes(&self) -> Vec<(String, u64)> {
        self.world.stage.kernel.reached()
    }
}
