//! A failing scenario made as small as it goes while it still fails in the same way.

mod concrete;
mod ddmin;
mod judge;
mod lines;
mod load;
mod merge;
mod reducer;
mod shrunk;

pub use shrunk::{ShrinkError, ShrinkProgress, Shrunk, Size, shrink};
