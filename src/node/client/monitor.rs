//! Notices what fails to happen: answers that don't come, targets that stay away, dead legs that are back.

use std::rc::Rc;

use super::boot::Client;
use super::calls::Reply;
use super::io::ask;
use super::volume::Volume;
use crate::base::planted;
use crate::base::{Nanos, NodeId};
use crate::node::probes;
use crate::node::protocol::{LegStatus, Wire};

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
        for volume in &volumes {
            report_unreachable(volume);
            probe(volume);
            volume.calm_down();
        }
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
    for (target, volume, leg) in client.calls.time_out(now.saturating_sub(timeout), is_late) {
        tracing::debug!(%target, %volume, %leg, "no answer in time");
        crate::sometimes!(client.handle, true, probes::REQUEST_TIMED_OUT);
        if !planted!(NoCloseOnTimeout) {
            client.close(target);
        }
        for volume in client.attachments(volume) {
            volume.report_failed(leg);
        }
    }
}

fn report_unreachable(volume: &Volume) {
    let now = volume.client.handle.monotonic();
    let Some(topology) = volume.topology() else { return };
    for leg in topology.modes.written() {
        let away = volume.link(leg).down_for(now);
        if away.is_some_and(|away| away >= volume.client.map.timing.patience) {
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
            if matches!(reply, Reply::Answer(LegStatus::Ok, _)) {
                volume.report_back(leg);
            }
        });
    }
}
