//! Trace in, text out. Runs nothing.

mod jsonl;
mod text;

pub use jsonl::{record_value, write_jsonl};
pub use text::{record_line, write_text};
