//! The routing table: routes.toml, judged and ready to use.

use super::choice::Choice;
use super::client::ClientKey;
use super::dial::Dial;
use super::gate::RouteShare;
use super::mode::{Fallback, Mode, Share, Writes};
use super::stages::Stages;
use super::template::normalise;
use super::tree::Tree;
use super::upstream::Upstream;
use crate::guard::Limits;
use crate::journal::Settings;
use crate::lanes::LaneRule;
use crate::outcome::{RouteCounts, Unrouted};
use crate::readiness::{Evidence, Reads, Thresholds};
use crate::reconciliation::RowService;
use crate::side::Side;
use comparator::{Rule, Rules, RulesConfig};
use http::Method;
use jiff::civil::Date;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// One endpoint, ready to use.
#[derive(Debug)]
pub struct Route {
    /// The name in metrics, journal and dashboard.
    pub name: Arc<str>,
    /// The host as written, or any.
    pub host: Option<String>,
    /// The path template as written; empty for a default route without one.
    pub path: String,
    /// The methods; empty means any.
    pub methods: Vec<Method>,
    /// Who answers, and whether the other side is asked too.
    pub mode: Mode,
    /// The share of clients that modern answers in shadow mode.
    pub modern_share: Share,
    /// The share of requests that are compared in shadow mode.
    pub sample: Share,
    /// The share of compared requests for which the primary is asked twice.
    pub noise_sample: Share,
    /// When legacy answers in modern's place.
    pub fallback: Fallback,
    /// How much of a candidate's places for mirrored requests it may take.
    pub share: Arc<RouteShare>,
    /// Whether writes are mirrored.
    pub writes: Writes,
    /// Which entities its requests touch.
    pub lanes: Vec<LaneRule>,
    /// The upstream that is being replaced.
    pub legacy: Option<Arc<Upstream>>,
    /// The upstream that replaces it.
    pub modern: Option<Arc<Upstream>>,
    /// How long a mirrored exchange may take, waiting included.
    pub mirror_timeout: Duration,
    /// When two answers count as equal.
    pub rules: Rules,
    /// The rules as they were written: those for all routes, and the route's own.
    pub declared: Arc<(RulesConfig, RulesConfig)>,
    /// In how many comparisons each of the rules hid something, in their order.
    pub rule_hits: Vec<Arc<AtomicU64>>,
    /// What became of the route's requests; outlives the table.
    pub counts: Arc<RouteCounts>,
    /// What has to hold before the route may move.
    pub readiness: Thresholds,
    /// Which tables it reads.
    pub reads: Reads,
    /// When its dial is turned back.
    pub guard: Limits,
    /// Where the dial may stand at most; outlives the table.
    pub dial: Arc<Dial>,
    /// How far it may rise by itself.
    pub stages: Stages,
    /// What was seen of the route on its present rules and upstreams; outlives the table as long as
    /// these do.
    pub evidence: Arc<Evidence>,
}

impl Route {
    /// The rules, each with the number of comparisons in which it hid something.
    pub fn rules_with_hits(&self) -> impl Iterator<Item = (&Rule, u64)> {
        let hits = self.rule_hits.iter().map(|hits| hits.load(Relaxed));
        self.rules.all().iter().zip(hits)
    }

    /// Counts the rules that hid something in one comparison.
    pub fn count_rule_hits(&self, hits: &[usize]) {
        for counter in hits.iter().filter_map(|hit| self.rule_hits.get(*hit)) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Where its dial stands now: what the file says, unless the dial is held and there is a
    /// legacy side to go back to.
    pub fn stand(&self) -> (Mode, Share) {
        if self.legacy.is_some() {
            self.dial.stand(self.mode, self.modern_share)
        } else {
            (self.mode, self.modern_share)
        }
    }

    /// The upstream of a side. The file is refused when a side that the mode needs is missing.
    pub fn upstream(&self, side: Side) -> Option<&Arc<Upstream>> {
        match side {
            Side::Legacy => self.legacy.as_ref(),
            Side::Modern => self.modern.as_ref(),
        }
    }
}

/// Limits of mirroring, over all routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MirrorLimits {
    /// Bytes that captures may hold together.
    pub max_bytes: usize,
    /// Bytes of one body that are captured.
    pub max_body: usize,
    /// How long it is tried to deliver a write.
    pub write_patience: Duration,
    /// Writes that may wait in the outbox.
    pub outbox_writes: usize,
    /// Bytes that they may hold together.
    pub outbox_bytes: usize,
}

/// A version of routes.toml in use.
#[derive(Debug)]
pub struct Table {
    /// The routes in the order of the file.
    pub routes: Vec<Arc<Route>>,
    /// The route for what no other takes.
    pub default: Option<Arc<Route>>,
    /// Limits of mirroring.
    pub mirror: MirrorLimits,
    /// How a client is recognised.
    pub client: ClientKey,
    /// How operators name a side, if they may.
    pub choice: Option<Choice>,
    /// Who is asked for the rows behind answers.
    pub reconciliation: Option<RowService>,
    /// What the journal keeps.
    pub journal: Settings,
    /// The day for which the table was made: rules that expired before it do not apply.
    pub day: Date,
    pub(super) hosts: Hosts,
    pub(super) unrouted: Arc<Unrouted>,
    pub(super) upstreams: HashMap<Arc<str>, Arc<Upstream>>,
}

/// The day that it is, in UTC.
pub fn today() -> Date {
    jiff::tz::Offset::UTC
        .to_datetime(jiff::Timestamp::now())
        .date()
}

/// The trees of paths, by host.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    pub(super) exact: HashMap<String, Tree<usize>>,
    /// `.example.com` for `*.example.com`; the longest first.
    pub(super) below: Vec<(String, Tree<usize>)>,
    pub(super) any: Tree<usize>,
}

impl Table {
    /// The route of a request: the most specific host first, then the most specific path, then the
    /// default route. What has no route of its own is noted.
    pub fn find(&self, host: Option<&str>, path: &str, method: &Method) -> Option<&Arc<Route>> {
        let own = self.own_route(host, path, method);
        if own.is_none() {
            self.unrouted.note(host, path, method);
        }
        own.or(self.default.as_ref())
    }

    /// Whether a route that is not the default one takes such a request.
    pub fn has_own_route(&self, host: Option<&str>, path: &str, method: &Method) -> bool {
        self.own_route(host, path, method).is_some()
    }

    fn own_route(&self, host: Option<&str>, path: &str, method: &Method) -> Option<&Arc<Route>> {
        let path = normalise(path);
        let named = host.and_then(|host| self.hosts.find(host, &path, method));
        let index = named.or_else(|| self.hosts.any.find(&path, method));
        let found = index.and_then(|i| self.routes.get(i));
        found.filter(|found| !self.default.as_ref().is_some_and(|d| Arc::ptr_eq(d, found)))
    }

    /// Has the ledger follow the evidence of the routes in use.
    pub fn take_up_evidence(&self) {
        for route in &self.routes {
            route.evidence.keep_for(route.readiness.period);
            route.counts.follow(Arc::clone(&route.evidence));
        }
    }

    /// Holds the dials of routes that were held by another dial in `old`, before it is in use; the
    /// guard takes that up.
    pub fn keep_held(&self, old: &Self) {
        for route in &self.routes {
            let before = old.route(&route.name).map(|before| &before.dial);
            let moved = before.filter(|before| before.name() != route.dial.name());
            if let Some(ceiling) = moved.and_then(|before| before.ceiling()) {
                route.dial.hold(ceiling);
            }
        }
    }

    /// The upstreams in use.
    pub fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.upstreams.values()
    }

    /// The route with this name.
    pub fn route(&self, name: &str) -> Option<&Arc<Route>> {
        self.routes.iter().find(|route| &*route.name == name)
    }
}

impl Hosts {
    fn find(&self, host: &str, path: &str, method: &Method) -> Option<usize> {
        if self.exact.is_empty() && self.below.is_empty() {
            return None;
        }
        let host = without_port(host).to_ascii_lowercase();
        let exact = self
            .exact
            .get(&host)
            .and_then(|tree| tree.find(path, method));
        exact.or_else(|| {
            let mut fitting = self
                .below
                .iter()
                .filter(|(end, _)| host.ends_with(end.as_str()));
            fitting.find_map(|(_, tree)| tree.find(path, method))
        })
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => {
            // An IPv6 address stands in brackets, so a colon outside of them ends the name.
            if name.contains(':') && !name.ends_with(']') {
                host
            } else {
                name
            }
        }
        _ => host,
    }
}
