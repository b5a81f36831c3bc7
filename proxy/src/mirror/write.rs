//! A mirrored write: through the outbox, in its lanes, until the candidate has answered.
//!
//! store → turn → try, again and again → answered, or lost. Whatever the candidate answers is its
//! answer and is compared, errors too; what is tried again is what got none, or was refused for the
//! time being.

mod tries;

use super::judge::judge;
use super::parcel::Parcel;
use super::{Job, Mirror, settle};
use crate::exchange::{Exchange, made_ids};
use crate::lanes::Spot;
use crate::outbox::{Admitted, HeldWrite, Leftovers, Verdict, size};
use crate::outcome::{Ending, Ticket};
use crate::sessions::Lesson;
use crate::side::Side;
use http::Method;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A write on its way to the candidate.
struct Write {
    route: Arc<str>,
    candidate: Side,
    spot: Spot,
    ticket: Option<Ticket>,
    parcel: Parcel,
    /// What it may teach, until it has been tried; and it waits for what was before it.
    lesson: Option<Lesson>,
    /// When it is given up.
    until: Instant,
    /// The position at which it began on the primary.
    began: u64,
    /// Its share of the outbox.
    admitted: Admitted,
    /// Whether the candidate may have done it, and would do it once more.
    tried: bool,
}

/// Why a write got no answer.
struct Failed {
    ending: Ending,
    why: String,
}

impl Mirror {
    /// Takes a write on; one for which the outbox has no room is lost.
    pub(super) fn offer_write(self: &Arc<Self>, mut job: Job) {
        let limits = self.routes.table().mirror;
        let ticket = job.ticket.take();
        // Every write is in a lane, if only in its route's.
        let Some(mut spot) = job.spot.take() else {
            return settle(ticket, Ending::Lost);
        };
        let (most, most_bytes) = (limits.outbox_writes, limits.outbox_bytes);
        let Some(admitted) = self.outbox.admit(size(&job.exchange), most, most_bytes) else {
            settle(ticket, Ending::OutboxFull);
            return spot.lost("the outbox was full");
        };
        spot.take_on();
        let lesson = Some(self.sessions.begin());
        let this = Arc::clone(self);
        self.runtime.spawn(async move {
            let write = Write {
                route: Arc::clone(&job.exchange.route),
                candidate: job.exchange.answered_by.other(),
                began: spot.began(),
                parcel: Parcel::new(&this.outbox, job, &mut spot, ticket.is_some()),
                spot,
                ticket,
                lesson,
                until: Instant::now() + limits.write_patience,
                admitted,
                tried: false,
            };
            this.deliver(write).await;
        });
    }

    /// Takes on what a former run has left in the outbox, before anything newer comes. What was to
    /// be compared is eligible again: the former run's count of it ended with that run.
    pub fn resume(self: &Arc<Self>, left: Leftovers) {
        let table = self.routes.table();
        let clock = self.routes.ledger().clock();
        for left in left.writes {
            let age = clock.now().duration_since(left.at);
            // One that was stored by a clock that was ahead is new.
            let age = Duration::try_from(age).unwrap_or_default();
            let patience = table.mirror.write_patience.saturating_sub(age);
            let route = table.route(&left.route).filter(|_| left.compared);
            let candidate = left.answered_by.other();
            let mut spot = self
                .lanes
                .resume((left.id, candidate), left.lanes, left.doubt, age);
            spot.set_overlapped(left.overlapped);
            if let Some(why) = left.lost {
                if left.tried {
                    spot.may_be_done();
                }
                spot.lost(why);
                continue;
            }
            let write = Write {
                route: left.route.into(),
                candidate,
                began: left.began,
                ticket: route.map(|route| {
                    let witness = route.evidence.begin();
                    route.counts.begin().witnessed(witness)
                }),
                parcel: Parcel::stored(&self.outbox, left.id, left.bytes, left.compared),
                spot,
                lesson: None,
                until: Instant::now() + patience,
                admitted: self.outbox.admit_leftover(left.bytes),
                tried: left.tried,
            };
            self.runtime.spawn(Arc::clone(self).deliver(write));
        }
    }

    async fn deliver(self: Arc<Self>, mut write: Write) {
        let turn = self.turn_of(&mut write).await;
        let mut tainted = matches!(turn, Ok(true));
        let answer = match turn {
            // Sending has a large future; most writes of an outage only wait.
            Ok(_) => Box::pin(self.try_on(&mut write)).await,
            Err(failed) => Err(failed),
        };
        let Write {
            mut spot,
            ticket,
            parcel,
            admitted,
            tried,
            ..
        } = write;
        // What it came over on the candidate has made its answer another.
        let (id, overlapped) = (spot.id(), spot.overlapped() || spot.crosses());
        let job = parcel.open();
        match answer {
            Ok(answer) => {
                // Before the next of its lanes is sent and before the write is forgotten, it is
                // known which ids belong together. A comparison that panics is not to be met again.
                let over = self.outbox.answered(id);
                tainted = tainted || ticket.is_some() && spot.is_tainted().await;
                let judged = match job {
                    Some(mut job) => {
                        job.exchange.candidate = Some(answer);
                        Some(judge(*job, &self.ids, &self.sessions).await)
                    }
                    None => None,
                };
                drop(over);
                // Whoever sees the outcome sees that nothing waits any more.
                drop((spot, admitted));
                match (ticket, judged) {
                    (Some(ticket), _) if tainted => ticket.settle(Ending::Tainted),
                    (Some(ticket), _) if overlapped => ticket.settle(Ending::Overlapped),
                    (Some(ticket), Some(judged)) => self.conclude(ticket, judged),
                    (ticket, _) => settle(ticket, Ending::Lost),
                }
            }
            // Modern has it, by its rows, and the outbox was told.
            Err(Failed {
                ending: ending @ Ending::Resynchronised,
                ..
            }) => {
                drop((spot, admitted));
                settle(ticket, ending);
            }
            // There was an answer, though not one that can be compared.
            Err(
                failed @ Failed {
                    ending: Ending::CandidateTooLarge | Ending::Budget,
                    ..
                },
            ) => {
                if job.as_deref().is_some_and(makes_ids) {
                    spot.lost("the candidate's answer was let go, so its ids are not known");
                } else {
                    self.outbox.remove(id);
                    drop(spot);
                }
                drop(admitted);
                self.note(ticket, failed.ending, job);
            }
            Err(failed) => {
                if tried && failed.ending == Ending::Held {
                    spot.may_be_done();
                }
                spot.lost(failed.why);
                drop(admitted);
                self.note(ticket, failed.ending, job);
            }
        }
    }

    /// Waits for the end of a hold and then for its turn; whether its lanes are tainted.
    async fn turn_of(&self, write: &mut Write) -> Result<bool, Failed> {
        loop {
            self.end_of_hold(write).await?;
            // From here on a hold finds it: it need not be waited for on the primary any more.
            write.spot.over();
            let Write {
                parcel,
                spot,
                route,
                candidate,
                ..
            } = write;
            let turn = self.unless_held((route, *candidate), spot.turn());
            if let Some(tainted) = parcel.wait(&self.outbox, turn).await {
                return Ok(tainted);
            }
        }
    }

    /// Waits for something; nothing if a hold begins before it comes.
    async fn unless_held<T>(
        &self,
        (route, candidate): (&str, Side),
        what: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            biased;
            done = what => Some(done),
            () = self.outbox.until_held(route), if candidate == Side::Modern => None,
        }
    }

    /// While modern's database is filled, its writes wait; whoever fills it may have brought over
    /// what they did.
    async fn end_of_hold(&self, write: &mut Write) -> Result<(), Failed> {
        if write.candidate == Side::Legacy {
            return Ok(());
        }
        let (id, began) = (write.spot.id(), write.began);
        let held = || HeldWrite {
            id,
            began,
            route: Arc::clone(&write.route),
            lanes: write.spot.lanes().to_vec(),
            doubt: write.spot.doubt().to_vec(),
            bytes: write.admitted.bytes(),
            tried: write.tried,
        };
        let Some(waiting) = self.outbox.wait_in_hold(&write.route, began, held) else {
            return Ok(());
        };
        write.spot.over();
        let stored = write.parcel.is_stored().await;
        let verdict = match (!stored).then(|| self.outbox.not_kept(id)).flatten() {
            Some(lost) => lost,
            None => match write.parcel.wait(&self.outbox, waiting).await {
                Ok(verdict) => verdict,
                // Nobody says anything any more when the proxy stops.
                Err(_) => std::future::pending().await,
            },
        };
        match verdict {
            Verdict::Deliver => {
                let patience = self.routes.table().mirror.write_patience;
                write.until = write.until.max(Instant::now() + patience);
                Ok(())
            }
            Verdict::Settled => Err(Failed {
                ending: Ending::Resynchronised,
                why: String::new(),
            }),
            Verdict::Lost(why) => Err(Failed {
                ending: Ending::Held,
                why,
            }),
        }
    }

    fn note(&self, ticket: Option<Ticket>, ending: Ending, job: Option<Box<Job>>) {
        match (ticket, job) {
            (Some(ticket), Some(job)) => {
                self.record(ticket, ending, *job, super::judge::Judgement::none());
            }
            (ticket, _) => settle(ticket, ending),
        }
    }
}

/// Whether the primary gave ids to what a write made, which the candidate's are to be learned for.
fn makes_ids(job: &Job) -> bool {
    let Exchange {
        request, primary, ..
    } = &job.exchange;
    let made = made_ids(&job.route.rules, &request.method, primary);
    request.method == Method::POST && (made.missed || !made.ids.is_empty())
}
