//! Where an administrator sits: calls the controller over the network, asks again when the connection was lost, and keeps
//! the answers. It is the door by which tests and the world call. Checks no parameter.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use super::code::Detail;
use super::reply::{ReplyList, worst};
use super::request::{CallId, Request};
use crate::base::control::{ApiAnswered, ApiCalled};
use crate::net::port::Port;
use crate::node::channel::{Channel, Frame};
use crate::node::config::ClusterMap;
use crate::node::connector::{Approach, approach};
use crate::node::protocol::{Service, Wire};
use crate::sim::{Kernel, NodeHandle, Signal};

/// What an administrator has asked for, over all lives of the machine that it is asked from. Clones share it.
#[derive(Clone)]
pub struct Console(Rc<State>);

struct State {
    asked: Cell<CallId>,
    /// What is to be done first, one after the other, each until it is done or cannot be.
    first: RefCell<VecDeque<(CallId, Rc<Request>)>>,
    /// Calls that have no answer yet.
    open: RefCell<BTreeMap<CallId, Rc<Request>>>,
    answers: RefCell<BTreeMap<CallId, Rc<ReplyList>>>,
    changed: Signal,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Console({} calls open)", self.open())
    }
}

impl Console {
    /// Nothing has been asked for yet.
    #[must_use]
    pub fn new(kernel: &Kernel) -> Self {
        Self(Rc::new(State {
            asked: Cell::new(0),
            first: RefCell::default(),
            open: RefCell::default(),
            answers: RefCell::default(),
            changed: Signal::new(kernel),
        }))
    }

    fn number(&self) -> CallId {
        self.0.asked.set(self.0.asked.get() + 1);
        self.0.asked.get()
    }

    /// Asks for something.
    pub fn call(&self, request: Request) -> CallId {
        let number = self.number();
        self.0.open.borrow_mut().insert(number, Rc::new(request));
        self.0.changed.notify();
        number
    }

    /// Has something done before all else, and after what was to be done so before.
    pub fn set_up(&self, request: Request) {
        let number = self.number();
        self.0.first.borrow_mut().push_back((number, Rc::new(request)));
        self.0.changed.notify();
    }

    /// How many calls have no answer yet.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.first.borrow().len() + self.0.open.borrow().len()
    }

    /// The answer to a call, if it has come.
    #[must_use]
    pub fn answer(&self, call: CallId) -> Option<Rc<ReplyList>> {
        self.0.answers.borrow().get(&call).cloned()
    }

    /// What is to be asked now of what was not asked over this connection.
    fn next(&self, asked: &[CallId]) -> Option<(CallId, Rc<Request>)> {
        if let Some((call, request)) = self.0.first.borrow().front() {
            return (!asked.contains(call)).then(|| (*call, request.clone()));
        }
        let open = self.0.open.borrow();
        let next = open.iter().find(|(call, _)| !asked.contains(call));
        next.map(|(call, request)| (*call, request.clone()))
    }

    /// An answer has come. Whether it ends its call.
    fn answered(&self, call: CallId, replies: &Rc<ReplyList>) -> bool {
        let mut first = self.0.first.borrow_mut();
        if first.front().is_some_and(|(next, _)| *next == call) {
            let code = worst(replies);
            let is_away = code.is_some_and(|code| {
                matches!(code.detail, Detail::Database | Detail::DatabaseInDoubt)
            });
            if is_away {
                return false;
            }
            first.pop_front();
        } else if self.0.open.borrow_mut().remove(&call).is_none() {
            // Answered before: it was asked twice.
            return false;
        }
        self.0.answers.borrow_mut().insert(call, replies.clone());
        true
    }
}

/// Starts the machine that calls are made from.
pub fn boot_console(
    handle: &NodeHandle,
    map: &Rc<ClusterMap>,
    port: Port<Frame>,
    console: &Console,
) {
    handle.spawn("console", run(handle.clone(), map.clone(), port, console.clone()));
}

async fn run(handle: NodeHandle, map: Rc<ClusterMap>, port: Port<Frame>, console: Console) {
    let mut told = Vec::new();
    let mut attempt = 0;
    loop {
        let Approach { way, port: number } = approach(&map, &port, Service::Api, attempt);
        attempt = attempt.wrapping_add(1);
        match port.connect_by(way, number).await {
            Ok(connection) => {
                let channel = Channel::new(connection, handle.probes());
                converse(&handle, (&map, &console), &channel, &mut told).await;
                channel.close();
            }
            Err(_) => handle.sleep(map.timing.reconnect).await,
        }
    }
}

/// Asks what is to be asked and takes answers, until the connection is lost or silent.
async fn converse(
    handle: &NodeHandle,
    (map, console): (&ClusterMap, &Console),
    channel: &Channel,
    told: &mut Vec<CallId>,
) {
    let (mut asked, mut beat, mut heard) = (Vec::new(), 0, handle.monotonic());
    loop {
        while let Some((call, request)) = console.next(&asked) {
            if !told.contains(&call) {
                handle.emit(&ApiCalled { call, request: request.kind() });
                told.push(call);
            }
            asked.push(call);
            if channel.send(Wire::Call { call, request }).is_err() {
                return;
            }
        }
        let is_new = || console.next(&asked).is_some();
        let mut tick = pin!(handle.sleep(map.timing.heartbeat));
        let mut ticked = false;
        let message = poll_fn(|cx| {
            if is_new() {
                return Poll::Ready(None);
            }
            console.0.changed.register(cx);
            if let Poll::Ready(message) = channel.poll_recv(cx) {
                return Poll::Ready(Some(message));
            }
            tick.as_mut().poll(cx).map(|()| {
                ticked = true;
                None
            })
        });
        match message.await {
            Some(Ok(Wire::Reply { call, version, error, replies })) => {
                heard = handle.monotonic();
                let code = worst(&replies).expect("an answer says something");
                if console.answered(call, &replies) {
                    let (is_error, code) = (code.is_error(), code.number());
                    let by = channel.peer();
                    handle.emit(&ApiAnswered { call, code, version, is_error, error, by });
                } else {
                    asked.retain(|it| *it != call);
                }
            }
            Some(Ok(_)) => heard = handle.monotonic(),
            Some(Err(_)) => return,
            None if ticked => {
                if handle.monotonic().saturating_sub(heard) > map.timing.dead_after {
                    return;
                }
                beat += 1;
                if channel.send(Wire::Ping { beat }).is_err() {
                    return;
                }
            }
            None => {}
        }
    }
}
