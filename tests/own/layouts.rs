//! A layout that a program adds holds volumes as the format's own do, or is refused.

use stormglass::base::LegIndex;
use stormglass::layout::{AnyLayout, Coded, Layout, LegSet, Raid10, Run, Wanted, examine};
use stormglass::scenario::{Scenario, Words, parse_with, schema_with, seed_file_schema_with};
use stormglass::world::{Keep, Own, RunOptions, simulate};

use super::{lines, passes, ran, saved, says};

/// A layout that says what another one says, but for where blocks are.
struct Turned {
    inner: AnyLayout,
    run: fn(&AnyLayout, u64, u32) -> Run,
    block_at: fn(&AnyLayout, LegIndex, u64) -> Option<u64>,
}

impl Turned {
    /// The other layout as it is.
    fn not(inner: impl Into<AnyLayout>) -> Self {
        let (inner, run) = (inner.into(), AnyLayout::run as fn(&_, _, _) -> _);
        Self { inner, run, block_at: AnyLayout::block_at }
    }
}

impl Layout for Turned {
    fn legs(&self) -> u8 {
        self.inner.legs()
    }
    fn group_of(&self, leg: LegIndex) -> LegSet {
        self.inner.group_of(leg)
    }
    fn needed(&self) -> u32 {
        self.inner.needed()
    }
    fn columns(&self) -> u32 {
        self.inner.columns()
    }
    fn row_depth(&self) -> u32 {
        self.inner.row_depth()
    }
    fn code(&self) -> Option<Coded> {
        self.inner.code()
    }
    fn journal_blocks(&self) -> u64 {
        self.inner.journal_blocks()
    }
    fn run(&self, block: u64, blocks: u32) -> Run {
        (self.run)(&self.inner, block, blocks)
    }
    fn block_at(&self, leg: LegIndex, at: u64) -> Option<u64> {
        (self.block_at)(&self.inner, leg, at)
    }
}

/// Two mirrors.
fn mirrors(wanted: &Wanted) -> Raid10 {
    Raid10 { groups: 2, copies: wanted.copies, stripe_blocks: wanted.stripe_blocks }
}

/// Every block of a stripe is in the mirrored place of the stripe.
fn backwards(wanted: &Wanted) -> Turned {
    fn turned(inner: &AnyLayout, place: u64) -> u64 {
        let depth = u64::from(inner.row_depth());
        place / depth * depth + (depth - 1 - place % depth)
    }
    Turned {
        inner: mirrors(wanted).into(),
        run: |inner, block, _| inner.run(turned(inner, block), 1),
        block_at: |inner, leg, at| inner.block_at(leg, turned(inner, at)),
    }
}

/// Two neighbouring blocks are in one place.
fn crowded(wanted: &Wanted) -> Turned {
    let run = |inner: &AnyLayout, block, blocks| inner.run(block - block % 2, blocks);
    Turned { run, ..Turned::not(mirrors(wanted)) }
}

fn layouts() -> Words {
    let own = Own::new().layout("mine.mirrors", "Two mirrors.", |it| Turned::not(mirrors(it)));
    let own = own.layout("mine.backwards", "Two mirrors, stripes from behind.", backwards);
    let own = own.layout("mine.crowded", "Two mirrors, two blocks in one place.", crowded);
    let code = |it: &Wanted| {
        let (data, parity) = (it.data.unwrap_or(2), it.parity.unwrap_or(1));
        Turned::not(Coded { data, parity, stripe_blocks: it.stripe_blocks })
    };
    own.layout("mine.code", "Two columns of data and one of parity, or as many as are named.", code)
        .words()
}

/// A scenario with a volume of this layout, through reboots, a new disk and a spare.
fn laid_out(layout: &str, legs: usize) -> String {
    let disks: Vec<String> = (0..legs).map(|leg| format!("\"t{leg}/d0\"")).collect();
    format!(
        r#"{{ "version": 1, "name": "laid-out", "cluster": {{ "targets": 6 }}, "inert": "allowed",
            "volumes": [{{ "name": "vol0", {layout}, "stripe_blocks": 4, "blocks": 203,
                "legs": [{}], "spares": ["t5/d0"], "spare_after": "10ms", "scrub_rate": 4000 }}],
            "workload": [{{ "app": "random", "client": "c0", "volume": "vol0", "ops": 250, "rate": 20000 }}],
            "script": [{{ "every": "4ms", "times": 3, "do": {{ "node.reboot": {{ "node": "any:target" }} }} }},
                {{ "at": "9ms", "do": {{ "disk.replace": {{ "disk": "any:leg-of:vol0" }} }} }},
                {{ "at": "13ms", "do": {{ "net.isolate": {{ "node": "any:target" }} }}, "for": "30ms" }}] }}"#,
        disks.join(", ")
    )
}

fn read_laid_out(layout: &str, legs: usize) -> Scenario {
    let text = laid_out(layout, legs);
    parse_with("laid-out", &text, &layouts()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn volumes_of_a_layout_of_ones_own_stand_what_others_stand() {
    let backwards = read_laid_out(r#""layout": "mine.backwards""#, 4);
    for seed in 1..=6 {
        let options = RunOptions { trace: Keep::All, ..RunOptions::default() };
        let report = simulate(&backwards, seed, &options);
        passes(&report);
        assert!(!lines(&report, "volume.rebuild").is_empty(), "seed {seed} rebuilds nothing");
        assert_eq!(simulate(&backwards, seed, &RunOptions::default()).digest, report.digest);
    }
}

#[test]
fn one_that_says_what_a_layout_of_the_format_says_makes_the_same_runs() {
    for (own, format, legs) in [
        (r#""layout": "mine.mirrors""#, r#""layout": "raid10""#, 4),
        (r#""layout": "mine.mirrors", "copies": 3"#, r#""layout": "raid10", "copies": 3"#, 6),
        (r#""layout": "mine.code""#, r#""layout": "ec", "data": 2, "parity": 1"#, 3),
        (
            r#""layout": "mine.code", "data": 3, "parity": 2"#,
            r#""layout": "ec", "data": 3, "parity": 2"#,
            5,
        ),
    ] {
        let without_spares = |layout| {
            let text = laid_out(layout, legs).replace(r#", "spares": ["t5/d0"]"#, "");
            parse_with("laid-out", &text, &layouts()).unwrap_or_else(|error| panic!("{error}"))
        };
        let (own, format) = (ran(&without_spares(own)), ran(&without_spares(format)));
        passes(&own);
        assert_eq!(own.digest, format.digest);
    }
}

/// What is wrong with a volume of this layout: the paths and what is said there.
fn refused(layout: &str, legs: usize, words: &Words) -> Vec<(String, String)> {
    let error = parse_with("laid-out", &laid_out(layout, legs), words).expect_err(layout);
    error.errors.iter().map(|it| (it.json_path.clone(), it.message())).collect()
}

#[test]
fn a_layout_that_breaks_its_promises_is_refused_by_its_name() {
    let found = refused(r#""layout": "mine.crowded""#, 4, &layouts());
    let [(path, said)] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(path, "volumes[0].layout");
    let broken =
        "`mine.crowded`, which has block 1 on leg0 at 0 by `run`, and block 0 by `block_at`";
    assert!(said.contains(broken) && said.contains("the trait `Layout`"), "{said}");
    let deep = laid_out(r#""layout": "mine.code""#, 3).replace("_blocks\": 4", "_blocks\": 65");
    let error = parse_with("laid-out", &deep, &layouts()).expect_err("no code has such stripes");
    assert!(error.errors[0].found.contains("has a code with stripes of 65 blocks"), "{error}");
    let wanted =
        Wanted { legs: 4, copies: 2, stripe_blocks: 4, data: None, parity: None, blocks: 203 };
    assert_eq!(examine(&backwards(&wanted), 203), Ok(()));
    assert!(examine(&crowded(&wanted), 203).is_err());
}

#[test]
fn a_layout_that_nobody_has_is_told_with_the_nearest_that_somebody_has() {
    let found = refused(r#""layout": "mine.bakwards""#, 4, &layouts());
    let [(path, said)] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(path, "volumes[0].layout");
    for part in
        ["found `mine.bakwards`", "`raid10`", "`mine.code`", "did you mean `mine.backwards`?"]
    {
        assert!(said.contains(part), "{said}");
    }
    let found = refused(r#""layout": "raid.10""#, 4, &Words::default());
    let [(_, said)] = &found[..] else { panic!("{found:#?}") };
    assert!(said.contains("did you mean `raid10`?") && !said.contains("mine."), "{said}");
    let found = refused(r#""layout": "backwards""#, 4, &layouts());
    assert!(found[0].1.contains("`raid0`"), "{found:#?}");
}

#[test]
fn a_layout_of_ones_own_says_how_many_legs_it_has() {
    let found = refused(r#""layout": "mine.mirrors""#, 5, &layouts());
    let said = found.iter().find(|(path, _)| path == "volumes[0].legs");
    let said = &said.unwrap_or_else(|| panic!("{found:#?}")).1;
    assert!(
        said.contains("found 5 legs, expected 4, as many as `mine.mirrors` has here"),
        "{said}"
    );
    let text =
        laid_out(r#""layout": "mine.mirrors", "copies": 4"#, 0).replace(r#""legs": [], "#, "");
    let error = parse_with("laid-out", &text, &layouts()).expect_err("there are five targets");
    let said = error.errors[0].message();
    assert!(said.contains("found 8 legs and no `legs`, expected at most 5"), "{said}");
}

#[test]
fn layouts_of_ones_own_are_in_the_schema_and_read_back() {
    let schema_of = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    for text in [schema_with(&layouts()), seed_file_schema_with(&layouts())] {
        let schema = schema_of(&text);
        let choices = schema["$defs"]["Layout"]["oneOf"].as_array().expect("some");
        assert_eq!(choices.len(), 8);
        assert_eq!(choices[4]["const"], "mine.mirrors");
        assert_eq!(choices[4]["description"], "Two mirrors.");
    }
    let scenario = read_laid_out(r#""layout": "mine.backwards""#, 4);
    let written = serde_json::to_string(&scenario).expect("it is plain JSON");
    let again = parse_with("again", &written, &layouts()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again, scenario);
    assert_eq!(serde_json::from_str::<Scenario>(&written).expect("it reads"), scenario);
}

#[test]
#[should_panic(expected = "there is a mine.mirrors already")]
fn a_layout_has_a_name_of_its_own() {
    let own = Own::new().layout("mine.mirrors", "Two mirrors.", mirrors);
    let _own = own.layout("mine.mirrors", "Two mirrors.", mirrors);
}

#[test]
fn the_whole_command_line_knows_layouts() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    let diagonal = r#"{ "version": 1, "name": "diagonal", "cluster": { "targets": 4 },
        "volumes": [{ "name": "vol0", "layout": "mine.diagonal", "blocks": 64, "stripe_blocks": 4 }],
        "workload": [{ "app": "random", "client": "c0", "volume": "vol0", "ops": 100 }],
        "script": [{ "at": "1ms", "do": { "node.reboot": { "node": "any:target" } } },
            { "at": "1us", "expect": { "acked": 100 }, "within": "WITHIN" }] }"#;
    for (name, within) in [("fine.json", "5s"), ("hasty.json", "1us")] {
        std::fs::write(at.join(name), diagonal.replace("WITHIN", within)).expect("a file");
    }
    let says = |arguments: &str, code, parts: &[&str]| {
        says(("own_layout", at), arguments, code, parts);
    };
    says("list layouts", 0, &["raid10 ", "mine.diagonal  Stripes over groups of `copies` legs"]);
    says("schema", 0, &["\"mine.diagonal\""]);
    says("validate fine.json", 0, &["1 file: no error"]);
    says("sweep fine.json --seeds 4 --jobs 1", 0, &["no failure"]);
    says("view fine.json --seed 2 --html run.html", 0, &[]);
    says("sweep hasty.json --seeds 1 --jobs 1 --save seeds", 11, &["expectation-failed"]);
    says(&format!("replay {}", saved(at)), 11, &["bit for bit"]);
}
