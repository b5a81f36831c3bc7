//! Runs over HTTP: begun, listed, shown, watched and stopped. Copies and comparisons are handled
//! alike; the handlers at the end are only their addresses.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, LOCATION};
use http::{HeaderMap, StatusCode};
use kit::ApiError;
use kit::extract::{Body, PathId};
use kit::openapi::{BadRequest, BodyRefused, DatabaseFailed, Refused};
use serde::Serialize;
use utoipa::ToSchema;

use super::board::Board;
use super::events;
use super::options::{MigrationOptions, ReconciliationOptions};
use super::run::{Kind, Run, Summary};
use super::work::Work;

/// Runs, the latest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Runs {
    runs: Vec<Summary>,
}

async fn begin(board: &Board, work: Work) -> Result<Response, ApiError> {
    let kind = work.kind();
    let run = board.start(work).await?;
    let location = format!("{}/{}", kind.path(), run.summary.id);
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], Json(run)).into_response())
}

async fn list(board: &Board, kind: Kind) -> Result<Json<Runs>, ApiError> {
    let runs = board.list(kind).await?;
    Ok(Json(Runs { runs }))
}

async fn show(
    board: Board,
    kind: Kind,
    id: &str,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let run = find(&board, kind, id).await?;
    if accepts(headers, "text/event-stream") {
        return Ok(events::of(board, run).into_response());
    }
    if kind == Kind::Reconciliation && accepts(headers, "text/html") {
        return Ok(super::page::of(&run).into_response());
    }
    Ok(Json(run).into_response())
}

async fn stop(board: &Board, kind: Kind, id: &str) -> Result<Response, ApiError> {
    let number = find(board, kind, id).await?;
    let number = number.summary.id.parse().unwrap_or_default();
    if !board.stop(kind, number).await? {
        return Err(ApiError::conflict(format!(
            "{} {id} has ended already",
            kind.title()
        )));
    }
    let run = find(board, kind, id).await?;
    Ok((StatusCode::ACCEPTED, Json(run)).into_response())
}

async fn find(board: &Board, kind: Kind, id: &str) -> Result<Run, ApiError> {
    let missing = || ApiError::not_found(kind.title(), id);
    // A number has one spelling, so that nothing else names a run.
    let number: i64 = id.parse().map_err(|_| missing())?;
    let run = board.show(kind, number).await?;
    run.filter(|run| run.summary.id == id).ok_or_else(missing)
}

/// Whether a client names a media type; what it prefers among several is not weighed.
fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let accepted = headers.get_all(ACCEPT).iter();
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    let mut types = accepted.flat_map(|value| value.split(','));
    types.any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case(wanted)
    })
}

/// Begins a copy of every row; a run that was cut short before goes on where it stopped.
#[utoipa::path(
    post, path = "/migration/runs", operation_id = "startMigration", tag = "migration",
    request_body = MigrationOptions,
    responses(
        (status = 202, description = "It begins", body = Run,
         headers(("location" = String, description = "Where it is shown"))),
        (status = 400, description = "The options violate rules", body = BadRequest),
        (status = 409, description = "CONFLICT: another run is under way", body = Refused),
        BodyRefused, DatabaseFailed,
        (status = 503, description = "SERVICE_UNAVAILABLE: the service is stopping", body = Refused),
    ),
)]
pub(super) async fn start_migration(
    State(board): State<Board>,
    Body(options): Body<MigrationOptions>,
) -> Result<Response, ApiError> {
    begin(&board, Work::Migration(options)).await
}

/// Lists the copies of rows, the latest first; two hundred are kept.
#[utoipa::path(
    get, path = "/migration/runs", operation_id = "listMigrations", tag = "migration",
    responses((status = 200, description = "The runs", body = Runs), DatabaseFailed),
)]
pub(super) async fn list_migrations(State(board): State<Board>) -> Result<Json<Runs>, ApiError> {
    list(&board, Kind::Migration).await
}

/// Shows a copy: how far each table has come, and what came of it. With `Accept:
/// text/event-stream` the same again and again, as events, until it ends.
#[utoipa::path(
    get, path = "/migration/runs/{id}", operation_id = "showMigration", tag = "migration",
    params(("id" = String, Path, description = "The run's number")),
    responses(
        (status = 200, description = "The run", content((Run = "application/json"), (String = "text/event-stream"))),
        (status = 404, description = "NOT_FOUND", body = Refused),
        DatabaseFailed,
    ),
)]
pub(super) async fn show_migration(
    State(board): State<Board>,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    show(board, Kind::Migration, &id, &headers).await
}

/// Stops a copy. What was copied stays, and a further run goes on from there.
#[utoipa::path(
    delete, path = "/migration/runs/{id}", operation_id = "stopMigration", tag = "migration",
    params(("id" = String, Path, description = "The run's number")),
    responses(
        (status = 202, description = "It stops", body = Run),
        (status = 404, description = "NOT_FOUND", body = Refused),
        (status = 409, description = "CONFLICT: it has ended", body = Refused),
        DatabaseFailed,
    ),
)]
pub(super) async fn stop_migration(
    State(board): State<Board>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    stop(&board, Kind::Migration, &id).await
}

/// Begins a comparison of both databases.
#[utoipa::path(
    post, path = "/reconciliation/run", operation_id = "startReconciliation", tag = "reconciliation",
    request_body = ReconciliationOptions,
    responses(
        (status = 202, description = "It begins", body = Run,
         headers(("location" = String, description = "Where its report is shown"))),
        (status = 400, description = "The options violate rules", body = BadRequest),
        (status = 409, description = "CONFLICT: another run is under way", body = Refused),
        BodyRefused, DatabaseFailed,
        (status = 503, description = "SERVICE_UNAVAILABLE: the service is stopping", body = Refused),
    ),
)]
pub(super) async fn start_reconciliation(
    State(board): State<Board>,
    Body(options): Body<ReconciliationOptions>,
) -> Result<Response, ApiError> {
    begin(&board, Work::Reconciliation(options)).await
}

/// Lists the comparisons, the latest first; two hundred are kept.
#[utoipa::path(
    get, path = "/reconciliation/reports", operation_id = "listReconciliations", tag = "reconciliation",
    responses((status = 200, description = "The comparisons", body = Runs), DatabaseFailed),
)]
pub(super) async fn list_reconciliations(
    State(board): State<Board>,
) -> Result<Json<Runs>, ApiError> {
    list(&board, Kind::Reconciliation).await
}

/// Shows a comparison: how far it has come, and its report. With `Accept: text/html` the report as
/// a page, with `Accept: text/event-stream` its progress as events until it ends. The report holds
/// values of rows that differ: who may read it may read the databases.
#[utoipa::path(
    get, path = "/reconciliation/reports/{id}", operation_id = "showReconciliation",
    tag = "reconciliation",
    params(("id" = String, Path, description = "The comparison's number")),
    responses(
        (status = 200, description = "The comparison", content(
            (Run = "application/json"), (String = "text/html"), (String = "text/event-stream"))),
        (status = 404, description = "NOT_FOUND", body = Refused),
        DatabaseFailed,
    ),
)]
pub(super) async fn show_reconciliation(
    State(board): State<Board>,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    show(board, Kind::Reconciliation, &id, &headers).await
}

/// Stops a comparison.
#[utoipa::path(
    delete, path = "/reconciliation/reports/{id}", operation_id = "stopReconciliation",
    tag = "reconciliation",
    params(("id" = String, Path, description = "The comparison's number")),
    responses(
        (status = 202, description = "It stops", body = Run),
        (status = 404, description = "NOT_FOUND", body = Refused),
        (status = 409, description = "CONFLICT: it has ended", body = Refused),
        DatabaseFailed,
    ),
)]
pub(super) async fn stop_reconciliation(
    State(board): State<Board>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    stop(&board, Kind::Reconciliation, &id).await
}
