//! What a write has to deliver, in memory or on disk.
//!
//! It is stored at once and in memory all the same, so that a candidate that is well gets it
//! without a look at the disk. What waits lets go of its memory, and comes back from the disk when
//! its turn does. One that could not be stored stays in memory, under the budget for captures.

use super::{Job, Mirror};
use crate::exchange::Exchange;
use crate::lanes::Spot;
use crate::outbox::{AtRisk, Outbox, Parked, Row};
use crate::routing::Route;
use http::HeaderValue;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a write waits in memory before it is left to the disk.
const SOON: Duration = Duration::from_millis(100);

pub(super) struct Parcel {
    id: u64,
    bytes: usize,
    compared: bool,
    here: Option<Box<Job>>,
    stored: Stored,
    parked: Option<Parked>,
}

enum Stored {
    /// Its batch is not written yet.
    Soon(oneshot::Receiver<Option<AtRisk>>),
    Yes,
    No {
        _at_risk: Option<AtRisk>,
    },
}

/// Why a parcel can't be picked up.
pub(super) enum Missing {
    /// There is no memory for it, or the disk can't be read now.
    Now,
    /// It will never be there.
    Forever(String),
}

impl Parcel {
    /// Stores a write that has just been answered.
    pub(super) fn new(outbox: &Outbox, mut job: Job, spot: &mut Spot, compared: bool) -> Self {
        let id = spot.id();
        let exchange = &job.exchange;
        let row = Row::new(exchange, compared, spot);
        let (bytes, mut hold) = (row.bytes(), job.hold.another());
        let at_risk = spot.at_risk().unwrap_or_else(|| outbox.risk());
        let stored = if hold.grow(bytes) {
            Stored::Soon(outbox.append(row, hold, at_risk))
        } else {
            outbox.count_unstored();
            Stored::No {
                _at_risk: Some(at_risk),
            }
        };
        job.idempotency_key = key(&job.exchange, id);
        Self {
            id,
            bytes,
            compared,
            here: Some(Box::new(job)),
            stored,
            parked: None,
        }
    }

    /// A write that a former run has stored.
    pub(super) fn stored(outbox: &Outbox, id: u64, bytes: usize, compared: bool) -> Self {
        Self {
            id,
            bytes,
            compared,
            here: None,
            stored: Stored::Yes,
            parked: compared.then(|| outbox.park()),
        }
    }

    /// Whether it is on disk, once that is known.
    pub(super) async fn is_stored(&mut self) -> bool {
        if let Stored::Soon(answer) = &mut self.stored {
            self.stored = match answer.await {
                Ok(None) => Stored::Yes,
                Ok(at_risk) => Stored::No { _at_risk: at_risk },
                Err(_) => Stored::No { _at_risk: None },
            };
        }
        matches!(self.stored, Stored::Yes)
    }

    /// Waits for something, and lets go of the memory meanwhile unless it comes soon.
    pub(super) async fn wait<T>(&mut self, outbox: &Outbox, what: impl Future<Output = T>) -> T {
        let mut what = pin!(what);
        if let Ok(done) = timeout(SOON, &mut what).await {
            return done;
        }
        tokio::select! {
            biased;
            done = &mut what => return done,
            () = self.set_down(outbox) => {}
        }
        what.await
    }

    async fn set_down(&mut self, outbox: &Outbox) {
        if self.here.is_some() && self.is_stored().await {
            self.here = None;
            self.parked = self.compared.then(|| outbox.park());
        }
    }

    /// What is to be sent by `route`, in memory.
    pub(super) async fn pick_up(
        &mut self,
        mirror: &Mirror,
        route: Arc<Route>,
    ) -> Result<&mut Job, Missing> {
        self.parked = None;
        if self.here.is_none() {
            let mut hold = mirror.budget.hold();
            if !hold.grow(self.bytes) {
                return Err(Missing::Now);
            }
            let exchange = match mirror.outbox.load(self.id).await {
                Ok(Some(exchange)) => exchange,
                Ok(None) => return Err(Missing::Forever("it is gone from the outbox".to_owned())),
                Err(error) if error.is_passing() => {
                    tracing::debug!(%error, "a mirrored write waits on");
                    return Err(Missing::Now);
                }
                Err(error) => return Err(Missing::Forever(error.to_string())),
            };
            self.here = Some(Box::new(Job {
                idempotency_key: key(&exchange, self.id),
                exchange,
                route: Arc::clone(&route),
                ticket: None,
                spot: None,
                hold,
                max_body: mirror.routes.table().mirror.max_body,
            }));
        }
        let job = self.here.as_mut();
        let job = job.ok_or_else(|| Missing::Forever("it is gone".to_owned()))?;
        job.route = route;
        Ok(job)
    }

    /// What was sent, if it is in memory.
    pub(super) fn open(self) -> Option<Box<Job>> {
        self.here
    }
}

/// What the candidate knows the write by. The request's id alone won't do: clients send several
/// requests under one.
fn key(exchange: &Exchange, id: u64) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("{}-{id}", exchange.request_id)).ok()
}
