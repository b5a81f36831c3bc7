//! What a file asks of a route before it may move and while it has, and what its evidence rests
//! on.

use super::{Reader, Settled};
use crate::guard::{GuardConfig, Limits};
use crate::readiness::{Evidence, ReadinessConfig, ThresholdError, Thresholds};
use crate::routes::raw::RawRoute;
use crate::routing::upstream::Upstream;
use crate::toml_file::{KeyPath, Step};
use comparator::RulesConfig;
use jiff::civil::Date;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

impl Reader {
    pub(super) fn thresholds(
        &mut self,
        base: Thresholds,
        raw: &ReadinessConfig,
        at: &KeyPath,
    ) -> Thresholds {
        let (thresholds, errors) = base.with(raw);
        self.refuse_all(errors, at);
        thresholds
    }

    pub(super) fn guard(&mut self, base: Limits, raw: &GuardConfig, at: &KeyPath) -> Limits {
        let (limits, errors) = base.with(raw);
        self.refuse_all(errors, at);
        limits
    }

    fn refuse_all(&mut self, errors: Vec<ThresholdError>, table: &KeyPath) {
        for error in errors {
            let mut at = table.clone();
            at.push(Step::from(error.key));
            self.refuse(at, error);
        }
    }

    /// The evidence that was gathered under the route's name, if it rests on the same basis.
    pub(super) fn evidence(
        &self,
        index: usize,
        raw: &RawRoute,
        settled: &Settled<'_>,
        sides: [Option<&Arc<Upstream>>; 2],
    ) -> Arc<Evidence> {
        let basis = basis(index, raw, settled, sides, self.day);
        let gathered = settled.ledger.route(&raw.name).evidence();
        gathered
            .filter(|evidence| evidence.basis() == basis)
            .unwrap_or_else(|| Evidence::new(basis, settled.ledger.clock().steady()))
    }
}

/// A digest of what makes old evidence worthless when it changes: what the route takes and others leave
/// to it, where its sides are, and what may differ. Who wrote a rule and why is not of it, nor are time limits.
fn basis(
    index: usize,
    raw: &RawRoute,
    settled: &Settled<'_>,
    sides: [Option<&Arc<Upstream>>; 2],
    day: Date,
) -> u64 {
    let sides = sides.map(|side| {
        let spec = side?.spec();
        Some((&*spec.name, &spec.peers, spec.tls, &spec.sni))
    });
    let rules = [&settled.file.compare, &raw.compare].map(|rules| in_force(rules, day));
    let all = &settled.takes;
    let taken = all.get(index).map(|route| route.settled(all));
    let basis = (taken, sides, rules);
    // These types can't fail to be written.
    xxh3_64(&serde_json::to_vec(&basis).unwrap_or_default())
}

/// The rules that apply on a day, without what is said about them.
fn in_force(rules: &RulesConfig, day: Date) -> RulesConfig {
    let mut rules = rules.clone();
    rules.rules.retain(|rule| {
        let last = rule.expires.as_ref().and_then(|text| text.parse().ok());
        last.is_none_or(|last: Date| last >= day)
    });
    for rule in &mut rules.rules {
        rule.author.clear();
        rule.reason.clear();
        rule.expires = None;
    }
    rules
}
