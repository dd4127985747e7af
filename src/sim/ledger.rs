//! Counts what each node holds (locks, operations, commands) by the place in the code that took it, to find
//! what outlives its owner. Counts no bytes: that is `memory`.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::rc::Rc;

use crate::base::{NodeId, SiteId};

/// The places in the code that hold something on some node, numbered in the order of their first use.
#[derive(Clone, Debug, Default)]
pub(super) struct Sites(Rc<RefCell<Vec<&'static Location<'static>>>>);

impl Sites {
    /// The number of a place.
    pub(super) fn id(&self, place: &'static Location<'static>) -> SiteId {
        let mut sites = self.0.borrow_mut();
        let found = sites.iter().position(|known| *known == place);
        SiteId::new(found.unwrap_or_else(|| {
            sites.push(place);
            sites.len() - 1
        }) as u32)
    }

    /// Each place as `file:line`, by number.
    pub(super) fn names(&self) -> Vec<String> {
        self.0.borrow().iter().map(|place| name(place)).collect()
    }

    /// The place as `file:line`.
    pub(super) fn name(&self, site: SiteId) -> String {
        name(self.0.borrow()[site.index()])
    }
}

fn name(place: &Location<'_>) -> String {
    format!("{}:{}", place.file(), place.line())
}

/// How many items are open, shared by the ledger and the items.
type Count = Rc<Cell<u64>>;

#[derive(Debug)]
struct Line {
    node: NodeId,
    what: &'static str,
    site: SiteId,
    open: Count,
}

/// The open items of all nodes by kind and place.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    lines: Rc<RefCell<Vec<Line>>>,
    pub(super) sites: Sites,
}

impl Ledger {
    /// Enters items of this kind on this node.
    pub(super) fn tracker(&self, node: NodeId, what: &'static str) -> Tracker {
        Tracker { ledger: self.clone(), node, what, known: RefCell::default() }
    }

    /// How many items of this kind, taken there, are open on a node.
    fn count(&self, node: NodeId, what: &'static str, place: &'static Location<'static>) -> Count {
        let site = self.sites.id(place);
        let mut lines = self.lines.borrow_mut();
        let same = |line: &&Line| line.node == node && line.what == what && line.site == site;
        if let Some(line) = lines.iter().find(same) {
            return line.open.clone();
        }
        let open = Rc::new(Cell::new(0));
        lines.push(Line { node, what, site, open: open.clone() });
        open
    }

    /// What is open on a node.
    pub(super) fn open_on(&self, node: NodeId) -> Vec<LeakedCount> {
        let lines = self.lines.borrow();
        let open = lines.iter().filter(|line| line.node == node && line.open.get() > 0);
        open.map(|line| LeakedCount {
            node,
            what: line.what,
            count: line.open.get(),
            bytes: 0,
            site: line.site,
            place: self.sites.name(line.site),
        })
        .collect()
    }
}

/// Open items of one kind on one node that were taken in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeakedCount {
    /// The node.
    pub node: NodeId,
    /// What kind of item.
    pub what: &'static str,
    /// How many are open.
    pub count: u64,
    /// How many bytes they hold; 0 of items that are no memory.
    pub bytes: u64,
    /// The number of the place in the code that took them.
    pub site: SiteId,
    /// That place, as `file:line`.
    pub place: String,
}

/// Enters items of one kind in a node's ledger.
#[derive(Clone, Debug)]
pub struct Tracker {
    ledger: Ledger,
    node: NodeId,
    what: &'static str,
    /// Where it was called from so far, and the count for each: few places.
    known: RefCell<Vec<(&'static Location<'static>, Count)>>,
}

impl Tracker {
    /// Opens an item, which counts for the place of the call; it closes when the guard is dropped.
    #[must_use]
    #[track_caller]
    pub fn open(&self) -> Tracked {
        let place = Location::caller();
        let mut known = self.known.borrow_mut();
        let open = match known.iter().find(|(known, _)| std::ptr::eq(*known, place)) {
            Some((_, open)) => open.clone(),
            None => {
                let open = self.ledger.count(self.node, self.what, place);
                known.push((place, open.clone()));
                open
            }
        };
        open.set(open.get() + 1);
        Tracked { open }
    }
}

/// An item on its node's ledger, closed when dropped.
#[derive(Debug)]
pub struct Tracked {
    /// What it counts for.
    open: Count,
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.open.set(self.open.get() - 1);
    }
}
