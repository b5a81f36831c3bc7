//! `GET /api/outbox` and `/api/outbox/held`: mirrored writes that wait, and the hold on them. Who
//! begins and ends one asks `hold`.

use super::ControlState;
use super::error::{ApiError, ErrorBody};
use crate::outbox::{Held, HeldWrite, OutboxStatus};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Held writes that are listed at a time.
const PAGE: usize = 200;

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
    /// The position at which it began or was taken over.
    position: u64,
    /// Names it: in quotes, the `ETag` that changes of it take as `If-Match`.
    tag: String,
    /// Who has it, as they call themselves; null where they did not say.
    holder: Option<String>,
    /// The routes whose writes wait; all where none is named.
    routes: Vec<String>,
    /// Writes that wait.
    writes: usize,
    /// Their bytes.
    bytes: usize,
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

/// What waits, and whether it is held.
#[utoipa::path(get, path = "/api/outbox", responses((status = 200, body = OutboxBody)))]
pub(super) async fn status(State(state): State<ControlState>) -> Json<OutboxBody> {
    Json(OutboxBody::of(&state, state.outbox.hold()))
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

impl OutboxBody {
    pub(super) fn of(state: &ControlState, hold: Option<Arc<Held>>) -> Self {
        let outbox = &state.outbox;
        let (writes, bytes) = outbox.held_count();
        Self {
            status: outbox.status(),
            delivering: outbox.delivering(),
            passed: state.lanes.passed(),
            hold: hold.map(|hold| HoldBody {
                since: hold.since,
                position: hold.position,
                tag: hold.position.to_string(),
                holder: hold.holder.clone(),
                routes: hold.routes.clone(),
                writes,
                bytes,
            }),
        }
    }
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
