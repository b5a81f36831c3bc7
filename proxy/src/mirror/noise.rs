//! Asking the primary the same once more, to learn where it differs from itself.
//!
//! The client has long been answered. A difference between the sides is noise only where in the same
//! exchange the primary differs from itself too; how often that happens is evidence of the route.

use super::judge::{Judgement, alike};
use super::{Job, Mirror};
use crate::exchange::CapturedResponse;
use crate::journal::Journal;
use crate::lanes::Quiet;
use crate::outcome::{Ending, Ticket};
use crate::readiness::{Differed, Symptom};
use comparator::{Discrepancy, Kind};
use std::collections::{BTreeMap, HashSet};
use tokio::time::timeout;

impl Mirror {
    /// The primary's second answer, in the share of exchanges that is wanted. It takes a place in
    /// the primary's own queue of mirrored requests; where there is none, nothing is asked. Once a
    /// write of its lanes has begun, another answer would be no noise.
    pub(super) async fn ask_again(
        &self,
        job: &mut Job,
        quiet: Option<&Quiet>,
    ) -> Option<CapturedResponse> {
        if !job.route.noise_sample.takes(fastrand::u16(0..10_000)) {
            return None;
        }
        let (primary, patience) = (job.exchange.answered_by, job.route.mirror_timeout);
        let upstream = job.route.upstream(primary)?.clone();
        let place = upstream.mirror.queue(&job.route.share).ok()?;
        let lasts = || quiet.is_none_or(Quiet::lasts);
        let turn = timeout(patience, place.turn()).await.ok()??;
        if !lasts() {
            return None;
        }
        let answer = self.send_to(primary, job).await;
        drop(turn);
        let healthy = answer.as_ref().map(|_| ()).map_err(|ending| *ending);
        upstream.mirror.report(healthy);
        let first = &job.exchange.primary;
        // A primary that fails in between says nothing of its answers.
        answer
            .ok()
            .filter(|second| second.status < 500 || first.status >= 500)
            .filter(|_| lasts())
    }
}

/// Notes what the second answer shows, and calls the exchange noise when everything is.
pub(super) async fn weigh(
    ticket: &mut Ticket,
    job: &Job,
    again: CapturedResponse,
    found: &mut Option<(Ending, Judgement)>,
    journal: &Journal,
) {
    let candidate: &[Discrepancy] = match found {
        None => &[],
        Some((Ending::Different, judgement)) if judgement.unreported == 0 => {
            &judgement.discrepancies
        }
        // Without all discrepancies, nothing can be said of those that are not there.
        Some(_) => return,
    };
    let Some(own) = alike(job, again).await else {
        return;
    };
    let symptom = |found: &Discrepancy| Symptom::new(&journal.path_of(found), found.kind.as_str());
    let mut differed: BTreeMap<Symptom, Differed> = BTreeMap::new();
    for found in &own {
        differed.entry(symptom(found)).or_default().own = true;
    }
    let own: HashSet<Way> = own.iter().map(Way::of).collect();
    let mut noise = true;
    for found in candidate {
        let differed = differed.entry(symptom(found)).or_default();
        differed.candidate = true;
        if !own.contains(&Way::of(found)) {
            // What the primary does otherwise is no excuse for what the candidate does.
            differed.own = false;
            noise = false;
        }
    }
    if let Some(witness) = ticket.witness() {
        witness.noise(differed);
    }
    if let Some((ending, _)) = found.as_mut().filter(|_| noise) {
        *ending = Ending::Noise;
    }
}

/// How two answers differ at a general path. A value that is another each time excuses no answer
/// that lacks it, nor one that has another type.
#[derive(PartialEq, Eq, Hash)]
struct Way {
    path: String,
    /// Nothing where one side has something and the other has not: which of them lacks it depends
    /// on which is held against which.
    kind: Option<Kind>,
}

impl Way {
    fn of(found: &Discrepancy) -> Self {
        let both = found.legacy.is_some() == found.modern.is_some();
        Self {
            path: found.general_path(),
            kind: both.then_some(found.kind),
        }
    }
}
