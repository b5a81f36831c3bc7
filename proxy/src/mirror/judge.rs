//! Comparing the two answers of an exchange.

use super::Job;
use crate::exchange::CapturedResponse;
use crate::ids::{Ids, Told, View};
use crate::outcome::Ending;
use crate::sessions::Sessions;
use crate::side::Side;
use comparator::{Comparison, Discrepancy, Undecodable, Verdict, compare, compare_knowing};
use std::sync::Arc;

/// Bodies larger than this together are compared on a thread of their own, so that the
/// comparison of a large answer does not hold up the requests of this one.
const LARGE: usize = 32 << 10;

/// What was found.
pub(super) struct Judgement {
    pub(super) discrepancies: Vec<Discrepancy>,
    pub(super) unreported: usize,
}

impl Judgement {
    /// Nothing was compared.
    pub(super) const fn none() -> Self {
        Self {
            discrepancies: Vec::new(),
            unreported: 0,
        }
    }
}

/// What was judged, and how it ends; `None` means that the answers match.
pub(super) type Judged = (Job, Option<(Ending, Judgement)>);

/// Compares legacy → modern, whoever answered, and learns which ids and tokens belong together.
pub(super) async fn judge(job: Job, ids: &Arc<Ids>, sessions: &Arc<Sessions>) -> Judged {
    let exchange = &job.exchange;
    let chunks = exchange.candidate.iter().flat_map(|answer| &answer.body);
    let bytes: usize = chunks
        .chain(&exchange.primary.body)
        .map(bytes::Bytes::len)
        .sum();
    if bytes <= LARGE {
        let found = find(&job, ids, sessions);
        return (job, found);
    }
    // A comparison that panics takes its ticket along, which counts as lost; the exchange's task
    // ends here with it.
    let (ids, sessions) = (Arc::clone(ids), Arc::clone(sessions));
    match tokio::task::spawn_blocking(move || (find(&job, &ids, &sessions), job)).await {
        Ok((found, job)) => (job, found),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Where the primary's second answer differs from its first; `None` where that can't be told whole.
pub(super) async fn alike(job: &Job, again: CapturedResponse) -> Option<Vec<Discrepancy>> {
    let (route, first) = (Arc::clone(&job.route), job.exchange.primary.clone());
    let chunks = first.body.iter().chain(&again.body);
    let bytes: usize = chunks.map(bytes::Bytes::len).sum();
    let differences = move || {
        let comparison = compare(&first.view(), &again.view(), &route.rules);
        match comparison.verdict {
            Verdict::Matched | Verdict::Different if comparison.unreported == 0 => {
                Some(comparison.discrepancies)
            }
            _ => None,
        }
    };
    if bytes <= LARGE {
        return differences();
    }
    // What panics has learnt nothing.
    tokio::task::spawn_blocking(differences).await.ok()?
}

fn find(job: &Job, ids: &Ids, sessions: &Sessions) -> Option<(Ending, Judgement)> {
    let exchange = &job.exchange;
    let (Some(legacy), Some(modern)) = (
        exchange.answer_of(Side::Legacy),
        exchange.answer_of(Side::Modern),
    ) else {
        return Some((Ending::CandidateReset, Judgement::none()));
    };
    let view = View::new(ids, exchange, &job.route.lanes);
    let rules = &job.route.rules;
    let compared =
        |view: &View<'_>| compare_knowing(&legacy.view(), &modern.view(), rules, Some(view));
    let mut comparison = compared(&view);
    sessions.learn(exchange, &comparison.tokens);
    let mut pairs = std::mem::take(&mut comparison.pairs);
    // Where lists differ, what stands at one position may be two things.
    let lists_differ = |found: &Discrepancy| found.general_path().contains("/*");
    let mut told = Told::default();
    if comparison.unreported == 0 && !comparison.discrepancies.iter().any(lists_differ) {
        pairs.append(&mut comparison.listed_pairs);
    } else {
        told.refused = comparison.listed_pairs.len() as u64;
    }
    if !pairs.is_empty() {
        let learned = ids.learn(pairs);
        told.refused += learned.refused + learned.full;
    }
    if told.refused > 0 {
        // What was taken for one thing's and could not be learned is no longer.
        comparison = compared(&view.sober());
    }
    job.route.count_rule_hits(&comparison.hits);
    let ending = match comparison.verdict {
        Verdict::Matched => return None,
        Verdict::Different => Ending::Different,
        Verdict::Undecodable(Undecodable::BadEncoding | Undecodable::UnsupportedEncoding) => {
            Ending::UndecodableEncoding
        }
        Verdict::Undecodable(_) => Ending::UndecodableLimit,
    };
    let Comparison {
        discrepancies,
        unreported,
        ..
    } = comparison;
    Some((
        ending,
        Judgement {
            discrepancies,
            unreported,
        },
    ))
}
