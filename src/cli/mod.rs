//! The command line: one file a verb. Decides nothing about simulations.

mod args;
mod breakpoint;
mod console;
mod debug;
mod duration;
mod entry;
mod explain;
mod figures;
mod generate;
mod hunt;
mod junit;
mod list;
mod log;
mod progress;
mod prompt;
mod prove;
mod replay;
mod report;
mod result_json;
mod run;
mod schema;
mod shrink;
mod sources;
mod statistics;
mod stop;
mod subject;
mod summary;
mod sweep;
mod validate;
mod view;

#[cfg(test)]
mod sessions;

pub use entry::{main, main_with};
