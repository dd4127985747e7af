//! A sweep's failures as annotations of GitHub: a line for each, which its runner shows beside the scenario's
//! file. Says nothing of what passed.

use super::summary::{Summary, headline};

/// The lines to print.
pub(super) fn annotations(summary: &Summary<'_>) -> Vec<String> {
    let report = summary.report;
    let mut lines: Vec<String> = Vec::new();
    for kept in &summary.kept {
        let (group, fastest) = (kept.group, &kept.group.fastest);
        let file = summary.places.file(fastest.result.scenario);
        let file = file.map(|path| format!("file={},", property(&path.display().to_string())));
        let scenario = &report.scenarios[fastest.result.scenario].name;
        let text = format!(
            "{scenario} seed {}: {} ({} in all)\n{}",
            fastest.result.seed,
            fastest.headline,
            super::figures::counted(group.count(), "seed"),
            kept.commands(&summary.places.program).join("\n"),
        );
        let title = property(group.signature.as_str());
        let file = file.unwrap_or_default();
        lines.push(format!("::error {file}title={title}::{}", data(&text)));
    }
    if !report.unreached.is_empty() {
        let text = format!("required and never reached: {}", report.unreached.join(", "));
        lines.push(format!("::error title=probes::{}", data(&text)));
    }
    if let Some(text) = super::summary::stuck(report) {
        let level = if report.untested().next().is_some() { "error" } else { "warning" };
        lines.push(format!("::{level} title=stuck-host::{}", data(&text)));
    }
    if lines.is_empty() {
        lines.push(format!("::notice title=sweep::{}", data(&headline(report))));
    }
    lines
}

/// Text as the runner takes it after the colons.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text as the runner takes it between commas.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{data, property};

    #[test]
    fn what_ends_a_line_or_a_property_is_escaped() {
        assert_eq!(data("100%\nor more: a,b"), "100%25%0Aor more: a,b");
        assert_eq!(property("c:\\a,b%\r"), "c%3A\\a%2Cb%25%0D");
    }
}
