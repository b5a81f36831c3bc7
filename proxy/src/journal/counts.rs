//! The ledger's counts on disk, per route, ending and minute.
//!
//! The ledger is the truth while the proxy runs; here is only what has changed since the last
//! write. A write that fails changes nothing, so its counts go with the next one.

use crate::outcome::{Ending, Ledger, RouteSnapshot};
use sqlx::{SqliteConnection, SqlitePool};
use std::collections::HashMap;
use std::sync::Arc;

const ELIGIBLE: &str = "eligible";

/// What is on disk already.
pub(super) struct Counted {
    routes: HashMap<Arc<str>, Written>,
}

#[derive(Clone)]
struct Written {
    eligible: u64,
    /// By the ending's position in [`Ending::ALL`].
    endings: Vec<u64>,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            eligible: 0,
            endings: vec![0; Ending::ALL.len()],
        }
    }
}

impl Counted {
    /// Adds the totals on disk to `ledger`, which counts what was still pending as a restart.
    pub(super) async fn restore(pool: &SqlitePool, ledger: &Ledger) -> sqlx::Result<Self> {
        let totals: Vec<(String, String, String, i64)> = sqlx::query_as(
            "SELECT route, outcome, reason, sum(n) FROM counts GROUP BY route, outcome, reason",
        )
        .fetch_all(pool)
        .await?;
        let mut routes: HashMap<Arc<str>, Written> = HashMap::new();
        for (route, outcome, reason, n) in totals {
            let written = routes.entry(route.into()).or_default();
            let n = n.cast_unsigned();
            if outcome == ELIGIBLE {
                written.eligible = n;
            } else if let Some(count) = written.endings.get_mut(ending(&outcome, &reason) as usize)
            {
                *count += n;
            }
        }
        for (name, written) in &routes {
            let endings = Ending::ALL
                .iter()
                .copied()
                .zip(written.endings.iter().copied());
            ledger.route(name).restore(written.eligible, endings);
        }
        Ok(Self { routes })
    }

    /// What `now` has more than the disk.
    pub(super) fn behind(&self, now: Vec<RouteSnapshot>) -> Vec<Change> {
        let none = Written::default();
        let changes = now.into_iter().filter_map(|snapshot| {
            let written = self.routes.get(&snapshot.name).unwrap_or(&none);
            let settled: u64 = written.endings.iter().sum();
            let unchanged = snapshot.eligible == written.eligible && snapshot.settled() == settled;
            (!unchanged).then(|| Change {
                before: written.clone(),
                now: snapshot,
            })
        });
        changes.collect()
    }

    /// Notes that `changes` are on disk.
    pub(super) fn wrote(&mut self, changes: Vec<Change>) {
        for Change { now, .. } in changes {
            let endings = now.endings.iter().map(|(_, n)| *n).collect();
            self.routes.insert(
                now.name,
                Written {
                    eligible: now.eligible,
                    endings,
                },
            );
        }
    }
}

/// One route's counts, before and now.
pub(super) struct Change {
    before: Written,
    now: RouteSnapshot,
}

impl Change {
    /// Writes the difference, under the given minute.
    pub(super) async fn write(&self, tx: &mut SqliteConnection, minute: i64) -> sqlx::Result<()> {
        let endings = self.now.endings.iter().zip(&self.before.endings);
        let endings = endings.map(|((ending, now), before)| {
            (
                ending.outcome().as_str(),
                ending.reason(),
                now.saturating_sub(*before),
            )
        });
        let eligible = self.now.eligible.saturating_sub(self.before.eligible);
        let changed = endings
            .chain([(ELIGIBLE, "", eligible)])
            .filter(|(.., n)| *n > 0);
        for (outcome, reason, n) in changed {
            sqlx::query(
                "INSERT INTO counts (route, minute, outcome, reason, n) VALUES (?, ?, ?, ?, ?) \
                 ON CONFLICT DO UPDATE SET n = n + excluded.n",
            )
            .bind(self.now.name.as_ref())
            .bind(minute)
            .bind(outcome)
            .bind(reason)
            .bind(n.cast_signed())
            .execute(&mut *tx)
            .await?;
        }
        Ok(())
    }
}

/// The ending by its words. One that only another version knows counts as a restart here, so that
/// the sums stay right.
fn ending(outcome: &str, reason: &str) -> Ending {
    let mut all = Ending::ALL.iter().copied();
    all.find(|ending| ending.outcome().as_str() == outcome && ending.reason() == reason)
        .unwrap_or(Ending::Restart)
}
