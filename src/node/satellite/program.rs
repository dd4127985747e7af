//! Runs an external program in a box: told to end when it takes too long, killed when it does not, given up when the kernel
//! does not end it even then; and never more of what it writes in memory than is meant to be. Decides not what to run.

use std::cell::RefCell;
use std::rc::Rc;

use crate::base::Nanos;
use crate::base::control::{KernelMalfunctions, ProgramBegun, ProgramOver};
use crate::base::planted;
use crate::node::probes;
use crate::process::port::{Child, Command, ExitStatus, Os, Signal};
use crate::sim::NodeHandle;

use super::output::{Dropped, Output};
use super::problem::Problem;
use super::timing::SatelliteTiming;

/// How much is read at a time.
const PIECE: usize = 16 << 10;

/// Runs one program after the other, for one piece of work.
pub(super) struct Runner {
    handle: NodeHandle,
    os: Os,
    timing: SatelliteTiming,
    /// A program that nothing ended, until somebody hears that it is over.
    stuck: Rc<RefCell<Option<u32>>>,
    /// Told when it is.
    freed: Rc<dyn Fn()>,
}

impl Runner {
    /// `freed` is told when a program ends that was given up.
    pub(super) fn new(
        (handle, os): (&NodeHandle, &Os),
        timing: SatelliteTiming,
        freed: impl Fn() + 'static,
    ) -> Self {
        let (handle, os, freed) = (handle.clone(), os.clone(), Rc::new(freed));
        Self { handle, os, timing, stuck: Rc::default(), freed }
    }

    /// Runs a program to its end: what it wrote.
    pub(super) async fn run(&self, command: Command) -> Result<Vec<u8>, Problem> {
        if let Some(pid) = *self.stuck.borrow() {
            // One that hangs in the kernel is one too many.
            return Err(Problem::StillThere { command, pid });
        }
        let child = self.os.spawn(&command);
        let pid = child.pid();
        self.handle.emit(&ProgramBegun { pid });
        let mut output = Output::new(&self.handle);
        let ended = self.end(&child, &mut output).await;
        let (read, kept) = output.amounts();
        self.handle.emit(&ProgramOver { pid, read, kept, given_up: ended.is_none() });
        match ended {
            None => {
                self.handle.emit(&KernelMalfunctions { pid });
                self.give_up(child);
                Err(Problem::Malfunction { command, pid })
            }
            Some((_, Some(_))) if output.is_starved() => Err(Problem::NoMemory { command }),
            Some((_, Some(_))) if planted!(OverdueMeansDone) => Ok(Vec::new()),
            Some((_, Some(by))) => Err(Problem::Overdue { command, by }),
            Some((status, None)) => match output.whole() {
                Err(Dropped::TooMuch) => Err(Problem::TooMuch { command, read }),
                Err(Dropped::NoMemory) => Err(Problem::NoMemory { command }),
                Ok(text) if status.is_success() => Ok(text),
                Ok(text) => {
                    let said = String::from_utf8_lossy(&text).chars().take(200).collect();
                    Err(Problem::Failed { command, status, said })
                }
            },
        }
    }

    /// Waits for a program's end, and sees to it: how it ended, and what it took. `None`: it did not.
    async fn end(
        &self,
        child: &Child,
        output: &mut Output,
    ) -> Option<(ExitStatus, Option<Signal>)> {
        let wait = if planted!(NoKillLadder) { Nanos::MAX } else { self.timing.wait };
        if let Ok(status) = self.handle.timeout(wait, drain(child, output)).await {
            return Some((status, None));
        }
        let SatelliteTiming { terminate, kill, .. } = self.timing;
        for (signal, patience) in [(Signal::Term, terminate), (Signal::Kill, kill)] {
            child.signal(signal);
            if let Ok(status) = self.handle.timeout(patience, drain(child, output)).await {
                let was_killed = signal == Signal::Kill;
                crate::sometimes!(self.handle, !was_killed, probes::PROGRAM_TERMINATED);
                crate::sometimes!(self.handle, was_killed, probes::PROGRAM_KILLED);
                return Some((status, Some(signal)));
            }
        }
        None
    }

    /// Nobody waits for it any more but one who has nothing else to do.
    fn give_up(&self, child: Child) {
        crate::sometimes!(self.handle, true, probes::PROGRAM_GIVEN_UP);
        *self.stuck.borrow_mut() = Some(child.pid());
        let (stuck, freed) = (self.stuck.clone(), self.freed.clone());
        self.handle.spawn("satellite.reap", async move {
            child.wait().await;
            *stuck.borrow_mut() = None;
            freed();
        });
    }
}

/// Reads all that a program writes, and waits for its end.
pub(super) async fn drain(child: &Child, output: &mut Output) -> ExitStatus {
    while let Some(piece) = child.read(PIECE).await {
        output.take(&piece).await;
    }
    child.wait().await
}
