//! One table: what its rows are booked as.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::cause::Cause;
use super::findings::Tally;
use super::hashes::Hashes;
use super::judge::{Judge, Pair, version};
use super::ledger::Ledger;
use super::packets::Packing;
use super::pages::Side;
use super::partitions::Partitions;
use super::settle::Suspect;
use super::{Options, Watch};
use crate::pace::Pace;
use crate::plan::TablePlan;
use crate::store::{Quarantined, Range, Source};
use crate::transform::BadValue;
use crate::value::{Key, Row, Value};

/// Refused rows of a table that are known by their keys; further ones are missing rows.
pub(super) const REFUSED: u32 = 100_000;

/// What all that work on a table share.
pub(super) struct Job {
    pub(super) table: TablePlan,
    pub(super) judge: Judge,
    pub(super) hashes: Hashes,
    pub(super) source: Side,
    pub(super) target: Side,
    /// Keys of rows that the load refused.
    pub(super) quarantined: HashSet<String>,
    pub(super) options: Options,
    pub(super) watch: Arc<dyn Watch>,
    pub(super) stop: CancellationToken,
    /// Suspects that are kept so far.
    pub(super) suspects: AtomicUsize,
}

/// What was found in a part of a table.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) ledger: Ledger,
    /// Rows of it that are equal by the hash of their range.
    pub(super) hashed: u64,
    pub(super) suspects: Vec<Suspect>,
    pub(super) tally: Tally,
    pub(super) partitions: Partitions,
}

/// A row of the source, and what the target is to have for it.
#[derive(Debug)]
pub(super) struct Legacy {
    /// As it was read; empty where `row` is that.
    pub(super) raw: Row,
    /// All of it, or its key alone where the rest cannot come over.
    pub(super) row: Row,
    pub(super) bad: Option<Box<BadValue>>,
}

impl Job {
    pub(super) fn new(
        table: &TablePlan,
        source: Arc<dyn Source>,
        target: Arc<dyn Source>,
        options: &Options,
        watch: Arc<dyn Watch>,
        stop: CancellationToken,
    ) -> Self {
        let pace = || Arc::new(Mutex::new(Pace::new(options.page, options.bytes)));
        let (from, to) = Packing::of(table, pace).unzip();
        Self {
            hashes: Hashes::of(table, &*source, &*target),
            judge: Judge::of(table),
            source: Side {
                store: source,
                select: table.select.clone(),
                packing: from,
                pace: pace(),
            },
            target: Side {
                store: target,
                select: table.destination.select(),
                packing: to,
                pace: pace(),
            },
            table: table.clone(),
            quarantined: HashSet::new(),
            options: options.clone(),
            watch,
            stop,
            suspects: AtomicUsize::new(0),
        }
    }

    /// Learns which rows the load refused.
    pub(super) fn quarantine(&mut self, refused: Vec<Quarantined>) {
        self.quarantined = refused.into_iter().map(|row| row.key).collect();
    }

    /// What the target is to have for a row of the source; the fault of one that has no key there.
    pub(super) fn legacy(&self, raw: Row) -> Result<Legacy, (Row, BadValue)> {
        let raw = match self.judge.taken(raw) {
            Ok(row) => {
                return Ok(Legacy {
                    raw: Row::new(),
                    row,
                    bad: None,
                });
            }
            Err(raw) => raw,
        };
        match self.judge.expected(&raw) {
            Ok(row) => Ok(Legacy {
                raw,
                row,
                bad: None,
            }),
            Err(bad) => match self.judge.key_for(&raw) {
                Ok(key) => {
                    let mut row = vec![Value::Null; self.table.steps.len()];
                    for (position, value) in self.table.destination.key.iter().zip(key.0) {
                        if let Some(place) = row.get_mut(*position) {
                            *place = value;
                        }
                    }
                    Ok(Legacy {
                        raw,
                        row,
                        bad: Some(Box::new(bad)),
                    })
                }
                Err(_) => Err((raw, bad)),
            },
        }
    }

    /// The source's key of a row.
    pub(super) fn source_key(&self, legacy: &Legacy) -> Key {
        if legacy.raw.is_empty()
            && let Some(key) = self.judge.source_key(&self.judge.key_of(&legacy.row))
        {
            return key;
        }
        self.table.select.key_of(&legacy.raw)
    }

    /// Whether the load refused the row under this key of the source.
    pub(super) fn is_quarantined(&self, key: &Key) -> bool {
        !self.quarantined.is_empty() && self.quarantined.contains(&key.id())
    }

    /// The target's keys of a range of the source's.
    pub(super) fn target_range(&self, range: &Range) -> Result<Range, BadValue> {
        let key = |key: &Option<Key>| {
            let key = key.as_ref();
            key.map(|key| self.judge.target_key(key)).transpose()
        };
        Ok(Range {
            after: key(&range.after)?,
            until: key(&range.until)?,
        })
    }
}

impl Found {
    /// Books a row of the source that cannot come over exactly.
    pub(super) fn refused(&mut self, job: &Job, raw: &[Value], bad: &BadValue) {
        let key = job.table.select.key_of(raw);
        if job.is_quarantined(&key) {
            self.ledger.quarantined += 1;
        } else {
            self.ledger.not_comparable += 1;
            not_comparable(&mut self.tally, &key, bad);
        }
    }

    /// Books a row that both sides have, or one of them.
    pub(super) fn book(
        &mut self,
        job: &Job,
        range: Option<u32>,
        legacy: Option<&Legacy>,
        modern: Option<&Row>,
    ) {
        let differing = match (legacy, modern) {
            (None, None) => return,
            (
                Some(Legacy {
                    raw,
                    bad: Some(bad),
                    ..
                }),
                _,
            ) => return self.refused(job, raw, bad),
            (Some(legacy), Some(modern)) => match job.judge.pair(&legacy.row, modern) {
                Pair::Equal => {
                    self.ledger.equal += 1;
                    return;
                }
                Pair::NotComparable(bad) => {
                    self.ledger.not_comparable += 1;
                    let key = job.source_key(legacy);
                    return not_comparable(&mut self.tally, &key, &bad);
                }
                Pair::Different(columns) => columns,
            },
            (Some(legacy), None) => {
                if job.is_quarantined(&job.source_key(legacy)) {
                    self.ledger.quarantined += 1;
                    return;
                }
                Vec::new()
            }
            (None, Some(_)) => Vec::new(),
        };
        let expected = legacy.map(|legacy| &legacy.row);
        let Some(row) = expected.or(modern) else {
            return;
        };
        let target = job.judge.key_of(row);
        // Each count goes up by one at a time, so a limit of its kind is passed by none.
        if job.suspects.fetch_add(1, Ordering::Relaxed) < job.options.most_suspects {
            self.suspects.push(Suspect {
                range,
                source: legacy.map(|legacy| job.source_key(legacy)),
                target,
                seen: Some([
                    expected.map(|row| version(row)),
                    modern.map(|row| version(row)),
                ]),
                calm: 0,
            });
        } else {
            self.ledger.unconfirmed += 1;
            explain(
                &mut self.tally,
                job,
                &target,
                (expected, modern),
                &differing,
                false,
            );
        }
    }
}

/// Adds to the findings why a row differs.
pub(super) fn explain(
    tally: &mut Tally,
    job: &Job,
    key: &Key,
    rows: (Option<&Row>, Option<&Row>),
    differing: &[usize],
    confirmed: bool,
) {
    let key = key.to_string();
    match rows {
        (Some(expected), Some(found)) => {
            for position in differing {
                let values = expected.get(*position).zip(found.get(*position));
                if let (Some(step), Some(values)) = (job.judge.step(*position), values) {
                    tally.values(&step.to, &key, values, confirmed);
                }
            }
        }
        (Some(_), None) => tally.row(Cause::Missing, None, &key, confirmed),
        (None, Some(_)) => tally.row(Cause::Extra, None, &key, confirmed),
        (None, None) => {}
    }
}

pub(super) fn not_comparable(tally: &mut Tally, key: &Key, bad: &BadValue) {
    let fault = bad.fault.clone();
    tally.row(
        Cause::NotComparable { fault },
        Some(&bad.column),
        &key.to_string(),
        true,
    );
}
