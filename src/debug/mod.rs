//! The debugger: leads one simulation forwards and backwards, looks inside it, and changes its script.
//!
//! A [`Debugger`] obeys [`Order`]s and gives [`Answer`]s; it reads no terminal and prints nothing. Going
//! back is running the same seed again to an earlier turn: digests taken on the way prove that it is the
//! same run. An action that is applied live becomes an entry of the scenario's script at a fixed
//! time, which draws nothing at random before it fires: so the past stays what it was, and what was tried can
//! be saved.

mod answer;
mod events;
mod look;
mod order;
mod pilot;
mod stop;
mod travel;

pub use answer::Answer;
pub use order::{Order, Place, Trouble};
pub use stop::Stop;
pub use travel::Debugger;
