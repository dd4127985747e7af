//! Listens to what happens to the machine's device files. A stream that ends, falls silent or says what nobody understands
//! is ended and started again; the next one begins with all that is there, so that nothing is missed. Acts on no device.

use std::rc::Rc;

use crate::base::control::{KernelMalfunctions, StreamLost};
use crate::base::planted;
use crate::node::probes;
use crate::process::port::{Child, Command, Program, Signal};

use super::agent::{Agent, Mishap, Stage};
use super::goal::resource_of;
use super::output::Output;
use super::problem::Problem;
use super::program::drain;

/// No line of an event stream is longer.
const LINE_MAX: usize = 4096;
/// How much is read at a time.
const PIECE: usize = 4096;
/// A stream that says nothing for so many times its sign of life is over.
const SILENT: u64 = 5;

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    /// A device file that is there.
    Exists(String),
    /// Those were all.
    Begins,
    Appeared(String),
    Gone(String),
    Alive,
}

impl Event {
    fn of(line: &str) -> Option<Self> {
        let name = |name: &str| resource_of(name).map(|_| name.to_owned());
        match line.split_once(' ') {
            Some(("exists", "-")) => Some(Self::Begins),
            Some(("exists", it)) => name(it).map(Self::Exists),
            Some(("appeared", it)) => name(it).map(Self::Appeared),
            Some(("gone", it)) => name(it).map(Self::Gone),
            None if line == "alive" => Some(Self::Alive),
            _ => None,
        }
    }
}

/// Cuts what is read into lines. Holds no more than one line, however long it would be.
#[derive(Debug, Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// What the lines say that a piece ends; the first that says nothing, or is too long, ends it all.
    fn take(&mut self, piece: &[u8]) -> Result<Vec<Event>, String> {
        let mut events = Vec::new();
        for byte in piece {
            if *byte != b'\n' {
                self.rest.push(*byte);
                if self.rest.len() > LINE_MAX {
                    return Err(self.shown());
                }
                continue;
            }
            let line = std::str::from_utf8(&self.rest).ok();
            let event = line.and_then(Event::of).ok_or_else(|| self.shown())?;
            self.rest.clear();
            events.push(event);
        }
        Ok(events)
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.rest).chars().take(40).collect()
    }
}

/// Listens for the life of the node.
pub(super) async fn run(agent: Rc<Agent>) {
    let mut restarts = 0;
    loop {
        let every = agent.timing.alive.get().to_string();
        let command = Command::new(Program::EventStream, &["follow", &every]);
        let child = agent.os.spawn(&command);
        let problem = listen(&agent, &child).await;
        lost(&agent, problem, restarts);
        if !end(&agent, &child).await {
            let pid = child.pid();
            agent.handle.emit(&KernelMalfunctions { pid });
            lost(&agent, Problem::Malfunction { command, pid }, restarts);
            // Two of them would be one too many.
            drain(&child, &mut Output::unwanted(&agent.handle)).await;
        }
        if planted!(StreamNotRestarted) {
            return;
        }
        agent.handle.sleep(agent.timing.restart).await;
        crate::sometimes!(agent.handle, true, probes::STREAM_RESTARTED);
        restarts += 1;
    }
}

/// Says that there is nothing to be heard for now.
fn lost(agent: &Agent, problem: Problem, restarts: u32) {
    let code = problem.reply(None).ret_code;
    agent.handle.emit(&StreamLost { code, restarts });
    agent.mishaps.push(Mishap { resource: None, problem });
}

/// Takes in what the stream says, until there is nothing more to be had of it: why.
async fn listen(agent: &Agent, child: &Child) -> Problem {
    let (mut lines, mut there) = (Lines::default(), Vec::new());
    let waited = agent.timing.alive.saturating_mul(SILENT);
    let mut heard = agent.handle.monotonic();
    loop {
        // What ends no line says nothing.
        let left = (heard + waited).saturating_sub(agent.handle.monotonic());
        let Ok(piece) = agent.handle.timeout(left, child.read(PIECE)).await else {
            return Problem::StreamSilent { waited };
        };
        let Some(piece) = piece else {
            return Problem::StreamEnded { status: child.wait().await };
        };
        let events = match lines.take(&piece) {
            Ok(events) => events,
            Err(line) => return Problem::StreamGarbled { line },
        };
        for event in events {
            heard = agent.handle.monotonic();
            match event {
                Event::Exists(name) => there.push(name),
                Event::Begins => begins(agent, &std::mem::take(&mut there)),
                Event::Appeared(name) => appeared(agent, &name),
                Event::Gone(name) => gone(agent, &name),
                Event::Alive => {}
            }
        }
    }
}

/// These are the device files that are there: whatever else was taken to be is not.
fn begins(agent: &Agent, there: &[String]) {
    agent.for_all(|resource| {
        let goal = resource.goal();
        let misses = goal.keys().any(|name| !there.contains(name));
        if misses && resource.standing().stage == Stage::Deployed {
            crate::sometimes!(agent.handle, true, probes::DEVICE_MISSED);
            resource.disturb();
        }
    });
}

/// A device file is there: a resource that waits for it, or failed for want of it, need not wait any longer.
fn appeared(agent: &Agent, name: &str) {
    let resource = resource_of(name).and_then(|key| agent.resource(key));
    let Some(resource) = resource else { return };
    match resource.standing().stage {
        Stage::Failed => resource.disturb(),
        _ => resource.wake.notify(),
    }
}

/// A device file is gone: a resource that is to have it is looked at again.
fn gone(agent: &Agent, name: &str) {
    let resource = resource_of(name).and_then(|key| agent.resource(key));
    if let Some(resource) = resource
        && resource.wants(name)
    {
        resource.disturb();
    }
}

/// Sees to it that a stream is over. Whether it is: a kernel may not end it.
async fn end(agent: &Agent, child: &Child) -> bool {
    let steps = [(Signal::Term, agent.timing.terminate), (Signal::Kill, agent.timing.kill)];
    for (signal, patience) in steps {
        if child.try_wait().is_some() {
            return true;
        }
        child.signal(signal);
        let mut output = Output::unwanted(&agent.handle);
        if agent.handle.timeout(patience, drain(child, &mut output)).await.is_ok() {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{Event, LINE_MAX, Lines};

    fn named(name: &str) -> String {
        name.to_owned()
    }

    #[test]
    fn lines_are_put_together_of_pieces() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"exists A_000"), Ok(Vec::new()));
        let events = vec![Event::Exists(named("A_00000")), Event::Begins];
        assert_eq!(lines.take(b"00\nexists -\nali"), Ok(events));
        let events = vec![Event::Alive, Event::Gone(named("B_00001"))];
        assert_eq!(lines.take(b"ve\ngone B_00001\n"), Ok(events));
    }

    #[test]
    fn what_says_nothing_is_no_line() {
        for text in ["alive A_00000\n", "gone\n", "gone root\n", "\n", "\u{1}\n"] {
            assert!(Lines::default().take(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(Lines::default().take(&[0xFF, b'\n']).is_err());
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut lines = Lines::default();
        assert!(lines.take(&vec![b'x'; LINE_MAX]).is_ok());
        assert_eq!(lines.take(b"x").map_err(|line| line.len()), Err(40));
        assert!(lines.rest.len() <= LINE_MAX + 1);
    }
}
