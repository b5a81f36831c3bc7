//! The one task that writes: it gathers, writes, keeps house, and goes on whatever fails.

use super::counts::Counted;
use super::evidence::Kept;
use super::hits::Hits;
use super::tally::Tally;
use super::{Finding, Shared, WriteError, retention, store};
use crate::outcome::Ledger;
use sqlx::SqlitePool;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The longest that a finding waits to be written.
const PACE: Duration = Duration::from_millis(200);
/// The longest pause between two tries while writing fails.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// How often retention looks.
const HOUSEKEEPING: Duration = Duration::from_secs(30);
/// How often a lasting failure is logged.
const LOG_AGAIN: Duration = Duration::from_mins(1);

/// What the writer knows of the disk, and what it has to add.
pub(super) struct State {
    pub(super) tally: Tally,
    pub(super) counted: Counted,
    pub(super) kept: Kept,
    pub(super) hits: Hits,
}

pub(super) struct Writer {
    pool: SqlitePool,
    queue: mpsc::Receiver<Finding>,
    state: State,
    ledger: Arc<Ledger>,
    shared: Arc<Shared>,
    pause: Duration,
    housekeeping_at: Instant,
    log_again_at: Option<Instant>,
}

impl Writer {
    pub(super) fn new(
        pool: SqlitePool,
        queue: mpsc::Receiver<Finding>,
        state: State,
        ledger: Arc<Ledger>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            pool,
            queue,
            state,
            ledger,
            shared,
            pause: PACE,
            housekeeping_at: Instant::now(),
            log_again_at: None,
        }
    }

    /// Writes until the journal is closed, and then what is left.
    pub(super) async fn run(mut self) {
        loop {
            let next = self.gather().await;
            match self.write(next.is_break()).await {
                Ok(()) => self.succeeded(),
                Err(error) => self.failed(&error),
            }
            if next.is_break() {
                break;
            }
        }
        self.pool.close().await;
    }

    /// Takes findings until a write is due; breaks when the journal is closing.
    async fn gather(&mut self) -> ControlFlow<()> {
        let shared = Arc::clone(&self.shared);
        let due = tokio::time::sleep(self.pause);
        tokio::pin!(due);
        loop {
            tokio::select! {
                biased;
                () = shared.closing.notified() => {
                    self.queue.close();
                    while let Ok(finding) = self.queue.try_recv() {
                        self.take(&finding);
                    }
                    return ControlFlow::Break(());
                }
                () = &mut due => return ControlFlow::Continue(()),
                finding = self.queue.recv() => match finding {
                    Some(finding) => self.take(&finding),
                    None => return ControlFlow::Break(()),
                },
            }
            // While writing fails, a full batch is no reason to try sooner.
            if self.state.tally.is_full() && self.pause == PACE {
                return ControlFlow::Continue(());
            }
        }
    }

    fn take(&mut self, finding: &Finding) {
        if !self.state.tally.add(finding, &self.shared.settings.load()) {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn write(&mut self, closing: bool) -> sqlx::Result<()> {
        let state = &mut self.state;
        let changes = state.counted.behind(self.ledger.snapshot());
        let slices = state.kept.behind(&self.ledger, closing);
        let rules = state.hits.behind(&self.ledger);
        let batch = store::Batch {
            news: &state.tally.news,
            changes: &changes,
            slices: &slices,
            rules: &rules,
        };
        if !batch.is_empty() {
            store::write(&self.pool, &batch, self.ledger.clock().now()).await?;
            state.counted.wrote(changes);
            state.kept.wrote(slices);
            state.hits.wrote(rules);
            state.tally.wrote();
        }
        if Instant::now() >= self.housekeeping_at {
            self.housekeeping_at = Instant::now() + HOUSEKEEPING;
            let settings = self.shared.settings.load_full();
            // Nothing goes early because a clock went wrong.
            let now = self.ledger.clock().earlier();
            if retention::run(&self.pool, &settings, now).await? {
                self.state.tally = store::load_known(&self.pool).await?;
            }
            self.measure().await;
        }
        Ok(())
    }

    async fn measure(&self) {
        let mut size = 0;
        for suffix in ["", "-wal"] {
            let mut path = self.shared.path.clone().into_os_string();
            path.push(suffix);
            size += tokio::fs::metadata(path).await.map_or(0, |file| file.len());
        }
        self.shared.size.store(size, Ordering::Relaxed);
    }

    fn succeeded(&mut self) {
        self.pause = PACE;
        if self.shared.failing.swap(false, Ordering::Relaxed) {
            self.log_again_at = None;
            tracing::info!(journal = %self.shared.path.display(), "the journal is written again");
        }
    }

    fn failed(&mut self, error: &sqlx::Error) {
        self.pause = (self.pause * 2).min(MAX_PAUSE);
        self.shared.failing.store(true, Ordering::Relaxed);
        self.shared.errors.fetch_add(1, Ordering::Relaxed);
        let note = WriteError {
            at: self.ledger.clock().now(),
            message: error.to_string(),
        };
        *self.shared.last_error.lock() = Some(note);
        if self.log_again_at.is_none_or(|at| Instant::now() >= at) {
            self.log_again_at = Some(Instant::now() + LOG_AGAIN);
            tracing::warn!(
                journal = %self.shared.path.display(), %error,
                "the journal can't be written; counts are kept and written later, details are lost \
                 beyond a limit"
            );
        }
    }
}
