//! `GET /api/reconciliation`: what the last comparisons of both databases found; `POST
//! /api/reconciliation`: the migration service tells what one has found.

use super::ControlState;
use super::error::{ApiError, ErrorBody};
use crate::clock::Clock;
use crate::reconciliation::{DataVerdict, TableResult};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Bytes of what a comparison found.
pub(super) const MAX_BODY: usize = 4 << 20;

/// Tables that are told at a time, ids of each, and characters of a name or an id.
const MAX_TABLES: usize = 1000;
const MAX_IDS: usize = 100;
const LONGEST: usize = 256;

/// What a comparison found.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FoundBody {
    /// Table by table, at most a thousand.
    tables: Vec<TableBody>,
}

/// What it found in a table.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct TableBody {
    /// Legacy's table.
    source: String,
    /// Modern's table.
    table: String,
    /// What a row of it is to the lanes.
    entity: Option<String>,
    /// What a row of it belongs to.
    parent: Option<String>,
    /// When its comparison began, in an earlier run where this one went on from there.
    #[schema(value_type = String, format = DateTime)]
    began_at: Timestamp,
    verdict: DataVerdict,
    /// Rows that were compared.
    compared: u64,
    /// Rows that differ, or that one side does not have.
    different: u64,
    /// Rows of which nothing is sure.
    not_verified: u64,
    /// Ids of rows that differ, at most a hundred.
    #[serde(default)]
    ids: Vec<String>,
}

/// What was taken of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct TakenView {
    /// Tables that differ, or of which no later comparison was known.
    taken: u64,
}

/// What the last comparisons found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ReconciliationView {
    /// Table by table.
    tables: Vec<TableResult>,
}

/// What the last comparison of each table found.
#[utoipa::path(
    get, path = "/api/reconciliation",
    responses((status = 200, body = ReconciliationView), (status = 503, body = ErrorBody))
)]
pub(super) async fn list(
    State(state): State<ControlState>,
) -> Result<Json<ReconciliationView>, ApiError> {
    let tables = state.journal.reader().reconciliation().await?;
    Ok(Json(ReconciliationView { tables }))
}

/// Tells what a comparison found. The readiness of the routes that read these tables goes by it.
#[utoipa::path(
    post, path = "/api/reconciliation", request_body = FoundBody,
    responses(
        (status = 200, body = TakenView),
        (status = 400, body = ErrorBody),
        (status = 503, body = ErrorBody, description = "the journal can't be written"),
    )
)]
pub(super) async fn tell(
    State(state): State<ControlState>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<TakenView>, ApiError> {
    let found: FoundBody = serde_json::from_slice(&body?)
        .map_err(|error| ApiError::bad_request(format!("the body: {error}")))?;
    if found.tables.len() > MAX_TABLES {
        let message = format!("{} tables, and {MAX_TABLES} are taken", found.tables.len());
        return Err(ApiError::bad_request(message));
    }
    let tables = found.tables.into_iter();
    let tables: Result<Vec<TableResult>, ApiError> = tables
        .map(|table| table.judged(state.ledger.clock(), |text| state.journal.redacted(text)))
        .collect();
    let taken = state.journal.keep_reconciliation(&tables?).await?;
    Ok(Json(TakenView { taken }))
}

impl TableBody {
    fn judged(
        self,
        clock: &Clock,
        redacted: impl Fn(&str) -> String,
    ) -> Result<TableResult, ApiError> {
        let names = [&self.table, &self.source];
        let entities = [&self.entity, &self.parent].into_iter().flatten();
        let mut texts = names.into_iter().chain(entities).chain(&self.ids);
        let wrong = |text: &&String| {
            text.is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control)
        };
        let wrong = texts.find(wrong).map(|text| super::error::shown(text));
        drop(texts);
        if let Some(text) = wrong {
            let message = format!("{text:?} is empty, too long or unprintable");
            return Err(ApiError::bad_request(message));
        }
        let numbers = [self.compared, self.different, self.not_verified];
        if numbers
            .into_iter()
            .any(|number| i64::try_from(number).is_err())
        {
            let message = format!("table {:?}: a count is too large", self.table);
            return Err(ApiError::bad_request(message));
        }
        // Counts and verdict may contradict each other: the worse of both holds.
        let verdict = match self.verdict {
            DataVerdict::Different => DataVerdict::Different,
            _ if self.different > 0 => DataVerdict::Different,
            DataVerdict::Equal if self.not_verified > 0 => DataVerdict::NotVerified,
            verdict => verdict,
        };
        Ok(TableResult {
            verdict,
            ids: self
                .ids
                .iter()
                .take(MAX_IDS)
                .map(|id| redacted(id))
                .collect(),
            table: self.table,
            source: self.source,
            entity: self.entity,
            parent: self.parent,
            compared: self.compared,
            different: self.different,
            not_verified: self.not_verified,
            began_at: by_steady(clock, self.began_at),
        })
    }
}

/// When it began by the clock that its age is told by, as long ago as it is by the time of day. A clock
/// that runs ahead must not keep a result fresh for longer.
fn by_steady(clock: &Clock, began_at: Timestamp) -> Timestamp {
    let age = clock.now().duration_since(began_at);
    let age = age.max(SignedDuration::ZERO);
    clock.steady().checked_sub(age).unwrap_or(Timestamp::MIN)
}
