//! Stormglass runs a whole storage cluster inside one deterministic simulation.

#[cfg(not(madsim))]
compile_error!(
    "stormglass needs `--cfg madsim`: RUSTFLAGS hides what .cargo/config.toml sets; add it to your own flags, as in RUSTFLAGS='--cfg madsim'"
);

pub mod base;
pub mod check;
pub mod cli;
pub mod disk;
pub mod net;
pub mod node;
pub mod run;
pub mod scenario;
pub mod sim;
pub mod view;
pub mod world;
