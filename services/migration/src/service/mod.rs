//! The service on port 3000: copies and comparisons over HTTP, begun by hand or by a schedule, and
//! questions about single rows.
//!
//! It has no access control, so it is meant for loopback or a network of its own: who may ask it
//! may read rows of both databases.

mod board;
mod books;
mod databases;
mod events;
mod metrics;
mod options;
mod origin;
mod page;
mod question;
mod rows;
mod run;
mod runs;
mod tracker;
mod validate;
mod work;

use axum::Router;
use axum::middleware::from_fn;
use jiff::Timestamp;
use kit::ApiError;
use kit::app::App;
use kit::sqlite::OpenError;
use kit::store::StoreError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::board::{Board, StartError};
use self::databases::Databases;
use self::metrics::Metrics;
use self::work::Work;
use crate::link::Proxy;
use crate::schedule::{Schedule, sleep_until};

pub use self::databases::Places;
pub use self::options::ReconciliationOptions;

/// What the service needs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Both databases and the mapping.
    pub places: Places,
    /// The state file, as a URL such as `sqlite:runs.db`.
    pub state: String,
    /// The proxy that is told what comes of runs.
    pub proxy: Option<Proxy>,
    /// Whether a run that the last process left under way goes on.
    pub resume: bool,
}

/// The service; clones share it.
#[derive(Clone)]
pub struct Service {
    board: Board,
    metrics: Metrics,
}

/// Why the service cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The state file cannot be opened.
    #[error("the state file cannot be opened")]
    State(#[from] OpenError),
    /// It cannot be read or written.
    #[error("the state file cannot be read")]
    Books(#[from] StoreError),
}

impl Service {
    /// Opens the state file, and takes up what the last process left under way. The databases are
    /// opened when they are first needed.
    pub async fn open(settings: Settings) -> Result<Self, ServiceError> {
        let metrics = Metrics::default();
        let databases = Databases::new(settings.places);
        let (state, proxy) = (&settings.state, settings.proxy);
        let board = Board::open(state, databases, proxy, metrics.clone()).await?;
        board.take_up(settings.resume).await?;
        Ok(Self { board, metrics })
    }

    /// The whole service, ready to be served.
    pub fn router(&self) -> Router {
        let routes = OpenApiRouter::new()
            .routes(routes!(runs::start_migration, runs::list_migrations))
            .routes(routes!(runs::show_migration, runs::stop_migration))
            .routes(routes!(validate::handle))
            .routes(routes!(runs::start_reconciliation))
            .routes(routes!(runs::list_reconciliations))
            .routes(routes!(
                runs::show_reconciliation,
                runs::stop_reconciliation
            ))
            .routes(routes!(rows::handle))
            .with_state(self.board.clone());
        let board = self.board.clone();
        App::new("migration-service", routes)
            .measured(|registry| self.metrics.register(registry))
            .complete(move || ready(board.clone()))
            .layer(from_fn(origin::own_pages))
    }

    /// Begins a comparison whenever one is due. Never ends; where another run is under way then,
    /// that one is waited for.
    pub async fn follow(&self, schedule: Schedule, options: ReconciliationOptions) {
        loop {
            let last = self.board.last_comparison().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the state file cannot be read");
                Some(Timestamp::now())
            });
            let now = Timestamp::now();
            let Some(due) = schedule.due(last, now) else {
                return tracing::error!(%schedule, "no comparison will ever be due");
            };
            sleep_until(due).await;
            let begun = loop {
                match self
                    .board
                    .start(Work::Reconciliation(options.clone()))
                    .await
                {
                    Err(StartError::Busy(_)) => self.board.idle().await,
                    other => break other,
                }
            };
            match begun {
                Ok(run) => tracing::info!(run = run.id(), %schedule, "a comparison was due"),
                Err(StartError::Closing) => return,
                Err(error) => {
                    tracing::error!(%error, %schedule, "a comparison that was due cannot begin");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Ends what is under way, so that it goes on at the next start. To be called before the last
    /// requests are waited for: streams of events end with it.
    pub async fn close(&self) {
        self.board.close().await;
    }
}

/// The pause after a comparison could not begin.
const RETRY: std::time::Duration = std::time::Duration::from_mins(1);

async fn ready(board: Board) -> Result<(), ApiError> {
    let books = board.books().ping().await;
    books.map_err(|error| ApiError::unavailable("state file", error))?;
    let databases = board.databases().ping().await;
    databases.map_err(|error| ApiError::unavailable("databases", error))
}
