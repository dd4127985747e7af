//! Finds the scenario files below the paths of a command line. Opens none of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why no scenarios were found.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// A path that leads nowhere.
    #[error("{}: found no such file or directory, expected a scenario file or a directory of them", .0.display())]
    Missing(PathBuf),
    /// A directory without a scenario.
    #[error("{}: found no scenario below this directory, expected files named `*.json` (beside `schema.json`)", .0.display())]
    Empty(PathBuf),
    /// A directory that cannot be listed.
    #[error("{}: the directory cannot be read", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No path was given.
    #[error("found no path, expected scenario files or directories of them")]
    NoPath,
}

/// The scenario files that these paths name: files as they are, directories with all `*.json` below them
/// except `schema.json`. Sorted, each once.
///
/// # Errors
/// When a path leads nowhere, cannot be listed, or is a directory without a scenario.
pub fn discover(paths: &[PathBuf]) -> Result<Vec<PathBuf>, DiscoverError> {
    if paths.is_empty() {
        return Err(DiscoverError::NoPath);
    }
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = found.len();
            walk(path, &mut found)?;
            if found.len() == before {
                return Err(DiscoverError::Empty(path.clone()));
            }
        } else if path.exists() {
            found.push(path.clone());
        } else {
            return Err(DiscoverError::Missing(path.clone()));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), DiscoverError> {
    let fail = |source| DiscoverError::Unreadable { path: directory.to_owned(), source };
    for entry in fs::read_dir(directory).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        // The kind of the entry itself: a link to a directory could lead in a circle.
        let kind = entry.file_type().map_err(fail)?;
        let path = entry.path();
        if kind.is_dir() {
            walk(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "json") && !is_schema(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_schema(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "schema.json")
}

#[cfg(test)]
mod tests {
    use super::{DiscoverError, discover};
    use std::fs;

    #[test]
    fn finds_files_below_directories_sorted_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("b/deep")).unwrap();
        for file in ["z.json", "schema.json", "notes.md", "b/a.json", "b/deep/c.json"] {
            fs::write(root.join(file), "{}").unwrap();
        }
        let found = discover(&[root.to_owned(), root.join("z.json")]).unwrap();
        let found: Vec<_> = found.iter().map(|path| path.strip_prefix(root).unwrap()).collect();
        let found: Vec<_> = found.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(found, ["b/a.json", "b/deep/c.json", "z.json"]);
    }

    #[test]
    fn a_path_that_yields_nothing_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("gone");
        assert!(matches!(discover(&[gone]), Err(DiscoverError::Missing(_))));
        assert!(matches!(discover(&[dir.path().to_owned()]), Err(DiscoverError::Empty(_))));
        assert!(matches!(discover(&[]), Err(DiscoverError::NoPath)));
    }
}
