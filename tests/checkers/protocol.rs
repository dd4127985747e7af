//! The monitor of the protocol: each rule broken in a story of its own, and look-alikes that break none.

use stormglass::base::history::{
    FenceRaised, MediaWritten, NodeDown, OpKind, OpResult, OpReturned,
};
use stormglass::base::protocol::{
    Agreed, LegLoaded, LegMode, LegMoved, LegReported, MarkChanged, OwnerGranted,
    RegistrationStarted, TopologyDecided, TopologyFound, TopologyGrantable, TopologyPersisted,
};
use stormglass::base::{DiskId, Epoch, LegIndex, NodeId, OpId};
use stormglass::check::{Check, Places, Rule};

use crate::story::{Story, VOL0};

const CLIENT: u32 = 0;
const OTHER_CLIENT: u32 = 5;
const MANAGER: u32 = 9;
/// The target of leg `n` is node `TARGETS + n`, its disk is disk `n`.
const TARGETS: u32 = 1;
/// Data begin here on each disk, and are followed by a journal.
const FIRST: u64 = 100;
const DATA: u64 = 1024;
const JOURNAL: u64 = 8;
const DEPTH: u32 = 32;

/// Modes of two legs, two bits each.
const IN_SYNC: u64 = 0;
const LEG1_REBUILT: u64 = 0b01_00;
const LEG1_DEAD: u64 = 0b10_00;
const BOTH_DEAD: u64 = 0b10_10;

/// Two copies.
struct Mirror;

impl Places for Mirror {
    fn place(&self, block: u64) -> (u16, u64) {
        (0b11, block)
    }
    fn groups(&self) -> Vec<(u16, u32)> {
        vec![(0b11, 1)]
    }
}

trait Telling {
    fn opening() -> Self;
    fn decide(&mut self, epoch: u64, modes: u64, owner: u32);
    fn persist(&mut self, epoch: u64);
    fn start_registration(&mut self, leg: u8, epoch: u64);
    fn register(&mut self, leg: u8, epoch: u64);
    fn allow(&mut self, epoch: u64);
    fn grant(&mut self, epoch: u64, modes: u64, owner: u32);
    /// A whole step: decided, persisted, registered by those that are not dead, granted.
    fn step(&mut self, epoch: u64, modes: u64, owner: u32);
    fn find(&mut self, epoch: u64, modes: u64, owner: u32, grantable: bool);
    fn find_as_another(&mut self, epoch: u64, modes: u64, owner: u32);
    fn load(&mut self, leg: u8);
    fn set_mark(&mut self, leg: u8, region: u32, marked: bool);
    fn land(&mut self, leg: u8, at: u64, blocks: u32, epoch: u64);
    fn target_dies(&mut self, leg: u8);
    fn report_rebuilt(&mut self, leg: u8, epoch: u64);
    fn read_leg(&mut self, leg: u8, at: u64, reader: u32);
    fn return_on(&mut self, node: u32, op: u64, kind: OpKind);
    fn agree(&mut self, manager: u32, index: u64, hash: u64);
    /// Leg 1 is given up under an epoch and goes to disk 2 under the next one.
    fn move_leg_1(&mut self, epoch: u64);
    /// There it registers an epoch.
    fn register_leg_1_elsewhere(&mut self, epoch: u64);
}

impl Telling for Story {
    fn opening() -> Self {
        let mut story = Self::held_to(&[Check::Protocol]);
        story.checkers.expect_places(VOL0, Box::new(Mirror));
        story.load(0);
        story.load(1);
        story.step(2, IN_SYNC, CLIENT);
        for leg in 0..2 {
            story.set_mark(leg, 0, true);
        }
        story
    }

    fn decide(&mut self, epoch: u64, modes: u64, owner: u32) {
        let (epoch, owner) = (Epoch::new(epoch), NodeId::new(owner));
        self.record_on(MANAGER, TopologyDecided { volume: VOL0, epoch, modes, owner });
    }

    fn agree(&mut self, manager: u32, index: u64, hash: u64) {
        self.record_on(manager, Agreed { index, hash });
    }
    fn persist(&mut self, epoch: u64) {
        self.record_on(MANAGER, TopologyPersisted { volume: VOL0, epoch: Epoch::new(epoch) });
    }

    fn start_registration(&mut self, leg: u8, epoch: u64) {
        let (node, disk) = (TARGETS + u32::from(leg), DiskId::new(u32::from(leg)));
        let (leg, epoch) = (LegIndex::new(leg), Epoch::new(epoch));
        self.record_on(node, RegistrationStarted { volume: VOL0, leg, epoch, disk });
    }

    fn register(&mut self, leg: u8, epoch: u64) {
        let raised = FenceRaised {
            disk: DiskId::new(u32::from(leg)),
            volume: VOL0,
            leg: LegIndex::new(leg),
            first: FIRST,
            blocks: DATA + JOURNAL,
            epoch: Epoch::new(epoch),
        };
        self.record_on(TARGETS + u32::from(leg), raised);
    }

    fn allow(&mut self, epoch: u64) {
        self.record_on(MANAGER, TopologyGrantable { volume: VOL0, epoch: Epoch::new(epoch) });
    }

    fn grant(&mut self, epoch: u64, modes: u64, owner: u32) {
        self.record_on(owner, OwnerGranted { volume: VOL0, epoch: Epoch::new(epoch), modes });
    }

    fn step(&mut self, epoch: u64, modes: u64, owner: u32) {
        self.decide(epoch, modes, owner);
        self.persist(epoch);
        for leg in 0..2 {
            if LegMode::of(modes, LegIndex::new(leg)) != LegMode::Dead {
                self.start_registration(leg, epoch);
                self.register(leg, epoch);
            }
        }
        self.allow(epoch);
        self.grant(epoch, modes, owner);
    }

    fn find(&mut self, epoch: u64, modes: u64, owner: u32, grantable: bool) {
        let (epoch, owner) = (Epoch::new(epoch), NodeId::new(owner));
        let found = TopologyFound { volume: VOL0, epoch, modes, owner, grantable };
        self.record_on(MANAGER, found);
    }

    fn find_as_another(&mut self, epoch: u64, modes: u64, owner: u32) {
        let (epoch, owner, grantable) = (Epoch::new(epoch), NodeId::new(owner), false);
        let found = TopologyFound { volume: VOL0, epoch, modes, owner, grantable };
        self.record_on(MANAGER + 1, found);
    }

    fn move_leg_1(&mut self, epoch: u64) {
        self.decide(epoch, LEG1_DEAD, CLIENT);
        self.persist(epoch);
        self.decide(epoch + 1, LEG1_REBUILT, CLIENT);
        self.persist(epoch + 1);
        let (leg, disk) = (LegIndex::new(1), DiskId::new(2));
        self.record_on(MANAGER, LegMoved { volume: VOL0, leg, disk });
    }

    fn register_leg_1_elsewhere(&mut self, epoch: u64) {
        let (disk, leg, spare) = (DiskId::new(2), LegIndex::new(1), TARGETS + 2);
        let (first, blocks, depth) = (FIRST, DATA, DEPTH);
        self.record_on(spare, LegLoaded { disk, volume: VOL0, leg, first, blocks, depth });
        let (blocks, epoch) = (DATA + JOURNAL, Epoch::new(epoch));
        self.record_on(spare, FenceRaised { disk, volume: VOL0, leg, first, blocks, epoch });
    }

    fn load(&mut self, leg: u8) {
        let loaded = LegLoaded {
            disk: DiskId::new(u32::from(leg)),
            volume: VOL0,
            leg: LegIndex::new(leg),
            first: FIRST,
            blocks: DATA,
            depth: DEPTH,
        };
        self.record_on(TARGETS + u32::from(leg), loaded);
    }

    fn set_mark(&mut self, leg: u8, region: u32, marked: bool) {
        let (node, disk) = (TARGETS + u32::from(leg), DiskId::new(u32::from(leg)));
        let leg = LegIndex::new(leg);
        self.record_on(node, MarkChanged { disk, volume: VOL0, leg, region, marked });
    }

    fn land(&mut self, leg: u8, at: u64, blocks: u32, epoch: u64) {
        self.media_written(u32::from(leg), FIRST + at, blocks, epoch);
    }

    fn target_dies(&mut self, leg: u8) {
        let node = NodeId::new(TARGETS + u32::from(leg));
        self.record_on(node.get(), NodeDown { node, incarnation: 1, tasks: 3 });
    }

    fn report_rebuilt(&mut self, leg: u8, epoch: u64) {
        let (leg, epoch, mode) = (LegIndex::new(leg), Epoch::new(epoch), LegMode::ReadWrite);
        self.record(LegReported { volume: VOL0, leg, epoch, mode });
    }

    fn read_leg(&mut self, leg: u8, at: u64, reader: u32) {
        // Which record tells of the command is nothing to the checkers.
        let (disk, reader) = (DiskId::new(u32::from(leg)), NodeId::new(reader));
        let record = self.make(reader.get(), NodeDown { node: reader, incarnation: 0, tasks: 0 });
        self.checkers.leg_read(&record, (disk, FIRST + at), reader);
    }

    fn return_on(&mut self, node: u32, op: u64, kind: OpKind) {
        let (op, result) = (OpId::new(op), OpResult::Ok);
        self.record_on(node, OpReturned { op, volume: VOL0, kind, result });
    }
}

/// What a story goes on with.
type Part = fn(&mut Story);

/// How each rule is broken; the story begins with a volume whose owner was granted epoch 2.
const BROKEN: &[(Rule, Part)] = &[
    (Rule::EpochGrows, |story| story.decide(2, IN_SYNC, CLIENT)),
    (Rule::EpochGrows, |story| {
        // Not what the other one found.
        story.find_as_another(3, LEG1_DEAD, CLIENT);
        story.decide(3, IN_SYNC, CLIENT);
    }),
    (Rule::EpochGrows, |story| {
        // Told late, and once more.
        story.find_as_another(3, LEG1_DEAD, CLIENT);
        story.decide(3, LEG1_DEAD, CLIENT);
        story.decide(3, LEG1_DEAD, CLIENT);
    }),
    (Rule::EpochGrows, |story| {
        // The records went back, and a disk knows what was in them.
        story.decide(3, IN_SYNC, CLIENT);
        story.persist(3);
        story.register(0, 3);
        story.checkers.records_went_back();
        story.decide(3, IN_SYNC, CLIENT);
    }),
    (Rule::PersistedFirst, |story| {
        story.decide(3, IN_SYNC, CLIENT);
        story.start_registration(0, 3);
        story.persist(3);
    }),
    (Rule::RecordedFirst, |story| {
        story.decide(3, IN_SYNC, CLIENT);
        story.persist(3);
        story.register(0, 3);
        story.register(1, 3);
        story.grant(3, IN_SYNC, CLIENT);
        story.allow(3);
    }),
    (Rule::OneOwner, |story| {
        story.step(3, IN_SYNC, OTHER_CLIENT);
        story.grant(3, IN_SYNC, CLIENT);
    }),
    (Rule::OneConfiguration, |story| {
        story.step(3, LEG1_DEAD, CLIENT);
        story.register(1, 3);
        story.grant(3, IN_SYNC, CLIENT);
    }),
    (Rule::GrantsGrow, |story| {
        story.step(3, IN_SYNC, CLIENT);
        story.grant(2, IN_SYNC, CLIENT);
    }),
    (Rule::RegisteredFirst, |story| {
        story.decide(3, IN_SYNC, CLIENT);
        story.persist(3);
        story.register(0, 3);
        story.allow(3);
        story.grant(3, IN_SYNC, CLIENT);
    }),
    (Rule::RegistrationsGrow, |story| {
        story.step(3, IN_SYNC, CLIENT);
        story.register(0, 2);
    }),
    (Rule::RegisteredWrite, |story| {
        story.target_dies(0);
        story.land(0, 7, 1, 2);
    }),
    (Rule::GrantedWrite, |story| {
        story.decide(3, IN_SYNC, CLIENT);
        story.persist(3);
        story.register(0, 3);
        story.register(1, 3);
        story.land(0, 7, 1, 3);
    }),
    (Rule::MarkedWrite, |story| {
        // From a marked region into the next one.
        story.land(0, 31, 2, 2);
    }),
    (Rule::RegisteredFirst, |story| {
        // It has registered on the disk that it was on.
        story.decide(3, IN_SYNC, CLIENT);
        story.persist(3);
        story.register(0, 3);
        story.register(1, 3);
        let (leg, disk) = (LegIndex::new(1), DiskId::new(2));
        story.record_on(MANAGER, LegMoved { volume: VOL0, leg, disk });
        story.allow(3);
        story.grant(3, IN_SYNC, CLIENT);
    }),
    (Rule::WrittenEverywhere, |story| {
        story.land(1, 7, 1, 2);
        story.invoke_write(1, 7, 1);
        story.land(0, 7, 1, 2);
        story.returned(1, OpResult::Ok);
    }),
    (Rule::WrittenEverywhere, |story| {
        // Neither where the leg was nor where it came.
        story.invoke_write(1, 7, 1);
        story.land(0, 7, 1, 2);
        story.move_leg_1(3);
        story.returned(1, OpResult::Ok);
    }),
    (Rule::WrittenEverywhere, |story| {
        // The owner knows that the leg moved, and that its old disk has the block says nothing any more.
        story.invoke_write(1, 7, 1);
        story.land(0, 7, 1, 2);
        story.land(1, 7, 1, 2);
        story.move_leg_1(3);
        story.register(0, 4);
        story.allow(4);
        story.register_leg_1_elsewhere(4);
        story.grant(4, LEG1_REBUILT, CLIENT);
        story.invoke_write(2, 7, 1);
        story.land(0, 7, 1, 4);
        story.returned(2, OpResult::Ok);
    }),
    (Rule::ClearedInSync, |story| {
        story.step(3, LEG1_DEAD, CLIENT);
        story.step(4, LEG1_REBUILT, CLIENT);
        story.set_mark(0, 0, false);
    }),
    (Rule::RebuiltFirst, |story| {
        story.step(3, LEG1_DEAD, CLIENT);
        story.step(4, LEG1_REBUILT, CLIENT);
        story.report_rebuilt(1, 3);
        story.decide(5, IN_SYNC, CLIENT);
    }),
    (Rule::ReadInSync, |story| {
        story.step(3, LEG1_DEAD, CLIENT);
        story.step(4, LEG1_REBUILT, CLIENT);
        assert!(story.checkers.want_reads());
        story.read_leg(1, 7, CLIENT);
    }),
    (Rule::ReadByOwner, |story| {
        story.invoke_read(1, 7, 1);
        story.step(3, IN_SYNC, OTHER_CLIENT);
        story.return_on(CLIENT, 1, OpKind::Read);
    }),
    (Rule::LastLegStays, |story| story.decide(3, BOTH_DEAD, CLIENT)),
    (Rule::OneLog, |story| {
        story.agree(MANAGER, 1, 71);
        story.agree(MANAGER, 2, 72);
        story.agree(MANAGER + 1, 1, 71);
        story.agree(MANAGER + 1, 2, 73);
    }),
];

#[test]
fn each_rule_is_reported_where_it_is_broken() {
    for (rule, break_it) in BROKEN {
        let mut story = Story::opening();
        assert_eq!(story.found(), Vec::<String>::new(), "{rule}: before");
        break_it(&mut story);
        assert_eq!(story.found(), [format!("protocol/{rule}")]);
        let violation = &story.checkers.violations()[0];
        assert_eq!(violation.expected, rule.text());
    }
}

#[test]
fn every_rule_has_a_story() {
    let is_told = |rule: &Rule| BROKEN.iter().any(|(told, _)| told == rule);
    let untold: Vec<&Rule> = Rule::ALL.iter().filter(|rule| !is_told(rule)).collect();
    assert_eq!(untold, Vec::<&Rule>::new());
}

/// What looks like a breach and is none.
const KEPT: &[(&str, Part)] = &[
    ("a manager that dies before it has persisted an epoch decides on it once more", |story| {
        story.decide(3, IN_SYNC, OTHER_CLIENT);
        story.find(2, IN_SYNC, CLIENT, true);
        story.step(3, LEG1_DEAD, CLIENT);
    }),
    ("a manager finds an epoch in the database that nobody said was persisted", |story| {
        story.decide(3, LEG1_DEAD, CLIENT);
        story.find(3, LEG1_DEAD, CLIENT, true);
        story.start_registration(0, 3);
        story.register(0, 3);
        story.grant(3, LEG1_DEAD, CLIENT);
    }),
    ("a leader hears after the next one that its decision stands", |story| {
        story.find_as_another(3, LEG1_DEAD, CLIENT);
        story.start_registration(0, 3);
        story.decide(3, LEG1_DEAD, CLIENT);
        story.persist(3);
        story.register(0, 3);
        story.allow(3);
        story.grant(3, LEG1_DEAD, CLIENT);
    }),
    ("a grant arrives when the legs have registered the next epoch", |story| {
        story.decide(3, IN_SYNC, CLIENT);
        story.persist(3);
        story.register(0, 3);
        story.register(1, 3);
        story.allow(3);
        story.decide(4, IN_SYNC, CLIENT);
        story.persist(4);
        story.register(0, 4);
        story.grant(3, IN_SYNC, CLIENT);
    }),
    ("an epoch is granted again to an owner that asks", |story| {
        story.grant(2, IN_SYNC, CLIENT);
    }),
    ("a command of the old epoch lands before the new one is acknowledged", |story| {
        story.decide(3, IN_SYNC, CLIENT);
        story.persist(3);
        story.start_registration(0, 3);
        story.land(0, 7, 1, 2);
    }),
    ("a target dies, and the command that it had half done with it", |story| {
        story.target_dies(0);
        let (disk, lba) = (DiskId::new(0), FIRST + 7);
        story.record_at_once(MediaWritten { disk, lba, blocks: 1, tag: 2 });
    }),
    ("another target dies", |story| {
        story.target_dies(1);
        story.land(0, 7, 1, 2);
    }),
    (
        "a target writes its own metadata, and a client the journal, where nothing is marked",
        |story| {
            story.land(0, 40, 1, u64::MAX);
            story.land(0, DATA, 4, 2);
            story.land(0, DATA + 2000, 1, 77);
        },
    ),
    ("a mark is cleared while all legs are in sync, and set again before the write", |story| {
        story.set_mark(0, 0, false);
        story.set_mark(0, 0, true);
        story.land(0, 7, 1, 2);
    }),
    ("a leg that was given up hears of a clearing that was meant for the epoch before", |story| {
        story.step(3, LEG1_DEAD, CLIENT);
        story.set_mark(1, 0, false);
    }),
    ("a write is acknowledged without a leg that is dead by then", |story| {
        story.invoke_write(1, 7, 1);
        story.land(0, 7, 1, 2);
        story.step(3, LEG1_DEAD, CLIENT);
        story.returned(1, OpResult::Ok);
    }),
    ("a leg comes back while a write is under way that is done on its group", |story| {
        story.step(3, LEG1_DEAD, CLIENT);
        story.invoke_write(1, 7, 1);
        story.land(0, 7, 1, 3);
        story.step(4, LEG1_REBUILT, CLIENT);
        story.returned(1, OpResult::Ok);
    }),
    ("another place that is remembered in the same cell was written after it", |story| {
        story.set_mark(1, 256 / DEPTH, true);
        story.invoke_write(1, 7, 1);
        story.land(0, 7, 1, 2);
        story.land(1, 7, 1, 2);
        story.land(1, 7 + 256, 1, 2);
        story.returned(1, OpResult::Ok);
    }),
    ("a write fails, and not every leg has it", |story| {
        story.invoke_write(1, 7, 1);
        story.land(0, 7, 1, 2);
        story.returned(1, OpResult::InDoubt);
    }),
    (
        "an owner that stood still acknowledges late what its legs had before one moved, and another time",
        |story| {
            story.invoke_write(1, 7, 1);
            story.land(0, 7, 1, 2);
            story.land(1, 7, 1, 2);
            story.move_leg_1(3);
            let (leg, disk) = (LegIndex::new(1), DiskId::new(3));
            story.record_on(MANAGER, LegMoved { volume: VOL0, leg, disk });
            story.returned(1, OpResult::Ok);
        },
    ),
    ("an owner that stood still reads late of an epoch before the move", |story| {
        story.decide(3, IN_SYNC, CLIENT);
        story.persist(3);
        story.register(0, 3);
        story.register(1, 3);
        story.allow(3);
        story.invoke_write(1, 7, 1);
        story.land(0, 7, 1, 2);
        story.land(1, 7, 1, 2);
        story.move_leg_1(4);
        story.grant(3, IN_SYNC, CLIENT);
        story.returned(1, OpResult::Ok);
    }),
    ("what was written before a leg moved lands on its old disk after it did", |story| {
        story.invoke_write(1, 7, 1);
        story.land(0, 7, 1, 2);
        story.move_leg_1(3);
        story.land(1, 7, 1, 2);
        story.returned(1, OpResult::Ok);
    }),
    ("a leg is taken back that nobody was told of having been given up", |story| {
        story.decide(3, LEG1_DEAD, CLIENT);
        story.persist(3);
        story.step(4, IN_SYNC, CLIENT);
    }),
    ("a leg that is being rebuilt is unmarked where it has been", |story| {
        story.step(3, LEG1_DEAD, CLIENT);
        story.step(4, LEG1_REBUILT, CLIENT);
        story.set_mark(1, 0, false);
    }),
    ("a leg goes on on another disk, and what is told of its old one is of the past", |story| {
        story.step(3, LEG1_DEAD, CLIENT);
        story.move_leg_1(4);
        story.register(0, 5);
        story.register_leg_1_elsewhere(5);
        let (leg, disk) = (LegIndex::new(1), DiskId::new(2));
        let marked = MarkChanged { disk, volume: VOL0, leg, region: 0, marked: true };
        story.record_on(TARGETS + 2, marked);
        story.allow(5);
        story.grant(5, LEG1_REBUILT, CLIENT);
        // The old target is back, and knows of no move.
        story.load(1);
        story.set_mark(1, 0, false);
        story.media_written(2, FIRST + 7, 1, 5);
        story.media_written(1, FIRST + 40, 1, 2);
    }),
    ("a leg is in sync again when its owner says that it is rebuilt", |story| {
        story.step(3, LEG1_DEAD, CLIENT);
        story.step(4, LEG1_REBUILT, CLIENT);
        story.report_rebuilt(1, 4);
        story.step(5, IN_SYNC, CLIENT);
        assert!(!story.checkers.want_reads());
    }),
    ("legs are read that are in sync, or were under the epoch that they serve", |story| {
        story.step(3, LEG1_DEAD, CLIENT);
        story.read_leg(1, 7, CLIENT);
        story.step(4, LEG1_REBUILT, CLIENT);
        story.read_leg(0, 7, CLIENT);
        story.read_leg(1, DATA + 1, CLIENT);
        story.read_leg(1, 7, TARGETS + 1);
    }),
    ("a write of the last owner is acknowledged late", |story| {
        story.invoke_write(1, 7, 1);
        story.land(0, 7, 1, 2);
        story.land(1, 7, 1, 2);
        story.step(3, IN_SYNC, OTHER_CLIENT);
        story.return_on(CLIENT, 1, OpKind::Write);
    }),
];

#[test]
fn look_alikes_pass() {
    for (what, tell) in KEPT {
        let mut story = Story::opening();
        tell(&mut story);
        assert_eq!(story.found(), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn a_data_service_that_tells_nothing_of_this_is_not_judged() {
    let mut story = Story::held_to(&[Check::Protocol]);
    story.write(1, 7);
    story.media_written(0, 7, 1, 3);
    story.fence(5);
    story.media_written(3, 1007, 1, 5);
    story.fence(4);
    story.target_dies(0);
    story.record(NodeDown { node: NodeId::new(0), incarnation: 1, tasks: 3 });
    story.media_written(3, 1007, 1, 4);
    story.invoke_read(2, 7, 1);
    story.returned(2, OpResult::Ok);
    assert_eq!(story.found(), Vec::<String>::new());
}

#[test]
fn the_report_says_what_was_broken_and_where() {
    let mut story = Story::opening();
    story.invoke_write(1, 7, 1);
    story.land(0, 7, 1, 2);
    story.returned(1, OpResult::Ok);
    let report = story.report();
    assert!(report.starts_with("protocol/acknowledged-early: data at "), "{report}");
    for part in
        ["op1 write block 7", "leg1, RW under e2, did not have its block 7", "app.invoked op=1"]
    {
        assert!(report.contains(part), "{part} is not in\n{report}");
    }
}

#[test]
fn an_epoch_of_which_nobody_knows_any_more_may_be_decided_on_again() {
    let mut story = Story::opening();
    story.decide(3, IN_SYNC, CLIENT);
    story.persist(3);
    story.checkers.records_went_back();
    story.decide(3, LEG1_DEAD, CLIENT);
    assert_eq!(story.found(), [] as [String; 0]);
}

#[test]
fn what_was_asked_for_before_records_went_back_is_done_rightly() {
    let mut story = Story::opening();
    story.decide(3, IN_SYNC, CLIENT);
    story.persist(3);
    story.checkers.records_went_back();
    story.register(0, 3);
    assert_eq!(story.found(), [] as [String; 0]);
    // Where legs were under an epoch that nobody knows any more is not for the records to say.
    let mut story = Story::opening();
    story.step(3, IN_SYNC, CLIENT);
    story.grant(3, IN_SYNC, CLIENT);
    story.checkers.records_went_back();
    story.invoke_write(1, 7, 1);
    story.land(0, 7, 1, 3);
    story.returned(1, OpResult::Ok);
    assert_eq!(story.found(), [] as [String; 0]);
}
