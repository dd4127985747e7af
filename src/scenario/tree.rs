//! A JSON document in which every value knows its place in the text. Knows no scenario.

use std::ops::Range;

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::error::Place;

/// The deepest nesting that is read.
const DEPTH_MAX: usize = 64;

/// A value of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At(usize);

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    List(Vec<At>),
    Object(Vec<At>),
}

/// How a value is reached from the one around it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Root,
    Key(String),
    Item(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Item(index)
    }
}

#[derive(Debug)]
struct Node {
    json: Json,
    span: Range<usize>,
    key_span: Option<Range<usize>>,
    parent: Option<At>,
    step: Step,
    /// Left out from now on, because something is wrong with it.
    dropped: bool,
    /// Not in the text: stands in for a key that is missing.
    stand_in: bool,
}

/// Why a text is no JSON document.
#[derive(Debug, PartialEq)]
pub(super) struct SyntaxError {
    pub place: Place,
    pub found: String,
    pub expected: String,
    pub help: &'static str,
}

/// A JSON document.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
    nodes: Vec<Node>,
    repeated: Vec<At>,
}

impl<'a> Tree<'a> {
    pub const ROOT: At = At(0);

    /// Reads a document. Strict JSON: no comments, no trailing commas.
    pub fn parse(text: &'a str) -> Result<Self, SyntaxError> {
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1))
            .collect();
        let mut tree = Self { text, line_starts, nodes: Vec::new(), repeated: Vec::new() };
        tree.check_depth()?;
        tree.check_syntax()?;
        let options = CollectOptions::default();
        let value = match parse_to_ast(text, &options, &ParseOptions::default()) {
            Ok(parsed) => parsed.value,
            Err(error) => {
                let range = error.range();
                return Err(tree.syntax_error(range.start, &error.kind().to_string(), ""));
            }
        };
        let Some(value) = value else {
            return Err(tree.syntax_error(text.len(), "the end of the file", "a JSON object"));
        };
        tree.add(value, None, Step::Root, None);
        Ok(tree)
    }

    /// Recursive readers must not be fed what would exhaust the stack.
    fn check_depth(&self) -> Result<(), SyntaxError> {
        let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
        for (at, byte) in self.text.bytes().enumerate() {
            if quoted {
                (quoted, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
                continue;
            }
            match byte {
                b'"' => quoted = true,
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > DEPTH_MAX {
                let found = format!("the {depth}th level of nesting");
                let expected = format!("at most {DEPTH_MAX} levels");
                return Err(self.syntax_error(at, &found, &expected));
            }
        }
        Ok(())
    }

    fn check_syntax(&self) -> Result<(), SyntaxError> {
        let Err(error) = serde_json::from_str::<serde_json::Value>(self.text) else {
            return Ok(());
        };
        let start = self.line_starts.get(error.line().saturating_sub(1)).copied().unwrap_or(0);
        // Column 0 is the line break before.
        let mut offset = (start + error.column()).saturating_sub(1).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let reason = error.to_string();
        let reason = reason.rsplit_once(" at line").map_or(reason.as_str(), |(reason, _)| reason);
        if error.is_eof() {
            let found = "the end of the file";
            return Err(self.syntax_error(self.text.len(), found, &wanted(reason)));
        }
        let found = match self.text[offset..].chars().next() {
            Some('\u{feff}') => "a byte order mark".to_owned(),
            Some(c) if c.is_control() => format!("the control character U+{:04X}", c as u32),
            Some(c) => format!("`{c}`"),
            None => "the end of the file".to_owned(),
        };
        Err(self.syntax_error(offset, &found, &wanted(reason)))
    }

    fn syntax_error(&self, offset: usize, found: &str, expected: &str) -> SyntaxError {
        let length = self.text[offset..].chars().next().map_or(0, char::len_utf8);
        let help = match &self.text.as_bytes()[offset..] {
            [b'/', ..] | [b'#', ..] => "JSON has no comments: use `about`",
            [b'\'', ..] => "JSON strings stand in double quotes",
            _ => "",
        };
        let place = self.place(offset..offset + length);
        SyntaxError { place, found: found.to_owned(), expected: expected.to_owned(), help }
    }

    fn add(
        &mut self,
        value: Value<'_>,
        parent: Option<At>,
        step: Step,
        key_span: Option<Range<usize>>,
    ) -> At {
        let at = At(self.nodes.len());
        let range = value.range();
        let span = range.start..range.end;
        let (dropped, stand_in) = (false, false);
        let json = Json::Null;
        self.nodes.push(Node { json, span, key_span, parent, step, dropped, stand_in });
        let json = match value {
            Value::NullKeyword(_) => Json::Null,
            Value::BooleanLit(literal) => Json::Bool(literal.value),
            Value::NumberLit(literal) => Json::Number(literal.value.to_owned()),
            Value::StringLit(literal) => Json::Text(literal.value.into_owned()),
            Value::Array(array) => {
                let items = array.elements.into_iter().enumerate();
                Json::List(items.map(|(i, v)| self.add(v, Some(at), Step::Item(i), None)).collect())
            }
            Value::Object(object) => {
                let mut children: Vec<At> = Vec::new();
                let mut keys = std::collections::BTreeSet::new();
                for property in object.properties {
                    let range = property.name.range();
                    let key = property.name.into_string();
                    let again = !keys.insert(key.clone());
                    let span = Some(range.start..range.end);
                    let child = self.add(property.value, Some(at), Step::Key(key), span);
                    if again {
                        self.nodes[child.0].dropped = true;
                        self.repeated.push(child);
                    }
                    children.push(child);
                }
                Json::Object(children)
            }
        };
        self.nodes[at.0].json = json;
        at
    }

    /// The values whose key their object has already; they are left out.
    pub fn repeated(&self) -> &[At] {
        &self.repeated
    }

    pub fn json(&self, at: At) -> &Json {
        &self.nodes[at.0].json
    }

    /// The key that the value stands under; empty for items of a list and for the root.
    pub fn key(&self, at: At) -> &str {
        match &self.nodes[at.0].step {
            Step::Key(key) => key,
            Step::Root | Step::Item(_) => "",
        }
    }

    /// The values within, without those that were left out.
    pub fn children(&self, at: At) -> impl Iterator<Item = At> + '_ {
        self.all_children(at).filter(|child| !self.nodes[child.0].dropped)
    }

    fn all_children(&self, at: At) -> impl Iterator<Item = At> + '_ {
        let children: &[At] = match self.json(at) {
            Json::List(children) | Json::Object(children) => children,
            _ => &[],
        };
        children.iter().copied()
    }

    /// The values that were left out of this one.
    pub fn dropped_children(&self, at: At) -> impl Iterator<Item = At> + '_ {
        self.all_children(at).filter(|child| self.nodes[child.0].dropped)
    }

    pub fn child(&self, at: At, key: &str) -> Option<At> {
        self.children(at).find(|child| self.key(*child) == key)
    }

    /// The value under these steps, counting only what was not left out, and how many of the steps lead
    /// to it: fewer than given when the rest is not in the text.
    pub fn find(&self, from: At, steps: &[Step]) -> (At, usize) {
        let mut at = from;
        for (done, step) in steps.iter().enumerate() {
            let next = match step {
                Step::Key(key) => self.child(at, key),
                Step::Item(index) => self.children(at).nth(*index),
                Step::Root => None,
            };
            match next {
                Some(next) if !self.nodes[next.0].stand_in => at = next,
                _ => return (at, done),
            }
        }
        (at, steps.len())
    }

    /// Leaves the value out from now on.
    pub fn leave_out(&mut self, at: At) {
        self.nodes[at.0].dropped = true;
    }

    /// Puts a value under a key that the text lacks.
    pub fn stand_in(&mut self, parent: At, key: &str, json: Json) -> At {
        let at = At(self.nodes.len());
        let start = self.nodes[parent.0].span.start;
        self.nodes.push(Node {
            json,
            span: start..start,
            key_span: None,
            parent: Some(parent),
            step: Step::Key(key.to_owned()),
            dropped: false,
            stand_in: true,
        });
        if let Json::Object(children) = &mut self.nodes[parent.0].json {
            children.push(at);
        }
        at
    }

    /// Whether anything of the value was left out, or is not of the text.
    pub fn is_damaged(&self, at: At) -> bool {
        let node = &self.nodes[at.0];
        node.dropped || node.stand_in || self.all_children(at).any(|child| self.is_damaged(child))
    }

    /// Where the value stands.
    pub fn value_place(&self, at: At) -> Place {
        let node = &self.nodes[at.0];
        match node.json {
            // Of what may span many lines, the first bracket is enough.
            Json::List(_) | Json::Object(_) => {
                self.place(node.span.start..(node.span.start + 1).min(node.span.end))
            }
            _ => self.place(node.span.clone()),
        }
    }

    /// Where the value's key stands, or the value if it has none.
    pub fn key_place(&self, at: At) -> Place {
        match &self.nodes[at.0].key_span {
            Some(span) => self.place(span.clone()),
            None => self.value_place(at),
        }
    }

    fn place(&self, span: Range<usize>) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= span.start);
        let start = self.line_starts[line - 1];
        let column = self.text[start..span.start].chars().count() + 1;
        Place { offset: span.start, length: span.end - span.start, line, column }
    }

    /// The way from the root to the value: `script[3].do`.
    pub fn path(&self, at: At) -> String {
        let node = &self.nodes[at.0];
        let mut path = node.parent.map(|parent| self.path(parent)).unwrap_or_default();
        push_step(&mut path, &node.step);
        path
    }

    /// The value in a few words.
    pub fn show(&self, at: At) -> String {
        match self.json(at) {
            Json::Null => "`null`".to_owned(),
            Json::Bool(value) => format!("`{value}`"),
            Json::Number(text) => format!("`{}`", cut(text)),
            Json::Text(text) => format!("`\"{}\"`", cut(text)),
            Json::List(items) if items.is_empty() => "an empty array".to_owned(),
            Json::List(_) => "an array".to_owned(),
            Json::Object(keys) if keys.is_empty() => "an empty object".to_owned(),
            Json::Object(_) => "an object".to_owned(),
        }
    }
}

/// Appends a step to a path.
pub(super) fn push_step(path: &mut String, step: &Step) {
    match step {
        Step::Root => {}
        Step::Key(key) if path.is_empty() => path.push_str(&cut(key)),
        Step::Key(key) => {
            path.push('.');
            path.push_str(&cut(key));
        }
        Step::Item(index) => path.push_str(&format!("[{index}]")),
    }
}

/// Text for a message: short, on one line.
pub(super) fn cut(text: &str) -> String {
    const LENGTH_MAX: usize = 48;
    let mut short: String = text.chars().take(LENGTH_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(LENGTH_MAX).is_some() {
        short.push('…');
    }
    short
}

/// What a JSON reader wanted, in our words.
fn wanted(reason: &str) -> String {
    let wanted = match reason {
        "trailing comma" => "a value: a comma may not stand before a closing bracket",
        "trailing characters" => "the end of the file: a document is one value",
        "key must be a string" => "a key in double quotes",
        "expected value" | "EOF while parsing a value" => "a JSON value",
        "expected `:`" => "`:` between a key and its value",
        "expected `,` or `}`" => "`,` or `}` after a value",
        "expected `,` or `]`" => "`,` or `]` after an item",
        "EOF while parsing a list" => "`]`: an array is not closed",
        "EOF while parsing an object" => "`}`: an object is not closed",
        "EOF while parsing a string" => "`\"`: a string is not closed",
        "number out of range" => "a number that 64 bits can hold",
        "invalid number" => "a number such as `10` or `-3`: no leading zeroes, no lone sign",
        "lone leading surrogate in hex escape" | "unexpected end of hex escape" => {
            "the second half of a surrogate pair"
        }
        "invalid escape" => "one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u",
        "expected ident" => "`true`, `false` or `null`",
        "control character (\\u0000-\\u001F) found while parsing a string" => {
            "a string on one line, with control characters written as escapes"
        }
        other => return format!("JSON ({other})"),
    };
    wanted.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Json, Step, Tree};

    fn key(name: &str) -> Step {
        Step::Key(name.to_owned())
    }

    #[test]
    fn every_value_knows_its_place() {
        let tree = Tree::parse("{\n  \"é\": 1, \"b\": [true,\n \"x\"]\n}").unwrap();
        let (at, found) = tree.find(Tree::ROOT, &[key("b"), Step::Item(1)]);
        assert_eq!((found, tree.json(at)), (2, &Json::Text("x".into())));
        let place = tree.value_place(at);
        assert_eq!((place.line, place.column, place.length), (3, 2, 3));
        assert_eq!(tree.path(at), "b[1]");
        let b = tree.child(Tree::ROOT, "b").unwrap();
        assert_eq!(tree.key_place(b).column, 11, "columns count characters, not bytes");
    }

    #[test]
    fn what_was_left_out_is_passed_over() {
        let mut tree = Tree::parse("[1, 2, 3]").unwrap();
        let (first, _) = tree.find(Tree::ROOT, &[Step::Item(0)]);
        tree.leave_out(first);
        let (at, _) = tree.find(Tree::ROOT, &[Step::Item(0)]);
        assert_eq!(tree.path(at), "[1]", "paths name places in the text");
        assert!(tree.is_damaged(Tree::ROOT));
    }

    #[test]
    fn syntax_errors_say_where_and_what_was_expected() {
        let check = |text: &str, line, column, found: &str, expected: &str| {
            let error = Tree::parse(text).unwrap_err();
            assert_eq!((error.place.line, error.place.column), (line, column), "{text}");
            assert!(error.found.contains(found), "{text}: {}", error.found);
            assert!(error.expected.contains(expected), "{text}: {}", error.expected);
        };
        check("{\n \"a\": 1,\n}", 3, 1, "}", "may not stand before a closing bracket");
        check("{\"a\": 1", 1, 8, "end of the file", "not closed");
        check("{\"a\" 1}", 1, 6, "1", "`:`");
        check("{\"a\": 01}", 1, 8, "1", "no leading zeroes");
        check("{a: 1}", 1, 2, "a", "double quotes");
        check("{} // x", 1, 4, "/", "end of the file");
        check("{\"a\": 'x'}", 1, 7, "'", "a JSON value");
        check("{\"a\": 1e999}", 1, 11, "9", "64 bits");
        check("", 1, 1, "end of the file", "a JSON value");
        check("{\"a\": \"\n\"}", 1, 8, "U+000A", "written as escapes");
    }

    #[test]
    fn deep_nesting_is_refused_before_it_can_hurt() {
        let deep = "[".repeat(1_000_000);
        assert!(Tree::parse(&deep).unwrap_err().found.contains("65th level"));
        let fine = format!("{}{}", "[".repeat(64), "]".repeat(64));
        assert!(Tree::parse(&fine).is_ok());
        assert!(Tree::parse(&format!("[\"{}\"]", "[".repeat(100))).is_ok(), "brackets in a string");
        assert!(Tree::parse(&format!("[\"\\\"{}\"]", "[".repeat(100))).is_ok(), "after an escape");
    }
}
