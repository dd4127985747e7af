//! Lines and the fields in them, each with its place, and the numbers that they hold. Knows no format.

use crate::base::Nanos;
use crate::scenario::tree::cut;

use super::recorder::LineError;

/// A line that is not blank.
#[derive(Clone, Copy, Debug)]
pub(in crate::scenario) struct LineText<'t> {
    /// From 1.
    pub number: usize,
    /// Without its end.
    pub text: &'t str,
}

/// A part of a line.
#[derive(Clone, Copy, Debug)]
pub(in crate::scenario) struct FieldText<'t> {
    line: LineText<'t>,
    /// Bytes from the start of the line.
    start: usize,
    pub text: &'t str,
}

/// The lines of a text that are not blank.
pub(in crate::scenario) fn lines(text: &str) -> impl Iterator<Item = LineText<'_>> {
    let numbered = text.lines().enumerate().map(|(at, text)| LineText { number: at + 1, text });
    numbered.filter(|line| !line.text.trim().is_empty())
}

impl<'t> LineText<'t> {
    /// The whole line as a field.
    pub fn whole(self) -> FieldText<'t> {
        FieldText { line: self, start: 0, text: self.text }
    }

    /// What is between commas, without the blanks around it.
    pub fn between_commas(self) -> Vec<FieldText<'t>> {
        self.between(|c| c == ',').map(FieldText::trimmed).collect()
    }

    /// What is between blanks.
    pub fn words(self) -> Vec<FieldText<'t>> {
        self.between(char::is_whitespace).filter(|field| !field.text.is_empty()).collect()
    }

    fn between(self, is_between: impl Fn(char) -> bool) -> impl Iterator<Item = FieldText<'t>> {
        let mut start = 0;
        self.text.split(is_between).map(move |text| {
            let field = FieldText { line: self, start, text };
            start += text.len()
                + self.text[start + text.len()..].chars().next().map_or(0, char::len_utf8);
            field
        })
    }

    /// An error about the end of the line.
    pub fn ends_early(self, expected: &str) -> LineError {
        let column = self.text.chars().count() + 1;
        let found = "the end of the line".to_owned();
        LineError { line: self.number, column, found, expected: expected.to_owned() }
    }
}

impl<'t> FieldText<'t> {
    /// The line that it stands in, from 1.
    pub fn line(self) -> usize {
        self.line.number
    }

    /// A part of it, from and to a byte of it.
    pub fn slice(self, range: std::ops::Range<usize>) -> Self {
        let start = self.start + range.start;
        Self { start, text: self.text.get(range).unwrap_or(""), ..self }
    }

    /// What is between these characters, without the blanks around it.
    pub fn split(self, between: char) -> Vec<Self> {
        let mut start = 0;
        let parts = self.text.split(between).map(|text| {
            let part = self.slice(start..start + text.len());
            start += text.len() + between.len_utf8();
            part.trimmed()
        });
        parts.collect()
    }

    /// Without the blanks around it.
    pub fn trimmed(self) -> Self {
        let text = self.text.trim();
        let start = self.start + self.text.len() - self.text.trim_start().len();
        Self { start, text, ..self }
    }

    /// An error about the field.
    pub fn is_not(self, expected: &str) -> LineError {
        let before = self.line.text.get(..self.start).unwrap_or("");
        let found = match self.text {
            "" => "nothing".to_owned(),
            text => format!("`{}`", cut(text)),
        };
        let column = before.chars().count() + 1;
        LineError { line: self.line.number, column, found, expected: expected.to_owned() }
    }

    /// The whole number that it is.
    ///
    /// # Errors
    /// When it is none, or one beyond 2^63: no place and no time of a device.
    pub fn number(self, what: &str) -> Result<u64, LineError> {
        let is_plain = !self.text.is_empty() && self.text.bytes().all(|b| b.is_ascii_digit());
        let number = is_plain.then(|| self.text.parse().ok()).flatten();
        let number = number.filter(|number| *number <= i64::MAX as u64);
        number.ok_or_else(|| self.is_not(&format!("{what}, a whole number")))
    }

    /// The time that it is, in units of so many nanoseconds.
    ///
    /// # Errors
    /// When it is none, or more nanoseconds than 64 bits hold.
    pub fn nanos(self, what: &str, unit: u64) -> Result<Nanos, LineError> {
        let nanos = self.number(what)?.checked_mul(unit).map(Nanos::new);
        nanos.ok_or_else(|| self.is_not(&format!("{what}, below 2^64 ns")))
    }
}

#[cfg(test)]
mod tests {
    use super::{LineText, lines};

    #[test]
    fn a_field_knows_its_place_in_characters() {
        let line = LineText { number: 7, text: "é, b ,x9" };
        let fields = line.between_commas();
        assert_eq!(fields.iter().map(|field| field.text).collect::<Vec<_>>(), ["é", "b", "x9"]);
        let error = fields[2].number("a size").unwrap_err();
        assert_eq!((error.line, error.column), (7, 7));
        assert_eq!(
            error.to_string(),
            "line 7, column 7: found `x9`, expected a size, a whole number"
        );
        let error = line.words()[1].number("a size").unwrap_err();
        assert_eq!(error.column, 4);
    }

    #[test]
    fn blank_lines_count_and_are_left_out() {
        let numbers: Vec<usize> = lines("a\n\n  \r\nb").map(|line| line.number).collect();
        assert_eq!(numbers, [1, 4]);
    }
}
