//! Each simulator alone, driven through both of its doors: node code's and the test's.

mod disk;
mod net;
mod rig;
mod sim;
mod sim_cpus;
mod sim_schedules;
mod sim_work;
