//! The sample system: the legacy monolith, the modern services, and the migration between them.

use crate::args::Config;
use crate::data;
use crate::databases::{self, Side};
use crate::routes::Addresses;
use anyhow::Context;
use demo::drift::drift;
use invoice_service::OrderClient;
use kit::cache::Cache;
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::TcpListener;

/// The running sample system.
pub(crate) struct Sample {
    /// Where its parts are served.
    pub(crate) addresses: Addresses,
    /// Where the migration is served.
    pub(crate) migration: SocketAddr,
    /// What the migration did, in a line.
    pub(crate) migrated: String,
}

/// Starts the monolith and the services on databases made anew; the modern one is filled from the
/// legacy one.
pub(crate) async fn start(config: &Config, folder: &Path) -> anyhow::Result<Sample> {
    let args = &config.args;
    // The ports come first: whoever has them may be a demo that uses the same databases.
    let (legacy, legacy_address) = listen(args.address(args.legacy_port), "--legacy-port").await?;
    let (orders, order_address) = listen(args.address(args.order_port), "--order-port").await?;
    let (invoices, invoice_address) =
        listen(args.address(args.invoice_port), "--invoice-port").await?;
    let (migration, migration_address) =
        listen(args.address(args.migration_port), "--migration-port").await?;
    let legacy_url = databases::own(Side::Legacy, args.legacy_db.as_deref(), folder).await?;
    let modern_url = databases::own(Side::Modern, args.modern_db.as_deref(), folder).await?;

    let monolith = legacy_monolith::connect(&legacy_url).await?;
    legacy_monolith::seed(&monolith)
        .await
        .context("cannot fill the legacy database")?;
    let cache = Cache::open(config.redis.clone(), "cutover:demo:order");
    let order_service = order_service::connect_cached(&modern_url, cache).await?;
    let migrated = data::migrate(&legacy_url, &modern_url).await?;
    drift(&modern_url).await?;
    let client = OrderClient::new(&format!("http://{order_address}"))?;
    let cache = Cache::open(config.redis.clone(), "cutover:demo:invoice");
    let invoice_service = invoice_service::connect_cached(&modern_url, client, cache).await?;

    let data = data::service(&legacy_url, &modern_url, folder).await?;
    serve("migration", migration, data.router());
    serve("legacy", legacy, legacy_monolith::router(monolith));
    serve("order", orders, order_service::router(order_service));
    serve(
        "invoice",
        invoices,
        invoice_service::router(invoice_service),
    );
    Ok(Sample {
        addresses: [
            ("legacy", legacy_address),
            ("orders", order_address),
            ("invoices", invoice_address),
        ],
        migration: migration_address,
        migrated,
    })
}

fn serve(name: &'static str, listener: TcpListener, router: axum::Router) {
    tokio::spawn(async move {
        if let Err(error) = kit::serve::serve(listener, router, std::future::pending()).await {
            tracing::error!(service = name, %error, "stopped serving");
        }
    });
}

async fn listen(address: SocketAddr, flag: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; choose another port with {flag}"))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
