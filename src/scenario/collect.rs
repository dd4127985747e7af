//! Reads a document into a type and collects everything that is wrong with it, not only the first
//! thing: what is wrong is noted and left out, and the rest is read again. Checks no references.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::complaint::{Complaint, Complaints};
use super::decode::{Decoder, Trouble, What};
use super::error::{LoadError, Place, ScenarioError};
use super::tree::{At, Json, Step, Tree, push_step};
use super::workload_text::keys_of;

/// The most errors that are reported of one file.
const ERRORS_MAX: usize = 50;

/// A document being read.
pub(super) struct Reading<'t> {
    pub tree: Tree<'t>,
    file: String,
    text: &'t str,
    errors: Vec<ScenarioError>,
    more: bool,
}

impl<'t> Reading<'t> {
    /// Starts on a text.
    ///
    /// # Errors
    /// When it is no JSON document.
    pub fn start(file: &str, text: &'t str) -> Result<Self, LoadError> {
        let tree = Tree::parse(text).map_err(|syntax| LoadError {
            file: file.to_owned(),
            text: Some(text.to_owned()),
            errors: vec![ScenarioError {
                file: file.to_owned(),
                place: Some(syntax.place),
                json_path: String::new(),
                found: syntax.found,
                expected: syntax.expected,
                nearest: None,
                help: (!syntax.help.is_empty()).then(|| syntax.help.to_owned()),
            }],
            more: false,
        })?;
        let mut reading =
            Self { tree, file: file.to_owned(), text, errors: Vec::new(), more: false };
        for at in reading.tree.repeated().to_vec() {
            if reading.is_full() {
                break;
            }
            let found = format!("the key `{}` again", reading.tree.key(at));
            let place = reading.tree.key_place(at);
            reading.note(place, reading.tree.path(at), &found, "each key once");
        }
        Ok(reading)
    }

    /// Reads all that can be read; `None` when too little is left to make a `T` of.
    pub fn decode<T: DeserializeOwned + JsonSchema>(&mut self) -> Option<T> {
        self.decode_at(Tree::ROOT)
    }

    /// The same of what stands under these steps from the root.
    pub fn decode_under<T: DeserializeOwned + JsonSchema>(&mut self, steps: &[Step]) -> Option<T> {
        let (at, done) = self.tree.find(Tree::ROOT, steps);
        if done == steps.len() { self.decode_at(at) } else { None }
    }

    fn decode_at<T: DeserializeOwned + JsonSchema>(&mut self, root: At) -> Option<T> {
        loop {
            let decoder = Decoder { tree: &self.tree, at: root };
            let trouble = match T::deserialize(decoder) {
                Ok(value) => return Some(value),
                Err(trouble) => trouble,
            };
            if self.is_full() {
                return None;
            }
            if !self.settle::<T>(trouble, root) {
                return None;
            }
        }
    }

    /// Notes the trouble and leaves out what it is about, so that reading can go on. Says whether it can.
    fn settle<T: JsonSchema>(&mut self, trouble: Trouble, root: At) -> bool {
        let at = trouble.at.unwrap_or(root);
        match trouble.what {
            What::UnknownKeys { keys, names } => {
                let names = self.fitting(at, trouble.owner, names);
                for key in keys {
                    self.unknown_key(key, &names);
                    self.tree.leave_out(key);
                }
                return true;
            }
            What::Missing { key } => {
                let mut missing = required::<T>(trouble.owner);
                if !missing.contains(&key) {
                    missing.push(key);
                }
                let absent: Vec<String> =
                    missing.into_iter().filter(|key| self.tree.child(at, key).is_none()).collect();
                self.missing_keys(at, &absent);
                if self.stand_in(at, trouble.owner, &absent) {
                    return true;
                }
            }
            _ if self.tree.dropped_children(at).next().is_some() => {}
            What::NoSuchName { key, names } => self.no_such_name(at, key, names),
            What::OneTooMany { key } => {
                let place = self.tree.key_place(key);
                let found = format!("`{}` as well", self.tree.key(key));
                self.note(place, self.tree.path(at), &found, "one key only");
            }
            What::Wanted(expected) => {
                let (place, found) = (self.tree.value_place(at), self.tree.show(at));
                self.note(place, self.tree.path(at), &found, &expected);
            }
            What::Said(text) => self.complain(at, Complaints::of_text(&text)),
        }
        self.tree.leave_out(at);
        at != root
    }

    /// Of the keys that a type has, those that what is being read has a use for: applications have one type for all.
    fn fitting(&self, at: At, owner: &str, names: &[&'static str]) -> Vec<&'static str> {
        let app = self.tree.child(at, "app").filter(|_| owner == "Workload");
        let keys = match app.map(|app| self.tree.json(app)) {
            Some(Json::Text(name)) => keys_of(name),
            _ => None,
        };
        names.iter().copied().filter(|key| keys.as_ref().is_none_or(|has| has(key))).collect()
    }

    fn unknown_key(&mut self, at: At, names: &[&str]) {
        if self.is_full() {
            return;
        }
        let key = self.tree.key(at).to_owned();
        let found = format!("the unknown key `{}`", super::tree::cut(&key));
        let expected = one_of(names.iter().copied());
        let place = self.tree.key_place(at);
        let path = self.tree.path(at);
        let near = || nearest(&key, names.iter().copied());
        self.note_name(place, path, [&found, &expected], &near);
    }

    fn missing_keys(&mut self, at: At, absent: &[String]) {
        // A key that was misspelt is not reported as missing, too.
        let misspelt: Vec<String> = self
            .tree
            .dropped_children(at)
            .filter_map(|child| {
                let key = self.tree.key(child);
                let names = absent.iter().map(String::as_str);
                absent.iter().find(|name| *name == key).cloned().or_else(|| nearest(key, names))
            })
            .collect();
        let place = self.tree.value_place(at);
        for key in absent.iter().filter(|key| !misspelt.contains(key)) {
            if self.is_full() {
                return;
            }
            let mut path = self.tree.path(at);
            push_step(&mut path, &Step::Key(key.clone()));
            self.note(place, path, "no such key", &format!("`\"{key}\": …`, which is required"));
        }
    }

    /// Lets the reading of a scenario go on where one of its main parts is missing.
    fn stand_in(&mut self, at: At, owner: &str, absent: &[String]) -> bool {
        let parts = [
            ("version", Json::Number("1".to_owned())),
            ("name", Json::Text("unnamed".to_owned())),
            ("cluster", Json::Object(Vec::new())),
            ("volumes", Json::List(Vec::new())),
        ];
        if owner != "Scenario" {
            return false;
        }
        let lacking = |key: &str| absent.iter().any(|absent| absent == key);
        let lacking: Vec<_> = parts.into_iter().filter(|(key, _)| lacking(key)).collect();
        let any = !lacking.is_empty();
        for (key, json) in lacking {
            self.tree.stand_in(at, key, json);
        }
        any
    }

    fn no_such_name(&mut self, at: At, of_key: bool, names: &[&str]) {
        let key = of_key.then(|| self.tree.children(at).next()).flatten();
        let (place, path, given) = match (key, self.tree.json(at)) {
            (Some(key), _) => {
                (self.tree.key_place(key), self.tree.path(key), self.tree.key(key).to_owned())
            }
            (None, Json::Text(text)) => {
                (self.tree.value_place(at), self.tree.path(at), text.clone())
            }
            _ => (self.tree.value_place(at), self.tree.path(at), String::new()),
        };
        let found = match given.as_str() {
            "" => self.tree.show(at),
            given => format!("`{}`", super::tree::cut(given)),
        };
        let expected = one_of(family(&given, names).into_iter());
        let near = || nearest(&given, names.iter().copied());
        self.note_name(place, path, [&found, &expected], &near);
    }

    fn complain(&mut self, at: At, complaints: Complaints) {
        for Complaint { key, expected, help } in complaints.0 {
            let steps = if key.is_empty() { vec![] } else { vec![Step::Key(key)] };
            self.report_below(at, &steps, None, &expected, &help);
        }
    }

    /// Reports the key under these steps, which is none that the format or the program has.
    pub fn report_key(&mut self, steps: &[Step], what: &str, names: &[&str]) {
        let (at, done) = self.tree.find(Tree::ROOT, steps);
        if done < steps.len() || self.is_full() {
            return;
        }
        let key = self.tree.key(at).to_owned();
        let found = format!("{what}`{}`", super::tree::cut(&key));
        let expected = one_of(family(&key, names).into_iter());
        let (place, path) = (self.tree.key_place(at), self.tree.path(at));
        let near = || nearest(&key, names.iter().copied());
        self.note_name(place, path, [&found, &expected], &near);
    }

    /// Reports something about a value.
    pub fn complain_at(&mut self, at: At, expected: &str) {
        self.report_below(at, &[], None, expected, "");
    }

    /// Reports something about the value under these steps from the root. List items are counted as they
    /// were read, without those that were left out.
    pub fn report(&mut self, steps: &[Step], found: Option<&str>, expected: &str, help: &str) {
        self.report_below(Tree::ROOT, steps, found, expected, help);
    }

    fn report_below(
        &mut self,
        from: At,
        steps: &[Step],
        found: Option<&str>,
        expected: &str,
        help: &str,
    ) {
        if self.is_full() {
            return;
        }
        let (at, done) = self.tree.find(from, steps);
        if done == steps.len() && self.tree.dropped_children(at).next().is_some() {
            return; // what was left out of it has been reported
        }
        let mut path = self.tree.path(at);
        for step in &steps[done..] {
            push_step(&mut path, step);
        }
        let found = match found {
            Some(found) => found.to_owned(),
            None if done < steps.len() => "no such key".to_owned(),
            None => self.tree.show(at),
        };
        let place = self.tree.value_place(at);
        self.note(place, path, &found, expected).help = (!help.is_empty()).then(|| help.to_owned());
    }

    /// The nearest valid name, for the error that was reported last.
    pub fn suggest<'a>(&mut self, given: &str, names: impl Iterator<Item = &'a str>) {
        if !self.more
            && let Some(error) = self.errors.last_mut()
        {
            error.nearest = nearest(given, names);
        }
    }

    /// Whether so much is wrong that the rest is not looked for.
    pub fn is_full(&mut self) -> bool {
        self.more |= self.errors.len() >= ERRORS_MAX;
        self.more
    }

    /// Notes a name that is none, and may be misspelt.
    fn note_name(
        &mut self,
        place: Place,
        path: String,
        [found, expected]: [&str; 2],
        nearest: &dyn Fn() -> Option<String>,
    ) {
        let error = self.note(place, path, found, expected);
        error.nearest = nearest();
    }

    fn note(
        &mut self,
        place: Place,
        json_path: String,
        found: &str,
        expected: &str,
    ) -> &mut ScenarioError {
        self.errors.push(ScenarioError {
            file: self.file.clone(),
            place: Some(place),
            json_path,
            found: found.to_owned(),
            expected: expected.to_owned(),
            nearest: None,
            help: None,
        });
        self.errors.last_mut().expect("one was pushed just now")
    }

    /// The value, or all that is wrong.
    ///
    /// # Errors
    /// When anything was found wrong, even if a value could be made.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, LoadError> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => {
                self.errors.sort_by_key(|error| error.place);
                self.errors.dedup();
                Err(LoadError {
                    file: self.file,
                    text: Some(self.text.to_owned()),
                    errors: self.errors,
                    more: self.more,
                })
            }
        }
    }
}

/// The keys that an object of this type must have.
fn required<T: JsonSchema>(owner: &str) -> Vec<String> {
    let schema = schemars::schema_for!(T).to_value();
    let definition = match schema.get("$defs").and_then(|definitions| definitions.get(owner)) {
        Some(definition) => definition,
        None => &schema,
    };
    let names = definition.get("required").and_then(serde_json::Value::as_array);
    names.into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
}

/// Of names with families, those of the family that was meant, when that is clear.
fn family<'a>(given: &str, names: &[&'a str]) -> Vec<&'a str> {
    let family = given.split_once('.').map(|(family, _)| format!("{family}."));
    let same = |name: &&str| family.as_ref().is_some_and(|family| name.starts_with(family));
    let found: Vec<&str> = names.iter().copied().filter(same).collect();
    if found.is_empty() { names.to_vec() } else { found }
}

/// The names as a phrase: one of `a`, `b` and `c`.
pub(super) fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let last = quoted.pop().unwrap_or_else(|| "nothing".to_owned());
    if quoted.is_empty() {
        return last;
    }
    format!("one of {} and {last}", quoted.join(", "))
}

/// The name that is most like the given one, if any is much like it.
pub(super) fn nearest<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    const ALIKE: f64 = 0.7;
    if given.len() > 200 {
        return None;
    }
    let scored = names.map(|name| (strsim::jaro_winkler(given, name), name));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(score, _)| *score >= ALIKE).map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{nearest, one_of};

    #[test]
    fn a_misspelt_name_is_recognised() {
        let names = ["disk.slow", "disk.hang", "node.reboot"];
        let near = |given| nearest(given, names.into_iter());
        assert_eq!(near("disk.slwo").as_deref(), Some("disk.slow"));
        assert_eq!(near("nod.reboot").as_deref(), Some("node.reboot"));
        assert_eq!(near("frobnicate"), None);
    }

    #[test]
    fn names_are_listed_as_a_phrase() {
        assert_eq!(one_of(["a"].into_iter()), "`a`");
        assert_eq!(one_of(["a", "b", "c"].into_iter()), "one of `a`, `b` and `c`");
    }
}
