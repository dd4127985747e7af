//! Files and texts into scenarios, with every error of a file at once. Writes nothing.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::collect::Reading;
use super::error::LoadError;
use super::model::Scenario;
use super::own::Words;
use super::texts::take_in;
use super::tree::Step;
use super::validate::validate;

/// The largest file that is read, in bytes: 4 MiB.
pub(super) const BYTES_MAX: usize = 4 << 20;

/// Reads a scenario file, and the files that its applications name, from its directory on.
///
/// # Errors
/// Everything that is wrong with it, in the order of its text.
pub fn load(path: &Path) -> Result<Scenario, LoadError> {
    load_with(path, &Words::default())
}

/// The same of a file that may have these words beside those of the format.
///
/// # Errors
/// Everything that is wrong with it, in the order of its text.
pub fn load_with(path: &Path, words: &Words) -> Result<Scenario, LoadError> {
    let name = path.display().to_string();
    let text = read_text(path, &name, "a scenario file")?;
    let directory = path.parent().unwrap_or(Path::new(""));
    let place = Document { directory: Some(directory), name: &name, prefix: &[], words };
    place.read(&text, |scenario: &mut Scenario| scenario)
}

/// Reads a scenario from text; `name` is what errors call the file. It names no other file: what applications replay is
/// in the text.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse(name: &str, text: &str) -> Result<Scenario, LoadError> {
    parse_with(name, text, &Words::default())
}

/// The same of a text that may have these words beside those of the format.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub fn parse_with(name: &str, text: &str, words: &Words) -> Result<Scenario, LoadError> {
    let place = Document { directory: None, name, prefix: &[], words };
    place.read(text, |scenario: &mut Scenario| scenario)
}

/// A document that holds a scenario.
pub(super) struct Document<'a> {
    /// Where the files that it names are looked for; without one, it may name none.
    pub directory: Option<&'a Path>,
    /// What errors call it.
    pub name: &'a str,
    /// The steps to the scenario.
    pub prefix: &'a [Step],
    /// What it may say beside the format.
    pub words: &'a Words,
}

impl Document<'_> {
    /// Reads it, and validates the scenario in it.
    pub(super) fn read<T: DeserializeOwned + JsonSchema>(
        &self,
        text: &str,
        scenario_of: impl Fn(&mut T) -> &mut Scenario,
    ) -> Result<T, LoadError> {
        if text.len() > BYTES_MAX {
            return Err(too_large(self.name));
        }
        let mut reading = Reading::start(self.name, text)?;
        take_in(&mut reading, self.prefix, self.directory);
        let mut document: Option<T> = reading.decode();
        if let Some(document) = &mut document {
            let scenario = scenario_of(document);
            scenario.words = self.words.clone();
            validate(&mut reading, self.prefix, scenario);
        }
        reading.finish(document)
    }
}

/// The text of a file that may be anything.
pub(super) fn read_text(path: &Path, name: &str, wanted: &str) -> Result<String, LoadError> {
    let fail = |found: &str, help: &str| Err(LoadError::of_file(name, found, wanted, help));
    if path.is_dir() {
        return fail("a directory", "name a file in it");
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return fail("no such file", "");
        }
        Err(error) => return fail(&format!("a file that cannot be opened ({error})"), ""),
    };
    let mut bytes = Vec::new();
    if let Err(error) = file.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes) {
        return fail(&format!("a file that cannot be read ({error})"), "");
    }
    if bytes.len() > BYTES_MAX {
        return Err(too_large(name));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return fail("an empty file", "");
    }
    String::from_utf8(bytes).or_else(|error| {
        let at = error.utf8_error().valid_up_to();
        fail(&format!("binary data (byte {at} is not UTF-8)"), "JSON is text in UTF-8")
    })
}

fn too_large(name: &str) -> LoadError {
    LoadError::of_file(name, "a file of more than 4 MiB", "at most 4 MiB", "")
}

#[cfg(test)]
mod tests {
    use super::{load, parse};
    use crate::base::{BlockSize, Nanos};
    use crate::scenario::{Action, Budget, CheckName, Effect, Expect, NanosRange, Trigger};

    const HEAD: &str = r#"{"version": 1, "name": "a", "cluster": {}, "volumes": [
        {"name": "vol0", "layout": "raid1", "blocks": 64, "legs": ["t0/d0", "t1/d0"]}]"#;

    /// A scenario with these parts after the required ones.
    fn with(rest: &str) -> String {
        format!("{HEAD},\n{rest}}}")
    }

    /// The errors of a text as "path: message".
    fn errors(text: &str) -> Vec<String> {
        let error = parse("a.json", text).expect_err(text);
        let show = |e: &crate::scenario::ScenarioError| format!("{}: {}", e.json_path, e.message());
        error.errors.iter().map(show).collect()
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let errors = errors(text);
        assert_eq!(errors.len(), expected.len(), "{errors:#?}");
        for (error, expected) in errors.iter().zip(expected) {
            assert!(error.contains(expected), "{error:?} should say {expected:?}");
        }
    }

    /// As `check`, for a script of this one entry.
    #[track_caller]
    fn check_entry(entry: &str, expected: &[&str]) {
        check(&with(&format!(r#""script": [{entry}]"#)), expected);
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let scenario = parse("a.json", &format!("{HEAD}}}")).unwrap();
        let cluster = &scenario.cluster;
        assert_eq!((cluster.clients, cluster.client_cpus, cluster.targets), (1, 4, 3));
        assert_eq!((cluster.target_cpus, cluster.disks_per_target), (2, 1));
        assert_eq!((cluster.managers, cluster.manager_cpus), (1, 1));
        assert_eq!(cluster.block_size, BlockSize::B4096);
        assert_eq!(cluster.poll_cost, Nanos::new(200));
        assert_eq!(cluster.boot_time, NanosRange::micros(500, 2_000));
        assert_eq!(cluster.net.bandwidth.bits_per_second(), 100_000_000_000);
        assert_eq!((cluster.disk.blocks, cluster.disk.queue_depth), (65_536, 64));
        assert_eq!(scenario.volumes[0].copies, 2);
        assert_eq!(scenario.limits.virtual_time, Nanos::from_secs(30));
        assert_eq!(scenario.limits.settle, Nanos::from_secs(10));
        assert_eq!((scenario.budget, scenario.expect), (Budget::Survivable, Expect::Pass));
        assert!(scenario.checks(CheckName::Leaks));
    }

    #[test]
    fn what_is_written_reads_back() {
        let script = r#""expect": {"violation": "mirrors"}, "budget": "none",
            "workload": [
              {"app": "random", "client": "c0", "volume": "vol0", "ops": 5, "rate": 7,
               "blocks": 4, "region": "0..31", "distribution": "hot", "stop": "2ms"},
              {"app": "verify", "client": "c0", "volume": "vol0", "start": "1.5ms"}],
            "script": [
              {"at": "3ms", "do": {"disk.slow": {"disk": "any:leg-of:vol0", "factor": 9}}, "for": "1ms..2ms"},
              {"every": "2ms..4ms", "from": "1ms", "until": "1s", "times": 3, "do": {"node.reboot": {"node": "t0", "downtime": "1ms"}}},
              {"after": "5ms", "freeze": ["mirrors", "durable"]},
              {"when": {"rebuild": "50%", "volume": "vol0"}, "nth": 2, "expect": {"node": "t1", "state": "up"}, "within": "5s"},
              {"when": {"event": "fault.applied", "node": "m0"}, "do": {"disk.inject_random_failure": {"disk": "t0/d0", "ops": ["read", "flush"], "odds": "1/1000", "phase": "after"}}},
              {"when": {"acked": 7}, "do": {"net.partition": {"a": "any:client", "b": "all:target", "oneway": true}}},
              {"when": {"volume": "vol0", "state": "healthy"}, "do": {"disk.hang": {"disk": "all:disk"}}}]"#;
        let scenario = parse("a.json", &with(script)).unwrap();
        let text = serde_json::to_string(&scenario).unwrap();
        assert_eq!(parse("b.json", &text).unwrap(), scenario, "{text}");
        let Trigger::Every { times, .. } = &scenario.script[1].trigger else { panic!() };
        assert_eq!(*times, Some(3));
        let Effect::Do(Action::DiskSlow(slow)) = &scenario.script[0].effect else { panic!() };
        assert_eq!(slow.factor, 9);
        assert_eq!(serde_json::from_str::<super::Scenario>(&text).unwrap(), scenario);
    }

    #[test]
    fn all_errors_of_a_file_are_reported_at_once() {
        let text = r#"{
  "version": 2,
  "cluster": { "targets": "three", "disk": { "blocks": 1, "reed": "20us" } },
  "volumes": [
    { "name": "vol0", "layout": "raid9", "blocks": 64 },
    { "layout": "raid1", "legs": ["t0d0"] }
  ],
  "script": [
    { "at": "3 ms", "do": { "disk.slow": { "disk": "t0/d0", "factor": 0 } } },
    { "at": "3ms", "do": { "disk.slwo": { "disk": "t0/d0", "factor": 2 } } }
  ],
  "budget": "nonee",
  "limits": { "settle": -5 }
}"#;
        check(
            text,
            &[
                "name: found no such key, expected `\"name\": …`, which is required",
                "version: found `2`, expected 1",
                "cluster.targets: found `\"three\"`, expected a whole number from 1 to 4096",
                "cluster.disk.blocks: found `1`, expected a whole number from 64",
                "cluster.disk.reed: found the unknown key `reed`",
                "volumes[0].layout: found `raid9`, expected one of `raid0`, `raid1`, `raid10` and `ec`; did you mean `raid1`?",
                "volumes[1].name: found no such key",
                "volumes[1].blocks: found no such key",
                "volumes[1].legs[0]: found `\"t0d0\"`, expected a disk such as",
                "script[0].at: found `\"3 ms\"`, expected a duration",
                "script[0].do.disk.slow.factor: found `0`, expected a whole number from 1 to 1000",
                "script[1].do.disk.slwo: found `disk.slwo`",
                "budget: found `nonee`, expected one of `survivable` and `none`; did you mean `none`?",
                "limits.settle: found `-5`",
            ],
        );
        let error = parse("a.json", text).unwrap_err();
        let factor = error.errors.iter().find(|e| e.json_path.ends_with("factor")).unwrap();
        let place = factor.place.unwrap();
        assert_eq!((place.line, place.column, place.length), (9, 71, 1));
        assert_eq!(&text[place.offset..place.offset + place.length], "0");
        let slow = error.errors.iter().find(|e| e.json_path.ends_with("slwo")).unwrap();
        assert_eq!(slow.nearest.as_deref(), Some("disk.slow"));
        assert!(slow.expected.contains("disk.heal") && !slow.expected.contains("net."), "{slow}");
    }

    #[test]
    fn files_that_are_none_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let check = |name: &str, content: &[u8], expected: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, content).unwrap();
            let error = load(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("empty.json", b"", "an empty file");
        check("blank.json", b" \n\t", "an empty file");
        check("junk.json", &[0xff, 0xfe, 0, 1], "binary data");
        check("nul.json", &[0, 1, 2], "the control character U+0000");
        check("large.json", &vec![b' '; (4 << 20) + 1], "more than 4 MiB");
        check("deep.json", "[".repeat(1 << 20).as_bytes(), "65th level");
        check("list.json", b"[]", "found an empty array, expected an object");
        check("number.json", b"1e999999999", "64 bits");
        check("string.json", b"\"x\"", "expected an object");
        check("null.json", b"null", "expected an object");
        let error = load(dir.path()).unwrap_err().to_string();
        assert!(error.contains("a directory"), "{error}");
        let error = load(&dir.path().join("gone.json")).unwrap_err().to_string();
        assert!(error.contains("no such file"), "{error}");
        let large = " ".repeat((4 << 20) + 1);
        assert!(parse("a.json", &large).unwrap_err().to_string().contains("4 MiB"));
    }

    #[test]
    fn repeated_keys_are_errors() {
        check(
            &with(r#""budget": "none", "budget": "survivable""#),
            &["budget: found the key `budget` again"],
        );
    }

    #[test]
    fn huge_and_odd_numbers_are_errors() {
        let text = |blocks: &str| {
            format!(
                r#"{{"version": 1, "name": "a", "cluster": {{}}, "volumes": [
                {{"name": "vol0", "layout": "raid1", "blocks": {blocks}}}]}}"#
            )
        };
        for odd in ["-1", "1.5", "0", "18446744073709551616", "1e3", "99999999999999999999999"] {
            check(&text(odd), &["volumes[0].blocks: found"]);
        }
        check(
            &text("999999999"),
            &["volumes[0].blocks: found `999999999`, expected room for 2 legs"],
        );
        check(&text("null"), &["volumes[0].blocks: found `null`, expected a whole number"]);
    }

    #[test]
    fn null_is_no_way_to_leave_a_key_out() {
        check(&with(r#""budget": null"#), &["budget: found `null`"]);
        check_entry(r#"{"at": null, "freeze": ["all"]}"#, &["script[0].at: found `null`"]);
    }

    #[test]
    fn many_errors_are_cut_short() {
        let entries = vec![r#"{"at": "soon", "freeze": ["all"]}"#; 2_000].join(",");
        let error = parse("a.json", &with(&format!(r#""script": [{entries}]"#))).unwrap_err();
        assert_eq!((error.errors.len(), error.more), (50, true));
        assert!(error.to_string().ends_with("there may be more: mend these first"));
    }

    #[test]
    fn a_controller_beside_three_managers_needs_a_database_of_its_own() {
        let of = |cluster| {
            let text = format!("{HEAD}}}").replace("\"cluster\": {}", cluster);
            parse("a.json", &text)
        };
        assert!(of(r#""cluster": {"managers": 3, "databases": 1}"#).is_ok());
        let error = of(r#""cluster": {"managers": 3, "satellites": {}}"#).unwrap_err();
        let help = error.errors[0].help.clone().unwrap_or_default();
        assert!(help.contains("whichever manager leads"), "{help}");
    }

    #[test]
    fn entries_have_one_trigger_and_one_effect() {
        check_entry(
            r#"{"freeze": ["all"]}"#,
            &["script[0]: found an object, expected a trigger: one of `at`"],
        );
        check_entry(
            r#"{"at": "1ms"}"#,
            &["script[0]: found an object, expected an effect: one of `do`"],
        );
        check_entry(
            r#"{"at": "1ms", "after": "2ms", "times": 3, "freeze": ["all"], "within": "1s", "for": "1ms"}"#,
            &[
                "script[0].after: found `\"2ms\"`, expected a trigger only once",
                "script[0].times: found `3`, expected it only beside `every`",
                "script[0].within: found `\"1s\"`, expected it only beside `expect`",
                "script[0].for: found `\"1ms\"`, expected it only beside `do`",
            ],
        );
        check_entry(
            r#"{"at": "1ms", "for": "1ms", "do": {"node.reboot": {"node": "t0"}}}"#,
            &["script[0].for: found `\"1ms\"`, expected no `for` beside `node.reboot`"],
        );
        check_entry(r#"{"after": "1ms", "freeze": ["all"]}"#, &["script[0].after: found"]);
        check_entry(r#"{"at": "1ms", "freeze": []}"#, &["script[0].freeze: found an empty array"]);
        check_entry(
            r#"{"at": "31s", "freeze": ["all"]}"#,
            &["script[0].at: found `\"31s\"`, expected a time before"],
        );
        check_entry(r#"{"every": "0ns", "freeze": ["all"]}"#, &["script[0].every: found"]);
        check_entry(
            r#"{"every": "1ms", "from": "5ms", "until": "2ms", "freeze": ["all"]}"#,
            &["script[0].until"],
        );
        check_entry(
            r#"{"at": "1ms", "do": {"node.pause": {"node": "t0"}, "node.resume": {"node": "t0"}}}"#,
            &["script[0].do: found `node.resume` as well, expected one key only"],
        );
        check_entry(
            r#"{"at": "1ms", "do": "disk.heal"}"#,
            &["script[0].do: found `\"disk.heal\"`, expected an object"],
        );
        check_entry(
            r#"{"at": "2ms..1ms", "freeze": ["all"]}"#,
            &["from the shorter to the longer"],
        );
    }

    #[test]
    fn conditions_are_one_of_five() {
        for (condition, expected) in [
            (r#"{"volume": "vol0"}"#, "when: found an object, expected a condition"),
            (
                r#"{"volume": "vol0", "state": "up"}"#,
                "when.state: found `\"up\"`, expected the state of a volume",
            ),
            (
                r#"{"node": "t0", "state": "healthy"}"#,
                "expected the state of a node: one of `up`, `down`",
            ),
            (r#"{"volume": "vol0", "state": "sick"}"#, "when.state: found `sick`"),
            (
                r#"{"rebuild": "101%", "volume": "vol0"}"#,
                "when.rebuild: found `\"101%\"`, expected a percentage",
            ),
            (r#"{"acked": 5, "event": "a.b"}"#, "expected a condition"),
            (
                r#"{"event": "Nothing"}"#,
                "when.event: found `\"Nothing\"`, expected the name of a trace record",
            ),
            (
                r#"{"volume": "vol1", "state": "healthy"}"#,
                "when.volume: found `\"vol1\"`, expected a volume of this scenario such as `vol0`; did you mean `vol0`?",
            ),
            (
                r#"{"node": "t9", "state": "up"}"#,
                "when.node: found `\"t9\"`, expected a node of the cluster: its targets are `t0` to `t2`",
            ),
        ] {
            check_entry(&format!(r#"{{"when": {condition}, "freeze": ["all"]}}"#), &[expected]);
        }
    }

    #[test]
    fn altered_messages_that_nobody_notices_are_beyond_the_budget() {
        let text = with(
            r#""script": [{"at": "1ms", "do": {
                "net.corrupt": {"from": "c0", "to": "t0", "odds": "1/5"}}}]"#,
        );
        assert!(parse("a.json", &text).is_ok());
        let unchecked =
            text.replace("\"cluster\": {}", r#""cluster": {"net": {"checksum": false}}"#);
        check(&unchecked, &["expected a cluster whose messages carry a checksum"]);
        let none = unchecked.replace("\"version\"", r#""budget": "none", "version""#);
        assert!(parse("a.json", &none).is_ok());
    }

    #[test]
    fn lies_of_disks_that_no_volume_finds_out_are_beyond_the_budget() {
        let of = |integrity: &str, action: &str| {
            let script = format!(r#""script": [{{"at": "1ms", "do": {{{action}}}}}]"#);
            let guarded = format!(r#""blocks": 64, "integrity": "{integrity}""#);
            with(&script).replace(r#""blocks": 64"#, &guarded)
        };
        let (lost, rot) = (
            r#""disk.lose_next_write": {"disk": "any:disk"}"#,
            r#""disk.flip_bits": {"disk": "any:disk", "block": 0}"#,
        );
        check(&of("inline", lost), &["it takes `integrity` `full`"]);
        check(&of("none", rot), &["it takes `integrity` `inline`"]);
        for (integrity, action) in [("full", lost), ("full", rot), ("inline", rot)] {
            let text = of(integrity, action);
            assert!(parse("a.json", &text).is_ok(), "{text}");
            let none = of("none", action).replace("\"version\"", r#""budget": "none", "version""#);
            assert!(parse("a.json", &none).is_ok(), "{none}");
        }
    }

    #[test]
    fn ids_that_the_cluster_lacks_are_errors() {
        for (action, expected) in [
            (
                r#""disk.heal": {"disk": "t9/d0"}"#,
                "do.disk.heal.disk: found `\"t9/d0\"`, expected a disk of the cluster",
            ),
            (r#""disk.heal": {"disk": "any:leg-of:volx"}"#, "did you mean `vol0`?"),
            (
                r#""disk.disconnect_from_client": {"disk": "t0/d0", "client": "t0"}"#,
                "client: found `\"t0\"`, expected a client",
            ),
            (
                r#""disk.disconnect_from_client": {"disk": "t0/d0", "client": "c1"}"#,
                "its clients are `c0`",
            ),
            (r#""node.pause": {"node": "m1"}"#, "its managers are `m0`"),
            (r#""node.pause": {"node": "any:disk"}"#, "expected a node such as"),
            (
                r#""net.reset": {"from": "c0", "to": "c0"}"#,
                "to: found `\"c0\"`, expected another node",
            ),
            (
                r#""disk.insert_bad_sector": {"disk": "t0/d0", "block": 65536}"#,
                "block: found `65536`, expected a block of the disk: 0 to 65535",
            ),
            (
                r#""disk.insert_bad_sector": {"disk": "t0/d0", "block": 65535, "count": 2}"#,
                "count: found `2`, expected at most 1",
            ),
            (
                r#""disk.hang": {"disk": "t0/d0", "ops": []}"#,
                "ops: found an empty array, expected `\"all\"`, or a list",
            ),
            (
                r#""disk.hang": {"disk": "t0/d0", "ops": ["reed"]}"#,
                "ops[0]: found `reed`, expected one of `read`",
            ),
            (r#""net.loss": {"from": "c0", "to": "t0", "odds": "0/5"}"#, "odds above 0"),
            (r#""net.corrupt": {"from": "c0", "to": "t0", "odds": "0/5"}"#, "odds above 0"),
            (
                r#""net.drop_next": {"from": "c0", "to": "t0", "message": "wirte"}"#,
                "did you mean `write`?",
            ),
            (
                r#""net.duplicate_next": {"from": "c0", "to": "t0", "message": "write", "count": 0}"#,
                "count: found `0`, expected",
            ),
            (
                r#""net.interface_down": {"interface": "t0/if1"}"#,
                "interface: found `\"t0/if1\"`, expected an interface of the node: `if0` to `if0`",
            ),
            (r#""net.interface_down": {"interface": "t7/if0"}"#, "its targets are `t0` to `t2`"),
            (r#""net.interface_down": {"interface": "t0/d0"}"#, "expected an interface such as"),
            (
                r#""net.bandwidth": {"from": "c0", "to": "t0", "rate": "0Gbps"}"#,
                "rate: found `\"0Gbps\"`",
            ),
            (
                r#""net.loss": {"from": "c0", "to": "t0", "odds": "2/1"}"#,
                "odds: found `\"2/1\"`, expected odds",
            ),
        ] {
            check_entry(&format!(r#"{{"at": "1ms", "do": {{{action}}}}}"#), &[expected]);
        }
    }

    #[test]
    fn volumes_have_to_fit_the_cluster() {
        let volumes = |volumes: &str| {
            format!(
                r#"{{"version": 1, "name": "a", "cluster": {{"disks_per_target": 2}}, "volumes": [{volumes}]}}"#
            )
        };
        let volume =
            |rest: &str| volumes(&format!(r#"{{"name": "v", "layout": "raid1", {rest}}}"#));
        check(&volumes(""), &["volumes: found 0 volumes, expected 1 to"]);
        check(&volume(r#""blocks": 1, "legs": ["t0/d0"]"#), &["legs: found 1 legs, expected 2"]);
        check(
            &volume(r#""blocks": 1, "legs": ["t0/d0", "t0/d0"]"#),
            &["legs[1]: found `\"t0/d0\"`, expected another disk"],
        );
        check(&volume(r#""blocks": 1, "legs": ["t0/d0", "t0/d1"]"#), &["legs share target t0"]);
        check(
            &volume(r#""blocks": 1, "legs": ["t0/d0", "t3/d0"]"#),
            &["legs[1]: found `\"t3/d0\"`, expected a disk of the cluster"],
        );
        check(
            &volume(r#""blocks": 1, "copies": 4"#),
            &["volumes[0]: found 4 copies and no `legs`, expected at most 3"],
        );
        check(
            &volume(r#""blocks": 1, "copies": 5"#),
            &["copies: found `5`, expected a whole number from 2 to 4"],
        );
        check(
            &volume(r#""blocks": 65536"#),
            &[
                "blocks: found `65536`, expected room for 2 legs on distinct targets: with its metadata one takes 65538 blocks, and 65536 are left",
            ],
        );
        let striped = |rest: &str| volumes(&format!(r#"{{"name": "v", "blocks": 64, {rest}}}"#));
        check(
            &striped(r#""layout": "raid10", "legs": ["t0/d0", "t1/d0", "t2/d0"]"#),
            &["legs: found 3 legs, expected a multiple of the 2 copies, at most 16"],
        );
        check(
            &striped(r#""layout": "raid10", "legs": ["t0/d0", "t0/d1", "t1/d0", "t2/d0"]"#),
            &[
                "legs[1]: found `\"t0/d1\"`, expected a disk of another target: legs share target t0",
            ],
        );
        check(&striped(r#""layout": "raid0", "legs": []"#), &["legs: found 0 legs, expected 1 to"]);
        check(
            &striped(r#""layout": "raid0", "stripe_blocks": 0"#),
            &["stripe_blocks: found `0`, expected a whole number from 1 to 1024"],
        );
        check(&striped(r#""layout": "ec", "data": 2"#), &["found no `parity`, expected how many"]);
        check(
            &striped(r#""layout": "raid0", "data": 2"#),
            &["found `data`, expected it only with"],
        );
        check(
            &striped(r#""layout": "ec", "data": 12, "parity": 4, "stripe_blocks": 65"#),
            &["found 16 columns and no `legs`", "stripe_blocks: found `65`, expected at most 64"],
        );
        check(
            &striped(r#""layout": "ec", "data": 2, "parity": 1, "legs": ["t0/d0", "t1/d0"]"#),
            &["legs: found 2 legs, expected 3, one for each column of data and of parity"],
        );
        let spared = |spares: &str| volume(&format!(r#""blocks": 64, "spares": [{spares}]"#));
        check(
            &spared(r#""t2/d0", "t2/d1""#),
            &["spares[1]: found `\"t2/d1\"`, expected a disk of another target: t2 has a leg"],
        );
        check(
            &volume(r#""blocks": 64, "legs": ["t0/d0", "t1/d0"], "spares": ["t1/d1"]"#),
            &["spares[0]: found `\"t1/d1\"`, expected a disk of another target: t1 has a leg"],
        );
        check(&spared(r#""t7/d0""#), &["spares[0]: found `\"t7/d0\"`, expected a disk of"]);
        check(
            &volume(r#""blocks": 64, "copies": 3, "spares": ["t2/d0"]"#),
            &[
                "found 3 copies and no `legs`, expected at most 2, as many as there are targets without",
            ],
        );
        check(
            &striped(r#""layout": "raid0", "legs": ["t0/d0"], "spares": ["t2/d0"]"#),
            &["spares: found `spares`, expected none with the layout `raid0`"],
        );
        let scenario = parse("a.json", &spared(r#""t1/d0""#)).unwrap();
        let targets = |at: usize| scenario.place_legs().unwrap()[0][at].disk.target;
        assert_eq!([0, 1, 2].map(targets), [0, 2, 1], "legs keep off the spare's target");
        let scenario = parse("a.json", &striped(r#""layout": "raid10""#)).unwrap();
        assert_eq!(scenario.place_legs().unwrap()[0].len(), 2, "three targets: one group of two");
        let scenario = parse("a.json", &striped(r#""layout": "raid0""#)).unwrap();
        assert_eq!(scenario.place_legs().unwrap()[0].len(), 3);
        let two =
            r#"{"name": "v", "layout": "raid1", "blocks": 40000, "legs": ["t0/d0", "t1/d0"]}"#;
        check(
            &volumes(&format!("{two}, {two}")),
            &[
                "volumes[1].name: found `\"v\"`, expected a name of its own",
                "volumes[1].blocks: found `40000`, expected legs that fit on t0/d0",
            ],
        );
        check(
            &volumes(r#"{"name": "a b", "layout": "raid1", "blocks": 1}"#),
            &["name: found `\"a b\"`"],
        );
    }

    #[test]
    fn applications_have_to_fit_their_volume() {
        let app = |rest: &str| {
            with(&format!(r#""workload": [{{"client": "c0", "volume": "vol0", {rest}}}]"#))
        };
        check(&app(r#""app": "random""#), &["workload[0].ops: found no such key"]);
        check(
            &app(r#""app": "verify", "ops": 5"#),
            &["workload[0].ops: found `5`, expected no such key with app `verify`"],
        );
        check(
            &app(r#""app": "verify", "blocks": "0..3""#),
            &["blocks: found `\"0..3\"`, expected at least 1"],
        );
        check(
            &app(r#""app": "verify", "region": "0..64""#),
            &[
                "region: found `\"0..64\"`, expected blocks of volume `vol0`, which has blocks 0 to 63",
            ],
        );
        check(
            &app(r#""app": "verify", "region": "0..6""#),
            &["blocks: found up to 8 blocks, expected at most 7"],
        );
        check(&app(r#""app": "verify", "start": "30s""#), &["start: found"]);
        check(
            &app(r#""app": "random", "ops": 1, "mix": {}"#),
            &["mix: found an empty object, expected a weight above 0"],
        );
    }

    #[test]
    fn an_expected_violation_must_be_looked_for() {
        check(
            &with(r#""checks": ["linear"], "expect": {"violation": "mirrors"}"#),
            &["expect.violation: found `\"mirrors\"`, expected a check that is among `checks`"],
        );
        check(
            &with(r#""expect": {"crash": false}"#),
            &["expect.crash: found `false`, expected `true`"],
        );
        check(&with(r#""expect": "fail""#), &["expect: found `fail`, expected one of `pass`"]);
        check(
            &with(r#""expect": "crash""#),
            &["expect: found `\"crash\"`, expected an object: `{\"crash\": …}`"],
        );
        check(
            &with(r#""expect": {"pass": true}"#),
            &["expect: found an object, expected `\"pass\"` alone"],
        );
    }

    #[test]
    fn a_script_that_surely_takes_every_copy_is_refused() {
        let script = |entries: &str| with(&format!(r#""script": [{entries}]"#));
        let off = |at: &str, node: &str, undo: &str| {
            format!(r#"{{"at": "{at}", "do": {{"node.power_off": {{"node": "{node}"}}}}{undo}}}"#)
        };
        let unplug = r#"{"at": "4ms", "do": {"disk.unplug": {"disk": "t1/d0"}}}"#;
        let fatal =
            &["found `disk.unplug` at a time when every other leg of volume `vol0` is away"];
        check(&script(&format!("{}, {unplug}", off("1ms", "t0", ""))), fatal);
        check(&script(&format!("{unplug}, {}", off("1ms", "t0", r#", "for": "5ms""#))), fatal);
        check(&script(&off("1ms", "all:target", "")), &["script[0].do: found `node.power_off`"]);
        let fine = |entries: &str| {
            parse("a.json", &script(entries)).unwrap();
        };
        fine(&format!("{unplug}, {}", off("1ms", "t0", r#", "for": "2ms..5ms""#)));
        fine(&format!("{unplug}, {}", off("1ms", "t2", "")));
        let on = r#"{"when": {"acked": 1}, "do": {"node.power_on": {"node": "any:target"}}}"#;
        fine(&format!("{unplug}, {on}, {}", off("1ms", "t0", "")));
        let text = script(&format!("{}, {unplug}", off("1ms", "t0", "")));
        let beyond = text.replace("\"script\"", "\"budget\": \"none\", \"script\"");
        parse("a.json", &beyond).unwrap();
        let striped = |layout: &str, entries: &str| {
            let legs = r#""legs": ["t0/d0", "t1/d0"]"#;
            let text = script(entries).replace("raid1", layout);
            match layout {
                "raid10" => text.replace(legs, r#""legs": ["t0/d0", "t2/d0", "t1/d0", "t3/d0"]"#),
                _ => text,
            }
            .replace(r#""cluster": {}"#, r#""cluster": {"targets": 4}"#)
        };
        check(&striped("raid0", unplug), fatal);
        let two = format!("{}, {unplug}", off("1ms", "t0", ""));
        parse("a.json", &striped("raid10", &two)).unwrap();
        check(&striped("raid10", &format!("{}, {unplug}", off("1ms", "t3", ""))), fatal);
    }

    #[test]
    fn no_text_makes_the_loader_panic_or_stall() {
        let script = r#""workload": [{"app": "random", "client": "c0", "volume": "vol0", "ops": 9}],
            "script": [{"at": "1ms", "do": {"disk.slow": {"disk": "t0/d0", "factor": 2}}, "for": "1ms"}],
            "expect": {"violation": "mirrors"}"#;
        let text = with(script);
        parse("whole", &text).unwrap();
        for at in 0..text.len() {
            let (before, after) = (&text[..at], &text[at + 1..]);
            assert!(parse("cut", before).is_err(), "{before}");
            for other in ["", "\"", "{", "]", ",", "0", "-", "é", "\\"] {
                // Whatever the verdict, there is one.
                let _ = parse("changed", &format!("{before}{other}{after}"));
            }
        }
    }

    #[test]
    fn a_large_file_full_of_errors_takes_no_longer_than_its_size_allows() {
        let entry = r#"{"at": "99s", "at": "1s", "freeze": ["all"], "x": 1}"#;
        let entries = vec![entry; (3 << 20) / (entry.len() + 1)].join(",");
        let error = parse("a.json", &with(&format!(r#""script": [{entries}]"#))).unwrap_err();
        assert_eq!((error.errors.len(), error.more), (50, true));
    }

    #[test]
    fn damaged_parts_raise_no_further_errors() {
        let text = with(r#""script": [{"at": "1ms", "do": {"disk.heal": {"disk": "t7/d0"}}}]"#);
        check(
            &text.replace("\"cluster\": {}", r#""cluster": {"targets": 0}"#),
            &["cluster.targets"],
        );
        let text = with(r#""workload": [{"app": "verify", "client": "c0", "volume": "vol0"}]"#);
        check(&text.replace("raid1", "raid9"), &["volumes[0].layout"]);
        check_entry(
            r#"{"att": "1ms", "freeze": ["all"]}"#,
            &["script[0].att: found the unknown key `att`"],
        );
        check_entry(
            r#"{"at": "1ms", "freeze": ["mirors"]}"#,
            &["script[0].freeze[0]: found `mirors`"],
        );
    }
}
