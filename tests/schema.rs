//! The committed schema is the one that the types give, and the loader holds to it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stormglass::scenario::{discover, load, parse, schema};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_committed_schema_is_current() {
    let path = root().join("scenarios/schema.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == schema(),
        "scenarios/schema.json is not what the types give: \
         `stormglass schema > scenarios/schema.json` renews it"
    );
}

#[test]
fn every_committed_scenario_loads_and_is_named_as_its_file() {
    let files = discover(&[root().join("scenarios")]).unwrap();
    assert!(files.len() >= 14, "{} scenarios", files.len());
    for file in files {
        let scenario = load(&file).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Some(scenario.name.as_str()), file.file_stem().and_then(|stem| stem.to_str()));
        assert!(!scenario.about.is_empty(), "{} says what it shows", scenario.name);
        let again = serde_json::to_string(&scenario).unwrap();
        assert_eq!(parse("again", &again).unwrap(), scenario, "it reads back as it is written");
    }
}

#[test]
fn every_key_of_the_schema_says_what_it_is_for() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut silent = Vec::new();
    each_property(&schema, &mut |name, property| {
        if property.get("description").is_none() {
            silent.push(name.to_owned());
        }
    });
    assert_eq!(silent, Vec::<String>::new(), "keys without a description");
    assert!(!schema.to_string().contains("\"null\""), "a key that may be left out is never null");
}

/// Calls `see` with every key that an object in the schema may have.
fn each_property(schema: &Value, see: &mut dyn FnMut(&str, &Value)) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            see(name, property);
        }
    }
    match schema {
        Value::Object(parts) => parts.values().for_each(|part| each_property(part, see)),
        Value::Array(parts) => parts.iter().for_each(|part| each_property(part, see)),
        _ => {}
    }
}

#[test]
fn the_loader_refuses_what_is_out_of_the_schemas_bounds() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let path: PathBuf = root().join("scenarios/raid1/raid1-disconnect-degrade-freeze-compare.json");
    let mut scenario: Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    scenario["script"] = json!([{ "every": "1ms", "times": 5, "freeze": ["all"] }]);
    let bounded = [
        ("/version", "/properties/version"),
        ("/cluster/clients", "/$defs/Cluster/properties/clients"),
        ("/cluster/client_cpus", "/$defs/Cluster/properties/client_cpus"),
        ("/cluster/targets", "/$defs/Cluster/properties/targets"),
        ("/cluster/target_cpus", "/$defs/Cluster/properties/target_cpus"),
        ("/cluster/disks_per_target", "/$defs/Cluster/properties/disks_per_target"),
        ("/cluster/managers", "/$defs/Cluster/properties/managers"),
        ("/cluster/manager_cpus", "/$defs/Cluster/properties/manager_cpus"),
        ("/cluster/disk/blocks", "/$defs/DiskModel/properties/blocks"),
        ("/cluster/disk/queue_depth", "/$defs/DiskModel/properties/queue_depth"),
        ("/cluster/disk/atomic_blocks", "/$defs/DiskModel/properties/atomic_blocks"),
        ("/cluster/disk/transfer_blocks", "/$defs/DiskModel/properties/transfer_blocks"),
        ("/cluster/disk/first_block", "/$defs/DiskModel/properties/first_block"),
        ("/volumes/0/blocks", "/$defs/Volume/properties/blocks"),
        ("/volumes/0/copies", "/$defs/Volume/properties/copies"),
        ("/workload/0/ops", "/$defs/Workload/properties/ops"),
        ("/workload/0/rate", "/$defs/Workload/properties/rate"),
        ("/workload/0/depth", "/$defs/Workload/properties/depth"),
        ("/workload/0/count", "/$defs/Workload/properties/count"),
        ("/workload/0/mix/read", "/$defs/Mix/properties/read"),
        ("/script/0/times", "/$defs/Entry/properties/times"),
    ];
    for (at, definition) in bounded {
        let definition = schema.pointer(definition).unwrap_or_else(|| panic!("no {definition}"));
        let bound = |key: &str| {
            let bound = definition.get(key).unwrap_or_else(|| panic!("{at} has no {key}"));
            bound.as_u64().or_else(|| bound.as_f64().map(|bound| bound as u64)).unwrap()
        };
        for beyond in [i128::from(bound("minimum")) - 1, i128::from(bound("maximum")) + 1] {
            let mut changed = scenario.clone();
            let (parent, key) = at.rsplit_once('/').unwrap();
            changed.pointer_mut(parent).unwrap()[key] = json!(beyond as i64);
            let error = parse("changed", &changed.to_string()).expect_err(at);
            let path = at[1..].replace('/', ".").replace(".0", "[0]");
            assert_eq!(error.errors[0].json_path, path, "{at} = {beyond}: {error}");
        }
    }
}
