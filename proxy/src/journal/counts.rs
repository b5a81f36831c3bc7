//! The ledger's counts on disk, per route and counter.
//!
//! The ledger is the truth while the proxy runs; here is only what has changed since the last
//! write. A write that fails changes nothing, so its counts go with the next one.

use crate::outcome::{Ledger, RouteSnapshot};
use sqlx::{SqliteConnection, SqlitePool};
use std::collections::HashMap;
use std::sync::Arc;

/// A route's counters by their words, in the order of [`RouteSnapshot::counters`].
type Counters = Vec<(&'static str, &'static str, u64)>;

/// What is on disk already.
pub(super) struct Counted {
    routes: HashMap<Arc<str>, Counters>,
}

impl Counted {
    /// Adds the totals on disk to `ledger`, which counts what was still pending as a restart.
    pub(super) async fn restore(pool: &SqlitePool, ledger: &Ledger) -> sqlx::Result<Self> {
        let totals: Vec<(String, String, String, i64)> =
            sqlx::query_as("SELECT route, outcome, reason, n FROM counts")
                .fetch_all(pool)
                .await?;
        let mut kept: HashMap<&str, Vec<(&str, &str, u64)>> = HashMap::new();
        for (route, outcome, reason, n) in &totals {
            let counter = (outcome.as_str(), reason.as_str(), n.cast_unsigned());
            kept.entry(route).or_default().push(counter);
        }
        let mut routes = HashMap::new();
        for (route, counters) in kept {
            let counts = ledger.route(route);
            // What is restored is on disk, but for the endings that the restart itself made.
            let pending = Ledger::default().route(route);
            pending.restore(
                counters
                    .iter()
                    .copied()
                    .filter(|(group, ..)| *group != "eligible"),
            );
            let mut written = pending.snapshot();
            let eligible = counters.iter().filter(|(group, ..)| *group == "eligible");
            written.eligible = eligible.map(|(.., n)| n).sum();
            counts.restore(counters);
            routes.insert(Arc::clone(counts.name()), written.counters());
        }
        Ok(Self { routes })
    }

    /// What `now` has more than the disk.
    pub(super) fn behind(&self, now: Vec<RouteSnapshot>) -> Vec<Change> {
        let changes = now.into_iter().map(|snapshot| Change {
            before: self.routes.get(&snapshot.name).cloned().unwrap_or_default(),
            now: snapshot.counters(),
            route: snapshot.name,
        });
        changes
            .filter(|change| change.more().next().is_some())
            .collect()
    }

    /// Notes that `changes` are on disk.
    pub(super) fn wrote(&mut self, changes: Vec<Change>) {
        self.routes
            .extend(changes.into_iter().map(|change| (change.route, change.now)));
    }
}

/// One route's counts, before and now.
pub(super) struct Change {
    route: Arc<str>,
    before: Counters,
    now: Counters,
}

impl Change {
    /// The counters that grew, and by how much.
    fn more(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        self.now
            .iter()
            .enumerate()
            .filter_map(|(i, (group, word, now))| {
                let before = self.before.get(i).map_or(0, |(.., before)| *before);
                Some((*group, *word, now.saturating_sub(before))).filter(|(.., n)| *n > 0)
            })
    }

    /// Writes the difference.
    pub(super) async fn write(&self, tx: &mut SqliteConnection) -> sqlx::Result<()> {
        for (outcome, reason, n) in self.more() {
            sqlx::query(
                "INSERT INTO counts (route, outcome, reason, n) VALUES (?, ?, ?, ?) \
                 ON CONFLICT DO UPDATE SET n = n + excluded.n",
            )
            .bind(self.route.as_ref())
            .bind(outcome)
            .bind(reason)
            .bind(n.cast_signed())
            .execute(&mut *tx)
            .await?;
        }
        Ok(())
    }
}
