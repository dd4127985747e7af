//! Answers calls, and reports the errors among the answers first: the report is durable before the line that names it is in
//! the log, and the line is there before whoever asked hears of it. Decides no answer.

use std::collections::VecDeque;
use std::rc::Rc;

use super::machine::Call;
use super::reply::{ReplyList, worst};
use super::report::{ErrorId, Finding};
use super::report_log::ReportLog;
use super::serve::{Desk, Peers};
use crate::base::control::{ErrorLogged, ErrorRaised, ErrorReported};
use crate::base::planted;
use crate::disk::port::Drive;
use crate::node::protocol::Wire;
use crate::sim::{NodeHandle, Queue};

/// A call with its answer.
pub(super) struct Answered {
    pub(super) call: Call,
    pub(super) replies: ReplyList,
    /// In which the change is stored; 0 if none was made.
    pub(super) version: u64,
    /// What the controller was at.
    pub(super) standing: String,
}

/// Answers one call after the other; those without an error need not wait for those with one.
pub(super) async fn run(desk: Rc<Desk>, drive: Drive, answers: Queue<Answered>, peers: Peers) {
    let (handle, map) = (desk.handle.clone(), desk.map.clone());
    let started = (handle.wall().get() / 1_000_000_000) as u32;
    let place = (map.block_size, map.timing.driver);
    let mut log = ReportLog::open((&handle, &drive), place.0, place.1, desk.control.reports).await;
    let mut failed: VecDeque<Answered> = VecDeque::new();
    loop {
        let first = match failed.pop_front() {
            Some(answered) => answered,
            None => answers.pop().await,
        };
        let mut all = vec![first];
        while let Some(answered) = answers.try_pop() {
            all.push(answered);
        }
        for mut answered in all {
            answered.replies.iter_mut().for_each(|reply| reply.stamp(handle.wall()));
            if worst(&answered.replies).is_some_and(|code| code.is_error()) {
                failed.push_back(answered);
            } else {
                answer(&peers, &answered, 0);
            }
        }
        if let Some(mut answered) = failed.pop_front() {
            let error = report(&desk, &mut log, started, &mut answered).await;
            answer(&peers, &answered, error);
        }
    }
}

/// Reports an error, and gives its number.
async fn report(desk: &Desk, log: &mut ReportLog, started: u32, answered: &mut Answered) -> u32 {
    let (handle, number) = (&desk.handle, log.next());
    let (node, name) = desk.control.seat_of(handle.node());
    let id = ErrorId { started, node, number };
    let Answered { call, replies, standing, .. } = answered;
    let failed = replies.iter_mut().find(|reply| reply.code().is_error());
    let reply = failed.expect("an answer that failed says so");
    reply.error_report_ids.push(id.to_string());
    let finding = Finding {
        id,
        module: "Controller",
        at: handle.wall(),
        node: name,
        peer: &desk.control.console,
        reply,
        call: format!("call {}: {:?}", call.id, call.request),
        standing: standing.clone(),
        position: 0,
    };
    publish(handle, log, finding).await;
    number
}

/// Makes the report of an error durable, then puts the line into the log that names it. The position in the trace is filled
/// in.
pub(in crate::node) async fn publish(
    handle: &NodeHandle,
    log: &mut ReportLog,
    mut finding: Finding<'_>,
) {
    let (error, code) = (finding.id.number, finding.reply.ret_code);
    finding.position = handle.emit(&ErrorRaised { error, code });
    let report = finding.render();
    if planted!(LineBeforeReport) {
        handle.emit(&ErrorLogged { error });
    }
    log.append(&report).await;
    handle.emit(&ErrorReported { error });
    if !planted!(LineBeforeReport) {
        tracing::error!("{} [Report number {}]", report.headline(), report.id);
        handle.emit(&ErrorLogged { error });
    }
}

/// Answers whoever asked, if they are still there; if not, they ask again.
fn answer(peers: &Peers, answered: &Answered, error: u32) {
    let Answered { call, replies, version, .. } = answered;
    if let Some(peer) = peers.borrow().get(&call.caller) {
        let replies = Rc::new(replies.clone());
        let reply = Wire::Reply { call: call.id, version: *version, error, replies };
        let _closed = peer.channel.send(reply);
    }
}
