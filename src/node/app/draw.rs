//! Chooses an application's next operation. Issues nothing.

use crate::base::Odds;
use crate::base::history::OpKind;
use crate::sim::{NodeHandle, Rng};

use super::application::{AppConfig, AppKind, AppProgress};
use super::job::Turn;

/// How often which kind of operation is drawn: weights.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// Of reads.
    pub read: u32,
    /// Of writes.
    pub write: u32,
    /// Of flushes.
    pub flush: u32,
    /// Of trims.
    pub trim: u32,
}

/// Where operations go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Anywhere alike.
    Uniform,
    /// Low blocks far more often: the logarithm of the position is uniform (Zipf of exponent 1).
    Zipf,
    /// One behind the other.
    Sequential,
    /// Nine in ten into the first tenth.
    Hot,
}

/// An operation to issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) kind: OpKind,
    pub(super) block: u64,
    pub(super) blocks: u32,
}

/// One worker's choices.
pub(super) struct Draw {
    rng: Rng,
    /// Draws which writes have forced unit access.
    fua: Rng,
    config: AppConfig,
}

impl Draw {
    pub(super) fn new(handle: &NodeHandle, config: &AppConfig, worker: u32) -> Self {
        let rng = handle.rng(&format!("app.{}.{worker}", config.writer));
        let fua = handle.rng(&format!("app.{}.{worker}.fua", config.writer));
        Self { rng, fua, config: config.clone() }
    }

    /// What to do next.
    pub(super) fn next(&mut self, progress: &AppProgress) -> Turn {
        match self.config.kind {
            // The last writes are still under way.
            AppKind::Verify if self.reads_next(progress) && progress.open() > 0 => Turn::Quiet,
            _ => self.choice(progress).map_or(Turn::Over, Turn::Op),
        }
    }

    /// The next operation; `None` when there is none left.
    fn choice(&mut self, progress: &AppProgress) -> Option<Choice> {
        match self.config.kind {
            AppKind::Random { ops, mix, distribution, fua, .. } => {
                if progress.issued() >= ops {
                    return None;
                }
                let choice = self.random(mix, distribution, progress);
                Some(self.perhaps_fua(choice, fua))
            }
            AppKind::Mixed { ops, mix, fua, .. } => {
                if progress.issued() >= ops {
                    return None;
                }
                let choice = self.mixed(mix, progress);
                Some(self.perhaps_fua(choice, fua))
            }
            AppKind::Verify => self.verify(progress),
            AppKind::Replay(ref replay) => progress.replayed.take(replay),
            // These keep where they are by themselves.
            AppKind::Job(_) | AppKind::Guest(_) => None,
        }
    }

    fn perhaps_fua(&mut self, choice: Choice, fua: Odds) -> Choice {
        let is_fua = choice.kind == OpKind::Write && fua.numerator() > 0 && self.fua.chance(fua);
        if is_fua { Choice { kind: OpKind::WriteFua, ..choice } } else { choice }
    }

    fn mixed(&mut self, mix: Mix, progress: &AppProgress) -> Choice {
        let kind = self.kind(mix);
        let (first, last) = self.config.region;
        let (fewest, most) = self.config.blocks;
        let sizes = (u64::from(fewest), u64::from(most));
        let (place, blocks) = progress.mixed.next(&mut self.rng, sizes, last - first + 1);
        Choice { kind, block: first + place, blocks: blocks as u32 }
    }

    fn random(&mut self, mix: Mix, distribution: Distribution, progress: &AppProgress) -> Choice {
        let kind = self.kind(mix);
        let (first, last) = self.config.region;
        let size = last - first + 1;
        let (fewest, most) = self.config.blocks;
        let blocks = self.rng.between(u64::from(fewest), u64::from(most)).min(size);
        let places = size - blocks + 1;
        let place = match distribution {
            Distribution::Uniform => self.rng.below(places),
            Distribution::Zipf => {
                let exponent = self.rng.below(u64::from(places.ilog2()) + 1);
                self.rng.below((2_u64 << exponent).min(places))
            }
            Distribution::Hot => {
                let hot = (places / 10).max(1);
                if self.rng.below(10) < 9 { self.rng.below(hot) } else { self.rng.below(places) }
            }
            Distribution::Sequential => {
                let cursor = progress.cursor.get();
                let place = if cursor < places { cursor } else { 0 };
                progress.cursor.set(place + blocks);
                place
            }
        };
        Choice { kind, block: first + place, blocks: blocks as u32 }
    }

    fn kind(&mut self, mix: Mix) -> OpKind {
        let weights = [
            (OpKind::Read, mix.read),
            (OpKind::Write, mix.write),
            (OpKind::Flush, mix.flush),
            (OpKind::Trim, mix.trim),
        ];
        let total: u64 = weights.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut drawn = self.rng.below(total);
        for (kind, weight) in weights {
            match drawn.checked_sub(u64::from(weight)) {
                Some(rest) => drawn = rest,
                None => return kind,
            }
        }
        OpKind::Read
    }

    /// Whether all of the region has been written, or is being, and nothing of it read.
    fn reads_next(&self, progress: &AppProgress) -> bool {
        let (first, last) = self.config.region;
        progress.cursor.get() == last - first + 1
    }

    /// The region in order: once to write it, once to read it.
    fn verify(&mut self, progress: &AppProgress) -> Option<Choice> {
        let (first, last) = self.config.region;
        let size = last - first + 1;
        let at = progress.cursor.get();
        if at >= 2 * size {
            return None;
        }
        let (kind, place) = if at < size { (OpKind::Write, at) } else { (OpKind::Read, at - size) };
        let (fewest, most) = self.config.blocks;
        let blocks = self.rng.between(u64::from(fewest), u64::from(most)).min(size - place);
        progress.cursor.set(at + blocks);
        Some(Choice { kind, block: first + place, blocks: blocks as u32 })
    }
}
