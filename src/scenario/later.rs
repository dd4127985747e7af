//! Names that version 1 of the format defines and this program does not run yet. They are errors,
//! but not misspelt.

/// Per type, as serde names it, what is still to come.
const LATER: [(&str, &[&str]); 0] = [];

/// What to say of a name that a type does not have yet.
pub(super) fn later(owner: &str, name: &str) -> Option<String> {
    let (_, names) = LATER.iter().find(|(known, _)| *known == owner)?;
    let known = names.contains(&name);
    known.then(|| format!("`{name}` is a name of the format, but not available yet"))
}
