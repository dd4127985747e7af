//! The manager's test API: what it is made to say, to overlook and to hold back, as a manager with a bug, or one behind a
//! bad switch, would. Decides nothing.
//!
//! # Fidelity
//! - Modelled: a message that says something of an attachment or an epoch that is not, or is over (`inject_false_message`);
//!   one that was delivered and is never acted on, so that nobody but who waits for an answer can notice
//!   (`ignore_next_client_message`); answers and orders that are late all at once, and come twice (`hold_acks`);
//!   connections that all break while the manager forgets nothing (`force_reboot`).
//! - Ignored: lies. What a manager says falsely here, no manager can have meant for who hears it; one that grants a
//!   volume twice in earnest is beyond what any protocol of one manager survives.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::Context;

use crate::base::{MessageKind, NodeId};
use crate::sim::Signal;

/// Something that the manager is to say and that nobody must believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FalseMessage {
    /// To a client: an attachment is over that it never had.
    Detached,
    /// To a client: a grant for an attachment that it never had.
    Grant,
    /// To a target: serve a leg under an epoch that is over.
    Register,
    /// To a target: see to a volume, whoever has it.
    CareFor,
    /// To anybody: the answer to a heartbeat that was never sent.
    Pong,
}

/// What the world orders the manager to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Say(NodeId, FalseMessage),
    /// What was held back goes out.
    Release,
    /// All connections break.
    Break,
}

/// What a manager is made to do wrong. Outlives it: what is to be overlooked is so by its next life too.
#[derive(Default)]
pub struct ManagerDoor {
    /// What the manager has yet to do.
    orders: RefCell<VecDeque<Order>>,
    /// Calls the manager that is up to the door. It holds nothing of it, for it outlives it.
    bell: RefCell<Option<Signal>>,
    /// What is to be overlooked: how many more of each kind, and how many were.
    overlook: RefCell<Vec<Overlook>>,
    /// Whether answers and orders are held back, and come twice when they are not any more.
    held: Cell<Option<Twice>>,
    /// How many were.
    held_back: Cell<u64>,
}

type Twice = bool;

#[derive(Clone, Copy)]
struct Overlook {
    kind: MessageKind,
    left: u64,
    met: u64,
}

impl ManagerDoor {
    /// A door to a manager that does all right.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The manager says something to this node that is not so. It is not said to who is not connected.
    pub fn inject_false_message(&self, to: NodeId, message: FalseMessage) {
        self.order(Order::Say(to, message));
    }

    /// The manager overlooks the next `count` messages of this kind that reach it; 0 takes that back.
    pub fn ignore_next_client_message(&self, kind: MessageKind, count: u64) {
        let mut overlook = self.overlook.borrow_mut();
        match overlook.iter_mut().find(|it| it.kind == kind) {
            Some(it) => it.left = count,
            None => overlook.push(Overlook { kind, left: count, met: 0 }),
        }
    }

    /// The manager keeps its answers and orders back, but for those to heartbeats, until [`ManagerDoor::release_acks`].
    /// Each then goes out twice if it is to come `twice`.
    pub fn hold_acks(&self, twice: bool) {
        self.held.set(Some(twice));
    }

    /// What was kept back goes out at once, in its order.
    pub fn release_acks(&self) {
        if self.held.get().is_some() {
            self.order(Order::Release);
        }
    }

    /// All connections of the manager break at once, as when its machine reboots; it forgets nothing.
    pub fn force_reboot(&self) {
        self.order(Order::Break);
    }

    /// How many messages of this kind it has overlooked.
    #[must_use]
    pub fn overlooked(&self, kind: MessageKind) -> u64 {
        self.overlook.borrow().iter().find(|it| it.kind == kind).map_or(0, |it| it.met)
    }

    /// How many answers and orders it has kept back.
    #[must_use]
    pub fn held_back(&self) -> u64 {
        self.held_back.get()
    }

    /// Whether it is to overlook anything, or holds anything back.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.held.get().is_some() || self.overlook.borrow().iter().any(|it| it.left > 0)
    }

    /// Everything is in order again.
    pub fn stop(&self) {
        self.overlook.borrow_mut().iter_mut().for_each(|it| it.left = 0);
        self.release_acks();
    }

    fn order(&self, order: Order) {
        self.orders.borrow_mut().push_back(order);
        if let Some(bell) = &*self.bell.borrow() {
            bell.notify();
        }
    }

    /// A manager is up and comes here when `bell` is rung. What the one before it was to say is not its business.
    pub(super) fn opened(&self, bell: Signal) {
        self.orders.borrow_mut().retain(|order| *order == Order::Release);
        *self.bell.borrow_mut() = Some(bell);
    }

    /// The next order, or the polling task hears of it.
    pub(super) fn poll_order(&self, cx: &Context<'_>) -> Option<Order> {
        let order = self.orders.borrow_mut().pop_front();
        if let (None, Some(bell)) = (&order, &*self.bell.borrow()) {
            bell.register(cx);
        }
        order
    }

    /// Whether to overlook a message of this kind.
    pub(super) fn overlooks(&self, kind: MessageKind) -> bool {
        let mut overlook = self.overlook.borrow_mut();
        let wanted = overlook.iter_mut().find(|it| it.kind == kind && it.left > 0);
        wanted.is_some_and(|it| {
            it.left -= 1;
            it.met += 1;
            true
        })
    }

    /// Whether to keep what is to be said back. Counts it.
    pub(super) fn holds(&self) -> bool {
        let holds = self.held.get().is_some();
        self.held_back.set(self.held_back.get() + u64::from(holds));
        holds
    }

    /// It is held back no more. Says whether it goes out twice.
    pub(super) fn end_hold(&self) -> Twice {
        self.held.take().unwrap_or(false)
    }
}
