//! What the debugger answers: text for a person, data for a program. Works nothing out.

use serde_json::Value;

/// The answer to one order.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// For a person: lines without the last line's end.
    pub text: String,
    /// The same for a program: an object, or an array of objects.
    pub data: Value,
}

impl Answer {
    pub(super) fn new(text: impl Into<String>, data: Value) -> Self {
        Self { text: text.into(), data }
    }

    /// Rows under a head, in columns that fit their widest cell.
    pub(super) fn table(head: &[&str], rows: &[Vec<String>], data: Value) -> Self {
        if rows.is_empty() {
            return Self::new("(none)", data);
        }
        let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut text = vec![line(&mut head.iter().copied())];
        text.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
        Self::new(text.join("\n"), data)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Answer;

    #[test]
    fn columns_fit_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "long one".to_owned()], vec!["bcd".into(), "x".into()]];
        let answer = Answer::table(&["k", "value"], &rows, json!(null));
        assert_eq!(answer.text, "k    value\na    long one\nbcd  x");
        assert_eq!(Answer::table(&["k"], &[], json!([])).text, "(none)");
    }
}
