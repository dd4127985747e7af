//! What seeds are run of: a scenario, or random ones, another for each seed. Runs nothing.

use std::borrow::Cow;

use crate::scenario::{Profile, Scenario, generate};

/// Something that has a scenario for each seed.
pub trait Subject: Sync {
    /// What results are listed under.
    fn name(&self) -> Cow<'_, str>;
    /// The scenario of a seed.
    fn of_seed(&self, seed: u64) -> Cow<'_, Scenario>;
}

impl Subject for Scenario {
    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }
    fn of_seed(&self, _: u64) -> Cow<'_, Scenario> {
        Cow::Borrowed(self)
    }
}

impl Subject for Profile {
    fn name(&self) -> Cow<'_, str> {
        Cow::Owned(format!("random-{self}"))
    }
    fn of_seed(&self, seed: u64) -> Cow<'_, Scenario> {
        Cow::Owned(generate(seed, *self))
    }
}

/// One or the other.
#[derive(Clone, Debug, PartialEq)]
pub enum Tested {
    /// The same scenario for each seed.
    Scenario(Box<Scenario>),
    /// Random ones of a profile.
    Random(Profile),
}

impl Subject for Tested {
    fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Scenario(scenario) => scenario.name(),
            Self::Random(profile) => profile.name(),
        }
    }
    fn of_seed(&self, seed: u64) -> Cow<'_, Scenario> {
        match self {
            Self::Scenario(scenario) => scenario.of_seed(seed),
            Self::Random(profile) => profile.of_seed(seed),
        }
    }
}

impl Tested {
    /// Whether it is to pass when nothing is wrong, as random scenarios are but for the few that follow the plot
    /// `database-back`.
    #[must_use]
    pub fn is_to_pass(&self) -> bool {
        match self {
            Self::Scenario(scenario) => scenario.expect == crate::scenario::Expect::Pass,
            Self::Random(_) => true,
        }
    }
}
