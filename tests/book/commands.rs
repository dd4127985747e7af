//! The commands that the book shows are run, and print what it shows.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use super::pages::{self, Item, Page, Shown};

/// A directory for the commands of a page: the library's scenarios, and seed files beside which new ones may be saved.
fn directory(root: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory for a test");
    symlink(root.join("scenarios"), dir.path().join("scenarios")).expect("a link");
    let seeds = dir.path().join("seeds");
    fs::create_dir(&seeds).expect("a directory for a test");
    for file in fs::read_dir(root.join("seeds")).expect("the corpus") {
        let file = file.expect("an entry");
        symlink(file.path(), seeds.join(file.file_name())).expect("a link");
    }
    dir
}

/// Where a shell finds the program of this build first.
fn path() -> OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_stormglass"));
    let before = program.parent().expect("it is in a directory").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = [before].into_iter().chain(std::env::split_paths(&path));
    std::env::join_paths(all).expect("directories without colons")
}

/// What is wrong with what a page shows of a command.
fn complaint(page: &Page, shown: &Shown, dir: &Path) -> Option<String> {
    let command = format!("exec 2>&1\n{}", shown.command);
    let mut shell = Command::new("sh");
    shell.args(["-c", &command]).current_dir(dir).env("PATH", path()).stdin(Stdio::null());
    let output = shell.output().expect("there is a shell");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_so = match shown.output.is_empty() {
        true => output.status.success(),
        false => pages::fits(&shown.output, &pages::lines(&printed)),
    };
    let place = format!("{}:{}", page.name, shown.line);
    (!is_so).then(|| {
        format!("{place}: `{}` ends with {} and prints\n{printed}", shown.command, output.status)
    })
}

#[test]
fn the_commands_in_the_book_print_what_it_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut wrong, mut run) = (Vec::new(), 0);
    for page in pages::all(root).iter().filter(|page| !page.items.is_empty()) {
        let dir = directory(root);
        for item in &page.items {
            match item {
                Item::File { name, text } => {
                    fs::write(dir.path().join(name), text).expect("a file for a test");
                }
                Item::Command(shown) => {
                    run += 1;
                    wrong.extend(complaint(page, shown, dir.path()));
                }
            }
        }
    }
    assert!(run > 20, "only {run} commands are shown and run");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
