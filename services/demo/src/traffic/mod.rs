//! Traffic as clients make it: visitors who come, do something, and look at what came of it.
//!
//! It goes through the proxy and knows nothing of the two sides. Until the mirror keeps the order
//! of an entity's requests, a visitor looks at a fresh row only after a pause, and never lists
//! one: [`Settled`] says when the pause is over.

mod client;
mod journeys;

use client::Client;
use cutover::outcome::Ledger;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Interval;

/// How long a visitor thinks before looking at what was just made.
const THINK: Duration = Duration::from_millis(300);

/// Visits the system, at `rate` requests a second, until the future is dropped.
pub(crate) async fn run(proxy: SocketAddr, rate: u32, settled: Settled) {
    let period = Duration::from_secs(1) / rate.max(1);
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let pace = Pace(Arc::new(Mutex::new(ticks)));
    let mut visitors = tokio::task::JoinSet::new();
    for _ in 0..rate.clamp(8, 256) {
        let client = Client::new(proxy, pace.clone());
        let settled = settled.clone();
        visitors.spawn(async move {
            loop {
                journeys::any(&client, &settled).await;
            }
        });
    }
    while visitors.join_next().await.is_some() {}
}

/// Lets one request through at a time, at the rate asked for.
#[derive(Clone)]
struct Pace(Arc<Mutex<Interval>>);

impl Pace {
    async fn next(&self) {
        self.0.lock().await.tick().await;
    }
}

/// Knows when what was written through the proxy has reached both sides.
#[derive(Clone)]
pub(crate) struct Settled(Arc<Ledger>);

impl Settled {
    /// By the proxy's own counts.
    pub(crate) fn new(ledger: Arc<Ledger>) -> Self {
        Self(ledger)
    }

    /// Thinks, then waits until nothing that was asked on `route` before is pending.
    async fn pause(&self, route: &str) {
        tokio::time::sleep(THINK).await;
        let counts = self.0.route(route);
        while counts.snapshot().pending() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
