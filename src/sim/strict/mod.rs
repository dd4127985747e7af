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
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod nowhere;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod traps;
mod trespass;

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(super) use nowhere::{Noted, enter, trespassed};
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) use traps::{Noted, enter, trespassed};
pub use trespass::Trespass;
