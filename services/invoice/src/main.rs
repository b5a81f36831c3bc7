//! The invoice service as a process: configure, open the database, serve, drain.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use invoice_service::OrderClient;
use kit::cache::{self, Cache, RedisUrl};
use kit::config::Mistakes;
use kit::database::{self, Settings};

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
    database: database::Flags,
    /// Where the order service is.
    #[arg(
        long,
        env = "ORDER_SERVICE_URL",
        default_value = "http://127.0.0.1:3001",
        value_name = "URL"
    )]
    order_service_url: String,
    #[command(flatten)]
    cache: cache::Flags,
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
    kit::process::run(ready, run).await
}

async fn run(config: Config) -> anyhow::Result<()> {
    let cache = Cache::open(config.redis, "cutover:invoice");
    let services = invoice_service::connect_cached(config.database, config.orders, cache).await?;
    if !config.only_migrate {
        let router = invoice_service::router(services.clone());
        kit::process::answer("invoice service", config.listen, router).await?;
    }
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
    let redis = raw.cache.settings(&mut mistakes);
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
