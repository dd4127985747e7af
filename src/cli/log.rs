//! Log lines with virtual time and node in front. Decides nothing about what is logged.

use std::fmt;
use std::io;

use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::console::Console;
use super::report::Failure;

/// The options that turn logs on.
#[derive(Debug, clap::Args)]
pub(super) struct LogArgs {
    /// Log to standard error what happens inside, each line with its virtual time and node: -v what
    /// is decided (info), -vv what is done (debug), -vvv everything (trace). Off by default
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Log what this filter lets through, such as `stormglass::node::client=trace,info`
    #[arg(long, value_name = "FILTER", conflicts_with = "verbose")]
    log: Option<String>,
}

impl LogArgs {
    /// Starts logging, if it was asked for.
    pub(super) fn start(&self) -> Result<(), Failure> {
        let level = ["off", "info", "debug", "trace"][usize::from(self.verbose.min(3))];
        let filter = self.log.clone().unwrap_or_else(|| format!("stormglass={level}"));
        if self.log.is_none() && self.verbose == 0 {
            return Ok(());
        }
        let filter = EnvFilter::try_new(&filter)
            .map_err(|error| Failure::Usage(format!("--log: `{filter}` is no filter ({error})")))?;
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr)
            .with_ansi(Console::is_watched())
            .event_format(VirtualTime)
            .finish();
        // Somebody who embeds the command line may have set up logs of their own: theirs stay.
        let _ = tracing::subscriber::set_global_default(subscriber);
        Ok(())
    }
}

/// One line an event: virtual time, node, level, module, message.
struct VirtualTime;

impl<S, N> FormatEvent<S, N> for VirtualTime
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (at, node) = match crate::sim::log::context() {
            Some((at, node)) => (at.to_string(), node),
            None => ("-".to_owned(), "-".to_owned()),
        };
        let meta = event.metadata();
        write!(writer, "{at:>14} {node:<4} {:>5} {}: ", meta.level(), meta.target())?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::VirtualTime;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_outside_a_simulation_has_no_time() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .event_format(VirtualTime)
            .finish();
        tracing::subscriber::with_default(subscriber, || tracing::info!(blocks = 3, "written"));
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let expected = "             - -     INFO stormglass::cli::log::tests: written blocks=3\n";
        assert_eq!(text, expected);
    }
}
