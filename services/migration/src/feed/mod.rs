//! Brings later changes of the source to the target, until the two are as close as the source's
//! own record of changes allows.
//!
//! A feed gives keys, and never values: the rows under them are read anew, so that what arrives is
//! what there is, in whatever order and however often a key comes. A row that is not there any
//! more is deleted. Where a feed stands moves on only after its keys were applied.

mod apply;
mod queue;
mod recorder;
pub mod tracking;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kit::error::Cause;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::mapping::Feeder;
use crate::plan::{Plan, TablePlan};
use crate::store::{Dialect, Source, Target};
use crate::value::Key;

use apply::Applied;
pub(crate) use apply::apply;
use queue::Queue;

/// Keys that are taken at a time.
const BATCH: u32 = 1000;

/// How long until a feed that gave nothing is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// Rounds in which a row that the target refuses is tried: its parent may be on its way.
const TRIES: u32 = 5;

/// What a feed gave of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Keys of rows that came, changed or went; a key may come several times.
    pub keys: Vec<Key>,
    /// Where the feed stands behind them, in its own words.
    pub position: String,
    /// Whether there may be more behind.
    pub more: bool,
    /// How long the oldest change has waited, where the feed can tell.
    pub lag: Duration,
}

/// A source's own record of what changed.
#[async_trait]
pub trait Feed: Send + Sync {
    /// Makes it record changes of a table from now on; what is recorded already stays.
    async fn start(&self, table: &TablePlan) -> Result<(), FeedError>;

    /// The next changes of a table.
    async fn next(&self, table: &TablePlan, limit: u32) -> Result<Batch, FeedError>;

    /// The changes of a batch have reached the target.
    async fn applied(&self, table: &TablePlan, batch: &Batch) -> Result<(), FeedError>;

    /// Ends the recording, and takes away what was made for it.
    async fn stop(&self, table: &TablePlan) -> Result<(), FeedError>;
}

/// Why a feed ended.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The record does not reach back to where the feed stood: the table must be copied again.
    #[error("{table}: changes since {position} are no longer recorded; copy the table again")]
    Expired {
        /// The source's table.
        table: String,
        /// Where the feed stood.
        position: String,
    },
    /// No table is fed by the database.
    #[error(
        "no table of the mapping says feeder = \"database\"; tables that mirrored writes feed are \
         not fed twice"
    )]
    Nothing,
    /// The source could not be asked.
    #[error("could not follow {table}")]
    Failed {
        /// The source's table.
        table: String,
        /// What failed.
        #[source]
        source: Cause,
    },
}

/// Where a table stands, for people and metrics.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Standing {
    /// The source's table.
    pub table: String,
    /// Rows that were brought up to date since the feed began.
    pub applied: u64,
    /// Rows that went.
    pub deleted: u64,
    /// Rows that the target refuses.
    pub refused: u64,
    /// How long the oldest change that is not applied has waited.
    pub lag_seconds: f64,
}

/// Opens what records changes in the database at a URL: queues filled by triggers, or what SQL
/// Server records by itself.
pub async fn open(
    url: &str,
    dialect: Dialect,
    target: &Arc<dyn Target>,
) -> Result<Box<dyn Feed>, Cause> {
    Ok(match dialect {
        Dialect::Mssql => {
            let server = tracking::Reader::open(url).await?;
            Box::new(tracking::Tracking::new(server, Arc::clone(target)))
        }
        _ => Box::new(Queue::open(url, dialect).await?),
    })
}

/// The tables that the database feeds.
pub fn tables(plan: &Plan) -> Result<Vec<&TablePlan>, FeedError> {
    let fed = plan
        .tables
        .iter()
        .filter(|table| table.feeder == Feeder::Database);
    let fed: Vec<&TablePlan> = fed.collect();
    if fed.is_empty() {
        Err(FeedError::Nothing)
    } else {
        Ok(fed)
    }
}

/// How long to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until it is stopped.
    Stopped,
    /// Until no change has waited longer than this.
    Lag(Duration),
}

/// Applies changes, round by round. `told` is called after each round that changed something, and
/// at the end.
pub async fn follow(
    plan: &Plan,
    feed: &dyn Feed,
    source: &Arc<dyn Source>,
    target: &Arc<dyn Target>,
    until: Until,
    stop: &CancellationToken,
    told: &mut (dyn FnMut(&[Standing]) + Send),
) -> Result<Vec<Standing>, FeedError> {
    let tables = tables(plan)?;
    let mut standings: Vec<Standing> = tables
        .iter()
        .map(|table| Standing {
            table: table.source.clone(),
            ..Standing::default()
        })
        .collect();
    let mut tries: HashMap<(usize, Key), u32> = HashMap::new();
    while !stop.is_cancelled() {
        let mut batches = Vec::with_capacity(tables.len());
        for table in &tables {
            batches.push(feed.next(table, BATCH).await?);
        }
        let mut moved = false;
        let mut patient = true;
        let done = round(&tables, &batches, &**source, &**target, &mut tries).await?;
        for (position, applied) in done.into_iter().enumerate() {
            let (Some(table), Some(batch), Some(standing)) = (
                tables.get(position),
                batches.get(position),
                standings.get_mut(position),
            ) else {
                continue;
            };
            moved |= applied.changed + applied.deleted > 0;
            standing.applied += applied.changed;
            standing.deleted += applied.deleted;
            standing.refused += applied.refused;
            standing.lag_seconds = batch.lag.as_secs_f64();
            if applied.waiting {
                // The whole batch comes again, with what it waits for.
                patient = false;
            } else if !batch.keys.is_empty() {
                feed.applied(table, batch).await?;
            }
        }
        if moved {
            told(&standings);
        }
        let behind = batches.iter().any(|batch| batch.more) || !patient;
        let lag = batches
            .iter()
            .map(|batch| batch.lag)
            .max()
            .unwrap_or_default();
        match until {
            Until::Lag(most) if !behind && lag <= most => break,
            _ => {}
        }
        if batches.iter().all(|batch| !batch.more) {
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => {}
            }
        }
    }
    told(&standings);
    Ok(standings)
}

/// Rows come before those that refer to them, and go after them.
async fn round(
    tables: &[&TablePlan],
    batches: &[Batch],
    source: &dyn Source,
    target: &dyn Target,
    tries: &mut HashMap<(usize, Key), u32>,
) -> Result<Vec<Applied>, FeedError> {
    let mut done = Vec::with_capacity(tables.len());
    // While there is more to come, what a row waits for may be among it.
    let drained = batches.iter().all(|batch| !batch.more);
    for (position, (table, batch)) in tables.iter().zip(batches).enumerate() {
        // What waits for another table's rows need not be tried before those are through.
        if !drained && tries.keys().any(|(of, _)| *of == position) {
            done.push(Applied {
                waiting: true,
                ..Applied::default()
            });
            continue;
        }
        let failed = failed(table);
        let mut last_try = |key: &Key| {
            let count = tries.entry((position, key.clone())).or_insert(0);
            *count += u32::from(drained);
            *count >= TRIES
        };
        let applied = apply(table, source, target, &batch.keys, &mut last_try).await;
        let applied = applied.map_err(failed)?;
        if !applied.waiting {
            tries.retain(|(of, _), _| *of != position);
        }
        done.push(applied);
    }
    for (table, applied) in tables.iter().zip(&mut done).rev() {
        let gone = std::mem::take(&mut applied.gone);
        for keys in gone.chunks(BATCH as usize) {
            let deleted = target.delete(&table.destination, keys).await;
            applied.deleted += deleted.map_err(|error| failed(table)(error.to_string().into()))?;
        }
    }
    Ok(done)
}

fn failed(table: &TablePlan) -> impl FnOnce(Cause) -> FeedError {
    let table = table.source.clone();
    move |source| FeedError::Failed { table, source }
}
