//! Simpler scenarios made of a given one: without a key, with a smaller amount, with fewer nodes, with a fault in a
//! certain place. Each that is handed out is valid; whether it still shows what it is to show is for others to say.

mod amounts;
mod document;
mod keys;
mod nodes;
mod place;

pub use amounts::{amounts, simpler};
pub use document::Pointer;
pub use keys::{removable, without};
pub use nodes::with_fewer_nodes;
pub use place::placed;
