//! Probes, which tell that a rare path of node code was taken, and buggify sites, which take one on
//! purpose. Judges no run by them.
//!
//! Each list is declared in one place with [`probes!`](crate::probes) or
//! [`buggify_sites!`](crate::buggify_sites), so that what was never reached is known as well.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use crate::base::Odds;

use crate::base::{Rng, Seed};

/// A rare path of node code that is worth knowing to have been taken.
#[derive(Debug)]
pub struct Probe {
    /// Its name, such as `client.read-repaired`.
    pub name: &'static str,
    /// What has happened when it is reached, in one sentence.
    pub about: &'static str,
}

/// A place where node code may do what is rare but allowed: wait longer, give up early, do less.
#[derive(Debug)]
pub struct BuggifySite {
    /// Its name, such as `client.slow-rebuild`.
    pub name: &'static str,
    /// What it does when it fires, in one sentence.
    pub about: &'static str,
    /// With which odds it fires in a run in which it is enabled.
    pub odds: Odds,
}

/// A site is enabled in one run of so many: a few sites firing often find more than all of them
/// firing now and then.
const ENABLED: Odds = match Odds::new(1, 4) {
    Some(odds) => odds,
    None => Odds::NEVER,
};

/// Counts what was reached in one simulation. Clones share the counts.
#[derive(Clone, Default)]
pub struct Probes(Rc<RefCell<Vec<(&'static Probe, u64)>>>);

impl fmt::Debug for Probes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Probes({} reached)", self.0.borrow().len())
    }
}

impl Probes {
    /// A probe was reached.
    pub fn reach(&self, probe: &'static Probe) {
        let mut counts = self.0.borrow_mut();
        match counts.iter_mut().find(|(known, _)| std::ptr::eq(*known, probe)) {
            Some((_, count)) => *count += 1,
            None => counts.push((probe, 1)),
        }
    }

    /// How often this one was reached.
    #[must_use]
    pub fn count(&self, probe: &'static Probe) -> u64 {
        let counts = self.0.borrow();
        let found = counts.iter().find(|(known, _)| std::ptr::eq(*known, probe));
        found.map_or(0, |(_, count)| *count)
    }

    pub(super) fn reached(&self) -> Vec<(String, u64)> {
        let counts = self.0.borrow();
        counts.iter().map(|(probe, count)| (probe.name.to_owned(), *count)).collect()
    }
}

/// The buggify sites of one simulation that were come by.
pub(super) struct Buggify {
    is_on: Cell<bool>,
    seed: Seed,
    sites: RefCell<Vec<SiteState>>,
}

struct SiteState {
    site: &'static BuggifySite,
    /// What draws for it, if it is enabled in this run.
    rng: Option<Rng>,
    fired: u64,
}

impl Buggify {
    pub(super) fn new(is_on: bool, seed: Seed) -> Self {
        Self { is_on: Cell::new(is_on), seed, sites: RefCell::default() }
    }

    #[inline]
    pub(super) fn fires(&self, site: &'static BuggifySite) -> bool {
        self.is_on.get() && self.draws(site)
    }

    #[cold]
    fn draws(&self, site: &'static BuggifySite) -> bool {
        let mut sites = self.sites.borrow_mut();
        let known = sites.iter().position(|known| std::ptr::eq(known.site, site));
        let at = known.unwrap_or_else(|| {
            let mut rng = self.seed.stream(&format!("buggify.{}", site.name));
            let enabled = rng.chance(ENABLED);
            sites.push(SiteState { site, rng: enabled.then_some(rng), fired: 0 });
            sites.len() - 1
        });
        let SiteState { rng, fired, .. } = &mut sites[at];
        let fires = rng.as_mut().is_some_and(|rng| rng.chance(site.odds));
        *fired += u64::from(fires);
        fires
    }

    pub(super) fn fired(&self) -> Vec<(String, u64)> {
        let sites = self.sites.borrow();
        let fired = sites.iter().filter(|state| state.fired > 0);
        fired.map(|state| (format!("buggify.{}", state.site.name), state.fired)).collect()
    }
}

/// Declares the probes of a crate or module: a static for each, and the list of all.
///
/// ```
/// stormglass::probes! {
///     /// Everything that is worth knowing of the lamp.
///     pub static PROBES = {
///         LAMP_BLINKED = "lamp.blinked": "the lamp went off and on within a millisecond";
///     }
/// }
/// assert_eq!(PROBES[0].name, "lamp.blinked");
/// assert!(std::ptr::eq(PROBES[0], &LAMP_BLINKED));
/// ```
#[macro_export]
macro_rules! probes {
    ($(#[$doc:meta])* $vis:vis static $all:ident = {
        $($probe:ident = $name:literal: $about:literal;)*
    }) => {
        $(#[doc = concat!("Reached when ", $about, ".")]
        $vis static $probe: $crate::sim::Probe =
            $crate::sim::Probe { name: $name, about: $about };)*

        $(#[$doc])*
        $vis static $all: &[&$crate::sim::Probe] = &[$(&$probe),*];
    };
}

/// Declares the buggify sites of a crate or module, each with the odds that it fires with in a run in
/// which it is enabled: a static for each, and the list of all.
///
/// ```
/// stormglass::buggify_sites! {
///     /// What the lamp may do.
///     pub static SITES = {
///         LAMP_LATE = "lamp.late", 1 / 10: "goes on a millisecond late";
///     }
/// }
/// assert_eq!(SITES[0].name, "lamp.late");
/// assert_eq!(LAMP_LATE.odds.denominator(), 10);
/// ```
#[macro_export]
macro_rules! buggify_sites {
    ($(#[$doc:meta])* $vis:vis static $all:ident = {
        $($site:ident = $name:literal, $numerator:literal / $denominator:literal: $about:literal;)*
    }) => {
        $(#[doc = concat!("When it fires, it ", $about, ".")]
        $vis static $site: $crate::sim::BuggifySite = $crate::sim::BuggifySite {
            name: $name,
            about: $about,
            odds: $crate::base::Odds::new($numerator, $denominator).expect("odds are at most 1"),
        };)*

        $(#[$doc])*
        $vis static $all: &[&$crate::sim::BuggifySite] = &[$(&$site),*];
    };
}

/// Notes that a probe was reached, if `condition` holds. The first argument is whatever has a method
/// `probes`: a [`NodeHandle`](crate::sim::NodeHandle), a [`Kernel`](crate::sim::Kernel).
#[macro_export]
macro_rules! sometimes {
    ($place:expr, $condition:expr, $probe:path) => {
        if $condition {
            $place.probes().reach(&$probe);
        }
    };
}

/// Whether a buggify site fires now; never unless the run has them switched on. The first argument is
/// a [`NodeHandle`](crate::sim::NodeHandle).
#[macro_export]
macro_rules! buggify {
    ($place:expr, $site:path) => {
        $place.buggify(&$site)
    };
}
