//! The pages of the book as a test reads them: which commands they show, with which output. Runs nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// A page of the book, or one beside it that shows commands.
pub struct Page {
    /// From the root of the repository on.
    pub name: String,
    pub items: Vec<Item>,
}

/// What a page has a test do, in its order.
pub enum Item {
    /// `<!-- file: NAME -->` before a block: the block is that file.
    File { name: String, text: String },
    /// A command at a prompt, and what the page shows of its output.
    Command(Shown),
}

/// A command of the program as a page shows it.
pub struct Shown {
    /// The line of the page that it is on.
    pub line: usize,
    pub command: String,
    pub output: Vec<String>,
}

/// A block of a page between two fences.
struct Block<'a> {
    line: usize,
    language: &'a str,
    /// The remark before it.
    remark: Option<&'a str>,
    text: Vec<&'a str>,
}

/// All pages that show commands of the program.
pub fn all(root: &Path) -> Vec<Page> {
    let mut files: Vec<PathBuf> = fs::read_dir(root.join("docs"))
        .expect("the book")
        .map(|entry| entry.expect("a page").path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .chain([root.join("README.md"), root.join("scenarios/README.md")])
        .collect();
    files.sort();
    let page = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a page is text");
        let name = path.strip_prefix(root).expect("it is in the repository").display().to_string();
        Page { items: blocks(&text).into_iter().flat_map(items).collect(), name }
    };
    files.into_iter().map(page).collect()
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let (mut open, mut remark): (Option<(usize, Block<'_>)>, _) = (None, None);
    for (at, line) in text.lines().enumerate() {
        let inner = line.trim_start();
        let indent = line.len() - inner.len();
        match (&mut open, inner.strip_prefix("```")) {
            (None, Some(language)) => {
                let block = Block { line: at + 1, language, remark: remark.take(), text: vec![] };
                open = Some((indent, block));
            }
            (Some(_), Some("")) => found.extend(open.take().map(|(_, block)| block)),
            (Some((outer, block)), _) => block.text.push(&line[indent.min(*outer)..]),
            (None, None) if inner.is_empty() => {}
            (None, None) => {
                remark = inner.strip_prefix("<!-- ").and_then(|it| it.strip_suffix(" -->"));
            }
        }
    }
    found
}

fn items(block: Block<'_>) -> Vec<Item> {
    if let Some(name) = block.remark.and_then(|remark| remark.strip_prefix("file: ")) {
        let text = block.text.join("\n") + "\n";
        return vec![Item::File { name: name.to_owned(), text }];
    }
    let is_run = !block.remark.is_some_and(|remark| remark.starts_with("not run: "));
    if block.language != "console" || !is_run {
        return Vec::new();
    }
    let mut shown: Vec<Shown> = Vec::new();
    let mut goes_on = false;
    for (at, line) in block.text.iter().enumerate() {
        let begun = line.strip_prefix("$ ");
        if let Some(command) = begun {
            let command = command.to_owned();
            shown.push(Shown { line: block.line + 1 + at, command, output: Vec::new() });
        } else if let Some(last) = shown.last_mut() {
            match goes_on {
                true => last.command.push_str(&format!("\n{line}")),
                false => last.output.push(line.trim_end().to_owned()),
            }
        }
        goes_on = (begun.is_some() || goes_on) && line.ends_with('\\');
    }
    let of_the_program = shown.into_iter().filter(|it| it.command.starts_with("stormglass "));
    of_the_program.map(Item::Command).collect()
}

/// What the program printed, line by line, without how far it had come meanwhile.
pub fn lines(printed: &str) -> Vec<&str> {
    let is_progress = |line: &str| {
        let (done, rest) = line.split_once('/').unwrap_or_default();
        let all = rest.split(' ').next().unwrap_or_default();
        [done, all].iter().all(|it| it.parse::<u64>().is_ok())
    };
    printed.trim_end().lines().map(str::trim_end).filter(|line| !is_progress(line)).collect()
}

/// Whether what a page shows is what is: `…` is any number of lines where it stands alone, and any text within a
/// line.
pub fn fits(shown: &[String], is: &[&str]) -> bool {
    match shown {
        [] => is.is_empty(),
        [gap, rest @ ..] if gap == "…" => (0..=is.len()).any(|at| fits(rest, &is[at..])),
        [first, rest @ ..] => is
            .split_first()
            .is_some_and(|(line, others)| line_fits(first, line) && fits(rest, others)),
    }
}

fn line_fits(shown: &str, is: &str) -> bool {
    // What a run took of the host differs each time.
    if [shown, is].iter().all(|line| line.starts_with("wall  ")) {
        return true;
    }
    let Some((before, after)) = shown.split_once('…') else { return shown == is };
    let Some(rest) = is.strip_prefix(before) else { return false };
    let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.any(|at| line_fits(after, &rest[at..]))
}

#[test]
fn gaps_are_for_lines_and_within_them_and_nothing_else_is_passed_over() {
    let fits = |shown: &str, is: &str| {
        let shown: Vec<String> = shown.lines().map(str::to_owned).collect();
        fits(&shown, &is.lines().collect::<Vec<_>>())
    };
    assert!(fits("a\nb", "a\nb") && fits("a\n…", "a") && fits("…\nc", "a\nb\nc"));
    assert!(fits("a\n…\nc\n…\ne", "a\nb\nc\nc\nd\ne") && fits("took … of 3", "took 1.2ms of 3"));
    assert!(fits("wall      3ms (5 IO/s)", "wall      4ms (4 IO/s)"));
    for (shown, is) in [("a", "a\nb"), ("a\nb", "a"), ("…\nb", "a\nb\nc"), ("x … 3", "x 1 4")] {
        assert!(!fits(shown, is), "{shown:?} is not {is:?}");
    }
}

#[test]
fn how_far_a_command_had_come_is_no_output() {
    let printed = "3/40 seeds  0/s\nt0/d0 is slow\n12/40 runs\n\ndone \n\n";
    assert_eq!(lines(printed), ["t0/d0 is slow", "", "done"]);
}

#[test]
fn commands_are_found_with_their_output_and_files_with_their_text() {
    let text = "<!-- file: x.json -->\n\n```json\n{}\n```\nThen\n```console\n$ stormglass a \\\n    b\none\n\n$ cargo x\nno\n$ \
                stormglass c\n```\n<!-- not run: slow -->\n```console\n$ stormglass d\n```\n  ```console\n  $ stormglass e\n  \
                two\n  ```\n";
    let mut told = Vec::new();
    for item in blocks(text).into_iter().flat_map(items) {
        told.push(match item {
            Item::File { name, text } => format!("{name} is {text}"),
            Item::Command(Shown { line, command, output }) => {
                format!("{line}: {command} says {output:?}")
            }
        });
    }
    let wanted = [
        "x.json is {}\n",
        "8: stormglass a \\\n    b says [\"one\", \"\"]",
        "14: stormglass c says []",
        "21: stormglass e says [\"two\"]",
    ];
    assert_eq!(told, wanted);
}
