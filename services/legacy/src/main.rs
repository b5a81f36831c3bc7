//! The monolith as a process of its own.

use std::{net::SocketAddr, process::ExitCode};

use anyhow::Context as _;
use clap::Parser;
use kit::config::Mistakes;

/// The order-management monolith that is being replaced.
#[derive(Parser)]
#[command(version)]
struct Flags {
    /// Where to listen.
    #[arg(long, env = "LEGACY_LISTEN", default_value = "127.0.0.1:3080")]
    listen: String,
    #[arg(
        long,
        env = "LEGACY_DATABASE_URL",
        default_value = "sqlite:legacy.db",
        hide_env_values = true,
        help = "The database, made when it is missing: sqlite:data/legacy.db, or \
            mssql://user:password@host:1433/database?trust=true"
    )]
    database_url: String,
    /// Fill an empty database with the sample rows.
    #[arg(long, env = "LEGACY_SEED")]
    seed: bool,
    /// Make the tables, and fill them where --seed says so, then end.
    #[arg(long, env = "LEGACY_MIGRATE")]
    migrate: bool,
}

struct Config {
    listen: SocketAddr,
    database_url: String,
    seed: bool,
    migrate: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    kit::process::run(ready, run).await
}

async fn run(config: Config) -> anyhow::Result<()> {
    let monolith = legacy_monolith::connect(&config.database_url).await?;
    if config.seed {
        legacy_monolith::seed(&monolith)
            .await
            .context("could not seed the database")?;
    }
    if !config.migrate {
        let router = legacy_monolith::router(monolith.clone());
        kit::process::answer("the monolith", config.listen, router).await?;
    }
    monolith.close().await;
    Ok(())
}

fn ready(flags: Flags) -> Result<Config, Mistakes> {
    let mut mistakes = Mistakes::default();
    let listen = mistakes.parse("--listen", &flags.listen);
    let database_url = mistakes.keep(
        "--database-url",
        legacy_monolith::check_url(&flags.database_url),
    );
    match (listen, database_url) {
        (Some(listen), Some(())) => Ok(Config {
            listen,
            database_url: flags.database_url,
            seed: flags.seed,
            migrate: flags.migrate,
        }),
        _ => Err(mistakes),
    }
}
