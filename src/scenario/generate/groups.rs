//! Actions that belong together: a fault and, in the entry after it, what takes it back or makes it worse. Draws no
//! other entry.

use crate::scenario::action::{
    Action, ClientOnly, ClientVolume, ConnectorOnly, CpuOnly, DatabaseOnly, DiskClient, DiskOnly,
    LinkOnly, NodeOnly, SlowDisk,
};
use crate::scenario::ids::{CpuSelector, DiskRef, DiskSelector, NodeClass, NodeSelector};
use crate::scenario::script::{Effect, Entry, Trigger};
use crate::scenario::volume::Volume;

use super::actions::{action, certain_cpu, fixed, old_image, span};
use super::connectors::fixed as certain_connector;
use super::dice::Dice;
use super::script::{Scene, acked};

/// Entries that follow each other, named after the last one's action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Heal,
    Plug,
    Reconnect,
    OldImage,
    PowerOn,
    Resume,
    ResumeCpu,
    ResumeApp,
    Attach,
    DatabaseUp,
    ConnectorStart,
    CutOff,
}

const ALL: [(Group, &str); 12] = [
    (Group::Heal, "disk.heal"),
    (Group::Plug, "disk.plug"),
    (Group::Reconnect, "disk.reconnect_to_client"),
    (Group::OldImage, "disk.restore_old_image"),
    (Group::PowerOn, "node.power_on"),
    (Group::Resume, "node.resume"),
    (Group::ResumeCpu, "cpu.resume"),
    (Group::ResumeApp, "app.resume"),
    (Group::Attach, "app.attach"),
    (Group::DatabaseUp, "database.up"),
    (Group::ConnectorStart, "connector.start"),
    (Group::CutOff, "net.half_open"),
];

/// Targets as often as all others.
const CLASSES: [NodeClass; 4] =
    [NodeClass::Target, NodeClass::Target, NodeClass::Client, NodeClass::Manager];

impl Group {
    /// Those that the swarm has.
    pub(super) fn of(scene: &Scene<'_>) -> Vec<Self> {
        let on = ALL.iter().filter(|(group, name)| scene.swarm.has(name) && group.is_fit(scene));
        on.map(|(group, _)| *group).collect()
    }

    fn is_fit(self, scene: &Scene<'_>) -> bool {
        match self {
            // It takes a disk that is known to hold a leg.
            Self::OldImage => scene.volumes.iter().any(|volume| volume.legs.is_some()),
            Self::CutOff => scene.swarm.has("disk.slow"),
            _ => true,
        }
    }
}

pub(super) fn group(dice: &mut Dice, scene: &Scene<'_>, group: Group) -> Vec<Entry> {
    let disk = DiskSelector::Fixed(a_leg(dice, scene));
    let class = dice.pick(&CLASSES);
    let node = fixed(dice, scene, class);
    let cpu = CpuSelector::Fixed(certain_cpu(dice, scene, class));
    let client = fixed(dice, scene, NodeClass::Client);
    match group {
        Group::Heal => {
            let names = ["disk.insert_bad_sector", "disk.inject_random_failure", "disk.read_only"];
            let name = dice.pick(&names);
            let fault = placed(action(dice, scene, name, false), &disk);
            pair(dice, scene, fault, Action::DiskHeal(DiskOnly { disk }))
        }
        Group::Plug => {
            let away = Action::DiskUnplug(DiskOnly { disk: disk.clone() });
            pair(dice, scene, away, Action::DiskPlug(DiskOnly { disk }))
        }
        Group::Reconnect => {
            let away = DiskClient { disk, client };
            let back = Action::DiskReconnectToClient(away.clone());
            pair(dice, scene, Action::DiskDisconnectFromClient(away), back)
        }
        Group::OldImage => image(dice, scene),
        Group::PowerOn => {
            let (off, on) = (NodeOnly { node }, NodeOnly { node });
            pair(dice, scene, Action::NodePowerOff(off), Action::NodePowerOn(on))
        }
        Group::Resume => {
            let (pause, resume) = (NodeOnly { node }, NodeOnly { node });
            pair(dice, scene, Action::NodePause(pause), Action::NodeResume(resume))
        }
        Group::ResumeCpu => {
            let (stop, resume) = (CpuOnly { cpu }, CpuOnly { cpu });
            pair(dice, scene, Action::CpuStop(stop), Action::CpuResume(resume))
        }
        Group::ResumeApp => {
            let (pause, resume) = (ClientOnly { client }, ClientOnly { client });
            pair(dice, scene, Action::AppPause(pause), Action::AppResume(resume))
        }
        Group::Attach => moves(dice, scene),
        Group::CutOff => cut_off(dice, scene),
        Group::ConnectorStart => {
            let connector = certain_connector(dice, scene);
            let (stop, start) = (ConnectorOnly { connector }, ConnectorOnly { connector });
            pair(dice, scene, Action::ConnectorStop(stop), Action::ConnectorStart(start))
        }
        Group::DatabaseUp => {
            let (down, up) = (DatabaseOnly {}, DatabaseOnly {});
            pair(dice, scene, Action::DatabaseDown(down), Action::DatabaseUp(up))
        }
    }
}

/// A fault at some time, and what ends it a while later.
fn pair(dice: &mut Dice, scene: &Scene<'_>, fault: Action, end: Action) -> Vec<Entry> {
    let trigger = acked(dice, scene);
    let first = Entry { trigger, effect: Effect::Do(fault), undo_after: None };
    let lasts = span(dice);
    vec![first, after(dice, lasts, end)]
}

fn after(dice: &mut Dice, usual: (u64, u64), action: Action) -> Entry {
    let trigger = Trigger::After(dice.range(usual, &[1, 40_000]));
    Entry { trigger, effect: Effect::Do(action), undo_after: None }
}

/// The same action on this disk.
fn placed(action: Action, disk: &DiskSelector) -> Action {
    let disk = disk.clone();
    match action {
        Action::DiskInsertBadSector(args) => {
            Action::DiskInsertBadSector(crate::scenario::InsertBadSector { disk, ..args })
        }
        Action::DiskInjectRandomFailure(args) => {
            Action::DiskInjectRandomFailure(crate::scenario::InjectRandomFailure { disk, ..args })
        }
        _ => Action::DiskReadOnly(DiskOnly { disk }),
    }
}

/// A target goes down long enough to be given up, and comes back with an old image of its disk.
fn image(dice: &mut Dice, scene: &Scene<'_>) -> Vec<Entry> {
    let leg = a_leg(dice, scene);
    let node = NodeSelector::Fixed(leg.node());
    let off = |trigger, undo| Entry {
        trigger,
        effect: Effect::Do(Action::NodePowerOff(NodeOnly { node })),
        undo_after: Some(undo),
    };
    let first = off(acked(dice, scene), dice.range((8_000, 25_000), &[30_000]));
    let again = Trigger::After(dice.range((40_000, 90_000), &[120_000]));
    let second = off(again, dice.range((8_000, 25_000), &[30_000]));
    let old = old_image(dice, DiskSelector::Fixed(leg));
    vec![first, second, after(dice, (500, 3_000), old)]
}

/// A disk takes its time, and a client that waits for it loses its connection, a few times.
fn cut_off(dice: &mut Dice, scene: &Scene<'_>) -> Vec<Entry> {
    let leg = a_leg(dice, scene);
    let (from, to) = (NodeSelector::Fixed(leg.node()), dice.pick(&scene.load.apps).client());
    let mut entries = Vec::new();
    for _ in 0..dice.between(1, 4) {
        let factor = dice.amount((30, 300), &[1_000]) as u32;
        let slow = Action::DiskSlow(SlowDisk { disk: DiskSelector::Fixed(leg), factor });
        let undo_after = Some(dice.range((300, 3_000), &[10_000]));
        let trigger = acked(dice, scene);
        entries.push(Entry { trigger, effect: Effect::Do(slow), undo_after });
        let cut = LinkOnly { from, to: NodeSelector::Fixed(to) };
        entries.push(after(dice, (200, 3_000), Action::NetHalfOpen(cut)));
    }
    entries
}

/// A client gives its volume back, or dies, and another one or the same takes it.
fn moves(dice: &mut Dice, scene: &Scene<'_>) -> Vec<Entry> {
    let app = dice.pick(&scene.load.apps);
    let (client, volume) = (NodeSelector::Fixed(app.client()), app.volume().to_owned());
    let next = fixed(dice, scene, NodeClass::Client);
    let trigger = acked(dice, scene);
    let first = match dice.one_in(3) {
        true => Entry {
            trigger,
            effect: Effect::Do(Action::AppKill(ClientOnly { client })),
            undo_after: Some(dice.range((1_000, 20_000), &[1, 60_000])),
        },
        false => {
            let detach = Action::AppDetach(ClientVolume { client, volume: volume.clone() });
            Entry { trigger, effect: Effect::Do(detach), undo_after: None }
        }
    };
    let attach = Action::AppAttach(ClientVolume { client: next, volume });
    vec![first, after(dice, (1, 5_000), attach)]
}

/// A disk that holds a leg where that is known, else any.
fn a_leg(dice: &mut Dice, scene: &Scene<'_>) -> DiskRef {
    let known: Vec<&Volume> = scene.volumes.iter().filter(|it| it.legs.is_some()).collect();
    match known.is_empty() {
        false => {
            let legs = dice.pick(&known).legs.as_ref().expect("those without were left out");
            dice.pick(legs)
        }
        true => {
            let target = dice.between(0, u64::from(scene.cluster.targets) - 1) as u16;
            DiskRef { target, disk: 0 }
        }
    }
}
