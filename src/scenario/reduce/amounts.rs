//! Smaller and plainer values in the place of a scenario's own. Chooses none.

use serde_json::{Value, json};

use crate::base::Nanos;
use crate::scenario::cluster::Cluster;
use crate::scenario::model::Scenario;
use crate::scenario::units::parse_duration;

use super::document::{Pointer, document, values, with};

/// The parts of the cluster of which there may be fewer. What its disks and links are like has defaults, which
/// are as simple as it gets.
const COUNTS: [&str; 7] = [
    "clients",
    "targets",
    "disks_per_target",
    "interfaces",
    "connectors",
    "client_cpus",
    "target_cpus",
];

/// With less of these nothing gets simpler, it only takes longer: what is slow looks as if it hung.
const SLOW: [&str; 2] = ["rebuild_rate", "rate"];

/// What is replayed is no amount.
const OPAQUE: [&str; 2] = ["/text", "/iologs/"];

/// The places whose values may be made simpler, in the order in which that helps the others.
#[must_use]
pub fn amounts(of: &Scenario) -> Vec<Pointer> {
    let whole = document(of);
    let of_part = |part| values(&whole, &[part]).into_iter();
    let scalars = ["volumes", "workload", "script"].into_iter().flat_map(of_part);
    let scalars = scalars.filter(|(at, value)| is_scalar(value) && !SLOW.contains(&at.last()));
    let scalars = scalars.filter(|(at, _)| !OPAQUE.iter().any(|it| at.0.contains(it)));
    let mut places: Vec<Pointer> = scalars.map(|(at, _)| at).collect();
    places.extend(COUNTS.map(|key| Pointer(format!("/cluster/{key}"))));
    places.push(Pointer("/cluster/schedule".to_owned()));
    // With less at a time it takes more of it.
    places.sort_by_key(|at| at.last() == "depth");
    places
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Number(_) | Value::String(_) | Value::Bool(_))
}

/// The scenario with something simpler in this place, the simplest first. Only valid ones, and none that is as it
/// was.
#[must_use]
pub fn simpler(of: &Scenario, at: &Pointer) -> Vec<Scenario> {
    let whole = document(of);
    let Some(value) = whole.pointer(&at.0) else { return Vec::new() };
    let plainer = match value {
        _ if at.0 == "/cluster/schedule" => schedules(value),
        Value::Number(number) => numbers(number.as_u64().unwrap_or(0)),
        Value::Bool(true) => vec![json!(false)],
        Value::String(text) => texts(text, &of.cluster),
        _ => Vec::new(),
    };
    let changed = plainer.into_iter().filter_map(|value| with(&whole, at, value, &of.words));
    changed.filter(|other| other != of).collect()
}

/// First in, first out; else priorities that change as seldom as can be.
fn schedules(value: &Value) -> Vec<Value> {
    let fifo = json!("fifo");
    if *value == fifo {
        return Vec::new();
    }
    let depth = value.pointer("/pct/depth").and_then(Value::as_u64);
    let fewer = (1..depth.unwrap_or(3)).map(|depth| {
        let steps = value.pointer("/pct/steps").and_then(Value::as_u64).unwrap_or(1_000);
        json!({ "pct": { "depth": depth, "steps": steps } })
    });
    std::iter::once(fifo).chain(fewer).collect()
}

fn numbers(number: u64) -> Vec<Value> {
    let mut smaller = vec![0, 1, number / 16, number / 4, number / 2, number - number / 4];
    if number < 12 {
        smaller.extend((2..number).rev());
    }
    smaller.push(number.saturating_sub(1));
    let mut given = Vec::new();
    for smaller in smaller.into_iter().filter(|smaller| *smaller < number) {
        if !given.contains(&json!(smaller)) {
            given.push(json!(smaller));
        }
    }
    given
}

fn texts(text: &str, cluster: &Cluster) -> Vec<Value> {
    if let Some((low, high)) = text.split_once("..") {
        return vec![json!(low), json!(high)];
    }
    if let Some(span) = parse_duration(text) {
        return round(span).into_iter().map(|span| json!(span.to_string())).collect();
    }
    if let Some((_, denominator)) = text.split_once('/').filter(|(one, _)| *one == "1") {
        let is_more = |other: &u64| denominator.parse::<u64>().is_ok_and(|own| *other < own);
        return [1, 2, 4].into_iter().filter(is_more).map(|n| json!(format!("1/{n}"))).collect();
    }
    certain(text, cluster)
}

/// Shorter spans, and then such as have fewer digits.
fn round(span: Nanos) -> Vec<Nanos> {
    let nanos = span.get();
    let mut spans = vec![nanos / 8, nanos / 2];
    let mut unit = 1;
    while unit * 10 <= nanos {
        unit *= 10;
    }
    // One digit, then two, then three; down before up.
    for unit in [unit, unit / 10, unit / 100] {
        let down = nanos.checked_div(unit).map(|units| units * unit);
        spans.extend(down.into_iter().flat_map(|down| [down, down + unit]));
    }
    let digits = |nanos: u64| nanos.to_string().trim_end_matches('0').len();
    let plainer = |other: &u64| *other < nanos || digits(*other) < digits(nanos);
    let mut given = Vec::new();
    for other in spans.into_iter().filter(plainer).filter(|other| *other > 0) {
        // Half of a time with many digits has as many: that of one with few is enough.
        let other =
            if digits(other) > 3 && other < nanos / 2 + 1 { shortened(other) } else { other };
        if digits(other) <= digits(nanos) && other != nanos && !given.contains(&Nanos::new(other)) {
            given.push(Nanos::new(other));
        }
    }
    given
}

/// Its first two digits.
fn shortened(nanos: u64) -> u64 {
    let mut unit = 1;
    while nanos / unit >= 100 {
        unit *= 10;
    }
    nanos / unit * unit
}

/// The ids that a selector may stand for.
fn certain(text: &str, cluster: &Cluster) -> Vec<Value> {
    const EACH_MAX: u16 = 8;
    let Some((_, class)) = text.split_once(':').filter(|(how, _)| ["any", "all"].contains(how))
    else {
        return Vec::new();
    };
    let nodes = |letter: char, count: u16| {
        (0..count.min(EACH_MAX)).map(move |index| format!("{letter}{index}"))
    };
    let clients: Vec<String> = nodes('c', cluster.clients).collect();
    let targets: Vec<String> = nodes('t', cluster.targets).collect();
    let managers: Vec<String> = nodes('m', cluster.managers).collect();
    let all = [clients.clone(), targets.clone(), managers.clone()].concat();
    let on = |nodes: &[String], what: &str, count: u16| -> Vec<String> {
        let of_node = |node: &String| {
            (0..count.min(EACH_MAX)).map(|at| format!("{node}/{what}{at}")).collect::<Vec<_>>()
        };
        nodes.iter().flat_map(of_node).collect()
    };
    let ids = match class {
        "client" => clients,
        "target" => targets,
        "manager" => managers,
        "node" => all,
        "cpu" => [
            on(&clients, "cpu", cluster.client_cpus),
            on(&targets, "cpu", cluster.target_cpus),
            on(&managers, "cpu", cluster.manager_cpus),
        ]
        .concat(),
        "interface" => on(&all, "if", u16::from(cluster.interfaces)),
        "connector" => on(&managers, "conn", u16::from(cluster.connectors)),
        _ => on(&targets, "d", cluster.disks_per_target),
    };
    ids.into_iter().map(Value::String).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{amounts, certain, numbers, round, simpler, texts};
    use crate::base::Nanos;
    use crate::scenario::parse;
    use crate::scenario::{Cluster, Scenario};

    fn scenario() -> Scenario {
        let text = r#"{ "version": 1, "name": "s", "cluster": {},
            "volumes": [{ "name": "vol0", "layout": "raid1", "blocks": 64 }],
            "workload": [{ "app": "random", "client": "c0", "volume": "vol0", "ops": 900 }],
            "script": [{ "at": "1ms..3ms", "do": { "disk.unplug": { "disk": "any:disk" } } }] }"#;
        parse("s.json", text).unwrap()
    }

    #[test]
    fn everything_that_is_offered_is_another_valid_scenario() {
        let scenario = scenario();
        let places = amounts(&scenario);
        let offered: Vec<Scenario> = places.iter().flat_map(|at| simpler(&scenario, at)).collect();
        assert!(offered.len() > 20, "{}", offered.len());
        assert!(offered.iter().all(|other| *other != scenario));
        assert!(offered.iter().any(|other| other.volumes[0].blocks == 16));
    }

    #[test]
    fn numbers_and_spans_get_smaller_and_plainer() {
        assert_eq!(numbers(3), [0, 1, 2].map(|n| json!(n)));
        assert!(numbers(0).is_empty());
        let spans = round(Nanos::from_micros(1_843));
        assert!(spans.contains(&Nanos::from_millis(1)) && spans.contains(&Nanos::from_millis(2)));
        assert!(!spans.contains(&Nanos::from_micros(1_843)));
        assert_eq!(round(Nanos::new(1)), []);
        assert_eq!(texts("1..8", &Cluster::default()), [json!("1"), json!("8")]);
        assert_eq!(texts("1/3", &Cluster::default()), [json!("1/1"), json!("1/2")]);
    }

    #[test]
    fn a_selector_becomes_certain() {
        let cluster = Cluster { clients: 2, ..Cluster::default() };
        assert_eq!(certain("any:client", &cluster), [json!("c0"), json!("c1")]);
        let disks = [json!("t0/d0"), json!("t1/d0"), json!("t2/d0")];
        assert_eq!(certain("any:leg-of:vol0", &cluster), disks);
        assert!(certain("t0", &cluster).is_empty());
    }
}
