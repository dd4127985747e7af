//! The sections and options of a job file, each with its place. Knows no option.

use crate::scenario::trace::{FieldText, LineError, lines};

/// `[name]`, and what stands below it.
pub(super) struct Section<'t> {
    pub name: FieldText<'t>,
    pub options: Vec<OptionText<'t>>,
}

/// `key=value`, or the key alone.
#[derive(Clone, Copy)]
pub(super) struct OptionText<'t> {
    pub key: FieldText<'t>,
    pub value: Option<FieldText<'t>>,
}

/// Reads the sections of a job file; lines that begin with `;` or `#` are comments.
pub(super) fn sections(text: &str) -> Result<Vec<Section<'_>>, Vec<LineError>> {
    let (mut sections, mut errors) = (Vec::<Section<'_>>::new(), Vec::new());
    for line in lines(text) {
        let whole = line.whole().trimmed();
        if whole.text.starts_with([';', '#']) {
            continue;
        }
        if let Some(rest) = whole.text.strip_prefix('[') {
            match rest.strip_suffix(']') {
                Some(name) if !name.trim().is_empty() => {
                    let name = whole.slice(1..whole.text.len() - 1).trimmed();
                    sections.push(Section { name, options: Vec::new() });
                }
                _ => errors.push(whole.is_not("the name of a job in brackets, such as `[job0]`")),
            }
            continue;
        }
        let option = match whole.text.split_once('=') {
            None => OptionText { key: whole, value: None },
            Some((key, _)) => {
                let value = whole.slice(key.len() + 1..whole.text.len()).trimmed();
                OptionText { key: whole.slice(0..key.len()).trimmed(), value: Some(value) }
            }
        };
        match sections.last_mut() {
            Some(section) => section.options.push(option),
            None => errors
                .push(whole.is_not("a section such as `[global]` or `[job0]` before any option")),
        }
    }
    if errors.is_empty() { Ok(sections) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use super::sections;

    #[test]
    fn sections_and_options_have_their_places() {
        let text = "; a comment\n[global]\n  rw = randread\n# another\n[ job 1 ]\nstonewall\n";
        let sections = sections(text).unwrap();
        assert_eq!(sections[0].name.text, "global");
        let option = sections[0].options[0];
        assert_eq!((option.key.text, option.value.unwrap().text), ("rw", "randread"));
        let error = option.value.unwrap().is_not("that");
        assert_eq!((error.line, error.column), (3, 8));
        assert_eq!(sections[1].name.text, "job 1");
        assert!(sections[1].options[0].value.is_none());
    }

    #[test]
    fn what_is_no_section_is_an_error() {
        let error = |text: &str| sections(text).err().unwrap()[0].to_string();
        assert!(error("rw=read").contains("a section such as"));
        assert!(error("[x\nrw=read").contains("found `[x`"));
        assert!(error("[]").contains("in brackets"));
    }
}
