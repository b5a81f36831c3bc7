//! What can be typed behind `make demo ARGS=…`.

use clap::Parser;
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
    /// Port of the invoice service.
    #[arg(long, value_name = "PORT", default_value_t = 3004)]
    pub(crate) invoice_port: u16,
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
