//! `cutover-data`: migration and validation from the command line.
//!
//! Exit codes: 0 all well, 1 rows refused or figures that differ, 2 it could not be told, 64 usage.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use kit::config::Mistakes;

/// Moves the rows of a legacy database to the modern one, and checks that they arrived.
#[derive(Parser)]
#[command(name = "cutover-data", version)]
struct Flags {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Copy every row; a run that was cut short goes on where it stopped.
    Migrate {
        #[command(flatten)]
        sides: Sides,
        /// Leave every table alone that an earlier run finished.
        #[arg(long)]
        once: bool,
    },
    /// Compare row counts and sums of both sides.
    Validate {
        #[command(flatten)]
        sides: Sides,
    },
}

#[derive(Args)]
struct Sides {
    /// The legacy database, which is only read: sqlite:FILE, or
    /// <mssql://USER:PASSWORD@HOST:PORT/NAME?trust=true>.
    #[arg(
        long,
        value_name = "URL",
        env = "LEGACY_DATABASE_URL",
        hide_env_values = true
    )]
    from: String,
    /// The modern database: sqlite:FILE, which is made when it is missing, or
    /// <postgres://USER:PASSWORD@HOST:PORT/NAME>.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    to: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = match kit::config::read(ready) {
        Ok(command) => command,
        Err(code) => return code,
    };
    let verdict = match command {
        Command::Migrate { sides, once } => migrate(&sides, once).await.context("migrate"),
        Command::Validate { sides } => validate(&sides).await.context("validate"),
    };
    match verdict {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("cutover-data: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn ready(flags: Flags) -> Result<Command, Mistakes> {
    let mut mistakes = Mistakes::default();
    let (Command::Migrate { sides, .. } | Command::Validate { sides }) = &flags.command;
    let from = mistakes.keep("--from", migration_service::check_legacy_url(&sides.from));
    let to = mistakes.keep("--to", migration_service::check_modern_url(&sides.to));
    match (from, to) {
        (Some(()), Some(())) => Ok(flags.command),
        _ => Err(mistakes),
    }
}

async fn migrate(sides: &Sides, once: bool) -> anyhow::Result<bool> {
    let Sides { from, to } = sides;
    let report = if once {
        migration_service::migrate_once(from, to).await?
    } else {
        migration_service::migrate(from, to).await?
    };
    print!("{report}");
    Ok(report.is_complete())
}

async fn validate(sides: &Sides) -> anyhow::Result<bool> {
    let checks = migration_service::validate(&sides.from, &sides.to).await?;
    for check in &checks {
        let verdict = if check.agrees() { "equal" } else { "DIFFERENT" };
        println!(
            "{:<12} {:<10} legacy {:>20} modern {:>20} {verdict}",
            check.table, check.figure, check.legacy, check.modern
        );
    }
    Ok(checks.iter().all(migration_service::Check::agrees))
}
