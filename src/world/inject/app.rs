//! Applies the actions on applications: through their own door, and by moving volumes between clients. Decides
//! no time.

use crate::base::{NodeId, VolumeId};
use crate::scenario::{Action, NodeClass};

use super::apply::{Applied, Undo};
use crate::world::records::{ActionName, FaultApplied};
use crate::world::select;
use crate::world::simulate::World;

/// How to take an action on a client's applications back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum AppUndo {
    Resume,
    Start,
}

impl World<'_> {
    pub(super) fn apply_to_app(&mut self, entry: u32, action: &Action) -> Applied {
        let (selector, volume) = match action {
            Action::AppPause(args) | Action::AppResume(args) | Action::AppKill(args) => {
                (args.client, None)
            }
            Action::AppAttach(args) | Action::AppDetach(args) => {
                (args.client, self.scenario.volume_index(&args.volume))
            }
            _ => return Applied::Nothing,
        };
        let volume = volume.map(|at| VolumeId::new(at as u16));
        let mut rng = self.rng.clone();
        let chosen = select::nodes(selector, &self.stage).draw(&mut rng, |taken, client| {
            // A volume is attached to one client at a time.
            let alone = volume.is_none() || taken.is_empty();
            alone && self.app_action_has_effect(action, client, volume)
        });
        self.rng = rng;
        let mut undos = Vec::new();
        for client in &chosen {
            let applied = FaultApplied { entry, action: ActionName::of(action), node: *client };
            self.stage.kernel.emit(None, &applied);
            undos.extend(self.act_on_app(action, *client, volume));
            self.note_trouble(&[*client]);
        }
        // A volume that is still being given back can be attached a moment later.
        let waits = match (action, volume) {
            (Action::AppAttach(_), Some(volume)) => self.is_being_given_back(volume),
            _ => false,
        };
        self.outcome(!chosen.is_empty(), waits, undos, true)
    }

    fn is_being_given_back(&self, volume: VolumeId) -> bool {
        let mounts = &self.stage.mounts;
        mounts.clients_of(volume).is_empty() && mounts.is_held(volume)
    }

    fn app_action_has_effect(
        &self,
        action: &Action,
        client: NodeId,
        volume: Option<VolumeId>,
    ) -> bool {
        let kernel = &self.stage.kernel;
        let is_paused = self.paused_apps.contains(&client);
        let mounts = &self.stage.mounts;
        match action {
            Action::AppPause(_) => !is_paused && self.runs_apps(client),
            Action::AppResume(_) => is_paused,
            Action::AppAttach(_) => {
                let wanted = volume.is_some_and(|volume| {
                    let mut holders = mounts.clients_of(volume).into_iter();
                    !mounts.has(client, volume)
                        && !self.is_being_given_back(volume)
                        && (mounts.has_homeless(volume) || holders.all(|it| !kernel.is_up(it)))
                });
                kernel.is_up(client) && wanted
            }
            Action::AppDetach(_) => {
                kernel.is_up(client) && volume.is_some_and(|volume| mounts.has(client, volume))
            }
            _ => kernel.is_up(client),
        }
    }

    /// Whether the client is up and has a volume with an application that is not over.
    fn runs_apps(&self, client: NodeId) -> bool {
        let apps = self.stage.apps.iter().enumerate();
        let mut here = apps.filter(|(at, _)| self.stage.mounts.home_of(*at) == Some(client));
        self.stage.kernel.is_up(client) && here.any(|(_, app)| !app.progress.is_over())
    }

    fn act_on_app(
        &mut self,
        action: &Action,
        client: NodeId,
        volume: Option<VolumeId>,
    ) -> Option<Undo> {
        let mut undo = None;
        match (action, volume) {
            (Action::AppPause(_), _) => {
                self.paused_apps.push(client);
                undo = Some(Undo::App(client, AppUndo::Resume));
            }
            (Action::AppResume(_), _) => self.paused_apps.retain(|paused| *paused != client),
            (Action::AppKill(_), _) => {
                self.take_down(client);
                undo = Some(Undo::App(client, AppUndo::Start));
            }
            (Action::AppAttach(_), Some(volume)) => {
                self.stage.mounts.attach(&self.stage.kernel, client, volume);
            }
            (Action::AppDetach(_), Some(volume)) => self.stage.mounts.detach(client, volume),
            _ => {}
        }
        self.pause_apps();
        undo
    }

    /// Pauses the applications of paused clients, and resumes all others.
    fn pause_apps(&self) {
        for (at, app) in self.stage.apps.iter().enumerate() {
            let client = self.stage.mounts.home_of(at);
            match client.is_some_and(|client| self.paused_apps.contains(&client)) {
                true => app.progress.pause(),
                false => app.progress.resume(),
            }
        }
    }

    pub(super) fn undo_on_app(&mut self, client: NodeId, undo: AppUndo) {
        self.note_trouble(&[client]);
        match undo {
            AppUndo::Resume => self.paused_apps.retain(|paused| *paused != client),
            AppUndo::Start => self.bring_up(client),
        }
        self.pause_apps();
    }

    /// Lets every application go on, where it was last, and attaches each volume where it was last.
    pub(super) fn stop_app_faults(&mut self) {
        self.paused_apps.clear();
        self.pause_apps();
        self.stage.mounts.find_homes(&self.stage.kernel);
        debug_assert!(
            self.stage.nodes.class(NodeClass::Client).iter().all(|c| self.stage.kernel.is_up(*c)),
            "clients are brought up before volumes are attached"
        );
    }
}
