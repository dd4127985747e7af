//! Runs the program under callgrind and reads how many instructions it took. Judges nothing.

use std::path::Path;
use std::process::Command;

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    /// Instructions of the whole process.
    pub instructions: u64,
    /// Operations of applications.
    pub ios: u64,
}

/// What valgrind calls itself, if it is there.
pub fn version() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs seed 1 of a scenario with this program; its profile goes into the file `profile`.
pub fn count(program: &Path, scenario: &str, profile: &Path) -> Result<Count, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("scenarios").join(scenario).with_extension("json");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--cache-sim=no"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .args(["run", "--seed", "1", "--json"])
        .arg(file)
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(format!("the run under valgrind ended with {}\n{told}", output.status));
    }
    let result: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("the run's result is no JSON: {error}"))?;
    let ios = result["ops"].as_u64().ok_or("the run's result has no `ops`")?;
    let collected = told.lines().find_map(|line| line.split_once("Collected :"));
    let (_, instructions) = collected.ok_or_else(|| format!("callgrind told no count\n{told}"))?;
    let instructions = instructions.trim().parse();
    Ok(Count {
        instructions: instructions.map_err(|error| format!("callgrind's count: {error}"))?,
        ios,
    })
}
