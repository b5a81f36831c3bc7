//! What the control API reads: findings in pages, and one finding with its samples.

use super::record::Record;
use super::tally::SMALLEST;
use super::{JournalError, store};
use crate::outcome::Outcome;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, SqlitePool};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Which findings are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this route only.
    pub route: Option<String>,
    /// In this state only.
    pub state: Option<State>,
    /// Exchanges that could not be compared, instead of discrepancies.
    pub failures: bool,
    /// The order.
    pub sort: Sort,
    /// At most so many.
    pub limit: u32,
    /// Those after this place in the order.
    pub after: Option<Cursor>,
}

/// What was decided about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing yet.
    Open,
    /// It is meant to be so.
    Allowed,
    /// It was repaired and has not been seen since.
    Fixed,
    /// It was repaired and is back.
    Regressed,
}

impl State {
    /// The word in API and journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Allowed => "allowed",
            Self::Fixed => "fixed",
            Self::Regressed => "regressed",
        }
    }
}

/// The order of a list of findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// What was seen most comes first.
    #[default]
    Frequent,
    /// What was seen last comes first.
    Recent,
}

/// A place in an order of findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    value: i64,
    id: String,
}

/// A text that is no cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no value of `next` from an earlier answer")]
pub struct CursorError(String);

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let parts = text.split_once('-').and_then(|(value, id)| {
            let id = Some(id).filter(|id| is_fingerprint(id))?;
            Some(Self {
                value: value.parse().ok()?,
                id: id.to_owned(),
            })
        });
        parts.ok_or_else(|| CursorError(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.value, self.id)
    }
}

/// Whether `text` has the shape of a finding's id: 16 hex digits.
pub(super) fn is_fingerprint(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A finding without its samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, utoipa::ToSchema)]
pub struct FindingSummary {
    /// The fingerprint.
    pub id: String,
    /// The route.
    pub route: String,
    /// `different` for a discrepancy, else why no comparison was possible.
    pub outcome: String,
    /// Where, array positions as `*`; empty for a failure.
    pub path: String,
    /// The sort of discrepancy, or the reason of the failure.
    pub kind: String,
    /// Exchanges in which it was seen.
    #[sqlx(try_from = "i64")]
    pub count: u64,
    /// When it was first seen.
    #[sqlx(try_from = "i64")]
    #[schema(value_type = String, format = DateTime)]
    pub first_seen: Milliseconds,
    /// When it was last seen.
    #[sqlx(try_from = "i64")]
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: Milliseconds,
    /// `open`, `allowed`, `fixed` or `regressed`.
    pub state: String,
    /// One line about it, with the values of the first time.
    pub explanation: String,
    /// Whether it came as a file from another journal; what traffic shows of it here is counted.
    pub imported: bool,
}

/// The discrepancies of one kind at one general path that a route has to answer for.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct OpenFindings {
    /// The route.
    pub route: String,
    /// Where.
    pub path: String,
    /// The sort of discrepancy.
    pub kind: String,
    /// How many.
    #[sqlx(try_from = "i64")]
    pub count: u64,
}

/// A timestamp, stored in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Milliseconds(pub Timestamp);

impl TryFrom<i64> for Milliseconds {
    type Error = jiff::Error;

    fn try_from(milliseconds: i64) -> Result<Self, jiff::Error> {
        Timestamp::from_millisecond(milliseconds).map(Self)
    }
}

/// Some findings, and where to go on.
#[derive(Clone, Debug)]
pub struct Page {
    /// The findings.
    pub findings: Vec<FindingSummary>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Cursor>,
}

/// A finding with its samples.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FindingDetail {
    /// The finding.
    #[serde(flatten)]
    pub finding: FindingSummary,
    /// Exchanges in which it was seen: the smallest one first, then a fair sample, the latest
    /// first.
    pub samples: Vec<Sample>,
}

/// One exchange in which a finding was seen.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Sample {
    /// Where in this exchange, with array positions.
    pub path: String,
    /// Whether it is the smallest exchange in which the finding was seen.
    pub smallest: bool,
    /// The exchange.
    pub exchange: Record,
}

const COLUMNS: &str = "fingerprint AS id, route, outcome, path, kind, seen AS count, first_seen, \
                       last_seen, state, explanation, imported > 0 AS imported";

/// What a journal has stored, to be read and nothing else.
#[derive(Clone, Debug)]
pub struct Reader(pub(super) SqlitePool);

impl Reader {
    /// Reads a journal's file, whether a proxy writes it or not.
    pub async fn open(path: &Path) -> Result<Self, JournalError> {
        store::open_for_reading(path).await.map(Self)
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }

    /// Findings that fit `filter`. Counts move while pages are turned, so a finding may be seen
    /// twice or be missed between two pages.
    pub async fn findings(&self, filter: &Filter) -> Result<Page, JournalError> {
        let key = match filter.sort {
            Sort::Frequent => "seen",
            Sort::Recent => "last_seen",
        };
        let outcome = if filter.failures {
            "outcome <> ?1"
        } else {
            "outcome = ?1"
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM findings \
             WHERE {outcome} AND (?2 IS NULL OR route = ?2) AND (?3 IS NULL OR state = ?3) \
               AND (?4 IS NULL OR ({key}, fingerprint) < (?4, ?5)) \
             ORDER BY {key} DESC, fingerprint DESC LIMIT ?6"
        );
        // Only the constants above are put together; values are bound.
        let findings: Vec<FindingSummary> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(Outcome::Different.as_str())
            .bind(&filter.route)
            .bind(filter.state.map(State::as_str))
            .bind(filter.after.as_ref().map(|after| after.value))
            .bind(filter.after.as_ref().map(|after| &after.id))
            .bind(filter.limit)
            .fetch_all(&self.0)
            .await?;
        let full = findings.len() == usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let last = findings.last().filter(|_| full);
        let next = last.map(|last| Cursor {
            value: match filter.sort {
                Sort::Frequent => last.count.cast_signed(),
                Sort::Recent => last.last_seen.0.as_millisecond(),
            },
            id: last.id.clone(),
        });
        Ok(Page { findings, next })
    }

    /// The finding with the fingerprint `id`.
    pub async fn finding(&self, id: &str) -> Result<Option<FindingDetail>, JournalError> {
        if !is_fingerprint(id) {
            return Ok(None);
        }
        let sql = format!("SELECT {COLUMNS} FROM findings WHERE fingerprint = ?");
        let finding = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(id)
            .fetch_optional(&self.0)
            .await?;
        let Some(finding) = finding else {
            return Ok(None);
        };
        // The smallest one may have a place in the fair sample too.
        let rows: Vec<(i64, String, bool, String)> = sqlx::query_as(
            "SELECT e.id, s.path, max(s.slot) = ?2 AS smallest, e.document \
             FROM samples s JOIN exchanges e ON e.id = s.exchange \
             WHERE s.fingerprint = ?1 GROUP BY e.id ORDER BY smallest DESC, e.at DESC, e.id DESC",
        )
        .bind(id)
        .bind(SMALLEST)
        .fetch_all(&self.0)
        .await?;
        let samples = rows.into_iter().map(|(id, path, smallest, document)| {
            let exchange = serde_json::from_str(&document)
                .map_err(|source| JournalError::Record { id, source })?;
            Ok(Sample {
                path,
                smallest,
                exchange,
            })
        });
        Ok(Some(FindingDetail {
            finding,
            samples: samples.collect::<Result<_, JournalError>>()?,
        }))
    }

    /// How many discrepancies each route has to answer for, open and regressed ones.
    pub async fn open_discrepancies(&self) -> Result<Vec<OpenFindings>, JournalError> {
        Ok(sqlx::query_as(
            "SELECT route, path, kind, count(*) AS count FROM findings \
             WHERE outcome = ? AND state IN (?, ?) GROUP BY route, path, kind",
        )
        .bind(Outcome::Different.as_str())
        .bind(State::Open.as_str())
        .bind(State::Regressed.as_str())
        .fetch_all(&self.0)
        .await?)
    }

    /// By which basis the findings of a route were last judged.
    pub async fn rechecked(&self, route: &str) -> Result<Option<u64>, JournalError> {
        let basis: Option<i64> = sqlx::query_scalar("SELECT basis FROM rechecks WHERE route = ?")
            .bind(route)
            .fetch_optional(&self.0)
            .await?;
        Ok(basis.map(i64::cast_unsigned))
    }
}
