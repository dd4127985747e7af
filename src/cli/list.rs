//! `list`: what there is to use. Knows no fault or check itself: it reads the schema.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use crate::base::{Bug, CAN_PLANT};
use crate::run::ExitCode;
use crate::scenario::{Action, CheckName, Words, schema_with};
use crate::world::{BUGGIFY_SITES, PROBES};

use super::console::Console;
use super::entry::Context;
use super::report::Failure;
use super::sources::scenarios;

const AFTER_HELP: &str = "\
Examples:
  stormglass list faults
  stormglass list scenarios scenarios/raid1
  stormglass list checks --json | jq -r '.[].name'";

/// The options of `list`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// What to list
    #[arg(value_enum, value_name = "WHAT")]
    what: What,
    /// Where to look for scenarios: files, or directories that hold some
    #[arg(value_name = "PATH", default_value = "scenarios")]
    paths: Vec<PathBuf>,
    /// Print a JSON array instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Scenario files, each with its one sentence
    Scenarios,
    /// The actions of a script, with their arguments
    Faults,
    /// The keys of the conditions that a script may wait for or expect
    Conditions,
    /// What a run can be held to
    Checks,
    /// How the blocks of a volume may be laid out over its legs
    Layouts,
    /// Bugs that a build can plant
    Bugs,
    /// Rare paths that a sweep reports on, and those that `buggify` takes on purpose
    Probes,
}

/// Something that is listed.
#[derive(Serialize)]
struct Item {
    name: String,
    about: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<&'static str>,
    /// Whether `for` can undo it.
    #[serde(skip_serializing_if = "Option::is_none")]
    undone: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<Vec<Argument>>,
}

impl Item {
    fn new(name: String, about: String) -> Self {
        let (file, family, since) = (None, None, None);
        Self { name, about, file, family, since, undone: None, arguments: None }
    }
}

#[derive(Serialize)]
struct Argument {
    name: String,
    about: String,
    required: bool,
}

pub(super) fn list(args: &Args, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let items = match args.what {
        What::Scenarios => scenario_items(&args.paths, context.words)?,
        What::Faults => fault_items(context.words),
        What::Conditions => condition_items(context.words),
        What::Checks => check_items(context.words),
        What::Layouts => layout_items(context.words),
        What::Probes => probe_items(),
        What::Bugs => bug_items(),
    };
    if args.json {
        let text = serde_json::to_string_pretty(&items).expect("items are plain JSON");
        context.console.line(text);
    } else {
        show(context.console, &items, args.what);
    }
    Ok(ExitCode::Pass)
}

fn show(console: &mut Console, items: &[Item], what: What) {
    if matches!(what, What::Bugs) && !CAN_PLANT {
        console
            .line("this program can plant none of them: build it with `--features planted-bugs`\n");
    }
    let width = items.iter().map(|item| item.name.len()).max().unwrap_or(0);
    let mut family = None;
    for item in items {
        if item.family != family {
            let first = family.replace(item.family.unwrap_or_default()).is_none();
            let gap = if first { "" } else { "\n" };
            console.line(format_args!("{gap}family {}", item.family.unwrap_or_default()));
        }
        console.line(format_args!("{:<width$}  {}", item.name, item.about).to_string().trim_end());
        if let Some(since) = item.since {
            let undone = if item.undone == Some(true) { "; `for` undoes it" } else { "" };
            console.line(format_args!("    since {since}{undone}"));
        } else if item.undone == Some(true) {
            console.line("    `for` undoes it");
        }
        if let Some(file) = &item.file {
            console.line(format_args!("    {file}"));
        }
        for Argument { name, about, required } in item.arguments.iter().flatten() {
            let optional = if *required { "" } else { " (may be left out)" };
            console.line(format_args!("    {name}: {about}{optional}"));
        }
    }
}

fn bug_items() -> Vec<Item> {
    let item = |bug: &Bug| Item::new(bug.name().to_owned(), bug.about().to_owned());
    Bug::ALL.iter().map(item).collect()
}

/// The probes, and the buggify sites as a run's `probes` name them.
fn probe_items() -> Vec<Item> {
    let probes =
        PROBES.iter().map(|probe| Item::new(probe.name.to_owned(), probe.about.to_owned()));
    let sites = BUGGIFY_SITES.iter().map(|site| {
        let about = format!("with `buggify`, at odds of {}: {}", site.odds, site.about);
        Item::new(format!("buggify.{}", site.name), about)
    });
    probes.chain(sites).collect()
}

fn scenario_items(paths: &[PathBuf], words: &Words) -> Result<Vec<Item>, Failure> {
    let items = scenarios(paths, words)?.into_iter().map(|source| Item {
        file: Some(source.path.display().to_string()),
        ..Item::new(source.scenario.name, source.scenario.about)
    });
    Ok(items.collect())
}

fn schema_value(words: &Words) -> Value {
    serde_json::from_str(&schema_with(words)).expect("the schema is JSON")
}

fn definition<'a>(schema: &'a Value, name: &str) -> &'a Value {
    &schema["$defs"][name]
}

fn about(value: &Value) -> String {
    value["description"].as_str().unwrap_or_default().to_owned()
}

fn choices(value: &Value) -> impl Iterator<Item = &Value> {
    value["oneOf"].as_array().into_iter().flatten()
}

fn fault_items(words: &Words) -> Vec<Item> {
    let schema = schema_value(words);
    let items = choices(definition(&schema, "Action")).filter_map(|choice| {
        let (name, arguments) = choice["properties"].as_object()?.iter().next()?;
        let item = Item {
            arguments: Some(arguments_of(referred(&schema, arguments))),
            ..Item::new(name.clone(), about(choice))
        };
        if let Some(own) = words.actions().iter().find(|word| word.name == name) {
            let (family, undone) = (Some(own.prefix()), Some(own.can_be_undone));
            return Some(Item { family, undone, ..item });
        }
        let known = Action::ALL.iter().find(|action| action.name == name)?;
        Some(Item {
            family: Some(known.family.name()),
            since: Some(known.since),
            undone: Some(known.can_be_undone),
            ..item
        })
    });
    items.collect()
}

fn condition_items(words: &Words) -> Vec<Item> {
    let schema = schema_value(words);
    let keys = definition(&schema, "Condition")["properties"].as_object().into_iter().flatten();
    let items = keys.map(|(name, value)| {
        let item = Item::new(name.clone(), about(value));
        match words.conditions().iter().find(|word| word.name == name) {
            None => item,
            Some(own) => Item {
                family: Some(own.prefix()),
                arguments: Some(arguments_of(referred(&schema, value))),
                ..item
            },
        }
    });
    items.collect()
}

/// What a reference to a definition means, or the thing itself.
fn referred<'a>(schema: &'a Value, value: &'a Value) -> &'a Value {
    let reference = value["$ref"].as_str().and_then(|it| it.strip_prefix("#/$defs/"));
    reference.map_or(value, |name| definition(schema, name))
}

fn arguments_of(object: &Value) -> Vec<Argument> {
    let required = |name: &str| {
        object["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name))
    };
    let properties = object["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, value)| Argument {
            name: name.clone(),
            about: about(value),
            required: required(name),
        })
        .collect()
}

fn check_items(words: &Words) -> Vec<Item> {
    let schema = schema_value(words);
    let described = definition(&schema, "CheckName");
    let items = CheckName::ALL.iter().map(|check| {
        let choice = choices(described).find(|choice| choice["const"] == check.name());
        Item::new(check.name().to_owned(), choice.map_or_else(String::new, about))
    });
    let own = words
        .checks()
        .into_iter()
        .map(|(name, about)| Item::new(format!("own: {name}"), about.to_owned()));
    items.chain(own).collect()
}

fn layout_items(words: &Words) -> Vec<Item> {
    let schema = schema_value(words);
    let layouts = choices(definition(&schema, "Layout"));
    let item =
        |layout: &Value| Some(Item::new(layout["const"].as_str()?.to_owned(), about(layout)));
    layouts.filter_map(item).collect()
}

/// What a check holds, in a sentence.
pub(super) fn about_check(name: &str) -> String {
    let items = check_items(&Words::default()).into_iter();
    items.filter(|item| item.name == name).map(|item| item.about).collect()
}

#[cfg(test)]
mod tests {
    use crate::scenario::{Action, Layout};

    use super::{Words, check_items, fault_items, layout_items};

    #[test]
    fn every_fault_is_listed_and_explained() {
        let items = fault_items(&Words::default());
        let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names, Action::NAMES);
        for item in &items {
            assert!(!item.about.is_empty(), "{}", item.name);
            let arguments = item.arguments.as_ref().unwrap();
            assert!(arguments.iter().all(|argument| !argument.about.is_empty()), "{}", item.name);
        }
    }

    #[test]
    fn every_layout_is_listed_and_explained() {
        let items = layout_items(&Words::default());
        let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names, Layout::NAMES);
        assert!(items.iter().all(|item| !item.about.is_empty()));
    }

    #[test]
    fn every_check_is_explained() {
        assert!(check_items(&Words::default()).iter().all(|item| !item.about.is_empty()));
    }
}
