//! The command line: one file a verb. Decides nothing about simulations.

mod annotate;
mod args;
mod breakpoint;
mod console;
mod debug;
mod duration;
mod entry;
mod errors;
mod explain;
mod figures;
mod generate;
mod hunt;
mod junit;
mod list;
mod log;
mod markdown;
mod merge;
mod page;
mod part;
mod places;
mod probes;
mod progress;
mod prompt;
mod prove;
mod replay;
mod report;
mod reports;
mod result_json;
mod run;
mod schema;
#[cfg(unix)]
mod serve;
mod shrink;
mod sources;
mod state;
mod statistics;
mod stop;
mod strict;
mod subject;
mod summary;
mod sweep;
mod validate;
mod view;

#[cfg(test)]
mod sessions;
#[cfg(test)]
mod sessions_of_ci;

pub use entry::{main, main_with, main_with_words};
