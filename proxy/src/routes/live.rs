//! The routes in use: loaded from the file, swapped whole, edited through one door.

use super::edit::{self, RouteEdit};
use super::{changes, check};
use crate::exchange::budget::Budget;
use crate::outcome::Ledger;
use crate::routing::{Mode, Table, Upstream};
use crate::toml_file::{Problem, Problems, read_text};
use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use xxhash_rust::xxh3::xxh3_128;

/// Something that happened to the routes.
#[derive(Clone, Debug)]
pub enum RoutesEvent {
    /// A new table is in use; a line for each route that changed.
    Loaded(Arc<Vec<String>>),
    /// The file on disk is refused; the table stays.
    Refused(Arc<Problems>),
}

/// Why the file could not be loaded at start.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("cannot read {}: {error}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is wrong.
    #[error(transparent)]
    Invalid(#[from] Problems),
}

/// Why an edit was refused; the file and the table are as before.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// There is no such route.
    #[error("no route is named \"{0}\"")]
    NoSuchRoute(String),
    /// The document is no longer the one that the edit was made for.
    #[error("the routes have changed since {given}: they are {current} now")]
    Stale {
        /// What the edit was made for.
        given: String,
        /// What runs now.
        current: String,
    },
    /// The edited file would be wrong.
    #[error(transparent)]
    Invalid(Problems),
    /// The file on disk is wrong, so that an edit would mix with somebody's unfinished work.
    #[error("the file on disk is refused, mend it first:\n{0}")]
    FileChanged(Problems),
    /// The file can't be read or written.
    #[error("cannot write {}: {error}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// What a stop did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The routes that were elsewhere and are at legacy now.
    pub moved: Vec<String>,
    /// Why the file still says otherwise, where it does.
    pub not_in_file: Option<String>,
}

/// The routes in use and the file behind them.
pub struct LiveRoutes {
    path: PathBuf,
    ledger: Arc<Ledger>,
    budget: Arc<Budget>,
    table: ArcSwap<Table>,
    /// The text that the table was made of.
    text: Mutex<Arc<str>>,
    problems: ArcSwapOption<Problems>,
    /// Held over every change, so that edits and reloads come one after the other.
    change: tokio::sync::Mutex<()>,
    events: broadcast::Sender<RoutesEvent>,
}

impl LiveRoutes {
    /// Loads the file for the first time.
    pub async fn load(
        path: &Path,
        ledger: Arc<Ledger>,
        budget: Arc<Budget>,
    ) -> Result<Arc<Self>, LoadError> {
        let text = read_text(path).map_err(|error| LoadError::Io {
            file: path.to_owned(),
            error,
        })?;
        let table = Arc::new(check(path, &text, &ledger, None)?);
        start_upstreams(&table, None).await;
        budget.set_limit(table.mirror.max_bytes);
        table.take_up_evidence();
        Ok(Arc::new(Self {
            path: path.to_owned(),
            ledger,
            budget,
            table: ArcSwap::new(table),
            text: Mutex::new(text.into()),
            problems: ArcSwapOption::empty(),
            change: tokio::sync::Mutex::new(()),
            events: broadcast::channel(64).0,
        }))
    }

    /// The table in use; wait-free.
    pub fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The counts and dials of the routes, which outlive tables.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// The tag of the running document, quoted.
    pub fn etag(&self) -> String {
        etag(&self.text())
    }

    /// Why the file on disk is refused, when it is.
    pub fn problems(&self) -> Option<Arc<Problems>> {
        self.problems.load_full()
    }

    /// What happens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<RoutesEvent> {
        self.events.subscribe()
    }

    /// The text that runs.
    pub(super) fn text(&self) -> Arc<str> {
        Arc::clone(&self.text.lock())
    }

    /// Changes one route, and where the dial is concerned its group, as an operator would in the
    /// file. With `if_match`, only if the running
    /// document is that one. Answers the new tag; the new table is in use by then.
    pub async fn edit(
        &self,
        name: &str,
        edit: &RouteEdit,
        if_match: Option<&str>,
    ) -> Result<String, EditError> {
        self.rewrite(if_match, |text| {
            let edited = edit::turn(text, edit, name);
            edited.map(|text| text.ok_or_else(|| EditError::NoSuchRoute(name.to_owned())))
        })
        .await
    }

    /// Puts every route that has a legacy side to legacy at once. That must not fail when it is
    /// needed most: where the file can't be edited, because it is refused or can't be written, the
    /// routes in use are changed all the same, and the answer says that the file was not.
    pub async fn stop(&self) -> Stopped {
        let table = self.table();
        let moved: Vec<String> = table
            .routes
            .iter()
            .filter(|route| route.mode != Mode::Legacy && route.legacy.is_some())
            .map(|route| route.name.to_string())
            .collect();
        let to_legacy = RouteEdit {
            mode: Some(Mode::Legacy),
            ..RouteEdit::default()
        };
        let pick = |route: &str| moved.iter().any(|name| name == route);
        let mut not_in_file = None;
        if !moved.is_empty() {
            let edited = self
                .rewrite(None, |text| {
                    let edited = edit::apply(text, &to_legacy, pick);
                    edited.map(|text| text.ok_or_else(|| EditError::NoSuchRoute(moved.join(", "))))
                })
                .await;
            if let Err(error) = edited {
                not_in_file = Some(error.to_string());
                self.stop_in_memory(&to_legacy, pick).await;
            }
        }
        Stopped { moved, not_in_file }
    }

    async fn stop_in_memory(&self, to_legacy: &RouteEdit, pick: impl Fn(&str) -> bool) {
        let _change = self.change.lock().await;
        let problems = self.problems();
        let running = self.text();
        if let Ok(Some(text)) = edit::apply(&running, to_legacy, pick) {
            if let Err(problems) = self.apply(&text).await {
                tracing::error!("cannot stop:\n{problems}");
            }
            // The file on disk is what it was before.
            self.problems.store(problems);
        }
    }

    async fn rewrite(
        &self,
        if_match: Option<&str>,
        edit: impl FnOnce(&str) -> Result<Result<String, EditError>, toml_edit::TomlError>,
    ) -> Result<String, EditError> {
        let _change = self.change.lock().await;
        let io = |error| EditError::Io {
            file: self.path.clone(),
            error,
        };
        let on_disk = read_text(&self.path).map_err(io)?;
        if *on_disk != *self.text() {
            // Somebody saved the file a moment ago: that comes first.
            self.apply(&on_disk).await.map_err(EditError::FileChanged)?;
        }
        let current = self.etag();
        if let Some(given) = if_match.filter(|given| *given != "*" && *given != current) {
            return Err(EditError::Stale {
                given: given.to_owned(),
                current,
            });
        }
        let text = edit(&on_disk).map_err(|error| {
            let problem = Problem {
                line: 1,
                column: 1,
                message: error.message().to_owned(),
            };
            EditError::Invalid(Problems::new(&self.path, vec![problem]))
        })??;
        check(&self.path, &text, &self.ledger, Some(&self.table())).map_err(EditError::Invalid)?;
        edit::replace(&self.path, &text).map_err(io)?;
        self.apply(&text).await.map_err(EditError::Invalid)?;
        Ok(etag(&text))
    }

    /// Takes a text that was found in the file into use, or refuses it.
    pub(super) async fn reload(&self, text: &str) {
        let _change = self.change.lock().await;
        // An edit may have come between the reading and the lock: then this text is of old.
        if !read_text(&self.path).is_ok_and(|now| now == text) {
            return;
        }
        if *text == *self.text() {
            self.problems.store(None);
            return;
        }
        if let Err(problems) = self.apply(text).await {
            self.refuse(problems);
        }
    }

    /// Makes the table anew if the day is another one than that for which it was made, since rules
    /// expire.
    pub(super) async fn follow_the_day(&self) {
        if self.table().day == self.ledger.clock().today() {
            return;
        }
        let _change = self.change.lock().await;
        let (problems, text) = (self.problems(), self.text());
        if let Err(problems) = self.apply(&text).await {
            tracing::error!("the running routes are refused on another day:\n{problems}");
        }
        // The file on disk is what it was before.
        self.problems.store(problems);
    }

    /// Notes that the file can't be used as it is.
    pub(super) fn refuse(&self, problems: Problems) {
        let problems = Arc::new(problems);
        tracing::error!(file = %self.path.display(), "routes refused, the running ones stay:\n{problems}");
        self.problems.store(Some(Arc::clone(&problems)));
        // Nobody may be listening, which is no error.
        let _ = self.events.send(RoutesEvent::Refused(problems));
    }

    async fn apply(&self, text: &str) -> Result<(), Problems> {
        let old = self.table();
        let table = Arc::new(check(&self.path, text, &self.ledger, Some(&old))?);
        start_upstreams(&table, Some(&old)).await;
        self.budget.set_limit(table.mirror.max_bytes);
        table.take_up_evidence();
        self.table.store(Arc::clone(&table));
        *self.text.lock() = text.into();
        self.problems.store(None);
        let lines = changes::between(&old, &table);
        tracing::info!(changes = lines.len(), "routes loaded: {}", lines.join("; "));
        let _ = self.events.send(RoutesEvent::Loaded(Arc::new(lines)));
        Ok(())
    }
}

/// Looks up the peers of upstreams that are new, for a bounded time, and keeps them current.
async fn start_upstreams(table: &Table, running: Option<&Table>) {
    let is_new = |upstream: &&Arc<Upstream>| {
        !running.is_some_and(|old| old.upstreams().any(|kept| Arc::ptr_eq(kept, upstream)))
    };
    let mut lookups = tokio::task::JoinSet::new();
    for upstream in table.upstreams().filter(is_new) {
        let upstream = Arc::clone(upstream);
        lookups.spawn(async move {
            upstream.look_up().await;
            tokio::spawn(Upstream::keep_current(Arc::downgrade(&upstream)));
        });
    }
    // A name server that doesn't answer must not hold the new table back; the upstream goes
    // without peers until it does.
    let all = async { while lookups.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_secs(2), all)
        .await
        .is_err()
    {
        tracing::warn!("some peers could not be looked up within 2 s");
        lookups.detach_all();
    }
}

fn etag(text: &str) -> String {
    format!("\"{:032x}\"", xxh3_128(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
[upstreams.legacy]
peers = ["127.0.0.1:9"]
[[routes]]
name = "a"
path = "/a"
mode = "legacy"
legacy = "legacy"
"#;

    #[tokio::test]
    async fn the_table_is_made_anew_when_the_day_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("routes.toml");
        std::fs::write(&path, FILE).unwrap();
        let (ledger, budget) = (Arc::default(), Budget::new(1 << 20));
        let routes = LiveRoutes::load(&path, ledger, budget).await.unwrap();
        let running = routes.table();
        routes.follow_the_day().await;
        assert!(Arc::ptr_eq(&running, &routes.table()), "it is the same day");
        let mut of_old = check(&path, FILE, &routes.ledger, Some(&running)).unwrap();
        of_old.day = of_old.day.yesterday().unwrap();
        routes.table.store(Arc::new(of_old));
        routes.follow_the_day().await;
        assert_eq!(routes.table().day, routes.ledger.clock().today());
    }
}
