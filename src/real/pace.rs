//! Moves a kernel on with the wall clock, and hands it what comes from outside. Carries no message itself.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use crate::base::Nanos;
use crate::run::Stopwatch;
use crate::sim::{Device, Kernel, OwnerId, Turn};

/// How long nothing is looked at when nothing has happened.
const TICK: Duration = Duration::from_micros(500);

/// Stands in the event queue where the wall clock is: what comes before it is due.
#[derive(Default)]
struct Marker {
    is_reached: Cell<bool>,
}

impl Device for Marker {
    fn fire(&self, _token: u64) {
        self.is_reached.set(true);
    }
}

/// A kernel on the wall clock.
pub(super) struct Pace {
    kernel: Kernel,
    clock: Stopwatch,
    marker: Rc<Marker>,
    owner: OwnerId,
}

impl Pace {
    /// From now on the kernel's time is the wall clock's.
    pub(super) fn new(kernel: &Kernel) -> Self {
        let marker = Rc::new(Marker::default());
        let owner = kernel.attach(marker.clone());
        Self { kernel: kernel.clone(), clock: Stopwatch::start(), marker, owner }
    }

    /// Runs all that is due. Says whether that was anything.
    pub(super) fn catch_up(&self) -> Result<bool, String> {
        let now = Nanos::new(self.clock.elapsed().as_nanos() as u64);
        self.marker.is_reached.set(false);
        self.kernel.schedule(now, self.owner, 0);
        let before = self.kernel.turns();
        while !self.marker.is_reached.get() {
            match self.kernel.turn() {
                Turn::Ran => {}
                Turn::Idle => return Err("the marker of the wall clock was lost".to_owned()),
                Turn::Stuck => return Err("a task runs on and on without waiting".to_owned()),
                Turn::Misfit | Turn::Crashed => return Err(self.crash()),
            }
        }
        Ok(self.kernel.turns() > before + 1)
    }

    fn crash(&self) -> String {
        self.kernel.crash().map_or_else(
            || "the schedule did not fit".to_owned(),
            |crash| format!("{} ({}, in task {})", crash.message, crash.location, crash.task),
        )
    }

    /// Goes on until `take` says that it is enough: it is given each thing that comes from outside, and nothing now and
    /// then.
    pub(super) fn run<T>(
        &self,
        outside: &Receiver<T>,
        mut take: impl FnMut(Option<T>) -> bool,
    ) -> Result<(), String> {
        loop {
            let was_busy = self.catch_up()?;
            let mut next = match was_busy {
                true => outside.try_recv().map_err(|error| error == TryRecvError::Disconnected),
                false => outside
                    .recv_timeout(TICK)
                    .map_err(|error| error == RecvTimeoutError::Disconnected),
            };
            while let Ok(event) = next {
                if take(Some(event)) {
                    return Ok(());
                }
                next = outside.try_recv().map_err(|error| error == TryRecvError::Disconnected);
            }
            if matches!(next, Err(true)) || take(None) {
                return Ok(());
            }
        }
    }
}
