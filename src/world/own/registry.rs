//! The register of what a program adds, and what each kind of it has to be. Runs nothing.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::base::{Record, Recorded};
use crate::check::Checker;
use crate::layout::{Layout, Wanted};
use crate::scenario::{Arguments, EVENTS, LayoutWord, OwnCall, Scenario, Vocabulary, Word, Words};

use super::look::Look;
use super::scene::Scene;

/// What became of an action of one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It acted on something.
    Landed,
    /// There was nothing to act on; an entry of which nothing else ever comes is inert.
    Nothing,
    /// The fault budget does not allow it now: an entry that fires once tries it again a little later.
    Withheld,
}

/// An action that a script may name: its arguments, as the script writes them.
///
/// One is made of the arguments for each firing, so that it depends on nothing but them and what it finds.
pub trait OwnAction: Arguments + DeserializeOwned + JsonSchema + 'static {
    /// Its name: `prefix.name`, with a prefix that no action of the format has.
    const NAME: &'static str;
    /// Whether an entry may undo it after a time with `for`: then it says how, with [`Scene::undo`].
    const CAN_BE_UNDONE: bool = false;

    /// Does it. What comes to nothing or is withheld must have done nothing.
    fn apply(&self, scene: &mut Scene<'_, '_>) -> Outcome;
}

/// A condition that a script may wait for or expect: its arguments, as the script writes them.
pub trait OwnCondition: Arguments + DeserializeOwned + JsonSchema + 'static {
    /// Its name: `prefix.name`, with a prefix that no action of the format has.
    const NAME: &'static str;

    /// A record that scripts may wait for was written (its audience is *notable*, or an entry waits for it by name).
    fn observe(&mut self, record: &Record) {
        let _ = record;
    }

    /// Whether it holds now. It is asked after every such record, and every millisecond: what comes and goes in between
    /// never held.
    fn holds(&self, look: &Look<'_>) -> bool;
}

/// An [`OwnAction`], whichever it is.
pub(super) trait Act {
    fn act(&self, scene: &mut Scene<'_, '_>) -> Outcome;
}

impl<T: OwnAction> Act for T {
    fn act(&self, scene: &mut Scene<'_, '_>) -> Outcome {
        self.apply(scene)
    }
}

/// An [`OwnCondition`], whichever it is.
pub(super) trait Hold {
    fn note(&mut self, record: &Record);
    fn is_so(&self, look: &Look<'_>) -> bool;
}

impl<T: OwnCondition> Hold for T {
    fn note(&mut self, record: &Record) {
        self.observe(record);
    }
    fn is_so(&self, look: &Look<'_>) -> bool {
        self.holds(look)
    }
}

/// Makes something of the arguments in a script; `None` where they are none for it.
type Make<T> = fn(&serde_json::Value) -> Option<Box<T>>;
type MakeChecker = Box<dyn Fn(&Scenario) -> Box<dyn Checker> + Send + Sync>;

struct OwnCheck {
    name: &'static str,
    about: &'static str,
    make: MakeChecker,
}

/// What a program adds to scenarios and simulations.
///
/// Built once and never changed: [`Own::words`] makes of it what [`parse_with`](crate::scenario::parse_with),
/// [`load_with`](crate::scenario::load_with) and [`main_with_words`](crate::cli::main_with_words) take.
#[derive(Default)]
pub struct Own {
    actions: Vec<Word>,
    acts: Vec<Make<dyn Act>>,
    conditions: Vec<Word>,
    holds: Vec<Make<dyn Hold>>,
    checks: Vec<OwnCheck>,
    events: Vec<&'static str>,
    layouts: Vec<LayoutWord>,
}

impl Own {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an action.
    ///
    /// # Panics
    /// When its name is none that a program may add, or is taken.
    #[must_use]
    pub fn action<T: OwnAction>(mut self) -> Self {
        add(&mut self.actions, Word::new::<T>(T::NAME, T::CAN_BE_UNDONE));
        self.acts.push(|arguments| Some(Box::new(made::<T>(arguments)?)));
        self
    }

    /// Adds a condition.
    ///
    /// # Panics
    /// When its name is none that a program may add, or is taken.
    #[must_use]
    pub fn condition<T: OwnCondition>(mut self) -> Self {
        add(&mut self.conditions, Word::new::<T>(T::NAME, false));
        self.holds.push(|arguments| Some(Box::new(made::<T>(arguments)?)));
        self
    }

    /// Adds a checker, one of which watches every run of a scenario whose `checks` name `own` or `all`. `about` says in a
    /// sentence what it holds a run to.
    #[must_use]
    pub fn checker<C: Checker + 'static>(
        mut self,
        name: &'static str,
        about: &'static str,
        make: impl Fn(&Scenario) -> C + Send + Sync + 'static,
    ) -> Self {
        let make: MakeChecker = Box::new(move |scenario| Box::new(make(scenario)));
        self.checks.push(OwnCheck { name, about, make });
        self
    }

    /// Lets scripts wait for a record of one's own by its name.
    ///
    /// # Panics
    /// When a record of the format, or another one of the program, has the name.
    #[must_use]
    pub fn record<R: Recorded>(mut self) -> Self {
        let name = R::TYPE.name;
        let is_taken = EVENTS.contains(&name) || self.events.contains(&name);
        assert!(!is_taken, "there is a record {name} already");
        self.events.push(name);
        self
    }

    /// Adds a layout that volumes may name. `about` says in a sentence what it is; `make` makes one of what a scenario says of
    /// the volume, and of nothing else. A scenario whose volume would have one that breaks what
    /// [`Layout`] promises is refused ([`examine`](crate::layout::examine)).
    ///
    /// # Panics
    /// When its name is none that a program may add, or is taken.
    #[must_use]
    pub fn layout<L: Layout + Send + Sync + 'static>(
        mut self,
        name: &'static str,
        about: &'static str,
        make: impl Fn(&Wanted) -> L + Send + Sync + 'static,
    ) -> Self {
        let is_taken = self.layouts.iter().any(|known| known.name == name);
        assert!(!is_taken, "there is a {name} already");
        self.layouts.push(LayoutWord::new(name, about, make));
        self
    }

    /// The words that scenarios are read with.
    #[must_use]
    pub fn words(self) -> Words {
        Words::new(self)
    }

    pub(super) fn act(&self, call: &OwnCall) -> Option<Box<dyn Act>> {
        let at = self.actions.iter().position(|word| word.name == call.name)?;
        self.acts[at](&call.arguments)
    }

    pub(super) fn hold(&self, call: &OwnCall) -> Option<Box<dyn Hold>> {
        let at = self.conditions.iter().position(|word| word.name == call.name)?;
        self.holds[at](&call.arguments)
    }
}

fn add(words: &mut Vec<Word>, word: Word) {
    let is_taken = words.iter().any(|known| known.name == word.name);
    assert!(!is_taken, "there is a {} already", word.name);
    words.push(word);
}

fn made<T: DeserializeOwned>(arguments: &serde_json::Value) -> Option<T> {
    serde_json::from_value(arguments.clone()).ok()
}

/// The checkers that the program adds to a run of this scenario.
pub(in crate::world) fn checkers(scenario: &Scenario) -> impl Iterator<Item = Box<dyn Checker>> {
    let checks = scenario.words.get::<Own>().map_or(&[][..], |own| &own.checks);
    checks.iter().map(|check| (check.make)(scenario))
}

impl Vocabulary for Own {
    fn actions(&self) -> &[Word] {
        &self.actions
    }
    fn conditions(&self) -> &[Word] {
        &self.conditions
    }
    fn checks(&self) -> Vec<(&'static str, &'static str)> {
        self.checks.iter().map(|check| (check.name, check.about)).collect()
    }
    fn events(&self) -> &[&'static str] {
        &self.events
    }
    fn layouts(&self) -> &[LayoutWord] {
        &self.layouts
    }
}
