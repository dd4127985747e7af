//! Plots: sequences of faults that do harm only in their order, each within little time of the one before, so that faults
//! drawn one by one come to them once in thousands of scenarios. What is drawn is everything else: times, amounts, sizes,
//! the load, and most of the time the cluster. Draws nothing but these.

mod codes;
mod control;
mod disks;
mod owners;
mod plot;
mod power;
mod words;

pub(super) use plot::plotted;
