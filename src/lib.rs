//! Stormglass runs a whole storage cluster inside one deterministic simulation and hunts for data
//! corruption in it.
//!
//! A [`scenario`] says which cluster, which IO and which faults; a 64-bit seed decides everything else.
//! [`world::simulate`] runs one seed and says how it ended:
//!
//! ```
//! use stormglass::world::{RunOptions, Verdict, simulate};
//!
//! let scenario = stormglass::scenario::parse("reboot.json", r#"{
//!     "version": 1, "name": "reboot", "cluster": { "targets": 2 },
//!     "volumes": [{ "name": "vol0", "layout": "raid1", "blocks": 256 }],
//!     "workload": [{ "app": "random", "client": "c0", "volume": "vol0", "ops": 200 }],
//!     "script": [{ "at": "1ms", "do": { "node.reboot": { "node": "any:target" } } }]
//! }"#).expect("the scenario is valid");
//!
//! let report = simulate(&scenario, 7, &RunOptions::default());
//! assert!(matches!(report.verdict, Verdict::Pass));
//! assert_eq!((report.ops, report.reboots), (200, 1));
//!
//! // The same seed is the same run, to the last bit.
//! assert_eq!(simulate(&scenario, 7, &RunOptions::default()).digest, report.digest);
//! assert_ne!(simulate(&scenario, 8, &RunOptions::default()).digest, report.digest);
//! ```
//!
//! # The layers
//!
//! A module uses only modules above it in this table, and `disk` and `net` don't know each other.
//!
//! | module | holds |
//! | --- | --- |
//! | [`base`] | the vocabulary: ids, virtual time, odds, block payloads, trace records, the history |
//! | [`layout`] | how a volume's blocks are laid out over its legs |
//! | [`sim`] | the kernel simulator: tasks on virtual CPUs, timers, clocks, random streams, trace and digest |
//! | [`disk`], [`net`] | the NVMe and the network simulator |
//! | [`node`] | the reference cluster: applications, clients, targets, a manager |
//! | [`check`] | the checkers: pure readers of history and frozen media |
//! | [`scenario`] | the JSON format: loader, validation, schema, seed files |
//! | [`world`] | one simulation, from scenario and seed to verdict |
//! | [`view`] | a trace as text or JSON lines |
//! | [`run`] | whole simulations: sweep, replay, prove, signatures, the corpus of seeds |
//! | [`debug`] | the debugger: a run led forwards and backwards, and looked into |
//! | [`glass`] | tests of one's own code: a simulation that an `async` test leads, over many seeds |
//! | [`cli`] | the command line |
//!
//! # Two doors
//!
//! Each simulator has a port, shaped like the real thing, which is all that node code sees
//! ([`sim::NodeHandle`], [`disk::port`], [`net::port`]), and a control door for tests
//! ([`sim::Kernel`], [`disk::Namespace`], [`net::Fabric`]), which injects faults and looks inside.
//! A control method, the scenario action that calls it and the trace record that it leaves share a name.
//!
//! # Without the reference cluster
//!
//! `sim`, `disk`, `net` and `check` know nothing of [`node`]. A data service of your own runs on a
//! [`sim::Kernel`] with its own disks and network; [`check::Checkers`] judges it as soon as its parts
//! write the records of [`base::history`], and takes rules of your own through
//! [`check::Checkers::add`]. `examples/own_checker.rs` does both in eighty lines; `docs/embedding.md`
//! goes through it.
//!
//! # Words of one's own
//!
//! A program adds actions, conditions, checks, records and layouts to scenarios with [`world::Own`]; they are read with
//! [`scenario::parse_with`], and [`cli::main_with_words`] is the command line with them: `examples/own_scenario_action.rs`,
//! `examples/own_layout.rs`.
//!
//! # Building
//!
//! The crate needs `--cfg madsim`, for itself and for the `madsim` crate that seals a simulation off
//! from the host's clock and entropy. In this repository `.cargo/config.toml` sets it. A crate that depends
//! on Stormglass sets it in a `.cargo/config.toml` of its own:
//!
//! ```toml
//! [build]
//! rustflags = ["--cfg", "madsim"]
//! rustdocflags = ["--cfg", "madsim"]
//! ```

#[cfg(not(madsim))]
compile_error!(
    "stormglass needs `--cfg madsim`, in every crate of the build: a `.cargo/config.toml` in the directory where cargo is called, or above it, \
     with `[build]` and `rustflags = [\"--cfg\", \"madsim\"]`; a RUSTFLAGS of the environment hides that, and has to have it, too: \
     RUSTFLAGS='--cfg madsim'"
);

pub mod base;
pub mod check;
pub mod cli;
pub mod debug;
pub mod disk;
pub mod glass;
pub mod layout;
pub mod net;
pub mod node;
pub mod process;
#[cfg(unix)]
pub mod real;
pub mod run;
pub mod scenario;
pub mod sim;
pub mod view;
pub mod world;

pub use glass::sweep;
