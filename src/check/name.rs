//! The names of the checks that a scenario can ask for. Checks nothing itself.

use std::str::FromStr;

crate::word_enum! {
    /// A check that a run can be held to.
    pub enum Check {
        /// In-sync legs hold the same bytes, or a surviving leg is marked where they don't.
        Mirrors = "mirrors",
        /// Parity fits what it was computed from, or a surviving leg is marked where it doesn't.
        Parity = "parity",
        /// What was acknowledged is on every in-sync leg.
        Durable = "durable",
        /// Each block behaves as a linearizable register.
        Linear = "linear",
        /// Nothing of an older epoch reaches a medium after a newer one was registered.
        Fencing = "fencing",
        /// The data service keeps to its own protocol: epochs, registrations, grants, marks.
        Protocol = "protocol",
        /// Every operation returns.
        Live = "live",
        /// Nothing outlives its owner.
        Leaks = "leaks",
        /// Every node keeps within its memory, and gives back what a piece of work took.
        Memory = "memory",
        /// What the configuration bounds stays within its bounds.
        Bounds = "bounds",
        /// What the control plane wants is stored, and what is stored is what everybody has; calls are answered, errors
        /// reported.
        Control = "control",
        /// What programs on volumes were told is kept is what they find, in whole, and they find nothing wrong with it.
        Guests = "guests",
        /// What the program that runs it adds.
        Own = "own",
    }
}

/// A name that no check has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown check `{0}`: expected mirrors, parity, durable, linear, fencing, protocol, live, leaks, memory, bounds, control, guests or own"
)]
pub struct UnknownCheck(String);

impl FromStr for Check {
    type Err = UnknownCheck;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|check| check.name() == name);
        found.ok_or_else(|| UnknownCheck(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Check;

    #[test]
    fn each_check_is_found_by_its_name() {
        for check in Check::ALL {
            assert_eq!(check.name().parse(), Ok(*check));
        }
        let wrong = "mirror".parse::<Check>().unwrap_err().to_string();
        let expected = Check::ALL.iter().filter(|check| wrong.contains(check.name()));
        assert_eq!(expected.count(), Check::ALL.len(), "the error offers every name: {wrong}");
    }
}
