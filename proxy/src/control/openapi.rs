//! `GET /api/docs/openapi.json`: the API's description, generated from the handlers.

use super::{
    decide, dials, discrepancies, export, health, hold, ids, import, lanes, metrics, outbox,
    outcomes, preview, readiness, reconciliation, replay, route_edit, routes, rows, stop, unrouted,
};
use axum::Json;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cutover control API",
        description = "What the proxy does, what it found, and the dial of each route."
    ),
    paths(
        routes::list,
        route_edit::edit,
        readiness::one,
        dials::events,
        dials::release,
        stop::stop,
        preview::one,
        outcomes::list,
        discrepancies::list,
        discrepancies::one,
        discrepancies::failures,
        decide::decide,
        replay::one,
        export::one,
        import::one,
        rows::compare,
        reconciliation::list,
        reconciliation::tell,
        ids::status,
        ids::tell,
        ids::check,
        lanes::list,
        lanes::taints,
        lanes::clear,
        outbox::status,
        hold::hold,
        hold::mark,
        outbox::held,
        hold::settle,
        hold::release,
        unrouted::list,
        health::alive,
        health::ready,
        metrics::metrics,
    )
)]
struct Api;

/// The description of the control API.
pub fn document() -> Document {
    Api::openapi()
}

pub(super) async fn json() -> Json<Document> {
    Json(document())
}
