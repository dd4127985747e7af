//! Trace in, text out. Runs nothing.
