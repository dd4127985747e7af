//! Counts instructions per IO under callgrind, and holds them to the last row of the table in `docs/performance.md`.
//!
//! Time on a busy machine says little; instructions are the same from run to run, to within one in a thousand.
//! What is counted is the program that the command line names, or else the one built beside this benchmark; the
//! figures of the table are those of the build that it names. A rise of more than 5 % over the last row fails:
//! make it cheaper, or add a row that says what it bought. With `--layers` it tells instead on which layers of the
//! tree the instructions of the first of the scenarios go, of a program with line numbers.

mod callgrind;
mod layers;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use callgrind::{Count, count};
use table::{Budget, budget};

/// The scenarios whose runs of seed 1 are counted: mirrors, restarts on 64 CPUs, an erasure code.
const SCENARIOS: [&str; 3] =
    ["reboots/io-in-the-air", "reboots/restarts-370", "ec/ec-baseline-2-1"];
/// So much more than the last row says is noise of compilers and C libraries; in percent.
const TOLERANCE: u64 = 5;

fn main() -> ExitCode {
    let Some(version) = callgrind::version() else {
        eprintln!("valgrind is not installed: instructions cannot be counted");
        return ExitCode::FAILURE;
    };
    println!("instructions per IO, seed 1, {version}");
    // `cargo bench` adds an option of its own.
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let program = PathBuf::from(given.as_deref().unwrap_or(env!("CARGO_BIN_EXE_stormglass")));
    if std::env::args().any(|argument| argument == "--layers") {
        return match tell_layers(&program) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let budgets = match budget() {
        Ok(budgets) => budgets,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let counts = thread::scope(|scope| {
        SCENARIOS
            .map(|scenario| {
                scope.spawn({
                    let program = &program;
                    move || count(program, scenario, Path::new("/dev/null"))
                })
            })
            .map(|count| count.join().expect("counting does not panic"))
    });
    let mut is_good = true;
    for ((scenario, counted), allowed) in SCENARIOS.iter().zip(counts).zip(budgets) {
        match counted {
            Ok(counted) => is_good &= tell(scenario, counted, allowed),
            Err(error) => {
                eprintln!("{scenario}: {error}");
                is_good = false;
            }
        }
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints on which layers the instructions go.
fn tell_layers(program: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| format!("a temporary folder: {error}"))?;
    let file = folder.path().join("profile");
    let counted = count(program, SCENARIOS[0], &file)?;
    let profile =
        std::fs::read_to_string(&file).map_err(|error| format!("its profile: {error}"))?;
    println!("{}: {} instructions an IO", SCENARIOS[0], counted.instructions / counted.ios.max(1));
    for (layer, sum) in layers::by_layer(&profile) {
        let share = sum as f64 / counted.instructions as f64 * 100.0;
        println!("{layer:20} {:>8} {share:>6.1} %", sum / counted.ios.max(1));
    }
    Ok(())
}

/// Prints what was counted; whether it is within the budget.
fn tell(scenario: &str, counted: Count, allowed: Budget) -> bool {
    let per_io = counted.instructions / counted.ios.max(1);
    let change = (per_io as f64 / allowed.per_io as f64 - 1.0) * 100.0;
    let is_good = per_io * 100 <= allowed.per_io * (100 + TOLERANCE);
    let verdict = match is_good {
        _ if counted.ios == 0 => "no IO: nothing was counted",
        true if per_io * 100 < allowed.per_io * (100 - TOLERANCE) => {
            "cheaper: a new row in docs/performance.md keeps it so"
        }
        true => "as it was",
        false => "MORE than docs/performance.md allows: its last row, and 5 %",
    };
    println!("{scenario:24} {per_io:>8} of {:>8}  {change:+.1} %  {verdict}", allowed.per_io);
    is_good && counted.ios > 0
}
