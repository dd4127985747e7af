//! What is wrong with a scenario or seed file, said so that its author can mend it. Finds nothing wrong.

use std::fmt;

/// Where in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Bytes from the start of the file.
    pub offset: usize,
    /// How many bytes it is about.
    pub length: usize,
    /// The line, from 1.
    pub line: usize,
    /// The character within the line, from 1.
    pub column: usize,
}

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// The file, as it was named to the loader.
    pub file: String,
    /// Where in it; `None` when it could not be read at all.
    pub place: Option<Place>,
    /// Where in the document: `script[3].do.disk.slow.factor`; empty for the document as a whole.
    pub json_path: String,
    /// What is there.
    pub found: String,
    /// What should be there.
    pub expected: String,
    /// The valid name that comes nearest to the one found.
    pub nearest: Option<String>,
    /// What to do, where that is not plain.
    pub help: Option<String>,
}

impl ScenarioError {
    /// Found, expected and the nearest name, without file and place.
    #[must_use]
    pub fn message(&self) -> String {
        let mut message = format!("found {}, expected {}", self.found, self.expected);
        if let Some(nearest) = &self.nearest {
            message.push_str(&format!("; did you mean `{nearest}`?"));
        }
        message
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(place) = self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        if !self.json_path.is_empty() {
            write!(f, ": {}", self.json_path)?;
        }
        write!(f, ": {}", self.message())?;
        match &self.help {
            Some(help) => write!(f, "\n    help: {help}"),
            None => Ok(()),
        }
    }
}

/// All that is wrong with a file, in the order of its text. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The file, as it was named to the loader.
    pub file: String,
    /// Its text, if it could be read, for showing the lines at fault.
    pub text: Option<String>,
    /// What is wrong with it.
    pub errors: Vec<ScenarioError>,
    /// Whether the search was given up after these errors, so that there may be more.
    pub more: bool,
}

impl LoadError {
    /// An error about the file as a whole.
    pub(super) fn of_file(file: &str, found: &str, expected: &str, help: &str) -> Self {
        let error = ScenarioError {
            file: file.to_owned(),
            place: None,
            json_path: String::new(),
            found: found.to_owned(),
            expected: expected.to_owned(),
            nearest: None,
            help: (!help.is_empty()).then(|| help.to_owned()),
        };
        Self { file: file.to_owned(), text: None, errors: vec![error], more: false }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        if self.more {
            write!(f, "\n{}: there may be more: mend these first", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}

#[cfg(test)]
mod tests {
    use super::{Place, ScenarioError};

    #[test]
    fn an_error_reads_as_one_sentence() {
        let mut error = ScenarioError {
            file: "a.json".into(),
            place: Some(Place { offset: 9, length: 3, line: 2, column: 4 }),
            json_path: "budget".into(),
            found: "`\"nonee\"`".into(),
            expected: "`survivable` or `none`".into(),
            nearest: Some("none".into()),
            help: None,
        };
        assert_eq!(
            error.to_string(),
            "a.json:2:4: budget: found `\"nonee\"`, expected `survivable` or `none`; did you mean `none`?"
        );
        error.help = Some("remove it".into());
        assert!(error.to_string().ends_with("\n    help: remove it"));
    }
}
