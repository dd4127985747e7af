//! Keeps managers connected with each other: who has the smaller number calls. Understands nothing of what they say.

use std::future::poll_fn;
use std::rc::Rc;

use crate::base::NodeId;
use crate::net::port::Port;
use crate::node::channel::{Channel, Frame};
use crate::node::config::{ClusterMap, SESSION_BYTES};
use crate::node::protocol::Service;
use crate::sim::{NodeHandle, Queue};

use super::member::Event;

/// Connects to all managers that come after this one, and is called by those that come before.
pub(super) fn start(
    handle: &NodeHandle,
    map: &Rc<ClusterMap>,
    port: &Port<Frame>,
    events: &Queue<Event>,
) {
    let me = map.managers.iter().position(|node| *node == handle.node());
    let me = me.expect("a manager is one of the managers");
    for peer in &map.managers[me + 1..] {
        let calling = call(handle.clone(), map.clone(), port.clone(), *peer, events.clone());
        handle.spawn("manager.calls", calling);
    }
    handle
        .spawn("manager.called", answer(handle.clone(), map.clone(), port.clone(), events.clone()));
}

async fn call(
    handle: NodeHandle,
    map: Rc<ClusterMap>,
    port: Port<Frame>,
    peer: NodeId,
    events: Queue<Event>,
) {
    let _session = handle.memory().reserve_waiting(SESSION_BYTES).await;
    let mut attempt = 0;
    loop {
        let way = port.way(peer, attempt);
        attempt = attempt.wrapping_add(1);
        if let Ok(connection) = port.connect_by(way, Service::Peers as u16).await {
            listen(Channel::new(connection, handle.probes()), &events).await;
        }
        handle.sleep(map.timing.reconnect).await;
    }
}

async fn answer(handle: NodeHandle, map: Rc<ClusterMap>, port: Port<Frame>, events: Queue<Event>) {
    let mut listener = None;
    loop {
        // An address that is another machine's for a while ends the listening, and is no reason to be alone from then on.
        let listening = match listener.take() {
            Some(listening) => listening,
            None => match port.listen_on(None, Service::Peers as u16) {
                Ok(listening) => listening,
                Err(_) => {
                    handle.sleep(map.timing.reconnect).await;
                    continue;
                }
            },
        };
        let Ok(connection) = poll_fn(|cx| listening.poll_incoming(cx)).await else { continue };
        listener = Some(listening);
        let Ok(session) = handle.memory().reserve(SESSION_BYTES) else {
            handle.sleep(map.timing.reconnect).await;
            connection.close();
            continue;
        };
        let (channel, events) = (Channel::new(connection, handle.probes()), events.clone());
        handle.spawn("manager.called", async move {
            listen(channel, &events).await;
            drop(session);
        });
    }
}

/// Hands on what one peer says over one connection.
async fn listen(channel: Channel, events: &Queue<Event>) {
    let channel = Rc::new(channel);
    events.push(Event::Joined(channel.clone()));
    while let Ok(message) = channel.recv().await {
        events.push(Event::Said(channel.clone(), message));
    }
    events.push(Event::Left(channel));
}
