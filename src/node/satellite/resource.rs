//! The task that each resource has to itself: brings about what the resource is to be, and tries again on a schedule of its
//! own. Whatever becomes of one, the others go on.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use crate::base::control::{ResourceDeployed, ResourceFailed};
use crate::base::planted;
use crate::node::probes;
use crate::process::port::{Command, Program};
use crate::sim::{NodeHandle, Signal};

use super::agent::{Agent, Mishap, Stage, Standing};
use super::device::{self, Openings};
use super::goal::{Goal, Wanted, excess, listed};
use super::problem::Problem;
use super::program::Runner;
use super::retry::Retry;

/// A resource of a satellite.
pub(super) struct Resource {
    pub(super) key: String,
    goal: RefCell<Rc<Goal>>,
    /// Counts the goals that it has had.
    generation: Cell<u64>,
    /// Something has happened to its devices since it was looked at last.
    disturbed: Cell<bool>,
    standing: RefCell<Standing>,
    pub(super) wake: Signal,
    /// Device files that are being opened.
    pub(super) openings: Openings,
}

impl Resource {
    pub(super) fn new(handle: &NodeHandle, key: &str, goal: Goal) -> Rc<Self> {
        Rc::new(Self {
            key: key.to_owned(),
            goal: RefCell::new(Rc::new(goal)),
            generation: Cell::new(1),
            disturbed: Cell::new(false),
            standing: RefCell::new(Standing { stage: Stage::Deploying, report: None }),
            wake: Signal::new(handle.kernel()),
            openings: RefCell::new(BTreeMap::new()),
        })
    }

    /// From now on it is to be this.
    pub(super) fn aim_at(&self, goal: Goal) {
        if **self.goal.borrow() == goal {
            return;
        }
        *self.goal.borrow_mut() = Rc::new(goal);
        self.generation.set(self.generation.get() + 1);
        *self.standing.borrow_mut() = Standing { stage: Stage::Deploying, report: None };
        self.wake.notify();
    }

    /// Something has happened to a device of it.
    pub(super) fn disturb(&self) {
        self.disturbed.set(true);
        self.wake.notify();
    }

    /// Whether it is to be there at all.
    pub(super) fn is_wanted(&self) -> bool {
        !self.goal.borrow().is_empty()
    }

    /// Whether it is to have this volume.
    pub(super) fn wants(&self, volume: &str) -> bool {
        self.goal.borrow().contains_key(volume)
    }

    /// The volumes that it is to have.
    pub(super) fn goal(&self) -> Rc<Goal> {
        self.goal.borrow().clone()
    }

    pub(super) fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// The report of what went wrong is durable.
    pub(super) fn reported(&self, id: String) {
        let mut standing = self.standing.borrow_mut();
        if standing.stage == Stage::Failed {
            standing.report = Some(id);
        }
    }

    fn stand(&self, agent: &Agent, stage: Stage) {
        let mut standing = self.standing.borrow_mut();
        standing.stage = stage;
        if stage == Stage::Deployed {
            standing.report = None;
        }
        drop(standing);
        agent.tell();
    }
}

/// Brings a resource about, and keeps it so, until it is done away with.
pub(super) async fn run(agent: Rc<Agent>, resource: Rc<Resource>) {
    let freed = {
        let resource = resource.clone();
        move || resource.disturb()
    };
    let runner = Runner::new((&agent.handle, &agent.os), agent.timing, freed);
    let mut retry = Retry::default();
    loop {
        let generation = resource.generation.get();
        resource.disturbed.set(false);
        let attempt = Attempt { agent: &agent, resource: &resource, runner: &runner };
        let result = attempt.in_turn().await;
        let is_other = || resource.generation.get() != generation;
        if is_other() {
            crate::sometimes!(agent.handle, true, probes::GOAL_CHANGED_MEANWHILE);
            retry.reset();
            continue;
        }
        match result {
            Ok(()) => {
                retry.reset();
                if !resource.is_wanted() {
                    return agent.forget(&resource.key);
                }
                resource.stand(&agent, Stage::Deployed);
                let (deployed, wanted) = agent.progress();
                agent.handle.emit(&ResourceDeployed { deployed, wanted });
                let is_due = || (is_other() || resource.disturbed.get()).then_some(());
                resource.wake.wait_for(is_due).await;
            }
            Err(problem) => failed(&agent, &resource, &mut retry, problem, &is_other).await,
        }
    }
}

/// Says that an attempt has failed, and waits until it is time for another.
async fn failed(
    agent: &Rc<Agent>,
    resource: &Rc<Resource>,
    retry: &mut Retry,
    problem: Problem,
    is_other: &impl Fn() -> bool,
) {
    let code = problem.reply(Some(&resource.key)).ret_code;
    let again_in = match problem {
        Problem::NoMemory { .. } => retry.wanted_memory(&agent.timing),
        _ => retry.failed(&agent.timing),
    };
    let attempt = retry.failures();
    agent.handle.emit(&ResourceFailed { code, attempt, again_in });
    resource.stand(agent, Stage::Failed);
    if !planted!(FailureNotReported) {
        agent.mishaps.push(Mishap { resource: Some(resource.clone()), problem });
    }
    if planted!(RetriesShared) {
        agent.put_off.set(agent.handle.monotonic() + again_in);
    }
    let mut pause = pin!(agent.handle.sleep(again_in));
    poll_fn(|cx| {
        if is_other() || resource.disturbed.get() {
            return Poll::Ready(());
        }
        resource.wake.register(cx);
        pause.as_mut().poll(cx)
    })
    .await;
    crate::sometimes!(agent.handle, resource.disturbed.get(), probes::TRIED_AGAIN_EARLY);
    resource.stand(agent, Stage::Deploying);
}

/// One attempt to bring a resource about.
struct Attempt<'a> {
    agent: &'a Rc<Agent>,
    resource: &'a Rc<Resource>,
    runner: &'a Runner,
}

impl Attempt<'_> {
    /// An attempt waits for no other resource's, unless a bug is planted.
    async fn in_turn(&self) -> Result<(), Problem> {
        let agent = self.agent;
        if planted!(RetriesShared) {
            agent.handle.sleep_until(agent.put_off.get()).await;
        }
        if !planted!(OneHungResourceBlocksAll) {
            return self.whole().await;
        }
        agent.changed.wait_for(|| (!agent.turn.replace(true)).then_some(())).await;
        let result = self.whole().await;
        agent.turn.set(false);
        agent.changed.notify();
        result
    }

    async fn whole(&self) -> Result<(), Problem> {
        let goal = self.resource.goal();
        let mut there = self.list().await?;
        for name in excess(&there, &goal) {
            self.configure("unexport", &name).await?;
            self.manage(&["remove", &name]).await?;
            there.remove(&name);
        }
        for (name, wanted) in &*goal {
            self.bring_about(name, wanted, there.contains_key(name)).await?;
        }
        Ok(())
    }

    async fn bring_about(&self, name: &str, wanted: &Wanted, exists: bool) -> Result<(), Problem> {
        if !exists {
            self.manage(&["create", name, &wanted.size.to_string(), &wanted.pool]).await?;
        } else if !self.agent.os.has_device(name) {
            self.manage(&["activate", name]).await?;
        }
        device::appears(self.agent, self.resource, name).await?;
        let found = device::size_of(self.agent, self.resource, name).await?;
        if found != wanted.size {
            let (name, wanted) = (name.to_owned(), wanted.size);
            return Err(Problem::WrongDevice { name, found, wanted });
        }
        self.configure("export", name).await
    }

    /// The volumes that there are of the resource.
    async fn list(&self) -> Result<Goal, Problem> {
        let command = Command::new(Program::VolumeManager, &["list", &self.resource.key]);
        let text = self.runner.run(command.clone()).await?;
        listed(&text).map_err(|line| Problem::Unreadable { command, line })
    }

    async fn manage(&self, args: &[&str]) -> Result<(), Problem> {
        self.runner.run(Command::new(Program::VolumeManager, args)).await.map(|_| ())
    }

    async fn configure(&self, what: &str, name: &str) -> Result<(), Problem> {
        let command = Command::new(Program::NvmeTarget, &[what, name]);
        self.runner.run(command).await.map(|_| ())
    }
}
