//! Plays the actions and conditions of a program's own. Has none, and decides no time.

use std::any::Any;

use crate::base::Record;
use crate::scenario::{Action, Condition, Effect, Entry, Scenario, Trigger};
use crate::world::inject::{Applied, Undo};
use crate::world::records::{ActionName, OwnApplied};
use crate::world::simulate::World;

use super::look::Look;
use super::registry::{Hold, Outcome, Own};
use super::scene::{OwnUndo, Scene};

/// What the program's own actions and conditions have and left in a run.
pub(in crate::world) struct Played {
    /// What entries wait for.
    waits: Vec<Awaited>,
    /// What entries expect.
    expects: Vec<(usize, Box<dyn Hold>)>,
    /// How actions of entries are taken back, until they are.
    undos: Vec<Option<(u32, ActionName, OwnUndo)>>,
    pub(super) states: Vec<Box<dyn Any>>,
}

struct Awaited {
    entry: usize,
    condition: Box<dyn Hold>,
    /// Whether it held when last asked.
    held: bool,
}

impl Played {
    pub(in crate::world) fn new(scenario: &Scenario) -> Self {
        let own = scenario.words.get::<Own>();
        let made = |condition: &Condition| match condition {
            Condition::Own(call) => own.and_then(|own| own.hold(call)),
            _ => None,
        };
        let awaited = |(at, entry): (usize, &Entry)| match &entry.trigger {
            Trigger::When { condition, .. } => {
                Some(Awaited { entry: at, condition: made(condition)?, held: false })
            }
            _ => None,
        };
        let expected = |(at, entry): (usize, &Entry)| match &entry.effect {
            Effect::Expect { condition, .. } => Some((at, made(condition)?)),
            _ => None,
        };
        let script = || scenario.script.iter().enumerate();
        Self {
            waits: script().filter_map(awaited).collect(),
            expects: script().filter_map(expected).collect(),
            undos: Vec::new(),
            states: Vec::new(),
        }
    }

    /// Shows the conditions a record.
    pub(in crate::world) fn observe(&mut self, record: &Record) {
        for awaited in &mut self.waits {
            awaited.condition.note(record);
        }
        for (_, condition) in &mut self.expects {
            condition.note(record);
        }
    }
}

impl World<'_> {
    /// Sees what holds at the start, which does not count.
    pub(in crate::world) fn start_own(&mut self) {
        self.own_came_true();
    }

    /// The entries that wait for conditions of the program's own which hold now and did not before.
    pub(in crate::world) fn own_came_true(&mut self) -> Vec<usize> {
        if self.own.waits.is_empty() {
            return Vec::new();
        }
        let look = Look { world: self };
        let now: Vec<bool> = self.own.waits.iter().map(|it| it.condition.is_so(&look)).collect();
        let waits = self.own.waits.iter_mut().zip(now);
        let came = waits.filter_map(|(awaited, now)| {
            let held = std::mem::replace(&mut awaited.held, now);
            (now && !held).then_some(awaited.entry)
        });
        came.collect()
    }

    /// Whether what an entry expects holds, a condition of the program's own.
    pub(in crate::world) fn own_holds(&self, entry: usize) -> bool {
        let condition = self.own.expects.iter().find(|(of, _)| *of == entry);
        condition.is_some_and(|(_, condition)| condition.is_so(&Look { world: self }))
    }

    pub(in crate::world) fn apply_own(
        &mut self,
        (entry, name): (u32, ActionName),
        action: &Action,
    ) -> Applied {
        let Action::Own(call) = action else { return Applied::Nothing };
        let own = self.scenario.words.get::<Own>();
        let Some(act) = own.and_then(|own| own.act(call)) else { return Applied::Nothing };
        let mut scene = Scene { world: self, entry, action: name, told: false, undos: Vec::new() };
        let outcome = act.act(&mut scene);
        let (told, undos) = (scene.told, scene.undos);
        match outcome {
            Outcome::Nothing => Applied::Nothing,
            Outcome::Withheld => Applied::Withheld,
            Outcome::Landed => {
                if !told {
                    self.stage.kernel.emit(None, &OwnApplied { entry, action: name });
                }
                let first = self.own.undos.len();
                self.own.undos.extend(undos.into_iter().map(|undo| Some((entry, name, undo))));
                Applied::Landed((first..self.own.undos.len()).map(Undo::Own).collect())
            }
        }
    }

    pub(in crate::world) fn undo_own(&mut self, slot: usize) {
        let Some((entry, action, undo)) = self.own.undos[slot].take() else { return };
        undo(&mut Scene { world: self, entry, action, told: false, undos: Vec::new() });
    }

    /// Takes back whatever has not been yet.
    pub(in crate::world) fn stop_own_faults(&mut self) {
        for slot in 0..self.own.undos.len() {
            self.undo_own(slot);
        }
    }
}
