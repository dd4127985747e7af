//! A sweep as one HTML page that needs nothing else, in light and dark. Writes no file itself.

use std::io;
use std::io::Write;

use super::summary::{NeverReached, Summary, Told, headline, never_reached, rows, stuck, told};

const STYLE: &str = "\
:root { color-scheme: light dark; --text: #1b222b; --dim: #66717f; --bg: #ffffff; --panel: #f6f7f9; --line: #dfe3e8; \
--bad: #d1242f; --good: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --text: #e2e8f0; --dim: #8b97a6; --bg: #0f141a; --panel: #161c24; \
--line: #2b3542; --bad: #ff7b72; --good: #56d364; } }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem; color: var(--text); background: var(--bg); \
font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; } h1.bad, td.bad, p.bad { color: var(--bad); } h1.good { color: var(--good); }
h2 { font: 600 1rem ui-monospace, monospace; overflow-wrap: anywhere; margin: 0 0 .3rem; }
section { border: 1px solid var(--line); border-left: 4px solid var(--bad); border-radius: 6px; padding: .8rem 1rem; \
margin: 1rem 0; }
p { margin: .3rem 0; white-space: pre-wrap; } .dim { color: var(--dim); }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; overflow-x: auto; \
font: 13px/1.5 ui-monospace, monospace; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; \
font-variant-numeric: tabular-nums; } th { color: var(--dim); font-weight: 400; }
th:first-child, td:first-child { text-align: left; }";

/// Writes the page.
pub(super) fn write_page(out: &mut dyn Write, summary: &Summary<'_>) -> io::Result<()> {
    let report = summary.report;
    let title = escaped(&headline(report));
    let class = if report.exit_code() == crate::run::ExitCode::Pass { "good" } else { "bad" };
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>stormglass: {title}</title>\n<style>\n{STYLE}\n</style></head><body>\n\
         <h1 class=\"{class}\">{title}</h1>"
    )?;
    if let Some(origin) = &summary.origin {
        writeln!(out, "<p>{}</p>", escaped(&origin.line()))?;
    }
    writeln!(out, "<p class=\"dim\">{}</p>", escaped(&summary.totals))?;
    if let Some(note) = stuck(report) {
        writeln!(out, "<p>{}</p>", escaped(&note))?;
    }
    if let Some(NeverReached { count, names, failed }) = never_reached(report) {
        if let Some(failed) = failed {
            writeln!(out, "<p class=\"bad\">{}</p>", escaped(&failed))?;
        }
        let names = escaped(&names.join(", "));
        writeln!(out, "<details><summary>{count}</summary><p class=\"dim\">{names}</p></details>")?;
    }
    for kept in &summary.kept {
        let Told { seeds, places, report } = told(report, kept.group);
        let commands = kept.commands(&summary.places.program).join("\n");
        writeln!(
            out,
            "<section><h2>{}</h2>\n<p>{}\n{}</p>\n<pre>{}</pre>\n\
             <details><summary>report</summary><pre>{}</pre></details></section>",
            escaped(kept.group.signature.as_str()),
            escaped(&seeds),
            escaped(&places),
            escaped(&commands),
            escaped(&report.join("\n")),
        )?;
    }
    write_table(out, &rows(report))?;
    writeln!(out, "</body></html>")
}

fn write_table(out: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
    const FAILED: usize = 2;
    writeln!(out, "<div class=\"scroll\"><table>")?;
    for (index, row) in rows.iter().enumerate() {
        let tag = if index == 0 { "th" } else { "td" };
        write!(out, "<tr>")?;
        for (column, cell) in row.iter().enumerate() {
            let bad = index > 0 && column == FAILED && cell != "0";
            let class = if bad { " class=\"bad\"" } else { "" };
            write!(out, "<{tag}{class}>{}</{tag}>", escaped(cell))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</table></div>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
