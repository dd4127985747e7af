//! Puts the text of each file that an application names into the document, so that what is made of that holds all that
//! it needs. Knows no format.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::collect::Reading;
use super::fio::JobFile;
use super::tree::{At, Json, Step, Tree};
use super::workload_text::keys_of;

/// The largest file that is taken in, in bytes: 2 MiB.
const BYTES_MAX: usize = 2 << 20;

/// The key that names a file, and the one that holds its text.
const FILE: &str = "file";
const TEXT: &str = "text";
/// Those of the logs that a job file names.
const LOGS: &str = "iologs";

/// Takes in what the applications name. The names are relative to `directory`; without one, none can be found.
pub(super) fn take_in(reading: &mut Reading<'_>, prefix: &[Step], directory: Option<&Path>) {
    let steps = [prefix, &[Step::from("workload")]].concat();
    let (at, done) = reading.tree.find(Tree::ROOT, &steps);
    if done < steps.len() {
        return;
    }
    let apps: Vec<At> = reading.tree.children(at).collect();
    for (index, app) in apps.into_iter().enumerate() {
        let Some(file) = reading.tree.child(app, FILE) else { continue };
        if !replays(&reading.tree, app) {
            // Whatever is in the file, the key says nothing there.
            continue;
        }
        let Json::Text(name) = reading.tree.json(file).clone() else { continue };
        let taken = match directory {
            _ if reading.tree.child(app, TEXT).is_some() => {
                Err(("no such key beside `text`".to_owned(), "one of them says what is replayed"))
            }
            Some(directory) => text_of(&directory.join(&name)).map_err(|what| (what, "")),
            None => Err((
                "`text` instead, which holds the text itself".to_owned(),
                "only a scenario that is loaded from a file has a directory in which others can be found",
            )),
        };
        match taken {
            Ok(text) => {
                if is_fio(&reading.tree, app) {
                    let from = directory.map(|it| it.join(&name)).unwrap_or_default();
                    take_in_logs(reading, (app, file), (&from, &text));
                }
                reading.tree.stand_in(app, TEXT, Json::Text(text));
            }
            Err((expected, help)) => {
                let steps = [&steps[..], &[Step::from(index), Step::from(FILE)]].concat();
                reading.report(&steps, None, &expected, help);
                reading.tree.leave_out(file);
            }
        }
    }
}

/// Whether the application is one that replays a text, or none that there is.
fn replays(tree: &Tree<'_>, app: At) -> bool {
    let name = tree.child(app, "app").map(|name| tree.json(name));
    let Some(Json::Text(name)) = name else { return true };
    keys_of(name).is_none_or(|keys| keys(FILE))
}

fn is_fio(tree: &Tree<'_>, app: At) -> bool {
    let name = tree.child(app, "app");
    name.is_some_and(|name| *tree.json(name) == Json::Text("fio".to_owned()))
}

/// Takes in the logs that a job file names, from its own directory on.
fn take_in_logs(reading: &mut Reading<'_>, (app, file): (At, At), (job_file, text): (&Path, &str)) {
    let names = JobFile::logs_named(text);
    if names.is_empty() || reading.tree.child(app, LOGS).is_some() {
        return;
    }
    let directory = job_file.parent().unwrap_or(Path::new(""));
    let logs = reading.tree.stand_in(app, LOGS, Json::Object(Vec::new()));
    for name in names {
        if reading.tree.child(logs, &name).is_some() {
            continue;
        }
        match text_of(&directory.join(&name)) {
            Ok(text) => {
                reading.tree.stand_in(logs, &name, Json::Text(text));
            }
            Err(what) => {
                reading.complain_at(file, &format!("a job file with a log that is {what}"))
            }
        }
    }
}

/// The text of a file; else what is expected of it.
fn text_of(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("the name of a file, from the scenario's directory on; there is no {shown}")
        }
        _ => format!("a file that can be read: {shown}: {error}"),
    };
    if path.is_dir() {
        return Err(format!("a file: {shown} is a directory"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(cannot)?;
    file.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > BYTES_MAX {
        return Err(format!("a file of at most 2 MiB: {shown} is larger; cut out what matters"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("text: {shown} is binary (byte {at} is not UTF-8)")
    })
}
