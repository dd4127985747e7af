//! How a volume's blocks are laid out over its legs: which legs hold a block, which losses a group of legs
//! stands, how what is missing is found again. Pure arithmetic: it sends nothing and keeps no state.

#![deny(clippy::float_arithmetic)]

mod any;
mod coded;
mod examine;
mod legs;
mod own;
mod raid0;
mod raid1;
mod raid10;
mod shape;
mod solve;
mod strategy;

pub use any::AnyLayout;
pub use coded::Coded;
pub use examine::examine;
pub use legs::{COPIES_MAX, LEGS_MAX, LegSet};
pub use own::{OwnLayout, Wanted};
pub use raid0::Raid0;
pub use raid1::Raid1;
pub use raid10::Raid10;
pub use shape::{Layout, ROW_DEPTH_MAX, Run};
pub use solve::Solution;
pub use strategy::{Line, Plan, Strategy};
