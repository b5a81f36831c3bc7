//! Findings that come as files from another journal.
//!
//! They are no traffic: nothing is counted, no evidence grows, and no sample of this proxy's own
//! gives way to theirs. They pass through this journal's redaction like everything else.

use super::finding::Sighting;
use super::read::Milliseconds;
use super::record::Record;
use super::tally::{IMPORTED, MAX_PER_ROUTE};
use super::{Journal, JournalError, State};
use crate::sqlite::give_back;
use sqlx::{Connection, SqliteConnection};

/// A finding of another journal.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// The route.
    pub route: String,
    /// When it was first and last seen there.
    pub seen: (Milliseconds, Milliseconds),
    /// What is to be known of it here.
    pub state: State,
    /// An exchange that shows it.
    pub exchange: Record,
    /// Which discrepancy of the exchange it is.
    pub which: usize,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// It is stored under this id.
    New(String),
    /// A finding with this id was there, and stays as it is.
    Known(String),
    /// The route has as many findings as are told apart.
    Full,
}

/// What is to be stored of it.
struct News {
    id: String,
    route: String,
    sighting: Sighting,
    seen: (Milliseconds, Milliseconds),
    state: State,
    document: String,
    now: i64,
}

impl Journal {
    /// Stores a finding of another journal, unless it is known.
    pub async fn import(&self, foreign: Foreign) -> Result<Imported, JournalError> {
        let Foreign {
            route,
            seen,
            state,
            exchange,
            which,
        } = foreign;
        let exchange = exchange.again(&self.shared.settings.load().redaction);
        let missing = || sqlx::Error::RowNotFound;
        let found = exchange.discrepancies.get(which).ok_or_else(missing)?;
        let sighting = Sighting::of_discrepancy(&route, found);
        let id = sighting.fingerprint.clone();
        let encode = |source| sqlx::Error::Encode(Box::<serde_json::Error>::new(source));
        let document = serde_json::to_string(&exchange).map_err(encode)?;
        let news = News {
            id,
            route,
            sighting,
            seen,
            state,
            document,
            now: self.shared.clock.now().as_millisecond(),
        };
        let mut connection = self.desk.acquire().await?;
        let done = news.keep(&mut connection).await;
        Ok(give_back(connection, done).await?)
    }
}

impl News {
    /// Stores it, unless it is known; all of it or nothing.
    async fn keep(self, connection: &mut SqliteConnection) -> sqlx::Result<Imported> {
        let Self {
            id,
            route,
            sighting,
            seen,
            state,
            document,
            now,
        } = self;
        // The lock first, so that what is read holds until the end.
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        let (known, route_has): (bool, i64) = sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM findings WHERE fingerprint = ?), \
                    (SELECT count(*) FROM findings WHERE route = ?)",
        )
        .bind(&id)
        .bind(&route)
        .fetch_one(&mut *tx)
        .await?;
        if known {
            return Ok(Imported::Known(id));
        }
        if usize::try_from(route_has).unwrap_or(usize::MAX) >= MAX_PER_ROUTE {
            return Ok(Imported::Full);
        }
        sqlx::query(
            "INSERT INTO findings (fingerprint, route, outcome, path, kind, seen, drawn, \
                 first_seen, last_seen, state, changed, explanation, imported) \
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?7, ?8, ?9, ?10, ?9)",
        )
        .bind(&id)
        .bind(&route)
        .bind(sighting.outcome.as_str())
        .bind(&sighting.path)
        .bind(sighting.kind)
        .bind(seen.0.0.as_millisecond())
        .bind(seen.1.0.as_millisecond())
        .bind(state.as_str())
        .bind(now)
        .bind(&sighting.explanation)
        .execute(&mut *tx)
        .await?;
        // Kept from now on, however old it is.
        let exchange = sqlx::query("INSERT INTO exchanges (at, document) VALUES (?, ?)")
            .bind(now)
            .bind(&document)
            .execute(&mut *tx)
            .await?
            .last_insert_rowid();
        sqlx::query("INSERT INTO samples (fingerprint, slot, exchange, path) VALUES (?, ?, ?, ?)")
            .bind(&id)
            .bind(IMPORTED)
            .bind(exchange)
            .bind(&sighting.at_path)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Imported::New(id))
    }
}
