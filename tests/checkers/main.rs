//! What the checkers must catch and what they must let pass: planted violations and their look-alikes.

mod agreement;
mod bounds;
mod caches;
mod control;
mod fencing;
mod flushes;
mod guests;
mod live;
mod media;
mod parity;
mod protocol;
mod reads;
mod reports;
mod story;
mod tale;
