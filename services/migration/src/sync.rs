//! Brings single entities up to date by key, with the rows that belong to them: after a mirrored
//! write was lost, or whenever somebody doubts one.

use std::collections::HashSet;

use kit::error::Cause;

use crate::feed::apply;
use crate::mapping::Change;
use crate::plan::{Plan, TablePlan};
use crate::store::{Select, Source, Target, WriteError};
use crate::transform::{Reading, convert};
use crate::value::{Key, Row, Value};

/// What bringing an entity up to date did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Synced {
    /// Rows that were brought up to date.
    pub changed: u64,
    /// Rows that went.
    pub deleted: u64,
    /// Rows that the target refuses.
    pub refused: u64,
}

impl Synced {
    pub(crate) fn add(&mut self, more: &Self) {
        self.changed = self.changed.saturating_add(more.changed);
        self.deleted = self.deleted.saturating_add(more.deleted);
        self.refused = self.refused.saturating_add(more.refused);
    }
}

/// Why an entity could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// No table of the mapping is of this entity.
    #[error("no table of the mapping says entity = \"{0}\"")]
    Unknown(String),
    /// The id is none that a row can have.
    #[error("`{id}` is no id of {table}")]
    Id {
        /// The source's table.
        table: String,
        /// What was given.
        id: String,
    },
    /// A database failed.
    #[error("could not bring {table} up to date")]
    Failed {
        /// The source's table.
        table: String,
        /// What failed.
        #[source]
        source: Cause,
    },
}

/// A row that bringing an entity up to date writes or deletes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// What it is, as the mapping names it.
    pub entity: String,
    /// Its key in the source.
    pub from: String,
    /// Its key in the target.
    pub to: String,
}

/// The rows of an entity and of what belongs to it, table by table, as they were found once. What
/// comes to it later is none of it.
#[derive(Debug)]
pub struct Reach<'p> {
    tables: Vec<(&'p TablePlan, Vec<Key>)>,
    /// The rows, those of tables that name no entity left out.
    pub touched: Vec<Touched>,
}

/// Rows of a table that the source has no more, by their keys in the target.
pub(crate) type Gone<'p> = (&'p TablePlan, Vec<Key>);

/// Finds the rows of the entity of this id in the source, and of what belongs to it.
pub async fn reach<'p>(
    plan: &'p Plan,
    source: &dyn Source,
    target: &dyn Target,
    entity: &str,
    id: &str,
) -> Result<Reach<'p>, SyncError> {
    let mut reach = Reach {
        tables: Vec::new(),
        touched: Vec::new(),
    };
    let mut known = false;
    for table in &plan.tables {
        let (mut keys, orphans) = if table.entity.as_deref() == Some(entity) {
            known = true;
            (vec![own_key(table, id)?], Vec::new())
        } else if let Some(column) = table.belongs_to(entity) {
            children(table, source, target, column, id).await?
        } else {
            continue;
        };
        // What belongs to it in the target only may belong to another by now: the source says
        // whether it is gone. A row whose key does not tell what it was made of stays.
        let there: Vec<(Key, Key)> = orphans
            .into_iter()
            .filter_map(|key| Some((table.source_key(&key)?, key)))
            .collect();
        if let Some(entity) = &table.entity {
            let here = keys
                .iter()
                .filter_map(|key| Some((key.id(), table.target_key(key)?.id())));
            let there = there.iter().map(|(from, to)| (from.id(), to.id()));
            reach
                .touched
                .extend(here.chain(there).map(|(from, to)| Touched {
                    entity: entity.clone(),
                    from,
                    to,
                }));
        }
        keys.extend(there.into_iter().map(|(from, _)| from));
        reach.tables.push((table, keys));
    }
    if known {
        Ok(reach)
    } else {
        Err(SyncError::Unknown(entity.to_owned()))
    }
}

impl<'p> Reach<'p> {
    /// Brings the rows that the source has up to date, and says which it has no more.
    pub(crate) async fn apply(
        &self,
        source: &dyn Source,
        target: &dyn Target,
    ) -> Result<(Synced, Vec<Gone<'p>>), SyncError> {
        let mut synced = Synced::default();
        let mut gone = Vec::new();
        for (table, keys) in &self.tables {
            // Nothing comes after it that a refused row could wait for.
            let applied = apply(table, source, target, keys, &mut |_| true).await;
            let applied = applied.map_err(failed(table))?;
            synced.changed += applied.changed;
            synced.refused += applied.refused;
            if !applied.gone.is_empty() {
                gone.push((*table, applied.gone));
            }
        }
        Ok((synced, gone))
    }
}

/// Deletes such rows; how many, or why the target does not let go of them.
pub(crate) async fn delete(
    target: &dyn Target,
    (table, keys): &Gone<'_>,
) -> Result<Result<u64, String>, SyncError> {
    match target.delete(&table.destination, keys).await {
        Ok(deleted) => Ok(Ok(deleted)),
        Err(WriteError::Refused(why)) => Ok(Err(why)),
        Err(WriteError::Failed(cause)) => Err(failed(table)(cause)),
    }
}

/// Lets ids that the target gives begin behind those that were brought over.
pub(crate) async fn set_sequences(plan: &Plan, target: &dyn Target) -> Result<(), SyncError> {
    for table in &plan.tables {
        let set = target.set_sequences(&table.destination).await;
        set.map_err(failed(table))?;
    }
    Ok(())
}

/// Brings the entity of this id in the source up to date, and what belongs to it.
pub async fn sync(
    plan: &Plan,
    source: &dyn Source,
    target: &dyn Target,
    entity: &str,
    id: &str,
) -> Result<Synced, SyncError> {
    let reach = reach(plan, source, target, entity, id).await?;
    let (mut synced, gone) = reach.apply(source, target).await?;
    // What refers to a row goes before it.
    for gone in gone.iter().rev() {
        synced.deleted += match delete(target, gone).await? {
            Ok(deleted) => deleted,
            Err(why) => return Err(failed(gone.0)(why.into())),
        };
    }
    set_sequences(plan, target).await?;
    Ok(synced)
}

/// The id as the source's key has it.
fn own_key(table: &TablePlan, id: &str) -> Result<Key, SyncError> {
    let wrong = || SyncError::Id {
        table: table.source.clone(),
        id: id.to_owned(),
    };
    let columns: Vec<_> = table.select.key_columns().collect();
    let [column] = columns.as_slice() else {
        return Err(wrong());
    };
    let value = convert(&Value::text(id), &column.kind, &Change::default());
    value.map(|value| Key([value].into())).map_err(|_| wrong())
}

/// The keys of the rows that belong to an entity in the source, and the target's keys of those
/// that belong to it there only.
pub(crate) async fn children(
    table: &TablePlan,
    source: &dyn Source,
    target: &dyn Target,
    column: usize,
    id: &str,
) -> Result<(Vec<Key>, Vec<Key>), SyncError> {
    let failed = || failed(table);
    // Of rows that may be many and long, the keys alone; what they are looked for by stands behind them.
    let by = |select: &Select, position: usize| Select {
        columns: select
            .key_columns()
            .chain(select.columns.get(position))
            .cloned()
            .collect(),
        key: vec![select.key.len()],
        ..select.clone()
    };
    let key_of = |select: &Select, row: Row| Key(row.into_iter().take(select.key.len()).collect());
    let kind = table.select.columns.get(column).map(|column| &column.kind);
    let parent = kind.and_then(|kind| convert(&Value::text(id), kind, &Change::default()).ok());
    let Some(parent) = parent else {
        return Err(SyncError::Id {
            table: table.source.clone(),
            id: id.to_owned(),
        });
    };
    let rows = source
        .at(&by(&table.select, column), &[Key([parent.clone()].into())])
        .await;
    let keys: Vec<Key> = rows
        .map_err(failed())?
        .into_iter()
        .map(|row| key_of(&table.select, row))
        .collect();
    let wanted: HashSet<Key> = keys
        .iter()
        .filter_map(|key| table.target_key(key))
        .collect();
    let mut orphans = Vec::new();
    let refers = |reading: &Reading| matches!(reading, Reading::At(at) if *at == column);
    if let Some(position) = table.steps.iter().position(|step| refers(&step.reading)) {
        let mut row = vec![Value::Null; table.select.columns.len()];
        if let (Some(place), Some(step)) = (row.get_mut(column), table.steps.get(position)) {
            *place = parent;
            if let Ok(parent) = step.of(&row) {
                let select = table.destination.select();
                let there = target
                    .at(&by(&select, position), &[Key([parent].into())])
                    .await;
                let there = there.map_err(failed())?;
                let keys = there.into_iter().map(|row| key_of(&select, row));
                orphans = keys.filter(|key| !wanted.contains(key)).collect();
            }
        }
    }
    Ok((keys, orphans))
}

fn failed(table: &TablePlan) -> impl FnOnce(Cause) -> SyncError {
    let table = table.source.clone();
    move |source| SyncError::Failed { table, source }
}
