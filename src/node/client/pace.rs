//! How fast the disks of a volume's legs are, and which of them is slower than its peers (a disk that fails by
//! becoming slow answers everything, and holds everybody up). Reads nothing and gives up no leg.
//!
//! Targets tell of each command how long the disk took for it. Legs are compared by the means of equal work over
//! the same time, reads with reads and writes with writes, so that neither the network nor the load counts.

use std::cell::RefCell;

use crate::base::{LegIndex, Nanos, VolumeId};
use crate::layout::{LEGS_MAX, LegSet};
use crate::node::protocol::Took;

/// From so many times its fastest peer's time on, a leg is slow: reads go elsewhere.
const SLOW: u64 = 4;
/// From so many times on it is too slow, if it is by more than [`TOO_SLOW_MIN`], and stays so for [`PERSISTS`].
const TOO_SLOW: u64 = 16;
const TOO_SLOW_MIN: Nanos = Nanos::from_micros(500);
const PERSISTS: Nanos = Nanos::from_millis(20);
/// A mean is one of so many commands at least.
const COMMANDS_MIN: u64 = 4;
/// Commands that are longer ago don't count.
const WINDOW: Nanos = Nanos::from_millis(50);
/// What was found counts for so long when nothing new is.
const REMEMBERED: Nanos = Nanos::from_millis(20);

/// Commands of one kind on one leg.
#[derive(Clone, Copy, Default)]
struct Pace {
    /// Since the last comparison: how many, how long altogether, from when on.
    commands: u64,
    total: Nanos,
    since: Nanos,
    /// When the leg was last found slow.
    slow_at: Option<Nanos>,
    /// Since when it has been found too slow each time, and when it was last.
    too_slow: Option<(Nanos, Nanos)>,
}

impl Pace {
    fn mean(&self) -> Option<Nanos> {
        (self.commands >= COMMANDS_MIN).then(|| Nanos::new(self.total.get() / self.commands))
    }

    fn start_anew(&mut self, now: Nanos) {
        (self.commands, self.total, self.since) = (0, Nanos::ZERO, now);
    }
}

/// How a leg compares with its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lag {
    pub(super) leg: LegIndex,
    pub(super) took: Nanos,
    pub(super) peers: Nanos,
    /// Whether it was not slow before.
    pub(super) is_new: bool,
    /// Whether it has been too slow for too long.
    pub(super) is_too_slow: bool,
}

#[derive(Clone, Copy, Default)]
struct LegPace {
    reads: Pace,
    writes: Pace,
    /// Of the last read.
    last_read: Nanos,
}

/// What is known of all volumes of a client.
pub(super) struct Paces(RefCell<Vec<[LegPace; LEGS_MAX]>>);

impl Paces {
    pub(super) fn new(volumes: usize) -> Self {
        Self(RefCell::new(vec![[LegPace::default(); LEGS_MAX]; volumes]))
    }

    /// A leg's disk took so long for a command.
    pub(super) fn note(&self, (volume, leg): (VolumeId, LegIndex), took: Took) {
        let mut volumes = self.0.borrow_mut();
        let Some(legs) = volumes.get_mut(volume.index()) else { return };
        let held = &mut legs[leg.index()];
        let (pace, took) = match took {
            Took::Read(took) => {
                held.last_read = took;
                (&mut held.reads, took)
            }
            Took::Write(took) => (&mut held.writes, took),
            Took::Unknown => return,
        };
        pace.commands += 1;
        pace.total = pace.total.saturating_add(took);
    }

    /// Whether a leg was found slow a moment ago.
    pub(super) fn is_slow(&self, volume: VolumeId, leg: LegIndex, now: Nanos) -> bool {
        let volumes = self.0.borrow();
        let Some(legs) = volumes.get(volume.index()) else { return false };
        let LegPace { reads, writes, .. } = &legs[leg.index()];
        [reads.slow_at, writes.slow_at].into_iter().flatten().any(|at| now < at + REMEMBERED)
    }

    /// Whether the last read of a leg took so long that another's is to be compared with it.
    pub(super) fn may_be_too_slow(&self, volume: VolumeId, leg: LegIndex) -> bool {
        self.last_read(volume, leg) >= TOO_SLOW_MIN
    }

    /// Whether the last read of a leg was so slow beside that of another that it would be given up again.
    pub(super) fn is_still_too_slow(
        &self,
        volume: VolumeId,
        leg: LegIndex,
        peer: LegIndex,
    ) -> bool {
        let of_peer = self.last_read(volume, peer);
        of_peer > Nanos::ZERO && is_too_slow(self.last_read(volume, leg), of_peer)
    }

    fn last_read(&self, volume: VolumeId, leg: LegIndex) -> Nanos {
        let volumes = self.0.borrow();
        volumes.get(volume.index()).map_or(Nanos::ZERO, |legs| legs[leg.index()].last_read)
    }

    /// What was known of a leg is of no use any more.
    pub(super) fn forget(&self, volume: VolumeId, leg: LegIndex) {
        if let Some(legs) = self.0.borrow_mut().get_mut(volume.index()) {
            let held = &mut legs[leg.index()];
            (held.reads, held.writes) = (Pace::default(), Pace::default());
        }
    }

    /// Compares the legs of a group that have done enough since the last time. Tells of the slow ones.
    pub(super) fn compare(&self, volume: VolumeId, legs: LegSet, now: Nanos) -> Vec<Lag> {
        let mut volumes = self.0.borrow_mut();
        let Some(held) = volumes.get_mut(volume.index()) else { return Vec::new() };
        let mut lags = compare(held, legs, now, |leg| &mut leg.reads);
        lags.extend(compare(held, legs, now, |leg| &mut leg.writes));
        lags
    }
}

fn is_too_slow(took: Nanos, peers: Nanos) -> bool {
    took >= TOO_SLOW_MIN && took > peers.saturating_mul(TOO_SLOW)
}

fn compare(
    held: &mut [LegPace; LEGS_MAX],
    legs: LegSet,
    now: Nanos,
    of: impl Fn(&mut LegPace) -> &mut Pace,
) -> Vec<Lag> {
    let mut means: Vec<(LegIndex, Nanos)> = Vec::new();
    for leg in legs.iter() {
        let pace = of(&mut held[leg.index()]);
        if pace.commands > 0 && now.saturating_sub(pace.since) > WINDOW {
            pace.start_anew(now);
        }
        means.extend(pace.mean().map(|mean| (leg, mean)));
    }
    let Some(fastest) = means.iter().map(|(_, mean)| *mean).min() else { return Vec::new() };
    if means.len() < 2 {
        return Vec::new();
    }
    let mut lags = Vec::new();
    for (leg, took) in means {
        let pace = of(&mut held[leg.index()]);
        pace.start_anew(now);
        let is_slow = took > fastest.saturating_mul(SLOW);
        let was_slow = pace.slow_at.is_some_and(|at| now < at + REMEMBERED);
        pace.slow_at = is_slow.then_some(now);
        pace.too_slow = is_too_slow(took, fastest).then(|| match pace.too_slow {
            Some((since, last)) if now.saturating_sub(last) <= WINDOW => (since, now),
            _ => (now, now),
        });
        let is_too_slow = pace.too_slow.is_some_and(|(since, _)| now - since >= PERSISTS);
        if is_slow {
            lags.push(Lag { leg, took, peers: fastest, is_new: !was_slow, is_too_slow });
        }
    }
    lags
}

#[cfg(test)]
mod tests {
    use super::{Lag, Paces};
    use crate::base::{LegIndex, Nanos, VolumeId};
    use crate::layout::LegSet;
    use crate::node::protocol::Took;

    const VOLUME: VolumeId = VolumeId::new(0);

    fn leg(index: u8) -> LegIndex {
        LegIndex::new(index)
    }

    fn pair() -> LegSet {
        [leg(0), leg(1)].into_iter().collect()
    }

    /// Both legs do four writes in each of so many milliseconds, which take so many microseconds; what is found
    /// at the end of each.
    fn writes(paces: &Paces, from: u64, times: &[(u64, u64)]) -> Vec<Vec<Lag>> {
        let each = (from..).zip(times).map(|(at, (one, other))| {
            for _ in 0..4 {
                paces.note((VOLUME, leg(0)), Took::Write(Nanos::from_micros(*one)));
                paces.note((VOLUME, leg(1)), Took::Write(Nanos::from_micros(*other)));
            }
            paces.compare(VOLUME, pair(), Nanos::from_millis(at))
        });
        each.collect()
    }

    fn is_slow(paces: &Paces, at: u64) -> bool {
        paces.is_slow(VOLUME, leg(0), Nanos::from_millis(at))
    }

    #[test]
    fn legs_that_differ_as_disks_do_are_not_slow() {
        let paces = Paces::new(1);
        assert!(writes(&paces, 1, &[(80, 20), (20, 80), (60, 15)]).iter().all(Vec::is_empty));
        assert!(!is_slow(&paces, 4));
    }

    #[test]
    fn a_slow_leg_is_avoided_as_long_as_it_is_slow() {
        let paces = Paces::new(1);
        let found = writes(&paces, 1, &[(300, 40), (300, 40)]);
        assert!(found[0][0].is_new, "{found:?}");
        assert_eq!((found[1][0].leg, found[1][0].is_new), (leg(0), false));
        assert!(is_slow(&paces, 3));
        writes(&paces, 4, &[(40, 40)]);
        assert!(!is_slow(&paces, 5));
        writes(&paces, 6, &[(300, 40)]);
        assert!(is_slow(&paces, 20) && !is_slow(&paces, 30), "for as long as that is news");
    }

    #[test]
    fn too_slow_is_only_what_stays_so() {
        let paces = Paces::new(1);
        let is_found = |found: &[Vec<Lag>]| -> Vec<bool> {
            found.iter().map(|lags| lags.iter().any(|lag| lag.is_too_slow)).collect()
        };
        let found = writes(&paces, 1, &[(9_000, 40); 22]);
        assert_eq!(is_found(&found).iter().position(|found| *found), Some(20));
        // A leg of a few hundred microseconds holds nobody up, and one good mean begins the count anew.
        assert!(!is_found(&writes(&paces, 30, &[(450, 20); 25])).contains(&true));
        let found = writes(
            &paces,
            60,
            &[[(9_000, 40); 15].as_slice(), &[(40, 40)], &[(9_000, 40); 15]].concat(),
        );
        assert!(!is_found(&found).contains(&true));
    }

    #[test]
    fn one_leg_alone_is_as_fast_as_it_is() {
        let paces = Paces::new(1);
        for _ in 0..9 {
            paces.note((VOLUME, leg(0)), Took::Read(Nanos::from_millis(9)));
        }
        assert!(paces.compare(VOLUME, pair(), Nanos::from_millis(1)).is_empty());
        assert!(!paces.is_still_too_slow(VOLUME, leg(0), leg(1)));
        paces.note((VOLUME, leg(1)), Took::Read(Nanos::from_micros(50)));
        assert!(paces.is_still_too_slow(VOLUME, leg(0), leg(1)));
        paces.note((VOLUME, leg(0)), Took::Read(Nanos::from_micros(70)));
        assert!(!paces.is_still_too_slow(VOLUME, leg(0), leg(1)));
    }
}
