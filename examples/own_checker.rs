//! A program and a rule of one's own in the glass: kernel and disk alone, no reference cluster.
//! The rule: a transaction's data reaches the medium after its journal entry, never before.

use std::cell::RefCell;
use std::rc::Rc;

use stormglass::base::{DiskId, Names, Payload, Record, history::MediaWritten};
use stormglass::check::{Check, Checker, Checkers, History, Violation};
use stormglass::disk::{Command, DiskConfig, Drive, Namespace, Op};
use stormglass::sim::{Kernel, KernelConfig, NodeConfig, NodeHandle, Seed, Turn, sealed};

/// Blocks below this one are the journal. A command's tag is its transaction.
const DATA: u64 = 1000;

#[derive(Default)]
struct JournalFirst {
    journaled: u64,
    found: Vec<Violation>,
}

impl Checker for JournalFirst {
    fn observe(&mut self, record: &Record, _history: &History) {
        let Some(MediaWritten { disk, lba, tag, .. }) = record.get() else { return };
        if lba < DATA {
            self.journaled = tag;
        } else if self.journaled < tag {
            self.found.push(Violation {
                check: Check::Own,
                kind: "data-before-journal",
                component: disk.to_string(),
                volume: None,
                disk: Some(disk),
                block: Some(lba),
                ops: Vec::new(),
                at: record.at,
                found: format!("data of transaction {tag}"),
                expected: "its journal entry on the medium first".to_owned(),
                detail: Vec::new(),
                recent: vec![*record],
            });
        }
    }
    fn take_violations(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.found)
    }
}

/// Twenty transactions, each an entry and its data. It should wait for the entry, and doesn't.
async fn store(host: NodeHandle, drive: Drive) {
    let queue = drive.open(host.node());
    for tag in 1..=20 {
        for lba in [tag, DATA + tag] {
            let op = Op::Write { lba, data: Payload::zeroes(1), fua: true };
            queue.submit(Command { cookie: lba, tag, op }).expect("the queue has room for two");
        }
        queue.completion().await;
        queue.completion().await;
    }
}

fn main() {
    let report = sealed(7, || {
        let kernel = Kernel::new(Seed::new(7), &KernelConfig::default());
        let disk = Namespace::new(&kernel, DiskId::new(0), DiskConfig::default());
        let checkers = Rc::new(RefCell::new(Checkers::default()));
        checkers.borrow_mut().add(Box::new(JournalFirst::default()));
        let observer = checkers.clone();
        kernel.observe(Box::new(move |record| observer.borrow_mut().observe(record)));
        let node = kernel.add_node("n0", &NodeConfig::default());
        kernel.on_boot(node, move |host| {
            host.spawn("store", store(host.clone(), disk.drive()));
        });
        kernel.boot(node);
        while kernel.turn() == Turn::Ran {}
        kernel.dismantle();
        let found = checkers.borrow_mut().take_violations();
        found[0].report(&Names::default())
    });
    print!("{report}");
}
