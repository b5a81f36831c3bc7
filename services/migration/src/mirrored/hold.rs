//! Whose the hold is: two commands that fill one database would each end what the other needs.
//!
//! A command is alone at its database ([`Target::alone`]), and keeps there by what name it holds,
//! before it does: one that was killed and is run again knows its own hold by that, and one that
//! is under way cannot be taken for one that was killed. Any other hold is somebody else's, to be
//! taken over where that is asked for; whoever had it finds that out from the proxy, and ends.

use std::time::{Duration, Instant};

use http::StatusCode;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{DELIVERY, MirroredError, PAUSE, pause};
use crate::link::{Hold, LinkError, Proxy, Standing};
use crate::sides::Sides;
use crate::store::{Alone, Target};

/// How long a process that has just ended may stand in the way.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// How often the holder looks whether it still is.
const LOOK: Duration = Duration::from_millis(500);

/// What holds. One goes on with the hold of its own kind alone: a copy that is half done is not
/// finished by the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// A copy of all rows.
    Migrate,
    /// Entities that lost a write.
    Tainted,
}

/// A hold, and that this process is the one that fills the database, until it is dropped.
pub struct Held<'p> {
    pub(super) hold: Hold<'p>,
    pub(super) alone: Alone,
}

impl Command {
    fn name(self) -> &'static str {
        match self {
            Self::Migrate => "migrate",
            Self::Tainted => "sync --tainted",
        }
    }

    /// Under what the name is kept by which it asks for a hold: that of the last stays beside it.
    fn asking(self) -> String {
        format!("{}, asking", self.name())
    }

    /// A name that nobody else has, and that tells people whom to look for.
    fn holder(self) -> String {
        let (process, now) = (std::process::id(), Timestamp::now());
        format!("{}, process {process}, begun {now}", self.name())
    }
}

/// Has the proxy hold its writes to modern, and waits until none is under way there. Where another
/// holds them, it is taken over or an error.
pub async fn begin<'p>(
    proxy: &'p Proxy,
    sides: &Sides,
    command: Command,
    take_over: bool,
    stop: &CancellationToken,
) -> Result<Held<'p>, MirroredError> {
    let target = &*sides.target;
    target.prepare().await.map_err(MirroredError::Target)?;
    let linger = if take_over { Duration::ZERO } else { LINGER };
    let alone = alone_within(linger, target, stop).await?;
    let standing = proxy.outbox().await?.hold;
    let hold = match (&alone, standing) {
        (None, standing) if !take_over => return Err(MirroredError::Busy(standing)),
        (Some(_), Some(standing)) if is_own(&standing, command, target).await? => {
            // A process that lost its place here and has not noticed must not have it as well.
            hold_anew(proxy, target, command, Over::The(&standing.tag)).await?
        }
        (_, Some(standing)) if !take_over => return Err(MirroredError::Held(standing)),
        (_, Some(_)) => hold_anew(proxy, target, command, Over::Any).await?,
        (_, None) => hold_anew(proxy, target, command, Over::None).await?,
    };
    let alone = match alone {
        Some(alone) => alone,
        // It ends by itself now, and may write what it has read until it does.
        None => alone_within(DELIVERY, target, stop)
            .await?
            .ok_or(MirroredError::StillAtWork)?,
    };
    let deadline = Instant::now() + DELIVERY;
    while proxy.outbox().await?.delivering > 0 {
        if Instant::now() > deadline {
            return Err(MirroredError::Delivering);
        }
        pause(PAUSE, stop).await?;
    }
    Ok(Held { hold, alone })
}

impl Held<'_> {
    /// Ends when the hold is somebody else's, or nobody's, or another may be at work beside this.
    pub(super) async fn lost(&mut self) -> MirroredError {
        loop {
            tokio::time::sleep(LOOK).await;
            // Another would take the hold for its own, and the proxy could not tell the two apart.
            if let Err(cause) = self.alone.check().await {
                return MirroredError::NotAlone(cause);
            }
            // A proxy that does not answer says nothing of that.
            let Ok(outbox) = self.hold.proxy().outbox().await else {
                continue;
            };
            if !self.hold.is(outbox.hold.as_ref()) {
                let now = outbox.hold.map(|standing| standing.to_string());
                return MirroredError::Over(now.unwrap_or_else(|| "nothing is held".to_owned()));
            }
        }
    }
}

/// Waits until this is the one process that brings rows to the database; nothing where another is for
/// all that time.
pub async fn alone_within(
    within: Duration,
    target: &dyn Target,
    stop: &CancellationToken,
) -> Result<Option<Alone>, MirroredError> {
    let deadline = Instant::now() + within;
    let mut rest = PAUSE;
    loop {
        let alone = target.alone().await.map_err(MirroredError::Target)?;
        if alone.is_some() || Instant::now() > deadline {
            return Ok(alone);
        }
        // Each look may be a connection: those that wait long look seldom.
        pause(rest, stop).await?;
        rest = (rest * 2).min(LOOK);
    }
}

/// Whether it is what a run of this command left at this database.
async fn is_own(
    standing: &Standing,
    command: Command,
    target: &dyn Target,
) -> Result<bool, MirroredError> {
    for name in [command.name(), &command.asking()] {
        let kept = target.holder(name).await.map_err(MirroredError::Target)?;
        if kept.is_some() && kept == standing.holder {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whose hold is taken over.
#[derive(Clone, Copy)]
enum Over<'t> {
    /// None stands.
    None,
    /// That of this tag.
    The(&'t str),
    /// Whichever stands.
    Any,
}

/// Holds by a new name, which is kept first: a kill in between leaves no hold that nobody knows.
/// The former name is kept until the proxy has answered: where that refuses, who has the hold by it
/// goes on with it.
async fn hold_anew<'p>(
    proxy: &'p Proxy,
    target: &dyn Target,
    command: Command,
    over: Over<'_>,
) -> Result<Hold<'p>, MirroredError> {
    let holder = command.holder();
    let kept = target.keep_holder(&command.asking(), &holder).await;
    kept.map_err(MirroredError::Target)?;
    let begun = match over {
        Over::None => proxy.hold(&holder).await,
        Over::The(tag) => proxy.go_on(&holder, tag).await,
        Over::Any => proxy.take_over(&holder).await,
    };
    let hold = match begun {
        // Another was a moment faster.
        Err(
            error @ LinkError::Refused {
                status: StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED,
                ..
            },
        ) => {
            return Err(match proxy.outbox().await?.hold {
                Some(standing) => MirroredError::Held(standing),
                None => error.into(),
            });
        }
        begun => begun?,
    };
    let kept = target.keep_holder(command.name(), &holder).await;
    kept.map_err(MirroredError::Target)?;
    Ok(hold)
}
