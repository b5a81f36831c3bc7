//! What became of the entries: one ending each, by route, and where the answers differ.

use super::{Entry, EntryError, Recorded, Sides};
use crate::readiness::GeneralPath;
use crate::routing::Table;
use comparator::{Comparison, Discrepancy, Rules, Verdict, compare, fingerprint};
use http::Uri;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;

/// Rows of the table; what comes beyond is one row.
const MOST_ROWS: usize = 500;
/// Differences that are told apart over all rows.
const MOST_DIFFERENCES: usize = 1000;
/// Problems that are told in words; all are counted.
const MOST_PROBLEMS: usize = 20;
const OTHERS: &str = "(other paths)";
const NO_PATH: &str = "(unreadable)";

/// How an entry ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ended {
    /// Both answers are equal under the rules.
    Matched,
    /// They differ.
    Different,
    /// They can't be compared within the limits.
    Undecodable,
    /// Legacy gave no whole answer.
    LegacyError,
    /// Modern gave no whole answer.
    ModernError,
    /// It would change something, and was not sent.
    Unsafe,
    /// It was recorded of another host, and was not sent.
    OtherHost,
    /// No route takes it, and it was not sent.
    NoRoute,
    /// It can't be repeated.
    Unsendable,
    /// It is no request.
    Unreadable,
    /// Its task was abandoned by a defect; never expected.
    Lost,
}

impl Ended {
    /// The word of it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Different => "different",
            Self::Undecodable => "undecodable",
            Self::LegacyError => "legacy_error",
            Self::ModernError => "modern_error",
            Self::Unsafe => "unsafe",
            Self::OtherHost => "other_host",
            Self::NoRoute => "no_route",
            Self::Unsendable => "unsendable",
            Self::Unreadable => "unreadable",
            Self::Lost => "lost",
        }
    }

    /// Whether it leaves open what was asked; what was left out by choice does not.
    const fn is_untold(self) -> bool {
        !matches!(
            self,
            Self::Matched | Self::Different | Self::Unsafe | Self::OtherHost | Self::NoRoute
        )
    }
}

/// What is asked of each entry.
pub(crate) struct Judge {
    /// Where to.
    pub(crate) sides: Sides,
    /// The routes with their rules; without them, paths are put together by their looks.
    pub(crate) table: Option<Table>,
    /// Whether requests that change something are sent.
    pub(crate) unsafe_too: bool,
    /// The one host whose entries are sent; that of the first entry where it is to be so.
    pub(crate) host: Host,
}

/// Whose entries are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// Anybody's.
    Any,
    /// The first entry's.
    First,
    /// This one's.
    Named(String),
}

/// The counts.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Tally {
    /// All entries.
    pub(crate) entries: u64,
    /// How they ended.
    pub(crate) outcomes: BTreeMap<Ended, u64>,
    /// The same by route.
    pub(crate) routes: BTreeMap<String, BTreeMap<Ended, u64>>,
    /// Where answers differ, the first entry of each kind of difference.
    pub(crate) differences: BTreeMap<String, Difference>,
    /// What else went wrong, as far as it is told.
    pub(crate) problems: Vec<String>,
    /// Whether the file could not be read to its end.
    pub(crate) incomplete: bool,
}

/// One kind of difference.
#[derive(Debug, Serialize)]
pub(crate) struct Difference {
    /// The row.
    pub(crate) route: String,
    /// The entries that have it.
    pub(crate) count: u64,
    /// The first of them.
    pub(crate) entry: u64,
    /// Its method and target.
    pub(crate) request: String,
    /// The difference there.
    #[serde(flatten)]
    pub(crate) found: Discrepancy,
}

/// What became of one entry.
struct Told {
    number: u64,
    row: String,
    ended: Ended,
    request: String,
    found: Vec<Discrepancy>,
    problem: Option<String>,
}

impl Tally {
    /// How many leave open what was asked.
    pub(crate) fn untold(&self) -> u64 {
        let untold = self.outcomes.iter().filter(|(ended, _)| ended.is_untold());
        untold.map(|(_, n)| n).sum()
    }

    /// How many ended so.
    pub(crate) fn count(&self, ended: Ended) -> u64 {
        self.outcomes.get(&ended).copied().unwrap_or(0)
    }

    /// Takes entries until there are no more, so many at a time.
    pub(crate) async fn of(mut entries: Receiver<Entry>, mut judge: Judge, at_once: usize) -> Self {
        let mut tally = Self::default();
        let Some(first) = entries.recv().await else {
            return tally;
        };
        if judge.host == Host::First {
            let host = first.request.as_ref().ok().and_then(|r| r.host.clone());
            judge.host = host.map_or(Host::Any, Host::Named);
        }
        let judge = Arc::new(judge);
        let (mut tasks, mut next) = (JoinSet::new(), Some(first));
        while let Some(entry) = next {
            if tasks.len() >= at_once {
                tally.take(tasks.join_next().await);
            }
            let judge = Arc::clone(&judge);
            tasks.spawn(async move { judge.one(entry).await });
            next = entries.recv().await;
        }
        while !tasks.is_empty() {
            tally.take(tasks.join_next().await);
        }
        tally
    }

    fn take(&mut self, told: Option<Result<Told, tokio::task::JoinError>>) {
        let told = match told {
            None => return,
            Some(Ok(told)) => told,
            Some(Err(error)) => Told {
                number: 0,
                row: NO_PATH.to_owned(),
                ended: Ended::Lost,
                request: String::new(),
                found: Vec::new(),
                problem: Some(error.to_string()),
            },
        };
        self.entries += 1;
        *self.outcomes.entry(told.ended).or_default() += 1;
        let crowded = self.routes.len() >= MOST_ROWS && !self.routes.contains_key(&told.row);
        let row = if crowded { OTHERS.to_owned() } else { told.row };
        let counts = self.routes.entry(row.clone()).or_default();
        *counts.entry(told.ended).or_default() += 1;
        let mut seen = Vec::new();
        for found in told.found {
            let id = fingerprint(&row, &found);
            if seen.contains(&id) {
                continue;
            }
            if let Some(known) = self.differences.get_mut(&id) {
                known.count += 1;
            } else if self.differences.len() < MOST_DIFFERENCES {
                let difference = Difference {
                    route: row.clone(),
                    count: 1,
                    entry: told.number,
                    request: told.request.clone(),
                    found,
                };
                self.differences.insert(id.clone(), difference);
            }
            seen.push(id);
        }
        if let Some(problem) = told.problem {
            self.problem(format!("entry {}: {problem}", told.number));
        }
    }

    /// Tells a problem, as long as there are few.
    pub(crate) fn problem(&mut self, problem: String) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        }
    }
}

impl Judge {
    async fn one(&self, entry: Entry) -> Told {
        let Entry { number, request } = entry;
        let mut told = Told {
            number,
            row: NO_PATH.to_owned(),
            ended: Ended::Unreadable,
            request: String::new(),
            found: Vec::new(),
            problem: None,
        };
        let recorded = match request {
            Ok(recorded) => recorded,
            Err(error) => {
                if matches!(error, EntryError::Unsendable(_)) {
                    told.ended = Ended::Unsendable;
                }
                told.problem = Some(error.to_string());
                return told;
            }
        };
        let request = &recorded.request;
        let target = String::from_utf8_lossy(&request.target);
        let shown: String = target.chars().take(200).collect();
        told.request = format!("{} {shown}", request.method);
        let path = path_of(&target);
        told.row = GeneralPath(&path).to_string();
        if !self.host.takes(recorded.host.as_deref()) {
            told.ended = Ended::OtherHost;
            // Their paths are not those of the system that is looked at.
            told.row = format!("({})", recorded.host.as_deref().unwrap_or("no host"));
            return told;
        }
        let none = Rules::default();
        let rules = match &self.table {
            None => &none,
            Some(table) => match table.find(recorded.host.as_deref(), &path, &request.method) {
                None => {
                    told.ended = Ended::NoRoute;
                    return told;
                }
                Some(route) => {
                    if !route.path.is_empty() {
                        told.row = format!("{} {}", route.name, route.path);
                    }
                    &route.rules
                }
            },
        };
        if !request.method.is_safe() && !self.unsafe_too {
            told.ended = Ended::Unsafe;
            return told;
        }
        self.compare(&recorded, rules, &mut told).await;
        told
    }

    async fn compare(&self, recorded: &Recorded, rules: &Rules, told: &mut Told) {
        match self.sides.ask(recorded).await {
            Err((side, ending)) => {
                told.ended = match side {
                    crate::side::Side::Legacy => Ended::LegacyError,
                    crate::side::Side::Modern => Ended::ModernError,
                };
                let reason = ending.reason().replace('_', " ");
                told.problem = Some(format!("{}: {side} gave no answer: {reason}", told.request));
            }
            Ok((legacy, modern)) => {
                let Comparison {
                    verdict,
                    discrepancies,
                    ..
                } = compare(&legacy.view(), &modern.view(), rules);
                told.ended = match verdict {
                    Verdict::Matched => Ended::Matched,
                    Verdict::Different => Ended::Different,
                    Verdict::Undecodable(reason) => {
                        told.problem = Some(format!("{}: {reason}", told.request));
                        Ended::Undecodable
                    }
                };
                told.found = discrepancies;
            }
        }
    }
}

/// The path of a target, whatever stands behind it.
fn path_of(target: &str) -> String {
    let uri: Option<Uri> = target.parse().ok();
    uri.map_or_else(|| target.to_owned(), |uri| uri.path().to_owned())
}

impl Host {
    /// Whether entries of this host are sent; a name without a port stands for all of its ports.
    fn takes(&self, host: Option<&str>) -> bool {
        let Self::Named(wanted) = self else {
            return true;
        };
        host.is_some_and(|host| {
            let bare = host.rsplit_once(':').map_or(host, |(name, _)| name);
            host.eq_ignore_ascii_case(wanted) || bare.eq_ignore_ascii_case(wanted)
        })
    }
}
