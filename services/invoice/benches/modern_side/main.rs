//! What the modern side holds on one core: both services under mixed reads and writes, with a
//! durable `PostgreSQL`, Redis and the clients beside them on the other cores.
//!
//! `make bench-services` builds what this starts. Linux only, as `taskset` and /proc are. Exits
//! with 1 when an answer was wrong or the rate was not held.

mod clients;
mod mix;
mod report;
mod servers;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::clients::{Clients, Pace};
use crate::mix::{Health, Mix};
use crate::report::{Measured, Row};
use crate::servers::Servers;

/// Loads the order and the invoice service, pinned to one core.
#[derive(Parser)]
struct Args {
    /// The core of both services.
    #[arg(long, default_value_t = 0)]
    core: usize,
    /// The cores of the clients and the other servers, as taskset lists them.
    #[arg(long, default_value = "1", value_name = "LIST")]
    beside: String,
    /// Requests a second that are to be held.
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// Requests at one time.
    #[arg(long, default_value_t = 32)]
    connections: u32,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often everything is measured, in turns.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    servers::pin_this_process(&args.beside)?;
    let servers = Servers::start(args.core)?;
    let clients = Clients::new(args.connections, Duration::from_secs(args.seconds));
    let mix = Mix::prepared(&servers, &clients)
        .await
        .context("making the first rows")?;
    let health = Health::new(&servers);
    let held = Pace::Rate(args.rate);
    let mut rows = [
        Row::new(format!("mixed, {} requests/s", args.rate)),
        Row::new("mixed, as many as answered".to_owned()),
        Row::new("/health, as many as answered".to_owned()),
    ];
    for _ in 0..args.rounds {
        let [fixed, most, healthy] = &mut rows;
        fixed.add(Measured::of(&servers, clients.ask(&mix, held)).await?);
        most.add(Measured::of(&servers, clients.ask(&mix, Pace::Most)).await?);
        healthy.add(Measured::of(&servers, clients.ask(&health, Pace::Most)).await?);
    }
    println!(
        "both services on core {}; PostgreSQL (durable), Redis and {} clients on {}; \
         medians of {} rounds of {} s",
        args.core, args.connections, args.beside, args.rounds, args.seconds
    );
    report::print(&rows);
    Ok(report::verdict(&rows, args.rate))
}
