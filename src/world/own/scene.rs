//! What an action of a program's own acts with. Decides no time.

use std::any::Any;

use crate::base::{DiskId, NodeId};
use crate::scenario::{DiskSelector, Effect, NodeSelector};
use crate::sim::Rng;
use crate::world::records::{ActionName, DiskFaultApplied, FaultApplied};
use crate::world::select;
use crate::world::simulate::World;

use super::look::Look;

/// How an action of one's own is taken back.
pub(in crate::world) type OwnUndo = Box<dyn FnOnce(&mut Scene<'_, '_>)>;

/// A simulation, standing still between two turns, for an action to change.
///
/// Where it is to act follows from its arguments, from the draws of [`Scene::rng`] and from what it sees: nothing of the
/// host may enter into it.
pub struct Scene<'w, 's> {
    pub(super) world: &'w mut World<'s>,
    pub(super) entry: u32,
    pub(super) action: ActionName,
    /// Whether it told of a node or a disk.
    pub(super) told: bool,
    pub(super) undos: Vec<OwnUndo>,
}

impl Scene<'_, '_> {
    /// What it can see.
    #[must_use]
    pub fn look(&self) -> Look<'_> {
        Look { world: self.world }
    }

    /// Draws of the script, which the seed decides.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.world.rng
    }

    /// What the program's own actions keep in this run: it is made where there is none yet.
    pub fn state<T: Any + Default>(&mut self) -> &mut T {
        let states = &mut self.world.own.states;
        let at = states.iter().position(|state| state.is::<T>()).unwrap_or_else(|| {
            states.push(Box::new(T::default()));
            states.len() - 1
        });
        states[at].downcast_mut().expect("it was looked for by its type")
    }

    /// The nodes that a selector stands for, of those that fit: for `all:` each, for `any:` one that is drawn. `fits` is shown
    /// those chosen before, and the one that is to join them.
    pub fn nodes(
        &mut self,
        selector: NodeSelector,
        fits: impl Fn(Look<'_>, &[NodeId], NodeId) -> bool,
    ) -> Vec<NodeId> {
        let mut rng = self.world.rng.clone();
        let look = self.look();
        let choice = select::nodes(selector, &self.world.stage);
        let chosen = choice.draw(&mut rng, |before, node| fits(look, before, node));
        self.world.rng = rng;
        chosen
    }

    /// The disks that a selector stands for, likewise.
    pub fn disks(
        &mut self,
        selector: &DiskSelector,
        fits: impl Fn(Look<'_>, &[DiskId], DiskId) -> bool,
    ) -> Vec<DiskId> {
        let mut rng = self.world.rng.clone();
        let look = self.look();
        let choice = select::disks(selector, &self.world.stage, self.world.scenario);
        let chosen = choice.draw(&mut rng, |before, disk| fits(look, before, disk));
        self.world.rng = rng;
        chosen
    }

    /// Whether the fault budget lets all of these nodes be taken away, cut off or slowed down at once, for as long as the entry
    /// says.
    #[must_use]
    pub fn may_take_nodes(&self, nodes: &[NodeId]) -> bool {
        let world = &self.world;
        let effect = world.scenario.script.get(self.entry as usize).map(|entry| &entry.effect);
        let is_for_long = match effect {
            Some(Effect::Do(action)) => world.is_for_long(self.entry, action),
            _ => true,
        };
        world.budget.may_take_nodes((nodes, is_for_long), &world.stage, &world.conditions)
    }

    /// Whether the fault budget lets all of these disks be taken away or made to fail at once.
    #[must_use]
    pub fn may_take_disks(&self, disks: &[DiskId]) -> bool {
        self.world.budget.may_take_disks(disks, &self.world.stage, &self.world.conditions)
    }

    /// Whether the fault budget lets blocks of these disks be lost or altered.
    #[must_use]
    pub fn may_lose_blocks(&self, disks: &[DiskId]) -> bool {
        self.world.budget.may_lose_blocks(disks, &self.world.stage, &self.world.conditions)
    }

    /// Tells that the action was applied to a node, and that something is wrong with it.
    pub fn hit(&mut self, node: NodeId) {
        self.told = true;
        let applied = FaultApplied { entry: self.entry, action: self.action, node };
        self.world.stage.kernel.emit(None, &applied);
        self.world.note_trouble(&[node]);
    }

    /// Tells that the action was applied to a disk.
    pub fn hit_disk(&mut self, disk: DiskId) {
        self.told = true;
        let applied = DiskFaultApplied { entry: self.entry, action: self.action, disk };
        self.world.stage.kernel.emit(None, &applied);
    }

    /// A node loses power, and its disks what only their caches hold; it is told of.
    pub fn power_off(&mut self, node: NodeId) {
        self.hit(node);
        self.world.take_down(node);
        self.world.lose_power(node);
    }

    /// A node gets its power back and boots, if it is down.
    pub fn power_on(&mut self, node: NodeId) {
        self.world.bring_up(node);
    }

    /// Says how the action is taken back: when its `for` is over, or when all faults stop, once.
    pub fn undo(&mut self, undo: impl FnOnce(&mut Scene<'_, '_>) + 'static) {
        self.undos.push(Box::new(undo));
    }
}
