//! The order service as a process: configure, open the database, serve, drain.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use kit::cache::{Cache, RedisUrl};
use kit::config::Mistakes;
use kit::database::{Flags, Settings};
use tokio::net::TcpListener;

/// Orders and customers of the sample system.
#[derive(Parser)]
#[command(name = "order-service", version)]
struct Raw {
    /// The address to answer on.
    #[arg(
        long,
        env = "ORDER_SERVICE_LISTEN",
        default_value = "127.0.0.1:3001",
        value_name = "ADDR"
    )]
    listen: String,
    #[command(flatten)]
    database: Flags,
    /// Where reads are cached; empty for this process's memory alone.
    #[arg(
        long,
        env = "REDIS_URL",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true,
        value_name = "URL"
    )]
    redis_url: String,
}

struct Config {
    listen: SocketAddr,
    redis: Option<RedisUrl>,
    database: Settings,
    only_migrate: bool,
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
    let cache = Cache::open(config.redis, "cutover:order");
    let services = order_service::connect_cached(config.database, cache).await?;
    if config.only_migrate {
        services.close().await;
        return Ok(());
    }
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("--listen: could not listen on {}", config.listen))?;
    let stop = kit::serve::signalled();
    tracing::info!(listen = %listener.local_addr()?, "order service is up");
    let router = order_service::router(services.clone());
    kit::serve::serve(listener, router, stop).await?;
    services.close().await;
    Ok(())
}

fn ready(raw: Raw) -> Result<Config, Mistakes> {
    let mut mistakes = Mistakes::default();
    let listen = mistakes.parse("--listen", &raw.listen);
    let only_migrate = raw.database.only_migrate();
    let database = raw.database.settings("order-service", &mut mistakes);
    let redis = RedisUrl::parse_if_any(&raw.redis_url);
    let redis = mistakes.keep("--redis-url", redis);
    match (listen, database, redis) {
        (Some(listen), Some(database), Some(redis)) => Ok(Config {
            listen,
            redis,
            database,
            only_migrate,
        }),
        _ => Err(mistakes),
    }
}
