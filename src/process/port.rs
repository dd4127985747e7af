//! The door for node code: starts programs, reads what they write, waits for them, tells them to end; looks at device files
//! and opens them. Sets nothing wrong.

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::sim::NodeHandle;

use super::life::Process;
use super::programs;
use super::records::ProcessStarted;
use super::table::Table;

pub use super::life::ExitStatus;
pub use super::records::{Program, Signal, TroubleKind};

/// A machine, for the node that runs on it. Clones are cheap.
#[derive(Clone)]
pub struct Host(pub(super) Rc<Table>);

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Host({})", self.0.node)
    }
}

impl Host {
    /// The machine's operating system, as the node finds it after it has booted: the device files of its volumes are about
    /// to appear.
    #[must_use]
    pub fn boot(&self, handle: &NodeHandle) -> Os {
        for (name, _) in self.0.volumes_of(None) {
            self.0.activate(handle, &name);
        }
        Os { table: self.0.clone(), handle: handle.clone() }
    }
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program.
    pub program: Program,
    /// Its arguments.
    pub args: Vec<String>,
}

impl Command {
    /// A program with these arguments.
    #[must_use]
    pub fn new(program: Program, args: &[&str]) -> Self {
        Self { program, args: args.iter().map(|arg| (*arg).to_owned()).collect() }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.program, self.args.join(" "))
    }
}

/// Why a device file could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is none of this name.
    #[error("there is no such device file")]
    NoDevice,
}

/// The operating system of a node, in one life of it.
#[derive(Clone)]
pub struct Os {
    table: Rc<Table>,
    handle: NodeHandle,
}

impl fmt::Debug for Os {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Os({})", self.table.node)
    }
}

impl Os {
    /// Starts a program. It runs whether anybody keeps its handle or not.
    #[must_use]
    pub fn spawn(&self, command: &Command) -> Child {
        let table = &self.table;
        let about = programs::about(command);
        let (pid, program) = (table.next_pid(), command.program);
        let volume = table.number(about.as_deref());
        self.handle.emit(&ProcessStarted { pid, program, volume });
        let run = (program, command.args.clone());
        let process = Process::new(&table.kernel, pid, run, about);
        table.processes.borrow_mut().insert(pid, process.clone());
        let life = programs::live(table.clone(), process.clone(), self.handle.clone());
        *process.task.borrow_mut() = Some(self.handle.spawn("process", life));
        Child { process, table: table.clone() }
    }

    /// Whether a device file is there.
    #[must_use]
    pub fn has_device(&self, name: &str) -> bool {
        self.table.device(name).is_some()
    }

    /// Opens a device file. Takes its time, and may take for ever: whoever has something else to do waits for it elsewhere.
    ///
    /// # Errors
    /// [`OpenError`] when it is not there.
    pub async fn open(&self, name: &str) -> Result<DeviceFile, OpenError> {
        self.handle.sleep(self.table.open_latency()).await;
        if self.table.device_meets(name, TroubleKind::OpenBlocks) {
            let table = &self.table;
            let is_free = || (!table.blocks_opening(name)).then_some(());
            table.changed.wait_for(is_free).await;
        }
        let opened = self.table.device(name).ok_or(OpenError::NoDevice)?;
        let volume = self.table.volumes.borrow().get(name).cloned();
        let size = volume.ok_or(OpenError::NoDevice)?.size;
        opened.set(opened.get() + 1);
        Ok(DeviceFile { size, opened })
    }
}

/// A device file that is open; closed when dropped.
#[derive(Debug)]
pub struct DeviceFile {
    size: u64,
    opened: Rc<Cell<u32>>,
}

impl DeviceFile {
    /// How large the device is, in KiB.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }
}

impl Drop for DeviceFile {
    fn drop(&mut self) {
        self.opened.set(self.opened.get() - 1);
    }
}

/// A program that was started.
pub struct Child {
    process: Rc<Process>,
    table: Rc<Table>,
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Child({})", self.process.pid)
    }
}

impl Child {
    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid
    }

    /// The next piece of what it writes, up to `max` bytes; none, when it is over and all was read.
    pub fn poll_read(&self, cx: &Context<'_>, max: usize) -> Poll<Option<Vec<u8>>> {
        match self.process.take(max) {
            Some(piece) => Poll::Ready((!piece.is_empty()).then_some(piece)),
            None => {
                self.process.changed.register(cx);
                Poll::Pending
            }
        }
    }

    /// As [`Child::poll_read`].
    pub async fn read(&self, max: usize) -> Option<Vec<u8>> {
        poll_fn(|cx| self.poll_read(cx, max)).await
    }

    /// Waits until it is over, and takes it out of the table of processes.
    pub async fn wait(&self) -> ExitStatus {
        let status = self.process.changed.wait_for(|| self.process.status()).await;
        self.table.processes.borrow_mut().remove(&self.process.pid);
        status
    }

    /// How it was over, if it is: then it is taken out of the table of processes.
    #[must_use]
    pub fn try_wait(&self) -> Option<ExitStatus> {
        let status = self.process.status()?;
        self.table.processes.borrow_mut().remove(&self.process.pid);
        Some(status)
    }

    /// Whether it was waited for until it was over.
    #[must_use]
    pub fn is_reaped(&self) -> bool {
        !self.table.processes.borrow().contains_key(&self.process.pid)
    }

    /// Tells it to end. `false`: it is over.
    pub fn signal(&self, signal: Signal) -> bool {
        self.process.signal(&self.table, signal)
    }
}
