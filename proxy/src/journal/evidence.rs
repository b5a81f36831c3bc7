//! The evidence of readiness on disk, per route and slice of time.
//!
//! The evidence is the truth while the proxy runs, and is written every two seconds where it has
//! changed. A crash loses what came after; what differed then is a finding all the same.

use crate::outcome::Ledger;
use crate::readiness::{Evidence, StoredSlice};
use jiff::Timestamp;
use sqlx::{SqliteConnection, SqlitePool};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

/// How often evidence is written.
const PACE: Duration = Duration::from_secs(2);

/// What is on disk already: a digest of each document.
pub(super) struct Kept {
    written: HashMap<(Arc<str>, i64), u64>,
    due: Instant,
}

/// A slice that is to be written.
pub(super) struct SliceRow {
    route: Arc<str>,
    evidence: Arc<Evidence>,
    /// Whether nothing more comes to it.
    whole: bool,
    start: i64,
    /// What began before counts no more.
    oldest: i64,
    document: String,
}

impl Kept {
    /// Hands each route of `ledger` the evidence on disk that rests on its present basis.
    pub(super) async fn restore(pool: &SqlitePool, ledger: &Ledger) -> sqlx::Result<Self> {
        for counts in ledger.routes() {
            let Some(evidence) = counts.evidence() else {
                continue;
            };
            let rows: Vec<(i64, String)> = sqlx::query_as(
                "SELECT start, document FROM evidence WHERE route = ? AND basis = ?",
            )
            .bind(counts.name().as_ref())
            .bind(evidence.basis().cast_signed())
            .fetch_all(pool)
            .await?;
            let stored = rows.into_iter().filter_map(|(start, document)| {
                // Without it readiness has less to go by, which is no reason not to start.
                let unread = |error| {
                    tracing::warn!(route = %counts.name(), start, %error, "evidence is unreadable");
                };
                let sums = serde_json::from_str(&document).map_err(unread).ok()?;
                Some(StoredSlice {
                    start,
                    sums,
                    whole: true,
                })
            });
            evidence.restore(stored.collect());
        }
        Ok(Self {
            written: HashMap::new(),
            due: Instant::now(),
        })
    }

    /// What the disk lacks, once it is time to look, or `now` because the journal closes.
    pub(super) fn behind(&mut self, ledger: &Ledger, closing: bool) -> Vec<SliceRow> {
        if Instant::now() < self.due && !closing {
            return Vec::new();
        }
        self.due = Instant::now() + PACE;
        let now = ledger.clock().steady();
        let mut rows = Vec::new();
        for counts in ledger.routes() {
            let Some(evidence) = counts.evidence() else {
                continue;
            };
            evidence.advance(now);
            rows.extend(self.rows(counts.name(), &evidence, now));
        }
        rows
    }

    fn rows<'a>(
        &'a self,
        route: &'a Arc<str>,
        evidence: &'a Arc<Evidence>,
        now: Timestamp,
    ) -> impl Iterator<Item = SliceRow> + 'a {
        let slices = evidence.live_slices().into_iter();
        slices.filter_map(move |StoredSlice { start, sums, whole }| {
            // These types can't fail to be written.
            let document = serde_json::to_string(&sums).ok()?;
            let known = self.written.get(&(Arc::clone(route), start));
            if known == Some(&xxh3_64(document.as_bytes())) {
                if whole {
                    evidence.kept(start);
                }
                return None;
            }
            Some(SliceRow {
                route: Arc::clone(route),
                evidence: Arc::clone(evidence),
                whole,
                start,
                oldest: evidence.oldest(now),
                document,
            })
        })
    }

    /// Notes that `rows` are on disk.
    pub(super) fn wrote(&mut self, rows: Vec<SliceRow>) {
        let oldest = rows.iter().map(|row| row.oldest).min();
        self.written.extend(rows.into_iter().map(|row| {
            if row.whole {
                row.evidence.kept(row.start);
            }
            let digest = xxh3_64(row.document.as_bytes());
            ((row.route, row.start), digest)
        }));
        self.written
            .retain(|(_, start), _| oldest.is_none_or(|oldest| *start >= oldest));
    }
}

impl SliceRow {
    /// Writes the slice, and takes away what it makes worthless.
    pub(super) async fn write(&self, tx: &mut SqliteConnection) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM evidence WHERE route = ? AND (basis <> ? OR start < ?)")
            .bind(self.route.as_ref())
            .bind(self.evidence.basis().cast_signed())
            .bind(self.oldest)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO evidence (route, start, basis, document) VALUES (?, ?, ?, ?) \
             ON CONFLICT DO UPDATE SET basis = excluded.basis, document = excluded.document",
        )
        .bind(self.route.as_ref())
        .bind(self.start)
        .bind(self.evidence.basis().cast_signed())
        .bind(&self.document)
        .execute(&mut *tx)
        .await?;
        Ok(())
    }
}
