//! A manager that has lost its disk: finds out what it must not contradict before it takes part in anything. Elects nobody.
//!
//! What it has promised and accepted it does not know any more, and who votes without knowing that may elect somebody who
//! does not know what was agreed on. All others know what matters of it. Whoever asked it for a promise, or had it accept
//! anything, was one of them and has on its own disk what it asked for; what it led itself counts as far as one of them has
//! accepted it. So it answers nobody, and asks, until every one of them has told it its log as it is on that one's disk. Then
//! it has the log of the latest round among these, and has promised as much as the one that has promised most: what it knows now
//! is no less than what it knew, and than any majority with it in it relies on.
//!
//! Two that have lost their disks wait for each other: then nobody knows what was agreed on, and nobody guesses.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use crate::base::{Nanos, NodeId};
use crate::node::channel::Channel;
use crate::node::config::ClusterMap;
use crate::node::protocol::Wire;
use crate::sim::{NodeHandle, Queue};

use super::log::Log;
use super::member::Event;

/// Another manager, and what it has told.
struct Witness {
    node: NodeId,
    channel: Option<Rc<Channel>>,
    heard: Nanos,
    log: Option<Log>,
}

/// Asks all others, and returns when each has answered: with the log that is its own from now on, and the connections to
/// them.
pub(super) async fn recall(
    handle: &NodeHandle,
    map: &ClusterMap,
    events: &Queue<Event>,
) -> (Log, Vec<Rc<Channel>>) {
    let others = map.managers.iter().filter(|node| **node != handle.node());
    let now = handle.monotonic();
    let witness = |node: &NodeId| Witness { node: *node, channel: None, heard: now, log: None };
    let mut witnesses: Vec<Witness> = others.map(witness).collect();
    let mut interval = handle.interval(map.timing.heartbeat);
    while witnesses.iter().any(|witness| witness.log.is_none()) {
        let mut tick = pin!(interval.tick());
        let event = poll_fn(|cx| match events.poll_pop(cx) {
            Poll::Ready(event) => Poll::Ready(Some(event)),
            Poll::Pending => tick.as_mut().poll(cx).map(|()| None),
        });
        let now = handle.monotonic();
        match event.await {
            Some(event) => take(&mut witnesses, now, event),
            None => witnesses.iter_mut().for_each(|it| it.ask((now, map.timing.dead_after))),
        }
    }
    let channels = witnesses.iter_mut().filter_map(|witness| witness.channel.take()).collect();
    let logs = witnesses.into_iter().filter_map(|witness| witness.log).collect();
    (latest(logs), channels)
}

fn take(witnesses: &mut [Witness], now: Nanos, event: Event) {
    let of = |witnesses: &mut [Witness], channel: &Channel| {
        witnesses.iter().position(|witness| witness.node == channel.peer())
    };
    match event {
        Event::Joined(channel) => {
            let Some(at) = of(witnesses, &channel) else { return channel.close() };
            let witness = &mut witnesses[at];
            witness.heard = now;
            let _closed = channel.send(Wire::Forgot);
            if let Some(old) = witness.channel.replace(channel) {
                old.close();
            }
        }
        Event::Said(channel, message) => {
            let Some(at) = of(witnesses, &channel) else { return };
            let witness = &mut witnesses[at];
            // What an older connection said is over.
            if !witness.channel.as_ref().is_some_and(|it| Rc::ptr_eq(it, &channel)) {
                return;
            }
            witness.heard = now;
            if let Wire::Remembers(log) = message {
                witness.log = Some((*log).clone());
            }
        }
        Event::Left(channel) => {
            let left = |it: &Rc<Channel>| Rc::ptr_eq(it, &channel);
            for witness in witnesses {
                witness.channel.take_if(|it| left(it));
            }
        }
        // It has handed on nothing, and nobody leads here.
        Event::Stored(_) | Event::Proposed(_) => {}
    }
}

impl Witness {
    /// Asks, or says that it is there.
    fn ask(&mut self, (now, patience): (Nanos, Nanos)) {
        let Some(channel) = &self.channel else { return };
        if now.saturating_sub(self.heard) > patience {
            return channel.close();
        }
        let word = match self.log {
            Some(_) => Wire::Ping { beat: 0 },
            None => Wire::Forgot,
        };
        let _closed = channel.send(word);
    }
}

/// The log of the latest round, with as much promised, and as much known to be agreed on, as in any of them.
fn latest(logs: Vec<Log>) -> Log {
    let promise = logs.iter().map(|log| log.promise).max().flatten();
    let decided = logs.iter().map(|log| log.decided).max().unwrap_or(0);
    let latest = logs.into_iter().max_by_key(|log| (log.accepted, log.length()));
    let latest = latest.unwrap_or_default();
    Log { promise, decided: decided.min(latest.length()), ..latest }
}

#[cfg(test)]
mod tests {
    use omnipaxos::ballot_leader_election::Ballot;

    use super::{Log, latest};
    use crate::node::manager::replica::entry::{Entry, Term};

    fn log(promised: u32, accepted: u32, entries: usize, decided: usize) -> Log {
        let entry = Entry::Begin(Term { round: accepted, leader: 1, nth: 1 });
        Log {
            promise: Some(Ballot::with(1, promised, 0, 2)),
            accepted: Some(Ballot::with(1, accepted, 0, 2)),
            decided,
            entries: vec![entry; entries],
            ..Log::default()
        }
    }

    #[test]
    fn the_latest_round_counts_and_the_highest_promise() {
        let (long, late) = (log(9, 3, 7, 2), log(6, 5, 4, 3));
        for logs in [vec![long.clone(), late.clone()], vec![late.clone(), long.clone()]] {
            let found = latest(logs);
            assert_eq!((found.accepted, &found.entries), (late.accepted, &late.entries));
            assert_eq!((found.promise, found.decided), (long.promise, 3));
        }
    }

    #[test]
    fn of_two_of_a_round_the_longer_one_counts_and_what_either_knows_to_be_agreed_on() {
        let found = latest(vec![log(5, 5, 4, 4), log(5, 5, 6, 3)]);
        assert_eq!((found.entries.len(), found.decided), (6, 4));
        assert_eq!(latest(vec![Log::default(), Log::default()]), Log::default());
    }
}
