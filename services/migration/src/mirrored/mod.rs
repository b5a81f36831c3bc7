//! Mirrored writes as the feeder of a copy, and entities that lost one.
//!
//! The proxy holds its writes to modern while the tables are copied ([`begin`]). A write that was
//! under way before the last row was read may be in the copied rows, or may not: delivering it
//! could do it twice, dropping it could lose it. So it is not delivered: the entities that its
//! lanes name are brought up to date by key, and the write is settled. What began later is
//! delivered when the hold ends ([`finish`]). A write is settled in the proxy only after its rows
//! are there, so a run that is cut off leaves the hold, and the next one finishes it. Whose it is, `hold` knows.
//!
//! A tainted entity is a write that was lost, and goes the same way.

mod hold;
mod names;
mod report;
mod round;

use std::pin::pin;
use std::time::{Duration, Instant};

use kit::error::Cause;
use tokio_util::sync::CancellationToken;

use crate::link::{LinkError, Proxy, Standing};
use crate::load::{self, LoadError};
use crate::mapping::Feeder;
use crate::plan::Plan;
use crate::sides::Sides;
use crate::store::Alone;
use crate::sync::{self, SyncError};

use hold::LINGER;
pub use hold::{Command, Held, alone_within, begin};
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
    Link(#[source] LinkError),
    /// Another holds them.
    #[error("{0}: let it finish, or run cutover-data with --take-over if it is dead")]
    Held(Standing),
    /// Another process fills the same database.
    #[error(
        "another command is at work on this database{}: let it finish, or run cutover-data with \
         --take-over to end it",
        .0.as_ref().map(|standing| format!(", and {standing}")).unwrap_or_default()
    )]
    Busy(Option<Standing>),
    /// The same, where no writes are held.
    #[error(
        "another command brings rows to this database: let it finish, or end it; a follow goes on where \
         it stood"
    )]
    AtWork,
    /// What kept others away is gone, where no writes are held.
    #[error(
        "what kept other commands away from this database is gone, so this one has stopped: run it again"
    )]
    Displaced(#[source] Cause),
    /// The hold was taken over or released while it was needed.
    #[error(
        "this command does not hold mirrored writes any more, so it has stopped: {0}. What it copied \
         and brought up to date stays; of the writes that waited it has settled and released none \
         since. Run it again when nobody else holds them"
    )]
    Over(String),
    /// Whose hold was taken over goes on writing.
    #[error(
        "the hold is taken over, but who had it has been at work on this database for another \
         {DELIVERY:?}; writes are held on: end it, and run this again"
    )]
    StillAtWork,
    /// What kept others away is gone.
    #[error(
        "what kept other commands away from this database is gone, so this one has stopped; \
         mirrored writes are held on: run it again"
    )]
    NotAlone(#[source] Cause),
    /// What is kept beside the target's tables could not be read or written.
    #[error("could not keep by what name mirrored writes are held")]
    Target(#[source] Cause),
    /// A row could not be brought over.
    #[error("mirrored writes are held on: run it again")]
    Sync(#[from] SyncError),
    /// A delivery to modern has no end.
    #[error("a mirrored write has been under way to modern for {DELIVERY:?}; writes are held on")]
    Delivering,
    /// It was asked to stop.
    #[error(
        "stopped; mirrored writes are held on until this is run again, or they are released by hand"
    )]
    Stopped,
}

impl From<LinkError> for MirroredError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Over(said) => Self::Over(said),
            error => Self::Link(error),
        }
    }
}

/// Whether mirrored writes feed a table of the plan.
pub fn feeds(plan: &Plan) -> bool {
    plan.tables
        .iter()
        .any(|table| table.feeder == Feeder::Mirror)
}

/// Brings up to date what writes did that came while the hold stood, and every tainted entity; and
/// has the rest delivered.
pub async fn finish(
    held: Held<'_>,
    sides: &Sides,
    stop: &CancellationToken,
) -> Result<Report, MirroredError> {
    let deadline = Instant::now() + PATIENCE;
    let Held {
        hold: mine,
        mut alone,
    } = held;
    let mut rounds = Rounds::begin(&mine, sides).await?;
    let up_to = loop {
        // What is over by this answer is in the list that is asked for after it.
        let passed = mine.proxy().outbox().await?.passed;
        let worked = rounds.run().await?;
        if !worked && passed >= rounds.last_read() {
            break rounds.copied();
        }
        if Instant::now() > deadline {
            break rounds.last_read();
        }
        if !worked {
            pause(PAUSE, stop).await?;
        }
    };
    // What is delivered may be given ids there.
    sync::set_sequences(&sides.plan, &*sides.target).await?;
    // Another that is at work on the same hold needs it.
    alone.check().await.map_err(MirroredError::NotAlone)?;
    let released = mine.release(Some(up_to)).await?;
    let mut report = rounds.end();
    report.delivered = released.delivered;
    report.lost = report.lost.saturating_add(released.lost);
    Ok(report)
}

/// Copies with `copy` while the proxy holds its writes, where those feed a table and a proxy is
/// given; and then brings up to date what they did meanwhile. The copy is told to stop where it is
/// to stop, or the hold is not its own any more.
pub async fn around<E, C>(
    proxy: Option<&Proxy>,
    take_over: bool,
    sides: &Sides,
    stop: &CancellationToken,
    copy: impl FnOnce(CancellationToken) -> C,
) -> Result<load::Report, E>
where
    E: From<MirroredError> + From<LoadError>,
    C: Future<Output = Result<load::Report, E>>,
{
    let Some(proxy) = proxy.filter(|_| feeds(&sides.plan)) else {
        let mut alone = alone(sides, stop).await?;
        let lost = async { MirroredError::Displaced(alone.lost().await) };
        return unless(lost, stop, copy).await;
    };
    let mut held = begin(proxy, sides, Command::Migrate, take_over, stop).await?;
    let mut report = unless(held.lost(), stop, copy).await?;
    report.mirrored = Some(finish(held, sides, stop).await?);
    // A row that had to wait for another is there now.
    report.refused = load::still_refused(&*sides.target).await?;
    Ok(report)
}

/// The place of the one command that brings rows to the target.
pub async fn alone(sides: &Sides, stop: &CancellationToken) -> Result<Alone, MirroredError> {
    let alone = alone_within(LINGER, &*sides.target, stop).await?;
    alone.ok_or(MirroredError::AtWork)
}

/// Copies, or stops when something is lost that it needs.
async fn unless<E, C>(
    lost: impl Future<Output = MirroredError>,
    stop: &CancellationToken,
    copy: impl FnOnce(CancellationToken) -> C,
) -> Result<load::Report, E>
where
    E: From<MirroredError>,
    C: Future<Output = Result<load::Report, E>>,
{
    let own = stop.child_token();
    let mut copying = pin!(copy(own.clone()));
    tokio::select! {
        copied = &mut copying => copied,
        lost = lost => {
            own.cancel();
            // Whoever has its place now waits until nothing of this is written any more.
            drop(copying.await);
            Err(lost.into())
        }
    }
}

async fn pause(time: Duration, stop: &CancellationToken) -> Result<(), MirroredError> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        () = stop.cancelled() => Err(MirroredError::Stopped),
    }
}
