//! Managers in numbers: they elect one of them to lead, and agree on what it decides, one after the other, in a log that each
//! has on a disk of its own. Only the leader does a manager's work; how it decides is none of this module's business.
//!
//! `entry` is what stands in the log and what it comes to, `log` is the log in memory, `image` how it stands on the disk,
//! `disk` puts it there, `recall` asks the others when it is gone; `peers` keeps managers connected, `member` takes part in elections and agreements, `office` is what a
//! leader holds while it leads. Elections and agreements are those of `OmniPaxos`.
//!
//! # Fidelity
//! - Modelled: nothing is answered before it is on the disk that it says is; power that goes in the middle of a write; leaders
//!   that are cut off, stand still or come back.
//!   One that has lost its disk is told by all others what it may have promised and accepted.
//! - Ignored: another set of managers than at the start. Two that have lost their disks: there is no majority that knows what was
//!   agreed on then.

mod disk;
mod entry;
mod image;
mod log;
mod member;
mod office;
mod peers;
mod recall;

pub use entry::{Entry, Summary, Term};
pub use image::{Image, area_blocks, chosen, installed, newest};
pub use log::Log;
pub(super) use member::{Begin, run};
pub use office::CONFIRMED_FOR;
pub(super) use office::Office;
