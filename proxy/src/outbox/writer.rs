//! The one task that writes the outbox: whatever has come while the last batch was written is the
//! next one.

use super::held::HoldChange;
use super::row::Row;
use super::{AtRisk, Change, Note, SealedRow, Shared, store};
use crate::exchange::budget::Hold;
use crate::lanes::{Lane, Taint};
use comparator::IdPair;
use sqlx::SqlitePool;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

/// Changes that are taken for one transaction, and bytes.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 4 << 20;
/// How long a batch that failed waits for company before what must not be lost of it is tried
/// again.
const PAUSE: Duration = Duration::from_millis(500);
/// How often the mark of what is at risk is taken down, where it is too high.
const SETTLE: Duration = Duration::from_secs(1);
/// How often a lasting failure is logged.
const LOG_AGAIN: Duration = Duration::from_mins(1);

/// What goes into one transaction.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) appends: Vec<Append>,
    pub(super) removals: Vec<u64>,
    /// What is noted of writes that stay.
    pub(super) notes: HashMap<u64, Notes>,
    /// In their order, with those who wait for them.
    pub(super) holds: Vec<(HoldChange, oneshot::Sender<Result<(), String>>)>,
    /// What each lane's is now; `None` clears. A lane is here once, however long the disk is full.
    pub(super) taints: BTreeMap<Lane, Option<Taint>>,
    pub(super) ids: Vec<IdPair>,
    /// In their order: what is kept, and what is forgotten.
    pub(super) sessions: Vec<Result<SealedRow, Vec<u8>>>,
    /// How many writes are at risk, where that is to be marked.
    pub(super) at_risk: Option<u64>,
    bytes: usize,
}

/// What is noted of one write: the last of each sort.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) tried: Option<bool>,
    pub(super) lost: Option<String>,
}

/// A write that is to be stored.
pub(super) struct Append {
    pub(super) row: Box<Row>,
    _hold: Hold,
    at_risk: AtRisk,
    stored: oneshot::Sender<Option<AtRisk>>,
}

pub(super) struct Writer {
    pool: SqlitePool,
    changes: mpsc::UnboundedReceiver<Change>,
    shared: Arc<Shared>,
    batch: Batch,
    /// Writes under way that could not be stored, so that there is nothing to take away later.
    unstored: HashSet<u64>,
    closing: Option<oneshot::Sender<()>>,
    /// When the mark of what is at risk is taken down next.
    settle_at: Instant,
    log_again_at: Option<Instant>,
}

impl Writer {
    pub(super) fn new(
        pool: SqlitePool,
        changes: mpsc::UnboundedReceiver<Change>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            pool,
            changes,
            shared,
            batch: Batch::default(),
            unstored: HashSet::new(),
            closing: None,
            settle_at: Instant::now() + SETTLE,
            log_again_at: None,
        }
    }

    /// Writes until the outbox is closed.
    pub(super) async fn run(mut self) {
        while self.gather().await {
            self.settle();
            if !self.batch.is_empty() {
                match store::write(&self.pool, &self.batch).await {
                    Ok(removed) => self.wrote(removed),
                    Err(error) => self.failed(&error),
                }
            }
            if let Some(closing) = self.closing.take() {
                let _ = closing.send(());
                return;
            }
        }
    }

    /// Takes what is there, or waits for something; whether there is still anybody to tell.
    async fn gather(&mut self) -> bool {
        // What is left of a batch that failed is tried again soon.
        let within = match self.batch.is_empty() {
            false => Some(PAUSE),
            true if self.shared.risk.told() > 0 => Some(SETTLE),
            true => None,
        };
        let first = match within {
            None => self.changes.recv().await,
            Some(within) => match timeout(within, self.changes.recv()).await {
                Ok(change) => change,
                Err(_) => return true,
            },
        };
        let Some(first) = first else { return false };
        self.take(first);
        // What is left of a batch that failed takes nobody's place: while the disk is full, those
        // who wait are to hear of it as fast as they come.
        for _ in 1..BATCH {
            if self.closing.is_some() || self.batch.bytes >= BATCH_BYTES {
                break;
            }
            match self.changes.try_recv() {
                Ok(change) => self.take(change),
                Err(_) => break,
            }
        }
        true
    }

    /// Marks what is at risk now, where less is than was; at the end, whatever is.
    fn settle(&mut self) {
        if self.closing.is_some() {
            self.batch.at_risk = Some(self.shared.risk.now());
        } else if Instant::now() >= self.settle_at {
            self.settle_at = Instant::now() + SETTLE;
            self.batch.at_risk = self.shared.risk.settle().or(self.batch.at_risk);
        }
    }

    fn take(&mut self, change: Change) {
        let batch = &mut self.batch;
        match change {
            Change::Append(row, hold, at_risk, stored) => {
                batch.bytes += row.bytes();
                batch.appends.push(Append {
                    row,
                    _hold: hold,
                    at_risk,
                    stored,
                });
            }
            // A write that was answered before it was stored needn't be.
            Change::Remove(id) => {
                batch.notes.remove(&id);
                match batch.appends.iter().position(|append| append.row.id == id) {
                    Some(at) => drop(batch.appends.swap_remove(at)),
                    None if self.unstored.remove(&id) => {}
                    None => batch.removals.push(id),
                }
            }
            Change::Note(id, note) => batch.notes.entry(id).or_default().take(note),
            Change::Hold(change, told) => batch.holds.push((change, told)),
            Change::Taint(lane, taint) => drop(batch.taints.insert(lane, Some(taint))),
            Change::Clear(lane) => drop(batch.taints.insert(lane, None)),
            Change::Ids(pairs) => batch.ids.extend(pairs),
            Change::Sessions(row, gone) => {
                let rows = 1 + gone.len();
                self.shared.unwritten.fetch_sub(rows, Ordering::Relaxed);
                batch.sessions.extend(row.map(Ok));
                batch.sessions.extend(gone.into_iter().map(Err));
            }
            Change::AtRisk => batch.at_risk = Some(self.shared.risk.told()),
            Change::Close(done) => self.closing = Some(done),
        }
    }

    fn wrote(&mut self, removed: u64) {
        let batch = std::mem::take(&mut self.batch);
        let stored = &self.shared.stored;
        stored.fetch_add(batch.appends.len() as u64, Ordering::Relaxed);
        stored.fetch_sub(removed, Ordering::Relaxed);
        for append in batch.appends {
            drop(append.at_risk);
            let _ = append.stored.send(None);
        }
        for (_, told) in batch.holds {
            let _ = told.send(Ok(()));
        }
        if self.shared.failing.swap(false, Ordering::Relaxed) {
            self.log_again_at = None;
            tracing::info!(outbox = %self.shared.path.display(), "the outbox is written again");
        }
    }

    /// Writes that could not be stored are delivered from memory, and what is of sessions is learned
    /// again; what else was to be noted is kept for the next batch.
    fn failed(&mut self, error: &sqlx::Error) {
        let appends = std::mem::take(&mut self.batch.appends);
        for (_, told) in self.batch.holds.drain(..) {
            let _ = told.send(Err(error.to_string()));
        }
        self.batch.sessions.clear();
        self.batch.bytes = 0;
        let lost = appends.len() as u64;
        self.shared.unstored.fetch_add(lost, Ordering::Relaxed);
        for append in appends {
            self.unstored.insert(append.row.id);
            let _ = append.stored.send(Some(append.at_risk));
        }
        self.shared.failing.store(true, Ordering::Relaxed);
        *self.shared.last_error.lock() = Some(error.to_string());
        if self.log_again_at.is_none_or(|at| Instant::now() >= at) {
            self.log_again_at = Some(Instant::now() + LOG_AGAIN);
            tracing::warn!(
                outbox = %self.shared.path.display(), %error,
                "the outbox can't be written: mirrored writes are delivered from memory, once, and \
                 lost if that fails"
            );
        }
    }
}

impl Notes {
    fn take(&mut self, note: Note) {
        match note {
            Note::Tried(tried) => self.tried = Some(tried),
            Note::Lost(why) => self.lost = Some(why),
        }
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.appends.is_empty()
            && self.removals.is_empty()
            && self.notes.is_empty()
            && self.holds.is_empty()
            && self.taints.is_empty()
            && self.ids.is_empty()
            && self.sessions.is_empty()
            && self.at_risk.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outbox;
    use super::super::tests::exchange;
    use super::*;
    use crate::exchange::budget::Budget;

    #[tokio::test]
    async fn what_could_not_be_written_holds_up_nobody_and_piles_up_as_little_as_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let pool = store::open(&folder.path().join("outbox.db")).await.unwrap();
        let (changes, received) = mpsc::unbounded_channel();
        let outbox = Outbox {
            shared: Arc::default(),
            changes: changes.clone(),
            pool: pool.clone(),
        };
        let mut writer = Writer::new(pool, received, Arc::clone(&outbox.shared));
        let append = |id: u64| {
            let (stored, _) = oneshot::channel();
            let row = Row::plain(id, &exchange(10), &[]);
            let hold = Budget::new(0).hold();
            Change::Append(Box::new(row), hold, outbox.risk(), stored)
        };
        let full = sqlx::Error::PoolClosed;
        let taints = 2 * BATCH;
        for id in 0..taints {
            let lane = Lane::new("order", &id.to_string());
            let why = Taint::new(id.to_string(), None);
            writer.take(Change::Clear(lane.clone()));
            writer.take(Change::Taint(lane, why));
        }
        let lane = Lane::new("order", "0");
        let why = Taint::new("the last", None);
        writer.take(Change::Taint(lane.clone(), why.clone()));
        assert_eq!(writer.batch.taints[&lane], Some(why));
        (1..100).for_each(|id| changes.send(append(id)).unwrap());
        assert!(writer.gather().await);
        assert_eq!(writer.batch.appends.len(), 99);
        writer.failed(&full);
        (1..=100).for_each(|id| changes.send(Change::Remove(id)).unwrap());
        assert!(writer.gather().await);
        assert_eq!(writer.batch.removals, [100]);
        assert_eq!(
            (writer.batch.taints.len(), writer.unstored.len()),
            (taints, 0)
        );
    }
}
