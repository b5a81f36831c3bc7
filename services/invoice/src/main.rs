//! The invoice service as a process: configure, open the database, serve, drain.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use invoice_service::OrderClient;
use kit::cache::{Cache, RedisUrl};
use kit::config::Mistakes;
use kit::database::{Flags, Settings};
use tokio::net::TcpListener;

/// Invoices of the sample system.
#[derive(Parser)]
#[command(name = "invoice-service", version)]
struct Raw {
    /// The address to answer on.
    #[arg(
        long,
        env = "INVOICE_SERVICE_LISTEN",
        default_value = "127.0.0.1:3004",
        value_name = "ADDR"
    )]
    listen: String,
    #[command(flatten)]
    database: Flags,
    /// Where the order service is.
    #[arg(
        long,
        env = "ORDER_SERVICE_URL",
        default_value = "http://127.0.0.1:3001",
        value_name = "URL"
    )]
    order_service_url: String,
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
    orders: OrderClient,
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
    let cache = Cache::open(config.redis, "cutover:invoice");
    let services = invoice_service::connect_cached(config.database, config.orders, cache).await?;
    if config.only_migrate {
        services.close().await;
        return Ok(());
    }
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("--listen: could not listen on {}", config.listen))?;
    let stop = kit::serve::signalled();
    tracing::info!(listen = %listener.local_addr()?, "invoice service is up");
    let router = invoice_service::router(services.clone());
    kit::serve::serve(listener, router, stop).await?;
    services.close().await;
    Ok(())
}

fn ready(raw: Raw) -> Result<Config, Mistakes> {
    let mut mistakes = Mistakes::default();
    let listen = mistakes.parse("--listen", &raw.listen);
    let only_migrate = raw.database.only_migrate();
    let database = raw.database.settings("invoice-service", &mut mistakes);
    let orders = OrderClient::new(&raw.order_service_url);
    let orders = mistakes.keep("--order-service-url", orders);
    let redis = RedisUrl::parse_if_any(&raw.redis_url);
    let redis = mistakes.keep("--redis-url", redis);
    match (listen, database, orders, redis) {
        (Some(listen), Some(database), Some(orders), Some(redis)) => Ok(Config {
            listen,
            redis,
            database,
            only_migrate,
            orders,
        }),
        _ => Err(mistakes),
    }
}
