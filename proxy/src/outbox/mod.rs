//! The outbox: mirrored writes on disk until the candidate has answered them, the taints of lanes
//! that lost one, and what was learned from answers: pairs of ids, and sealed, what is of sessions.
//!
//! One task writes, in batches; what is to be written waits in memory under the budget for
//! captures, and nobody on a client's path waits for it. A write that can't be stored is
//! delivered from memory all the same, and counted as unstored. A kill loses nothing that was written;
//! what was under way and was not, nobody can name any more, but the next run knows of how many
//! there may be (`risk`). A power cut may take the last moments of the file along. Delivering is the
//! mirror's business.

mod held;
mod hold;
mod risk;
mod row;
mod shares;
mod store;
mod writer;

pub use held::{Delivering, HeldWrite, Released, Settled, Verdict};
pub use hold::{Held, HoldError, Named};
pub use risk::AtRisk;
pub use row::Row;
pub(crate) use row::size;
pub use shares::{Admitted, Over, Parked};

use crate::exchange::Exchange;
use crate::exchange::budget::Hold;
use crate::lanes::{Lane, Taint};
use crate::side::Side;
use comparator::IdPair;
use held::{HoldChange, Holds, ReleasedUpTo};
use jiff::Timestamp;
use parking_lot::Mutex;
use sqlx::SqlitePool;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use writer::Writer;

/// How long [`Outbox::close`] waits for the last batch.
const CLOSE_WITHIN: Duration = Duration::from_millis(1500);

/// Rows of sessions that may wait to be written.
const MOST_UNWRITTEN: usize = 10_000;

/// Why the outbox can't be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The file can't be opened, or is no outbox.
    #[error("outbox {path}: {source}; if another proxy uses it, give each its own directory", path = .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What `SQLite` says.
        source: sqlx::Error,
    },
    /// The schema can't be brought up to date, or is a later version's.
    #[error("outbox {path}: upgrading its schema: {source}", path = .path.display())]
    Upgrade {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: sqlx::migrate::MigrateError,
    },
    /// A stored write can't be read.
    #[error("outbox: reading write {id}: {source}")]
    Read {
        /// The write.
        id: u64,
        /// What `SQLite` says.
        source: sqlx::Error,
    },
    /// A stored write can't be understood.
    #[error("outbox: write {id} can't be understood: {message}")]
    Row {
        /// The write.
        id: u64,
        /// What is wrong with it.
        message: String,
    },
}

impl OutboxError {
    /// Whether it may be over later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Read { .. })
    }
}

/// What a former run left behind.
#[derive(Debug, Default)]
pub struct Leftovers {
    /// The writes, in their order.
    pub writes: Vec<Leftover>,
    /// The tainted lanes.
    pub taints: Vec<(Lane, Taint)>,
    /// The hold, if there was one.
    pub(crate) hold: Option<Held>,
    /// What releases have said of writes that are left.
    released: ReleasedUpTo,
    /// The last position that a hold or a release names.
    position: u64,
    /// The pairs of ids that were learned.
    pub ids: Vec<IdPair>,
    /// What was learned of sessions.
    pub sessions: Vec<SealedRow>,
    /// About how many writes at most were under way and not on disk when it was killed.
    pub unknown: u64,
}

/// Something of a session that only its key opens.
#[derive(Debug)]
pub struct SealedRow {
    /// What it is found by.
    pub row: Vec<u8>,
    /// When it is over, in seconds since 1970.
    pub until: i64,
    /// What it holds.
    pub sealed: Vec<u8>,
}

impl Leftovers {
    /// The number of the first write of this run. It begins at the time of day, so that no number
    /// comes twice though the outbox was empty.
    pub fn next_id(&self) -> u64 {
        let now = u64::try_from(Timestamp::now().as_microsecond()).unwrap_or(1);
        let last = self.writes.last().map_or(0, |write| write.id);
        now.max(last.max(self.position).saturating_add(1))
    }
}

/// A write that a former run left behind; its request stays on disk until its turn comes.
#[derive(Debug)]
pub struct Leftover {
    /// Its number.
    pub id: u64,
    /// The route that it came by.
    pub route: String,
    /// The side that answered the client.
    pub answered_by: Side,
    /// When that was.
    pub at: Timestamp,
    /// Whether its outcome is counted.
    pub compared: bool,
    /// Whether its answers can't be compared, because another write was under way.
    pub overlapped: bool,
    /// Its lanes.
    pub lanes: Vec<Lane>,
    /// The lanes that are tainted if it is lost.
    pub doubt: Vec<Lane>,
    /// The position at which it began on the primary.
    pub began: u64,
    /// Its share of the outbox's bytes.
    pub bytes: usize,
    /// Whether the candidate may have done it, and would do it once more.
    pub tried: bool,
    /// Why it is lost, if that was settled.
    pub lost: Option<String>,
}

/// A handle on the outbox; clones share it.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
    changes: mpsc::UnboundedSender<Change>,
    pool: SqlitePool,
}

#[derive(Default)]
struct Shared {
    path: PathBuf,
    writes: AtomicUsize,
    bytes: AtomicUsize,
    parked: AtomicU64,
    stored: AtomicU64,
    unstored: AtomicU64,
    retries: AtomicU64,
    /// What the former run left of [`Leftovers::unknown`].
    unknown: u64,
    risk: risk::Risk,
    /// Rows of sessions that are to be written.
    unwritten: AtomicUsize,
    holds: Holds,
    failing: AtomicBool,
    last_error: Mutex<Option<String>>,
}

/// What the writer is told; in this order it goes to the disk.
enum Change {
    Append(Box<Row>, Hold, AtRisk, oneshot::Sender<Option<AtRisk>>),
    Remove(u64),
    Note(u64, Note),
    Hold(HoldChange, oneshot::Sender<Result<(), String>>),
    Taint(Lane, Taint),
    Clear(Lane),
    Ids(Vec<IdPair>),
    Sessions(Option<SealedRow>, Vec<Vec<u8>>),
    /// More writes are at risk than are marked.
    AtRisk,
    Close(oneshot::Sender<()>),
}

/// What is noted of a write that stays.
#[derive(Debug)]
enum Note {
    /// Whether the candidate may have done it, and would do it once more.
    Tried(bool),
    /// It is lost for a reason, though its lanes are not tainted yet.
    Lost(String),
}

/// The outbox at one instant.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct OutboxStatus {
    /// Writes that the candidate has not answered yet.
    pub writes: usize,
    /// Their bytes.
    pub bytes: usize,
    /// How many of them are on disk.
    pub stored: u64,
    /// Writes since the start that could not be stored, and were delivered from memory if at all.
    pub unstored: u64,
    /// Tries since the start that had to be repeated.
    pub retries: u64,
    /// Writes that are on their way to the primary or from there and not on disk yet.
    pub at_risk: u64,
    /// About how many such writes at most the former run took along when it was killed; each such
    /// start also leaves a taint by the name of `crash-` and its time, until it is cleared.
    pub unknown: u64,
    /// Whether the last batch could not be written.
    pub failing: bool,
    /// What `SQLite` said when one last could not.
    pub last_error: Option<String>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Outbox {
    /// Opens or creates the outbox, and starts its writer on the current tokio runtime.
    pub async fn open(path: &Path) -> Result<(Self, Leftovers), OutboxError> {
        let pool = store::open(path).await?;
        let refuse = |source| OutboxError::Open {
            path: path.to_owned(),
            source,
        };
        let mut left = store::leftovers(&pool).await.map_err(refuse)?;
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            stored: AtomicU64::new(left.writes.len() as u64),
            unknown: left.unknown,
            holds: Holds::new(left.hold.take(), std::mem::take(&mut left.released)),
            ..Shared::default()
        });
        let (changes, received) = mpsc::unbounded_channel();
        tokio::spawn(Writer::new(pool.clone(), received, Arc::clone(&shared)).run());
        let outbox = Self {
            shared,
            changes,
            pool,
        };
        Ok((outbox, left))
    }

    /// Has a write stored; one that could not be comes back as at risk. `hold` is the row's own share
    /// of the budget for captures.
    pub fn append(
        &self,
        row: Row,
        hold: Hold,
        at_risk: AtRisk,
    ) -> oneshot::Receiver<Option<AtRisk>> {
        let (stored, answer) = oneshot::channel();
        self.tell(Change::Append(Box::new(row), hold, at_risk, stored));
        answer
    }

    /// Counts a write that could not even be handed to the writer.
    pub fn count_unstored(&self) {
        self.shared.unstored.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a try that has to be repeated.
    pub fn count_retry(&self) {
        self.shared.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// How many writes whose outcome is counted wait on disk alone.
    pub fn parked(&self) -> u64 {
        self.shared.parked.load(Ordering::Relaxed)
    }

    /// The exchange of a stored write; nothing if the file doesn't have it.
    pub async fn load(&self, id: u64) -> Result<Option<Exchange>, OutboxError> {
        store::load(&self.pool, id).await
    }

    /// A write is over: it was answered, or lost.
    pub fn remove(&self, id: u64) {
        self.tell(Change::Remove(id));
    }

    /// Notes whether the candidate may have done a write that it would do once more.
    pub fn note_tried(&self, id: u64, tried: bool) {
        self.note(id, Note::Tried(tried));
    }

    fn note(&self, id: u64, note: Note) {
        self.tell(Change::Note(id, note));
    }

    /// Keeps a taint over restarts.
    pub fn taint(&self, lane: &Lane, taint: &Taint) {
        self.tell(Change::Taint(lane.clone(), taint.clone()));
    }

    /// Forgets a taint.
    pub fn clear(&self, lane: &Lane) {
        self.tell(Change::Clear(lane.clone()));
    }

    /// Keeps pairs of ids over restarts.
    pub fn keep_ids(&self, pairs: Vec<IdPair>) {
        self.tell(Change::Ids(pairs));
    }

    /// Keeps something of a session over restarts, and forgets what had to make room for it. What
    /// the disk can't follow is not kept: it is learned again.
    pub fn keep_sessions(&self, row: Option<SealedRow>, gone: Vec<Vec<u8>>) {
        let rows = 1 + gone.len();
        let before = self.shared.unwritten.fetch_add(rows, Ordering::Relaxed);
        if before < MOST_UNWRITTEN {
            self.tell(Change::Sessions(row, gone));
        } else {
            self.shared.unwritten.fetch_sub(rows, Ordering::Relaxed);
        }
    }

    /// Writes what was told so far, for at most one and a half seconds. What is told later stays
    /// unwritten, so that what is dropped in a stop is delivered by the next run.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        self.tell(Change::Close(done));
        let _ = tokio::time::timeout(CLOSE_WITHIN, closed).await;
        let _ = tokio::time::timeout(CLOSE_WITHIN, self.pool.close()).await;
    }

    /// The outbox's state.
    pub fn status(&self) -> OutboxStatus {
        let shared = &self.shared;
        OutboxStatus {
            writes: shared.writes.load(Ordering::Relaxed),
            bytes: shared.bytes.load(Ordering::Relaxed),
            stored: shared.stored.load(Ordering::Relaxed),
            unstored: shared.unstored.load(Ordering::Relaxed),
            retries: shared.retries.load(Ordering::Relaxed),
            at_risk: shared.risk.now(),
            unknown: shared.unknown,
            failing: shared.failing.load(Ordering::Relaxed),
            last_error: shared.last_error.lock().clone(),
        }
    }

    fn tell(&self, change: Change) {
        // After a close nobody writes any more.
        let _ = self.changes.send(change);
    }
}

#[cfg(test)]
mod tests;
