//! The debugger's language: what can be ordered, and how that is read from a line. Obeys nothing.

use clap::{Parser, Subcommand};

use super::stop::Stop;

/// What to do. Read from a line of text by [`Order::read`].
#[derive(Clone, Debug, PartialEq, Parser)]
#[command(multicall = true, disable_help_flag = true, help_template = HELP)]
#[command(override_usage = "ORDER [ARGUMENTS]")]
#[command(after_help = EXAMPLES)]
pub enum Order {
    /// Where the run stands
    #[command(visible_alias = "w")]
    Where,
    /// Take N turns (1): a task polled or an event fired each
    #[command(visible_alias = "s")]
    Step {
        /// How many
        #[arg(default_value_t = 1)]
        turns: u64,
    },
    /// Go on to the next turn of the same node
    #[command(visible_alias = "n")]
    Next,
    /// Go on to the next breakpoint, failure or the end
    #[command(visible_alias = "c")]
    Continue,
    /// Go on until something comes about, once
    #[command(visible_alias = "u")]
    Until {
        /// What
        #[command(subcommand)]
        stop: Stop,
    },
    /// Take N turns back (1)
    #[command(visible_alias = "b")]
    Back {
        /// How many
        #[arg(default_value_t = 1)]
        turns: u64,
    },
    /// Go back to the last breakpoint or failure before this turn
    #[command(visible_alias = "rc")]
    ReverseContinue,
    /// Go to a place, ahead or back
    #[command(visible_alias = "g")]
    Goto {
        /// Where
        #[command(subcommand)]
        place: Place,
    },
    /// Stop whenever something comes about
    #[command(name = "break", visible_alias = "br")]
    Break {
        /// What
        #[command(subcommand)]
        stop: Stop,
    },
    /// The breakpoints
    Breaks,
    /// Remove a breakpoint, or all
    Delete {
        /// Its number
        number: Option<u32>,
    },
    /// The last N records before here (20)
    #[command(visible_alias = "ev")]
    Events {
        /// How many
        #[arg(default_value_t = 20)]
        count: usize,
        /// Only of this name; one that ends in `*` stands for all that begin so
        #[arg(long)]
        record: Option<String>,
        /// Only on this node
        #[arg(long)]
        node: Option<String>,
    },
    /// One record, with what it led to
    #[command(visible_alias = "e")]
    Event {
        /// Its number
        seq: u64,
    },
    /// How a record came about: the chain of its causes (of the last record, if none is named)
    Why {
        /// Its number
        seq: Option<u64>,
        /// How many links of the chain
        #[arg(long, default_value_t = 30)]
        count: usize,
    },
    /// The nodes
    Nodes,
    /// A node's CPUs and their run queues
    Cpus {
        /// Which node
        node: String,
    },
    /// A node's tasks, and what they wait for
    Tasks {
        /// Which node
        node: String,
    },
    /// A node's memory by the place in the code that took it
    Memory {
        /// Which node
        node: String,
    },
    /// The next N timers (20)
    Timers {
        /// How many
        #[arg(default_value_t = 20)]
        count: usize,
    },
    /// Messages on their way
    Messages,
    /// Disk commands under way
    Commands,
    /// Operations of applications under way
    Operations,
    /// The disks, with what is wrong with them
    Disks,
    /// A disk, or what its medium holds at a place
    Disk {
        /// Which, such as t0/d0
        disk: String,
        /// Where
        lba: Option<u64>,
    },
    /// The volumes
    Volumes,
    /// A volume: epoch, owner, legs, marks
    Volume {
        /// Its name
        volume: String,
    },
    /// A block: what each leg holds, and the last N records about it (20)
    Block {
        /// The volume's name
        volume: String,
        /// The block
        block: u64,
        /// How many records
        #[arg(default_value_t = 20)]
        count: usize,
    },
    /// Compare all in-sync legs and lines as they stand
    Mirrors,
    /// What went wrong so far
    #[command(visible_alias = "f")]
    Failure,
    /// The script's entries, and how often each fired
    Script,
    /// The probes reached so far
    Probes,
    /// Apply an action now: it becomes an entry of the script, and the run goes on with it
    Do {
        /// The action as in a scenario: {"disk.unplug": {"disk": "t0/d0"}}
        action: String,
        /// Undo it after this time
        #[arg(long = "for")]
        undo_after: Option<String>,
    },
    /// Take back the last `do`
    Undo,
    /// Write the scenario, with what was done live, to FILE
    Export {
        /// Where to
        file: String,
    },
    /// Leave
    #[command(visible_alias = "q")]
    Quit,
}

/// Where to go.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Place {
    /// The beginning: everything is switched on, nothing has run
    Start,
    /// The first failure
    Failure,
    /// The end of the run
    End,
    /// The turn of this number
    Turn {
        /// Which
        turn: u64,
    },
    /// The turn that writes the record of this number
    Event {
        /// Which
        seq: u64,
    },
    /// The first turn at or after this time
    Time {
        /// When, such as 3.2ms
        #[arg(value_parser = super::stop::time)]
        at: crate::base::Nanos,
    },
}

const HELP: &str = "{subcommands}\n\n{after-help}";

const EXAMPLES: &str = "\
Examples:
  until time 3.2ms               on to a time
  break record app.returned      stop at each such record; `break record disk.* --node t0` works too
  break block vol0 24            whenever anything happens to a block
  reverse-continue               back to where that was last so
  why                            what led here
  do '{\"disk.unplug\": {\"disk\": \"t0/d0\"}}' --for 2ms
  export tried.json              what was done live, as a scenario

An empty line does the last order again. `help ORDER` says more of one.";

/// A line that is no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The line asked for help: here it is.
    Help(String),
    /// It says nothing that is understood: why, in a line or several.
    Unclear(String),
}

impl Order {
    /// Reads a line; nothing is in an empty one, or in one that starts with `#`.
    ///
    /// # Errors
    /// When it is no order, or asks for help.
    pub fn read(line: &str) -> Result<Option<Self>, Trouble> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let words = shlex::split(line)
            .ok_or_else(|| Trouble::Unclear("a quotation mark is never closed".to_owned()))?;
        Self::try_parse_from(words).map(Some).map_err(|error| {
            use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand};
            let text = error.render().to_string();
            match error.kind() {
                DisplayHelp | DisplayHelpOnMissingArgumentOrSubcommand => {
                    Trouble::Help(text.trim_end().to_owned())
                }
                _ => {
                    let first = text.lines().take_while(|line| !line.is_empty());
                    let first: Vec<&str> = first.collect();
                    let what = first.join("\n");
                    Trouble::Unclear(what.trim_start_matches("error: ").to_owned())
                }
            }
        })
    }

    /// What may stand at the beginning of a line, sorted, with what may follow each.
    #[must_use]
    pub fn words() -> Vec<(String, Vec<String>)> {
        use clap::CommandFactory;
        let names = |command: &clap::Command| -> Vec<String> {
            command.get_subcommands().map(|it| it.get_name().to_owned()).collect()
        };
        let command = Self::command();
        let mut words: Vec<(String, Vec<String>)> = command
            .get_subcommands()
            .flat_map(|order| {
                let follow = names(order);
                let aliases = order.get_visible_aliases().map(str::to_owned);
                let all = std::iter::once(order.get_name().to_owned()).chain(aliases);
                all.map(move |name| (name, follow.clone())).collect::<Vec<_>>()
            })
            .collect();
        words.push(("help".to_owned(), names(&command)));
        words.sort();
        words
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, Place, Stop, Trouble};
    use crate::base::Nanos;

    fn read(line: &str) -> Order {
        Order::read(line).unwrap().unwrap()
    }

    #[test]
    fn lines_are_read() {
        assert_eq!(read("step"), Order::Step { turns: 1 });
        assert_eq!(read(" s 7 "), Order::Step { turns: 7 });
        let at = Nanos::from_micros(3_200);
        assert_eq!(read("until time 3.2ms"), Order::Until { stop: Stop::Time { at } });
        assert_eq!(read("goto end"), Order::Goto { place: Place::End });
        let action = r#"{"disk.unplug": {"disk": "t0/d0"}}"#.to_owned();
        let read_action = read(r#"do '{"disk.unplug": {"disk": "t0/d0"}}' --for 2ms"#);
        assert_eq!(read_action, Order::Do { action, undo_after: Some("2ms".into()) });
    }

    #[test]
    fn nothing_is_in_an_empty_line_or_a_comment() {
        assert_eq!(Order::read("  "), Ok(None));
        assert_eq!(Order::read("# a remark"), Ok(None));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for line in ["fly", "step many", "do '{", "until time soon", "goto"] {
            assert!(Order::read(line).is_err(), "{line}");
        }
        let Err(Trouble::Unclear(text)) = Order::read("stepp") else { panic!("no order") };
        assert!(text.contains("stepp"), "{text}");
        let Err(Trouble::Help(text)) = Order::read("help") else { panic!("no help") };
        assert!(text.contains("reverse-continue") && text.contains("Examples:"), "{text}");
    }

    #[test]
    fn every_order_completes() {
        let words = Order::words();
        let find = |name: &str| words.iter().find(|(word, _)| word == name).map(|(_, next)| next);
        assert!(find("rc").is_some() && find("export").is_some());
        assert!(find("break").unwrap().contains(&"failure".to_owned()));
    }
}
