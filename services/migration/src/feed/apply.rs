//! Rows by their keys, from the source to the target: what is there is upserted, what is not goes.

use std::collections::HashSet;

use kit::error::Cause;

use crate::load::quarantined;
use crate::plan::TablePlan;
use crate::store::{Commit, How, Source, Target, WriteError};
use crate::transform::transform;
use crate::value::{Key, Row};

/// What applying keys did.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Applied {
    /// Rows that changed.
    pub(crate) changed: u64,
    /// Rows that went.
    pub(crate) deleted: u64,
    /// Rows that the target refuses, and that were kept aside.
    pub(crate) refused: u64,
    /// Whether a row was refused that is to be tried again.
    pub(crate) waiting: bool,
    /// Keys in the target of rows that the source has no more; whoever asked deletes them.
    pub(crate) gone: Vec<Key>,
    /// Why the target keeps some of them.
    pub(crate) kept: Option<String>,
}

/// Brings the rows under these keys up to date. `last_try` says of a row that is refused whether
/// it is to be kept aside now.
pub(crate) async fn apply(
    table: &TablePlan,
    source: &dyn Source,
    target: &dyn Target,
    keys: &[Key],
    last_try: &mut (dyn FnMut(&Key) -> bool + Send),
) -> Result<Applied, Cause> {
    let mut applied = Applied::default();
    if keys.is_empty() {
        return Ok(applied);
    }
    let asked: HashSet<&Key> = keys.iter().collect();
    let unique: Vec<Key> = asked.iter().map(|key| (*key).clone()).collect();
    let rows = source.at(&table.select, &unique).await?;
    let mut good: Vec<(Key, Row)> = Vec::with_capacity(rows.len());
    let mut found = HashSet::with_capacity(rows.len());
    let mut commit = Commit {
        source: table.source.clone(),
        progress: None,
        quarantined: Vec::new(),
        healed: Vec::new(),
        ids: Vec::new(),
    };
    for row in &rows {
        let key = table.select.key_of(row);
        // A database that takes 'a' for 'A' gives more than was asked for.
        if !asked.contains(&key) {
            continue;
        }
        match transform(&table.steps, row) {
            Ok(row) => good.push((key.clone(), row)),
            Err(bad) => commit
                .quarantined
                .push(quarantined(table, &key, row, bad.to_string())),
        }
        found.insert(key);
    }
    applied.refused += commit.quarantined.len() as u64;
    applied.gone = unique
        .iter()
        .filter(|key| !found.contains(*key))
        .filter_map(|key| table.target_key(key))
        .collect();
    // Whatever was kept aside under these keys is judged anew.
    commit.healed = unique.iter().map(Key::id).collect();
    let all: Vec<Row> = good.iter().map(|(_, row)| row.clone()).collect();
    commit.ids = table.ids_of(good.iter().map(|(key, row)| (key, row)));
    match target
        .write(&table.destination, &all, How::Upsert, &commit)
        .await
    {
        Ok(changed) => applied.changed += changed,
        Err(WriteError::Failed(cause)) => return Err(cause),
        // In halves, so that the row at fault holds up no other.
        Err(WriteError::Refused(_)) => {
            let names: HashSet<&Key> = good.iter().map(|(key, _)| key).collect();
            let others = unique.iter().filter(|key| !names.contains(key));
            commit.healed = others.map(Key::id).collect();
            commit.ids.clear();
            let kept = target.write(&table.destination, &[], How::Upsert, &commit);
            kept.await.map_err(|error| Cause::from(error.to_string()))?;
            commit.quarantined.clear();
            halves(table, target, good, commit, last_try, &mut applied).await?;
        }
    }
    Ok(applied)
}

/// Writes rows that are refused together.
async fn halves(
    table: &TablePlan,
    target: &dyn Target,
    rows: Vec<(Key, Row)>,
    mut commit: Commit,
    last_try: &mut (dyn FnMut(&Key) -> bool + Send),
    applied: &mut Applied,
) -> Result<(), Cause> {
    let mut left = vec![rows];
    while let Some(mut some) = left.pop() {
        if some.len() > 1 {
            let rest = some.split_off(some.len() / 2);
            for half in [some, rest] {
                let rows: Vec<Row> = half.iter().map(|(_, row)| row.clone()).collect();
                commit.healed = half.iter().map(|(key, _)| key.id()).collect();
                commit.ids = table.ids_of(half.iter().map(|(key, row)| (key, row)));
                let destination = &table.destination;
                let written = if half.len() == 1 {
                    // Who refuses a row by itself is asked why.
                    Err(WriteError::Refused(String::new()))
                } else {
                    let written = target.write(destination, &rows, How::Upsert, &commit);
                    written.await
                };
                match written {
                    Ok(changed) => applied.changed += changed,
                    Err(WriteError::Failed(cause)) => return Err(cause),
                    Err(WriteError::Refused(_)) => left.push(half),
                }
            }
        } else if let Some((key, row)) = some.pop() {
            commit.healed = vec![key.id()];
            commit.ids.clear();
            one(
                table,
                target,
                (&key, row),
                commit.clone(),
                last_try,
                applied,
            )
            .await?;
        }
    }
    Ok(())
}

async fn one(
    table: &TablePlan,
    target: &dyn Target,
    (key, row): (&Key, Row),
    mut commit: Commit,
    last_try: &mut (dyn FnMut(&Key) -> bool + Send),
    applied: &mut Applied,
) -> Result<(), Cause> {
    commit.ids = table.ids_of([(key, &row)].into_iter());
    let rows = [row];
    match target
        .write(&table.destination, &rows, How::Upsert, &commit)
        .await
    {
        Ok(changed) => applied.changed += changed,
        Err(WriteError::Failed(cause)) => return Err(cause),
        Err(WriteError::Refused(_)) if !last_try(key) => applied.waiting = true,
        Err(WriteError::Refused(reason)) => {
            let [row] = &rows;
            commit.ids.clear();
            commit.healed.clear();
            commit
                .quarantined
                .push(crate::load::refused(table, key, row, reason));
            let kept = target
                .write(&table.destination, &[], How::Upsert, &commit)
                .await;
            kept.map_err(|error| Cause::from(error.to_string()))?;
            applied.refused += 1;
        }
    }
    Ok(())
}
