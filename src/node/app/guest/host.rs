//! Runs a guest on a client: does what it asks for on the volume, tells the history, and starts it anew when it was told of
//! an error. Knows no guest.

use std::cell::RefCell;
use std::rc::Rc;

use crate::base::guest::{Damage, GuestBegan, GuestCommitted, GuestFound};
use crate::base::history::OpKind;
use crate::base::{BlockSize, Nanos};

use super::ask::{Ask, Reply, Tale};
use super::drive::Drive;
use super::fat::Fat;
use super::fiber::{Enter, Fiber};
use super::plan::{Guest, Plan, Program, Shared};
use super::redb::Redb;
use super::work::work;
use crate::node::app::draw::Choice;
use crate::node::app::issue::Issuer;
use crate::node::app::replay::Slot;
use crate::node::probes;

/// How long it takes until a guest that was told of an error is started anew: twice as long each time that it gets no
/// further in between, up to the latter.
const RESTART: Nanos = Nanos::from_micros(200);
const RESTART_MAX: Nanos = Nanos::from_millis(50);

/// How a guest's life ended.
enum End {
    /// It has done all that it was to do, or cannot go on.
    Over,
    /// It was told of an error.
    Failed,
    /// Its application is started elsewhere.
    Stale,
}

/// Runs a guest until it is over, or its application is started anew.
pub(in crate::node::app) async fn run(issuer: Issuer, guest: Guest) {
    issuer.wait_for_start().await;
    let plan = issuer.progress.guest.borrow_mut().get_or_insert_with(|| plan(&issuer)).clone();
    let mut wait = RESTART;
    loop {
        let finished = plan.borrow().finished();
        let host = Host { issuer: &issuer, plan: &plan, guest, size: issuer.device.block_size() };
        match host.life().await {
            End::Over => {
                issuer.finished();
                return;
            }
            End::Failed => {
                if plan.borrow().finished() > finished {
                    wait = RESTART;
                }
                issuer.handle.sleep(wait).await;
                wait = wait.saturating_add(wait).min(RESTART_MAX);
            }
            End::Stale => return,
        }
        if issuer.is_stale() {
            return;
        }
    }
}

fn plan(issuer: &Issuer) -> Shared {
    let name = format!("app.{}.guest", issuer.config.writer);
    Rc::new(RefCell::new(Plan::new(issuer.handle.kernel().stream(&name))))
}

/// The fiber of a guest's next life.
fn fiber(issuer: &Issuer, guest: Guest, plan: &Shared, size: BlockSize) -> Fiber {
    let start = {
        let mut plan = plan.borrow_mut();
        plan.starts += 1;
        plan.contents.doubted();
        let broken_off = std::mem::take(&mut plan.is_in_step);
        crate::sometimes!(issuer.handle, broken_off, probes::PROGRAM_BROKEN_OFF);
        plan.starts
    };
    let name = format!("app.{}.guest.{start}", issuer.config.writer);
    let (first, last) = issuer.config.region;
    let (drive, plan) = (Drive::new(first, last - first + 1, size), plan.clone());
    let rng = issuer.handle.kernel().stream(&name);
    Fiber::new(rng, enter(guest.program), move || match guest.program {
        Program::Redb => work::<Redb>(&drive, &plan),
        Program::Fatfs => work::<Fat>(&drive, &plan),
        #[cfg(feature = "sqlite")]
        Program::Sqlite => work::<super::sqlite::Sqlite>(&drive, &plan),
        #[cfg(not(feature = "sqlite"))]
        Program::Sqlite => unreachable!("no scenario with it is valid for this program"),
    })
}

/// What a program shares with others of its process, and has to have for itself while it is on.
fn enter(program: Program) -> Option<Enter> {
    #[cfg(feature = "sqlite")]
    if program == Program::Sqlite {
        return Some(super::sqlite::enter);
    }
    let _shares_nothing = program;
    None
}

/// What a guest has to do with.
struct Host<'a> {
    issuer: &'a Issuer,
    plan: &'a Shared,
    guest: Guest,
    size: BlockSize,
}

impl Host<'_> {
    /// One life of the guest, from its start to its end.
    async fn life(&self) -> End {
        let mut fiber = fiber(self.issuer, self.guest, self.plan, self.size);
        let (mut reply, mut has_failed) = (Reply::Done, false);
        loop {
            let now = self.issuer.handle.monotonic();
            let Some(ask) = fiber.resume(now, reply) else {
                return if has_failed { End::Failed } else { End::Over };
            };
            self.issuer.go_on().await;
            if self.issuer.is_stale() {
                return End::Stale;
            }
            // A process that was told of an error gets no further.
            reply = if has_failed { Reply::Failed } else { self.answer(ask).await };
            has_failed |= reply == Reply::Failed;
            // Nor does one that was started elsewhere meanwhile: what it is to do is the other one's by now.
            if self.issuer.is_stale() {
                return End::Stale;
            }
        }
    }

    async fn answer(&self, ask: Ask) -> Reply {
        match ask {
            Ask::Read { block, blocks } => self.read(block, blocks).await,
            Ask::Write { block, bytes } => self.write(block, &bytes).await,
            Ask::Trim { block, blocks } => {
                let reply = self.plainly(OpKind::Trim, block, blocks).await;
                if reply == Reply::Done {
                    self.plan.borrow_mut().contents.trimmed(block, blocks);
                }
                reply
            }
            Ask::Flush => {
                let reply = self.plainly(OpKind::Flush, 0, 0).await;
                if reply == Reply::Done {
                    self.plan.borrow_mut().contents.flushed();
                }
                reply
            }
            Ask::Sleep(span) => {
                self.issuer.handle.sleep(span).await;
                Reply::Done
            }
            Ask::Turn => self.turn().await,
            Ask::Tell(tale) => {
                self.tell(tale);
                Reply::Done
            }
        }
    }

    async fn plainly(&self, kind: OpKind, block: u64, blocks: u32) -> Reply {
        match self.issuer.issue(Choice { kind, block, blocks }).await {
            _ if self.issuer.is_stale() => Reply::Dead,
            Ok(_) => Reply::Done,
            Err(_) => Reply::Failed,
        }
    }

    /// A read that shows less than was acknowledged to this life fails, as it does under a file system that has a check
    /// sum of each block: caches were lost, and a flush has to say so.
    async fn read(&self, block: u64, blocks: u32) -> Reply {
        let Ok(data) = self.issuer.issue(Choice { kind: OpKind::Read, block, blocks }).await else {
            return Reply::Failed;
        };
        let own = (self.issuer.device.volume().get(), self.issuer.config.writer);
        let shown = || (block..).zip(data.blocks());
        let is_kept = |(at, found)| self.plan.borrow().contents.is_kept(own, at, &found);
        if !shown().all(is_kept) {
            if self.plainly(OpKind::Flush, 0, 0).await == Reply::Done {
                // The program knows nothing of it.
                let (damage, words) = (Damage::WentBack, String::new());
                self.tell(Tale::Found { contents: 0, damage, words });
            }
            return Reply::Failed;
        }
        let plan = self.plan.borrow();
        let mut bytes = Vec::with_capacity(data.len() as usize * self.size.bytes());
        for (at, found) in shown() {
            plan.contents.append_to(&mut bytes, own, (at, &found), self.size);
        }
        Reply::Data(bytes)
    }

    async fn write(&self, block: u64, bytes: &[u8]) -> Reply {
        let blocks = (bytes.len() / self.size.bytes()) as u32;
        // It has one operation at a time: this is the number that the write will have.
        let sequence = self.issuer.progress.writes.get() + 1;
        self.plan.borrow_mut().contents.writes(block, sequence, bytes, self.size);
        let reply = self.plainly(OpKind::Write, block, blocks).await;
        if reply == Reply::Done {
            self.plan.borrow_mut().contents.acknowledged(block, blocks, sequence);
        }
        reply
    }

    /// Waits until it is time for another step.
    async fn turn(&self) -> Reply {
        if let Some(rate) = self.guest.rate
            && let Slot::At(at) = self.issuer.next_at(rate)
        {
            let until = self.issuer.config.stop.map_or(at, |stop| at.min(stop));
            self.issuer.handle.sleep_until(until).await;
        }
        let is_over = self.plan.borrow().finished() >= self.guest.steps;
        if is_over || self.issuer.is_at_stop() { Reply::Over } else { Reply::Done }
    }

    fn tell(&self, tale: Tale) {
        let (handle, writer) = (&self.issuer.handle, u32::from(self.issuer.config.writer));
        match tale {
            Tale::Began { step, before, after } => {
                self.plan.borrow_mut().is_in_step = true;
                handle.emit(&GuestBegan { writer, step, before, after })
            }
            Tale::Committed { step, contents } => {
                self.plan.borrow_mut().is_in_step = false;
                handle.emit(&GuestCommitted { writer, step, contents })
            }
            Tale::Found { contents, damage, words } => {
                if !words.is_empty() {
                    self.plan.borrow_mut().said.get_or_insert(words);
                }
                handle.emit(&GuestFound { writer, contents, damage })
            }
        };
    }
}
