//! Which probes a sweep has to reach, from the command line and from a file. Counts nothing.

use std::path::{Path, PathBuf};

use crate::world::{BUGGIFY_SITES, PROBES};

use super::report::Failure;

/// Stands for every probe.
const ALL: &str = "all";

/// The options that name probes.
#[derive(Debug, clap::Args)]
pub(super) struct ProbeArgs {
    /// A probe that some seed has to reach, or `all` of them (exit code 13); see `list probes`
    #[arg(long, value_name = "PROBE", value_parser = probe)]
    require: Vec<String>,
    /// The probes that have to be reached: `all`, or a file with one a line (`#` begins a comment)
    #[arg(long, value_name = "FILE or all")]
    require_probes: Option<PathBuf>,
}

impl ProbeArgs {
    /// The probes that have to be reached, each once, in the order of their names.
    ///
    /// # Errors
    /// When the file cannot be read, names none, or something that is no probe.
    pub(super) fn required(&self) -> Result<Vec<String>, Failure> {
        let mut names = self.require.clone();
        match self.require_probes.as_deref() {
            None => {}
            Some(path) if path == ALL => names.push(ALL.to_owned()),
            Some(path) => names.extend(listed(path)?),
        }
        if names.iter().any(|name| name == ALL) {
            names.extend(PROBES.iter().map(|probe| probe.name.to_owned()));
            names.retain(|name| name != ALL);
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }
}

/// All names that may be reached: the probes, then the places of `buggify` as a run names them.
fn known() -> impl Iterator<Item = String> {
    let probes = PROBES.iter().map(|probe| probe.name.to_owned());
    probes.chain(BUGGIFY_SITES.iter().map(|site| format!("buggify.{}", site.name)))
}

fn probe(name: &str) -> Result<String, String> {
    if name == ALL || known().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let near = known().min_by_key(|known| strsim::damerau_levenshtein(name, known));
    let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Err(format!("`{name}` is no probe{near} (`stormglass list probes`)"))
}

/// The names in a file; all that are none are told of at once.
fn listed(path: &Path) -> Result<Vec<String>, Failure> {
    let bad = |why: String| Failure::Probes { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let mut names = Vec::new();
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let name = line.split('#').next().unwrap_or_default().trim();
        match probe(name) {
            _ if name.is_empty() => {}
            Ok(name) => names.push(name),
            Err(why) => wrong.push(format!("line {number}: {why}")),
        }
    }
    if !wrong.is_empty() {
        return Err(bad(wrong.join("\n  ")));
    }
    if names.is_empty() {
        return Err(bad("it names no probe; expected one a line".to_owned()));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use crate::world::PROBES;

    use super::{ProbeArgs, known};

    fn of_file(text: &str) -> Result<Vec<String>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("probes.txt");
        std::fs::write(&path, text).unwrap();
        let args = ProbeArgs { require: Vec::new(), require_probes: Some(path) };
        let here = dir.path().display().to_string();
        args.required().map_err(|failure| failure.to_string().replace(&here, "@"))
    }

    #[test]
    fn a_file_names_a_probe_a_line() {
        let text = "# rare\nclient.read-lost # really\n\nclient.intent-cleared\n";
        assert_eq!(of_file(text).unwrap(), ["client.intent-cleared", "client.read-lost"]);
        let listed: Vec<String> = known().collect();
        assert_eq!(of_file(&listed.join("\n")).unwrap().len(), listed.len());
        assert_eq!(of_file("all").unwrap().len(), PROBES.len());
    }

    #[test]
    fn what_is_no_probe_is_told_with_its_line() {
        let text = of_file("client.read-lost\nclient.read-lots\nx\n").unwrap_err();
        let start = "@/probes.txt: no list of probes (line 2: `client.read-lots` is no probe; \
                     did you mean `client.read-lost`?";
        assert!(text.starts_with(start) && text.contains("\n  line 3: `x` is"), "{text}");
        assert!(of_file("# none\n").unwrap_err().contains("it names no probe"));
    }
}
