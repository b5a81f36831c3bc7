//! The routes in use: loaded from the file, swapped whole, edited through one door.

use super::edit::{self, RouteEdit};
use super::{changes, check};
use crate::exchange::budget::Budget;
use crate::outcome::Ledger;
use crate::routing::{Table, Upstream};
use crate::toml_file::{Problem, Problems, read_text};
use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{MutexGuard, broadcast};
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

/// A text in use, and what the file said when it came into use. They are the same but after a stop
/// that the file could not be made to say.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// What the table was made of.
    pub(super) text: Arc<str>,
    /// What was in the file: as long as it says no more than that, nobody has edited it since.
    pub(super) in_file: Arc<str>,
}

impl Document {
    fn of_file(text: &str) -> Self {
        let text: Arc<str> = text.into();
        Self {
            in_file: Arc::clone(&text),
            text,
        }
    }
}

/// The routes in use and the file behind them.
pub struct LiveRoutes {
    path: PathBuf,
    ledger: Arc<Ledger>,
    budget: Arc<Budget>,
    table: ArcSwap<Table>,
    document: Mutex<Document>,
    problems: ArcSwapOption<Problems>,
    /// Held over every change, so that edits and reloads come one after the other.
    pub(super) change: tokio::sync::Mutex<()>,
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
            document: Mutex::new(Document::of_file(&text)),
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
        etag(&self.document().text)
    }

    /// The table in use with a tag for edits of what it says. A reload between the two makes the tag
    /// too old, which an edit is told; too new it never is.
    pub fn tagged(&self) -> (String, Arc<Table>) {
        let tag = self.etag();
        (tag, self.table())
    }

    /// Why the file on disk is refused, when it is.
    pub fn problems(&self) -> Option<Arc<Problems>> {
        self.problems.load_full()
    }

    /// What happens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<RoutesEvent> {
        self.events.subscribe()
    }

    /// While this is held nobody changes the routes; nothing where somebody is about to. Waits for
    /// nothing.
    pub fn unchanging(&self) -> Option<MutexGuard<'_, ()>> {
        self.change.try_lock().ok()
    }

    /// What runs, and what it stands over.
    pub(super) fn document(&self) -> Document {
        self.document.lock().clone()
    }

    /// Whether other routes are in use than those that the file had: it could not be edited when they
    /// were stopped.
    pub fn differ_from_file(&self) -> bool {
        let Document { text, in_file } = self.document();
        text != in_file
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

    /// Edits the text in use, which becomes that of the file.
    pub(super) async fn rewrite(
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
        if *on_disk != *self.document().in_file {
            // Somebody saved the file a moment ago: that comes first.
            let saved = self.follow(&on_disk).await;
            saved.map_err(EditError::FileChanged)?;
        }
        let running = self.document().text;
        let current = etag(&running);
        if let Some(given) = if_match.filter(|given| *given != "*" && *given != current) {
            return Err(EditError::Stale {
                given: given.to_owned(),
                current,
            });
        }
        let text = edit(&running).map_err(|error| {
            let problem = Problem {
                line: 1,
                column: 1,
                message: error.message().to_owned(),
            };
            EditError::Invalid(Problems::new(&self.path, vec![problem]))
        })??;
        if text == on_disk && text == *running {
            return Ok(current);
        }
        check(&self.path, &text, &self.ledger, Some(&self.table())).map_err(EditError::Invalid)?;
        edit::replace(&self.path, &text).map_err(io)?;
        self.follow(&text).await.map_err(EditError::Invalid)?;
        Ok(etag(&text))
    }

    /// Takes a text that was found in the file into use, or refuses it.
    pub(super) async fn reload(&self, text: &str) {
        let _change = self.change.lock().await;
        // An edit may have come between the reading and the lock: then this text is of old.
        if !read_text(&self.path).is_ok_and(|now| now == text) {
            return;
        }
        if *text == *self.document().in_file {
            self.problems.store(None);
            return;
        }
        if let Err(problems) = self.follow(text).await {
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
        if let Err(problems) = self.run(self.document()).await {
            tracing::error!("the running routes are refused on another day:\n{problems}");
        }
    }

    /// Notes that the file can't be used as it is.
    pub(super) fn refuse(&self, problems: Problems) {
        let problems = Arc::new(problems);
        tracing::error!(file = %self.path.display(), "routes refused, the running ones stay:\n{problems}");
        self.problems.store(Some(Arc::clone(&problems)));
        // Nobody may be listening, which is no error.
        let _ = self.events.send(RoutesEvent::Refused(problems));
    }

    /// Takes what the file says into use.
    async fn follow(&self, text: &str) -> Result<(), Problems> {
        self.run(Document::of_file(text)).await?;
        self.problems.store(None);
        Ok(())
    }

    /// Takes a document into use; the file on disk is what it was before.
    pub(super) async fn run(&self, document: Document) -> Result<(), Problems> {
        let old = self.table();
        let table = check(&self.path, &document.text, &self.ledger, Some(&old))?;
        let table = Arc::new(table);
        start_upstreams(&table, Some(&old)).await;
        self.budget.set_limit(table.mirror.max_bytes);
        table.take_up_evidence();
        table.keep_held(&old);
        self.table.store(Arc::clone(&table));
        // The guard may have held one of the old dials meanwhile.
        table.keep_held(&old);
        *self.document.lock() = document;
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
mod tests;
