//! `POST /api/outbox/hold`, `mark`, `settle` and `release`: the hold on mirrored writes while
//! modern's database is filled.
//!
//! Who fills it begins the hold, copies, takes marks around what it reads, settles the writes whose
//! rows it has brought over, and releases the rest. Each of these calls names the hold in
//! `If-Match`, so that none of two who fill ends what the other needs. The API decides nothing else.

use super::ControlState;
use super::body::Body;
use super::error::{ApiError, ErrorBody, shown};
use super::outbox::OutboxBody;
use crate::outbox::{HoldError, Named, Released, Settled, Verdict};
use axum::Json;
use axum::extract::State;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Routes that a hold may name, and characters of a reason and of a holder.
const MOST_ROUTES: usize = 200;
const LONGEST_REASON: usize = 300;
const LONGEST_HOLDER: usize = 200;

/// What is to be held.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldRequest {
    /// Routes by their names; all where none is named.
    #[serde(default)]
    routes: Vec<String>,
    /// Who holds, for others to read: up to 200 printable characters.
    #[schema(example = "migrate, process 4711")]
    holder: Option<String>,
}

/// A mark.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct MarkBody {
    /// A write that begins from now on has a greater position.
    position: u64,
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

/// Holds what is delivered to modern: writes are stored in their order and wait, over restarts,
/// and reads end as `skipped: held`. A full outbox taints, as ever. The answer comes once the hold
/// is on disk. With the tag of the hold that stands and its holder, or none, nothing changes. Another
/// holder takes it over by that tag, or whichever stands by `If-Match: *`: its former tag names
/// nothing any more.
#[utoipa::path(
    post, path = "/api/outbox/hold", request_body = HoldRequest,
    params(("If-Match" = Option<String>, Header, description = "the tag of the hold to go on with or to take over, or `*` to take over whichever stands")),
    responses(
        (status = 200, body = OutboxBody, headers(("etag" = String, description = "names the hold"))),
        (status = 404, body = ErrorBody, description = "a route that there is not, or a hold that is over"),
        (status = 409, body = ErrorBody, description = "there is a hold, and none was named; or it is for other routes"),
        (status = 412, body = ErrorBody, description = "another hold stands"),
        (status = 503, body = ErrorBody, description = "the hold can't be stored"),
    )
)]
pub(super) async fn hold(
    State(state): State<ControlState>,
    headers: HeaderMap,
    Body(HoldRequest { mut routes, holder }): Body<HoldRequest>,
) -> Result<impl IntoResponse, ApiError> {
    let named = named(&headers)?;
    routes.sort();
    routes.dedup();
    if routes.len() > MOST_ROUTES {
        return Err(ApiError::bad_request(format!(
            "{} routes are named, at most {MOST_ROUTES} may be",
            routes.len()
        )));
    }
    let printable = |name: &String| {
        name.chars().count() <= LONGEST_HOLDER && !name.chars().any(char::is_control)
    };
    if let Some(holder) = holder.as_ref().filter(|holder| !printable(holder)) {
        let holder = shown(holder);
        return Err(ApiError::bad_request(format!(
            "holder {holder:?} is not at most {LONGEST_HOLDER} printable characters"
        )));
    }
    let table = state.routes.table();
    if let Some(unknown) = routes.iter().find(|name| table.route(name).is_none()) {
        let message = format!("no route is named {:?}", shown(unknown));
        return Err(ApiError::not_found(message));
    }
    let lanes = Arc::clone(&state.lanes);
    let begun = state
        .outbox
        .begin_hold(routes, holder, named, move || lanes.mark());
    let hold = begun.await?;
    tracing::info!(position = hold.position, "{hold}");
    let tag = format!("\"{}\"", hold.position);
    Ok(([(ETAG, tag)], Json(OutboxBody::of(&state, Some(hold)))))
}

/// Takes a mark in the order of what is mirrored; `GET /api/outbox` says when every write is over
/// that began before it.
#[utoipa::path(
    post, path = "/api/outbox/mark",
    params(("If-Match" = String, Header, description = "the hold's tag")),
    responses(
        (status = 200, body = MarkBody),
        (status = 404, body = ErrorBody, description = "nothing is held"),
        (status = 412, body = ErrorBody, description = "another hold stands"),
        (status = 428, body = ErrorBody, description = "If-Match is missing"),
    )
)]
pub(super) async fn mark(
    State(state): State<ControlState>,
    headers: HeaderMap,
) -> Result<Json<MarkBody>, ApiError> {
    state.outbox.held_by(required(&state, &headers)?)?;
    Ok(Json(MarkBody {
        position: state.lanes.mark(),
    }))
}

/// Ends writes that wait in the hold, because their rows were brought over or because they are lost.
#[utoipa::path(
    post, path = "/api/outbox/settle", request_body = SettleRequest,
    params(("If-Match" = String, Header, description = "the hold's tag")),
    responses(
        (status = 200, body = Settled),
        (status = 400, body = ErrorBody),
        (status = 404, body = ErrorBody, description = "nothing is held"),
        (status = 412, body = ErrorBody, description = "another hold stands; nothing was settled"),
        (status = 428, body = ErrorBody, description = "If-Match is missing"),
    )
)]
pub(super) async fn settle(
    State(state): State<ControlState>,
    headers: HeaderMap,
    Body(SettleRequest { writes, lost }): Body<SettleRequest>,
) -> Result<Json<Settled>, ApiError> {
    let named = required(&state, &headers)?;
    let verdict = lost.map_or(Verdict::Settled, |why| {
        Verdict::Lost(why.chars().take(LONGEST_REASON).collect())
    });
    Ok(Json(state.outbox.settle(named, &writes, &verdict)?))
}

/// Ends the hold: what waits is delivered, in its order.
#[utoipa::path(
    post, path = "/api/outbox/release", request_body = ReleaseRequest,
    params(("If-Match" = String, Header, description = "the hold's tag, or `*` for whichever stands")),
    responses(
        (status = 200, body = Released),
        (status = 404, body = ErrorBody, description = "nothing is held"),
        (status = 412, body = ErrorBody, description = "another hold stands; it stays"),
        (status = 428, body = ErrorBody, description = "If-Match is missing"),
        (status = 503, body = ErrorBody, description = "the end can't be stored; it is held on"),
    )
)]
pub(super) async fn release(
    State(state): State<ControlState>,
    headers: HeaderMap,
    Body(ReleaseRequest { up_to }): Body<ReleaseRequest>,
) -> Result<Json<Released>, ApiError> {
    let named = required(&state, &headers)?;
    // What has not begun yet can't be in what was copied.
    let up_to = up_to.map(|up_to| up_to.min(state.lanes.mark()));
    let released = state.outbox.release(named, up_to).await?;
    tracing::info!(
        delivered = released.delivered,
        lost = released.lost,
        "mirrored writes to modern are delivered again"
    );
    Ok(Json(released))
}

/// The hold that `If-Match` names, if it names one.
fn named(headers: &HeaderMap) -> Result<Option<Named>, ApiError> {
    let Some(value) = headers.get(IF_MATCH) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    let named = match text.trim() {
        "*" => Some(Named::Any),
        tag => {
            let tag = tag
                .strip_prefix('"')
                .and_then(|tag| tag.strip_suffix('"'))
                .and_then(|tag| tag.parse().ok());
            tag.map(Named::At)
        }
    };
    let named = named.ok_or_else(|| {
        let message = format!(
            "If-Match is {:?}: neither the tag of a hold, in quotes, nor *",
            shown(&text)
        );
        ApiError::bad_request(message)
    })?;
    Ok(Some(named))
}

/// The same where one has to be named.
fn required(state: &ControlState, headers: &HeaderMap) -> Result<Named, ApiError> {
    named(headers)?.ok_or_else(|| {
        let stands = state
            .outbox
            .hold()
            .map_or_else(|| HoldError::Nothing.to_string(), |hold| hold.to_string());
        ApiError::new(
            StatusCode::PRECONDITION_REQUIRED,
            "if_match_required",
            format!("send If-Match with the ETag of the hold that is yours; {stands}"),
        )
    })
}

impl From<HoldError> for ApiError {
    fn from(error: HoldError) -> Self {
        let (status, code) = match error {
            HoldError::Stands(_) | HoldError::OtherRoutes(_) => (StatusCode::CONFLICT, "conflict"),
            HoldError::Another { .. } => (StatusCode::PRECONDITION_FAILED, "stale"),
            HoldError::Nothing => (StatusCode::NOT_FOUND, "not_found"),
            HoldError::Unwritten(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        Self::new(status, code, error.to_string())
    }
}
