//! The tries of a mirrored write whose turn is there, until one is answered.
//!
//! Whose turn it is, and what becomes of the answer, is decided elsewhere.

use super::{Failed, Write};
use crate::exchange::CapturedResponse;
use crate::mirror::parcel::Missing;
use crate::mirror::wire::is_refusal;
use crate::mirror::{Job, Mirror};
use crate::outcome::Ending;
use crate::routing::Upstream;
use crate::sessions::Lesson;
use crate::side::Side;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// The pause after a try that failed; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// What a write is left whose patience ended while others were before it.
const LAST_TRY: Duration = Duration::from_secs(5);

impl Mirror {
    /// Tries until there is an answer, or the write's patience is over. A write that is not on
    /// disk is tried once: what is in memory must not pile up before a candidate that is dead.
    pub(super) async fn try_on(&self, write: &mut Write) -> Result<CapturedResponse, Failed> {
        write.until = match write.until {
            late if late <= Instant::now() => Instant::now() + LAST_TRY,
            until => until,
        };
        let id = write.spot.id();
        // Whether the primary has done it: what it refused, the candidate may refuse, too.
        let done = !write.spot.doubt().is_empty();
        let mut last = Ending::CandidateConnect;
        let mut pause = PAUSE;
        loop {
            self.end_of_hold(write).await?;
            let until = write.until;
            let table = self.routes.table();
            let route = table.route(&write.route).cloned();
            let candidate = route
                .as_ref()
                .and_then(|route| route.upstream(write.candidate));
            let Some((route, candidate)) = route.clone().zip(candidate.cloned()) else {
                return Err(Failed {
                    ending: Ending::CandidateNoPeer,
                    why: format!(
                        "route \"{}\" names no {} any more",
                        write.route, write.candidate
                    ),
                });
            };
            let turn = timeout_at(until, candidate.mirror.write_turn(&route.share));
            let turn = self.unless_held((&write.route, write.candidate), turn);
            let turn = match write.parcel.wait(&self.outbox, turn).await {
                Some(Ok(Some(turn))) => turn,
                Some(_) => return Err(given_up(last)),
                None => continue,
            };
            let delivering = match write.candidate {
                Side::Modern => self.outbox.deliver(&write.route, write.began),
                Side::Legacy => None,
            };
            if write.candidate == Side::Modern && delivering.is_none() {
                continue;
            }
            match write.parcel.pick_up(self, route).await {
                Ok(job) => match self
                    .try_noted(
                        job,
                        &candidate,
                        write.lesson.as_ref(),
                        (id, &mut write.tried),
                    )
                    .await
                {
                    Ok(answer) if done && is_refusal(answer.status) => {
                        job.hold.shrink(answer.cost());
                        last = Ending::CandidateRefused;
                    }
                    Ok(answer) => return Ok(answer),
                    Err(Ending::CandidateRefused) if done => last = Ending::CandidateRefused,
                    Err(ending) if is_final(ending) => return Err(given_up(ending)),
                    Err(ending) => last = ending,
                },
                Err(Missing::Now) => last = Ending::QueueDeadline,
                Err(Missing::Forever(why)) => {
                    let ending = Ending::Lost;
                    return Err(Failed { ending, why });
                }
            }
            drop((turn, delivering));
            write.lesson = None;
            let stored = timeout_at(until, write.parcel.is_stored()).await;
            if Instant::now() + pause >= until || stored != Ok(true) {
                return Err(given_up(last));
            }
            self.outbox.count_retry();
            let jitter = 0.5 + fastrand::f32() / 2.0;
            let rest = tokio::time::sleep(pause.mul_f32(jitter));
            let rest = self.unless_held((&write.route, write.candidate), rest);
            write.parcel.wait(&self.outbox, rest).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Tries it, and notes of what the candidate would do once more that it may have done it.
    async fn try_noted(
        &self,
        job: &mut Job,
        candidate: &Upstream,
        lesson: Option<&Lesson>,
        (id, tried): (u64, &mut bool),
    ) -> Result<CapturedResponse, Ending> {
        let first = !*tried && !job.exchange.request.method.is_idempotent();
        if first {
            *tried = true;
            self.outbox.note_tried(id, true);
        }
        let answer = self.try_once(job, candidate, lesson).await;
        if let (true, Err(ending)) = (first, &answer)
            && !may_be_sent(*ending)
        {
            *tried = false;
            self.outbox.note_tried(id, false);
        }
        answer
    }

    async fn try_once(
        &self,
        job: &mut Job,
        candidate: &Upstream,
        lesson: Option<&Lesson>,
    ) -> Result<CapturedResponse, Ending> {
        if let Some(lesson) = lesson {
            self.await_tokens(job, lesson).await;
        }
        let turn = candidate.mirror.turn(&job.route.share);
        let turn = timeout(job.route.mirror_timeout, turn).await;
        let answer = match turn {
            Ok(Some(_turn)) => self.send(job).await,
            Ok(None) | Err(_) => Err(Ending::QueueDeadline),
        };
        let health = answer.as_ref().map(|_| ()).map_err(|ending| *ending);
        candidate.mirror.report(health);
        answer
    }
}

/// Whether the candidate may have got the request.
fn may_be_sent(ending: Ending) -> bool {
    !matches!(
        ending,
        Ending::CandidateConnect | Ending::CandidateNoPeer | Ending::QueueDeadline
    )
}

/// Whether another try would end the same way.
fn is_final(ending: Ending) -> bool {
    !matches!(
        ending,
        Ending::CandidateConnect
            | Ending::CandidateNoPeer
            | Ending::CandidateReset
            | Ending::CandidateDeadline
            | Ending::QueueDeadline
    )
}

fn given_up(ending: Ending) -> Failed {
    let (outcome, reason) = (ending.outcome().as_str(), ending.reason());
    let why = match ending {
        Ending::CandidateRefused => "the candidate refused it to the end, as if busy".to_owned(),
        _ => format!("it never got an answer: {outcome}, {reason}"),
    };
    Failed { ending, why }
}
