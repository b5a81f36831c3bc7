//! One route of a file.

use super::upstreams::CONCURRENCY;
use super::{Reader, Settled};
use crate::lanes::LaneRule;
use crate::readiness::Reads;
use crate::routes::raw::{RawFile, RawRoute};
use crate::routing::gate::RouteShare;
use crate::routing::mode::{Fallback, Mode, Share};
use crate::routing::table::Route;
use crate::routing::template::Template;
use crate::routing::upstream::Upstream;
use crate::side::Side;
use crate::toml_file::{Mistake, key_path};
use comparator::Rules;
use http::Method;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Lanes that a route may declare: each is looked for in every request.
const MOST_LANES: usize = 16;

impl Reader {
    pub(super) fn route(
        &mut self,
        index: usize,
        raw: &RawRoute,
        settled: &Settled<'_>,
    ) -> Option<Route> {
        let Settled {
            file,
            upstreams,
            ledger,
            ..
        } = *settled;
        let before = self.mistakes.len();
        let at = |key: &str| key_path!["routes", index, key];
        if raw.name.is_empty() || raw.name.len() > 100 || raw.name.chars().any(char::is_control) {
            self.refuse(
                at("name"),
                format!("name {:?} is empty, too long or unprintable", raw.name),
            );
        }
        if file.routes[..index]
            .iter()
            .any(|other| other.name == raw.name)
        {
            self.refuse(at("name"), format!("route \"{}\" stands twice", raw.name));
        }
        if raw.modern_share.is_some() && raw.mode != Mode::Shadow {
            let mode = raw.mode.as_str();
            self.refuse(
                at("modern_share"),
                format!(
                    "`modern_share` means something in shadow mode only, and the mode is {mode}"
                ),
            );
        }
        let legacy = self.side(index, raw, Side::Legacy, upstreams);
        let modern = self.side(index, raw, Side::Modern, upstreams);
        let default_timeout = self.duration(
            key_path!["mirror", "timeout"],
            file.mirror.timeout.as_ref(),
            Duration::from_secs(5),
        );
        let methods = self.methods(index, &raw.methods);
        let fallback = self.fallback(index, raw);
        let rules = self.rules(index, raw, file);
        let counts = ledger.route(&raw.name);
        let readiness = self.thresholds(
            settled.readiness,
            &raw.readiness,
            &key_path!["routes", index, "readiness"],
        );
        let guard = self.guard(
            settled.guard,
            &raw.guard,
            &key_path!["routes", index, "guard"],
        );
        let concurrency = self.concurrency(index, raw, file);
        let evidence = self.evidence(index, raw, settled, [legacy.as_ref(), modern.as_ref()]);
        let route = Route {
            name: raw.name.as_str().into(),
            host: raw.host.clone(),
            path: raw.path.clone().unwrap_or_default(),
            methods,
            mode: raw.mode,
            modern_share: self.text(at("modern_share"), raw.modern_share.as_ref(), Share::NONE),
            sample: self.text(at("sample"), raw.sample.as_ref(), Share::ALL),
            noise_sample: self.text(at("noise_sample"), raw.noise_sample.as_ref(), Share::NONE),
            fallback,
            share: Arc::new(RouteShare::new(concurrency)),
            writes: raw.writes,
            lanes: self.lanes(index, raw),
            legacy,
            modern,
            mirror_timeout: self.duration(
                at("mirror_timeout"),
                raw.mirror_timeout.as_ref(),
                default_timeout,
            ),
            rule_hits: rules
                .iter()
                .flat_map(Rules::all)
                .map(|rule| counts.rule_hits(&rule.name))
                .collect(),
            rules: rules?,
            declared: Arc::new((file.compare.clone(), raw.compare.clone())),
            counts,
            readiness,
            reads: Reads {
                tables: raw
                    .readiness
                    .tables
                    .clone()
                    .or_else(|| file.readiness.tables.clone()),
                compared: file.reconciliation.is_some(),
            },
            guard,
            dial: ledger.dial(raw.group.as_ref().unwrap_or(&raw.name)),
            stages: self.stages(index, raw),
            evidence,
        };
        (self.mistakes.len() == before).then_some(route)
    }

    /// The upstream of a side, which the mode may need.
    fn side(
        &mut self,
        index: usize,
        raw: &RawRoute,
        side: Side,
        upstreams: &HashMap<Arc<str>, Arc<Upstream>>,
    ) -> Option<Arc<Upstream>> {
        let (named, idle_in) = match side {
            Side::Legacy => (raw.legacy.as_ref(), Mode::Modern),
            Side::Modern => (raw.modern.as_ref(), Mode::Legacy),
        };
        if let Some(name) = named {
            let upstream = upstreams.get(name.as_str()).cloned();
            if upstream.is_none() {
                let at = key_path!["routes", index, side.as_str()];
                self.refuse(at, format!("no upstream is named \"{name}\""));
            }
            return upstream;
        }
        if raw.mode != idle_in {
            let (name, mode) = (&raw.name, raw.mode.as_str());
            self.refuse(
                key_path!["routes", index, "mode"],
                format!("route \"{name}\" in mode {mode} needs `{side}`, the name of an upstream"),
            );
        }
        None
    }

    /// How many of a candidate's places the route may take: not all, unless it is told to.
    fn concurrency(&mut self, index: usize, raw: &RawRoute, file: &RawFile) -> usize {
        let all = file.mirror.concurrency.unwrap_or(CONCURRENCY);
        let most = match raw.mirror_concurrency {
            None => all.saturating_sub(all.div_ceil(4)).max(1),
            Some(own) if (1..=all).contains(&own) => own,
            Some(own) => {
                self.refuse(
                    key_path!["routes", index, "mirror_concurrency"],
                    format!(
                        "`mirror_concurrency` is {own}, expected 1 to {all}, the `concurrency` of \
                         `[mirror]`"
                    ),
                );
                1
            }
        };
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    fn fallback(&mut self, index: usize, raw: &RawRoute) -> Fallback {
        if raw.fallback && raw.legacy.is_none() {
            self.refuse(
                key_path!["routes", index, "fallback"],
                "`fallback` needs `legacy`, the upstream to fall back to".to_owned(),
            );
        }
        match (raw.fallback, raw.fallback_on_5xx) {
            (true, true) => Fallback::On5xx,
            (true, false) => Fallback::OnFailure,
            (false, false) => Fallback::Never,
            (false, true) => {
                self.refuse(
                    key_path!["routes", index, "fallback_on_5xx"],
                    "`fallback_on_5xx` means nothing without `fallback = true`".to_owned(),
                );
                Fallback::Never
            }
        }
    }

    fn methods(&mut self, index: usize, raw: &[String]) -> Vec<Method> {
        let mut methods = Vec::new();
        for (i, name) in raw.iter().enumerate() {
            let at = key_path!["routes", index, "methods", i];
            match Method::from_bytes(name.as_bytes()) {
                Ok(method) if name.bytes().any(|b| b.is_ascii_lowercase()) => {
                    let upper = method.as_str().to_ascii_uppercase();
                    self.refuse(
                        at,
                        format!("method \"{name}\": methods are case-sensitive, write \"{upper}\""),
                    );
                }
                Ok(method) if methods.contains(&method) => {
                    self.refuse(at, format!("method \"{name}\" stands twice"));
                }
                Ok(method) => methods.push(method),
                Err(_) => self.refuse(at, format!("\"{name}\" is no HTTP method")),
            }
        }
        methods
    }

    fn lanes(&mut self, index: usize, raw: &RawRoute) -> Vec<LaneRule> {
        if raw.lanes.len() > MOST_LANES {
            let count = raw.lanes.len();
            self.refuse(
                key_path!["routes", index, "lanes"],
                format!("{count} lanes, expected at most {MOST_LANES}"),
            );
        }
        let path = raw.path.as_deref().unwrap_or_default();
        // Without a path there are no parameters; what is wrong with one is said elsewhere.
        let template = match &raw.path {
            None => Some(Template::default()),
            Some(path) => path.parse().ok(),
        };
        let mut lanes = Vec::new();
        for (i, text) in raw.lanes.iter().enumerate() {
            let at = key_path!["routes", index, "lanes", i];
            match LaneRule::parse(text, path, template.as_ref()) {
                Ok(lane) if lanes.contains(&lane) => {
                    self.refuse(at, format!("lane \"{text}\" stands twice"));
                }
                Ok(lane) => lanes.push(lane),
                Err(error) => self.refuse(at, error),
            }
        }
        lanes
    }

    fn rules(&mut self, index: usize, raw: &RawRoute, file: &RawFile) -> Option<Rules> {
        Rules::layered(&file.compare, &raw.compare, Some(self.day))
            .map_err(|errors| {
                let at = |error| Mistake::of_rule(key_path!["routes", index, "compare"], error);
                self.mistakes.extend(errors.iter().map(at));
            })
            .ok()
    }
}
