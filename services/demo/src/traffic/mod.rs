//! Traffic as clients make it: visitors who come, do something, and look at what came of it.
//!
//! It goes through the proxy and knows nothing of the two sides. Until the mirror keeps the order
//! of an entity's requests, a visitor looks at a fresh row only after a pause, and never lists
//! one: the proxy says when the pause is over.

mod client;
mod journeys;
mod settled;

use client::Client;
use settled::Settled;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Interval;

/// Visits the system behind `proxy`, at `rate` requests a second, until the future is dropped.
/// `control` is the proxy's control API.
pub async fn run(proxy: SocketAddr, control: SocketAddr, rate: u32) {
    let period = Duration::from_secs(1) / rate.max(1);
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let pace = Pace(Arc::new(Mutex::new(ticks)));
    let settled = Settled::new(control);
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
