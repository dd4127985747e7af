//! Actions, conditions and layouts of a program's own: whether the program has them, and whether what stands under their
//! names, or is made for them, can be.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::layout::examine;
use crate::scenario::action::{Action, Arguments};
use crate::scenario::collect::one_of;
use crate::scenario::layout::Layout;
use crate::scenario::own::{OwnCall, Word};
use crate::scenario::script::{Condition, Entry};
use crate::scenario::tree::Step;
use crate::scenario::volume::Volume;

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

/// Whether there is such a layout as the volume's at this place of `volumes`, and it keeps its promises there.
pub(super) fn is_laid_out(
    validator: &mut Validator<'_, '_>,
    (index, volume): (usize, &Volume),
) -> bool {
    let Layout::Own(name) = &volume.layout else { return true };
    let at = steps!["volumes", index, "layout"];
    let words = validator.scenario.words.clone();
    let Some(word) = words.layout(name) else {
        let own = words.layouts().iter().map(|word| word.name);
        let names = || Layout::NAMES.iter().copied().chain(own.clone());
        validator.report_found(&at, Some(&format!("`{name}`")), &one_of(names()), "");
        validator.reading.suggest(name, names());
        return false;
    };
    let layout = word.made(volume.wanted(validator.scenario.cluster.targets));
    let Err(broken) = examine(&layout, volume.blocks) else { return true };
    let found = format!("`{name}`, which {broken}");
    let expected = "a layout that keeps what the trait `Layout` promises";
    let help = "in a test, `layout::examine` says the same of it";
    validator.report_found(&at, Some(&found), expected, help);
    false
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
