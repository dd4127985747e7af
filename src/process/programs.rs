//! What the programs do: the volume manager, the configuration of the NVMe target, the event stream. Ends none.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use crate::base::Nanos;
use crate::sim::NodeHandle;

use super::life::{ExitStatus, PIPE_BYTES, Process};
use super::port::Command;
use super::records::{Program, TroubleKind};
use super::table::{LogicalVolume, Observation, Table};

/// It did not understand its arguments.
const USAGE: u8 = 2;
/// It could not do it.
const FAILED: u8 = 5;
/// A line of what a flood is made of.
const FLOOD: &[u8] = b"  WARNING: Device for PV was not found or rejected by a filter.\n";

/// The volume or resource that a program is about.
pub(super) fn about(command: &Command) -> Option<String> {
    match command.program {
        Program::EventStream => None,
        Program::VolumeManager | Program::NvmeTarget => command.args.get(1).cloned(),
    }
}

/// A program from its start to its end.
pub(super) async fn live(table: Rc<Table>, process: Rc<Process>, handle: NodeHandle) {
    let run = Run { table, process, handle };
    let status = run.whole().await;
    run.process.end(&run.table, status);
}

/// One run of a program.
struct Run {
    table: Rc<Table>,
    process: Rc<Process>,
    handle: NodeHandle,
}

impl Run {
    async fn whole(&self) -> ExitStatus {
        self.work().await;
        if let Some(code) = self.fails().await {
            return ExitStatus::Exited(code);
        }
        if self.process.program == Program::EventStream {
            return self.stream().await;
        }
        // A program that is ended halfway has done what it was to do, or not.
        let acts_first = self.is_stuck() && self.table.latencies.borrow_mut().halfway.below(2) == 0;
        let early = if acts_first { Some(self.act()) } else { None };
        if let Some(killed) = self.stand_still().await {
            return killed;
        }
        let (code, said) = early.unwrap_or_else(|| self.act());
        if let Some(bytes) = self.table.meets(&self.process, TroubleKind::Flood) {
            self.flood(bytes).await;
        }
        self.say(&said).await;
        ExitStatus::Exited(code)
    }

    /// Takes its time.
    async fn work(&self) {
        let latency = self.table.latency(self.process.program);
        let factor = self.table.meets(&self.process, TroubleKind::Slow).unwrap_or(1);
        self.handle.sleep(latency.saturating_mul(factor)).await;
    }

    /// The code that it fails with, if it does.
    async fn fails(&self) -> Option<u8> {
        let code = self.table.meets(&self.process, TroubleKind::Exit)? as u8;
        self.say(&format!("  {}: failed for no reason at all.\n", self.process.program)).await;
        Some(code)
    }

    fn is_stuck(&self) -> bool {
        self.table.stuck(&self.process).is_some()
    }

    /// Stands still for as long as something has it do so. How it was over, if a signal waited for its end.
    async fn stand_still(&self) -> Option<ExitStatus> {
        while let Some(kind) = self.table.stuck(&self.process) {
            self.table.meets(&self.process, kind);
            self.process.in_kernel.set(kind == TroubleKind::Unkillable);
            let is_over = || (self.table.stuck(&self.process) != Some(kind)).then_some(());
            self.table.changed.wait_for(is_over).await;
            if let Some(signal) = self.process.back() {
                return Some(ExitStatus::Signalled(signal));
            }
        }
        None
    }

    /// Writes a text, or as many lines of garbage.
    async fn say(&self, text: &str) {
        if !text.is_empty() && self.table.meets(&self.process, TroubleKind::Garble).is_some() {
            let garble = |byte| if byte == b'\n' { byte } else { byte ^ 0xA5 };
            let garbage: Vec<u8> = text.bytes().map(garble).collect();
            return self.process.write(&garbage).await;
        }
        self.process.write(text.as_bytes()).await;
    }

    async fn flood(&self, bytes: u64) {
        let mut left = bytes as usize;
        while left > 0 {
            let length = left.min(PIPE_BYTES);
            let mut piece = FLOOD.repeat(length.div_ceil(FLOOD.len()));
            piece.truncate(length);
            self.handle.sleep(self.table.write_latency()).await;
            self.process.write(&piece).await;
            left -= piece.len();
        }
    }

    /// Does what it is to do: its exit code, and what it has to say.
    fn act(&self) -> (u8, String) {
        let args: Vec<&str> = self.process.args.iter().map(String::as_str).collect();
        match self.process.program {
            Program::VolumeManager => self.manage(&args),
            Program::NvmeTarget => self.configure(&args),
            Program::EventStream => (USAGE, String::new()),
        }
    }

    fn manage(&self, args: &[&str]) -> (u8, String) {
        let failed = |why: String| (FAILED, format!("  {why}\n"));
        let table = &self.table;
        match *args {
            ["list"] => (0, list(&table.volumes_of(None))),
            ["list", resource] => (0, list(&table.volumes_of(Some(resource)))),
            ["create", name, size, pool] => {
                let Ok(size) = size.parse() else { return (USAGE, String::new()) };
                let volume = LogicalVolume { size, pool: pool.to_owned() };
                if table.volumes.borrow().contains_key(name) {
                    return failed(format!("Logical volume {name} already exists."));
                }
                table.volumes.borrow_mut().insert(name.to_owned(), volume);
                table.activate(&self.handle, name);
                (0, format!("  Logical volume {name} created.\n"))
            }
            ["activate", name] if table.volumes.borrow().contains_key(name) => {
                table.activate(&self.handle, name);
                (0, String::new())
            }
            ["remove", name] if table.volumes.borrow().contains_key(name) => {
                let is_open = table.device(name).is_some_and(|opened| opened.get() > 0);
                if is_open || table.exports.borrow().contains(name) {
                    return failed(format!("Logical volume {name} in use."));
                }
                table.vanish(name);
                table.volumes.borrow_mut().remove(name);
                (0, format!("  Logical volume {name} removed.\n"))
            }
            ["activate" | "remove", name] => failed(format!("Failed to find {name}.")),
            _ => (USAGE, String::new()),
        }
    }

    fn configure(&self, args: &[&str]) -> (u8, String) {
        let table = &self.table;
        match *args {
            ["export", name] if table.device(name).is_some() => {
                table.exports.borrow_mut().insert(name.to_owned());
                (0, String::new())
            }
            ["export", name] => (FAILED, format!("  {name}: no such device.\n")),
            ["unexport", name] => {
                table.exports.borrow_mut().remove(name);
                (0, String::new())
            }
            _ => (USAGE, String::new()),
        }
    }

    /// Says what is there, then what happens, and now and then that it is alive.
    async fn stream(&self) -> ExitStatus {
        let args: Vec<&str> = self.process.args.iter().map(String::as_str).collect();
        let ["follow", every] = args[..] else { return ExitStatus::Exited(USAGE) };
        let Ok(every) = every.parse().map(Nanos::new) else { return ExitStatus::Exited(USAGE) };
        let events = self.table.listen();
        for name in self.table.devices() {
            self.say(&format!("exists {name}\n")).await;
        }
        self.say("exists -\n").await;
        loop {
            let mut tick = pin!(self.handle.sleep(every));
            let next = poll_fn(|cx| {
                if self.table.is_troubled(&self.process) {
                    return Poll::Ready(None);
                }
                self.table.changed.register(cx);
                if let Poll::Ready(event) = events.poll_pop(cx) {
                    return Poll::Ready(Some(Some(event)));
                }
                tick.as_mut().poll(cx).map(|()| Some(None))
            });
            let line = match next.await {
                Some(Some(Observation::Appeared(name))) => format!("appeared {name}\n"),
                Some(Some(Observation::Gone(name))) => format!("gone {name}\n"),
                Some(None) => "alive\n".to_owned(),
                None => String::new(),
            };
            if let Some(code) = self.fails().await {
                return ExitStatus::Exited(code);
            }
            if let Some(killed) = self.stand_still().await {
                return killed;
            }
            if let Some(bytes) = self.table.meets(&self.process, TroubleKind::Flood) {
                self.flood(bytes).await;
            }
            self.say(&line).await;
        }
    }
}

fn list(volumes: &[(String, LogicalVolume)]) -> String {
    let lines = volumes.iter().map(|(name, volume)| {
        let LogicalVolume { size, pool } = volume;
        format!("{name} {size} {pool}\n")
    });
    lines.collect()
}
