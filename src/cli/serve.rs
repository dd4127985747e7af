//! `serve` and `attach`: a node of the cluster in this process, outside the simulation. Runs none itself.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use tracing_subscriber::filter::LevelFilter;

use crate::real::{self, Cluster, Host};
use crate::run::ExitCode;
use crate::scenario::{NodeClass, NodeRef};

use super::console::Console;
use super::entry::Context;
use super::report::Failure;
use super::stop::on_interrupt;

/// What a node does.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Role {
    /// Holds disks.
    Target,
    /// Says who owns which volume, and which copies count.
    Manager,
}

/// Of a node that is served.
#[derive(Debug, Parser)]
pub(super) struct Served {
    /// The cluster file: `cluster`, `volumes`, `addresses` and `disks`
    #[arg(long, value_name = "FILE")]
    cluster: PathBuf,
    /// Log to standard error: -v what is decided, -vv what is done
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  stormglass serve manager m0 --cluster cluster.json
  stormglass serve target t0 --cluster cluster.json")]
pub(super) struct ServeArgs {
    /// What the node does
    role: Role,
    /// Its name in the cluster, such as `t0`
    node: String,
    #[command(flatten)]
    served: Served,
}

#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  stormglass attach vol0 --cluster cluster.json --nbd 127.0.0.1:10809
  qemu-io -f raw -c 'write -P 7 0 64k' nbd://127.0.0.1:10809")]
pub(super) struct AttachArgs {
    /// The volume's name
    volume: String,
    /// The client's name in the cluster
    #[arg(long, value_name = "NODE", default_value = "c0")]
    client: String,
    /// Where the volume is served to the host, over NBD; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:10809")]
    nbd: SocketAddr,
    #[command(flatten)]
    served: Served,
}

pub(super) fn serve(args: &ServeArgs, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let class = match args.role {
        Role::Target => NodeClass::Target,
        Role::Manager => NodeClass::Manager,
    };
    let (cluster, node) = begin(&args.served, &args.node, class)?;
    on(context, |host| real::serve(&cluster, node, fresh_seed()?, host).map_err(broken))
}

pub(super) fn attach(args: &AttachArgs, context: &mut Context<'_>) -> Result<ExitCode, Failure> {
    let (cluster, client) = begin(&args.served, &args.client, NodeClass::Client)?;
    let what = (client, args.volume.as_str());
    on(context, |host| real::attach(&cluster, what, args.nbd, fresh_seed()?, host).map_err(broken))
}

fn begin(served: &Served, name: &str, class: NodeClass) -> Result<(Cluster, NodeRef), Failure> {
    let level = match served.verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(Console::is_watched());
    // Where there is a log already, it stays.
    let _there_is_one = log.try_init();
    let cluster = Cluster::load(&served.cluster).map_err(|error| Failure::Cluster(told(&error)))?;
    let node = cluster.node(name, class).map_err(Failure::Usage)?;
    Ok((cluster, node))
}

fn on(
    context: &mut Context<'_>,
    run: impl FnOnce(&Host<'_>) -> Result<(), Failure>,
) -> Result<ExitCode, Failure> {
    let stop = on_interrupt("ending; once more to end at once");
    let console = std::cell::RefCell::new(&mut *context.console);
    let host = Host {
        is_stopped: &|| stop.is_up(),
        tell: &|line| {
            let mut console = console.borrow_mut();
            console.line(line);
            console.show();
        },
    };
    run(&host).map(|()| ExitCode::Pass)
}

/// Another one for each start: attachments and new disks are told apart by it.
fn fresh_seed() -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| Failure::Usage(format!("/dev/urandom: {error}")))?;
    Ok(u64::from_le_bytes(bytes))
}

fn broken(error: real::ServeError) -> Failure {
    match error {
        real::ServeError::Volume(..) => Failure::Usage(told(&error)),
        _ => Failure::Node(told(&error)),
    }
}

/// An error with all that led to it.
fn told(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        told.push_str(": ");
        told.push_str(&next.to_string());
        cause = next.source();
    }
    told
}
