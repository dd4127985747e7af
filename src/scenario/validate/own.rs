//! Actions and conditions of a program's own: whether the program has them, and what stands under their names.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::scenario::action::{Action, Arguments};
use crate::scenario::own::{OwnCall, Word};
use crate::scenario::script::{Condition, Entry};
use crate::scenario::tree::Step;

use super::entry::{Validator, steps};
use super::script;

/// An action of the entry at this place of the script.
pub(super) fn act(
    validator: &mut Validator<'_, '_>,
    (index, entry): (usize, &Entry),
    call: &OwnCall,
) {
    let at = steps!["script", index, "do", call.name.as_str()];
    let words = validator.scenario.words.clone();
    let Some(word) = find(words.actions(), call) else {
        let names: Vec<&str> =
            Action::NAMES.iter().copied().chain(names(words.actions())).collect();
        let at = validator.whole_path(&at);
        return validator.reading.report_key(&at, "", &names);
    };
    if entry.undo_after.is_some() && !word.can_be_undone {
        let expected = format!("no `for` beside `{}`, which cannot be undone", call.name);
        validator.report(&steps!["script", index, "for"], &expected, "remove `for`");
    }
    (word.check)(validator, &at);
}

/// A condition, whose arguments stand under these steps.
pub(super) fn holds(validator: &mut Validator<'_, '_>, at: &[Step], call: &OwnCall) {
    let words = validator.scenario.words.clone();
    match find(words.conditions(), call) {
        Some(word) => (word.check)(validator, at),
        None => {
            let own = names(words.conditions());
            let names: Vec<&str> = Condition::KEYS.iter().copied().chain(own).collect();
            let at = validator.whole_path(at);
            validator.reading.report_key(&at, "the unknown key ", &names);
        }
    }
}

fn find<'a>(words: &'a [Word], call: &OwnCall) -> Option<&'a Word> {
    words.iter().find(|word| word.name == call.name)
}

fn names(words: &[Word]) -> impl Iterator<Item = &'static str> {
    words.iter().map(|word| word.name)
}

impl Validator<'_, '_> {
    /// Reports all that is wrong with the arguments under these steps, which are to be a `T`.
    pub(in crate::scenario) fn arguments<T: Arguments + DeserializeOwned + JsonSchema>(
        &mut self,
        at: &[Step],
    ) {
        let path = self.whole_path(at);
        let Some(arguments) = self.reading.decode_under::<T>(&path) else { return };
        let below = |key: &str| [at, &[Step::from(key)]].concat();
        script::places(self, &below, &arguments.places());
    }
}
