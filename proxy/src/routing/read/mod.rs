//! From routes.toml as typed to a table that is ready: every value is judged, and every mistake is
//! reported at once with its place.

mod dial;
mod hosts;
mod readiness;
mod routes;
mod takes;
mod upstreams;

use super::client::ClientKey;
use super::table::{MirrorLimits, Route, Table};
use super::upstream::Upstream;
use crate::guard::Limits;
use crate::journal::Settings;
use crate::outcome::Ledger;
use crate::readiness::Thresholds;
use crate::reconciliation::RowService;
use crate::routes::raw::RawFile;
use crate::toml_file::{KeyPath, Mistake, Step, key_path};
use comparator::Rules;
use jiff::civil::Date;
use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use takes::Takes;

/// A time beyond which a limit is surely a typing error.
const LONGEST: Duration = Duration::from_hours(24);

/// Each write that waits takes some memory, wherever its bytes are.
const MOST_WRITES: u32 = 100_000;

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
            day: ledger.clock().today(),
        };
        let table = reader.table(raw, ledger, running);
        match table {
            Some(table) if reader.mistakes.is_empty() => Ok(table),
            _ => Err(reader.mistakes),
        }
    }
}

/// What is known of a file when its routes are read.
struct Settled<'a> {
    file: &'a RawFile,
    upstreams: &'a HashMap<Arc<str>, Arc<Upstream>>,
    /// What is asked of all routes.
    readiness: Thresholds,
    guard: Limits,
    ledger: &'a Ledger,
    takes: Vec<Takes<'a>>,
}

struct Reader {
    mistakes: Vec<Mistake>,
    /// The day on which rules are judged, since they may expire.
    day: Date,
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

    fn row_service(&mut self, raw: &RawFile) -> Option<RowService> {
        let service = raw.reconciliation.as_ref()?.url.parse();
        let refuse = |error| self.refuse(key_path!["reconciliation", "url"], error);
        service.map_err(refuse).ok()
    }

    fn mirror_limits(&mut self, raw: &RawFile) -> MirrorLimits {
        let outbox_writes = raw.mirror.outbox_writes.unwrap_or(10_000);
        if !(1..=MOST_WRITES).contains(&outbox_writes) {
            self.refuse(
                key_path!["mirror", "outbox_writes"],
                format!("`outbox_writes` is {outbox_writes}, expected 1 to {MOST_WRITES}"),
            );
        }
        MirrorLimits {
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
            write_patience: self.duration(
                key_path!["mirror", "write_patience"],
                raw.mirror.write_patience.as_ref(),
                Duration::from_hours(1),
            ),
            outbox_writes: usize::try_from(outbox_writes).unwrap_or(usize::MAX),
            outbox_bytes: self.size(
                key_path!["mirror", "outbox_bytes"],
                raw.mirror.outbox_bytes.as_ref(),
                256 << 20,
            ),
        }
    }

    fn table(&mut self, raw: &RawFile, ledger: &Ledger, running: Option<&Table>) -> Option<Table> {
        let mirror = self.mirror_limits(raw);
        let client = self.text(
            key_path!["client", "key"],
            raw.client.key.as_ref(),
            ClientKey::default(),
        );
        let mut journal = Settings::try_from(&raw.journal)
            .map_err(|errors| {
                for error in errors {
                    let mut at = key_path!["journal", error.key];
                    at.extend(error.index.map(Step::Index));
                    self.refuse(at, error);
                }
            })
            .ok();
        if let Err(errors) = Rules::try_from(&raw.compare) {
            let at = |error| Mistake::of_rule(key_path!["compare"], error);
            self.mistakes.extend(errors.iter().map(at));
        }
        let reconciliation = self.row_service(raw);
        let upstreams = self.upstreams(raw, running);
        let readiness = self.thresholds(
            Thresholds::default(),
            &raw.readiness,
            &key_path!["readiness"],
        );
        let guard = self.guard(Limits::default(), &raw.guard, &key_path!["guard"]);
        let settled = Settled {
            file: raw,
            upstreams: &upstreams,
            readiness,
            guard,
            ledger,
            takes: Takes::of(raw),
        };
        let routes: Vec<Arc<Route>> = raw
            .routes
            .iter()
            .enumerate()
            .filter_map(|(i, route)| self.route(i, route, &settled))
            .map(Arc::new)
            .collect();
        if let Some(settings) = &mut journal {
            let rules = routes.iter().map(|route| route.rules.tokens());
            rules.for_each(|rules| settings.hide_tokens(rules));
        }
        self.groups(raw);
        let choice = raw.choice.as_ref().map(|choice| self.choice(choice));
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
            choice,
            journal: journal?,
            reconciliation,
            day: self.day,
            hosts,
            unrouted: Arc::clone(ledger.unrouted()),
            upstreams,
        })
    }
}

/// Whether a text is a host name or an IPv4 address.
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    host.len() <= 253 && host.split('.').all(label)
}
