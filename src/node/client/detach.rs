//! Gives a volume back: waits until nothing of it is under way and its legs are equal, then tells the manager
//! until that has it on record.

use std::rc::Rc;

use super::io::flush;
use super::volume::Volume;
use crate::layout::Layout;
use crate::node::protocol::Wire;

/// Ends an attachment. Whoever has the volume next has nothing to recover: no region may differ between the
/// legs, or be about to.
pub(super) async fn run(volume: Rc<Volume>) {
    let client = volume.client.clone();
    loop {
        volume.changed.wait_for(|| (volume.is_lost() || volume.is_quiet()).then_some(())).await;
        // What is not flushed by then is not lost: it is marked, and the next owner's to flush.
        let flushed = flush(&volume, volume.spec.layout.all()).await;
        if volume.is_lost() || (flushed.is_ok() && volume.is_quiet()) {
            break;
        }
    }
    volume.end_tasks();
    while !volume.is_lost() {
        volume.tell_manager(Wire::Detach { volume: volume.spec.id, session: volume.session });
        let answered = volume.changed.wait_for(|| volume.is_lost().then_some(()));
        // No answer: it is said again, for the manager may have been away, or busy with a decision.
        let _no_answer = client.handle.timeout(client.map.timing.patience, answered).await;
    }
    client.remove(&volume);
}
