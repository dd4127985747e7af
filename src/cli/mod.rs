//! The command line: one file a verb. Decides nothing about simulations.
