//! Applies the actions on the manager's database through its disk's control door. Decides no time.

use crate::scenario::{self, Action};

use super::apply::Applied;
use crate::world::records::{ActionName, FaultApplied};
use crate::world::simulate::World;

impl World<'_> {
    /// Within the budget no database goes back: which disks have what was acknowledged is known nowhere else.
    pub(super) fn apply_to_database(&mut self, entry: u32, action: &Action) -> Applied {
        let Action::DatabaseRestoreOldSnapshot(args) = action else { return Applied::Nothing };
        let (manager, now) = (self.stage.map.manager, self.stage.kernel.now());
        let database = self.stage.database();
        let is_kept = database.images_kept() >= args.age && now >= args.age;
        let is_down = !self.stage.kernel.is_up(manager);
        if !is_kept {
            return Applied::Nothing;
        }
        if !is_down || self.scenario.budget != scenario::Budget::None {
            return Applied::Withheld;
        }
        let applied = FaultApplied { entry, action: ActionName::of(action), node: manager };
        self.stage.kernel.emit(None, &applied);
        self.stage.database().restore_old_image(args.age);
        Applied::Landed(Vec::new())
    }
}
