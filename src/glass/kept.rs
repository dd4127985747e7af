//! What is kept of a seed that failed: its report as text, and the run as a page. Runs no seed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::Record;
use crate::view::{Scene, write_html};

use super::failure::{Failure, How};

/// A page has so many of the last records at most.
pub(super) const RECORDS_MAX: u64 = 200_000;

/// Keeps a failure as text in a directory; where, if that could be done.
pub(super) fn keep_text(directory: &Path, failure: &Failure) -> Option<PathBuf> {
    let path =
        directory.join(format!("{}-{}.txt", file_name(failure.test.as_deref()), failure.seed));
    let kept = fs::create_dir_all(directory).and_then(|()| fs::write(&path, failure.to_string()));
    // Whoever reads the failure has it anyway.
    kept.is_ok().then_some(path)
}

/// Keeps the run as a page in a directory; where, if that could be done.
pub(super) fn keep_page(directory: &Path, failure: &Failure, trace: &[Record]) -> Option<PathBuf> {
    let path =
        directory.join(format!("{}-{}.html", file_name(failure.test.as_deref()), failure.seed));
    let kept = fs::create_dir_all(directory).and_then(|()| {
        let mut page = Vec::new();
        write_page(&mut page, failure, trace)?;
        fs::write(&path, page)
    });
    kept.is_ok().then_some(path)
}

fn write_page(page: &mut Vec<u8>, failure: &Failure, trace: &[Record]) -> io::Result<()> {
    let report = failure.how.to_string();
    let scene = Scene {
        scenario: failure.test.as_deref().unwrap_or("test"),
        seed: failure.seed,
        outcome: word(&failure.how),
        failed: true,
        signature: None,
        digest: failure.digest,
        end: failure.at,
        headline: report.lines().next().unwrap_or_default(),
        report: &report,
        replay: &failure.alone(),
        violations: &failure.violations,
        trace: &trace[trace.len().saturating_sub(RECORDS_MAX as usize)..],
        names: &failure.names,
        places: &[],
    };
    write_html(page, &scene)
}

const fn word(how: &How) -> &'static str {
    match how {
        How::Panicked(_) => "crash",
        How::Violation(_) => "violation",
        How::Stalled | How::TooLong(_) | How::Spinning => "liveness",
        How::Slow(_) => "stuck-host",
        How::Differs(_) => "nondeterminism",
    }
}

/// What the files of a test begin with; of a program that is no test, its own name.
pub(super) fn file_name(test: Option<&str>) -> String {
    match test {
        Some(test) => test.replace("::", "-"),
        None => program().unwrap_or_else(|| "test".to_owned()),
    }
}

/// The program, without what cargo adds to the name of a test's.
fn program() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    let stem = path.file_stem()?.to_str()?;
    let is_hash =
        |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name =
        stem.rsplit_once('-').filter(|(_, hash)| is_hash(hash)).map_or(stem, |(name, _)| name);
    Some(name.to_owned())
}
