//! Actions of a random scenario on links and messages: between whom, and how bad. Draws no time at which.

use crate::base::MessageKind;
use crate::scenario::action::{
    Action, DelayLink, DelayNextMessages, InterfaceOnly, LinkOdds, LinkOnly, MessageName,
    NarrowLink, NextMessages, NodeOnly, Partition,
};
use crate::scenario::ids::{NodeClass, NodeSelector};
use crate::scenario::interface::{InterfaceRef, InterfaceSelector};
use crate::scenario::units::Bandwidth;

use super::actions::{fixed, manager, node};
use super::dice::Dice;
use super::profile::Profile;
use super::script::Scene;

/// Who sends what to whom.
struct Lane {
    from: NodeClass,
    to: NodeClass,
    kinds: &'static [MessageKind],
}

const LANES: [Lane; 6] = [
    Lane {
        from: NodeClass::Client,
        to: NodeClass::Target,
        kinds: &[
            MessageKind::Write,
            MessageKind::Read,
            MessageKind::Flush,
            MessageKind::ReadIntent,
            MessageKind::ClearIntent,
            MessageKind::Probe,
            MessageKind::Poison,
        ],
    },
    Lane {
        from: NodeClass::Target,
        to: NodeClass::Client,
        kinds: &[MessageKind::Done, MessageKind::Done, MessageKind::Intent],
    },
    Lane {
        from: NodeClass::Client,
        to: NodeClass::Manager,
        kinds: &[
            MessageKind::Attach,
            MessageKind::Detach,
            MessageKind::LegFailed,
            MessageKind::LegBack,
            MessageKind::Rebuilt,
            MessageKind::Ping,
        ],
    },
    Lane {
        from: NodeClass::Manager,
        to: NodeClass::Client,
        kinds: &[MessageKind::Grant, MessageKind::Detached, MessageKind::Pong],
    },
    Lane {
        from: NodeClass::Target,
        to: NodeClass::Manager,
        kinds: &[MessageKind::TargetHello, MessageKind::Registered, MessageKind::Ping],
    },
    Lane {
        from: NodeClass::Manager,
        to: NodeClass::Target,
        kinds: &[MessageKind::Register, MessageKind::Pong],
    },
];

/// What managers say to each other.
const PEERS: Lane = Lane {
    from: NodeClass::Manager,
    to: NodeClass::Manager,
    kinds: &[
        MessageKind::Agree,
        MessageKind::Agree,
        MessageKind::LeadBeat,
        MessageKind::LeadAck,
        MessageKind::Forgot,
        MessageKind::Remembers,
    ],
};

pub(super) fn on_a_link(dice: &mut Dice, scene: &Scene<'_>, name: &str) -> Action {
    // The first two lanes have nothing to do with the manager.
    let first = if scene.swarm.profile == Profile::Manager { 2 } else { 0 };
    let between_managers = scene.cluster.managers > 1 && dice.one_in(3);
    let lane = match between_managers {
        true => &PEERS,
        false => &LANES[dice.between(first, LANES.len() as u64 - 1) as usize],
    };
    let from = end(dice, scene, lane.from);
    // Nobody has a link to itself.
    let to = match between_managers {
        true => NodeSelector::Any(lane.to),
        false => end(dice, scene, lane.to),
    };
    let message = MessageName(dice.pick(lane.kinds));
    let count = dice.amount((1, 5), &[1, 50]) as u32;
    match name {
        "net.partition" => {
            let oneway = dice.one_in(3);
            Action::NetPartition(Partition { a: from, b: to, oneway })
        }
        "net.isolate" => Action::NetIsolate(NodeOnly { node: node(dice, scene, false) }),
        "net.delay" => {
            let latency = dice.range((20, 4_000), &[1, 15_000]);
            Action::NetDelay(DelayLink { from, to, latency })
        }
        "net.loss" => Action::NetLoss(odds(dice, from, to)),
        "net.duplicate" => Action::NetDuplicate(odds(dice, from, to)),
        "net.reorder" => Action::NetReorder(odds(dice, from, to)),
        "net.corrupt" => Action::NetCorrupt(odds(dice, from, to)),
        "net.bandwidth" => {
            let megabits = dice.amount((50, 2_000), &[5, 10_000]);
            let rate = format!("{megabits}Mbps").parse::<Bandwidth>().expect("a bandwidth");
            Action::NetBandwidth(NarrowLink { from, to, rate })
        }
        "net.reset" => Action::NetReset(LinkOnly { from, to }),
        "net.half_open" => Action::NetHalfOpen(LinkOnly { from, to }),
        "net.hold" => Action::NetHold(LinkOnly { from, to }),
        "net.drop_next" => Action::NetDropNext(NextMessages { from, to, message, count }),
        "net.duplicate_next" => Action::NetDuplicateNext(NextMessages { from, to, message, count }),
        "net.delay_next" => {
            let latency = dice.range((50, 8_000), &[1, 30_000]);
            Action::NetDelayNext(DelayNextMessages { from, to, message, count, latency })
        }
        _ => Action::NetInterfaceDown(InterfaceOnly { interface: interface(dice, scene) }),
    }
}

/// Any node of the class, or a certain one.
fn end(dice: &mut Dice, scene: &Scene<'_>, class: NodeClass) -> NodeSelector {
    match class {
        NodeClass::Manager => manager(dice, scene),
        _ if dice.one_in(3) => fixed(dice, scene, class),
        _ if dice.one_in(12) => NodeSelector::All(class),
        _ => NodeSelector::Any(class),
    }
}

fn odds(dice: &mut Dice, from: NodeSelector, to: NodeSelector) -> LinkOdds {
    LinkOdds { from, to, odds: dice.odds((2, 50), &[1, 1_000]) }
}

fn interface(dice: &mut Dice, scene: &Scene<'_>) -> InterfaceSelector {
    if !dice.one_in(3) {
        return InterfaceSelector::Any;
    }
    let class = dice.pick(&[NodeClass::Client, NodeClass::Target, NodeClass::Manager]);
    let NodeSelector::Fixed(node) = fixed(dice, scene, class) else {
        unreachable!("a fixed selector")
    };
    let number = dice.between(0, u64::from(scene.cluster.interfaces) - 1) as u8;
    InterfaceSelector::Fixed(InterfaceRef { node, number })
}
