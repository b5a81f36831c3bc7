//! `GET /metrics`, in the text format that Prometheus reads (`OpenMetrics`).
//!
//! The counters are the ledger's; they are read when somebody asks and kept nowhere else.

mod out;
mod state;

use super::ControlState;
use super::error::ApiError;
use crate::guard::{GuardStatus, Phase};
use crate::ids::IdsStatus;
use crate::journal::JournalStatus;
use crate::lanes::LanesStatus;
use crate::outbox::OutboxStatus;
use crate::outcome::RouteSnapshot;
use crate::readiness::{Readiness, State as Standing, Verdict};
use crate::routing::{Mode, Table};
use crate::sessions::SessionsStatus;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use out::{Labels, Out};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that can be measured, as Prometheus reads it.
#[utoipa::path(
    get, path = "/metrics",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"))
)]
pub(super) async fn metrics(
    State(state): State<ControlState>,
) -> Result<impl IntoResponse, ApiError> {
    let mut registry = Registry::with_prefix("cutover");
    registry.register_collector(Box::new(Reading {
        routes: state.counts(),
        etag: state.routes.etag(),
        guards: guards(&state),
        table: state.routes.table(),
        refused: state.routes.problems().is_some(),
        journal: state.journal.status(),
        budget_used: state.budget.used(),
        budget_limit: state.budget.limit(),
        readiness: state.readiness().await,
        lanes: state.lanes.status().await,
        outbox: state.outbox.status(),
        held: state.outbox.hold().map(|_| state.outbox.held_count()),
        ids: state.ids.status(),
        sessions: state
            .mirror
            .as_ref()
            .map(|mirror| mirror.sessions().status()),
    }));
    let mut text = String::new();
    encode(&mut text, &registry)
        .map_err(|error| ApiError::internal(format!("metrics can't be written: {error}")))?;
    Ok(([(CONTENT_TYPE, FORMAT)], text))
}

fn guards(state: &ControlState) -> Vec<(String, GuardStatus)> {
    let table = state.routes.table();
    let mut guards: Vec<_> = table
        .routes
        .iter()
        .map(|route| route.dial.name())
        .map(|dial| (dial.to_string(), state.guard.status(dial)))
        .collect();
    guards.sort_by(|(a, _), (b, _)| a.cmp(b));
    guards.dedup_by(|(a, _), (b, _)| a == b);
    guards
}

/// The state of the proxy at one instant.
#[derive(Debug)]
struct Reading {
    routes: Vec<RouteSnapshot>,
    etag: String,
    guards: Vec<(String, GuardStatus)>,
    table: Arc<Table>,
    refused: bool,
    journal: JournalStatus,
    budget_used: usize,
    budget_limit: usize,
    readiness: Vec<Readiness>,
    lanes: Option<LanesStatus>,
    outbox: OutboxStatus,
    /// Writes that wait in a hold and their bytes, while there is one.
    held: Option<(usize, usize)>,
    ids: IdsStatus,
    sessions: Option<SessionsStatus>,
}

impl Collector for Reading {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out(encoder);
        self.requests(&mut out)?;
        self.outcomes(&mut out)?;
        self.dials(&mut out)?;
        self.guard(&mut out)?;
        self.ready(&mut out)?;
        self.lanes(&mut out)?;
        self.outbox(&mut out)?;
        self.ids(&mut out)?;
        self.sessions(&mut out)?;
        self.house(&mut out)
    }
}

impl Reading {
    fn by_route(
        &self,
        value: fn(&RouteSnapshot) -> u64,
    ) -> impl Iterator<Item = (Labels<'_>, u64)> {
        self.routes
            .iter()
            .map(move |route| (vec![("route", &*route.name)], value(route)))
    }

    /// `values` are legacy's and modern's.
    fn by_side(
        &self,
        values: fn(&RouteSnapshot) -> [u64; 2],
    ) -> impl Iterator<Item = (Labels<'_>, u64)> {
        self.routes.iter().flat_map(move |route| {
            let [legacy, modern] = values(route);
            [("legacy", legacy), ("modern", modern)]
                .map(|(side, value)| (vec![("route", &*route.name), ("side", side)], value))
        })
    }

    fn requests(&self, out: &mut Out<'_>) -> fmt::Result {
        out.counters(
            "requests",
            "Requests answered, by the side that answered",
            self.by_side(|route| [route.served_legacy, route.served_modern]),
        )?;
        out.counters(
            "failures",
            "Requests that a side failed to answer, or with a 5xx",
            self.by_side(|route| [route.failed_legacy, route.failed_modern]),
        )?;
        out.counters(
            "unsampled",
            "Shadowed requests that sampling passed over",
            self.by_route(|route| route.unsampled),
        )?;
        out.counters(
            "excluded",
            "Shadowed requests whose method isn't mirrored",
            self.by_route(|route| route.excluded),
        )?;
        out.counters(
            "fallbacks",
            "Requests that legacy answered because modern failed",
            self.by_route(|route| route.fallbacks),
        )
    }

    fn outcomes(&self, out: &mut Out<'_>) -> fmt::Result {
        out.counters(
            "eligible",
            "Requests that were to be compared",
            self.by_route(|route| route.eligible),
        )?;
        let outcomes = self.routes.iter().flat_map(|route| {
            route.endings.iter().map(|(ending, n)| {
                let (outcome, reason) = (ending.outcome().as_str(), ending.reason());
                (
                    vec![
                        ("route", &*route.name),
                        ("outcome", outcome),
                        ("reason", reason),
                    ],
                    *n,
                )
            })
        });
        out.counters("outcomes", "What eligible requests ended in", outcomes)?;
        out.gauges(
            "pending",
            "Eligible requests that have not ended yet",
            self.by_route(RouteSnapshot::pending),
        )
    }

    fn dials(&self, out: &mut Out<'_>) -> fmt::Result {
        let modes = self.table.routes.iter().flat_map(|route| {
            [Mode::Legacy, Mode::Shadow, Mode::Modern].map(|mode| {
                let labels = vec![("route", &*route.name), ("mode", mode.as_str())];
                (labels, u64::from(route.mode == mode))
            })
        });
        out.gauges("route_mode", "1 for the mode that a route is in", modes)?;
        let rules = || {
            self.table.routes.iter().flat_map(|route| {
                let rules = route.rules_with_hits();
                rules.map(|(rule, hits)| {
                    let labels = vec![("route", &*route.name), ("rule", rule.name.as_str())];
                    (labels, rule, hits)
                })
            })
        };
        out.counters(
            "rule_hits",
            "Comparisons in which a rule hid a difference",
            rules().map(|(labels, _, hits)| (labels, hits)),
        )?;
        out.gauges(
            "rule_expired",
            "1 for a rule that does not apply any more",
            rules().map(|(labels, rule, _)| (labels, rule.expired.into())),
        )?;
        let document = [(vec![("etag", self.etag.trim_matches('"'))], 1)];
        out.gauges(
            "routes_info",
            "The version of routes.toml that runs",
            document,
        )?;
        out.gauge(
            "routes_refused",
            "1 while routes.toml on disk is refused",
            self.refused.into(),
        )
    }

    fn guard(&self, out: &mut Out<'_>) -> fmt::Result {
        let by_dial = |value: fn(&GuardStatus) -> u64| {
            let guards = self.guards.iter();
            guards.map(move |(dial, guard)| (vec![("dial", dial.as_str())], value(guard)))
        };
        out.counters(
            "guard_trips",
            "How often the guard has turned a dial back",
            by_dial(|guard| guard.hits),
        )?;
        out.gauges(
            "guard_holds",
            "1 while the guard holds a dial at 0 %",
            by_dial(|guard| u64::from(guard.phase != Phase::Watching)),
        )?;
        out.gauges(
            "guard_not_in_file",
            "1 while it does so because routes.toml can't be edited",
            by_dial(|guard| u64::from(guard.not_in_file.is_some())),
        )
    }

    fn ready(&self, out: &mut Out<'_>) -> fmt::Result {
        let verdicts = self.readiness.iter().flat_map(|route| {
            [Verdict::Ready, Verdict::NotReady, Verdict::Unknown].map(|verdict| {
                let labels = vec![("route", &*route.route), ("verdict", verdict.as_str())];
                (labels, u64::from(route.verdict == verdict))
            })
        });
        out.gauges(
            "readiness",
            "1 for the verdict on whether a route may move",
            verdicts,
        )?;
        let green = self.readiness.iter().flat_map(|route| {
            route.criteria.iter().map(|criterion| {
                let labels = vec![("route", &*route.route), ("criterion", criterion.name)];
                (labels, u64::from(criterion.state == Standing::Green))
            })
        });
        out.gauges(
            "readiness_green",
            "1 for a criterion of readiness that holds",
            green,
        )
    }
}
