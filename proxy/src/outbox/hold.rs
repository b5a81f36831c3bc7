//! Whose hold it is: it begins, is named by whoever has it, is taken over, and ends.
//!
//! A hold is named by its position, which no other has, over restarts too. Changes come one after
//! the other, each on disk before it is answered, and none stops halfway because whoever asked for
//! it went away. What becomes of the writes that wait is not decided here.

use super::held::{HoldChange, Released};
use super::{Change, Outbox};
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Routes that a message names.
const SHOWN: usize = 5;

/// A hold on what is delivered to modern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Since when, to the millisecond.
    pub since: Timestamp,
    /// The position at which it began or was taken over: its name.
    pub position: u64,
    /// The routes whose writes wait; all where there is none.
    pub routes: Vec<String>,
    /// Who has it, as they call themselves.
    pub holder: Option<String>,
}

/// Which hold a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Whichever stands.
    Any,
    /// The one with this position.
    At(u64),
}

/// Why nothing was done about a hold.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// One stands, and none was named.
    #[error("{0}: name that hold in If-Match to go on with it, or take it over with `If-Match: *`")]
    Stands(Box<Held>),
    /// The one that stands is not the one that was named.
    #[error("{held}: the hold {named} is over, by its release or because it was taken over")]
    Another {
        /// What was named.
        named: u64,
        /// The one that stands.
        held: Box<Held>,
    },
    /// The one that stands is for other routes.
    #[error("{0}: those are not the routes that are asked for, release them first")]
    OtherRoutes(Box<Held>),
    /// None stands.
    #[error("nothing is held")]
    Nothing,
    /// It would not survive a restart.
    #[error("the outbox can't be written: {0}")]
    Unwritten(String),
}

impl Held {
    /// Whether it holds the writes of a route.
    pub fn covers(&self, route: &str) -> bool {
        self.routes.is_empty() || self.routes.iter().any(|name| name == route)
    }

    /// The names of its routes; the empty one is all.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let all = self.routes.is_empty().then_some("");
        all.into_iter()
            .chain(self.routes.iter().map(String::as_str))
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mirrored writes of ")?;
        match self.routes.len() {
            0 => f.write_str("all routes")?,
            routes => {
                let shown: Vec<&str> = self.names().take(SHOWN).collect();
                write!(f, "{}", shown.join(", "))?;
                if routes > SHOWN {
                    write!(f, " and {} more routes", routes.saturating_sub(SHOWN))?;
                }
            }
        }
        let holder = self.holder.as_deref().unwrap_or("somebody without a name");
        write!(f, " are held since {} by {holder}", self.since)
    }
}

impl Outbox {
    /// The hold, if there is one.
    pub fn hold(&self) -> Option<Arc<Held>> {
        self.shared.holds.now()
    }

    /// The hold that stands, if it is the one that is named.
    pub fn held_by(&self, named: Named) -> Result<Arc<Held>, HoldError> {
        let held = self.hold().ok_or(HoldError::Nothing)?;
        match named {
            Named::At(named) if named != held.position => Err(HoldError::Another {
                named,
                held: Box::new((*held).clone()),
            }),
            _ => Ok(held),
        }
    }

    /// Begins a hold, over restarts, where none stands. The one that is named is there already, for who
    /// has it. Another holder takes it over, and [`Named::Any`] whichever stands: it is somebody
    /// else's from then on, and has another position.
    pub async fn begin_hold(
        &self,
        routes: Vec<String>,
        holder: Option<String>,
        named: Option<Named>,
        position: impl FnOnce() -> u64 + Send + 'static,
    ) -> Result<Arc<Held>, HoldError> {
        let outbox = self.clone();
        to_its_end(async move {
            let _change = outbox.shared.holds.changing.lock().await;
            let standing = match named {
                Some(named) => Some(outbox.held_by(named)?),
                None => outbox.hold(),
            };
            let Some(held) = standing else {
                return outbox.hold_anew(routes, holder, position).await;
            };
            match named {
                None => Err(HoldError::Stands(Box::new((*held).clone()))),
                Some(_) if held.routes != routes => {
                    Err(HoldError::OtherRoutes(Box::new((*held).clone())))
                }
                Some(Named::At(_)) if holder.is_none() || holder == held.holder => Ok(held),
                Some(_) => outbox.take_over(&held, holder, position()).await,
            }
        })
        .await
    }

    async fn hold_anew(
        &self,
        routes: Vec<String>,
        holder: Option<String>,
        position: impl FnOnce() -> u64,
    ) -> Result<Arc<Held>, HoldError> {
        let now = Timestamp::now();
        // First in memory, so that nothing is delivered behind what the disk says.
        let held = self.shared.holds.begin(|| Held {
            since: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
            position: position(),
            routes,
            holder,
        });
        match self.note_hold(HoldChange::Begin(Arc::clone(&held))).await {
            Ok(()) => Ok(held),
            Err(error) => {
                self.shared.holds.let_go(None);
                Err(error)
            }
        }
    }

    async fn take_over(
        &self,
        held: &Held,
        holder: Option<String>,
        position: u64,
    ) -> Result<Arc<Held>, HoldError> {
        let taken = Arc::new(Held {
            position,
            holder,
            ..held.clone()
        });
        // First on disk: until it is there, the hold is the former holder's.
        self.note_hold(HoldChange::Begin(Arc::clone(&taken)))
            .await?;
        self.shared.holds.begin(|| (*taken).clone());
        Ok(taken)
    }

    /// Ends the hold that is named: what waits is delivered, but for writes that began up to a
    /// position. Those are lost, and so are those that come later and began before it: whether the
    /// rows that were copied have them is not known.
    pub async fn release(&self, named: Named, up_to: Option<u64>) -> Result<Released, HoldError> {
        let outbox = self.clone();
        to_its_end(async move {
            let _change = outbox.shared.holds.changing.lock().await;
            let held = outbox.held_by(named)?;
            // First on disk: a release that a restart forgets would hold for ever. It goes there
            // behind what was settled before, so that a kill brings back nothing of that.
            outbox.note_hold(HoldChange::Release(held, up_to)).await?;
            Ok(outbox.shared.holds.let_go(up_to))
        })
        .await
    }

    async fn note_hold(&self, change: HoldChange) -> Result<(), HoldError> {
        let (told, answer) = oneshot::channel();
        self.tell(Change::Hold(change, told));
        let written = answer.await;
        let written = written.unwrap_or_else(|_| Err(STOPPING.to_owned()));
        written.map_err(HoldError::Unwritten)
    }
}

const STOPPING: &str = "the proxy is stopping";

/// Whoever asks for a change may go away in the middle of it: memory and disk would say different
/// things of the hold if it stopped there.
async fn to_its_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, HoldError>> + Send + 'static,
) -> Result<T, HoldError> {
    let done = tokio::spawn(change).await;
    done.unwrap_or_else(|_| Err(HoldError::Unwritten(STOPPING.to_owned())))
}
