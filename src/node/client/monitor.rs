//! Notices what fails to happen: answers that don't come, targets that stay away, dead legs that are back.

use std::rc::Rc;

use super::boot::Client;
use super::calls::{Reply, To};
use super::io::ask;
use super::pace::Lag;
use super::volume::Volume;
use crate::base::planted;
use crate::base::{LegIndex, Nanos, NodeId};
use crate::layout::Layout;
use crate::node::probes;
use crate::node::protocol::{LegMode, LegStatus, Topology, Wire};
use crate::node::records::LegSlow;

/// Looks round at every heartbeat, for the life of the client.
pub(super) async fn run(client: Rc<Client>) {
    let heartbeat = client.map.timing.heartbeat;
    let mut interval = client.handle.interval(heartbeat);
    let mut last = client.handle.monotonic();
    loop {
        interval.tick().await;
        // A client that stood still has not read what was answered meanwhile: that comes first.
        let now = client.handle.monotonic();
        let stood_still = now.saturating_sub(last) > heartbeat.saturating_mul(3);
        last = now;
        crate::sometimes!(client.handle, stood_still, probes::CLIENT_STOOD_STILL);
        client.look_at_links(now);
        if stood_still {
            continue;
        }
        let volumes = client.volumes();
        time_out(&client);
        ask_again(&client, now);
        for volume in &volumes {
            report_unreachable(volume);
            report_slow(volume, now);
            probe(volume);
            volume.calm_down();
        }
    }
}

/// Volumes that the manager was asked for, and did not grant, are asked for again.
fn ask_again(client: &Client, now: Nanos) {
    let Some(found) = client.manager.borrow().clone() else { return };
    for volume in client.volumes().iter().filter(|it| it.awaits_answer(&found.answered, now)) {
        crate::sometimes!(client.handle, true, probes::ATTACHED_AGAIN);
        // A connection that has gone is found again, and every volume attached anew.
        let _closed = found.attach(volume);
    }
}

/// Requests without an answer for too long are in doubt. The connection goes with them, for only then
/// can nothing of theirs land after what is sent next. Answers that came in time and lie unread are no fault of
/// their target's: an answer is late when all that had arrived by then was read, and it was not among it.
fn time_out(client: &Client) {
    let now = client.handle.monotonic();
    let timeout = client.map.timing.io_timeout;
    let is_late = |target: NodeId, sent: Nanos| {
        let late = sent + timeout < client.read_until(target, now);
        crate::sometimes!(client.handle, !late, probes::ANSWERS_UNREAD);
        late
    };
    let late = client.calls.time_out(now.saturating_sub(timeout), is_late);
    for To { target, disk, volume, leg } in late {
        tracing::debug!(%target, %volume, %leg, "no answer in time");
        crate::sometimes!(client.handle, true, probes::REQUEST_TIMED_OUT);
        if !planted!(NoCloseOnTimeout) {
            client.close(target);
        }
        let asked = client.attachments(volume).into_iter();
        // Where a leg was before is nobody's concern any more.
        for volume in asked.filter(|volume| volume.disk(leg) == disk) {
            volume.report_failed(leg);
        }
    }
}

fn report_unreachable(volume: &Volume) {
    let (now, timing) = (volume.client.handle.monotonic(), &volume.client.map.timing);
    let Some(topology) = volume.topology() else { return };
    for leg in topology.modes.written().filter(|leg| volume.link(*leg).is_away(now, timing)) {
        volume.report_failed(leg);
    }
}

/// Tells of legs that are slower than their peers, and reports one that has been far too slow for long: the manager
/// gives it up if enough others can serve. Never one beside another of its group that is away or being rebuilt: a slow
/// leg is better than none.
fn report_slow(volume: &Volume, now: Nanos) {
    let Some(topology) = volume.topology() else { return };
    let (id, modes) = (volume.spec.id, topology.modes);
    for group in volume.spec.layout.groups().filter(|group| group.count() > 1) {
        let lags = volume.client.calls.paces().compare(id, group & modes.written_set(), now);
        let may_go = |slow: LegIndex| {
            let serves = |leg| modes.of(leg) == LegMode::ReadWrite && volume.link(leg).is_up();
            group.iter().all(|leg| leg == slow || serves(leg))
        };
        let worst = lags.iter().filter(|lag| lag.is_too_slow && may_go(lag.leg));
        let worst = worst.max_by_key(|lag| lag.took).map(|lag| lag.leg);
        for Lag { leg, took, peers, .. } in lags.into_iter().filter(|lag| lag.is_new) {
            volume.client.handle.emit(&LegSlow { volume: id, leg, took, peers });
        }
        if let Some(leg) = worst {
            crate::sometimes!(volume.client.handle, true, probes::SLOW_LEG_REPORTED);
            volume.report_failed(leg);
        }
    }
}

fn probe(volume: &Rc<Volume>) {
    for leg in volume.legs_to_probe() {
        let volume = volume.clone();
        let handle = volume.client.handle.clone();
        handle.spawn("client.probe", async move {
            let Some(topology) = volume.topology() else { return };
            let id = volume.spec.id;
            let probe = |cookie, _| Wire::Probe { cookie, volume: id, leg };
            let reply = ask(&volume, leg, topology.epoch, probe).await;
            let is_there = volume.topology().is_some_and(|now| now.places == topology.places);
            let serves = match reply {
                Reply::Answer(LegStatus::Ok, _) => true,
                // Its superblock is lost, and is written anew when the leg is registered.
                Reply::Answer(LegStatus::Disk(status), _) => status.is_unreadable(),
                _ => false,
            };
            if !is_there || !serves {
                return;
            }
            if is_too_slow(&volume, leg, &topology).await && !planted!(SlowLegTakenBack) {
                crate::sometimes!(volume.client.handle, true, probes::SLOW_LEG_KEPT_OUT);
                return;
            }
            volume.report_back(leg);
        });
    }
}

/// Whether a leg that was just looked at would be given up again for being slow: one in sync is looked at in the same
/// way, and compared.
async fn is_too_slow(volume: &Rc<Volume>, leg: LegIndex, topology: &Topology) -> bool {
    let (id, paces) = (volume.spec.id, volume.client.calls.paces());
    let peers = volume.spec.layout.group_of(leg) & topology.modes.set_in(LegMode::ReadWrite);
    let peer = peers.iter().find(|peer| volume.link(*peer).is_up());
    let Some(peer) = peer.filter(|_| paces.may_be_too_slow(id, leg)) else { return false };
    let probe = |cookie, _| Wire::Probe { cookie, volume: id, leg: peer };
    let looked = ask(volume, peer, topology.epoch, probe).await;
    matches!(looked, Reply::Answer(LegStatus::Ok, _)) && paces.is_still_too_slow(id, leg, peer)
}
