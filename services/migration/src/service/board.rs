//! The runs of the service: one at a time, whatever it does, since a copy would make a comparison
//! find what is not there.
//!
//! A run that was under way when the process ended goes on at the next start. How far its rows
//! have come is kept with the rows; here it is only known which tables need not be looked at.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kit::ApiError;
use kit::sqlite::OpenError;
use kit::store::StoreError;
use kit::time::Millis;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::books::{Books, Ended, Unfinished};
use super::databases::Databases;
use super::metrics::Metrics;
use super::run::{Kind, Run, State, Summary};
use super::tracker::Tracker;
use super::work::{Outcome, Work};
use crate::link::Proxy;

/// How often it is kept how far a run has come.
const PACE: Duration = Duration::from_secs(1);

/// How long closing waits for the run under way.
const CLOSE: Duration = Duration::from_secs(20);

/// The runs of one service; clones share them.
#[derive(Clone)]
pub(super) struct Board(Arc<Inner>);

struct Inner {
    books: Books,
    databases: Databases,
    proxy: Option<Proxy>,
    metrics: Metrics,
    /// Whoever runs has it.
    turn: Arc<Semaphore>,
    live: Mutex<Option<Live>>,
    closing: CancellationToken,
}

/// The run that is under way.
#[derive(Clone)]
struct Live {
    id: i64,
    kind: Kind,
    stop: CancellationToken,
    tracker: Arc<Tracker>,
}

/// Why a run was not begun.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error("{}", busy(.0.as_ref()))]
    Busy(Option<(Kind, i64)>),
    #[error("the service is stopping")]
    Closing,
    #[error(transparent)]
    Books(#[from] StoreError),
}

impl Board {
    /// Opens the state file; what an earlier process left under way is interrupted.
    pub(super) async fn open(
        state: &str,
        databases: Databases,
        proxy: Option<Proxy>,
        metrics: Metrics,
    ) -> Result<Self, OpenError> {
        let inner = Inner {
            books: Books::open(state).await?,
            databases,
            proxy,
            metrics,
            turn: Arc::new(Semaphore::new(1)),
            live: Mutex::new(None),
            closing: CancellationToken::new(),
        };
        Ok(Self(Arc::new(inner)))
    }

    pub(super) fn databases(&self) -> &Databases {
        &self.0.databases
    }

    pub(super) fn books(&self) -> &Books {
        &self.0.books
    }

    /// Ends when the service is asked to end.
    pub(super) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    /// Takes up what the last process left under way, the oldest first; or leaves it.
    pub(super) async fn take_up(&self, resume: bool) -> Result<(), StoreError> {
        self.0.books.interrupt().await?;
        if !resume {
            return Ok(());
        }
        let mut left = Vec::new();
        for run in self.0.books.unfinished().await? {
            match Work::kept(run.kind, &run.options) {
                Ok(work) => left.push((run, work)),
                Err(wrong) => tracing::warn!(run = run.id, ?wrong, "a run cannot go on"),
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        // The first turn is taken before a request can come.
        let mut turn = self.turn().ok();
        let board = self.clone();
        tokio::spawn(async move {
            for (run, work) in left {
                if turn.is_none() {
                    turn = Arc::clone(&board.0.turn).acquire_owned().await.ok();
                }
                match turn.take() {
                    Some(turn) if !board.0.closing.is_cancelled() => {
                        board.resume(run, work, turn).await;
                    }
                    _ => return,
                }
            }
        });
        Ok(())
    }

    async fn resume(&self, run: Unfinished, work: Work, turn: OwnedSemaphorePermit) {
        // Whoever stops it from here on stops what is under way.
        let live = self.enter(run.id, run.kind, Tracker::resumed(run.tables));
        match self.0.books.resume(run.id).await {
            Ok(true) => {
                tracing::info!(run = run.id, kind = %run.kind, "a run goes on");
                self.carry_out(live, work, run.checkpoint, turn).await;
                return;
            }
            Ok(false) => tracing::info!(run = run.id, "a run was given up while it waited"),
            // Nobody knows whether it was given up: it is left for the next start.
            Err(error) => tracing::warn!(run = run.id, %error, "a run cannot go on"),
        }
        *self.0.live.lock() = None;
    }

    /// Begins a run, if none is under way.
    pub(super) async fn start(&self, work: Work) -> Result<Run, StartError> {
        let turn = self.turn()?;
        let kind = work.kind();
        let id = self.0.books.enter(kind, &work.options()).await?;
        let begun = self.0.books.show(kind, id).await?;
        let begun = begun.ok_or_else(|| StoreError::database("the run is gone"))?;
        let live = self.enter(id, kind, Tracker::default());
        let board = self.clone();
        tokio::spawn(async move { board.carry_out(live, work, None, turn).await });
        Ok(begun)
    }

    /// A run with how far it has come up to now.
    pub(super) async fn show(&self, kind: Kind, id: i64) -> Result<Option<Run>, StoreError> {
        let live = self.live(kind, id);
        let mut run = self.0.books.show(kind, id).await?;
        if let (Some(run), Some(live)) = (&mut run, live)
            && !run.summary.state.has_ended()
        {
            run.summary.state = State::Running;
            run.tables = live.tracker.progress();
        }
        Ok(run)
    }

    /// The runs of a kind, the latest first.
    pub(super) async fn list(&self, kind: Kind) -> Result<Vec<Summary>, StoreError> {
        self.0.books.list(kind).await
    }

    /// Asks a run to stop, or gives one up that was interrupted; whether there was one.
    pub(super) async fn stop(&self, kind: Kind, id: i64) -> Result<bool, StoreError> {
        match self.live(kind, id) {
            Some(live) => {
                live.stop.cancel();
                Ok(true)
            }
            None => self.0.books.give_up(kind, id).await,
        }
    }

    /// When a comparison began last.
    pub(super) async fn last_comparison(&self) -> Result<Option<Timestamp>, StoreError> {
        let last = self.0.books.last(Kind::Reconciliation).await?;
        Ok(last.map(Millis::timestamp))
    }

    /// Waits until nothing is under way.
    pub(super) async fn idle(&self) {
        // Whoever waits lets the turn go at once, and takes it as everybody does.
        drop(self.0.turn.acquire().await);
    }

    /// Interrupts what is under way and lets go of everything.
    pub(super) async fn close(&self) {
        self.0.closing.cancel();
        if let Some(live) = &*self.0.live.lock() {
            live.stop.cancel();
        }
        let ended = tokio::time::timeout(CLOSE, self.0.turn.acquire()).await;
        if ended.is_err() {
            tracing::warn!("a run was still under way after {CLOSE:?}");
        }
        self.0.databases.close().await;
        self.0.books.close().await;
    }

    fn live(&self, kind: Kind, id: i64) -> Option<Live> {
        let live = self.0.live.lock();
        live.clone()
            .filter(|live| live.kind == kind && live.id == id)
    }

    fn enter(&self, id: i64, kind: Kind, tracker: Tracker) -> Live {
        let live = Live {
            id,
            kind,
            stop: self.0.closing.child_token(),
            tracker: Arc::new(tracker),
        };
        *self.0.live.lock() = Some(live.clone());
        live
    }

    /// Does the work of a run, and keeps how far it has come.
    async fn carry_out(
        &self,
        live: Live,
        work: Work,
        checkpoint: Option<String>,
        turn: OwnedSemaphorePermit,
    ) {
        let doing = self.clone();
        let (tracker, stop) = (Arc::clone(&live.tracker), live.stop.clone());
        let mut job = tokio::spawn(async move {
            let (databases, proxy) = (&doing.0.databases, doing.0.proxy.as_ref());
            work.run(databases, proxy, tracker, checkpoint, stop).await
        });
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let outcome = loop {
            tokio::select! {
                done = &mut job => break done.unwrap_or_else(|error| Outcome::Failed(error.to_string())),
                _ = pace.tick() => self.keep(&live).await,
            }
        };
        self.end(&live, outcome).await;
        *self.0.live.lock() = None;
        drop(turn);
    }

    async fn keep(&self, live: &Live) {
        let (tables, checkpoint) = (live.tracker.progress(), live.tracker.checkpoint());
        let kept = self.0.books.note(live.id, &tables, checkpoint.as_deref());
        if let Err(error) = kept.await {
            // What is shown after a crash is older then; the rows are safe.
            tracing::warn!(run = live.id, %error, "the state file cannot be written");
        }
    }

    async fn end(&self, live: &Live, outcome: Outcome) {
        // A comparison that goes on does so from the checkpoint that still waits here.
        self.keep(live).await;
        let (state, report, error, note) = match outcome {
            Outcome::Finished { report, note } => (State::Finished, Some(report), None, note),
            Outcome::Failed(error) => (State::Failed, None, Some(error), None),
            Outcome::Stopped if self.0.closing.is_cancelled() => {
                (State::Interrupted, None, None, None)
            }
            Outcome::Stopped => (State::Stopped, None, None, None),
        };
        let tables = live.tracker.ended(state);
        tracing::info!(run = live.id, kind = %live.kind, state = state.as_str(), error, note, "a run has ended");
        self.0.metrics.ended(live.kind, state, &tables);
        let ended = Ended {
            state,
            tables,
            report,
            error,
            note,
        };
        if let Err(error) = self.0.books.end(live.id, &ended).await {
            tracing::error!(run = live.id, %error, "the end of a run cannot be kept");
        }
    }

    fn turn(&self) -> Result<OwnedSemaphorePermit, StartError> {
        if self.0.closing.is_cancelled() {
            return Err(StartError::Closing);
        }
        let busy = |_| {
            let live = self.0.live.lock();
            StartError::Busy(live.as_ref().map(|live| (live.kind, live.id)))
        };
        Arc::clone(&self.0.turn).try_acquire_owned().map_err(busy)
    }
}

fn busy(live: Option<&(Kind, i64)>) -> String {
    match live {
        Some((kind, id)) => format!(
            "{} {id} is under way, and there is one at a time",
            kind.title()
        ),
        None => "another run is under way, and there is one at a time".to_owned(),
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        match error {
            busy @ StartError::Busy(_) => Self::conflict(busy.to_string()),
            closing @ StartError::Closing => Self::unavailable("migration service", closing),
            StartError::Books(error) => error.into(),
        }
    }
}
