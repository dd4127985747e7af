//! Directed links: what each transmits and which faults rule it. A link exists once it has been used
//! or been given a fault, so that cost grows with the links used. Delivers nothing itself.

use std::collections::VecDeque;

use crate::base::{Nanos, NodeId, Odds, Seq};

use super::records::DropReason;

/// What a link does with a message that is about to come out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    /// Not before the link is released.
    Wait,
    Drop(DropReason),
    /// The link's odds decide.
    Draw(Odds),
}

/// One direction between two nodes.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    /// When the last byte handed to it will have been put on the wire.
    pub(super) busy_until: Nanos,
    pub(super) partitioned: bool,
    pub(super) isolated: bool,
    pub(super) held: bool,
    pub(super) loss: Odds,
    /// What each message takes longer: least and most.
    pub(super) delay: Option<(Nanos, Nanos)>,
    /// The events of what came out while the link was held, oldest first.
    pub(super) waiting: VecDeque<u64>,
    /// How often it has gone dead: what was on the wire then is lost.
    pub(super) epoch: u32,
    dead: bool,
    /// The record that led to its being dead.
    pub(super) cause: Seq,
}

impl Link {
    fn new(from: NodeId, to: NodeId, isolated: bool) -> Self {
        Self {
            from,
            to,
            busy_until: Nanos::ZERO,
            partitioned: false,
            isolated,
            held: false,
            loss: Odds::NEVER,
            delay: None,
            waiting: VecDeque::new(),
            epoch: 0,
            dead: isolated,
            cause: 0,
        }
    }

    /// Whether nothing passes.
    pub(super) fn is_dead(&self) -> bool {
        self.dead
    }

    fn loses_all(&self) -> bool {
        self.loss.numerator() == self.loss.denominator()
    }

    /// To be called when a fault was set or lifted; true when the link has just gone dead.
    pub(super) fn refresh(&mut self) -> bool {
        let was_dead = self.dead;
        self.dead = self.partitioned || self.isolated || self.loses_all();
        let died = self.dead && !was_dead;
        self.epoch += u32::from(died);
        died
    }

    /// What becomes of a message that was put on the wire in `epoch`.
    pub(super) fn verdict(&self, epoch: u32) -> Verdict {
        if self.dead && self.loses_all() {
            Verdict::Drop(DropReason::Lost)
        } else if self.dead || epoch != self.epoch {
            Verdict::Drop(DropReason::Partitioned)
        } else if self.held {
            Verdict::Wait
        } else if self.loss.numerator() == 0 {
            Verdict::Pass
        } else {
            Verdict::Draw(self.loss)
        }
    }
}

/// All links that have been used.
#[derive(Debug, Default)]
pub(super) struct Links {
    links: Vec<Link>,
    /// Per sending node, its links by receiving node, sorted.
    outgoing: Vec<Vec<(NodeId, u32)>>,
    isolated: Vec<NodeId>,
}

impl Links {
    /// The link between two nodes; made if it was never used.
    pub(super) fn between(&mut self, from: NodeId, to: NodeId) -> u32 {
        if self.outgoing.len() <= from.index() {
            self.outgoing.resize(from.index() + 1, Vec::new());
        }
        let outgoing = &mut self.outgoing[from.index()];
        match outgoing.binary_search_by_key(&to, |(node, _)| *node) {
            Ok(at) => outgoing[at].1,
            Err(at) => {
                let index = self.links.len() as u32;
                outgoing.insert(at, (to, index));
                let cut = |node| self.isolated.contains(node);
                let isolated = from != to && [from, to].iter().any(cut);
                self.links.push(Link::new(from, to, isolated));
                index
            }
        }
    }

    pub(super) fn link(&self, index: u32) -> &Link {
        &self.links[index as usize]
    }

    pub(super) fn link_mut(&mut self, index: u32) -> &mut Link {
        &mut self.links[index as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    pub(super) fn isolated(&self) -> &[NodeId] {
        &self.isolated
    }

    /// Isolates a node or lifts that: the links whose state may have changed.
    pub(super) fn isolate(&mut self, node: NodeId, on: bool) -> Vec<u32> {
        self.isolated.retain(|other| *other != node);
        if on {
            self.isolated.push(node);
        }
        let mut touched = Vec::new();
        for (index, link) in self.links.iter_mut().enumerate() {
            if link.from != link.to && (link.from == node || link.to == node) {
                link.isolated =
                    self.isolated.contains(&link.from) || self.isolated.contains(&link.to);
                touched.push(index as u32);
            }
        }
        touched
    }
}

#[cfg(test)]
mod tests {
    use super::{Links, Verdict};
    use crate::base::{NodeId, Odds};
    use crate::net::DropReason;

    fn node(index: u32) -> NodeId {
        NodeId::new(index)
    }

    #[test]
    fn only_links_that_were_used_exist() {
        let mut links = Links::default();
        let there = links.between(node(2_999), node(0));
        let back = links.between(node(0), node(2_999));
        assert_ne!(there, back);
        assert_eq!(links.between(node(2_999), node(0)), there);
        assert_eq!(links.len(), 2);
    }

    #[test]
    fn what_was_on_the_wire_when_a_link_died_is_lost_even_after_it_healed() {
        let mut links = Links::default();
        let index = links.between(node(0), node(1));
        let link = links.link_mut(index);
        let sent_before = link.epoch;
        link.partitioned = true;
        assert!(link.refresh());
        link.partitioned = false;
        assert!(!link.refresh());
        assert_eq!(link.verdict(sent_before), Verdict::Drop(DropReason::Partitioned));
        assert_eq!(link.verdict(link.epoch), Verdict::Pass);
    }

    #[test]
    fn a_link_made_while_its_node_is_isolated_is_dead() {
        let mut links = Links::default();
        links.isolate(node(1), true);
        let index = links.between(node(0), node(1));
        let own = links.between(node(1), node(1));
        assert!(links.link(index).is_dead());
        assert!(!links.link(own).is_dead(), "a node reaches itself");
        for touched in links.isolate(node(1), false) {
            links.link_mut(touched).refresh();
        }
        assert!(!links.link(index).is_dead());
    }

    #[test]
    fn losing_everything_is_being_dead() {
        let mut links = Links::default();
        let index = links.between(node(0), node(1));
        let link = links.link_mut(index);
        link.loss = Odds::ALWAYS;
        assert!(link.refresh());
        assert_eq!(link.verdict(link.epoch), Verdict::Drop(DropReason::Lost));
    }
}
