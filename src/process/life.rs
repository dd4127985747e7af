//! The life of one program: its pipe, what ends it, when it is over. What it does is `programs`'.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::sim::{JoinHandle, Kernel, Signal as Changed};

use super::records::{ProcessEnded, ProcessSignalled, Program, Signal, TroubleKind};
use super::table::Table;

/// How much a pipe holds.
pub(super) const PIPE_BYTES: usize = 64 << 10;

/// How a program was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself, with this code.
    Exited(u8),
    /// A signal ended it.
    Signalled(Signal),
}

impl ExitStatus {
    /// As a shell has it: 128 and the signal's number, if one ended it.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Signalled(Signal::Term) => 128 + 15,
            Self::Signalled(Signal::Kill) => 128 + 9,
        }
    }

    /// Whether it did what it was to do.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Exited(0))
    }
}

/// One run of a program.
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) program: Program,
    pub(super) args: Vec<String>,
    /// The volume or resource that it is about.
    pub(super) about: Option<String>,
    pipe: RefCell<VecDeque<u8>>,
    status: Cell<Option<ExitStatus>>,
    /// It stands still in the kernel.
    pub(super) in_kernel: Cell<bool>,
    /// What ends it as soon as it is back from there.
    pending: Cell<Option<Signal>>,
    pub(super) task: RefCell<Option<JoinHandle<()>>>,
    pub(super) changed: Changed,
}

impl Process {
    pub(super) fn new(
        kernel: &Kernel,
        pid: u32,
        (program, args): (Program, Vec<String>),
        about: Option<String>,
    ) -> Rc<Self> {
        Rc::new(Self {
            pid,
            program,
            args,
            about,
            pipe: RefCell::default(),
            status: Cell::new(None),
            in_kernel: Cell::new(false),
            pending: Cell::new(None),
            task: RefCell::default(),
            changed: Changed::new(kernel),
        })
    }

    pub(super) fn status(&self) -> Option<ExitStatus> {
        self.status.get()
    }

    /// Writes into the pipe, and waits for room when it is full.
    pub(super) async fn write(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = || {
                let room = PIPE_BYTES - self.pipe.borrow().len();
                (room > 0).then_some(room)
            };
            let room = self.changed.wait_for(room).await;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.pipe.borrow_mut().extend(now);
            self.changed.notify();
            bytes = later;
        }
    }

    /// Takes what is in the pipe, up to `max` bytes: none yet, or the end of it.
    pub(super) fn take(&self, max: usize) -> Option<Vec<u8>> {
        let mut pipe = self.pipe.borrow_mut();
        if pipe.is_empty() {
            return self.status.get().map(|_| Vec::new());
        }
        let count = pipe.len().min(max);
        let (front, back) = pipe.as_slices();
        let first = front.len().min(count);
        let piece = [&front[..first], &back[..count - first]].concat();
        pipe.drain(..count);
        drop(pipe);
        self.changed.notify();
        Some(piece)
    }

    /// It is over.
    pub(super) fn end(&self, table: &Table, status: ExitStatus) {
        if self.status.get().is_some() {
            return;
        }
        self.status.set(Some(status));
        let (pid, program, code) = (self.pid, self.program, status.code());
        table.kernel.emit(Some(table.node), &ProcessEnded { pid, program, code });
        self.changed.notify();
    }

    /// Somebody tells it to end. Whether there was anybody to tell.
    pub(super) fn signal(&self, table: &Table, signal: Signal) -> bool {
        if self.status.get().is_some() {
            return false;
        }
        let (pid, program) = (self.pid, self.program);
        table.kernel.emit(Some(table.node), &ProcessSignalled { pid, program, signal });
        if signal == Signal::Term && table.meets(self, TroubleKind::IgnoreTerm).is_some() {
            return true;
        }
        if self.in_kernel.get() {
            self.pending.set(Some(self.pending.get().unwrap_or(signal).max(signal)));
            return true;
        }
        self.be_killed(table, signal);
        true
    }

    fn be_killed(&self, table: &Table, signal: Signal) {
        let task = self.task.borrow_mut().take();
        task.into_iter().for_each(|task| task.abort());
        self.end(table, ExitStatus::Signalled(signal));
    }

    /// It is back from the kernel, where it stood still: the signal that waited for it, if one did.
    pub(super) fn back(&self) -> Option<Signal> {
        self.in_kernel.set(false);
        self.pending.take()
    }
}
