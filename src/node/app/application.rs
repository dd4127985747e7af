//! What an application is: its plan, its progress, its start. Issues nothing itself.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::base::history::AppOpened;
use crate::base::{Job, Nanos, Odds, OpId, Replay};
use crate::node::client::BlockDevice;
use crate::sim::{JoinHandle, NodeHandle, Signal};

use super::draw::Distribution;
use super::draw::Draw;
use super::draw::Mix;
use super::guest::{self, Guest, Plan};
use super::issue;
use super::job::JobState;
use super::mixed::Mixed;
use super::replay::Replayed;

/// What an application does.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// Which application it is: the writer in its blocks' stamps; from 1, unique in a run.
    pub writer: u16,
    /// How its operations are chosen.
    pub kind: AppKind,
    /// Operations in flight, at least 1.
    pub depth: u32,
    /// Fewest and most blocks of an operation; at least 1.
    pub blocks: (u32, u32),
    /// First and last block of the volume that it uses.
    pub region: (u64, u64),
    /// When it starts, in virtual time.
    pub start: Nanos,
    /// When it issues no more.
    pub stop: Option<Nanos>,
    /// It begins only when these are over,
    pub behind: Vec<Rc<AppProgress>>,
    /// and so much later.
    pub delay: Nanos,
    /// Those that begin only when it is over.
    pub before: Vec<Rc<AppProgress>>,
}

/// How an application chooses its operations.
#[derive(Clone, Debug)]
pub enum AppKind {
    /// Drawn from the seed.
    Random {
        /// How many to issue.
        ops: u64,
        /// Most operations per second of virtual time.
        rate: Option<u64>,
        /// How often which kind.
        mix: Mix,
        /// Where.
        distribution: Distribution,
        /// How likely a write is one with forced unit access.
        fua: Odds,
    },
    /// Writes the region from first to last block, then reads it.
    Verify,
    /// Drawn from the seed, of sizes that are mixed and places that overlap.
    Mixed {
        /// How many to issue.
        ops: u64,
        /// Most operations per second of virtual time.
        rate: Option<u64>,
        /// How often which kind.
        mix: Mix,
        /// How likely a write is one with forced unit access.
        fua: Odds,
    },
    /// As they were recorded.
    Replay(Rc<Replay>),
    /// As a job file says.
    Job(Rc<Job>),
    /// As a program that nobody here wrote has it.
    Guest(Guest),
}

/// How far an application has come; shared by all lives of its client.
#[derive(Debug, Default)]
pub struct AppProgress {
    /// Operations issued.
    pub(super) issued: Cell<u64>,
    /// Operations under way.
    pub(super) open: Cell<u64>,
    /// Writes issued: the next write's sequence number, less one.
    pub(super) writes: Cell<u64>,
    /// When the next operation may be issued, for one with a rate.
    pub(super) next_at: Cell<Nanos>,
    /// It issues no more.
    pub(super) is_finished: Cell<bool>,
    /// Where a sequential one goes next.
    pub(super) cursor: Cell<u64>,
    /// Where those of mixed sizes went.
    pub(super) mixed: Mixed,
    /// How far a replay has come.
    pub(super) replayed: Replayed,
    /// How far a job has come.
    pub(super) job: RefCell<Option<JobState>>,
    /// How far a guest has come.
    pub(super) guest: RefCell<Option<Rc<RefCell<Plan>>>>,
    /// Whether workers wait for the end of what is under way.
    pub(super) awaits_quiet: Cell<bool>,
    /// When its first worker began.
    pub(super) began: Cell<Option<Nanos>>,
    /// How many times it was started: workers of an earlier start end with the operation that they are at.
    pub(super) starts: Cell<u64>,
    /// Whether it is to issue nothing until it is resumed.
    pub(super) is_paused: Cell<bool>,
    /// Its workers that wait to go on.
    pub(super) resumed: RefCell<Option<Signal>>,
}

impl AppProgress {
    /// Whether it has issued all it is going to, and all of that has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_finished.get() && self.open.get() == 0
    }

    /// What a program on a volume said of the first damage that it found.
    #[must_use]
    pub fn said(&self) -> Option<String> {
        self.guest.borrow().as_ref().and_then(|plan| plan.borrow().said.clone())
    }

    /// Operations issued so far.
    #[must_use]
    pub fn issued(&self) -> u64 {
        self.issued.get()
    }

    /// Lets it issue no operation until it is resumed.
    pub fn pause(&self) {
        self.is_paused.set(true);
    }

    /// Lets it go on where it was paused.
    pub fn resume(&self) {
        self.is_paused.set(false);
        self.look_again();
    }

    /// Ends its workers, each with the operation that it is at. It can be started again, elsewhere too.
    pub fn stop(&self) {
        self.starts.set(self.starts.get() + 1);
        self.look_again();
    }

    pub(super) fn look_again(&self) {
        let resumed = self.resumed.borrow().clone();
        if let Some(resumed) = resumed {
            resumed.notify();
        }
    }

    /// Operations under way.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open.get()
    }
}

/// Numbers the operations of a run.
#[derive(Clone, Debug, Default)]
pub struct OpCounter(Rc<Cell<u64>>);

impl OpCounter {
    pub(super) fn next(&self) -> OpId {
        self.0.set(self.0.get() + 1);
        OpId::new(self.0.get())
    }

    /// Operations numbered so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.get()
    }
}

/// Starts an application on a client that has its volume attached, where it was. Its workers end when it is over,
/// or with the operation that they are at when it is stopped or started anew.
pub fn start(
    handle: &NodeHandle,
    config: &AppConfig,
    progress: &Rc<AppProgress>,
    device: &BlockDevice,
    ops: &OpCounter,
) -> Vec<JoinHandle<()>> {
    let start = progress.starts.get() + 1;
    progress.starts.set(start);
    progress.replayed.start_again();
    *progress.resumed.borrow_mut() = Some(Signal::new(handle.kernel()));
    let writer = u32::from(config.writer);
    handle.emit(&AppOpened { volume: device.volume(), writer });
    let workers = (0..config.depth).map(|worker| {
        let draw = Draw::new(handle, config, worker);
        let issuer = issue::Issuer {
            handle: handle.clone(),
            start,
            config: config.clone(),
            progress: progress.clone(),
            device: device.clone(),
            ops: ops.clone(),
        };
        match config.kind {
            AppKind::Guest(guest) => handle.spawn("app", guest::run(issuer, guest)),
            _ => handle.spawn("app", issuer.run(draw)),
        }
    });
    workers.collect()
}
