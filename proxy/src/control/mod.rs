//! The control API and the dashboard: what runs, what was found, and the hand on the dial.
//!
//! It has no access control yet, so it is meant for loopback; what a foreign web page could do
//! through an operator's browser is refused in `origin`. Nothing here stands in a request's way:
//! it reads counters and the journal, and edits routes.toml through its one door.

mod body;
mod dashboard;
mod decide;
mod dials;
mod discrepancies;
mod error;
mod export;
mod health;
mod hold;
mod ids;
mod import;
mod lanes;
mod metrics;
mod openapi;
mod origin;
mod outbox;
mod outcomes;
mod preview;
mod readiness;
mod reconciliation;
mod replay;
mod route_edit;
mod routes;
mod rows;
mod stop;
mod unrouted;

pub use health::Health;
pub use openapi::document as openapi;

use crate::exchange::budget::Budget;
use crate::findings;
use crate::guard::Guard;
use crate::ids::Ids;
use crate::journal::Journal;
use crate::lanes::Lanes;
use crate::mirror::Mirror;
use crate::outbox::Outbox;
use crate::outcome::{Ledger, RouteSnapshot};
use crate::reconciliation::Checks;
use crate::routes::LiveRoutes;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, patch, post};
use std::sync::Arc;
use tokio::net::TcpListener;

/// The longest body that the API takes.
const MAX_BODY: usize = 16 << 10;

/// What the handlers see of the proxy.
#[derive(Clone)]
pub struct ControlState {
    /// The routes in use, and the door to edit them.
    pub routes: Arc<LiveRoutes>,
    /// The counts.
    pub ledger: Arc<Ledger>,
    /// The findings.
    pub journal: Journal,
    /// The budget for captures.
    pub budget: Arc<Budget>,
    /// The lanes.
    pub lanes: Arc<Lanes>,
    /// What is known of the two sides' ids.
    pub ids: Arc<Ids>,
    /// The mirrored writes that wait.
    pub outbox: Outbox,
    /// The mirror, to ask both sides again; not where nothing is mirrored.
    pub mirror: Option<Arc<Mirror>>,
    /// The guard of the dials.
    pub guard: Arc<Guard>,
    /// What is known of the rows behind findings.
    pub checks: Arc<Checks>,
    /// What the proxy says of itself.
    pub health: Arc<Health>,
    /// Host names under which the API may be reached, besides loopback and addresses.
    pub hosts: Arc<[String]>,
}

impl ControlState {
    /// The state of a proxy that takes clients, reached under loopback names and addresses.
    pub fn new(
        routes: Arc<LiveRoutes>,
        ledger: Arc<Ledger>,
        journal: Journal,
        budget: Arc<Budget>,
        (lanes, ids): (Arc<Lanes>, Arc<Ids>),
        outbox: Outbox,
        guard: Arc<Guard>,
    ) -> Self {
        Self {
            routes,
            ledger,
            journal,
            budget,
            lanes,
            ids,
            outbox,
            mirror: None,
            guard,
            checks: Arc::default(),
            health: Arc::default(),
            hosts: Arc::new([]),
        }
    }

    /// The counts of the routes in use, and of those that once were. A name that was read from a
    /// refused file has none.
    fn counts(&self) -> Vec<RouteSnapshot> {
        let table = self.routes.table();
        let mut counts = self.ledger.snapshot();
        counts.retain(|route| !route.is_blank() || table.route(&route.name).is_some());
        counts
    }
}

/// Serves the control API on a listener that doesn't block, until the task is dropped.
pub async fn serve(listener: std::net::TcpListener, state: ControlState) {
    let served = async { axum::serve(TcpListener::from_std(listener)?, router(state)).await };
    if let Err(error) = served.await {
        tracing::error!(%error, "the control API has stopped");
    }
}

/// The control API with the dashboard.
pub fn router(state: ControlState) -> Router {
    Router::new()
        .route("/api/routes", get(routes::list))
        .route("/api/routes/{name}", patch(route_edit::edit))
        .route("/api/routes/{name}/readiness", get(readiness::one))
        .route("/api/routes/{name}/hold", delete(dials::release))
        .route("/api/dials", get(dials::events))
        .route("/api/rules/preview", post(preview::one))
        .route("/api/stop", post(stop::stop))
        .route("/api/outcomes", get(outcomes::list))
        .route(
            "/api/discrepancies",
            get(discrepancies::list)
                .merge(post(import::one).layer(DefaultBodyLimit::max(findings::LONGEST))),
        )
        .route(
            "/api/discrepancies/{id}",
            get(discrepancies::one).patch(decide::decide),
        )
        .route("/api/discrepancies/{id}/replay", post(replay::one))
        .route("/api/discrepancies/{id}/export", get(export::one))
        .route("/api/discrepancies/{id}/rows", post(rows::compare))
        .route("/api/failures", get(discrepancies::failures))
        .route(
            "/api/failures/{id}",
            get(discrepancies::one).patch(decide::decide),
        )
        .route(
            "/api/ids",
            get(ids::status)
                .post(ids::tell)
                .layer(DefaultBodyLimit::max(ids::MAX_BODY)),
        )
        .route(
            "/api/ids/check",
            post(ids::check).layer(DefaultBodyLimit::max(ids::MAX_BODY)),
        )
        .route(
            "/api/reconciliation",
            get(reconciliation::list)
                .post(reconciliation::tell)
                .layer(DefaultBodyLimit::max(reconciliation::MAX_BODY)),
        )
        .route("/api/lanes", get(lanes::list))
        .route("/api/lanes/{lane}/taint", delete(lanes::clear))
        .route("/api/taints", get(lanes::taints))
        .route("/api/outbox", get(outbox::status))
        .route("/api/outbox/hold", post(hold::hold))
        .route("/api/outbox/mark", post(hold::mark))
        .route("/api/outbox/held", get(outbox::held))
        .route("/api/outbox/settle", post(hold::settle))
        .route("/api/outbox/release", post(hold::release))
        .route("/api/unrouted", get(unrouted::list))
        .route("/api/docs/openapi.json", get(openapi::json))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .route("/", get(dashboard::page))
        .route("/dashboard/{part}", get(dashboard::part))
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(state.clone(), origin::guard))
        .with_state(state)
}

#[cfg(test)]
mod tests;
