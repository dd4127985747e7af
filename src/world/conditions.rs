//! What a script's conditions mean: what holds now, and which record makes one come true.

use crate::base::control::ResourceDeployed;
use crate::base::history::{NodeDown, RebuildProgress, VolumeChanged, VolumeState};
use crate::base::protocol::{OwnerGranted, TopologyDecided};
use crate::base::{Epoch, NodeId, Record, record_code};
use crate::node::connector::{ConnectorDown, ConnectorUp};
use crate::scenario::{Condition, NodeRef, NodeState, Scenario};
use crate::sim::NodeUp;

use super::build::Stage;
use super::database;
use super::external;
use super::watch::{VolumeStatus, Watch};

/// The volumes as their records told, and what just changed.
pub(super) struct Conditions {
    pub(super) volumes: Vec<VolumeStatus>,
}

/// A change that a record told.
pub(super) struct Change {
    /// The volume whose state changed, and what it is now.
    pub(super) volume: Option<(usize, VolumeState)>,
    /// The volume whose modes were decided on, and what they were before.
    pub(super) modes: Option<(usize, u64)>,
    /// The volume whose rebuild went on, from and to which percent.
    pub(super) rebuilt: Option<(usize, u8, u8)>,
    /// The node that went up or down.
    pub(super) node: Option<(NodeId, NodeState)>,
}

impl Conditions {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self { volumes: vec![VolumeStatus::default(); scenario.volumes.len()] }
    }

    /// Takes a record in, and says what it changed, where this manager leads.
    pub(super) fn note(&mut self, record: &Record, leader: NodeId) -> Change {
        let mut change = Change { volume: None, modes: None, rebuilt: None, node: None };
        if let Some(VolumeChanged { volume, state, .. }) = record.get() {
            // One that leads no longer, and doesn't know, sees everybody turn away from it.
            if record.node != Some(leader) {
                return change;
            }
            let status = &mut self.volumes[volume.index()];
            if status.state != state {
                status.state = state;
                change.volume = Some((volume.index(), state));
            }
        } else if let Some(RebuildProgress { volume, done, total, .. }) = record.get() {
            let status = &mut self.volumes[volume.index()];
            let percent = (u64::from(done) * 100 / u64::from(total.max(1))) as u8;
            change.rebuilt = Some((volume.index(), status.rebuilt, percent));
            status.rebuilt = percent;
        } else if let Some(TopologyDecided { volume, epoch, modes, owner }) = record.get() {
            let status = &mut self.volumes[volume.index()];
            status.decided = epoch;
            // The manager is named where there is no owner: whoever had the volume has given it back.
            if record.node == Some(owner) {
                status.granted = Epoch::new(0);
            }
            if modes != status.modes {
                status.rebuilt = 0;
                change.modes = Some((volume.index(), status.modes));
            }
            status.modes = modes;
        } else if let Some(OwnerGranted { volume, epoch, .. }) = record.get() {
            // A client that stood still may hear late of what is over.
            let status = &mut self.volumes[volume.index()];
            status.granted = status.granted.max(epoch);
        } else if let Some(NodeUp { node, .. }) = record.get() {
            change.node = Some((node, NodeState::Up));
        } else if let Some(NodeDown { node, .. }) = record.get() {
            change.node = Some((node, NodeState::Down));
        }
        change
    }

    /// The manager died, or another one leads: of what was decided, only what was persisted stands.
    pub(super) fn recall(&mut self, stage: &Stage) {
        for (status, spec) in self.volumes.iter_mut().zip(&stage.map.volumes) {
            let record = database::record(stage, spec);
            status.decided = record.epoch;
            status.modes = record.modes.word();
        }
    }

    /// Whether a record made a condition come true.
    pub(super) fn came_true(
        condition: &Condition,
        record: &Record,
        change: &Change,
        (scenario, stage): (&Scenario, &Stage),
    ) -> bool {
        match condition {
            Condition::Volume { volume, state } => change.volume.is_some_and(|(at, now)| {
                scenario.volume_index(volume) == Some(at) && now == *state
            }),
            Condition::Rebuild { volume, percent } => {
                change.rebuilt.is_some_and(|(at, from, to)| {
                    let crossed = (from < *percent || *percent == 0) && to >= *percent;
                    scenario.volume_index(volume) == Some(at) && crossed
                })
            }
            Condition::Node { node, state } => {
                change.node == Some((stage.nodes.node(*node), *state))
            }
            Condition::Connector { connector, state } => {
                let told = record.get::<ConnectorUp>().map(|it| (it.manager, it.connector));
                let told = told
                    .or_else(|| record.get::<ConnectorDown>().map(|it| (it.manager, it.connector)));
                let it = (stage.nodes.node(connector.node()), connector.number);
                told == Some(it) && stage.is_up(*connector) == (*state == NodeState::Up)
            }
            Condition::Event { .. } => Self::is_event(condition, record, stage),
            Condition::Exported { volumes, node } => {
                let is_there = record.node == Some(stage.nodes.node(*node));
                let is_one_more = is_there && record.get::<ResourceDeployed>().is_some();
                is_one_more && Self::has_exported(stage, *node, *volumes)
            }
            // The script looks by itself whether these hold.
            Condition::Acked(_) | Condition::Own(_) => false,
        }
    }

    /// Whether a record is the event of a condition.
    pub(super) fn is_event(condition: &Condition, record: &Record, stage: &Stage) -> bool {
        let Condition::Event { event, node } = condition else { return false };
        let there = node.is_none_or(|node| record.node == Some(stage.nodes.node(node)));
        record.kind.code == record_code(event) && record.kind.name == event && there
    }

    /// Whether a condition of the format holds now. An event has no state that could: it is counted.
    pub(super) fn holds(
        &self,
        condition: &Condition,
        (scenario, stage, watch): (&Scenario, &Stage, &Watch),
    ) -> bool {
        let status = |name: &str| {
            let at = scenario.volume_index(name);
            &self.volumes[at.expect("a validated condition names a volume")]
        };
        match condition {
            Condition::Volume { volume, state } => status(volume).state == *state,
            Condition::Acked(wanted) => watch.acked.get() >= *wanted,
            Condition::Rebuild { volume, percent } => status(volume).rebuilt >= *percent,
            Condition::Node { node, state } => {
                let up = stage.kernel.is_up(stage.nodes.node(*node));
                up == (*state == NodeState::Up)
            }
            Condition::Exported { volumes, node } => Self::has_exported(stage, *node, *volumes),
            Condition::Connector { connector, state } => {
                stage.is_up(*connector) == (*state == NodeState::Up)
            }
            Condition::Event { .. } | Condition::Own(_) => false,
        }
    }

    /// Whether a target exports at least so many volumes.
    fn has_exported(stage: &Stage, node: NodeRef, volumes: u32) -> bool {
        let machine = external::machine(stage, stage.nodes.node(node));
        machine.is_some_and(|machine| machine.exports().len() >= volumes as usize)
    }
}
