//! `GET /api/discrepancies`, `/api/failures` and one of either: what the journal knows.

use super::ControlState;
use super::error::{ApiError, ErrorBody, shown};
use crate::findings::{Advice, advise};
use crate::journal::{
    Cursor, Filter, FindingDetail, FindingSummary, Page, Sort, State as Decision,
};
use crate::outcome::Outcome;
use crate::readiness::{NoiseRate, Symptom};
use crate::reconciliation::Checked;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 500;

/// Which findings are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Params {
    /// Of this route only.
    route: Option<String>,
    /// In this state only: `open`, `allowed`, `fixed` or `regressed`.
    #[param(value_type = Option<String>)]
    state: Option<Decision>,
    /// `frequent` (the default) or `recent` first.
    #[param(value_type = Option<String>)]
    sort: Option<Sort>,
    /// At most so many, 1 to 500; 100 when not given.
    limit: Option<u32>,
    /// The `next` of an earlier answer, to go on from there.
    after: Option<String>,
}

impl Params {
    fn filter(self, failures: bool) -> Result<Filter, ApiError> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(ApiError::bad_request(format!(
                "limit is {limit}, not 1 to {MAX_LIMIT}"
            )));
        }
        let after: Option<Cursor> = self
            .after
            .map(|after| after.parse())
            .transpose()
            .map_err(|error| ApiError::bad_request(format!("after: {error}")))?;
        let (route, state) = (self.route, self.state);
        Ok(Filter {
            route,
            state,
            failures,
            sort: self.sort.unwrap_or_default(),
            limit,
            after,
        })
    }
}

/// Discrepancies, grouped by fingerprint.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Discrepancies {
    discrepancies: Vec<DiscrepancyView>,
    /// What to send as `after` for the next page; null on the last one.
    next: Option<String>,
}

/// One of them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct DiscrepancyView {
    #[serde(flatten)]
    finding: FindingSummary,
    /// Whether it is noise; null where its route is no more.
    noise: Option<NoiseRate>,
}

/// Exchanges that could not be compared, grouped by outcome and reason.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Failures {
    failures: Vec<FindingSummary>,
    /// What to send as `after` for the next page; null on the last one.
    next: Option<String>,
}

/// A finding with its samples, and what they have in common.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct FindingView {
    #[serde(flatten)]
    detail: FindingDetail,
    #[serde(flatten)]
    advice: Advice,
    /// Whether it is noise; null for a failure, and where its route is no more.
    noise: Option<NoiseRate>,
    /// What the rows behind it say; null where nobody is asked for rows.
    rows: Option<Checked>,
}

/// Where and how the answers differ.
#[utoipa::path(
    get, path = "/api/discrepancies", params(Params),
    responses((status = 200, body = Discrepancies), (status = 400, body = ErrorBody))
)]
pub(super) async fn list(
    State(state): State<ControlState>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Json<Discrepancies>, ApiError> {
    let Page { findings, next } = state
        .journal
        .reader()
        .findings(&params?.0.filter(false)?)
        .await?;
    Ok(Json(Discrepancies {
        discrepancies: with_noise(&state, findings),
        next: next.map(|next| next.to_string()),
    }))
}

/// Why exchanges could not be compared.
#[utoipa::path(
    get, path = "/api/failures", params(Params),
    responses((status = 200, body = Failures), (status = 400, body = ErrorBody))
)]
pub(super) async fn failures(
    State(state): State<ControlState>,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<Json<Failures>, ApiError> {
    let Page { findings, next } = state
        .journal
        .reader()
        .findings(&params?.0.filter(true)?)
        .await?;
    Ok(Json(Failures {
        failures: findings,
        next: next.map(|next| next.to_string()),
    }))
}

/// Adds to each finding how noisy it is; the evidence of a route is read once.
fn with_noise(state: &ControlState, findings: Vec<FindingSummary>) -> Vec<DiscrepancyView> {
    let table = state.routes.table();
    let mut rates: HashMap<String, NoiseRate> = HashMap::new();
    for route in &table.routes {
        let own = findings
            .iter()
            .filter(|finding| *finding.route == *route.name);
        let (ids, symptoms): (Vec<String>, Vec<Symptom>) = own
            .map(|finding| (finding.id.clone(), symptom(finding)))
            .unzip();
        if !ids.is_empty() {
            rates.extend(ids.into_iter().zip(route.evidence.noise(symptoms)));
        }
    }
    let views = findings.into_iter().map(|finding| DiscrepancyView {
        noise: rates.get(&finding.id).copied(),
        finding,
    });
    views.collect()
}

fn symptom(finding: &FindingSummary) -> Symptom {
    Symptom::new(&finding.path, &finding.kind)
}

/// One finding with the exchanges that are its samples: both sides, and the differences.
#[utoipa::path(
    get, path = "/api/discrepancies/{id}",
    params(("id" = String, Path, description = "the fingerprint")),
    responses((status = 200, body = FindingView), (status = 404, body = ErrorBody))
)]
pub(super) async fn one(
    State(state): State<ControlState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<FindingView>, ApiError> {
    let Path(id) = id?;
    let mut view = view(&state, &id).await?;
    view.rows = state.rows_behind(&view.detail, false).await;
    Ok(Json(view))
}

/// The finding `id` with what its samples say.
pub(super) async fn view(state: &ControlState, id: &str) -> Result<FindingView, ApiError> {
    let missing = || {
        let id = shown(id);
        ApiError::not_found(format!("nothing is known under {id:?}; it may be too old"))
    };
    let detail = state
        .journal
        .reader()
        .finding(id)
        .await?
        .ok_or_else(missing)?;
    let route = state.routes.table().route(&detail.finding.route).cloned();
    let compared = detail.finding.outcome == Outcome::Different.as_str();
    let noise = route.as_ref().filter(|_| compared).and_then(|route| {
        let rates = route.evidence.noise([symptom(&detail.finding)]);
        rates.into_iter().next()
    });
    let day = state.routes.table().day;
    // Samples are compared for this, which may take a moment.
    let view = tokio::task::spawn_blocking(move || {
        let advice = route.map(|route| {
            let (global, own) = &*route.declared;
            advise(&detail, global, own, day)
        });
        FindingView {
            detail,
            advice: advice.unwrap_or_default(),
            noise,
            rows: None,
        }
    });
    view.await
        .map_err(|error| ApiError::internal(format!("the samples can't be compared: {error}")))
}
