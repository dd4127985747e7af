//! The debugger: moves one run forwards and backwards, keeps breakpoints, changes the script, and has the rest
//! looked up. Prints nothing.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::base::Record;
use crate::scenario::{Digest, Effect, Scenario, parse_with};
use crate::sim::trace::Checkpoint;
use crate::view::{record_line, record_value};
use crate::world::{Position, Session};

use super::answer::Answer;
use super::look::{failure, look};
use super::order::{Order, Place};
use super::pilot::Pilot;
use super::stop::{Stop, Watcher};

/// How many records of the last turn are shown at most.
const RECORDS_SHOWN: usize = 12;

/// Why a run stands where it does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    /// As far as it was told to go.
    Asked,
    /// The run has come to its end.
    End,
    /// Something came about: which of those that were looked for.
    Met(usize),
}

/// Where a run came to stand.
#[derive(Clone, Copy, Debug)]
struct Halt {
    position: Position,
    /// Records written before its last turn.
    before: u64,
}

/// A run under the debugger. See the [module](super).
pub struct Debugger {
    scenario: Arc<Scenario>,
    seed: u64,
    pilot: Pilot,
    halt: Halt,
    breaks: Vec<(u32, Stop)>,
    numbered: u32,
    /// How many entries the script had; those after it were done live.
    given: usize,
    /// What the digest was at regular distances: a run that is made again must have the same.
    proof: Vec<Checkpoint>,
}

/// Goes on until one of these comes about, `most` turns at most.
fn go(session: &mut Session<'_>, stops: &[Stop], most: u64) -> Result<(Why, Halt), String> {
    let watchers = stops.iter().map(|stop| Watcher::new(stop, session));
    let mut watchers = watchers.collect::<Result<Vec<Watcher>, String>>()?;
    let mut halt = Halt { position: session.position(), before: session.position().seq };
    for _ in 0..most {
        halt.before = session.position().seq;
        if !session.step() {
            return Ok((Why::End, halt));
        }
        halt.position = session.position();
        let met = first_met(session, &mut watchers, halt.before);
        if let Some(met) = met {
            return Ok((Why::Met(met), halt));
        }
    }
    Ok((if session.is_over() { Why::End } else { Why::Asked }, halt))
}

/// The first of these that the turn came to which began after record `before`. All are asked: each keeps count.
fn first_met(session: &Session<'_>, watchers: &mut [Watcher], before: u64) -> Option<usize> {
    session.look_at_trace(|trace| {
        let written = &trace[before as usize..];
        let mut met = None;
        for (at, watcher) in watchers.iter_mut().enumerate() {
            if watcher.is_met(session, written) && met.is_none() {
                met = Some(at);
            }
        }
        met
    })
}

/// The last turn below `below` in which one of these came about.
fn last_met(session: &mut Session<'_>, stops: &[Stop], below: u64) -> Result<Option<u64>, String> {
    let watchers = stops.iter().map(|stop| Watcher::new(stop, session));
    let mut watchers = watchers.collect::<Result<Vec<Watcher>, String>>()?;
    let mut last = None;
    while session.position().turn + 1 < below {
        let before = session.position().seq;
        if !session.step() {
            break;
        }
        if first_met(session, &mut watchers, before).is_some() {
            last = Some(session.position().turn);
            // What lies ahead of here can't come about once more.
            watchers.retain(|watcher| !watcher.is_once());
        }
    }
    Ok(last)
}

impl Debugger {
    /// Switches on the simulation of this scenario and seed. It has not run yet.
    #[must_use]
    pub fn new(scenario: Scenario, seed: u64) -> Self {
        let given = scenario.script.len();
        let scenario = Arc::new(scenario);
        let pilot = Pilot::launch(scenario.clone(), seed);
        let position = pilot.ask(|session| session.position());
        let halt = Halt { position, before: 0 };
        let (breaks, proof) = (Vec::new(), Vec::new());
        Self { scenario, seed, pilot, halt, breaks, numbered: 0, given, proof }
    }

    /// Where the run stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.halt.position
    }

    /// The names that stand in orders: nodes, disks, volumes.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.pilot.ask(|session| {
            let names = session.names();
            [names.nodes, names.disks, names.volumes].concat()
        })
    }

    /// Does what it is told.
    ///
    /// # Errors
    /// When it cannot: why, in words. The run stands where it stood, or where it came to.
    ///
    /// # Panics
    /// On a defect of the simulator itself.
    pub fn obey(&mut self, order: &Order) -> Result<Answer, String> {
        match order {
            Order::Where => self.stands(None),
            Order::Step { turns } => self.forward(&[Stop::Failure], *turns),
            Order::Next => self.next(),
            Order::Continue => self.forward(&self.stops(), u64::MAX),
            Order::Until { stop } => {
                let stops = [&[stop.clone()][..], &self.stops()].concat();
                self.forward(&stops, u64::MAX)
            }
            Order::Back { turns } => {
                let turn = self.halt.position.turn.saturating_sub(*turns);
                self.travel(turn).and_then(|()| self.stands(None))
            }
            Order::ReverseContinue => self.reverse(),
            Order::Goto { place } => self.go_to(place),
            Order::Break { stop } => self.set_break(stop),
            Order::Breaks => Ok(self.list_breaks()),
            Order::Delete { number } => self.delete(*number),
            Order::Script => Ok(self.script()),
            Order::Do { action, undo_after } => self.act(action, undo_after.as_deref()),
            Order::Undo => self.undo(),
            Order::Export { file } => self.export(file),
            Order::Quit => Ok(Answer::new("", Value::Null)),
            _ => {
                let order = order.clone();
                let answer = self.pilot.ask(move |session| look(session, &order));
                answer.expect("what is no move looks")
            }
        }
    }

    /// Breakpoints, and failures as one that is always there.
    fn stops(&self) -> Vec<Stop> {
        let own = self.breaks.iter().map(|(_, stop)| stop.clone());
        own.chain([Stop::Failure]).collect()
    }

    fn forward(&mut self, stops: &[Stop], most: u64) -> Result<Answer, String> {
        let wanted = stops.to_vec();
        let (why, halt) = self.pilot.ask(move |session| go(session, &wanted, most))?;
        if why == Why::End && halt.position == self.halt.position {
            return self.stands(Some("the end of the run"));
        }
        self.halt = halt;
        match why {
            Why::Asked => self.stands(None),
            Why::End => self.stands(Some("the end of the run")),
            Why::Met(at) => {
                let name = stops[at].to_string();
                self.stands(Some(&name))
            }
        }
    }

    fn next(&mut self) -> Result<Answer, String> {
        let node = self.last_turn().iter().find_map(|record| record.node);
        let names = self.pilot.ask(|session| session.names());
        match node {
            Some(node) => {
                let node = names.node(node);
                self.forward(&[Stop::Node { node }, Stop::Failure], u64::MAX)
            }
            None => self.forward(&[Stop::Failure], 1),
        }
    }

    fn last_turn(&self) -> Vec<Record> {
        let before = self.halt.before as usize;
        self.pilot.ask(move |session| {
            session.look_at_trace(|trace| trace.get(before..).unwrap_or_default().to_vec())
        })
    }

    /// Where the run stands, why, and what its last turn wrote.
    fn stands(&mut self, why: Option<&str>) -> Result<Answer, String> {
        let Position { turn, seq, at } = self.halt.position;
        let written = self.last_turn();
        let names = self.pilot.ask(|session| session.names());
        let head = format!("turn {turn}, event {seq}, {at}");
        let mut text = match why {
            Some(why) => format!("{head}: {why}"),
            None => head,
        };
        let more = written.len().saturating_sub(RECORDS_SHOWN);
        if more > 0 {
            text.push_str(&format!("\n({more} records before these)"));
        }
        for record in &written[more..] {
            text.push('\n');
            text.push_str(&record_line(record, &names));
        }
        if why == Some("failure") || why == Some("the end of the run") {
            let failure = self.pilot.ask(failure);
            text.push('\n');
            text.push_str(&failure.text);
        }
        let records: Vec<Value> =
            written.iter().map(|record| record_value(record, &names)).collect();
        let digest = Digest(self.pilot.ask(|session| session.digest())).to_string();
        let data = json!({
            "turn": turn, "event": seq, "time_ns": at.get(), "digest": digest, "stopped": why,
            "records": records,
        });
        Ok(Answer::new(text, data))
    }

    /// Switches the simulation on anew, and has it run to this turn.
    fn travel(&mut self, turn: u64) -> Result<(), String> {
        if turn == self.halt.position.turn {
            return Ok(());
        }
        if turn > self.halt.position.turn {
            let most = turn - self.halt.position.turn;
            let (_, halt) = self.pilot.ask(move |session| go(session, &[], most))?;
            self.halt = halt;
            return Ok(());
        }
        self.relaunch(turn)
    }

    fn relaunch(&mut self, turn: u64) -> Result<(), String> {
        self.note_proof();
        self.pilot = Pilot::launch(self.scenario.clone(), self.seed);
        let (_, halt) = self.pilot.ask(move |session| go(session, &[], turn))?;
        self.halt = halt;
        self.prove()
    }

    fn note_proof(&mut self) {
        let reached = self.pilot.ask(|session| session.checkpoints());
        if reached.len() > self.proof.len() {
            self.proof = reached;
        }
    }

    /// Holds the run that was made again against the one before.
    fn prove(&self) -> Result<(), String> {
        let reached = self.pilot.ask(|session| session.checkpoints());
        match reached.iter().zip(&self.proof).find(|(now, before)| now != before) {
            None => Ok(()),
            Some((now, _)) => Err(format!(
                "this is another run: its digest differs by event {}. The simulation is not deterministic, \
                 which is a bug in stormglass or in what it simulates",
                now.seq
            )),
        }
    }

    fn reverse(&mut self) -> Result<Answer, String> {
        let (stops, below) = (self.stops(), self.halt.position.turn);
        self.note_proof();
        let again = Pilot::launch(self.scenario.clone(), self.seed);
        let met = again.ask(move |session| last_met(session, &stops, below))?;
        let Some(turn) = met else {
            self.relaunch(0)?;
            return self.stands(Some("the beginning: no breakpoint came about before"));
        };
        self.relaunch(turn)?;
        self.stands(Some("the last breakpoint or failure before"))
    }

    fn go_to(&mut self, place: &Place) -> Result<Answer, String> {
        let stop = match place {
            Place::Start => {
                self.relaunch(0)?;
                return self.stands(None);
            }
            Place::Turn { turn } => {
                self.travel(*turn)?;
                return self.stands(None);
            }
            Place::End => return self.forward(&[], u64::MAX),
            Place::Failure => Stop::Failure,
            Place::Event { seq } => Stop::Event { seq: *seq },
            Place::Time { at } => Stop::Time { at: *at },
        };
        let ahead = match stop {
            Stop::Event { seq } => seq > self.halt.position.seq,
            Stop::Time { at } => at > self.halt.position.at,
            _ => false,
        };
        if !ahead {
            self.relaunch(0)?;
        }
        self.forward(&[stop], u64::MAX)
    }

    fn set_break(&mut self, stop: &Stop) -> Result<Answer, String> {
        let wanted = stop.clone();
        self.pilot.ask(move |session| Watcher::new(&wanted, session).map(|_| ()))?;
        self.numbered += 1;
        self.breaks.push((self.numbered, stop.clone()));
        let data = json!({ "number": self.numbered, "stop": stop.to_string() });
        Ok(Answer::new(format!("breakpoint {}: {stop}", self.numbered), data))
    }

    fn list_breaks(&self) -> Answer {
        let rows: Vec<Vec<String>> = self
            .breaks
            .iter()
            .map(|(number, stop)| vec![number.to_string(), stop.to_string()])
            .collect();
        let data = self
            .breaks
            .iter()
            .map(|(number, stop)| json!({ "number": number, "stop": stop.to_string() }));
        Answer::table(&["number", "stops at"], &rows, data.collect())
    }

    fn delete(&mut self, number: Option<u32>) -> Result<Answer, String> {
        let before = self.breaks.len();
        self.breaks.retain(|(its, _)| number.is_some_and(|number| *its != number));
        match (before - self.breaks.len(), number) {
            (0, Some(number)) => Err(format!("no breakpoint {number}; `breaks` lists them")),
            (gone, _) => Ok(Answer::new(format!("{gone} removed"), json!({ "removed": gone }))),
        }
    }

    fn script(&self) -> Answer {
        let progress = self.pilot.ask(|session| session.script_progress());
        let entries = self.scenario.script.iter().zip(progress).enumerate();
        let mut rows = Vec::new();
        let mut data = Vec::new();
        for (at, (entry, (fired, landed))) in entries {
            let what = match &entry.effect {
                Effect::Do(action) => action.name(),
                Effect::Freeze(_) => "freeze",
                Effect::Expect { .. } => "expect",
            };
            let text = serde_json::to_value(entry).expect("an entry is plain JSON");
            let mark = if at >= self.given { "live" } else { "" };
            rows.push(vec![
                at.to_string(),
                what.to_owned(),
                fired.to_string(),
                landed.to_string(),
                mark.to_owned(),
                text.to_string(),
            ]);
            data.push(json!({
                "at": at, "entry": text, "fired": fired, "landed": landed, "live": at >= self.given,
            }));
        }
        let head = ["entry", "what", "fired", "landed", "", "as written"];
        Answer::table(&head, &rows, Value::Array(data))
    }

    /// Adds an entry to the script that is due in this instant, and goes on to where it has fired.
    fn act(&mut self, action: &str, undo_after: Option<&str>) -> Result<Answer, String> {
        if self.pilot.ask(|session| session.is_over() || session.settling_since().is_some()) {
            return Err("faults are over by now: go back to where they may still come".to_owned());
        }
        let action: Value = serde_json::from_str(action)
            .map_err(|error| format!("the action is no JSON ({error})"))?;
        let at = self.halt.position.at.get() + 1;
        let mut entry = json!({ "at": format!("{at}ns"), "do": action });
        if let Some(time) = undo_after {
            entry["for"] = json!(time);
        }
        let mut scenario = serde_json::to_value(&*self.scenario).expect("a scenario is plain JSON");
        match scenario.get_mut("script").and_then(Value::as_array_mut) {
            Some(script) => script.push(entry),
            None => scenario["script"] = json!([entry]),
        }
        let text = serde_json::to_string_pretty(&scenario).expect("it was JSON before");
        let words = &self.scenario.words;
        let changed = parse_with("the script with this entry", &text, words).map_err(|error| {
            let lines: Vec<String> = error.errors.iter().map(ToString::to_string).collect();
            lines.join("\n")
        })?;
        let (turn, digest) = (self.halt.position.turn, self.pilot.ask(|session| session.digest()));
        let before = std::mem::replace(&mut self.scenario, Arc::new(changed));
        self.proof.clear();
        self.relaunch(turn)?;
        if self.pilot.ask(|session| session.digest()) != digest {
            self.scenario = before;
            self.relaunch(turn)?;
            return Err(
                "with this entry the past would be another; it was taken out again".to_owned()
            );
        }
        let at = crate::base::Nanos::new(at);
        self.forward(&[Stop::Time { at }], u64::MAX)
    }

    fn undo(&mut self) -> Result<Answer, String> {
        if self.scenario.script.len() <= self.given {
            return Err("nothing was done live".to_owned());
        }
        let mut scenario = Scenario::clone(&self.scenario);
        let entry = scenario.script.pop().expect("it has an entry");
        let before = match entry.trigger {
            crate::scenario::Trigger::At(range) => range.min,
            _ => self.halt.position.at,
        };
        self.scenario = Arc::new(scenario);
        self.proof.clear();
        // To the last turn before the entry was due.
        let again = Pilot::launch(self.scenario.clone(), self.seed);
        let stop = [Stop::Time { at: before }];
        let (_, halt) = again.ask(move |session| go(session, &stop, u64::MAX))?;
        self.relaunch(halt.position.turn.saturating_sub(1))?;
        self.stands(None)
    }

    fn export(&self, file: &str) -> Result<Answer, String> {
        let text = serde_json::to_string_pretty(&*self.scenario).expect("a scenario is plain JSON");
        std::fs::write(file, text + "\n").map_err(|error| format!("{file}: {error}"))?;
        let seed = self.seed;
        let text = format!("written; run it with\n  stormglass run {file} --seed {seed}");
        Ok(Answer::new(text, json!({ "file": file, "seed": seed })))
    }
}

#[cfg(test)]
mod tests {
    use super::{Debugger, Order};
    use crate::scenario::parse;

    const SCENARIO: &str = r#"{
        "version": 1, "name": "small",
        "cluster": { "targets": 2 },
        "volumes": [ { "name": "vol0", "layout": "raid1", "blocks": 256, "legs": ["t0/d0", "t1/d0"] } ],
        "workload": [ { "app": "random", "client": "c0", "volume": "vol0", "ops": 400, "depth": 4 } ],
        "script": [ { "at": "1ms", "do": { "node.reboot": { "node": "t1", "downtime": "500us" } } } ]
    }"#;

    fn debugger() -> Debugger {
        Debugger::new(parse("small.json", SCENARIO).unwrap(), 7)
    }

    fn tell(debugger: &mut Debugger, line: &str) -> serde_json::Value {
        let order = Order::read(line).unwrap().unwrap();
        let answer = debugger.obey(&order);
        answer.unwrap_or_else(|error| panic!("{line}: {error}")).data
    }

    #[test]
    fn back_leads_to_the_same_turn_of_the_same_run() {
        let mut debugger = debugger();
        let there = tell(&mut debugger, "step 900");
        tell(&mut debugger, "step 300");
        assert_eq!(tell(&mut debugger, "back 300"), there);
        assert_eq!(tell(&mut debugger, "goto turn 900"), there);
    }

    #[test]
    fn led_to_its_end_it_is_the_run_that_anybody_has() {
        let mut debugger = debugger();
        let end = tell(&mut debugger, "continue");
        assert_eq!(end["stopped"], "the end of the run");
        let scenario = parse("small.json", SCENARIO).unwrap();
        let report = crate::world::simulate(&scenario, 7, &crate::world::RunOptions::default());
        assert_eq!(end["digest"], crate::scenario::Digest(report.digest).to_string());
        assert_eq!(tell(&mut debugger, "failure")["outcome"], "pass");
    }

    #[test]
    fn breakpoints_work_in_both_directions() {
        let mut debugger = debugger();
        tell(&mut debugger, "break state vol0 degraded");
        let there = tell(&mut debugger, "continue");
        assert_eq!(there["stopped"], "state vol0 degraded");
        tell(&mut debugger, "until state vol0 healthy");
        let again = tell(&mut debugger, "reverse-continue");
        assert_eq!((&again["turn"], &again["digest"]), (&there["turn"], &there["digest"]));
        let volume = tell(&mut debugger, "volume vol0");
        assert_eq!(volume["legs"][1]["mode"], "DEAD");
    }

    #[test]
    fn what_is_done_live_becomes_an_entry_that_can_be_taken_back() {
        let mut debugger = debugger();
        let before = tell(&mut debugger, "until time 300us");
        let action = r#"do '{"disk.slow": {"disk": "t0/d0", "factor": 50}}' --for 2ms"#;
        tell(&mut debugger, action);
        let disk = tell(&mut debugger, "disk t0/d0");
        assert_eq!(disk["faults"][0], "slow: by 50");
        let script = tell(&mut debugger, "script");
        assert_eq!((&script[1]["landed"], &script[1]["live"]), (&1.into(), &true.into()));
        tell(&mut debugger, "undo");
        let turn = before["turn"].as_u64().unwrap();
        let there = tell(&mut debugger, &format!("goto turn {turn}"));
        assert_eq!(there["digest"], before["digest"]);
        assert_eq!(tell(&mut debugger, "disk t0/d0")["faults"].as_array().unwrap().len(), 0);
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let mut debugger = debugger();
        for line in [
            "cpus t9",
            "disk t9/d0",
            "block vol0 9999",
            "volume nope",
            "delete 4",
            "undo",
            "break state vol0 sad",
            "do '{\"disk.fly\": {}}'",
            "do 'no JSON'",
            "event 99999999",
            "events --node x9",
        ] {
            let order = Order::read(line).unwrap().unwrap();
            let answer = debugger.obey(&order);
            assert!(answer.is_err(), "{line}: {answer:?}");
        }
    }

    #[test]
    fn everything_can_be_looked_at() {
        let mut debugger = debugger();
        tell(&mut debugger, "until time 900us");
        for line in [
            "where",
            "events",
            "why",
            "nodes",
            "cpus c0",
            "tasks c0",
            "memory t0",
            "timers",
            "messages",
            "commands",
            "operations",
            "disks",
            "disk t0/d0",
            "disk t0/d0 3",
            "volumes",
            "volume vol0",
            "block vol0 5",
            "mirrors",
            "failure",
            "script",
            "probes",
            "breaks",
        ] {
            tell(&mut debugger, line);
        }
        let block = tell(&mut debugger, "block vol0 5");
        assert_eq!(block["copies"].as_array().unwrap().len(), 2);
        let under_way = tell(&mut debugger, "operations");
        assert!(!under_way.as_array().unwrap().is_empty());
    }
}
