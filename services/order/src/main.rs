//! The order service as a process: configure, open the database, serve, drain.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use kit::cache::{self, Cache, RedisUrl};
use kit::config::Mistakes;
use kit::database::{self, Settings};

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
    database: database::Flags,
    #[command(flatten)]
    cache: cache::Flags,
}

struct Config {
    listen: SocketAddr,
    redis: Option<RedisUrl>,
    database: Settings,
    only_migrate: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    kit::process::run(ready, run).await
}

async fn run(config: Config) -> anyhow::Result<()> {
    let cache = Cache::open(config.redis, "cutover:order");
    let services = order_service::connect_cached(config.database, cache).await?;
    if !config.only_migrate {
        let router = order_service::router(services.clone());
        kit::process::answer("order service", config.listen, router).await?;
    }
    services.close().await;
    Ok(())
}

fn ready(raw: Raw) -> Result<Config, Mistakes> {
    let mut mistakes = Mistakes::default();
    let listen = mistakes.parse("--listen", &raw.listen);
    let only_migrate = raw.database.only_migrate();
    let database = raw.database.settings("order-service", &mut mistakes);
    let redis = raw.cache.settings(&mut mistakes);
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
