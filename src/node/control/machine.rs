//! The controller: a plain state machine, inputs in, effects out. Sends and stores nothing.
//!
//! ```text
//! Unknown ──loaded──▶ Ready ──a call that changes something──▶ Committing
//!    ▲                  ▲                                          │
//!    │                  └──────────────committed───────────────────┤
//!    └──────refused, in doubt, the database is away────────────────┘
//! ```
//!
//! What a call changes is worked out on a copy, which takes the place of the configuration when the database has
//! committed it, and no sooner. When the database did not do it, or nobody knows whether it did, the controller forgets
//! what it knew and asks: what clients see is what is stored. Until it has heard, it changes nothing, and says so to
//! whoever asks; what it last knew can be looked at. Where there are several managers another controller may have taken the
//! database over: then it does nothing any more, and answers nobody. Calls are done one at a time, in the order of coming, and each
//! once, however often it is asked: what it came to is stored with what it changed.

use std::collections::VecDeque;
use std::rc::Rc;

use super::code::{Detail, ReturnCode, Severity};
use super::config::{Config, Outcome};
use super::execute::{Surroundings, execute};
use super::reply::{Reply, ReplyList};
use super::request::{CallId, Request};
use super::rows::{Change, Rows, difference, fingerprint};
use crate::base::planted;
use crate::base::{Nanos, NodeId};

/// How long a call waits for a database that is away before it is answered that it was not done.
pub(super) const PATIENCE: Nanos = Nanos::from_millis(20);

/// A call, and who waits for what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) caller: NodeId,
    pub(super) id: CallId,
    pub(super) request: Rc<Request>,
    /// When it came.
    pub(super) since: Nanos,
}

/// Why the database did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not there.
    Away,
    /// It failed before it did anything.
    Failed,
    /// It holds another version than the one that was to be changed: this one.
    Stale(u64),
    /// The controller of this term, a later one, has it.
    Deposed(u64),
}

/// What the controller is told.
#[derive(Clone, Debug)]
pub(super) enum Input {
    /// Somebody asks for something.
    Call(Call),
    /// This is what the database holds.
    Loaded { version: u64, rows: Rc<Rows> },
    /// The database has done it.
    Committed { version: u64 },
    /// The database has not done it.
    Refused(Refusal),
    /// Whether the database did it is not known; nor is what it holds.
    InDoubt,
    /// Somebody was told what is stored in a later version than what is known here, or by a later controller.
    Outdated,
    /// Time has passed.
    Tick,
}

/// What is to be done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Ask the database what it holds.
    Load,
    /// Have the database change this version; then say so.
    Commit { expected: u64, changes: Rc<[Change]> },
    /// The configuration in memory is another now.
    Holds { version: u64, fingerprint: u64 },
    /// Another controller has taken over, in this term: let go of everything.
    LetGo { by: u64 },
    /// Tell a caller what its call came to. `version`: that in which the change is stored; 0 if none was made.
    Answer { call: Call, replies: ReplyList, version: u64 },
}

/// What the controller is at.
#[derive(Clone, Debug)]
enum Phase {
    /// What the database holds is not known. Whether it was asked.
    Unknown { asked: bool },
    /// The configuration in memory is the one that is stored.
    Ready,
    /// A call's change is being stored.
    Committing(Box<Pending>),
    /// Another controller has taken over.
    Deposed,
}

/// A configuration, and the same as rows, by which changes are told: made of it, or what it was read from, which is the
/// same.
#[derive(Clone, Debug)]
struct Known {
    config: Config,
    rows: Rows,
}

/// A change that is being stored.
#[derive(Clone, Debug)]
struct Pending {
    call: Call,
    next: Known,
    replies: ReplyList,
}

/// The controller's state.
#[derive(Debug)]
pub(super) struct Controller {
    phase: Phase,
    /// What was known last; none before anything was.
    known: Option<Known>,
    version: u64,
    /// Calls that have not had their turn.
    waiting: VecDeque<Call>,
    /// A call of which nobody knows whether the database did it.
    doubt: Option<Call>,
    pub(super) around: Surroundings,
}

impl Controller {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Unknown { asked: false },
            known: None,
            version: 0,
            waiting: VecDeque::new(),
            doubt: None,
            around: Surroundings::default(),
        }
    }

    /// What was known last.
    pub(super) fn config(&self) -> Option<&Config> {
        self.known.as_ref().map(|known| &known.config)
    }

    /// The version of what was known last.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// What it is at, in words.
    pub(super) fn standing(&self) -> &'static str {
        match self.phase {
            Phase::Unknown { .. } => "it does not know what is stored",
            Phase::Ready => "it knows what is stored",
            Phase::Committing(_) => "it is having a change stored",
            Phase::Deposed => "another one has taken over",
        }
    }

    /// Takes an input, and says what is to be done.
    pub(super) fn apply(&mut self, now: Nanos, input: Input, out: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Deposed) {
            return;
        }
        match input {
            Input::Call(call) => self.called(call, out),
            Input::Loaded { version, rows } => self.loaded(version, rows, out),
            Input::Committed { version } => self.committed(version, out),
            Input::Refused(refusal) => self.refused(refusal, out),
            Input::InDoubt => self.in_doubt(out),
            Input::Outdated => self.outdated(),
            Input::Tick => self.tick(now, out),
        }
        self.advance(out);
    }

    fn called(&mut self, call: Call, out: &mut Vec<Effect>) {
        // Asked again, over another connection: whoever asks last is answered.
        let pending = match &mut self.phase {
            Phase::Committing(pending) => Some(&mut pending.call),
            _ => None,
        };
        let known = self.waiting.iter_mut().chain(pending).chain(&mut self.doubt);
        if let Some(known) = known.into_iter().find(|it| it.id == call.id) {
            known.caller = call.caller;
            return;
        }
        let is_known = matches!(self.phase, Phase::Ready | Phase::Committing(_));
        let done = self.config().and_then(|config| config.calls.get(&call.id));
        if let (Some(outcome), true) = (done, is_known) {
            return out.push(self.repeated(call, outcome.clone()));
        }
        if planted!(CallsForgottenWhileAway) && matches!(self.phase, Phase::Unknown { .. }) {
            return;
        }
        self.waiting.push_back(call);
    }

    /// What a call came to that was done before.
    fn repeated(&self, call: Call, outcome: Outcome) -> Effect {
        let code = ReturnCode::of_number(outcome.code).expect("a stored code is one of ours");
        let reply = Reply::new(code, outcome.message);
        Effect::Answer { call, replies: vec![reply], version: self.version }
    }

    fn loaded(&mut self, version: u64, rows: Rc<Rows>, out: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Unknown { .. }) {
            return;
        }
        let config = Config::of_rows(&rows).expect("the database holds what a controller stored");
        self.phase = Phase::Ready;
        self.adopt(Known { config, rows: Rc::unwrap_or_clone(rows) }, version, out);
        if let Some(call) = self.doubt.take() {
            let done = self.config().and_then(|config| config.calls.get(&call.id)).cloned();
            out.push(match done {
                Some(outcome) => self.repeated(call, outcome),
                None => not_done(call, Refusal::Failed),
            });
        }
    }

    /// The configuration in memory is another from now on.
    fn adopt(&mut self, known: Known, version: u64, out: &mut Vec<Effect>) {
        out.push(Effect::Holds { version, fingerprint: fingerprint(&known.rows) });
        self.known = Some(known);
        self.version = version;
    }

    fn committed(&mut self, version: u64, out: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Committing(_)) {
            return;
        }
        let Phase::Committing(pending) = std::mem::replace(&mut self.phase, Phase::Ready) else {
            return;
        };
        let Pending { call, next, replies } = *pending;
        if !planted!(MemoryBeforeCommit) {
            self.adopt(next, version, out);
        }
        if !planted!(AnswerBeforeCommit) {
            out.push(Effect::Answer { call, replies, version });
        }
    }

    /// What it knows is not what is stored any more: it asks.
    fn outdated(&mut self) {
        if matches!(self.phase, Phase::Ready) {
            self.phase = Phase::Unknown { asked: false };
        }
    }

    fn refused(&mut self, refusal: Refusal, out: &mut Vec<Effect>) {
        if let Refusal::Deposed(by) = refusal {
            // Whoever has called asks the other one.
            self.phase = Phase::Deposed;
            return out.push(Effect::LetGo { by });
        }
        let phase = std::mem::replace(&mut self.phase, Phase::Unknown { asked: false });
        if let Phase::Committing(pending) = phase {
            out.push(not_done(pending.call, refusal));
        }
    }

    fn in_doubt(&mut self, out: &mut Vec<Effect>) {
        let phase = std::mem::replace(&mut self.phase, Phase::Unknown { asked: false });
        let Phase::Committing(pending) = phase else { return };
        if planted!(DoubtMeansUndone) {
            // As if the database had never been asked: what is known stays what it was.
            self.phase = Phase::Ready;
            return out.push(not_done(pending.call, Refusal::Failed));
        }
        self.doubt = Some(pending.call);
    }

    fn tick(&mut self, now: Nanos, out: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Unknown { .. }) {
            return;
        }
        let is_late = |call: &Call| now.saturating_sub(call.since) > PATIENCE;
        if let Some(call) = self.doubt.take_if(|call| is_late(call)) {
            out.push(doubtful(call));
        }
        let (late, waiting) = self.waiting.drain(..).partition(|call| is_late(call));
        self.waiting = waiting;
        let late: VecDeque<Call> = late;
        out.extend(late.into_iter().map(|call| not_done(call, Refusal::Away)));
    }

    /// Goes on as far as it goes.
    fn advance(&mut self, out: &mut Vec<Effect>) {
        if let Phase::Unknown { asked } = &mut self.phase {
            if !std::mem::replace(asked, true) {
                out.push(Effect::Load);
            }
            return self.look_up(out);
        }
        while matches!(self.phase, Phase::Ready)
            && let Some(call) = self.waiting.pop_front()
        {
            self.begin(call, out);
        }
    }

    /// Answers queries from what was known last.
    fn look_up(&mut self, out: &mut Vec<Effect>) {
        let Some(Known { config, .. }) = &self.known else { return };
        let (queries, waiting): (VecDeque<Call>, _) =
            self.waiting.drain(..).partition(|call| call.request.is_query());
        self.waiting = waiting;
        for call in queries {
            let known = execute(config, &self.around, &call.request);
            let (_, mut replies) = known.expect("a query is always answered");
            replies.insert(0, outdated(&call.request, self.version));
            out.push(Effect::Answer { call, replies, version: 0 });
        }
    }

    /// A call has its turn.
    fn begin(&mut self, call: Call, out: &mut Vec<Effect>) {
        let known = self.known.as_ref().expect("a controller that is ready has one");
        match execute(&known.config, &self.around, &call.request) {
            Err(reply) => out.push(Effect::Answer { call, replies: vec![*reply], version: 0 }),
            Ok((None, replies)) => out.push(Effect::Answer { call, replies, version: 0 }),
            Ok((Some(mut next), replies)) => {
                let first = replies.first().expect("every call is answered");
                let (code, message) = (first.ret_code, first.message.clone());
                next.remember(call.id, Outcome { code, message });
                let rows = next.rows();
                let changes = difference(&known.rows, &rows).into();
                let next = Known { config: next, rows };
                let expected = self.version;
                out.push(Effect::Commit { expected, changes });
                if planted!(MemoryBeforeCommit) {
                    self.adopt(next.clone(), expected + 1, out);
                }
                if planted!(AnswerBeforeCommit) {
                    let (call, replies) = (call.clone(), replies.clone());
                    out.push(Effect::Answer { call, replies, version: expected + 1 });
                }
                self.phase = Phase::Committing(Box::new(Pending { call, next, replies }));
            }
        }
    }
}

fn not_done(call: Call, refusal: Refusal) -> Effect {
    let message = format!("`{}` was not done.", call.request.kind());
    let reply = Reply::failed(call.request.target(), Detail::Database, message);
    let reply = reply.cause(match refusal {
        Refusal::Away => {
            "The database cannot be reached, and nothing is changed without it.".into()
        }
        Refusal::Failed => "The database failed, and has changed nothing.".to_owned(),
        Refusal::Stale(found) => {
            format!("The database holds version {found}, which is not the one that was to change.")
        }
        Refusal::Deposed(term) => format!("The controller of term {term} has the database."),
    });
    let correction = "Ask again later: the controller goes on by itself when the database does.";
    Effect::Answer { call, replies: vec![reply.correction(correction)], version: 0 }
}

fn doubtful(call: Call) -> Effect {
    let message = format!("Whether `{}` was done is not known yet.", call.request.kind());
    let reply = Reply::failed(call.request.target(), Detail::DatabaseInDoubt, message);
    let cause = "The database went away while it was doing it.";
    let reply = reply.cause(cause).details("It is done in whole, or not at all.");
    let correction = "Look whether it was when the database is back.";
    Effect::Answer { call, replies: vec![reply.correction(correction)], version: 0 }
}

fn outdated(request: &Request, version: u64) -> Reply {
    let (operation, object) = request.target();
    let (severity, detail) = (Severity::Warning, Detail::Outdated);
    let code = ReturnCode { severity, operation, object, detail };
    let message = format!("What follows was stored as version {version}, and may be out of date.");
    Reply::new(code, message).cause("The database cannot be reached.")
}
