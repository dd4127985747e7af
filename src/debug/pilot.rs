//! The sealed thread that a simulation under the debugger lives on, and the way to ask it things. Asks nothing.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};

use crate::scenario::Scenario;
use crate::world::Session;

type Job = Box<dyn FnOnce(&mut Session<'_>) + Send>;

/// A live simulation, standing still between two jobs.
///
/// The prompt, the parsing and the printing stay outside the seal: nothing that they do can reach the run.
pub(super) struct Pilot {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Pilot {
    /// Switches on the simulation of this scenario and seed.
    pub(super) fn launch(scenario: Arc<Scenario>, seed: u64) -> Self {
        let (jobs, todo) = channel::<Job>();
        let lead = move || {
            Session::lead(&scenario, seed, move |session| {
                while let Ok(job) = todo.recv() {
                    job(session);
                }
            });
        };
        let thread = Builder::new().name("debugged".to_owned()).spawn(lead);
        let thread = thread.expect("the host can start a thread");
        Self { jobs: Some(jobs), thread: Some(thread) }
    }

    /// Has the simulation's thread do a job, and waits for what comes of it.
    ///
    /// # Panics
    /// When the simulator itself panicked, now or before.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Session<'_>) -> T + Send + 'static,
    ) -> T {
        let (answer, answered) = channel();
        let job = Box::new(move |session: &mut Session<'_>| {
            // Nobody else can have gone away: the asker waits.
            let _ = answer.send(job(session));
        });
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        let result = sent.then(|| answered.recv().ok()).flatten();
        result.expect("the simulation's thread has panicked")
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was told by the question that met it.
            let _ = thread.join();
        }
    }
}
