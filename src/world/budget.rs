//! The fault budget: which faults the configuration promises to survive right now. Applies none.

use crate::base::{CpuId, DiskId, Epoch, LegIndex, Nanos, NodeId};
use crate::layout::Layout;
use crate::scenario;

use super::build::Stage;
use super::caches::Caches;
use super::conditions::Conditions;
use super::database;
use super::freeze;
use super::inject::NetUndo;
use crate::node::LegMode;

/// A fault of the network that is in force: the targets that it may cut off.
pub(super) struct NetImpairment {
    /// How it is lifted.
    pub(super) undo: NetUndo,
    /// The nodes at its ends.
    pub(super) nodes: Vec<NodeId>,
}

/// What has been taken already, and what may still be.
pub(super) struct Budget {
    kind: scenario::Budget,
    pub(super) net: Vec<NetImpairment>,
    /// Nodes that are paused.
    pub(super) paused: Vec<NodeId>,
    /// What is only in volatile caches, and where.
    pub(super) caches: Caches,
    /// CPUs that are stopped or slow.
    pub(super) troubled_cpus: Vec<(NodeId, CpuId)>,
    /// When something was last wrong with a node, its links or its disks, by node.
    troubled: Vec<(NodeId, Nanos)>,
}

/// What a fault would take: legs by volume.
type Legs = Vec<(usize, LegIndex)>;

impl Budget {
    pub(super) fn new(kind: scenario::Budget) -> Self {
        Self {
            kind,
            net: Vec::new(),
            paused: Vec::new(),
            caches: Caches::default(),
            troubled_cpus: Vec::new(),
            troubled: Vec::new(),
        }
    }

    /// Something is wrong with a node, or was until now.
    pub(super) fn note_trouble(&mut self, node: NodeId, now: Nanos) {
        match self.troubled.iter_mut().find(|(troubled, _)| *troubled == node) {
            Some((_, at)) => *at = now,
            None => self.troubled.push((node, now)),
        }
    }

    /// Whether blocks of these disks may be lost. A leg that was away a moment ago may still be given
    /// up for it, and is no good copy then; where data is at stake the others must have been well for
    /// as long as anybody may take to notice.
    pub(super) fn may_lose_blocks(
        &self,
        disks: &[DiskId],
        stage: &Stage,
        conditions: &Conditions,
    ) -> bool {
        if self.kind == scenario::Budget::None {
            return true;
        }
        let timing = &stage.map.timing;
        let notice = timing.io_timeout + timing.patience + timing.dead_after;
        let since = stage.kernel.now().saturating_sub(notice);
        legs_where(stage, |_, held| disks.contains(&held)).iter().all(|(volume, leg)| {
            let (spec, status) = (&stage.map.volumes[*volume], &conditions.volumes[*volume]);
            let well = |target: NodeId| {
                !self.troubled.iter().any(|(node, at)| *node == target && *at >= since)
            };
            let record = database::record(stage, spec);
            let is_known = status.granted == status.decided || status.granted == Epoch::new(0);
            let good = |leg: &LegIndex| {
                let placed = freeze::place(spec, *leg, &record);
                !disks.contains(&placed.disk)
                    && well(placed.target)
                    && self.is_good(*volume, *leg, stage, conditions)
            };
            let group = spec.layout.group_of(*leg);
            is_known && group.iter().filter(good).count() as u32 >= spec.layout.needed()
        })
    }

    /// Whether these nodes may be taken away, cut off or slowed down, for long or not.
    pub(super) fn may_take_nodes(
        &self,
        (nodes, for_long): (&[NodeId], bool),
        stage: &Stage,
        conditions: &Conditions,
    ) -> bool {
        if for_long && !self.keeps_managers(nodes, stage) {
            return false;
        }
        let legs = legs_where(stage, |target, _| nodes.contains(&target));
        self.may_take(&legs, stage, conditions)
    }

    /// Whether more than half of several managers are left with nothing wrong when these nodes are taken: for a while there
    /// may be fewer, and nothing is decided until they are back.
    fn keeps_managers(&self, taken: &[NodeId], stage: &Stage) -> bool {
        let managers = &stage.map.managers;
        if self.kind == scenario::Budget::None
            || managers.len() < 2
            || !managers.iter().any(|manager| taken.contains(manager))
        {
            return true;
        }
        let is_well =
            |manager: &&NodeId| !taken.contains(manager) && self.is_well(**manager, stage);
        managers.iter().filter(is_well).count() > managers.len() / 2
    }

    /// Whether managers may lose their disks: one at a time, while all others know what was agreed on.
    pub(super) fn may_lose_logs(&self, nodes: &[NodeId], stage: &Stage) -> bool {
        let lost = |manager: NodeId| nodes.contains(&manager);
        let managers = || stage.map.managers.iter().copied().enumerate();
        self.kind == scenario::Budget::None
            || stage.map.managers.len() < 2
            || managers().filter(|(_, manager)| lost(*manager)).count() <= 1
                && managers().all(|(at, manager)| lost(manager) || database::has_log(stage, at))
    }

    /// Whether these disks may be taken away or made to fail.
    pub(super) fn may_take_disks(
        &self,
        disks: &[DiskId],
        stage: &Stage,
        conditions: &Conditions,
    ) -> bool {
        let legs = legs_where(stage, |_, held| disks.contains(&held));
        self.may_take(&legs, stage, conditions)
    }

    /// Every group of legs concerned keeps as many as it needs that are in sync and that nothing is wrong with.
    fn may_take(&self, legs: &Legs, stage: &Stage, conditions: &Conditions) -> bool {
        if self.kind == scenario::Budget::None {
            return true;
        }
        legs.iter().all(|(volume, _)| {
            let spec = &stage.map.volumes[*volume];
            let taken = |leg| legs.contains(&(*volume, leg));
            let mut concerned = spec.layout.groups().filter(|group| group.iter().any(taken));
            concerned.all(|group| {
                let good =
                    |leg: &LegIndex| !taken(*leg) && self.is_good(*volume, *leg, stage, conditions);
                group.iter().filter(good).count() as u32 >= spec.layout.needed()
            })
        })
    }

    fn is_good(
        &self,
        volume: usize,
        leg: LegIndex,
        stage: &Stage,
        conditions: &Conditions,
    ) -> bool {
        let all = &stage.map.volumes[volume];
        let record = database::record(stage, all);
        let spec = freeze::place(all, leg, &record);
        let decided = conditions.volumes[volume].modes >> (2 * leg.get()) & 3 == 0;
        // What is decided and not on record yet is gone with the manager.
        decided
            && record.modes.of(leg) == LegMode::ReadWrite
            && self.caches.is_warm(volume, leg)
            && self.is_well(spec.target, stage)
            && stage.disks[spec.disk.index()].faults().is_empty()
            && !stage.disks[spec.disk.index()].holds_answers()
            && freeze::has_its_disk(stage, all, leg, &record)
            && freeze::is_no_older_image(stage, all, leg, &record)
    }

    /// Whether nothing is wrong with a node, whatever its disks.
    fn is_well(&self, node: NodeId, stage: &Stage) -> bool {
        stage.kernel.is_up(node)
            && !self.paused.contains(&node)
            && !self.troubled_cpus.iter().any(|(troubled, _)| *troubled == node)
            && !stage.kernel.is_short_of_memory(node)
            && !self.is_cut_off(node, stage)
    }

    fn is_cut_off(&self, node: NodeId, stage: &Stage) -> bool {
        let concerns = |fault: &&NetImpairment| fault.nodes.contains(&node);
        self.net.iter().filter(concerns).any(|fault| fault.undo.is_in_force(stage))
    }
}

fn legs_where(stage: &Stage, wanted: impl Fn(NodeId, DiskId) -> bool) -> Legs {
    let placed = database::placed(stage);
    let found = placed.iter().filter(|it| wanted(it.target, it.disk));
    found.map(|it| (it.volume, it.leg)).collect()
}
