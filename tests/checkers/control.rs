//! What the control plane must not do: keep what is not stored, answer what is not stored, lose what is, forget a call, an
//! error or a target. Told record by record.

use stormglass::base::control::{
    ApiAnswered, ApiCalled, ApiRequest, ControllerDeploys, ControllerDeposed, ControllerHolds,
    DatabaseClaimed, DatabaseCommitted, ErrorLogged, ErrorReported, ProgramBegun, ProgramOver,
    ResourceFailed, StreamLost, TargetSynced,
};
use stormglass::base::history::NodeDown;
use stormglass::base::protocol::Resigned;
use stormglass::base::{Names, Nanos, NodeId, Record, Recorded};
use stormglass::check::{Check, Checkers, OnMachine, Stored, Truth};
use stormglass::sim::NodePaused;

const MANAGER: NodeId = NodeId::new(5);
/// Another one.
const PEER: NodeId = NodeId::new(6);
const TARGET: NodeId = NodeId::new(2);

/// A control plane that a test makes up.
struct Told {
    checkers: Checkers,
    seq: u64,
}

impl Told {
    fn new() -> Self {
        Self { checkers: Checkers::new(&[Check::Control]), seq: 0 }
    }

    fn by<R: Recorded>(&mut self, node: NodeId, what: R) -> &mut Self {
        self.at(self.seq + 1, node, what)
    }

    fn at<R: Recorded>(&mut self, at: u64, node: NodeId, what: R) -> &mut Self {
        self.seq = at;
        let (at, seq) = (Nanos::new(at), self.seq);
        let (kind, words) = (R::TYPE, what.words());
        let record = Record { at, seq, cause: 0, node: Some(node), cpu: None, kind, words };
        self.checkers.observe(&record);
        self
    }

    fn says<R: Recorded>(&mut self, what: R) -> &mut Self {
        self.by(MANAGER, what)
    }

    fn called(&mut self, call: u64) -> &mut Self {
        self.says(ApiCalled { call, request: ApiRequest::CreateNode })
    }

    fn answered(&mut self, call: u64, version: u64) -> &mut Self {
        self.says(ApiAnswered { call, code: 1, version, is_error: false, error: 0, by: MANAGER })
    }

    fn failed(&mut self, call: u64, error: u32) -> &mut Self {
        self.says(ApiAnswered { call, code: -1, version: 0, is_error: true, error, by: MANAGER })
    }

    fn holds(&mut self, version: u64, loaded: bool) -> &mut Self {
        self.says(ControllerHolds { version, fingerprint: version * 10, loaded })
    }

    fn committed(&mut self, version: u64) -> &mut Self {
        self.says(DatabaseCommitted { version, term: 0 })
    }

    /// One change, from the call to the target.
    fn change(&mut self, version: u64) -> &mut Self {
        self.called(version).committed(version).holds(version, false).answered(version, version);
        self.says(ControllerDeploys { target: TARGET, version, fingerprint: version * 100 });
        self.by(TARGET, TargetSynced { version, fingerprint: version * 100 })
    }

    /// What is found by the end, when the disk holds this version.
    fn found_at(&mut self, version: u64) -> Vec<String> {
        let stored = Stored::Holds(version, version * 10);
        self.found_with(&stored)
    }

    fn found_with(&mut self, stored: &Stored) -> Vec<String> {
        self.found_on(stored, OnMachine::default())
    }

    fn found_on(&mut self, stored: &Stored, machine: OnMachine) -> Vec<String> {
        let truth = Truth { stored: stored.clone(), machines: vec![(TARGET, machine)] };
        self.checkers.control_at_rest(Nanos::new(self.seq), &truth, &Names::default());
        self.checkers.take_violations().iter().map(|it| it.signature()).collect()
    }
}

#[test]
fn what_is_asked_stored_applied_and_answered_passes() {
    let mut told = Told::new();
    told.holds(0, true).change(1).change(2);
    told.called(9).says(ErrorReported { error: 1 }).says(ErrorLogged { error: 1 }).failed(9, 1);
    assert_eq!(told.found_at(2), Vec::<String>::new());
}

#[test]
fn memory_ahead_of_the_database_is_caught() {
    let mut told = Told::new();
    assert_eq!(told.called(1).holds(1, false).found_at(1)[0], "control/held-before-stored");
}

#[test]
fn an_answer_ahead_of_the_database_is_caught() {
    let mut told = Told::new();
    told.holds(0, true).called(1).answered(1, 1);
    assert_eq!(told.found_at(0), ["control/answered-before-stored"]);
}

#[test]
fn a_database_that_loses_what_was_durable_is_caught() {
    let mut told = Told::new();
    told.change(1).change(2).holds(1, true);
    assert_eq!(told.found_at(1)[0], "control/database-went-back");
}

#[test]
fn a_database_that_holds_something_else_is_caught() {
    assert_eq!(Told::new().change(1).found_at(2), ["control/stored-differs"]);
    let damaged = Stored::Damaged("no magic".to_owned());
    assert_eq!(Told::new().change(1).found_with(&damaged), ["control/database-damaged"]);
}

#[test]
fn a_target_that_has_something_else_is_caught_and_one_that_rebooted_has_nothing() {
    let mut told = Told::new();
    told.change(1);
    told.says(ControllerDeploys { target: TARGET, version: 2, fingerprint: 7 });
    assert_eq!(told.found_at(1), ["control/applied-differs"]);
    let mut told = Told::new();
    told.change(1).by(TARGET, NodeDown { node: TARGET, incarnation: 1, tasks: 0 });
    assert_eq!(told.found_at(1), ["control/applied-differs"]);
    let mut told = Told::new();
    told.change(1).by(TARGET, NodeDown { node: TARGET, incarnation: 1, tasks: 0 });
    told.by(TARGET, TargetSynced { version: 1, fingerprint: 100 });
    assert_eq!(told.found_at(1), Vec::<String>::new());
}

#[test]
fn a_call_without_an_answer_is_caught() {
    assert_eq!(Told::new().change(1).called(2).found_at(1), ["control/call-unanswered"]);
}

#[test]
fn errors_have_one_report_and_one_line_each_in_that_order() {
    let found = |tell: &dyn Fn(&mut Told)| {
        let mut told = Told::new();
        tell(&mut told);
        told.found_at(0)
    };
    let (reported, logged) = (ErrorReported { error: 1 }, ErrorLogged { error: 1 });
    let early = found(&|told| {
        told.says(logged).says(reported);
    });
    assert_eq!(early, ["control/logged-before-reported"]);
    let twice = found(&|told| {
        told.says(reported).says(logged).says(reported);
    });
    assert_eq!(twice, ["control/error-reported-twice"]);
    let twice = found(&|told| {
        told.says(reported).says(logged).says(logged);
    });
    assert_eq!(twice, ["control/error-logged-twice"]);
    let unlogged = found(&|told| {
        told.says(reported);
    });
    assert_eq!(unlogged, ["control/error-not-logged"]);
    let died = NodeDown { node: MANAGER, incarnation: 1, tasks: 0 };
    let excused = found(&|told| {
        told.says(reported).says(died);
    });
    assert_eq!(excused, Vec::<String>::new(), "its program died before it could");
    let unreported = found(&|told| {
        told.called(3).failed(3, 0);
    });
    assert_eq!(unreported, ["control/error-without-report"]);
}

/// Volumes by their names, each with what there is to say of it.
fn volumes(of: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    of.iter().map(|(name, what)| (String::from(*name), String::from(*what))).collect()
}

#[test]
fn a_machine_that_has_something_else_than_is_stored_is_caught() {
    let found = |wanted: &[(&str, &str)], there: &[(&str, &str)]| {
        let (wanted, there) = (volumes(wanted), volumes(there));
        let machine = OnMachine { wanted, there, unreaped: Vec::new() };
        Told::new().found_on(&Stored::Holds(0, 0), machine)
    };
    let exported = [("R1_00000", "68 KiB in disk0, exported")];
    assert_eq!(found(&exported, &exported), Vec::<String>::new());
    assert_eq!(found(&exported, &[]), ["control/machine-differs"], "it was never made");
    assert_eq!(found(&[], &exported), ["control/machine-differs"], "nobody wants it any more");
    let hidden = [("R1_00000", "68 KiB in disk0, not exported")];
    assert_eq!(found(&exported, &hidden), ["control/machine-differs"], "nobody can reach it");
}

#[test]
fn a_process_that_nobody_waited_for_is_caught() {
    let machine = OnMachine { unreaped: vec!["process 3".to_owned()], ..OnMachine::default() };
    let found = Told::new().found_on(&Stored::Holds(0, 0), machine);
    assert_eq!(found, ["control/process-unreaped"]);
}

#[test]
fn each_failure_of_a_satellite_has_one_report() {
    let failed = ResourceFailed { code: -1, attempt: 1, again_in: Nanos::new(5) };
    let (reported, logged) = (ErrorReported { error: 1 }, ErrorLogged { error: 1 });
    let mut told = Told::new();
    told.by(TARGET, failed).by(TARGET, reported).by(TARGET, logged);
    assert_eq!(told.found_at(0), Vec::<String>::new());
    let mut told = Told::new();
    assert_eq!(told.by(TARGET, failed).found_at(0), ["control/failure-without-report"]);
    let mut told = Told::new();
    told.by(TARGET, failed).says(reported).says(logged);
    let found = told.found_at(0);
    assert_eq!(found, ["control/failure-without-report"], "that is another node's");
    let mut told = Told::new();
    told.by(TARGET, StreamLost { code: -1, restarts: 0 });
    assert_eq!(told.found_at(0), ["control/failure-without-report"]);
    let mut told = Told::new();
    let died = NodeDown { node: TARGET, incarnation: 1, tasks: 0 };
    assert_eq!(told.by(TARGET, failed).by(TARGET, died).found_at(0), Vec::<String>::new());
}

#[test]
fn reports_of_two_nodes_may_have_the_same_number() {
    let (reported, logged) = (ErrorReported { error: 1 }, ErrorLogged { error: 1 });
    let mut told = Told::new();
    told.holds(0, true).by(TARGET, reported).by(TARGET, logged).says(reported).says(logged);
    told.called(3).failed(3, 1);
    assert_eq!(told.found_at(0), Vec::<String>::new());
    let mut told = Told::new();
    told.holds(0, true).by(TARGET, reported).by(TARGET, logged).called(3).failed(3, 1);
    assert_eq!(told.found_at(0), ["control/error-without-report"], "it is not the controller's");
}

#[test]
fn external_programs_are_bounded_in_time_and_output() {
    let seconds = |count: u64| count * 1_000_000_000;
    let over = |kept| ProgramOver { pid: 7, read: 5 << 20, kept, given_up: false };
    let found = |kept: u64, until: u64| {
        let mut told = Told::new();
        told.checkers.expect_program_box(Nanos::from_secs(65));
        told.by(TARGET, ProgramBegun { pid: 7 }).at(seconds(until), TARGET, over(kept));
        told.found_at(0)
    };
    assert_eq!(found(4 << 20, 65), Vec::<String>::new());
    assert_eq!(found((4 << 20) + 1, 65), ["control/output-unbounded"]);
    assert_eq!(found(0, 90), ["control/program-not-time-boxed"]);
    let mut told = Told::new();
    told.checkers.expect_program_box(Nanos::from_secs(65));
    told.by(TARGET, ProgramBegun { pid: 7 }).at(
        seconds(90),
        MANAGER,
        DatabaseCommitted { version: 0, term: 0 },
    );
    assert_eq!(told.found_at(0), ["control/program-not-time-boxed"], "it goes on");
    let mut told = Told::new();
    told.checkers.expect_program_box(Nanos::from_secs(65));
    told.by(TARGET, ProgramBegun { pid: 7 }).says(NodePaused { node: TARGET });
    told.at(seconds(90), TARGET, over(0));
    assert_eq!(told.found_at(0), Vec::<String>::new(), "who was to wait stood still");
}

/// One controller has had its time, another one takes over and makes a change.
fn taken_over() -> Told {
    let mut told = Told::new();
    told.says(DatabaseClaimed { term: 3 }).holds(0, true);
    told.says(DatabaseCommitted { version: 1, term: 3 }).holds(1, false);
    told.by(PEER, DatabaseClaimed { term: 7 });
    told.by(PEER, ControllerHolds { version: 1, fingerprint: 10, loaded: true });
    told.says(DatabaseCommitted { version: 2, term: 7 });
    told.by(PEER, ControllerHolds { version: 2, fingerprint: 20, loaded: false });
    told
}

#[test]
fn a_controller_that_was_taken_over_from_may_be_behind_until_it_hears_of_it() {
    for hears in [true, false] {
        let mut told = taken_over();
        if hears {
            told.says(ControllerDeposed { term: 3, by: 7 });
        } else {
            told.says(Resigned { manager: MANAGER, round: 1, nth: 1 });
        }
        assert_eq!(told.found_at(2), Vec::<String>::new());
    }
    assert_eq!(taken_over().found_at(2), ["control/stored-differs"], "not for ever");
}

#[test]
fn a_controller_that_was_taken_over_from_changes_nothing() {
    let mut told = taken_over();
    told.says(DatabaseCommitted { version: 3, term: 3 });
    assert_eq!(told.found_at(3)[0], "control/deposed-controller-wrote");
    let mut told = taken_over();
    told.says(DatabaseClaimed { term: 3 }).says(ControllerDeposed { term: 3, by: 7 });
    assert_eq!(told.found_at(2), ["control/deposed-controller-wrote"], "nor takes it back");
}

#[test]
fn what_an_older_controller_would_have_a_target_have_does_not_count() {
    let mut told = taken_over();
    told.by(PEER, ControllerDeploys { target: TARGET, version: 2, fingerprint: 9 });
    told.by(TARGET, TargetSynced { version: 2, fingerprint: 9 });
    told.says(ControllerDeploys { target: TARGET, version: 1, fingerprint: 8 });
    told.says(ControllerDeposed { term: 3, by: 7 });
    assert_eq!(told.found_at(2), Vec::<String>::new());
}

#[test]
fn the_report_of_an_error_is_on_the_disk_of_whoever_answered() {
    let mut told = taken_over();
    told.says(ControllerDeposed { term: 3, by: 7 });
    told.by(PEER, ErrorReported { error: 1 }).by(PEER, ErrorLogged { error: 1 });
    told.called(5).says(ErrorReported { error: 1 }).says(ErrorLogged { error: 1 }).failed(5, 1);
    assert_eq!(told.found_at(2), Vec::<String>::new(), "each counts its own");
    told.called(6).by(PEER, ErrorReported { error: 2 }).by(PEER, ErrorLogged { error: 2 });
    told.failed(6, 2);
    assert_eq!(told.found_at(2), ["control/error-without-report"]);
}

#[test]
fn a_cluster_whose_controller_has_nothing_in_the_end_is_caught() {
    let mut told = Told::new();
    let down = NodeDown { node: MANAGER, incarnation: 1, tasks: 0 };
    told.holds(0, true).says(down);
    assert_eq!(told.found_at(0), ["control/stored-differs"]);
}

#[test]
fn no_control_plane_is_no_violation() {
    assert_eq!(Told::new().found_at(0), Vec::<String>::new());
}
