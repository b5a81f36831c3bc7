//! `GET /api/routes`: every route with its dial and its numbers.

use super::ControlState;
use super::error::ApiError;
use super::outcomes::{OutcomeCounts, Sides};
use super::readiness::ReadinessView;
use crate::guard::{Guard, GuardStatus, PlanStatus};
use crate::outcome::RouteSnapshot;
use crate::readiness::{Besides, assess};
use crate::routing::Route;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::ETAG;
use axum::response::IntoResponse;
use comparator::Rule;
use jiff::Timestamp;
use serde::Serialize;

/// A route with its dial and its numbers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct RouteView {
    name: String,
    /// The host as written, or null for any.
    host: Option<String>,
    /// The path template.
    path: String,
    /// The methods; empty means any.
    methods: Vec<String>,
    /// `legacy`, `shadow` or `modern`.
    mode: &'static str,
    /// In shadow mode, the share of clients that modern answers.
    #[schema(example = "5%")]
    modern_share: String,
    /// In shadow mode, the share of requests that are compared.
    #[schema(example = "100%")]
    sample: String,
    /// `skip` or `mirror`.
    #[schema(value_type = String)]
    writes: crate::routing::Writes,
    /// The upstream that is being replaced.
    legacy: Option<String>,
    /// The upstream that replaces it.
    modern: Option<String>,
    /// Requests answered.
    requests: u64,
    served: Sides,
    /// Requests that a side failed to answer, or answered with a 5xx.
    failed: Sides,
    /// Requests that legacy answered because modern, whose turn it was, failed.
    fallbacks: u64,
    /// Requests that were to be compared.
    eligible: u64,
    /// Of these, the ones that have not ended yet.
    pending: u64,
    outcomes: OutcomeCounts,
    /// Requests in shadow mode that sampling passed over.
    unsampled: u64,
    /// Requests in shadow mode whose method isn't mirrored.
    excluded: u64,
    /// The share of compared answers that matched; null before the first comparison.
    match_rate: Option<f64>,
    /// How many of those that differ did so by noise alone; the match rate does without them.
    noise: u64,
    /// Open and regressed discrepancies; null while the journal can't be read.
    discrepancies: Option<u64>,
    /// Whether it may move, and what is in the way.
    readiness: ReadinessView,
    /// The group whose routes move together, or null.
    group: Option<String>,
    /// Whether the guard holds its dial, and why.
    guard: GuardStatus,
    /// How far its dial has climbed by itself; null when it is turned by hand alone.
    plan: Option<PlanStatus>,
    /// What is allowed to differ, those that hold for all routes first.
    rules: Vec<RuleView>,
}

/// A rule with what it hid.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RuleView {
    /// What it says and where.
    #[schema(example = "ignore /data/id")]
    name: String,
    /// `global` or `route`.
    #[schema(value_type = String)]
    scope: comparator::Scope,
    /// Who answers for it; null for a rule in its short form.
    author: Option<String>,
    /// Why it is right.
    reason: Option<String>,
    /// The last day on which it applies, in UTC.
    #[schema(example = "2026-12-31")]
    expires: Option<String>,
    /// Whether that day is over, so that the rule does not apply.
    expired: bool,
    /// Comparisons in which it hid a difference.
    hits: u64,
}

impl RuleView {
    fn new((rule, hits): (&Rule, u64)) -> Self {
        Self {
            name: rule.name.clone(),
            scope: rule.scope,
            author: rule.author.clone(),
            reason: rule.reason.clone(),
            expires: rule.expires.map(|day| day.to_string()),
            expired: rule.expired,
            hits,
        }
    }
}

impl RouteView {
    fn new(route: &Route, besides: &Besides, guard: &Guard, now: Timestamp) -> Self {
        let counts: &RouteSnapshot = &route.counts.snapshot();
        Self {
            name: route.name.to_string(),
            host: route.host.clone(),
            path: route.path.clone(),
            methods: route.methods.iter().map(ToString::to_string).collect(),
            mode: route.mode.as_str(),
            modern_share: route.modern_share.to_string(),
            sample: route.sample.to_string(),
            writes: route.writes,
            legacy: route
                .legacy
                .as_ref()
                .map(|upstream| upstream.name().to_string()),
            modern: route
                .modern
                .as_ref()
                .map(|upstream| upstream.name().to_string()),
            requests: counts.requests(),
            served: Sides {
                legacy: counts.served_legacy,
                modern: counts.served_modern,
            },
            failed: Sides {
                legacy: counts.failed_legacy,
                modern: counts.failed_modern,
            },
            fallbacks: counts.fallbacks,
            eligible: counts.eligible,
            pending: counts.pending(),
            outcomes: OutcomeCounts::new(counts),
            unsampled: counts.unsampled,
            excluded: counts.excluded,
            match_rate: counts.match_rate(),
            noise: counts.noisy(),
            discrepancies: besides.open_findings,
            readiness: assess(route, besides, now).into(),
            group: Some(route.dial.name())
                .filter(|dial| **dial != route.name)
                .map(ToString::to_string),
            guard: guard.status(route.dial.name()),
            plan: guard.plan(route),
            rules: route.rules_with_hits().map(RuleView::new).collect(),
        }
    }
}

/// Every route in the order of the file.
#[utoipa::path(
    get,
    path = "/api/routes",
    responses((status = 200, body = Vec<RouteView>,
        headers(("etag" = String, description = "the running document; a PATCH sends it back"))))
)]
pub(super) async fn list(State(state): State<ControlState>) -> impl IntoResponse {
    let (etag, routes) = views(&state).await;
    ([(ETAG, etag)], Json(routes))
}

/// The route `name`, as the list has it.
pub(super) async fn one(
    state: &ControlState,
    name: &str,
) -> Result<([(HeaderName, String); 1], Json<RouteView>), ApiError> {
    let (etag, routes) = views(state).await;
    let route = routes.into_iter().find(|route| route.name == name);
    let route = route.ok_or_else(|| ApiError::not_found(format!("no route is named {name:?}")))?;
    Ok(([(ETAG, etag)], Json(route)))
}

async fn views(state: &ControlState) -> (String, Vec<RouteView>) {
    let (etag, table) = state.routes.tagged();
    // The routes and their counts don't depend on the journal, so its failure hides only its part.
    let around = state.around().await;
    let now = state.ledger.clock().steady();
    let routes = table
        .routes
        .iter()
        .map(|route| RouteView::new(route, &around.besides(route), &state.guard, now));
    (etag, routes.collect())
}
