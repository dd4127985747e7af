//! The `stormglass` program: the command line and nothing else.

fn main() -> std::process::ExitCode {
    stormglass::cli::main()
}
