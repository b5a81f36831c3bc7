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
use std::time::{Duration, Instant};

use async_trait::async_trait;
use kit::error::Cause;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::mapping::Feeder;
use crate::plan::{Plan, TablePlan};
use crate::store::mssql::Mssql;
use crate::store::{Dialect, Source, Target, WriteError};
use crate::value::{Key, Value};

use apply::Applied;
pub(crate) use apply::apply;
use queue::Queue;

/// Keys that are taken at a time.
const BATCH: u32 = 1000;

/// How long until a feed that gave nothing is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// How often what the target's tables count by is set behind the rows that came.
const COUNTED: Duration = Duration::from_secs(1);

/// Rounds in which a row that the target refuses is tried: its parent may be on its way.
const TRIES: u32 = 5;

/// Rounds without any progress after which a row that the target does not let go ends the feed.
/// Until then, rows that hold up their tables have had all their tries.
const STUCK: u32 = 3 * TRIES;

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
    /// What changes rows of a table by itself without being recorded: foreign keys, with their rules.
    async fn unseen(&self, _table: &TablePlan) -> Result<Vec<String>, FeedError> {
        Ok(Vec::new())
    }

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
    #[error(
        "{table}: changes since {position} are not all recorded; run cutover-data follow --start, \
         which begins anew, then copy the table again, with --max-deletes for the rows that went"
    )]
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
    /// Foreign keys of the tables change rows that no trigger sees.
    #[error(
        "this server does not record what foreign keys delete or change: {}; say \
         --despite-cascades if that never happens, or if later copies with --max-deletes find it",
        .0.join(", ")
    )]
    Unseen(Vec<String>),
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
            let server = Mssql::to_read(url).await?;
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

/// Makes the source record changes of the tables that it feeds, and tells which; of none if foreign
/// keys change rows that it would not record, unless someone knows about that.
pub async fn start<'p>(
    plan: &'p Plan,
    feed: &dyn Feed,
    despite_cascades: bool,
) -> Result<Vec<&'p TablePlan>, FeedError> {
    let tables = tables(plan)?;
    let mut unseen = Vec::new();
    if !despite_cascades {
        for table in &tables {
            unseen.extend(feed.unseen(table).await?);
        }
    }
    if !unseen.is_empty() {
        return Err(FeedError::Unseen(unseen));
    }
    for table in &tables {
        feed.start(table).await?;
    }
    Ok(tables)
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
    let mut waiting = vec![false; tables.len()];
    let mut stuck = 0;
    // Tables that got rows since what they count by was set.
    let mut grown = vec![true; tables.len()];
    let mut counted: Option<Instant> = None;
    while !stop.is_cancelled() {
        let mut batches = Vec::with_capacity(tables.len());
        for table in &tables {
            let mut batch = feed.next(table, BATCH).await?;
            without_nameless(table, feed, &**source, &mut batch).await?;
            // Nothing would be found under it, and its change would be lost.
            if let Some(key) = batch.keys.iter().find(|key| !key.is_known()) {
                let wrong = format!(
                    "{} changed under key {key}, which cannot be read",
                    table.source
                );
                return Err(failed(table)(wrong.into()));
            }
            batches.push(batch);
        }
        let mut moved = false;
        let mut ticked = false;
        let (source, target) = (&**source, &**target);
        let done = round(&tables, &batches, source, target, &waiting, &mut tries).await?;
        waiting = done.iter().map(|applied| applied.waiting).collect();
        let mut kept = None;
        for (position, applied) in done.into_iter().enumerate() {
            let (Some(table), Some(batch), Some(standing)) = (
                tables.get(position),
                batches.get(position),
                standings.get_mut(position),
            ) else {
                continue;
            };
            moved |= applied.changed + applied.deleted > 0;
            if let Some(grown) = grown.get_mut(position) {
                *grown |= applied.changed > 0;
            }
            standing.applied += applied.changed;
            standing.deleted += applied.deleted;
            standing.refused += applied.refused;
            standing.lag_seconds = batch.lag.as_secs_f64();
            // A batch that waits comes again as a whole, with what it waits for.
            if !applied.waiting && !batch.keys.is_empty() {
                feed.applied(table, batch).await?;
                ticked = true;
            }
            kept = kept.or(applied.kept.map(|why| failed(table)(why.into())));
        }
        stuck = if ticked { 0 } else { stuck + 1 };
        if let Some(why) = kept.filter(|_| stuck >= STUCK) {
            return Err(why);
        }
        if moved {
            told(&standings);
        }
        if counted.is_none_or(|at| at.elapsed() >= COUNTED) {
            set_sequences(&tables, &mut grown, target).await?;
            counted = Some(Instant::now());
        }
        let behind = batches.iter().any(|batch| batch.more) || waiting.contains(&true);
        let lag = batches
            .iter()
            .map(|batch| batch.lag)
            .max()
            .unwrap_or_default();
        match until {
            Until::Lag(most) if !behind && lag <= most => break,
            _ => {}
        }
        if !ticked || batches.iter().all(|batch| !batch.more) {
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => {}
            }
        }
    }
    set_sequences(&tables, &mut grown, &**target).await?;
    told(&standings);
    Ok(standings)
}

/// Lets ids that the target gives to rows of its own begin behind those that came.
async fn set_sequences(
    tables: &[&TablePlan],
    grown: &mut [bool],
    target: &dyn Target,
) -> Result<(), FeedError> {
    for (table, grown) in tables.iter().zip(grown) {
        if std::mem::take(grown) {
            let set = target.set_sequences(&table.destination).await;
            set.map_err(failed(table))?;
        }
    }
    Ok(())
}

/// Rows come before those that refer to them, and go after them. `waited` says which tables waited
/// for others in the round before.
async fn round(
    tables: &[&TablePlan],
    batches: &[Batch],
    source: &dyn Source,
    target: &dyn Target,
    waited: &[bool],
    tries: &mut HashMap<(usize, Key), u32>,
) -> Result<Vec<Applied>, FeedError> {
    let mut done = Vec::with_capacity(tables.len());
    for (position, (table, batch)) in tables.iter().zip(batches).enumerate() {
        // What a row waits for may be among what another table has more of; but what that one has
        // does not come before it has waited itself, and no more does what this one has.
        let comes = |(other, (batch, waited)): (usize, (&Batch, &bool))| {
            other != position && batch.more && !waited
        };
        let drained = !batches.iter().zip(waited).enumerate().any(comes);
        if !drained && waited.get(position) == Some(&true) {
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
            match target.delete(&table.destination, keys).await {
                Ok(deleted) => applied.deleted += deleted,
                Err(WriteError::Failed(cause)) => return Err(failed(table)(cause)),
                // What refers to them may go with a later batch.
                Err(WriteError::Refused(why)) => {
                    applied.waiting = true;
                    applied.kept = Some(why);
                }
            }
        }
    }
    Ok(done)
}

/// Leaves out changes of rows with null in their key, which `SQLite` alone allows. A table that has
/// such a row is refused, as it is before a copy; once it has none, nothing is to do for them.
async fn without_nameless(
    table: &TablePlan,
    feed: &dyn Feed,
    source: &dyn Source,
    batch: &mut Batch,
) -> Result<(), FeedError> {
    let nameless = |key: &Key| key.0.contains(&Value::Null);
    if !batch.keys.iter().any(nameless) {
        return Ok(());
    }
    let described = source.describe(&table.select.table).await;
    described.map_err(failed(table))?;
    batch.keys.retain(|key| !nameless(key));
    if batch.keys.is_empty() {
        feed.applied(table, batch).await?;
    }
    Ok(())
}

fn failed(table: &TablePlan) -> impl FnOnce(Cause) -> FeedError {
    let table = table.source.clone();
    move |source| FeedError::Failed { table, source }
}
