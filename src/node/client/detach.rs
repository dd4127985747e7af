//! Gives a volume back: waits until nothing of it is under way and its legs are equal, then tells the manager
//! until that has it on record.

use std::rc::Rc;

use super::io::flush;
use super::volume::Volume;
use crate::layout::Layout;
use crate::node::probes;

/// Ends an attachment. Whoever has the volume next has nothing to recover: no region may differ between the
/// legs, or be about to.
pub(super) async fn run(volume: Rc<Volume>) {
    let client = volume.client.clone();
    withdraw(&volume).await;
    loop {
        volume.changed.wait_for(|| (volume.is_lost() || volume.is_quiet()).then_some(())).await;
        // What is not flushed by then is not lost: it is marked, and the next owner's to flush.
        let under_way = client.handle.tracker("last flush").open();
        let flushed = flush(&volume, volume.spec.layout.all()).await;
        drop(under_way);
        if volume.is_lost() || (flushed.is_ok() && volume.is_quiet()) {
            break;
        }
        crate::sometimes!(volume.client.handle, true, probes::DETACH_NOT_FLUSHED);
    }
    volume.end_tasks();
    while !volume.is_lost() {
        volume.tell_manager(volume.detach_message());
        let answered = volume.changed.wait_for(|| volume.is_lost().then_some(()));
        // No answer: it is said again, for the manager may have been away, or busy with a decision.
        let _no_answer = client.handle.timeout(client.map.timing.patience, answered).await;
    }
    client.remove(&volume);
}

/// Waits no longer to be the owner, if it never was: until the manager has taken note, or has granted the volume all
/// the same.
async fn withdraw(volume: &Volume) {
    let client = &volume.client;
    while volume.grant() == 0 && !volume.is_lost() {
        // Whoever still waits for its memory has not asked for the volume.
        if !volume.is_ready() {
            volume.lost();
            break;
        }
        volume.tell_manager(volume.detach_message());
        let ended = || (volume.grant() > 0 || volume.is_lost()).then_some(());
        let _no_answer =
            client.handle.timeout(client.map.timing.patience, volume.changed.wait_for(ended)).await;
    }
}
