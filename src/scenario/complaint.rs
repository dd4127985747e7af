//! What a conversion of a decoded value has to say against it, in a form that survives serde's
//! errors, which are text. Places nothing in a file: the decoder does.

use std::fmt;

/// One thing wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// The key within the value that it is about; empty for the value itself.
    pub key: String,
    /// Finishes "expected …".
    pub expected: String,
    /// What to do, if that is not plain.
    pub help: String,
}

/// All that is wrong with a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Complaints(pub Vec<Complaint>);

const HELP: &str = "; help: ";
const MARK: &str = "\n• ";

impl Complaints {
    /// Adds a complaint about `key`.
    pub fn add(&mut self, key: &str, expected: impl Into<String>, help: impl Into<String>) {
        let complaint = Complaint { key: key.into(), expected: expected.into(), help: help.into() };
        self.0.push(complaint);
    }

    /// A single complaint about the value itself.
    pub fn one(expected: impl Into<String>, help: impl Into<String>) -> Self {
        let mut complaints = Self::default();
        complaints.add("", expected, help);
        complaints
    }

    /// The value, if there is nothing to say against it.
    pub fn or<T>(self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self),
        }
    }

    /// Reads back what `Display` wrote; any other text is one complaint about the value itself.
    pub fn of_text(text: &str) -> Self {
        let Some(rest) = text.strip_prefix(MARK) else { return Self::one(text, "") };
        let complaints = rest.split(MARK).map(|line| {
            let (key, rest) = line.split_once(": ").unwrap_or(("", line));
            let (expected, help) = rest.split_once(HELP).unwrap_or((rest, ""));
            Complaint { key: key.into(), expected: expected.into(), help: help.into() }
        });
        Self(complaints.collect())
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Complaint { key, expected, help } in &self.0 {
            write!(f, "{MARK}{key}: {expected}")?;
            if !help.is_empty() {
                write!(f, "{HELP}{help}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Complaints;

    #[test]
    fn complaints_survive_the_trip_through_text() {
        let mut complaints = Complaints::one("an `at`: or an `every`", "add one");
        complaints.add("times", "a number", "");
        assert_eq!(Complaints::of_text(&complaints.to_string()), complaints);
    }

    #[test]
    fn foreign_text_is_one_complaint() {
        assert_eq!(Complaints::of_text("a: b"), Complaints::one("a: b", ""));
    }
}
