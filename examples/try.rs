//! Scratch.
use stormglass::scenario::load;
use stormglass::world::{Keep, RunOptions, Verdict, simulate};
fn main() {
    let mut args = std::env::args().skip(1);
    let file = args.next().unwrap();
    let first: u64 = args.next().unwrap_or("1".into()).parse().unwrap();
    let last: u64 = args.next().unwrap_or(first.to_string()).parse().unwrap();
    let trace = args.next().is_some();
    let s = load(std::path::Path::new(&file)).unwrap_or_else(|e| panic!("{e}"));
    for seed in first..=last {
        let t = std::time::Instant::now();
        let keep = if trace { Keep::All } else { Keep::Nothing };
        let r = simulate(&s, seed, &RunOptions { trace: keep, ..Default::default() });
        let w = t.elapsed();
        if trace {
            for rec in &r.trace {
                eprintln!("{} {}<-{}", rec.line(&r.names), rec.seq, rec.cause);
            }
        }
        let v = match &r.verdict {
            Verdict::Pass => "pass".to_string(),
            Verdict::Violation(v) => {
                v.iter().map(|v| v.report(&r.names)).collect::<Vec<_>>().join("\n")
            }
            Verdict::Liveness(l) => format!("{} {}", l.kind, l.waiting.join("\n")),
            Verdict::Crash(c) => format!("{c:?}"),
            Verdict::Inert(i) => format!("{i:?}"),
        };
        println!(
            "{} {seed} {:032x} virt {} ops {} reboots {} faults {} ev {} wall {:?} iops {:.0} rb/s {:.0}: {v}",
            r.scenario,
            r.digest,
            r.virtual_time,
            r.ops,
            r.reboots,
            r.faults,
            r.events,
            w,
            r.ops as f64 / w.as_secs_f64(),
            r.reboots as f64 / w.as_secs_f64()
        );
        if v != "pass" {
            break;
        }
    }
}
