//! A sweep as Markdown, fit for the summary of a CI job. Writes no file itself.

use std::io;
use std::io::Write;

use super::summary::{NeverReached, Summary, Told, headline, never_reached, rows, stuck, told};

/// Failure groups that are told in full: a job's summary may have a mebibyte.
const GROUPS_MAX: usize = 50;

/// Writes the page.
pub(super) fn write_markdown(out: &mut dyn Write, summary: &Summary<'_>) -> io::Result<()> {
    let report = summary.report;
    writeln!(out, "## stormglass: {}\n", headline(report))?;
    if let Some(origin) = &summary.origin {
        writeln!(out, "{}\n", text(&origin.line()))?;
    }
    writeln!(out, "{}\n", text(&summary.totals))?;
    if let Some(note) = stuck(report) {
        writeln!(out, "{}\n", text(&note).replace('\n', "<br>\n"))?;
    }
    if let Some(NeverReached { count, names, failed }) = never_reached(report) {
        if let Some(failed) = failed {
            writeln!(out, "{}\n", text(&failed))?;
        }
        writeln!(
            out,
            "<details><summary>{count}</summary>\n\n{}\n\n</details>\n",
            text(&names.join(", "))
        )?;
    }
    for kept in summary.kept.iter().take(GROUPS_MAX) {
        let Told { seeds, places, report } = told(report, kept.group);
        writeln!(out, "### `{}`\n", kept.group.signature)?;
        writeln!(out, "{}<br>\n{}\n", text(&seeds), text(&places))?;
        writeln!(out, "```sh\n{}\n```\n", kept.commands(&summary.places.program).join("\n"))?;
        let fence = fence(&report);
        writeln!(out, "<details><summary>report</summary>\n\n{fence}text")?;
        report.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        writeln!(out, "{fence}\n\n</details>\n")?;
    }
    if summary.kept.len() > GROUPS_MAX {
        writeln!(out, "… and {} more\n", summary.kept.len() - GROUPS_MAX)?;
    }
    write_table(out, &rows(report))
}

fn write_table(out: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| text(cell)).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
        if index == 0 {
            writeln!(out, "| --- |{}", " ---: |".repeat(row.len() - 1))?;
        }
    }
    Ok(())
}

/// Text that stays what it is: nothing in it is markup.
fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '*' | '_' | '|' | '[' | ']' | '#' => escaped.extend(['\\', letter]),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// A fence that is longer than any in these lines.
fn fence(lines: &[String]) -> String {
    let ticks = |line: &String| line.chars().take_while(|letter| *letter == '`').count();
    "`".repeat(lines.iter().map(ticks).max().unwrap_or(0).max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::{fence, text};

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(text("a|b *c* <d> & `e`"), "a\\|b \\*c\\* &lt;d> &amp; `e`");
        assert_eq!(fence(&["````".to_owned(), "x".to_owned()]), "`````");
        assert_eq!(fence(&[]), "```");
    }
}
