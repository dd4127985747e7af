//! The uniform reply: what every call is answered with, success included. Sends nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::code::{Detail, ObjectKind, Operation, ReturnCode, Severity};
use crate::base::Nanos;

/// One thing that is said in answer to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// What became of it, as [`ReturnCode::number`] has it.
    pub ret_code: i64,
    /// Whether it was done, what, and to which objects.
    pub message: String,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What may be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correction: Option<String>,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// The objects that it is about, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub obj_refs: BTreeMap<&'static str, String>,
    /// The reports in which more is said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub error_report_ids: Vec<String>,
    /// When it was said, by the controller's wall clock.
    pub created_at: String,
}

/// All that is said in answer to a call; at least one thing.
pub type ReplyList = Vec<Reply>;

/// The kinds of objects that replies refer to, by their keys.
pub mod refs {
    /// A node.
    pub const NODE: &str = "Node";
    /// A resource definition.
    pub const RESOURCE_DEFINITION: &str = "RscDfn";
    /// A volume number.
    pub const VOLUME_NUMBER: &str = "VlmNr";
    /// A storage pool.
    pub const STORAGE_POOL: &str = "StorPoolDfn";
}

impl Reply {
    /// What became of an operation on an object.
    #[must_use]
    pub fn new(code: ReturnCode, message: impl Into<String>) -> Self {
        Self {
            ret_code: code.number(),
            message: message.into(),
            cause: None,
            correction: None,
            details: None,
            obj_refs: BTreeMap::new(),
            error_report_ids: Vec::new(),
            created_at: String::new(),
        }
    }

    /// It was done.
    #[must_use]
    pub fn done(operation: Operation, object: ObjectKind, message: impl Into<String>) -> Self {
        let detail = match operation {
            Operation::Create => Detail::Created,
            Operation::Delete => Detail::Deleted,
            Operation::Modify => Detail::Modified,
            Operation::Query => Detail::Listed,
        };
        let severity = match operation {
            Operation::Query => Severity::Info,
            _ => Severity::Success,
        };
        Self::new(ReturnCode { severity, operation, object, detail }, message)
    }

    /// It was not done.
    #[must_use]
    pub fn failed(
        (operation, object): (Operation, ObjectKind),
        detail: Detail,
        message: impl Into<String>,
    ) -> Self {
        let severity = Severity::Error;
        Self::new(ReturnCode { severity, operation, object, detail }, message)
    }

    /// Says why not.
    #[must_use]
    pub fn cause(self, cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// Says what may be done about it.
    #[must_use]
    pub fn correction(self, correction: impl Into<String>) -> Self {
        Self { correction: Some(correction.into()), ..self }
    }

    /// Says what else there is to know.
    #[must_use]
    pub fn details(self, details: impl Into<String>) -> Self {
        Self { details: Some(details.into()), ..self }
    }

    /// Names an object that it is about.
    #[must_use]
    pub fn about(mut self, kind: &'static str, name: impl ToString) -> Self {
        self.obj_refs.insert(kind, name.to_string());
        self
    }

    /// Says when it was said.
    pub(super) fn stamp(&mut self, wall: Nanos) {
        self.created_at = date(wall);
    }

    /// What became of it.
    ///
    /// # Panics
    /// When the number is no code of ours, which no reply has.
    #[must_use]
    pub fn code(&self) -> ReturnCode {
        ReturnCode::of_number(self.ret_code).expect("a reply is made of a code")
    }
}

/// The worst of all that was said; an answer that says nothing is an error of the controller's own.
#[must_use]
pub fn worst(replies: &[Reply]) -> Option<ReturnCode> {
    replies.iter().map(Reply::code).max_by_key(|code| code.severity)
}

/// A wall clock's time as ISO 8601 has it, to the millisecond.
#[must_use]
pub fn date(wall: Nanos) -> String {
    let (seconds, millis) = (wall.get() / 1_000_000_000, wall.get() / 1_000_000 % 1000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day of a number of days since the first of January 1970: years are counted from March, so that a leap
/// day is the last of its year, and by 400 at a time, in which there are 146,097 days.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::{Detail, Nanos, ObjectKind, Operation, Reply, date, refs, worst};

    #[test]
    fn dates_are_those_of_the_calendar() {
        let shown = |seconds: u64| date(Nanos::from_secs(seconds));
        assert_eq!(shown(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(shown(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(shown(1_772_323_199), "2026-02-28T23:59:59.000Z");
        assert_eq!(shown(1_772_323_200), "2026-03-01T00:00:00.000Z");
        assert_eq!(date(Nanos::from_millis(1_500)), "1970-01-01T00:00:01.500Z");
    }

    #[test]
    fn a_reply_is_written_as_json_with_what_there_is_to_say() {
        let kind = (Operation::Delete, ObjectKind::Node);
        let mut reply = Reply::failed(kind, Detail::NoNode, "Node `t9` was not deleted.")
            .cause("There is no such node.")
            .about(refs::NODE, "t9");
        reply.stamp(Nanos::ZERO);
        let json = serde_json::to_string(&[reply.clone()]).expect("plain data");
        let expected = concat!(
            r#"[{"ret_code":-4611686018373123796,"message":"Node `t9` was not deleted.","#,
            r#""cause":"There is no such node.","obj_refs":{"Node":"t9"},"#,
            r#""created_at":"1970-01-01T00:00:00.000Z"}]"#
        );
        assert_eq!(json, expected);
        let done = Reply::done(Operation::Create, ObjectKind::Node, "Node `t1` was created.");
        assert_eq!(worst(&[done, reply.clone()]), Some(reply.code()));
        assert_eq!(worst(&[]), None);
    }
}
