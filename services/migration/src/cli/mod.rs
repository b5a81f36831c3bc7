//! The commands, and what they have in common.

mod follow;
mod ids;
mod migrate;
mod plan;
mod progress;
mod reconcile;
mod repair;
mod serve;
mod sync;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use kit::config::Mistakes;
use migration_service::sides::{Addresses, OpenError, Sides};
use migration_service::store;
use tokio_util::sync::CancellationToken;

/// Moves the rows of a legacy database to a modern one, and compares them.
#[derive(Parser)]
#[command(name = "cutover-data", version)]
struct Flags {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Copy every row; a run that was cut short goes on where it stopped.
    Migrate(migrate::Flags),
    /// Bring later changes of the source over, from its own record of changes.
    Follow(follow::Flags),
    /// Compare the rows of both databases. Exits with 0 equal, 1 different, 2 not verified.
    Reconcile(reconcile::Flags),
    /// Put right what a comparison found, or take that back.
    Repair(repair::Flags),
    /// Bring single entities up to date by key, with the rows that belong to them.
    Sync(sync::Flags),
    /// Hold the mapping against both databases and show what a run would do; nothing is written.
    Plan(plan::Flags),
    /// Tell the proxy which ids a copy made, so that clients may use those of either side.
    Ids(ids::Flags),
    /// Run the service: copies, comparisons and questions about rows over HTTP.
    Serve(serve::Flags),
}

/// The two databases and the mapping between them.
#[derive(Args, Debug, Clone)]
struct Both {
    /// What becomes of each table and column; see docs/mapping.md.
    #[arg(long, value_name = "FILE", env = "CUTOVER_MAPPING")]
    mapping: PathBuf,
    /// The database that rows come from, which is only read: sqlite:FILE,
    /// <postgres://USER:PASSWORD@HOST:PORT/NAME>, <mysql://USER:PASSWORD@HOST:PORT/NAME> or
    /// <mssql://USER:PASSWORD@HOST:PORT/NAME?trust=true>.
    #[arg(
        long,
        value_name = "URL",
        env = "LEGACY_DATABASE_URL",
        hide_env_values = true
    )]
    from: String,
    /// The database that they go to, whose tables are there: sqlite:FILE or
    /// <postgres://USER:PASSWORD@HOST:PORT/NAME>.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    to: String,
}

/// Runs what was typed.
pub(crate) async fn run() -> ExitCode {
    let command = match kit::config::read(|flags: Flags| ready(flags.command)) {
        Ok(command) => command,
        Err(code) => return code,
    };
    let verdict = match command {
        Command::Migrate(flags) => migrate::run(flags).await,
        Command::Follow(flags) => follow::run(flags).await,
        Command::Reconcile(flags) => reconcile::run(flags).await,
        Command::Repair(flags) => repair::run(flags).await,
        Command::Sync(flags) => sync::run(flags).await,
        Command::Plan(flags) => plan::run(flags).await,
        Command::Ids(flags) => ids::run(flags).await,
        Command::Serve(flags) => serve::run(flags).await,
    };
    match verdict {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cutover-data: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// What can be judged without a database is judged first, all of it.
fn ready(command: Command) -> Result<Command, Mistakes> {
    let mut mistakes = Mistakes::default();
    let both = match &command {
        Command::Migrate(flags) => flags.both(),
        Command::Follow(flags) => flags.both(),
        Command::Reconcile(flags) => flags.both(),
        Command::Repair(flags) => flags.both(),
        Command::Sync(flags) => flags.both(),
        Command::Plan(flags) => flags.both(),
        Command::Ids(flags) => flags.both(),
        Command::Serve(flags) => flags.both(),
    };
    let from = mistakes.keep("--from", store::check_source(&both.from));
    let to = mistakes.keep("--to", store::check_target(&both.to));
    match (from, to) {
        (Some(()), Some(())) => Ok(command),
        _ => Err(mistakes),
    }
}

impl Both {
    async fn open(&self) -> anyhow::Result<Sides> {
        let addresses = Addresses::of(&self.mapping, &self.from, &self.to)?;
        Sides::open(&addresses).await.map_err(|error| match error {
            // Problems of a mapping are a list, and need no more words.
            OpenError::Plan(error) => anyhow::Error::new(error),
            other => anyhow::Error::new(other),
        })
    }
}

/// Ends when the process is asked to end, once: a second signal ends it at once.
fn stopping() -> CancellationToken {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    tokio::spawn(async move {
        kit::serve::signalled().await;
        asked.cancel();
        kit::serve::signalled().await;
        std::process::exit(130);
    });
    stop
}
