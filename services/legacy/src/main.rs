//! The monolith as a process of its own.

use std::{net::SocketAddr, process::ExitCode};

use anyhow::Context as _;
use clap::Parser;
use kit::config::Mistakes;
use tokio::net::TcpListener;

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
    let config = match kit::config::read(ready) {
        Ok(config) => config,
        Err(code) => return code,
    };
    kit::config::log();
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> anyhow::Result<()> {
    let monolith = legacy_monolith::connect(&config.database_url).await?;
    if config.seed {
        legacy_monolith::seed(&monolith)
            .await
            .context("could not seed the database")?;
    }
    if config.migrate {
        monolith.close().await;
        return Ok(());
    }
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("--listen: could not listen on {}", config.listen))?;
    tracing::info!(listen = %listener.local_addr()?, "the monolith is up");
    let router = legacy_monolith::router(monolith.clone());
    kit::serve::serve(listener, router, kit::serve::signalled()).await?;
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
