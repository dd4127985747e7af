//! Each simulator alone, driven through both of its doors: node code's and the test's.

mod block_device;
mod clock;
mod cluster;
mod control;
mod disk;
mod disk_bench;
mod disk_cache;
mod disk_host;
mod disk_silent;
mod disk_split;
mod memory;
mod net;
mod net_faults;
mod net_rig;
mod net_scale;
mod net_storm;
mod process;
mod rig;
mod sim;
mod sim_cpus;
mod sim_idle;
mod sim_probes;
mod sim_schedules;
mod sim_timers;
mod sim_work;
