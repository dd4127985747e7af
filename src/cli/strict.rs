//! The options of the strict seal, shared by the verbs that run seeds. Seals nothing.

use super::console::Console;
use super::report::Failure;

/// The option of verbs that use the strict seal by themselves.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct NoStrictArgs {
    /// Leave out the strict seal: don't refuse what runs ask of the system (time, entropy, threads, files)
    #[arg(long)]
    no_strict: bool,
}

impl NoStrictArgs {
    /// Whether to run under the strict seal. Says so where it is wanted and not to be had.
    pub(super) fn strict(self, console: &mut Console) -> bool {
        if self.no_strict {
            return false;
        }
        let sealed = crate::world::strict_seal();
        if let Err(why) = &sealed {
            console.note(format_args!(
                "no strict seal on this system ({why}): what code takes of the host is found by its effect alone"
            ));
        }
        sealed.is_ok()
    }
}

/// The option of verbs that use it when they are asked to.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct StrictArgs {
    /// Stop at the first call for time, entropy, threads, files or the network, and say who made it
    #[arg(long)]
    strict: bool,
}

impl StrictArgs {
    /// Whether to run under the strict seal.
    ///
    /// # Errors
    /// When it was asked for and is not to be had.
    pub(super) fn strict(self) -> Result<bool, Failure> {
        if self.strict {
            let usage =
                |why| Failure::Usage(format!("--strict: no strict seal on this system: {why}"));
            crate::world::strict_seal().map_err(usage)?;
        }
        Ok(self.strict)
    }
}
