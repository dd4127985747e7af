//! What the controller does with calls, told to it one input at a time.

use std::rc::Rc;

use super::code::Detail;
use super::config::Config;
use super::execute::{Surroundings, execute};
use super::machine::{Call, Controller, Effect, Input, PATIENCE, Refusal};
use super::request::Request;
use crate::base::{Nanos, NodeId};

fn text(text: &str) -> String {
    text.to_owned()
}

fn node(name: &str) -> Request {
    Request::CreateNode { name: text(name), node_type: None }
}

fn pool(node: &str, name: &str, capacity: u64) -> Request {
    Request::CreateStoragePool { node: text(node), name: text(name), capacity }
}

fn definition(name: &str) -> Request {
    Request::CreateResourceDefinition { name: text(name), port: None }
}

fn volume(definition: &str, size: u64) -> Request {
    Request::CreateVolumeDefinition { definition: text(definition), number: None, size }
}

fn on(definition: &str, at: &str) -> Request {
    let node = Some(text(at));
    Request::CreateResource { definition: text(definition), node, pool: None, place: None }
}

fn placed(definition: &str, count: u64) -> Request {
    let place = Some(count);
    Request::CreateResource { definition: text(definition), node: None, pool: None, place }
}

#[track_caller]
fn does(config: &mut Config, request: &Request) {
    match execute(config, &Surroundings::default(), request) {
        Ok((next, _)) => *config = next.unwrap_or_else(|| config.clone()),
        Err(reply) => panic!("{request:?}: {reply:?}"),
    }
}

#[track_caller]
fn refuses(config: &Config, request: &Request, detail: Detail) {
    match execute(config, &Surroundings::default(), request) {
        Ok(_) => panic!("{request:?} is done"),
        Err(reply) => {
            assert_eq!(reply.code().detail, detail, "{reply:?}");
            assert!(reply.cause.is_some(), "it says why: {reply:?}");
        }
    }
}

/// Three nodes with a pool each, and a resource with two volumes on two of them.
pub(super) fn built() -> Config {
    let mut config = Config::default();
    for name in ["t0", "T1", "t2"] {
        does(&mut config, &node(name));
        does(&mut config, &pool(name, "disk0", 10_000));
    }
    for request in
        [definition("Data"), volume("data", 1000), volume("DATA", 2000), placed("data", 2)]
    {
        does(&mut config, &request);
    }
    config
}

#[test]
fn resources_are_placed_on_distinct_nodes_with_most_room() {
    let mut config = built();
    does(&mut config, &pool("t2", "big", 900_000));
    does(&mut config, &pool("t2", "bigger", 990_000));
    does(&mut config, &definition("more"));
    does(&mut config, &volume("more", 5000));
    does(&mut config, &placed("more", 2));
    let more =
        config.definitions.keys().find(|name| name.key() == "MORE").expect("defined").clone();
    let places: Vec<(String, String)> =
        config.replicas(&more).map(|(at, it)| (at.to_string(), it.pool.to_string())).collect();
    assert_eq!(places, [(text("t0"), text("disk0")), (text("t2"), text("bigger"))]);
    refuses(&config, &placed("more", 2), Detail::NotEnoughNodes);
    refuses(&config, &placed("more", 33), Detail::ReplicaCount);
}

#[test]
fn what_is_needed_is_not_done_away_with() {
    let mut config = built();
    refuses(&config, &Request::DeleteNode { name: text("t0") }, Detail::InUse);
    let delete = |node: &str| Request::DeleteStoragePool { node: text(node), name: text("disk0") };
    refuses(&config, &delete("t0"), Detail::InUse);
    does(&mut config, &delete("t2"));
    does(&mut config, &Request::DeleteNode { name: text("T2") });
    let volume = Request::DeleteVolumeDefinition { definition: text("data"), number: 0 };
    refuses(&config, &volume, Detail::InUse);
    does(&mut config, &Request::DeleteResourceDefinition { name: text("data") });
    assert!(config.resources.is_empty());
    does(&mut config, &delete("t0"));
    let mut around = Surroundings::default();
    for (name, at) in built().resources.into_keys() {
        around.volumes.entry(name).or_default().insert(at);
    }
    let delete = Request::DeleteResourceDefinition { name: text("data") };
    let reply = execute(&built(), &around, &delete).expect_err("clients may have it");
    assert_eq!(reply.code().detail, Detail::InUse);
}

#[test]
fn every_refusal_says_what_is_wrong() {
    let config = built();
    let bad_name = Request::CreateNode { name: text("a..b"), node_type: None };
    refuses(&config, &bad_name, Detail::InvalidNodeName);
    let bad_type = Request::CreateNode { name: text("n9"), node_type: Some(text("Toaster")) };
    refuses(&config, &bad_type, Detail::InvalidNodeType);
    refuses(&config, &node("T0"), Detail::NodeExists);
    refuses(&config, &pool("t9", "disk0", 1), Detail::NoNode);
    refuses(&config, &pool("t0", "d0", 1), Detail::InvalidStoragePoolName);
    refuses(&config, &pool("t0", "DISK0", 1), Detail::StoragePoolExists);
    refuses(&config, &definition("all"), Detail::InvalidResourceName);
    refuses(&config, &definition("dATA"), Detail::ResourceDefinitionExists);
    refuses(&config, &volume("data", 4), Detail::InUse);
    refuses(&config, &volume("nope", 4), Detail::NoResourceDefinition);
    refuses(&config, &on("data", "t0"), Detail::ResourceExists);
    let mut config = config;
    does(&mut config, &definition("big"));
    refuses(&config, &volume("big", 3), Detail::InvalidVolumeSize);
    does(&mut config, &volume("big", 1_000_000));
    refuses(&config, &on("big", "t2"), Detail::NoSpace);
    let both = Request::CreateResource {
        definition: text("big"),
        node: Some(text("t2")),
        pool: None,
        place: Some(1),
    };
    refuses(&config, &both, Detail::MissingParameter);
    let port = Request::CreateResourceDefinition { name: text("other"), port: Some(7000) };
    refuses(&config, &port, Detail::InvalidPort);
}

/// A controller with the time, and what it had done last.
struct Told {
    controller: Controller,
    now: Nanos,
    calls: u64,
}

impl Told {
    fn new() -> Self {
        let mut told = Self { controller: Controller::new(), now: Nanos::ZERO, calls: 0 };
        assert_eq!(told.hears(Input::Tick), [Effect::Load]);
        told
    }

    /// One whose database holds this.
    fn knowing(config: &Config) -> Self {
        let mut told = Self::new();
        let rows = Rc::new(config.rows());
        let effects = told.hears(Input::Loaded { version: 7, rows });
        assert!(matches!(effects[..], [Effect::Holds { version: 7, .. }]), "{effects:?}");
        told
    }

    fn hears(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.controller.apply(self.now, input, &mut effects);
        effects
    }

    fn is_asked(&mut self, request: Request) -> Vec<Effect> {
        self.calls += 1;
        let (caller, request) = (NodeId::new(9), Rc::new(request));
        self.hears(Input::Call(Call { caller, id: self.calls, request, since: self.now }))
    }

    fn waits(&mut self, span: Nanos) -> Vec<Effect> {
        self.now += span;
        self.hears(Input::Tick)
    }
}

fn details(effects: &[Effect]) -> Vec<Detail> {
    let answers = effects.iter().filter_map(|effect| match effect {
        Effect::Answer { replies, .. } => Some(replies[0].code().detail),
        _ => None,
    });
    answers.collect()
}

#[test]
fn nothing_changes_in_memory_before_it_is_stored() {
    let mut told = Told::knowing(&built());
    let effects = told.is_asked(node("n9"));
    assert!(matches!(effects[..], [Effect::Commit { expected: 7, .. }]), "{effects:?}");
    assert_eq!(told.controller.config(), Some(&built()));
    assert!(told.is_asked(node("n10")).is_empty(), "one at a time");
    let effects = told.hears(Input::Committed { version: 8 });
    assert_eq!(details(&effects), [Detail::Created]);
    assert!(matches!(effects[0], Effect::Holds { version: 8, .. }));
    assert!(matches!(effects[2], Effect::Commit { expected: 8, .. }), "the next has its turn");
}

#[test]
fn a_commit_that_fails_leaves_all_as_it_was_and_the_controller_looks_again() {
    for refusal in [Refusal::Failed, Refusal::Away, Refusal::Stale(9)] {
        let mut told = Told::knowing(&built());
        told.is_asked(node("n9"));
        let effects = told.hears(Input::Refused(refusal));
        assert_eq!(details(&effects), [Detail::Database]);
        assert_eq!(effects.last(), Some(&Effect::Load));
        assert_eq!(told.controller.config(), Some(&built()));
    }
}

#[test]
fn a_commit_in_doubt_is_done_or_not_as_the_database_says() {
    for is_done in [false, true] {
        let mut told = Told::knowing(&built());
        let effects = told.is_asked(node("n9"));
        let [Effect::Commit { changes, .. }] = &effects[..] else { panic!("{effects:?}") };
        let mut rows = built().rows();
        for change in changes.iter().filter(|_| is_done) {
            let value = change.value.clone().expect("nothing is taken away");
            rows.insert((change.table, change.key.clone()), value);
        }
        assert_eq!(told.hears(Input::InDoubt), [Effect::Load]);
        let version = if is_done { 8 } else { 7 };
        let effects = told.hears(Input::Loaded { version, rows: Rc::new(rows) });
        let expected = if is_done { Detail::Created } else { Detail::Database };
        assert_eq!(details(&effects), [expected]);
    }
}

#[test]
fn whoever_asks_while_the_database_is_away_is_told_so_in_time() {
    let mut told = Told::knowing(&built());
    told.is_asked(node("n9"));
    told.hears(Input::InDoubt);
    assert!(told.is_asked(node("n10")).is_empty(), "it may come back any moment");
    let effects = told.is_asked(Request::ListNodes {});
    assert_eq!(details(&effects), [Detail::Outdated], "what was known last can be looked at");
    assert!(details(&told.waits(PATIENCE)).is_empty());
    let effects = told.waits(Nanos::from_millis(1));
    assert_eq!(details(&effects), [Detail::DatabaseInDoubt, Detail::Database]);
    assert_eq!(told.hears(Input::Refused(Refusal::Away)), [Effect::Load], "it asks on");
}

#[test]
fn one_that_is_deposed_answers_nobody_and_asks_nothing() {
    let mut told = Told::knowing(&built());
    told.is_asked(node("n9"));
    assert!(told.is_asked(node("n10")).is_empty(), "one at a time");
    assert_eq!(told.hears(Input::Refused(Refusal::Deposed(9))), [Effect::LetGo { by: 9 }]);
    assert!(told.is_asked(Request::ListNodes {}).is_empty());
    assert!(told.hears(Input::Committed { version: 8 }).is_empty());
    assert!(told.waits(PATIENCE + PATIENCE).is_empty(), "whoever called has another one to ask");
}

#[test]
fn one_of_which_somebody_knows_more_than_it_does_looks_again() {
    let mut told = Told::knowing(&built());
    assert_eq!(told.hears(Input::Outdated), [Effect::Load]);
    let rows = Rc::new(built().rows());
    assert_eq!(told.hears(Input::Loaded { version: 9, rows }).len(), 1, "it has it now");
    assert_eq!(told.controller.version(), 9);
}

#[test]
fn a_call_that_is_asked_again_is_done_once() {
    let mut told = Told::knowing(&built());
    told.is_asked(node("n9"));
    let again = |told: &mut Told| {
        told.calls -= 1;
        told.is_asked(node("n9"))
    };
    assert!(again(&mut told).is_empty(), "it is being done");
    assert_eq!(details(&told.hears(Input::Committed { version: 8 })), [Detail::Created]);
    assert_eq!(details(&again(&mut told)), [Detail::Created], "and was done");
    assert_eq!(told.controller.version(), 8);
}
