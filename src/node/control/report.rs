//! The report of an error: everything there is to know of it, as text for a person. Stores and sends none.

use std::fmt;

use super::reply::{Reply, date};
use crate::base::{Nanos, Seq};

/// What an error is known by: when the program was started, in seconds, which node it is on, and its number. No two errors of
/// a cluster have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErrorId {
    /// When the program that reports it was started, in seconds of its wall clock.
    pub started: u32,
    /// Which node it is on: 0 for the first manager, targets from 1, other managers 0x10000 after each other.
    pub node: u32,
    /// Its number, from 1, over all lives of the program.
    pub number: u32,
}

impl fmt::Display for ErrorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}-{:05X}-{:06}", self.started, self.node, self.number)
    }
}

/// A report as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorReport {
    /// What the error is known by.
    pub id: ErrorId,
    /// The text.
    pub text: String,
}

impl ErrorReport {
    /// The name of the file that the report would be on a disk with files.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("ErrorReport-{}.log", self.id)
    }

    /// What was said to whoever asked: the first line of the error's message.
    #[must_use]
    pub fn headline(&self) -> &str {
        let line = self.text.lines().find_map(|line| line.strip_prefix(MESSAGE));
        line.map_or("", str::trim)
    }

    /// When it was, as the report has it.
    #[must_use]
    pub fn time(&self) -> &str {
        self.text.lines().find_map(|line| line.strip_prefix("Error time:")).map_or("", str::trim)
    }
}

const MESSAGE: &str = "Error message:";

/// What a report is made of.
#[derive(Clone, Debug)]
pub(in crate::node) struct Finding<'a> {
    pub(in crate::node) id: ErrorId,
    /// Which program reports it.
    pub(in crate::node) module: &'static str,
    /// When, by the wall clock.
    pub(in crate::node) at: Nanos,
    pub(in crate::node) node: &'a str,
    pub(in crate::node) peer: &'a str,
    /// What it is said of.
    pub(in crate::node) reply: &'a Reply,
    /// What was asked, or tried.
    pub(in crate::node) call: String,
    /// What the program was at.
    pub(in crate::node) standing: String,
    /// The record of the trace that tells of it.
    pub(in crate::node) position: Seq,
}

impl Finding<'_> {
    /// The report.
    pub(super) fn render(&self) -> ErrorReport {
        let code = self.reply.code();
        let mut text = format!("ERROR REPORT {}\n\n{}\n\n", self.id, "=".repeat(60));
        let mut field = |name: &str, value: &str| {
            text.push_str(&format!("{:<32}    {value}\n", format!("{name}:")));
        };
        field("Application", "stormglass");
        field("Module", self.module);
        field("Version", env!("CARGO_PKG_VERSION"));
        field("Error time", &date(self.at));
        field("Node", self.node);
        field("Peer", self.peer);
        field("Trace position", &self.position.to_string());
        text.push_str(&format!("\n{}\n\n", "=".repeat(60)));
        text.push_str("Reported problem:\n=================\n\n");
        let mut part = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                text.push_str(&format!("{name}:\n    {value}\n"));
            }
        };
        part("Description", &Some(self.reply.message.clone()));
        part("Cause", &self.reply.cause);
        part("Correction", &self.reply.correction);
        part("Additional information", &self.reply.details);
        text.push('\n');
        let mut field = |name: &str, value: &str| {
            text.push_str(&format!("{:<32}    {value}\n", format!("{name}:")));
        };
        field("Category", code.severity.name());
        field("Class name", code.detail.name());
        field("Return code", &format!("{} ({:#018x})", code.number(), code.number()));
        field("Generated at", &format!("{} {}", code.operation, code.object));
        field("Error message", &self.reply.message);
        let objects = self.reply.obj_refs.iter().map(|(kind, name)| format!("{kind} {name}"));
        field("Objects", &objects.collect::<Vec<_>>().join(", "));
        text.push_str("\nError context:\n");
        for line in [&self.call, &self.standing] {
            text.push_str(&format!("    {line}\n"));
        }
        if let Some(cause) = &self.reply.cause {
            text.push_str(&format!("\nCaused by:\n==========\n\n    {cause}\n"));
        }
        text.push_str("\nEND OF ERROR REPORT.\n");
        ErrorReport { id: self.id, text }
    }
}

#[cfg(test)]
mod tests {
    use super::{ErrorId, Finding};
    use crate::base::Nanos;
    use crate::node::control::{Detail, ObjectKind, Operation, Reply};

    #[test]
    fn an_error_is_known_by_time_node_and_number() {
        let id = ErrorId { started: 0x6A5B_4C3D, node: 3, number: 17 };
        assert_eq!(id.to_string(), "6A5B4C3D-00003-000017");
    }

    #[test]
    fn a_report_says_what_there_is_to_know() {
        let target = (Operation::Create, ObjectKind::Node);
        let reply = Reply::failed(target, Detail::NodeExists, "Node `t0` was not created.")
            .cause("There is a node `t0` already.")
            .about("Node", "t0");
        let report = Finding {
            id: ErrorId { started: 2, node: 0, number: 3 },
            module: "Controller",
            at: Nanos::from_secs(4),
            node: "m0",
            peer: "admin",
            reply: &reply,
            call: "call 5".to_owned(),
            standing: "version 6".to_owned(),
            position: 7,
        }
        .render();
        assert_eq!(report.file_name(), "ErrorReport-00000002-00000-000003.log");
        assert_eq!(report.headline(), "Node `t0` was not created.");
        assert_eq!(report.time(), "1970-01-01T00:00:04.000Z");
        assert!(report.text.starts_with("ERROR REPORT 00000002-00000-000003\n"));
        assert!(report.text.ends_with("END OF ERROR REPORT.\n"));
        for part in [
            "Node:                               m0\n",
            "Peer:                               admin\n",
            "Trace position:                     7\n",
            "Class name:                         node-exists\n",
            "Objects:                            Node t0\n",
            "Cause:\n    There is a node `t0` already.\n",
            "Error context:\n    call 5\n    version 6\n",
        ] {
            assert!(report.text.contains(part), "{part} in {}", report.text);
        }
    }
}
