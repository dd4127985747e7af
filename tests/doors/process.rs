//! What a machine's programs and device files do, and what each fault does to them: the simulator alone, through both doors.

use std::cell::RefCell;
use std::rc::Rc;

use stormglass::base::{Nanos, NodeId};
use stormglass::process::ProcessConfig;
use stormglass::process::control::{Aim, Machine};
use stormglass::process::port::{Child, Command, ExitStatus, Os, Program, Signal};
use stormglass::sim::{Kernel, KernelConfig, NodeConfig, NodeHandle, Seed, Turn};

const PIPE: usize = 64 << 10;

/// A node with a machine.
struct Lab {
    kernel: Kernel,
    node: NodeId,
    machine: Machine,
    handle: NodeHandle,
    os: Os,
}

fn lab() -> Lab {
    let kernel = Kernel::new(Seed::new(3), &KernelConfig::default());
    let node = kernel.add_node("t0", &NodeConfig::default());
    let machine = Machine::new(&kernel, node, ProcessConfig::default());
    kernel.boot(node);
    let handle = kernel.handle(node);
    let os = machine.host().boot(&handle);
    Lab { kernel, node, machine, handle, os }
}

/// How a program ended, and what it wrote.
type Ended = Option<(ExitStatus, Vec<u8>)>;

impl Lab {
    /// Lets time pass.
    fn pass(&self, millis: u64) {
        let until = self.kernel.now() + Nanos::from_millis(millis);
        let handle = self.handle.clone();
        self.handle.spawn("clock", async move { handle.sleep_until(until).await });
        while self.kernel.now() < until && self.kernel.turn() == Turn::Ran {}
    }

    /// Starts a program, and somebody who reads it to its end.
    fn start(&self, program: Program, args: &[&str]) -> (Rc<Child>, Rc<RefCell<Ended>>) {
        let child = Rc::new(self.os.spawn(&Command::new(program, args)));
        let (ended, reader) = (Rc::new(RefCell::new(None)), child.clone());
        let told = ended.clone();
        self.handle.spawn("reader", async move {
            let mut text = Vec::new();
            while let Some(piece) = reader.read(1 << 12).await {
                text.extend(piece);
            }
            *told.borrow_mut() = Some((reader.wait().await, text));
        });
        (child, ended)
    }

    /// Runs a program for up to a tenth of a second.
    fn run(&self, program: Program, args: &[&str]) -> Ended {
        let (_child, ended) = self.start(program, args);
        self.pass(100);
        ended.take()
    }

    fn manage(&self, args: &[&str]) -> Ended {
        self.run(Program::VolumeManager, args)
    }

    fn create(&self, name: &str) {
        let ended = self.manage(&["create", name, "68", "disk0"]).expect("it ends");
        assert!(ended.0.is_success(), "{ended:?}");
    }
}

fn code(ended: Ended) -> u8 {
    ended.expect("it ended").0.code()
}

fn text(ended: Ended) -> String {
    String::from_utf8(ended.expect("it ended").1).expect("it is text")
}

#[test]
fn volumes_are_made_listed_exported_and_done_away_with() {
    let lab = lab();
    lab.create("A_00000");
    lab.create("A_00001");
    assert_eq!(lab.machine.devices(), ["A_00000", "A_00001"]);
    assert_eq!(code(lab.manage(&["create", "A_00000", "68", "disk0"])), 5, "it is there");
    assert_eq!(text(lab.manage(&["list"])), "A_00000 68 disk0\nA_00001 68 disk0\n");
    assert_eq!(text(lab.manage(&["list", "B"])), "");
    assert_eq!(code(lab.run(Program::NvmeTarget, &["export", "A_00000"])), 0);
    assert_eq!(code(lab.run(Program::NvmeTarget, &["export", "B_00000"])), 5, "no such device");
    assert_eq!(lab.machine.exports().len(), 1);
    assert_eq!(code(lab.manage(&["remove", "A_00000"])), 5, "it is in use");
    assert_eq!(code(lab.run(Program::NvmeTarget, &["unexport", "A_00000"])), 0);
    assert_eq!(code(lab.manage(&["remove", "A_00000"])), 0);
    assert_eq!(lab.machine.devices(), ["A_00001"]);
    assert_eq!(code(lab.manage(&["what"])), 2, "it does not understand that");
    assert_eq!(lab.machine.processes(), [], "everybody was waited for");
}

#[test]
fn volumes_outlive_a_reboot_and_device_files_come_back() {
    let lab = lab();
    lab.create("A_00000");
    assert_eq!(code(lab.run(Program::NvmeTarget, &["export", "A_00000"])), 0);
    let (_child, _ended) = lab.start(Program::EventStream, &["follow", "1000000"]);
    lab.kernel.kill(lab.node);
    assert!(lab.machine.devices().is_empty() && lab.machine.exports().is_empty());
    assert_eq!(lab.machine.processes(), []);
    assert_eq!(lab.machine.volumes().len(), 1);
    lab.kernel.boot(lab.node);
    let _os = lab.machine.host().boot(&lab.kernel.handle(lab.node));
    let until = lab.kernel.now() + Nanos::from_millis(20);
    while lab.kernel.now() < until && lab.kernel.turn() == Turn::Ran {}
    assert_eq!(lab.machine.devices(), ["A_00000"]);
    lab.machine.wipe();
    assert!(lab.machine.volumes().is_empty());
}

#[test]
fn a_program_that_hangs_goes_on_when_it_may_or_ends_when_it_is_told_to() {
    let lab = lab();
    let fault = lab.machine.hang(Aim::resource("a"));
    let (_first, ended) = lab.start(Program::VolumeManager, &["create", "A_00000", "68", "disk0"]);
    lab.create("B_00000");
    assert_eq!(*ended.borrow(), None);
    assert!(lab.machine.met(fault) > 0);
    lab.machine.lift(fault);
    lab.pass(1);
    assert_eq!(code(ended.take()), 0);
    let _again = lab.machine.hang(Aim::program(Program::VolumeManager));
    let (second, ended) = lab.start(Program::VolumeManager, &["list"]);
    lab.pass(100);
    assert!(second.signal(Signal::Term));
    lab.pass(1);
    assert_eq!(code(ended.take()), 128 + 15);
    assert!(second.is_reaped() && !second.signal(Signal::Kill), "there is nobody to tell");
}

#[test]
fn who_ignores_sigterm_is_killed_and_who_hangs_in_the_kernel_is_not() {
    let lab = lab();
    let fault = lab.machine.ignore_term(Aim::any());
    let (child, ended) = lab.start(Program::VolumeManager, &["list"]);
    lab.pass(100);
    assert!(child.signal(Signal::Term));
    lab.pass(100);
    assert_eq!(*ended.borrow(), None);
    child.signal(Signal::Kill);
    lab.pass(1);
    assert_eq!(code(ended.take()), 128 + 9);
    lab.machine.lift(fault);
    let fault = lab.machine.unkillable(Aim::any());
    let (child, ended) = lab.start(Program::VolumeManager, &["list"]);
    lab.pass(100);
    child.signal(Signal::Term);
    child.signal(Signal::Kill);
    lab.pass(10_000);
    assert_eq!(*ended.borrow(), None);
    assert!(!child.is_reaped());
    lab.machine.lift(fault);
    lab.pass(1);
    assert_eq!(code(ended.take()), 128 + 9, "the signal had waited");
}

#[test]
fn a_flood_fills_the_pipe_and_waits_for_its_reader() {
    let lab = lab();
    let fault = lab.machine.flood(Aim::any(), 5 << 20);
    let nobody_reads = lab.os.spawn(&Command::new(Program::VolumeManager, &["list"]));
    lab.pass(1000);
    assert_eq!(nobody_reads.try_wait(), None, "it stands still with a full pipe");
    let (_child, ended) = lab.start(Program::VolumeManager, &["list"]);
    lab.pass(1000);
    let (status, written) = ended.take().expect("somebody reads it");
    assert_eq!((status.code(), written.len()), (0, 5 << 20));
    assert!(written.len() > PIPE);
    lab.machine.lift(fault);
    assert_eq!(text(lab.manage(&["list"])), "");
}

#[test]
fn garbage_is_no_text_and_ends_with_the_fault() {
    let lab = lab();
    lab.create("A_00000");
    let fault = lab.machine.garble(Aim::program(Program::VolumeManager));
    let (_, written) = lab.manage(&["list"]).expect("it ends");
    assert_eq!(String::from_utf8(written).ok(), None);
    lab.machine.lift(fault);
    assert_eq!(text(lab.manage(&["list"])), "A_00000 68 disk0\n");
}

#[test]
fn a_program_that_fails_has_done_nothing_and_a_slow_one_does_it_later() {
    let lab = lab();
    let fault = lab.machine.exit(Aim::resource("A"), 7);
    assert_eq!(code(lab.manage(&["create", "A_00000", "68", "disk0"])), 7);
    assert!(lab.machine.volumes().is_empty());
    lab.machine.lift(fault);
    let fault = lab.machine.slow(Aim::any(), 100);
    let (_child, ended) = lab.start(Program::VolumeManager, &["create", "A_00000", "68", "disk0"]);
    lab.pass(100);
    assert_eq!(*ended.borrow(), None);
    lab.pass(1500);
    assert_eq!(code(ended.take()), 0);
    assert!(lab.machine.lift(fault) && !lab.machine.lift(fault), "once");
    assert_eq!(lab.machine.faults(), 0);
}

#[test]
fn a_device_file_that_is_kept_from_appearing_does_when_it_may() {
    let lab = lab();
    let fault = lab.machine.device_never_appears(Aim::resource("A"));
    lab.create("A_00000");
    lab.create("B_00000");
    assert_eq!(lab.machine.devices(), ["B_00000"]);
    lab.machine.lift(fault);
    lab.pass(20);
    assert_eq!(lab.machine.devices(), ["A_00000", "B_00000"]);
}

#[test]
fn a_device_file_that_vanished_comes_back_when_its_volume_is_activated() {
    let lab = lab();
    lab.create("A_00000");
    assert_eq!(code(lab.run(Program::NvmeTarget, &["export", "A_00000"])), 0);
    let fault = lab.machine.device_disappears(Aim::any());
    assert!(lab.machine.devices().is_empty() && lab.machine.exports().is_empty());
    assert_eq!(lab.machine.met(fault), 1);
    assert_eq!(code(lab.manage(&["activate", "A_00000"])), 0);
    assert!(lab.machine.devices().is_empty(), "not yet");
    lab.machine.heal();
    lab.pass(100);
    assert!(lab.machine.devices().is_empty(), "not by itself");
    assert_eq!(code(lab.manage(&["activate", "A_00000"])), 0);
    assert_eq!(lab.machine.devices(), ["A_00000"]);
    assert!(lab.machine.remove_device("A_00000") && !lab.machine.remove_device("A_00000"));
}

#[test]
fn whoever_opens_a_device_waits_while_opening_blocks() {
    let lab = lab();
    lab.create("A_00000");
    let open = |name: &'static str| {
        let (os, opened) = (lab.os.clone(), Rc::new(RefCell::new(None)));
        let told = opened.clone();
        lab.handle.spawn("opener", async move {
            let device = os.open(name).await;
            *told.borrow_mut() = Some(device.map(|device| device.size()));
        });
        opened
    };
    let opened = open("A_00000");
    lab.pass(1);
    assert_eq!(opened.take(), Some(Ok(68)));
    let absent = open("B_00000");
    lab.pass(1);
    assert!(absent.take().expect("it is known at once").is_err());
    let fault = lab.machine.open_blocks(Aim::resource("A"));
    let opened = open("A_00000");
    lab.pass(10_000);
    assert_eq!(*opened.borrow(), None);
    lab.machine.lift(fault);
    lab.pass(1);
    assert_eq!(opened.take(), Some(Ok(68)));
}

#[test]
fn an_event_stream_tells_what_is_there_and_what_happens() {
    let lab = lab();
    lab.create("A_00000");
    let (child, ended) = lab.start(Program::EventStream, &["follow", "30000000"]);
    lab.pass(40);
    lab.machine.remove_device("A_00000");
    lab.create("B_00000");
    child.signal(Signal::Term);
    lab.pass(1);
    let (status, written) = ended.take().expect("it was told to end");
    assert_eq!(status, ExitStatus::Signalled(Signal::Term));
    let written = String::from_utf8(written).expect("it is text");
    let lines: Vec<&str> = written.lines().filter(|line| *line != "alive").collect();
    assert_eq!(lines, ["exists A_00000", "exists -", "gone A_00000", "appeared B_00000"]);
    assert!(written.contains("alive"));
}

#[test]
fn a_machine_is_the_same_twice() {
    let digest = || {
        let lab = lab();
        lab.create("A_00000");
        let _hang = lab.machine.hang(Aim::resource("B"));
        let _out = lab.manage(&["create", "B_00000", "68", "disk0"]);
        lab.machine.heal();
        lab.pass(50);
        lab.kernel.digest()
    };
    assert_eq!(digest(), digest());
}
