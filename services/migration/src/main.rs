//! `cutover-data`: migration and validation from the command line.
//!
//! Exit codes: 0 all well, 1 rows refused or figures that differ, 2 it could not be told, 64 usage.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

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
    Migrate(Sides),
    /// Compare row counts and sums of both sides.
    Validate(Sides),
}

#[derive(Args)]
struct Sides {
    /// The legacy database, such as sqlite:legacy.db; it is only read.
    #[arg(long, value_name = "URL")]
    from: String,
    /// The modern database, such as sqlite:modern.db.
    #[arg(long, value_name = "URL")]
    to: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = match kit::config::read(|flags: Flags| Ok(flags.command)) {
        Ok(command) => command,
        Err(code) => return code,
    };
    let verdict = match command {
        Command::Migrate(sides) => migrate(&sides).await.context("migrate"),
        Command::Validate(sides) => validate(&sides).await.context("validate"),
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

async fn migrate(sides: &Sides) -> anyhow::Result<bool> {
    let report = migration_service::migrate(&sides.from, &sides.to).await?;
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
