//! Looks, once in each life of a satellite, for volumes that nobody wants: what was done away with while it was down. Does
//! away with none itself.

use std::rc::Rc;

use crate::base::control::ResourceFailed;
use crate::process::port::{Command, Program};

use super::agent::{Agent, Mishap};
use super::goal::{listed, resource_of};
use super::problem::Problem;
use super::program::Runner;
use super::retry::Retry;

/// Looks after the first full sync, and until it has succeeded.
pub(super) async fn run(agent: Rc<Agent>) {
    agent.changed.wait_for(|| agent.version()).await;
    // When a program ends that was given up, the next attempt finds out.
    let runner = Runner::new((&agent.handle, &agent.os), agent.timing, || {});
    let mut retry = Retry::default();
    loop {
        let Err(problem) = look(&agent, &runner).await else { return };
        let again_in = retry.failed(&agent.timing);
        let (code, attempt) = (problem.reply(None).ret_code, retry.failures());
        agent.handle.emit(&ResourceFailed { code, attempt, again_in });
        agent.mishaps.push(Mishap { resource: None, problem });
        agent.handle.sleep(again_in).await;
    }
}

async fn look(agent: &Rc<Agent>, runner: &Runner) -> Result<(), Problem> {
    let command = Command::new(Program::VolumeManager, &["list"]);
    let text = runner.run(command.clone()).await?;
    let there = listed(&text).map_err(|line| Problem::Unreadable { command, line })?;
    // What is not called after a resource is somebody else's.
    there.keys().filter_map(|name| resource_of(name)).for_each(|key| agent.found(key));
    Ok(())
}
