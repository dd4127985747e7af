//! Selectors made concrete: `any:` drawn inside the fault budget, `all:` spelled out.

use crate::base::{CpuId, DiskId, NodeId};
use crate::net::Address;
use crate::scenario::{
    ConnectorSelector, CpuSelector, DiskSelector, InterfaceSelector, NodeClass, NodeSelector,
    Scenario,
};
use crate::sim::Rng;

use super::build::Stage;
use super::database;
use super::freeze;

/// What a selector may stand for: for `all` every one of them, else one drawn from them.
pub(super) enum Choice<T> {
    /// Each of these.
    Each(Vec<T>),
    /// One of these.
    OneOf(Vec<T>),
}

impl<T: Copy> Choice<T> {
    /// The ones chosen, of those that `fits` lets through: it is shown those chosen before, and the one
    /// that is to join them.
    pub(super) fn draw(self, rng: &mut Rng, fits: impl Fn(&[T], T) -> bool) -> Vec<T> {
        match self {
            Self::Each(all) => all.into_iter().fold(Vec::new(), |mut chosen, one| {
                if fits(&chosen, one) {
                    chosen.push(one);
                }
                chosen
            }),
            Self::OneOf(some) => {
                let fitting: Vec<T> = some.into_iter().filter(|one| fits(&[], *one)).collect();
                match fitting.len() {
                    0 => Vec::new(),
                    1 => fitting,
                    count => vec![fitting[rng.index(count)]],
                }
            }
        }
    }
}

/// The nodes that a selector may stand for.
pub(super) fn nodes(selector: NodeSelector, stage: &Stage) -> Choice<NodeId> {
    match selector {
        NodeSelector::Fixed(node) => Choice::OneOf(vec![stage.nodes.node(node)]),
        NodeSelector::Any(class) => Choice::OneOf(stage.nodes.class(class)),
        NodeSelector::All(class) => Choice::Each(stage.nodes.class(class)),
    }
}

/// The CPUs that a selector may stand for.
pub(super) fn cpus(selector: CpuSelector, stage: &Stage) -> Choice<(NodeId, CpuId)> {
    let all = || {
        let nodes = stage.nodes.class(NodeClass::Node).into_iter();
        nodes.flat_map(|node| stage.kernel.cpus(node).map(move |cpu| (node, cpu))).collect()
    };
    match selector {
        CpuSelector::Fixed(cpu) => {
            Choice::OneOf(vec![(stage.nodes.node(cpu.node), CpuId::new(cpu.cpu))])
        }
        CpuSelector::Any => Choice::OneOf(all()),
        CpuSelector::All => Choice::Each(all()),
    }
}

/// The interfaces that a selector may stand for.
pub(super) fn interfaces(
    selector: InterfaceSelector,
    stage: &Stage,
    scenario: &Scenario,
) -> Choice<Address> {
    let all = || {
        let nodes = stage.nodes.class(NodeClass::Node).into_iter();
        let of = |node| (0..scenario.cluster.interfaces).map(move |interface| (node, interface));
        nodes.flat_map(of).map(|(node, interface)| Address { node, interface }).collect()
    };
    match selector {
        InterfaceSelector::Fixed(fixed) => {
            let node = stage.nodes.node(fixed.node);
            Choice::OneOf(vec![Address { node, interface: fixed.number }])
        }
        InterfaceSelector::Any => Choice::OneOf(all()),
        InterfaceSelector::All => Choice::Each(all()),
    }
}

/// The connectors that a selector may stand for: the manager's number, and its own.
pub(super) fn connectors(selector: ConnectorSelector, stage: &Stage) -> Choice<(usize, u8)> {
    let all = || {
        let managers = stage.connectors.iter().enumerate();
        managers.flat_map(|(at, it)| (0..it.count()).map(move |number| (at, number))).collect()
    };
    match selector {
        ConnectorSelector::Fixed(fixed) => {
            Choice::OneOf(vec![(usize::from(fixed.manager), fixed.number)])
        }
        ConnectorSelector::Any => Choice::OneOf(all()),
        ConnectorSelector::All => Choice::Each(all()),
    }
}

/// The disks that a selector may stand for. The manager's own is none of them.
pub(super) fn disks(selector: &DiskSelector, stage: &Stage, scenario: &Scenario) -> Choice<DiskId> {
    let all = || stage.nodes.target_disks().map(|disk| stage.nodes.disk(disk)).collect();
    match selector {
        DiskSelector::Fixed(disk) => Choice::OneOf(vec![stage.nodes.disk(*disk)]),
        DiskSelector::Any => Choice::OneOf(all()),
        DiskSelector::All => Choice::Each(all()),
        DiskSelector::AnyLegOf(volume) => {
            let at = scenario.volume_index(volume).expect("a validated selector names a volume");
            let spec = &stage.map.volumes[at];
            let record = database::record(stage, spec);
            Choice::OneOf(freeze::places(spec, &record).map(|(_, leg)| leg.disk).collect())
        }
    }
}
