//! Books what was found in the state of a table: parts of it as they are read, and suspects as they
//! are decided.

use std::collections::HashSet;

use super::cause::{Cause, folded};
use super::checkpoint::State;
use super::job::{Found, Job, explain, not_comparable};
use super::report::Differing;
use super::settle::{State as Settled, Suspect};
use crate::value::Key;

/// Adds what was found in a range, or in none.
pub(super) fn add(state: &mut State, range: Option<u32>, found: Found) {
    state.ledger(range).add(&found.ledger);
    state.hashed = state.hashed.saturating_add(found.hashed);
    state.suspects.extend(found.suspects);
    state.tally.add(found.tally);
    state.partitions.add(&found.partitions);
    if let Some(range) = range.and_then(|range| state.ranges.get_mut(range as usize)) {
        range.done = true;
    }
}

/// Rows that one side alone has, until all of them are known: a missing row and an extra one may
/// be the same but for their keys' case.
#[derive(Debug, Default)]
pub(super) struct Lone {
    missing: Vec<Key>,
    extra: Vec<Key>,
}

/// Books a suspect that was decided.
pub(super) fn book(
    job: &Job,
    state: &mut State,
    lone: &mut Lone,
    suspect: Suspect,
    decided: Settled,
) {
    let ledger = state.ledger(suspect.range);
    match decided {
        Settled::Gone => {}
        Settled::Equal => ledger.equal += 1,
        Settled::Unstable => ledger.unstable += 1,
        Settled::Unconfirmed => ledger.unconfirmed += 1,
        Settled::Quarantined => ledger.quarantined += 1,
        Settled::NotComparable(bad) => {
            ledger.not_comparable += 1;
            let key = suspect.source.as_ref().unwrap_or(&suspect.target);
            not_comparable(&mut state.tally, key, &bad);
        }
        Settled::Differs {
            expected,
            found,
            columns,
        } => {
            match (&expected, &found) {
                (Some(_), None) => {
                    ledger.missing += 1;
                    lone.missing.push(suspect.target.clone());
                }
                (None, _) => {
                    ledger.extra += 1;
                    lone.extra.push(suspect.target.clone());
                }
                (Some(_), Some(_)) => {
                    ledger.different += 1;
                    let rows = (expected.as_ref(), found.as_ref());
                    explain(&mut state.tally, job, &suspect.target, rows, &columns, true);
                }
            }
            let names = columns.iter().filter_map(|at| job.judge.step(*at));
            state.rows.push(Differing {
                columns: names.map(|step| step.to.clone()).collect(),
                // A key that was converted back names no row of the source where there is none.
                source_key: expected.and(suspect.source),
                target_key: suspect.target,
            });
        }
    }
}

impl Lone {
    /// Adds to the findings why these rows have no other side.
    pub(super) fn explain(self, state: &mut State) {
        let fold = |key: &Key| Key(key.0.iter().map(folded).collect());
        let folded = |keys: &[Key]| -> HashSet<Key> { keys.iter().map(fold).collect() };
        let (missing, extra) = (folded(&self.missing), folded(&self.extra));
        for key in &self.missing {
            let cause = if extra.contains(&fold(key)) {
                Cause::MissingByKey
            } else {
                Cause::Missing
            };
            state.tally.row(cause, None, &key.to_string(), true);
        }
        for key in &self.extra {
            let cause = if missing.contains(&fold(key)) {
                Cause::ExtraByKey
            } else {
                Cause::Extra
            };
            state.tally.row(cause, None, &key.to_string(), true);
        }
    }
}
