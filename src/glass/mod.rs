//! Tests of one's own code in the glass: a simulation that an `async` test leads, over as many seeds as it takes. The
//! reference cluster has no part in it.
//!
//! ```
//! use stormglass::base::Nanos;
//! use stormglass::net::{Message, NetConfig};
//! use stormglass::sweep;
//!
//! #[derive(Clone)]
//! struct Word(u32);
//!
//! impl Message for Word {
//!     fn kind(&self) -> u64 {
//!         0
//!     }
//!     fn kind_name(_kind: u64) -> &'static str {
//!         "word"
//!     }
//!     fn bytes(&self) -> u64 {
//!         64
//!     }
//! }
//!
//! sweep(0..100, |sim| async move {
//!     let fabric = sim.network::<Word>(NetConfig::default());
//!     let to_echo = fabric.clone();
//!     let echo = sim.node("echo", move |host| {
//!         let socket = to_echo.port(&host).bind(7);
//!         host.spawn("echo", async move {
//!             loop {
//!                 let (from, Word(number)) = socket.recv().await;
//!                 socket.send_to(from, 7, Word(number + 1));
//!             }
//!         });
//!     });
//!     let socket = fabric.port(sim.host()).bind(7);
//!     socket.send_to(echo, 7, Word(41));
//!     let answer = sim.timeout(Nanos::from_millis(1), socket.recv()).await;
//!     assert_eq!(answer.expect("an answer in time").1.0, 42);
//! });
//! ```
//!
//! A seed that fails panics the test with what failed, the records before it, and how to run that seed alone
//! (`STORMGLASS_SEED`); all of it is kept below `target/stormglass`, and the run as a page for a browser. One that takes too long on the wall is stopped.

mod failure;
mod kept;
mod lead;
mod patience;
mod sim;
mod sweep;

pub use failure::{Failure, How};
pub use sim::Sim;
pub use sweep::{Sweep, Swept, sweep};
