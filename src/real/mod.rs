//! The reference cluster outside the simulation: the same nodes, each in a process of its own, on the wall clock, over TCP
//! and on files or block devices. Simulates nothing and checks nothing.
//!
//! Node code knows its kernel, its port to the network and its drives; what is behind these is not its business. Here the
//! kernel moves on with the wall clock (`pace`). The other nodes of the cluster are stand-ins in its own network that pass
//! on what they get over TCP (`gateway`, `link`), and disks keep their blocks in a file (`FileDisk`). A client's volume is served
//! to the host over NBD (`nbd`).
//!
//! # Fidelity
//! - The same: every line of `node`, and the ports that it stands on.
//! - Other: times are a hundred times those of the simulation (`world::alone`), for a machine that runs other things as well. The
//!   kernel's granularity is half a millisecond when nothing happens. A disk is read and written by the thread that runs the
//!   node, and each write is on the medium when it is done; whoever cannot read or write it ends.
//! - Not here: the controller, satellites, several managers, erasure codes' stamped blocks as a sum (they are bytes here),
//!   authentication, encryption: whoever reaches the addresses may speak. Loopback, or a network of the cluster's own.

mod cluster;
#[cfg(test)]
mod contract;
mod file_disk;
mod gateway;
mod link;
mod nbd;
mod pace;
mod server;

pub use cluster::{Cluster, ClusterError};
pub use file_disk::{DiskError, FileDisk};
pub use server::{Host, ServeError, attach, serve};
