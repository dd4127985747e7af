//! A layout of one's own: stripes over mirrors, each row of which begins one mirror further than the one before, so that what
//! is read at equal distances is not all on one mirror. Without arguments it compares it with `raid10` and runs a scenario;
//! with some it is the whole command line: `list layouts`, `schema`, `sweep FILE`, …

use std::collections::BTreeSet;

use stormglass::base::LegIndex;
use stormglass::layout::{Layout, LegSet, Raid10, Run, examine};
use stormglass::scenario::{Words, parse_with};
use stormglass::world::{Own, RunOptions, Verdict, simulate};

/// Stripes over groups of copies, in each row one group further.
struct Diagonal(Raid10);

impl Diagonal {
    /// The leg that has the part of another one, so many rows further.
    fn turned(&self, leg: LegIndex, rows: u64) -> LegIndex {
        let legs = u64::from(self.legs());
        let turned = u64::from(leg.get()) + rows % legs * u64::from(self.0.copies);
        LegIndex::new((turned % legs) as u8)
    }

    fn row_at(&self, at: u64) -> u64 {
        at / u64::from(self.row_depth())
    }
}

impl Layout for Diagonal {
    fn legs(&self) -> u8 {
        self.0.legs()
    }

    fn group_of(&self, leg: LegIndex) -> LegSet {
        self.0.group_of(leg)
    }

    fn needed(&self) -> u32 {
        self.0.needed()
    }

    fn columns(&self) -> u32 {
        self.0.columns()
    }

    fn row_depth(&self) -> u32 {
        self.0.row_depth()
    }

    fn run(&self, block: u64, blocks: u32) -> Run {
        let run = self.0.run(block, blocks);
        let leg = self.turned(run.legs.first(), self.row_at(run.at));
        Run { legs: self.group_of(leg), ..run }
    }

    fn block_at(&self, leg: LegIndex, at: u64) -> Option<u64> {
        let groups = u64::from(self.0.groups);
        let back = groups - self.row_at(at) % groups;
        self.0.block_at(self.turned(leg, back), at)
    }
}

fn words() -> Words {
    let about = "Stripes over groups of `copies` legs, each row one group further.";
    let own = Own::new().layout("mine.diagonal", about, |wanted| {
        let (groups, copies) = ((wanted.legs / wanted.copies).max(1), wanted.copies);
        Diagonal(Raid10 { groups, copies, stripe_blocks: wanted.stripe_blocks })
    });
    own.words()
}

/// On how many mirrors the first blocks of a hundred rows are.
fn mirrors_met(layout: &dyn Layout) -> usize {
    let row = u64::from(layout.columns() * layout.row_depth());
    let firsts = (0..100).map(|number| layout.run(number * row, 1).legs.bits());
    firsts.collect::<BTreeSet<u16>>().len()
}

const SCENARIO: &str = r#"{ "version": 1, "name": "diagonal", "cluster": { "targets": 6 },
    "volumes": [{ "name": "vol0", "layout": "mine.diagonal", "stripe_blocks": 4, "blocks": 240,
        "legs": ["t0/d0", "t1/d0", "t2/d0", "t3/d0"], "spares": ["t4/d0"], "spare_after": "10ms" }],
    "workload": [{ "app": "random", "client": "c0", "volume": "vol0", "ops": 300, "rate": 20000 }],
    "script": [{ "at": "2ms", "do": { "node.reboot": { "node": "any:target" } } },
        { "at": "6ms", "do": { "disk.replace": { "disk": "any:leg-of:vol0" } } },
        { "at": "9ms", "do": { "net.isolate": { "node": "any:target" } }, "for": "1ms..14ms" }] }"#;

fn main() -> std::process::ExitCode {
    let words = words();
    if std::env::args_os().len() > 1 {
        return stormglass::cli::main_with_words(std::env::args_os(), &words).into();
    }
    let raid10 = Raid10 { groups: 4, copies: 2, stripe_blocks: 8 };
    let diagonal = Diagonal(raid10);
    // What the loader asks before it takes a scenario with such a volume: best asked in a test of one's own.
    examine(&diagonal, 1000).unwrap_or_else(|broken| panic!("a layout that {broken}"));
    let met = [mirrors_met(&raid10), mirrors_met(&diagonal)];
    println!(
        "first blocks of 100 rows: on {} mirror of raid10, on {} of mine.diagonal",
        met[0], met[1]
    );
    let scenario =
        parse_with("diagonal", SCENARIO, &words).unwrap_or_else(|error| panic!("{error}"));
    let reports = (1..=20).map(|seed| simulate(&scenario, seed, &RunOptions::default()));
    let passed = reports.filter(|report| matches!(report.verdict, Verdict::Pass)).count();
    println!("{passed} of 20 seeds pass");
    std::process::ExitCode::SUCCESS
}
