//! `/api/outbox`: mirrored writes that wait, and the hold on them while modern's database is filled.
//!
//! Who fills it begins the hold, copies, takes marks around what it reads, settles the writes whose
//! rows it has brought over, and releases the rest. The API decides nothing of that.

use super::ControlState;
use super::body::Body;
use super::error::{ApiError, ErrorBody};
use crate::outbox::{HeldWrite, HoldError, OutboxStatus, Released, Settled, Verdict};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Held writes that are listed at a time.
const PAGE: usize = 200;

/// Routes that a hold may name, and characters of a reason.
const MOST_ROUTES: usize = 200;
const LONGEST_REASON: usize = 300;

/// The outbox, and where its writes are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct OutboxBody {
    #[serde(flatten)]
    status: OutboxStatus,
    /// Writes that are being delivered to modern this instant.
    delivering: usize,
    /// The last mark before which no write is under way on the primary any more.
    passed: u64,
    /// The hold on what is delivered to modern; null where there is none.
    hold: Option<HoldBody>,
}

/// A hold.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct HoldBody {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// The position at which it began.
    position: u64,
    /// The routes whose writes wait; all where none is named.
    routes: Vec<String>,
    /// Writes that wait.
    writes: usize,
    /// Their bytes.
    bytes: usize,
}

/// What is to be held.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldRequest {
    /// Routes by their names; all where none is named.
    #[serde(default)]
    routes: Vec<String>,
}

/// A mark.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct MarkBody {
    /// A write that begins from now on has a greater position.
    position: u64,
}

/// Which page of the writes that wait.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct HeldQuery {
    /// The number of the last write of the page before.
    after: Option<u64>,
}

/// A write that waits.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct HeldBody {
    /// Its number, which grows in the order in which the primary answered.
    number: u64,
    /// The position at which it began on the primary.
    began: u64,
    /// The route that it came by.
    route: String,
    /// Its lanes.
    lanes: Vec<String>,
    /// The lanes that are tainted if it is lost; none if the primary refused it.
    doubt: Vec<String>,
    /// Whether modern may have done it and would do it once more: it can't be over by its rows.
    tried: bool,
}

/// Which writes are over.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SettleRequest {
    /// Their numbers.
    writes: Vec<u64>,
    /// Why they are lost and taint their lanes; without it, their rows are there. One that was tried
    /// before is lost in any case: modern may have what it did twice.
    lost: Option<String>,
}

/// How a hold ends.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseRequest {
    /// Writes that began up to this position are lost and taint their lanes, whether they wait or
    /// are under way: it is not known whether what was copied has them. Without it, all are
    /// delivered.
    up_to: Option<u64>,
}

/// What waits, and whether it is held.
#[utoipa::path(get, path = "/api/outbox", responses((status = 200, body = OutboxBody)))]
pub(super) async fn status(State(state): State<ControlState>) -> Json<OutboxBody> {
    Json(body(&state))
}

fn body(state: &ControlState) -> OutboxBody {
    let outbox = &state.outbox;
    OutboxBody {
        status: outbox.status(),
        delivering: outbox.delivering(),
        passed: state.lanes.passed(),
        hold: outbox.hold().map(|hold| {
            let (writes, bytes) = outbox.held_count();
            HoldBody {
                since: hold.since,
                position: hold.position,
                routes: hold.routes.clone(),
                writes,
                bytes,
            }
        }),
    }
}

/// Holds what is delivered to modern: writes are stored in their order and wait, over restarts,
/// and reads end as `skipped: held`. A full outbox taints, as ever.
#[utoipa::path(
    post, path = "/api/outbox/hold", request_body = HoldRequest,
    responses(
        (status = 200, body = OutboxBody),
        (status = 404, body = ErrorBody, description = "a route that there is not"),
        (status = 409, body = ErrorBody, description = "other routes are held"),
        (status = 503, body = ErrorBody, description = "the hold can't be stored"),
    )
)]
pub(super) async fn hold(
    State(state): State<ControlState>,
    Body(HoldRequest { mut routes }): Body<HoldRequest>,
) -> Result<Json<OutboxBody>, ApiError> {
    routes.sort();
    routes.dedup();
    if routes.len() > MOST_ROUTES {
        return Err(ApiError::bad_request(format!(
            "{} routes are named, at most {MOST_ROUTES} may be",
            routes.len()
        )));
    }
    let table = state.routes.table();
    if let Some(unknown) = routes.iter().find(|name| table.route(name).is_none()) {
        let message = format!("no route is named {:?}", super::error::shown(unknown));
        return Err(ApiError::not_found(message));
    }
    let begun = state.outbox.begin_hold(routes, || state.lanes.mark()).await;
    let hold = begun.map_err(|error| refused(&error))?;
    tracing::info!(routes = ?hold.routes, since = %hold.since, "mirrored writes to modern are held");
    Ok(Json(body(&state)))
}

/// Takes a mark in the order of what is mirrored; `GET /api/outbox` says when every write is over
/// that began before it.
#[utoipa::path(post, path = "/api/outbox/mark", responses((status = 200, body = MarkBody)))]
pub(super) async fn mark(State(state): State<ControlState>) -> Json<MarkBody> {
    Json(MarkBody {
        position: state.lanes.mark(),
    })
}

/// Writes that wait in the hold, in their order, two hundred at a time.
#[utoipa::path(
    get, path = "/api/outbox/held", params(HeldQuery),
    responses((status = 200, body = Vec<HeldBody>), (status = 400, body = ErrorBody))
)]
pub(super) async fn held(
    State(state): State<ControlState>,
    query: Result<Query<HeldQuery>, QueryRejection>,
) -> Result<Json<Vec<HeldBody>>, ApiError> {
    let Query(HeldQuery { after }) = query?;
    let writes = state.outbox.held(after.unwrap_or(0), PAGE);
    Ok(Json(writes.iter().map(HeldBody::of).collect()))
}

/// Ends writes that wait in the hold, because their rows were brought over or because they are lost.
#[utoipa::path(
    post, path = "/api/outbox/settle", request_body = SettleRequest,
    responses((status = 200, body = Settled), (status = 400, body = ErrorBody))
)]
pub(super) async fn settle(
    State(state): State<ControlState>,
    Body(SettleRequest { writes, lost }): Body<SettleRequest>,
) -> Result<Json<Settled>, ApiError> {
    let verdict = lost.map_or(Verdict::Settled, |why| {
        Verdict::Lost(why.chars().take(LONGEST_REASON).collect())
    });
    Ok(Json(state.outbox.settle(&writes, &verdict)))
}

/// Ends the hold: what waits is delivered, in its order.
#[utoipa::path(
    post, path = "/api/outbox/release", request_body = ReleaseRequest,
    responses(
        (status = 200, body = Released),
        (status = 404, body = ErrorBody, description = "nothing is held"),
        (status = 503, body = ErrorBody, description = "the end can't be stored; it is held on"),
    )
)]
pub(super) async fn release(
    State(state): State<ControlState>,
    Body(ReleaseRequest { up_to }): Body<ReleaseRequest>,
) -> Result<Json<Released>, ApiError> {
    // What has not begun yet can't be in what was copied.
    let up_to = up_to.map(|up_to| up_to.min(state.lanes.mark()));
    let released = state
        .outbox
        .release(up_to)
        .await
        .map_err(|error| refused(&error))?;
    let released = released.ok_or_else(|| ApiError::not_found("nothing is held"))?;
    tracing::info!(
        delivered = released.delivered,
        lost = released.lost,
        "mirrored writes to modern are delivered again"
    );
    Ok(Json(released))
}

fn refused(error: &HoldError) -> ApiError {
    let (status, code) = match error {
        HoldError::Other(_) => (StatusCode::CONFLICT, "conflict"),
        HoldError::Unwritten(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    ApiError::new(status, code, error.to_string())
}

impl HeldBody {
    fn of(write: &HeldWrite) -> Self {
        let names = |lanes: &[crate::lanes::Lane]| lanes.iter().map(ToString::to_string).collect();
        Self {
            number: write.id,
            began: write.began,
            route: write.route.to_string(),
            lanes: names(&write.lanes),
            doubt: names(&write.doubt),
            tried: write.tried,
        }
    }
}
