//! The journal: what was found, kept in a `SQLite` file.
//!
//! The mirror [`offer`](Journal::offer)s findings and goes on; one writer task redacts, groups and
//! stores them in batches, and stores the ledger's counts with them. Nothing here can delay or
//! fail a request: when the disk is full or the file is locked, findings lose their detail, which
//! is counted, and the ledger's counts are written once it works again. A crash loses what was
//! counted within the last batch, 200 ms; requests that were pending then end as
//! `dropped: restart`. This module is the seam for a fleet's shared journal; no SQL stands
//! outside it.

mod config;
mod counts;
mod dials;
mod evidence;
mod finding;
mod hits;
mod import;
mod read;
mod reconciliation;
mod record;
mod redaction;
mod retention;
mod states;
mod store;
mod tally;
mod writer;

pub use crate::clock::Clock;
use crate::key_file::KeyError;
pub use config::{JournalConfig, SettingError, Settings};
pub use dials::DialEvent;
pub use import::{Foreign, Imported};
pub use read::{
    Cursor, Filter, FindingDetail, FindingSummary, Milliseconds, OpenFindings, Page, Reader,
    Sample, Sort, State,
};
pub use record::{BodyRecord, Record, RequestRecord, ResponseRecord};
pub use redaction::Secret;
pub(crate) use redaction::{is_redacted, without_secrets};

use crate::exchange::Exchange;
use crate::exchange::budget::Hold;
use crate::outcome::{Ending, Ledger, Outcome};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use parking_lot::Mutex;
use redaction::Key;
use serde::Serialize;
use sqlx::SqlitePool;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

/// Findings that may wait for the writer.
const QUEUE: usize = 1024;
/// The file of the key that redacted values are hashed with, beside the journal's.
const KEY: &str = "redaction.key";
/// How long [`Journal::close`] waits for the last write.
const CLOSE_WITHIN: Duration = Duration::from_millis(1500);

/// An eligible request that ended otherwise than matched, with what was captured of it.
#[derive(Debug)]
pub struct Finding {
    /// The request and its answers.
    pub exchange: Exchange,
    /// How it ended.
    pub ending: Ending,
    /// What differs.
    pub discrepancies: Vec<comparator::Discrepancy>,
    /// How many discrepancies more there were.
    pub unreported: usize,
    /// The captured bytes' share of the budget, given back once the writer has looked at them.
    pub hold: Hold,
}

/// Why the journal can't be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The location is no file that this journal can be.
    #[error("journal {0:?}: only SQLite files are supported: a path, or sqlite://PATH")]
    Location(String),
    /// The file can't be opened, or is no journal.
    #[error("journal {path}: {source}", path = .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What `SQLite` says.
        source: sqlx::Error,
    },
    /// The schema can't be brought up to date.
    #[error("journal {path}: upgrading its schema: {source}", path = .path.display())]
    Upgrade {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: sqlx::migrate::MigrateError,
    },
    /// A later version of cutover wrote the file.
    #[error(
        "journal {path} was written by a newer version of cutover (its schema has step {version}, \
         which this version does not know); upgrade cutover, or start with another file",
        path = .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The first unknown step of its schema.
        version: i64,
    },
    /// There is no key for what is redacted.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A query failed.
    #[error("reading the journal: {0}")]
    Read(#[from] sqlx::Error),
    /// A stored exchange can't be understood.
    #[error("reading the journal: exchange {id}: {source}")]
    Record {
        /// The exchange's number.
        id: i64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The journal's state, for status pages and metrics.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct JournalStatus {
    /// Findings whose detail was lost because the writer could not keep up or could not write.
    pub lost: u64,
    /// Writes that failed.
    pub errors: u64,
    /// The last write that failed.
    pub last_error: Option<WriteError>,
    /// Whether the last write failed.
    pub failing: bool,
    /// Bytes of the file, as of the last write.
    pub size: u64,
}

/// A write that failed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct WriteError {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What `SQLite` said.
    pub message: String,
}

/// A handle on the journal; clones share it.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    offers: mpsc::Sender<Finding>,
    reader: Reader,
    /// For decisions about findings, which the writer does not make.
    desk: SqlitePool,
    writer: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
}

/// What handles and writer share.
struct Shared {
    path: PathBuf,
    /// For settings to come.
    key: Key,
    settings: ArcSwap<Settings>,
    lost: AtomicU64,
    errors: AtomicU64,
    failing: AtomicBool,
    size: AtomicU64,
    last_error: Mutex<Option<WriteError>>,
    open: AtomicBool,
    closing: Notify,
    clock: Clock,
}

impl Journal {
    /// Opens or creates the journal at a path or `sqlite:` URL, brings its schema up to date, adds
    /// the totals it holds to `ledger`, and starts the writer on the current tokio runtime.
    pub async fn open(
        path_or_url: &str,
        settings: Settings,
        ledger: Arc<Ledger>,
    ) -> Result<Self, JournalError> {
        let path = store::location(path_or_url)?;
        // The directory is made too: the default one is there only after a first run.
        if let Some(directory) = path.parent()
            && let Err(source) = std::fs::create_dir_all(directory)
        {
            let source = sqlx::Error::Io(source);
            return Err(JournalError::Open { path, source });
        }
        let pool = store::open_for_writing(&path).await?;
        Self::start(path, pool, settings, ledger).await
    }

    async fn start(
        path: PathBuf,
        pool: SqlitePool,
        settings: Settings,
        ledger: Arc<Ledger>,
    ) -> Result<Self, JournalError> {
        let at_path = |source| JournalError::Open {
            path: path.clone(),
            source,
        };
        let counted = counts::Counted::restore(&pool, &ledger)
            .await
            .map_err(at_path)?;
        let kept = evidence::Kept::restore(&pool, &ledger)
            .await
            .map_err(at_path)?;
        let hits = hits::Hits::restore(&pool, &ledger).await.map_err(at_path)?;
        let tally = store::load_known(&pool).await.map_err(at_path)?;
        let reader = Reader::open(&path).await?;
        let desk = store::open_for_decisions(&path).await?;
        let key = Key::kept(&path.with_file_name(KEY))?;
        let shared = Arc::new(Shared::new(path, settings, key, ledger.clock().clone()));
        let (offers, queue) = mpsc::channel(QUEUE);
        let state = writer::State {
            tally,
            counted,
            kept,
            hits,
        };
        let writer = writer::Writer::new(pool, queue, state, ledger, Arc::clone(&shared));
        let writer = Arc::new(tokio::sync::Mutex::new(Some(tokio::spawn(writer.run()))));
        Ok(Self {
            shared,
            offers,
            reader,
            desk,
            writer,
        })
    }

    /// Hands a finding to the writer, without waiting. When the queue is full its detail is lost
    /// and counted. A match has no detail and is not stored.
    pub fn offer(&self, finding: Finding) {
        if finding.ending.outcome() != Outcome::Matched && self.offers.try_send(finding).is_err() {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The general path that a finding of this discrepancy has.
    pub fn path_of(&self, found: &comparator::Discrepancy) -> String {
        let settings = self.shared.settings.load();
        finding::stored(found, &settings.redaction).general_path()
    }

    /// The discrepancies that routes have to answer for; nothing while that can't be told, because
    /// the journal can't be read, or not be written with what is found now.
    pub async fn open_findings(&self) -> Option<Vec<OpenFindings>> {
        let open = self.reader.open_discrepancies().await.ok();
        open.filter(|_| !self.shared.failing.load(Ordering::Relaxed))
    }

    /// Takes other settings, for what is written from now on.
    pub fn configure(&self, mut settings: Settings) {
        settings.redaction.set_key(self.shared.key.clone());
        self.shared.settings.store(Arc::new(settings));
    }

    /// Writes what is left, for at most one and a half seconds. Later offers are lost.
    pub async fn close(&self) {
        self.shared.closing.notify_one();
        let Some(mut writer) = self.writer.lock().await.take() else {
            return;
        };
        if tokio::time::timeout(CLOSE_WITHIN, &mut writer)
            .await
            .is_err()
        {
            writer.abort();
        }
        self.shared.open.store(false, Ordering::Relaxed);
        self.reader.close().await;
        self.desk.close().await;
    }

    /// What is stored, to be read.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Whether the journal still takes findings.
    pub fn is_open(&self) -> bool {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// The journal's state.
    pub fn status(&self) -> JournalStatus {
        let shared = &self.shared;
        JournalStatus {
            lost: shared.lost.load(Ordering::Relaxed),
            errors: shared.errors.load(Ordering::Relaxed),
            last_error: shared.last_error.lock().clone(),
            failing: shared.failing.load(Ordering::Relaxed),
            size: shared.size.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    fn new(path: PathBuf, mut settings: Settings, key: Key, clock: Clock) -> Self {
        settings.redaction.set_key(key.clone());
        Self {
            path,
            key,
            settings: ArcSwap::from_pointee(settings),
            lost: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            size: AtomicU64::new(0),
            last_error: Mutex::new(None),
            open: AtomicBool::new(true),
            closing: Notify::new(),
            clock,
        }
    }
}

#[cfg(test)]
mod tests;
