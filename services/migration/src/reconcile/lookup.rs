//! A table that the databases keep in different orders: the source is read in its own order and
//! the target by key, and what only the target has is found by partitions of the keys.
//!
//! The target's keys are read once; both sides' keys are read again only where partitions differ.
//! At most a million digests (about 32 MB) are held at a time, with two pages of either side.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::ReconcileError;
use super::job::{Found, Job, Legacy};
use super::partitions::{self, Partitions};
use crate::store::Range;
use crate::value::{Digest, Key, Row};

/// Keys that are asked for at a time.
pub(super) const KEYS: usize = 1000;

/// Digests that are held at a time.
const DIGESTS: u64 = 1_000_000;

/// Compares a range of the source's keys with what the target has under them.
pub(super) async fn forward(
    job: Arc<Job>,
    number: u32,
    range: Range,
) -> Result<Found, ReconcileError> {
    let mut found = Found::default();
    let sampled = job.options.sample.is_some();
    let side = if sampled {
        job.source.keys_only()
    } else {
        job.source.clone()
    };
    let mut pages = side.pages(range, &job.stop, |page| page);
    while let Some(page) = pages.next().await? {
        job.watch.compared(&job.table, page.len() as u64);
        let page = if sampled {
            sample(&job, &mut found, &page).await?
        } else {
            page
        };
        let mut page = page.into_iter();
        loop {
            let rows: Vec<Row> = page.by_ref().take(KEYS).collect();
            if rows.is_empty() {
                break;
            }
            hold(&job, number, rows, &mut found).await?;
        }
    }
    Ok(found)
}

/// The rows of those keys that the sample holds.
async fn sample(job: &Job, found: &mut Found, page: &[Row]) -> Result<Vec<Row>, ReconcileError> {
    let share = job.options.sample;
    let mut keys = Vec::new();
    for row in page {
        let key = Key(row.clone().into());
        match job.judge.target_key(&key) {
            Ok(target) => {
                let digest = partitions::digest(&target);
                keys.extend(share.is_none_or(|share| share.holds(digest)).then_some(key));
            }
            // It has no digest, so it is not known whether the sample holds it.
            Err(bad) => {
                found.ledger.not_comparable += 1;
                super::job::not_comparable(&mut found.tally, &key, &bad);
            }
        }
    }
    let mut rows = Vec::with_capacity(keys.len());
    for keys in keys.chunks(KEYS) {
        rows.extend(job.source.at(keys).await?);
    }
    Ok(rows)
}

/// Holds rows of the source against the target's under their keys.
async fn hold(
    job: &Job,
    number: u32,
    rows: Vec<Row>,
    found: &mut Found,
) -> Result<(), ReconcileError> {
    let mut legacies: Vec<(Key, Legacy)> = Vec::with_capacity(rows.len());
    for row in rows {
        match job.legacy(row) {
            Ok(legacy) => legacies.push((job.judge.key_of(&legacy.row), legacy)),
            Err((raw, bad)) => found.refused(job, &raw, &bad),
        }
    }
    let keys: Vec<Key> = legacies.iter().map(|(key, _)| key.clone()).collect();
    let modern = by_key(job, &keys).await?;
    for (key, legacy) in &legacies {
        let row = modern.get(key);
        if row.is_some() {
            found.partitions.insert(partitions::digest(key));
        }
        found.book(job, Some(number), Some(legacy), row);
    }
    Ok(())
}

/// The target's rows under these keys, and under no others that the database takes for them.
pub(super) async fn by_key(job: &Job, keys: &[Key]) -> Result<HashMap<Key, Row>, ReconcileError> {
    let rows = job.target.at(keys).await?.into_iter();
    let rows = rows.map(|row| job.judge.found(row));
    Ok(rows.map(|row| (job.judge.key_of(&row), row)).collect())
}

/// Finds the rows of the target that the source does not have, as far as that can be told while
/// both change: they are suspects. `seen` are the keys that both have.
pub(super) async fn reverse(job: &Arc<Job>, seen: &Partitions) -> Result<Found, ReconcileError> {
    let mut there = Partitions::default();
    each_target_key(job, |_, digest| there.insert(digest)).await?;
    let mut found = Found::default();
    for group in seen.differing(&there, DIGESTS) {
        let group: HashSet<usize> = group.into_iter().collect();
        // The target's, of which the group has so many: the source may have any number in it.
        let mut lone: HashSet<Digest> = HashSet::new();
        each_target_key(job, |_, digest| {
            if group.contains(&partitions::of(digest)) {
                lone.insert(digest);
            }
        })
        .await?;
        each_source_key(job, |_, _, digest| {
            lone.remove(&digest);
        })
        .await?;
        if lone.is_empty() {
            continue;
        }
        let mut extra = Vec::new();
        each_target_key(job, |key, digest| {
            if lone.contains(&digest) {
                extra.push(key);
            }
        })
        .await?;
        for keys in extra.chunks(KEYS) {
            for row in by_key(job, keys).await?.values() {
                found.book(job, None, None, Some(row));
            }
        }
    }
    Ok(found)
}

/// The keys of the source for which the target has these.
pub(super) async fn scan(
    job: &Job,
    wanted: &HashSet<Key>,
) -> Result<HashMap<Key, Key>, ReconcileError> {
    let mut found = HashMap::new();
    each_source_key(job, |key, target, _| {
        if wanted.contains(&target) {
            found.insert(target, key);
        }
    })
    .await?;
    Ok(found)
}

async fn each_source_key(
    job: &Job,
    mut each: impl FnMut(Key, Key, Digest),
) -> Result<(), ReconcileError> {
    let side = job.source.keys_only();
    let mut pages = side.pages(Range::default(), &job.stop, |page| page);
    while let Some(page) = pages.next().await? {
        for row in page {
            let key = Key(row.into());
            // A row without a key on the target is booked already, and is nobody's other side.
            if let Ok(target) = job.judge.target_key(&key) {
                let digest = partitions::digest(&target);
                if job.options.sample.is_none_or(|share| share.holds(digest)) {
                    each(key, target, digest);
                }
            }
        }
    }
    Ok(())
}

async fn each_target_key(
    job: &Job,
    mut each: impl FnMut(Key, Digest),
) -> Result<(), ReconcileError> {
    let keys = job.target.keys_only();
    let mut pages = keys.pages(Range::default(), &job.stop, |page| page);
    while let Some(page) = pages.next().await? {
        for row in page {
            let key = job.judge.found_key(row);
            let digest = partitions::digest(&key);
            if job.options.sample.is_none_or(|share| share.holds(digest)) {
                each(key, digest);
            }
        }
    }
    Ok(())
}
