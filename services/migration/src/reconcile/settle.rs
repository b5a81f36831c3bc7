//! Suspects are read again on both sides, after a delay: what the target merely had not got yet
//! is equal then, and what keeps changing is told apart from what is wrong.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ReconcileError;
use super::job::{Job, Legacy};
use super::judge::{Pair, version};
use super::lookup::{self, KEYS};
use super::pages::rest;
use crate::transform::BadValue;
use crate::value::{Digest, Key, Row};

/// Reads beyond those that are needed, which a row that changes is given to come to rest.
const PATIENCE: u32 = 3;

/// A row that was not equal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Suspect {
    /// The range that it is of; none for a row that was found in the target alone.
    pub(super) range: Option<u32>,
    /// Its key in the source, where that is known.
    pub(super) source: Option<Key>,
    /// Its key in the target.
    pub(super) target: Key,
    /// The version of either side when it was read last; not kept over restarts.
    #[serde(skip)]
    pub(super) seen: Option<Versions>,
    /// Reads in a row in which neither side changed.
    #[serde(skip)]
    pub(super) calm: u32,
}

/// A digest of the row on either side, where it is there.
type Versions = [Option<Digest>; 2];

/// What a suspect turned out to be.
#[derive(Debug)]
pub(super) enum State {
    Equal,
    /// Neither side has it any more.
    Gone,
    Unstable,
    Unconfirmed,
    Quarantined,
    NotComparable(BadValue),
    /// What the target was to have, what it has, and where they differ.
    Differs {
        expected: Option<Row>,
        found: Option<Row>,
        columns: Vec<usize>,
    },
}

/// Both sides of a suspect as they are now.
struct Sides {
    legacy: Legacies,
    modern: Option<Row>,
}

/// A row of the source, where it is there, or the fault of one whose key cannot come over.
pub(super) type Legacies = Option<Result<Legacy, BadValue>>;

/// Reads suspects again until each of them is decided, which `book` is told of.
pub(super) async fn settle(
    job: &Arc<Job>,
    mut suspects: Vec<Suspect>,
    book: &mut (dyn FnMut(Suspect, State) + Send),
) -> Result<(), ReconcileError> {
    // In one order every time, whichever range came to its end first.
    suspects.sort_by(|one, two| one.target.cmp(&two.target));
    let rounds = job.options.reads.max(1) + PATIENCE;
    for round in 1..=rounds {
        if suspects.is_empty() {
            return Ok(());
        }
        job.watch.settles(&job.table, suspects.len());
        // What nobody has read yet need not be left alone first.
        let fresh = suspects.iter().all(|suspect| suspect.seen.is_none());
        if !fresh && rest(job.options.settle, &job.stop).await {
            break;
        }
        if round == 1 {
            name(job, &mut suspects).await?;
        }
        let mut left = Vec::new();
        let mut batches = suspects.chunks(KEYS).map(<[Suspect]>::to_vec);
        let mut reading = VecDeque::new();
        loop {
            while reading.len() < job.options.parallel.max(1)
                && !job.stop.is_cancelled()
                && let Some(batch) = batches.next()
            {
                let job = Arc::clone(job);
                reading.push_back(tokio::spawn(async move { read(&job, batch).await }));
            }
            let Some(batch) = reading.pop_front() else {
                break;
            };
            let ended = |_| ReconcileError::Ended {
                table: job.table.source.clone(),
            };
            for (mut suspect, sides) in batch.await.map_err(ended)?? {
                match judge(job, &mut suspect, sides, round == rounds) {
                    Some(state) => book(suspect, state),
                    None => left.push(suspect),
                }
            }
        }
        left.extend(batches.flatten());
        suspects = left;
    }
    if job.stop.is_cancelled() && !suspects.is_empty() {
        return Err(ReconcileError::Stopped);
    }
    for suspect in suspects {
        book(suspect, State::Unconfirmed);
    }
    Ok(())
}

/// Finds the source's keys of suspects that were found in the target alone: by converting the key
/// back where that is exact, and by a pass over the source's keys elsewhere.
pub(super) async fn name(job: &Job, suspects: &mut [Suspect]) -> Result<(), ReconcileError> {
    let nameless = suspects
        .iter_mut()
        .filter(|suspect| suspect.source.is_none());
    let nameless: Vec<&mut Suspect> = nameless.collect();
    if nameless.is_empty() {
        return Ok(());
    }
    if job.judge.inverts() {
        for suspect in nameless {
            suspect.source = job.judge.source_key(&suspect.target);
        }
        return Ok(());
    }
    let wanted: HashSet<Key> = nameless
        .iter()
        .map(|suspect| suspect.target.clone())
        .collect();
    let mut found = lookup::scan(job, &wanted).await?;
    for suspect in nameless {
        suspect.source = found.remove(&suspect.target);
    }
    Ok(())
}

/// Decides on a suspect, or waits for another read.
fn judge(job: &Job, suspect: &mut Suspect, sides: Sides, last: bool) -> Option<State> {
    let (expected, bad) = match sides.legacy {
        None => (None, None),
        Some(Ok(legacy)) => (Some(legacy.row), legacy.bad),
        Some(Err(bad)) => (None, Some(Box::new(bad))),
    };
    let modern = sides.modern;
    let is_quarantined = || {
        let key = suspect.source.as_ref();
        key.is_some_and(|key| job.is_quarantined(key))
    };
    if let Some(bad) = bad {
        return Some(if is_quarantined() {
            State::Quarantined
        } else {
            State::NotComparable(*bad)
        });
    }
    let mut columns = Vec::new();
    match (&expected, &modern) {
        (None, None) => return Some(State::Gone),
        (Some(expected), Some(modern)) => match job.judge.pair(expected, modern) {
            Pair::Equal => return Some(State::Equal),
            Pair::NotComparable(bad) => return Some(State::NotComparable(bad)),
            Pair::Different(differing) => columns = differing,
        },
        (Some(_), None) => {
            if is_quarantined() {
                return Some(State::Quarantined);
            }
        }
        (None, Some(_)) => {}
    }
    let digest = |row: &Option<Row>| row.as_ref().map(|row| version(row));
    let now = [digest(&expected), digest(&modern)];
    suspect.calm = if suspect.seen == Some(now) {
        suspect.calm + 1
    } else {
        0
    };
    suspect.seen = Some(now);
    if suspect.calm >= job.options.reads {
        return Some(State::Differs {
            expected,
            found: modern,
            columns,
        });
    }
    last.then_some(State::Unstable)
}

/// Reads both sides of suspects at one time.
async fn read(job: &Job, suspects: Vec<Suspect>) -> Result<Vec<(Suspect, Sides)>, ReconcileError> {
    let targets: Vec<Key> = suspects.iter().map(|one| one.target.clone()).collect();
    let (rows, modern) = tokio::join!(legacies(job, &suspects), lookup::by_key(job, &targets));
    let modern = modern?;
    let sides = suspects.into_iter().zip(rows?).map(|(suspect, legacy)| {
        let sides = Sides {
            legacy,
            modern: modern.get(&suspect.target).cloned(),
        };
        (suspect, sides)
    });
    Ok(sides.collect())
}

/// Reads the source's rows of suspects, in their order.
pub(super) async fn legacies(
    job: &Job,
    suspects: &[Suspect],
) -> Result<Vec<Legacies>, ReconcileError> {
    let keys: Vec<Key> = suspects
        .iter()
        .filter_map(|one| one.source.clone())
        .collect();
    let rows = job.source.at(&keys).await?;
    let mut by_source = HashMap::with_capacity(rows.len());
    let mut by_target = HashMap::with_capacity(rows.len());
    for row in rows {
        // A key that was converted back may be of another kind than the one that is read.
        if let Ok(key) = job.judge.key_for(&row) {
            by_target.insert(key, row.clone());
        }
        by_source.insert(job.table.select.key_of(&row), row);
    }
    let legacies = suspects.iter().map(|suspect| {
        let row = by_source.get(suspect.source.as_ref()?);
        let row = row.or_else(|| by_target.get(&suspect.target));
        Some(job.legacy(row?.clone()).map_err(|(_, bad)| bad))
    });
    Ok(legacies.collect())
}
