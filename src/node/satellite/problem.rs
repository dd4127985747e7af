//! What goes wrong on a satellite, in words. Reports nothing.

use std::fmt;

use crate::base::Nanos;
use crate::node::control::{Detail, ObjectKind, Operation, Reply, refs};
use crate::process::port::{Command, ExitStatus, Signal};

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// A program failed.
    Failed { command: Command, status: ExitStatus, said: String },
    /// A program did not end in time; this ended it.
    Overdue { command: Command, by: Signal },
    /// A program did not end in time, and nothing ends it.
    Malfunction { command: Command, pid: u32 },
    /// An earlier program has not ended yet, and nothing ends it.
    StillThere { command: Command, pid: u32 },
    /// A program wrote too much.
    TooMuch { command: Command, read: u64 },
    /// There was no memory for what a program wrote.
    NoMemory { command: Command },
    /// What a program wrote is not to be understood.
    Unreadable { command: Command, line: String },
    /// A device file did not appear in time.
    NoDevice { name: String, waited: Nanos },
    /// A device is not as large as its volume.
    WrongDevice { name: String, found: u64, wanted: u64 },
    /// A device file did not open in time.
    OpenBlocked { name: String, again: bool },
    /// The event stream is over.
    StreamEnded { status: ExitStatus },
    /// The event stream says what nobody understands.
    StreamGarbled { line: String },
    /// The event stream says nothing at all.
    StreamSilent { waited: Nanos },
}

impl Problem {
    pub(super) const fn detail(&self) -> Detail {
        match self {
            Self::Failed { .. } => Detail::ProgramFailed,
            Self::Overdue { .. } => Detail::ProgramOverdue,
            Self::Malfunction { .. } | Self::StillThere { .. } => Detail::KernelMalfunction,
            Self::TooMuch { .. } => Detail::OutputTooLarge,
            Self::NoMemory { .. } => Detail::NoMemory,
            Self::Unreadable { .. } => Detail::OutputUnreadable,
            Self::NoDevice { .. } | Self::WrongDevice { .. } => Detail::NoDevice,
            Self::OpenBlocked { .. } => Detail::OpenBlocked,
            Self::StreamEnded { .. } | Self::StreamGarbled { .. } | Self::StreamSilent { .. } => {
                Detail::StreamLost
            }
        }
    }

    /// What is told of it: of this resource, if it is one's.
    pub(super) fn reply(&self, resource: Option<&str>) -> Reply {
        let message = match resource {
            Some(resource) => format!("Resource `{resource}` is not as it is to be."),
            None => "The satellite could not find out how its machine stands.".to_owned(),
        };
        let kind = (Operation::Modify, ObjectKind::Resource);
        let reply = Reply::failed(kind, self.detail(), message).cause(self.to_string());
        let reply = reply.correction(self.correction());
        match resource {
            Some(resource) => reply.about(refs::RESOURCE_DEFINITION, resource),
            None => reply,
        }
    }

    const fn correction(&self) -> &'static str {
        match self {
            Self::Malfunction { .. } | Self::StillThere { .. } => {
                "The kernel of the node's operating system does not end a process that was killed. Look for storage that \
                 it waits for, and restart the node if there is none."
            }
            Self::OpenBlocked { .. } => {
                "Look at the device and at what it is made of: the kernel waits for it."
            }
            Self::NoMemory { .. } => "Nothing, if memory is free again soon: it is tried again.",
            _ => "Look at what the program was to do: it is tried again by itself.",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { command, status, said } => {
                write!(f, "`{command}` ended with code {}: {}", status.code(), said.trim())
            }
            Self::Overdue { command, by } => {
                write!(f, "`{command}` did not end in time, and was ended by SIG{}.", upper(*by))
            }
            Self::Malfunction { command, pid } => write!(
                f,
                "`{command}` (process {pid}) did not end in time, and goes on after SIGKILL: the kernel malfunctions."
            ),
            Self::StillThere { command, pid } => {
                write!(f, "`{command}` was not started: process {pid} goes on after SIGKILL.")
            }
            Self::TooMuch { command, read } => {
                write!(f, "`{command}` wrote {read} bytes: the limit of what is read is exceeded.")
            }
            Self::NoMemory { command } => {
                write!(f, "There was no memory for what `{command}` wrote.")
            }
            Self::Unreadable { command, line } => {
                write!(f, "`{command}` wrote what is not to be understood: {line:?}.")
            }
            Self::NoDevice { name, waited } => {
                write!(f, "The device file of volume {name} did not appear within {waited}.")
            }
            Self::WrongDevice { name, found, wanted } => {
                write!(f, "The device of volume {name} has {found} KiB, and is to have {wanted}.")
            }
            Self::OpenBlocked { name, again: false } => {
                write!(f, "The device file of volume {name} does not open.")
            }
            Self::OpenBlocked { name, again: true } => {
                write!(
                    f,
                    "The device file of volume {name} has not opened since it was tried last."
                )
            }
            Self::StreamEnded { status } => {
                write!(f, "The event stream ended with code {}.", status.code())
            }
            Self::StreamGarbled { line } => {
                write!(f, "The event stream said what is not to be understood: {line:?}.")
            }
            Self::StreamSilent { waited } => {
                write!(f, "The event stream has said nothing for {waited}.")
            }
        }
    }
}

const fn upper(signal: Signal) -> &'static str {
    match signal {
        Signal::Term => "TERM",
        Signal::Kill => "KILL",
    }
}
