//! A prompt with line editing, history and completion. Understands no line.

use std::path::PathBuf;

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, Helper};

/// Lines kept from one session to the next.
const HISTORY: usize = 1_000;

/// What came of asking for a line.
pub(super) enum Line {
    /// A line.
    Text(String),
    /// It was broken off with Ctrl-C.
    Interrupted,
    /// There is none left.
    End,
    /// The terminal cannot be read.
    Broken(String),
}

/// Completes the words of orders, and the names in the simulation.
struct Words {
    /// First words, with those that may follow each.
    orders: Vec<(String, Vec<String>)>,
    names: Vec<String>,
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        end: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = &line[..end];
        let start = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let (earlier, begun) = (before[..start].split_whitespace(), &before[start..]);
        let earlier: Vec<&str> = earlier.collect();
        let orders = || self.orders.iter().map(|(order, _)| order);
        let candidates: Vec<&String> = match earlier.as_slice() {
            [] => orders().collect(),
            [first] => {
                let follow = self.orders.iter().filter(|(order, _)| order == first);
                follow.flat_map(|(_, words)| words).chain(&self.names).collect()
            }
            _ => self.names.iter().collect(),
        };
        let fitting = candidates.into_iter().filter(|word| word.starts_with(begun));
        let pairs =
            fitting.map(|word| Pair { display: word.clone(), replacement: format!("{word} ") });
        Ok((start, pairs.collect()))
    }
}

impl Helper for Words {}
impl Highlighter for Words {}
impl Hinter for Words {
    type Hint = String;
}
impl Validator for Words {}

/// The prompt.
pub(super) struct Prompt {
    editor: Option<Editor<Words, DefaultHistory>>,
    /// Where lines are kept from one session to the next, where there is such a place.
    history: Option<PathBuf>,
}

impl Prompt {
    pub(super) fn new(orders: Vec<(String, Vec<String>)>, names: Vec<String>) -> Self {
        let config = Config::builder().auto_add_history(true).max_history_size(HISTORY);
        let config = config.map(|config| config.completion_type(rustyline::CompletionType::List));
        let editor = config.and_then(|config| Editor::with_config(config.build())).ok();
        let mut prompt = Self { editor, history: history_file() };
        if let Some(editor) = &mut prompt.editor {
            editor.set_helper(Some(Words { orders, names }));
            if let Some(file) = &prompt.history {
                // There is none the first time.
                let _ = editor.load_history(file);
            }
        }
        prompt
    }

    /// Asks for a line.
    pub(super) fn ask(&mut self, prompt: &str) -> Line {
        let Some(editor) = &mut self.editor else {
            return Line::Broken("no terminal".to_owned());
        };
        match editor.readline(prompt) {
            Ok(line) => Line::Text(line),
            Err(ReadlineError::Interrupted) => Line::Interrupted,
            Err(ReadlineError::Eof) => Line::End,
            Err(error) => Line::Broken(error.to_string()),
        }
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        if let (Some(editor), Some(file)) = (&mut self.editor, &self.history) {
            let made = file.parent().map(std::fs::create_dir_all);
            if made.is_some_and(|made| made.is_ok()) {
                // A history that cannot be kept is no reason to complain on the way out.
                let _ = editor.save_history(file);
            }
        }
    }
}

fn history_file() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".local/state/stormglass/debug-history"))
}

#[cfg(test)]
mod tests {
    use rustyline::Context;
    use rustyline::completion::Completer;
    use rustyline::history::DefaultHistory;

    use super::Words;

    fn completed(line: &str) -> Vec<String> {
        let words = Words {
            orders: vec![
                ("step".to_owned(), Vec::new()),
                ("until".to_owned(), vec!["time".to_owned(), "turn".to_owned()]),
            ],
            names: vec!["t0".to_owned(), "vol0".to_owned()],
        };
        let history = DefaultHistory::new();
        let (_, pairs) = words.complete(line, line.len(), &Context::new(&history)).unwrap();
        pairs.into_iter().map(|pair| pair.replacement).collect()
    }

    #[test]
    fn orders_what_follows_them_and_names_are_completed() {
        assert_eq!(completed("s"), ["step "]);
        assert_eq!(completed("until t"), ["time ", "turn ", "t0 "]);
        assert_eq!(completed("until block v"), ["vol0 "]);
        assert!(completed("x").is_empty());
    }
}
