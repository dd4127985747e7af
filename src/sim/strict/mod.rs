//! The strict seal: what the thread of a simulation may ask of the system, and who asked for more. Decides
//! nothing about the run.
//!
//! # Fidelity
//! - Stopped: every system call but those for memory, for locks between threads, for output that is open
//!   already and for the end of the thread. So also raw calls that madsim's libc overrides miss, as crates make them.
//! - Stopped on x86-64: `rdtsc`, and with it the clocks that the vDSO reads without a system call.
//! - Not seen: on other processors the clocks of the vDSO; `rdrand` and `cpuid`; addresses. Two runs that are
//!   compared find the latter when they change anything.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod filter;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod traps;

/// Code in a simulation called for something of the host that could make its runs differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trespass {
    /// The system call's name, such as `getrandom`, or the instruction's.
    pub call: String,
    /// The functions that were under way, the innermost first.
    pub stack: Vec<String>,
}

impl Trespass {
    /// It in one line.
    #[must_use]
    pub fn headline(&self) -> String {
        let from = self.stack.first().map_or("unknown code", String::as_str);
        format!("{} was called inside the simulation, by {from}", self.call)
    }
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) use traps::{Noted, enter, trespassed};

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod nowhere {
    //! There is no strict seal on this system.

    use super::Trespass;

    pub(in super::super) struct Noted;

    impl Noted {
        pub(in super::super) fn take() -> Self {
            Self
        }

        pub(in super::super) fn told(self) -> Option<Trespass> {
            None
        }
    }

    pub(in super::super) struct Entered;

    pub(in super::super) fn enter() -> Result<Entered, String> {
        Err("it is made for Linux on x86-64 and aarch64".to_owned())
    }

    pub(in super::super) fn trespassed() -> bool {
        false
    }
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(super) use nowhere::{Noted, enter, trespassed};
