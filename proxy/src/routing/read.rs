//! From routes.toml as typed to a table that is ready: every value is judged, and every mistake is
//! reported at once with its place.

use super::client::ClientKey;
use super::mode::{Mode, Share};
use super::table::{Hosts, MirrorLimits, Route, Table};
use super::template::Template;
use super::upstream::{Upstream, UpstreamSpec};
use crate::journal::Settings;
use crate::outcome::Ledger;
use crate::routes::problem::{KeyPath, Mistake, Step, key_path};
use crate::routes::raw::{RawFile, RawRoute, RawUpstream};
use crate::side::Side;
use comparator::{KeySegment, Rules};
use http::{Method, Uri};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// A time beyond which a limit is surely a typing error.
const LONGEST: Duration = Duration::from_hours(24);

impl Table {
    /// Judges a file. Upstreams that `running` has with the same settings are taken over, with
    /// their connections and health.
    pub fn read(
        raw: &RawFile,
        ledger: &Ledger,
        running: Option<&Self>,
    ) -> Result<Self, Vec<Mistake>> {
        let mut reader = Reader {
            mistakes: Vec::new(),
        };
        let table = reader.table(raw, ledger, running);
        match table {
            Some(table) if reader.mistakes.is_empty() => Ok(table),
            _ => Err(reader.mistakes),
        }
    }
}

struct Reader {
    mistakes: Vec<Mistake>,
}

impl Reader {
    fn refuse(&mut self, at: KeyPath, message: impl Display) {
        self.mistakes.push(Mistake::new(at, message.to_string()));
    }

    /// Parses an optional text; a mistake is noted and the default taken, so that reading goes on.
    fn text<T: FromStr<Err: Display>>(
        &mut self,
        at: KeyPath,
        text: Option<&String>,
        default: T,
    ) -> T {
        match text.map(|text| text.parse()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                self.refuse(at, error);
                default
            }
        }
    }

    fn duration(&mut self, at: KeyPath, text: Option<&String>, default: Duration) -> Duration {
        let Some(text) = text else { return default };
        match humantime::parse_duration(text) {
            Ok(value) if !value.is_zero() && value <= LONGEST => return value,
            Ok(_) => self.refuse(at, format!("\"{text}\" is not within 1ns and 24h")),
            Err(_) => self.refuse(
                at,
                format!("\"{text}\" is no duration such as \"500ms\" or \"5s\""),
            ),
        }
        default
    }

    fn size(&mut self, at: KeyPath, text: Option<&String>, default: usize) -> usize {
        let Some(text) = text else { return default };
        match crate::routes::size::parse_size(text) {
            Ok(size) => usize::try_from(size).unwrap_or(usize::MAX),
            Err(error) => {
                self.refuse(at, error);
                default
            }
        }
    }

    fn table(&mut self, raw: &RawFile, ledger: &Ledger, running: Option<&Table>) -> Option<Table> {
        let mirror = MirrorLimits {
            max_bytes: self.size(
                key_path!["mirror", "max_bytes"],
                raw.mirror.max_bytes.as_ref(),
                64 << 20,
            ),
            max_body: self.size(
                key_path!["mirror", "max_body"],
                raw.mirror.max_body.as_ref(),
                1 << 20,
            ),
        };
        let client = self.text(
            key_path!["client", "key"],
            raw.client.key.as_ref(),
            ClientKey::default(),
        );
        let journal = Settings::try_from(&raw.journal)
            .map_err(|errors| {
                for error in errors {
                    let mut at = key_path!["journal", error.key];
                    at.extend(error.index.map(Step::Index));
                    self.refuse(at, error);
                }
            })
            .ok();
        let upstreams = self.upstreams(raw, running);
        let routes: Vec<Arc<Route>> = raw
            .routes
            .iter()
            .enumerate()
            .filter_map(|(i, route)| self.route(i, route, raw, &upstreams, ledger))
            .map(Arc::new)
            .collect();
        let hosts = self.hosts(raw);
        let default = raw.default.as_ref().and_then(|name| {
            let found = routes.iter().find(|route| *route.name == **name).cloned();
            if !raw.routes.iter().any(|route| route.name == *name) {
                self.refuse(
                    key_path!["default"],
                    format!("no route is named \"{name}\""),
                );
            }
            found
        });
        Some(Table {
            routes,
            default,
            mirror,
            client,
            journal: journal?,
            hosts,
            upstreams,
        })
    }

    fn upstreams(
        &mut self,
        raw: &RawFile,
        running: Option<&Table>,
    ) -> HashMap<Arc<str>, Arc<Upstream>> {
        let mut upstreams = HashMap::new();
        for (name, upstream) in &raw.upstreams {
            let spec = self.upstream(name, upstream, raw);
            let kept = running
                .and_then(|table| table.upstreams.get(name.as_str()))
                .filter(|kept| *kept.spec() == spec);
            let upstream = kept
                .cloned()
                .unwrap_or_else(|| Arc::new(Upstream::new(spec)));
            upstreams.insert(Arc::clone(upstream.name()), upstream);
        }
        upstreams
    }

    fn upstream(&mut self, name: &str, raw: &RawUpstream, file: &RawFile) -> UpstreamSpec {
        let at = |key: &str| key_path!["upstreams", name, key];
        if raw.peers.is_empty() {
            self.refuse(at("peers"), format!("upstream \"{name}\" has no peers"));
        }
        for (i, peer) in raw.peers.iter().enumerate() {
            if !is_address(peer) {
                let at = key_path!["upstreams", name, "peers", i];
                self.refuse(
                    at,
                    format!(
                        "\"{peer}\" is no address such as \"10.0.0.7:8080\" or \"orders:3001\""
                    ),
                );
            }
        }
        let host = raw
            .peers
            .first()
            .and_then(|peer| peer.rsplit_once(':'))
            .map(|(host, _)| host);
        let seconds = Duration::from_secs;
        let health_check = raw.health_check.as_ref().map(|check| {
            let at = |key: &str| key_path!["upstreams", name, "health_check", key];
            let interval = self.duration(at("interval"), check.interval.as_ref(), seconds(5));
            if !check.path.starts_with('/') || check.path.parse::<Uri>().is_err() {
                self.refuse(
                    at("path"),
                    format!("\"{}\" is no path such as \"/health\"", check.path),
                );
            }
            (check.path.parse().unwrap_or_default(), interval)
        });
        let positive = |reader: &mut Self, key: &str, value: Option<u32>, default: usize| {
            match value {
                Some(0) => reader.refuse(
                    key_path!["mirror", key],
                    format!("`{key}` is 0, expected at least 1"),
                ),
                Some(value) => return usize::try_from(value).unwrap_or(default),
                None => {}
            }
            default
        };
        UpstreamSpec {
            name: name.into(),
            peers: raw.peers.clone(),
            tls: raw.tls.unwrap_or(false),
            sni: raw
                .sni
                .clone()
                .or_else(|| host.map(str::to_owned))
                .unwrap_or_default(),
            connect_timeout: self.duration(
                at("connect_timeout"),
                raw.connect_timeout.as_ref(),
                seconds(2),
            ),
            read_timeout: self.duration(at("read_timeout"), raw.read_timeout.as_ref(), seconds(60)),
            write_timeout: self.duration(
                at("write_timeout"),
                raw.write_timeout.as_ref(),
                seconds(60),
            ),
            idle_timeout: self.duration(at("idle_timeout"), raw.idle_timeout.as_ref(), seconds(10)),
            health_check,
            mirror_concurrency: positive(self, "concurrency", file.mirror.concurrency, 64),
            mirror_queue: positive(self, "queue", file.mirror.queue, 1024),
        }
    }

    fn route(
        &mut self,
        index: usize,
        raw: &RawRoute,
        file: &RawFile,
        upstreams: &HashMap<Arc<str>, Arc<Upstream>>,
        ledger: &Ledger,
    ) -> Option<Route> {
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
        let side = |reader: &mut Self, side: Side, name: Option<&String>, needed: bool| match name {
            Some(name) => {
                let upstream = upstreams.get(name.as_str()).cloned();
                if upstream.is_none() {
                    reader.refuse(
                        at(side.as_str()),
                        format!("no upstream is named \"{name}\""),
                    );
                }
                upstream
            }
            None => {
                if needed {
                    let (name, mode) = (&raw.name, raw.mode.as_str());
                    reader.refuse(at("mode"), format!("route \"{name}\" in mode {mode} needs `{side}`, the name of an upstream"));
                }
                None
            }
        };
        let legacy = side(
            self,
            Side::Legacy,
            raw.legacy.as_ref(),
            raw.mode != Mode::Modern,
        );
        let modern = side(
            self,
            Side::Modern,
            raw.modern.as_ref(),
            raw.mode != Mode::Legacy,
        );
        let default_timeout = self.duration(
            key_path!["mirror", "timeout"],
            file.mirror.timeout.as_ref(),
            Duration::from_secs(5),
        );
        let methods = self.methods(index, &raw.methods);
        let rules = self.rules(index, raw);
        let route = Route {
            name: raw.name.as_str().into(),
            host: raw.host.clone(),
            path: raw.path.clone().unwrap_or_default(),
            methods,
            mode: raw.mode,
            modern_share: self.text(at("modern_share"), raw.modern_share.as_ref(), Share::NONE),
            sample: self.text(at("sample"), raw.sample.as_ref(), Share::ALL),
            writes: raw.writes,
            legacy,
            modern,
            mirror_timeout: self.duration(
                at("mirror_timeout"),
                raw.mirror_timeout.as_ref(),
                default_timeout,
            ),
            rules: rules?,
            counts: ledger.route(&raw.name),
        };
        (self.mistakes.len() == before).then_some(route)
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

    fn rules(&mut self, index: usize, raw: &RawRoute) -> Option<Rules> {
        Rules::try_from(&raw.compare)
            .map_err(|errors| {
                for error in errors {
                    let mut at = key_path!["routes", index, "compare"];
                    at.extend(error.key.iter().map(|segment| match segment {
                        KeySegment::Key(key) => Step::Key(key.clone()),
                        KeySegment::Index(i) => Step::Index(*i),
                    }));
                    self.refuse(at, error);
                }
            })
            .ok()
    }

    /// The trees of paths; the routes' positions in the file are their positions in the table.
    fn hosts(&mut self, raw: &RawFile) -> Hosts {
        let mut hosts = Hosts::default();
        for (i, route) in raw.routes.iter().enumerate() {
            let Some(path) = &route.path else {
                if raw.default.as_ref() != Some(&route.name) {
                    let message = format!(
                        "route \"{}\" has no `path`, and only the default route may leave it out",
                        route.name
                    );
                    self.refuse(key_path!["routes", i], message);
                }
                continue;
            };
            let template: Template = match path.parse() {
                Ok(template) => template,
                Err(error) => {
                    self.refuse(key_path!["routes", i, "path"], error);
                    continue;
                }
            };
            let methods: Vec<Method> = route
                .methods
                .iter()
                .filter_map(|m| m.parse().ok())
                .collect();
            let tree = match route.host.as_deref() {
                None => &mut hosts.any,
                Some(host) if !is_host(host.strip_prefix("*.").unwrap_or(host)) => {
                    self.refuse(key_path!["routes", i, "host"], format!("\"{host}\" is no host name such as \"shop.example.com\" or \"*.example.com\""));
                    continue;
                }
                Some(host) => match host.strip_prefix('*') {
                    None => hosts.exact.entry(host.to_ascii_lowercase()).or_default(),
                    Some(end) => {
                        let end = end.to_ascii_lowercase();
                        let at = hosts.below.iter().position(|(other, _)| *other == end);
                        let at = at.unwrap_or_else(|| {
                            hosts.below.push((end, super::tree::Tree::default()));
                            hosts.below.len() - 1
                        });
                        &mut hosts.below[at].1
                    }
                },
            };
            if let Err(rival) = tree.insert(&template, &methods, i) {
                let other = &raw.routes[rival].name;
                self.refuse(
                    key_path!["routes", i, "path"],
                    format!(
                        "route \"{}\" takes the same requests as \"{other}\", with the same right",
                        route.name
                    ),
                );
            }
        }
        hosts.below.sort_by_key(|(end, _)| Reverse(end.len()));
        hosts
    }
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let port = port.parse::<u16>().is_ok_and(|port| port > 0);
    port && (text.parse::<std::net::SocketAddr>().is_ok() || is_host(host))
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    host.len() <= 253 && host.split('.').all(label)
}
