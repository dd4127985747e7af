//! Trace in, text or a picture out. Runs nothing.

mod columns;
mod encode;
mod html;
mod jsonl;
mod links;
mod perfetto;
mod places;
mod scene;
mod shiviz;
mod stats;
mod story;
mod text;
mod unequal;

pub use columns::{Width, write_columns};
pub use html::write_html;
pub use jsonl::{record_value, write_jsonl};
pub use perfetto::write_perfetto;
pub use scene::Scene;
pub use shiviz::write_shiviz;
pub use stats::{InState, Latency, Rate, Rebuild, RebuildPoint, Stats};
pub use story::{Sentence, tell};
pub use text::{record_line, write_text};
