//! The cluster keeps its promises: every scenario of the library on a few seeds, the corpus of seeds
//! that once failed, and what a run that fails looks like.

mod connectors;
mod controllers;
mod corpus;
mod database;
mod flushes;
mod foreign;
mod guests;
mod integrity;
mod library;
mod managers;
mod outcomes;
mod plots;
mod rebuilds;
mod scrub;
mod shrink;
mod slow;
mod split_brain;
mod workloads;
