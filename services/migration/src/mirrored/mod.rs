//! Mirrored writes as the feeder of a copy, and entities that lost one.
//!
//! The proxy holds its writes to modern while the tables are copied ([`begin`]). A write that was
//! under way before the last row was read may be in the copied rows, or may not: delivering it
//! could do it twice, dropping it could lose it. So it is not delivered: the entities that its
//! lanes name are brought up to date by key, and the write is settled. What began later is
//! delivered when the hold ends ([`finish`]). A write is settled in the proxy only after its rows
//! are there, so a run that is cut off leaves the hold, and the next one finishes it.
//!
//! A tainted entity is a write that was lost, and goes the same way.

mod names;
mod report;
mod round;

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::link::{LinkError, Proxy};
use crate::load::{self, LoadError};
use crate::mapping::Feeder;
use crate::plan::Plan;
use crate::sides::Sides;
use crate::sync::SyncError;

pub use report::{Left, Report};
use round::Rounds;

/// How long writes that are being delivered may take to be over.
const DELIVERY: Duration = Duration::from_mins(5);

/// How long it is tried to come to an end beside clients that go on writing; what is in doubt then
/// taints its lanes.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long until the proxy is asked again.
const PAUSE: Duration = Duration::from_millis(20);

/// Why mirrored writes are not delivered again. They are held on, and another run finishes.
#[derive(Debug, thiserror::Error)]
pub enum MirroredError {
    /// The proxy could not be asked.
    #[error("the proxy holds mirrored writes on")]
    Link(#[from] LinkError),
    /// A row could not be brought over.
    #[error("mirrored writes are held on: run it again")]
    Sync(#[from] SyncError),
    /// A delivery to modern has no end.
    #[error("a mirrored write has been under way to modern for {DELIVERY:?}; writes are held on")]
    Delivering,
    /// It was asked to stop.
    #[error("stopped; mirrored writes are held on until another run or POST /api/outbox/release")]
    Stopped,
}

/// Whether mirrored writes feed a table of the plan.
pub fn feeds(plan: &Plan) -> bool {
    plan.tables
        .iter()
        .any(|table| table.feeder == Feeder::Mirror)
}

/// Has the proxy hold its writes to modern, and waits until none is under way there.
pub async fn begin(proxy: &Proxy, stop: &CancellationToken) -> Result<(), MirroredError> {
    let deadline = Instant::now() + DELIVERY;
    let mut outbox = proxy.hold().await?;
    while outbox.delivering > 0 {
        if Instant::now() > deadline {
            return Err(MirroredError::Delivering);
        }
        pause(stop).await?;
        outbox = proxy.outbox().await?;
    }
    Ok(())
}

/// Brings up to date what writes did that came while the hold stood, and every tainted entity; and
/// has the rest delivered.
pub async fn finish(
    proxy: &Proxy,
    sides: &Sides,
    stop: &CancellationToken,
) -> Result<Report, MirroredError> {
    let deadline = Instant::now() + PATIENCE;
    let mut rounds = Rounds::begin(proxy, sides).await?;
    let up_to = loop {
        // What is over by this answer is in the list that is asked for after it.
        let passed = proxy.outbox().await?.passed;
        let worked = rounds.run().await?;
        if !worked && passed >= rounds.last_read() {
            break rounds.copied();
        }
        if Instant::now() > deadline {
            break rounds.last_read();
        }
        if !worked {
            pause(stop).await?;
        }
    };
    let released = proxy.release(Some(up_to)).await?;
    let mut report = rounds.end();
    report.delivered = released.delivered;
    report.lost = report.lost.saturating_add(released.lost);
    Ok(report)
}

/// Copies with `copy` while the proxy holds its writes, where those feed a table and a proxy is
/// given; and then brings up to date what they did meanwhile.
pub async fn around<E>(
    proxy: Option<&Proxy>,
    sides: &Sides,
    stop: &CancellationToken,
    copy: impl Future<Output = Result<load::Report, E>>,
) -> Result<load::Report, E>
where
    E: From<MirroredError> + From<LoadError>,
{
    let proxy = proxy.filter(|_| feeds(&sides.plan));
    if let Some(proxy) = proxy {
        begin(proxy, stop).await?;
    }
    let mut report = copy.await?;
    if let Some(proxy) = proxy {
        report.mirrored = Some(finish(proxy, sides, stop).await?);
        // A row that had to wait for another is there now.
        report.refused = load::still_refused(&*sides.target).await?;
    }
    Ok(report)
}

async fn pause(stop: &CancellationToken) -> Result<(), MirroredError> {
    tokio::select! {
        () = tokio::time::sleep(PAUSE) => Ok(()),
        () = stop.cancelled() => Err(MirroredError::Stopped),
    }
}
