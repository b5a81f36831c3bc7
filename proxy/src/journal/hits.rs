//! In how many comparisons each rule hid something, on disk.
//!
//! As with counts, the ledger is the truth while the proxy runs; what has changed is written, and
//! what the ledger has forgotten goes.

use crate::outcome::Ledger;
use sqlx::{SqliteConnection, SqlitePool};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// What is on disk already.
pub(super) struct Hits {
    written: HashMap<(Arc<str>, String), u64>,
}

/// A rule that hid something since the last write, or was forgotten since.
pub(super) struct RuleRow {
    route: Arc<str>,
    rule: String,
    hits: Option<u64>,
}

impl Hits {
    /// Adds the hits on disk to `ledger`.
    pub(super) async fn restore(pool: &SqlitePool, ledger: &Ledger) -> sqlx::Result<Self> {
        let rows: Vec<(String, String, i64)> =
            sqlx::query_as("SELECT route, rule, n FROM rule_hits")
                .fetch_all(pool)
                .await?;
        let mut written = HashMap::new();
        for (route, rule, n) in rows {
            let (counts, hits) = (ledger.route(&route), n.cast_unsigned());
            let before = counts.rule_hits(&rule).fetch_add(hits, Relaxed);
            written.insert((Arc::clone(counts.name()), rule), before + hits);
        }
        Ok(Self { written })
    }

    /// What the disk lacks.
    pub(super) fn behind(&self, ledger: &Ledger) -> Vec<RuleRow> {
        let mut rows = Vec::new();
        let mut there = HashSet::new();
        for counts in ledger.routes() {
            for (rule, hits) in counts.all_rule_hits() {
                let key = (Arc::clone(counts.name()), rule);
                let written = self.written.get_key_value(&key);
                if written.map_or(0, |(_, written)| *written) != hits {
                    rows.push(RuleRow::new(key, Some(hits)));
                }
                there.extend(written.map(|(key, _)| key));
            }
        }
        let gone = self.written.keys().filter(|key| !there.contains(key));
        rows.extend(gone.map(|key| RuleRow::new(key.clone(), None)));
        rows
    }

    /// Notes that `rows` are on disk.
    pub(super) fn wrote(&mut self, rows: Vec<RuleRow>) {
        for RuleRow { route, rule, hits } in rows {
            match hits {
                Some(hits) => self.written.insert((route, rule), hits),
                None => self.written.remove(&(route, rule)),
            };
        }
    }
}

impl RuleRow {
    fn new((route, rule): (Arc<str>, String), hits: Option<u64>) -> Self {
        Self { route, rule, hits }
    }

    pub(super) async fn write(&self, tx: &mut SqliteConnection, now: i64) -> sqlx::Result<()> {
        let Some(hits) = self.hits else {
            sqlx::query("DELETE FROM rule_hits WHERE route = ? AND rule = ?")
                .bind(self.route.as_ref())
                .bind(&self.rule)
                .execute(tx)
                .await?;
            return Ok(());
        };
        sqlx::query(
            "INSERT INTO rule_hits (route, rule, n, last) VALUES (?, ?, ?, ?) \
             ON CONFLICT DO UPDATE SET n = excluded.n, last = excluded.last",
        )
        .bind(self.route.as_ref())
        .bind(&self.rule)
        .bind(hits.cast_signed())
        .bind(now)
        .execute(&mut *tx)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::store;

    #[tokio::test]
    async fn a_rule_that_the_ledger_has_forgotten_leaves_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("journal.db");
        let pool = store::open_for_writing(&file).await.unwrap();
        let write = async |ledger: &Ledger| {
            let mut hits = Hits::restore(&pool, &Ledger::default()).await.unwrap();
            let rows = hits.behind(ledger);
            let mut connection = pool.acquire().await.unwrap();
            for row in &rows {
                row.write(&mut connection, 0).await.unwrap();
            }
            hits.wrote(rows);
            assert!(hits.behind(ledger).is_empty());
            let left = "SELECT rule, n FROM rule_hits ORDER BY rule";
            let left: Vec<(String, i64)> = sqlx::query_as(left)
                .fetch_all(&mut *connection)
                .await
                .unwrap();
            left
        };
        let ledger = Ledger::default();
        for (rule, n) in [("a", 3), ("b", 4)] {
            ledger.route("r").rule_hits(rule).store(n, Relaxed);
        }
        assert_eq!(write(&ledger).await.len(), 2);
        let forgetful = Ledger::default();
        forgetful.route("r").rule_hits("b").store(5, Relaxed);
        assert_eq!(write(&forgetful).await, [("b".to_owned(), 5)]);
    }
}
