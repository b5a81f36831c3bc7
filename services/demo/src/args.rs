//! What can be typed behind `make demo ARGS=…`.

use clap::Parser;
use kit::cache::RedisUrl;
use kit::config::Mistakes;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The sample system, old and new, behind the proxy, with traffic.
///
/// Clients would point at the proxy; the dashboard shows what it finds. Everything is served on
/// loopback.
#[derive(Debug, Parser)]
#[command(name = "demo", version, max_term_width = 100)]
pub(crate) struct Args {
    /// Where databases, routes.toml, journal and log go. The sample databases start afresh each
    /// time, the journal stays.
    #[arg(long, value_name = "DIR", default_value = ".cutover")]
    pub(crate) data_dir: PathBuf,
    /// The legacy database, instead of a file in the data directory: sqlite:FILE, or
    /// <mssql://USER:PASSWORD@HOST:PORT/NAME?trust=true>.
    ///
    /// It has to be empty, or that of an earlier demo, which left the table `cutover_demo_legacy` in
    /// it: then the sample's tables are dropped and made anew. Anything else is refused, and left
    /// as it is.
    #[arg(long, value_name = "URL")]
    pub(crate) legacy_db: Option<String>,
    /// The modern database, instead of a file in the data directory: sqlite:FILE, or
    /// <postgres://USER:PASSWORD@HOST:PORT/NAME>.
    ///
    /// The same goes for it, with the table `cutover_demo_modern`.
    #[arg(long, value_name = "URL")]
    pub(crate) modern_db: Option<String>,
    /// The Redis in which the modern services cache what they read, instead of their memory:
    /// <redis://HOST:PORT>. Keys that begin with cutover:demo are the demo's, and are removed at
    /// each start.
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
    /// Make no traffic of its own.
    #[arg(long)]
    pub(crate) no_traffic: bool,
    /// Requests per second of the traffic.
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rate: u32,
    /// Port of the proxy, where clients point; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub(crate) proxy_port: u16,
    /// Port of the control API and the dashboard.
    #[arg(long, value_name = "PORT", default_value_t = 8081)]
    pub(crate) control_port: u16,
    /// Port of the legacy monolith.
    #[arg(long, value_name = "PORT", default_value_t = 3080)]
    pub(crate) legacy_port: u16,
    /// Port of the order service.
    #[arg(long, value_name = "PORT", default_value_t = 3001)]
    pub(crate) order_port: u16,
    /// Port of the migration service.
    #[arg(long, value_name = "PORT", default_value_t = 3000)]
    pub(crate) migration_port: u16,
    /// Port of the invoice service.
    #[arg(long, value_name = "PORT", default_value_t = 3004)]
    pub(crate) invoice_port: u16,
}

/// The flags, and what had to be read out of them.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) args: Args,
    pub(crate) redis: Option<RedisUrl>,
}

/// Judges every URL before anything is started.
pub(crate) fn ready(args: Args) -> Result<Config, Mistakes> {
    let mut mistakes = Mistakes::default();
    let legacy = args
        .legacy_db
        .as_deref()
        .map_or(Ok(()), legacy_monolith::check_url);
    let legacy = mistakes.keep("--legacy-db", legacy);
    let modern = args
        .modern_db
        .as_deref()
        .map_or(Ok(()), kit::database::check_url);
    let modern = mistakes.keep("--modern-db", modern);
    let redis = args.redis.as_deref().map(RedisUrl::parse).transpose();
    match (legacy, modern, mistakes.keep("--redis", redis)) {
        (Some(()), Some(()), Some(redis)) => Ok(Config { args, redis }),
        _ => Err(mistakes),
    }
}

impl Args {
    /// The loopback address with this port.
    #[expect(
        clippy::unused_self,
        reason = "reads as what it is: an address of these flags"
    )]
    pub(crate) fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }
}
