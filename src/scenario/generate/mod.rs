//! Random scenarios: from a seed and a profile a whole scenario, as plain as one that a person writes. Runs none.

mod actions;
mod calls;
mod cluster;
mod connectors;
mod dice;
mod external;
mod groups;
mod links;
mod plots;
mod profile;
mod script;
mod swarm;
mod volumes;
mod whole;
mod workload;

pub use profile::Profile;
pub use whole::generate;
