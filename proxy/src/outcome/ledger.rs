//! Counts of what became of every request, per route.
//!
//! The data plane and the mirror only ever add to atomic counters here; nothing waits. What is
//! pending is not counted but derived, so `eligible = pending + Σ outcomes` cannot be broken by
//! arithmetic; that a [`Ticket`] settles exactly once is what the type holds.

use super::{Ending, Outcome, Unrouted};
use crate::clock::Clock;
use crate::readiness::{Evidence, Witness};
use crate::routing::Dial;
use crate::side::Side;
use arc_swap::ArcSwapOption;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Rules of one route whose hits are kept, whether a table has them or not. Past it, those that none
/// has are forgotten.
const MOST_RULES: usize = 256;

/// The counts of all routes and their dials, kept by name: they outlive any one version of
/// routes.toml.
#[derive(Debug, Default)]
pub struct Ledger {
    routes: RwLock<BTreeMap<Arc<str>, Arc<RouteCounts>>>,
    dials: RwLock<BTreeMap<Arc<str>, Arc<Dial>>>,
    unrouted: Arc<Unrouted>,
    clock: Clock,
}

impl Ledger {
    /// An empty one, by a clock of its own.
    pub fn by(clock: Clock) -> Self {
        Self {
            clock,
            ..Self::default()
        }
    }

    /// What tells the time to all who count.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The counters of the route `name`, made when they are first asked for.
    pub fn route(&self, name: &str) -> Arc<RouteCounts> {
        if let Some(counts) = self.routes.read().get(name) {
            return Arc::clone(counts);
        }
        let mut routes = self.routes.write();
        let counts = routes
            .entry(name.into())
            .or_insert_with(|| Arc::new(RouteCounts::new(name)));
        Arc::clone(counts)
    }

    /// The dial `name`, made when it is first asked for.
    pub fn dial(&self, name: &str) -> Arc<Dial> {
        if let Some(dial) = self.dials.read().get(name) {
            return Arc::clone(dial);
        }
        let mut dials = self.dials.write();
        let dial = dials.entry(name.into()).or_insert_with(|| Dial::new(name));
        Arc::clone(dial)
    }

    /// What has no route of its own.
    pub fn unrouted(&self) -> &Arc<Unrouted> {
        &self.unrouted
    }

    /// The counters of every route, in the order of their names.
    pub fn routes(&self) -> Vec<Arc<RouteCounts>> {
        self.routes.read().values().map(Arc::clone).collect()
    }

    /// A reading of every route's counts, in the order of their names.
    pub fn snapshot(&self) -> Vec<RouteSnapshot> {
        self.routes
            .read()
            .values()
            .map(|counts| counts.snapshot())
            .collect()
    }
}

/// The counters of one route.
#[derive(Debug)]
pub struct RouteCounts {
    name: Arc<str>,
    served: [AtomicU64; 2],
    failed: [AtomicU64; 2],
    unsampled: AtomicU64,
    excluded: AtomicU64,
    fallbacks: AtomicU64,
    eligible: AtomicU64,
    endings: Vec<AtomicU64>,
    /// By the rule's name, so that the counts outlive a table as well.
    rule_hits: RwLock<BTreeMap<String, Arc<AtomicU64>>>,
    /// What the route in use gathers for its readiness.
    evidence: ArcSwapOption<Evidence>,
}

impl RouteCounts {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            served: Default::default(),
            failed: Default::default(),
            unsampled: AtomicU64::new(0),
            excluded: AtomicU64::new(0),
            fallbacks: AtomicU64::new(0),
            eligible: AtomicU64::new(0),
            endings: Ending::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            rule_hits: RwLock::default(),
            evidence: ArcSwapOption::empty(),
        }
    }

    /// The route's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The counter of comparisons in which the rule of this name hid something.
    pub fn rule_hits(&self, rule: &str) -> Arc<AtomicU64> {
        let mut counters = self.rule_hits.write();
        if counters.len() >= MOST_RULES && !counters.contains_key(rule) {
            // A table that has the rule shares its counter.
            counters.retain(|_, hits| Arc::strong_count(hits) > 1);
        }
        Arc::clone(counters.entry(rule.to_owned()).or_default())
    }

    /// The rules that were asked for and are not forgotten, with their hits.
    pub fn all_rule_hits(&self) -> Vec<(String, u64)> {
        let counters = self.rule_hits.read();
        let hits = counters.iter();
        hits.map(|(rule, hits)| (rule.clone(), hits.load(Ordering::Relaxed)))
            .collect()
    }

    /// The evidence of the route in use, for the journal to keep.
    pub fn evidence(&self) -> Option<Arc<Evidence>> {
        self.evidence.load_full()
    }

    /// Sets the evidence of the route in use.
    pub fn follow(&self, evidence: Arc<Evidence>) {
        self.evidence.store(Some(evidence));
    }

    /// Counts a request whose client was answered by `side`.
    pub fn count_served(&self, side: Side) {
        self.served[side as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that `side` should have answered and didn't, or answered with a 5xx.
    pub fn count_failed(&self, side: Side) {
        self.failed[side as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request in shadow mode that sampling passed over.
    pub fn count_unsampled(&self) {
        self.unsampled.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request in shadow mode whose method the policy doesn't mirror.
    pub fn count_excluded(&self) {
        self.excluded.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that legacy answers because modern, whose turn it was, failed.
    pub fn count_fallback(&self) {
        self.fallbacks.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an eligible request; the ticket must be settled, and settles itself as lost when it
    /// is dropped.
    pub fn begin(self: &Arc<Self>) -> Ticket {
        self.eligible.fetch_add(1, Ordering::Release);
        Ticket {
            counts: Some(Arc::clone(self)),
            witness: None,
        }
    }

    /// Adds what a former run counted, as [`RouteSnapshot::counters`] named it. What was still
    /// pending there ends as `dropped: restart`, and so does an ending that only another version
    /// knows, so that the sums stay right.
    pub fn restore<'c>(&self, counters: impl IntoIterator<Item = (&'c str, &'c str, u64)>) {
        let (mut eligible, mut settled) = (0_u64, 0_u64);
        for (group, word, count) in counters {
            let counter = match (group, word) {
                ("eligible", _) => {
                    eligible = eligible.saturating_add(count);
                    &self.eligible
                }
                ("served", "legacy") => &self.served[Side::Legacy as usize],
                ("served", _) => &self.served[Side::Modern as usize],
                ("failed", "legacy") => &self.failed[Side::Legacy as usize],
                ("failed", _) => &self.failed[Side::Modern as usize],
                ("unsampled", _) => &self.unsampled,
                ("excluded", _) => &self.excluded,
                ("fallbacks", _) => &self.fallbacks,
                (outcome, reason) => {
                    settled = settled.saturating_add(count);
                    let ending = Ending::named(outcome, reason).unwrap_or(Ending::Restart);
                    &self.endings[ending as usize]
                }
            };
            counter.fetch_add(count, Ordering::Release);
        }
        self.add(Ending::Restart, eligible.saturating_sub(settled));
    }

    fn add(&self, ending: Ending, count: u64) {
        self.endings[ending as usize].fetch_add(count, Ordering::Release);
    }

    /// A consistent reading: endings are read before `eligible`, so `pending` is never negative.
    pub fn snapshot(&self) -> RouteSnapshot {
        let endings: Vec<(Ending, u64)> = Ending::ALL
            .iter()
            .map(|&ending| {
                (
                    ending,
                    self.endings[ending as usize].load(Ordering::Acquire),
                )
            })
            .collect();
        let [legacy, modern] = &self.served;
        let [legacy_failed, modern_failed] = &self.failed;
        RouteSnapshot {
            name: Arc::clone(&self.name),
            served_legacy: legacy.load(Ordering::Relaxed),
            served_modern: modern.load(Ordering::Relaxed),
            failed_legacy: legacy_failed.load(Ordering::Relaxed),
            failed_modern: modern_failed.load(Ordering::Relaxed),
            unsampled: self.unsampled.load(Ordering::Relaxed),
            excluded: self.excluded.load(Ordering::Relaxed),
            fallbacks: self.fallbacks.load(Ordering::Relaxed),
            endings,
            eligible: self.eligible.load(Ordering::Acquire),
        }
    }
}

/// One route's counts at one instant.
#[derive(Clone, Debug)]
pub struct RouteSnapshot {
    /// The route's name.
    pub name: Arc<str>,
    /// Requests answered by legacy.
    pub served_legacy: u64,
    /// Requests answered by modern.
    pub served_modern: u64,
    /// Requests that legacy failed to answer, or answered with a 5xx.
    pub failed_legacy: u64,
    /// Requests that modern failed to answer, or answered with a 5xx.
    pub failed_modern: u64,
    /// Requests in shadow mode that sampling passed over.
    pub unsampled: u64,
    /// Requests in shadow mode whose method isn't mirrored.
    pub excluded: u64,
    /// Requests that legacy answered because modern, whose turn it was, failed.
    pub fallbacks: u64,
    /// Requests that were to be compared.
    pub eligible: u64,
    /// What became of them, by ending.
    pub endings: Vec<(Ending, u64)>,
}

impl RouteSnapshot {
    /// Every counter by its words, always in the same order: what the journal stores.
    pub fn counters(&self) -> Vec<(&'static str, &'static str, u64)> {
        let others = [
            ("eligible", "", self.eligible),
            ("served", "legacy", self.served_legacy),
            ("served", "modern", self.served_modern),
            ("failed", "legacy", self.failed_legacy),
            ("failed", "modern", self.failed_modern),
            ("unsampled", "", self.unsampled),
            ("excluded", "", self.excluded),
            ("fallbacks", "", self.fallbacks),
        ];
        let endings = self
            .endings
            .iter()
            .map(|(e, n)| (e.outcome().as_str(), e.reason(), *n));
        others.into_iter().chain(endings).collect()
    }

    /// Whether nothing was ever counted.
    pub fn is_blank(&self) -> bool {
        self.counters().iter().all(|(_, _, count)| *count == 0)
    }

    /// Requests seen by this route.
    pub fn requests(&self) -> u64 {
        self.served_legacy + self.served_modern
    }

    /// How many ended in `outcome`.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.endings
            .iter()
            .filter(|(e, _)| e.outcome() == outcome)
            .map(|(_, n)| n)
            .sum()
    }

    /// How many ended at all.
    pub fn settled(&self) -> u64 {
        self.endings.iter().map(|(_, n)| n).sum()
    }

    /// How many have not ended yet.
    pub fn pending(&self) -> u64 {
        self.eligible.saturating_sub(self.settled())
    }

    /// How many differed by noise alone.
    pub fn noisy(&self) -> u64 {
        let noise = self.endings.iter().find(|(e, _)| *e == Ending::Noise);
        noise.map_or(0, |(_, n)| *n)
    }

    /// How many were compared.
    pub fn compared(&self) -> u64 {
        self.count(Outcome::Matched) + self.count(Outcome::Different)
    }

    /// The share of compared answers that matched, or `None` before the first comparison. What
    /// differed by noise alone is not counted on either side.
    pub fn match_rate(&self) -> Option<f64> {
        let matched = self.count(Outcome::Matched);
        let compared = self.compared().saturating_sub(self.noisy());
        #[expect(clippy::cast_precision_loss, reason = "a rate for display")]
        (compared > 0).then(|| matched as f64 / compared as f64)
    }
}

/// The promise that one eligible request will be counted under one ending.
#[derive(Debug)]
#[must_use = "a ticket that is dropped counts as lost"]
pub struct Ticket {
    counts: Option<Arc<RouteCounts>>,
    witness: Option<Witness>,
}

impl Ticket {
    /// The same ticket, which settles this witness too.
    pub fn witnessed(mut self, witness: Witness) -> Self {
        self.witness = Some(witness);
        self
    }

    /// What the request adds to the route's readiness.
    pub fn witness(&mut self) -> Option<&mut Witness> {
        self.witness.as_mut()
    }

    /// Counts the request under `ending`.
    pub fn settle(mut self, ending: Ending) {
        self.end(ending);
    }

    fn end(&mut self, ending: Ending) {
        if let Some(counts) = self.counts.take() {
            // First the evidence: once the ledger shows no more as pending, all of it is there.
            if let Some(witness) = self.witness.take() {
                witness.settle(ending);
            }
            counts.add(ending, 1);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.end(Ending::Lost);
    }
}

#[cfg(test)]
mod tests;
