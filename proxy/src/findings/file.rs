//! A finding as one file: for a review, for another journal, and as a test that needs no network.
//!
//! It holds what the journal holds of the smallest telling sample, redacted as it is stored there, and
//! the rules of the route: nothing that the control API does not show. A body stands in it as JSON
//! where it is some, in the very text that was stored. Reading trusts nothing.

mod message;

use message::{Answer, Message};

use super::judge::{Judged, Trial};
use crate::journal::{FindingDetail, FindingSummary, Record, Sample, is_redacted};
use crate::outcome::Outcome;
use crate::side::Side;
use comparator::{Comparison, Discrepancy, RulesConfig, fingerprint};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

/// What the files of this version call themselves.
const FORMAT: &str = "cutover-finding/1";
/// How the names of such files end.
pub const EXTENSION: &str = ".finding.json";
/// The longest file that is read: far more than the journal keeps of one exchange.
pub const LONGEST: usize = 4 << 20;
/// Places that are listed as redacted.
const MOST_PLACES: usize = 200;

/// The file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingFile {
    /// [`FORMAT`].
    format: String,
    /// What holding the answers against the rules has to find.
    pub expect: Expect,
    /// The finding as it was in its journal.
    pub finding: FindingSummary,
    /// The rules that judged it.
    pub rules: FileRules,
    /// What redaction has put a mark or nothing in the place of, such as `legacy/body/email`.
    #[serde(default)]
    pub redacted: Vec<String>,
    /// The exchange that shows it.
    pub exchange: Exchange,
}

/// What is expected of a finding's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// They show the finding: it is open, or mended in code, and no rule may hide it.
    Differs,
    /// The rules hide it.
    Matches,
}

/// The rules of a route, as they were written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileRules {
    /// Those for all routes.
    #[serde(serialize_with = "as_written")]
    pub all_routes: RulesConfig,
    /// The route's own.
    #[serde(serialize_with = "as_written")]
    pub route: RulesConfig,
}

/// A stored exchange.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// When the request came in.
    pub at: Timestamp,
    /// The id that the request carried or was given.
    pub request_id: String,
    /// The side that answered the client.
    pub answered_by: Side,
    /// Where the finding is in it, with array positions.
    pub path: String,
    /// The request.
    pub request: Message,
    /// What legacy answered.
    pub legacy: Answer,
    /// What modern answered.
    pub modern: Answer,
    /// All that was found in it, in document order.
    pub discrepancies: Vec<Discrepancy>,
    /// How many more there were.
    pub unreported: usize,
}

/// Why a finding can't be a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// It is no difference between two answers.
    #[error("{id} is a failure, {outcome}: there are no two answers to keep")]
    Failure {
        /// The finding.
        id: String,
        /// How its exchanges ended.
        outcome: String,
    },
    /// Its samples are gone, or it stands for many.
    #[error("no sample that shows {0} is kept")]
    NoSample(String),
}

/// Why a text is no such file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is too long.
    #[error("it has more than {LONGEST} bytes")]
    Long,
    /// It is none, or of another version.
    #[error("its format is {0}, and this version reads {FORMAT:?}")]
    Format(String),
    /// It does not have the form.
    #[error("{0}")]
    Form(#[from] serde_json::Error),
    /// It has more discrepancies than a comparison keeps.
    #[error("exchange.discrepancies: {0} of them, and a comparison keeps {most}", most = Comparison::KEPT)]
    Many(usize),
    /// The exchange does not show what the finding says.
    #[error(
        "finding.id is {id:?}, but nothing in exchange.discrepancies at {path:?} is that finding of \
         route {route:?}"
    )]
    NotShown {
        /// The id.
        id: String,
        /// Where it should be.
        path: String,
        /// The route.
        route: String,
    },
}

impl FindingFile {
    /// The file of a finding, by the smallest sample that can tell what the rules make of it.
    /// Compares samples, so it is no work for a thread that serves.
    pub fn of(detail: FindingDetail, rules: FileRules, day: Date) -> Result<Self, ExportError> {
        let FindingDetail { finding, samples } = detail;
        if finding.outcome != Outcome::Different.as_str() {
            let (id, outcome) = (finding.id, finding.outcome);
            return Err(ExportError::Failure { id, outcome });
        }
        let trial = Trial::new(&rules.all_routes, &rules.route, day).ok();
        let judge = |sample: &Sample| {
            let trial = trial.as_ref();
            trial.map_or(Judged::CannotTell, |t| t.one(&finding, &sample.exchange))
        };
        let shows = |sample: &Sample| shown(&finding, &sample.path, &sample.exchange).is_some();
        let mut fitting: Vec<Sample> = samples.into_iter().filter(shows).collect();
        let telling = fitting.iter().position(|s| judge(s) != Judged::CannotTell);
        let at = telling.unwrap_or(0);
        if at >= fitting.len() {
            return Err(ExportError::NoSample(finding.id));
        }
        let sample = fitting.swap_remove(at);
        let expect = match judge(&sample) {
            Judged::Hidden => Expect::Matches,
            Judged::Shows | Judged::CannotTell => Expect::Differs,
        };
        let no_sample = || ExportError::NoSample(finding.id.clone());
        let redacted = redacted_places(&sample.exchange);
        let exchange = Exchange::of(sample).ok_or_else(no_sample)?;
        Ok(Self {
            format: FORMAT.to_owned(),
            expect,
            finding,
            rules,
            redacted,
            exchange,
        })
    }

    /// Reads a file, and sees that its parts belong together.
    pub fn read(text: &[u8]) -> Result<Self, FileError> {
        #[derive(Deserialize)]
        struct Named {
            #[serde(default)]
            format: Value,
        }
        if text.len() > LONGEST {
            return Err(FileError::Long);
        }
        let Named { format } = serde_json::from_slice(text)?;
        if format != FORMAT {
            return Err(FileError::Format(
                format.to_string().chars().take(80).collect(),
            ));
        }
        let file: Self = serde_json::from_slice(text)?;
        let Self {
            finding, exchange, ..
        } = &file;
        let many = exchange.discrepancies.len();
        if many > Comparison::KEPT {
            return Err(FileError::Many(many));
        }
        if file.record().1.is_none() {
            let short = |text: &str| text.chars().take(80).collect();
            return Err(FileError::NotShown {
                id: short(&finding.id),
                path: short(&exchange.path),
                route: short(&finding.route),
            });
        }
        Ok(file)
    }

    /// The text of the file, laid out for people.
    pub fn text(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// A name for the file; a route's name may hold what a file's can't.
    pub fn name(&self) -> String {
        let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let route: String = self.finding.route.chars().take(80).map(safe).collect();
        let id: String = self.finding.id.chars().take(16).map(safe).collect();
        format!("{route}-{id}{EXTENSION}")
    }

    /// The exchange as a journal stores it, and which of its discrepancies is the finding.
    pub fn record(&self) -> (Record, Option<usize>) {
        let record = self.exchange.record();
        let which = shown(&self.finding, &self.exchange.path, &record);
        (record, which)
    }
}

impl Exchange {
    fn of(sample: Sample) -> Option<Self> {
        let Sample { path, exchange, .. } = sample;
        Some(Self {
            at: exchange.at,
            request_id: exchange.request_id,
            answered_by: exchange.answered_by,
            path,
            request: exchange.request.into(),
            legacy: exchange.legacy?.into(),
            modern: exchange.modern?.into(),
            discrepancies: exchange.discrepancies,
            unreported: exchange.unreported,
        })
    }

    fn record(&self) -> Record {
        Record {
            at: self.at,
            request_id: self.request_id.clone(),
            answered_by: self.answered_by,
            outcome: Outcome::Different.as_str().to_owned(),
            reason: String::new(),
            request: self.request.record(),
            legacy: Some(self.legacy.record()),
            modern: Some(self.modern.record()),
            discrepancies: self.discrepancies.clone(),
            unreported: self.unreported,
        }
    }
}

/// Which discrepancy of an exchange is the finding.
fn shown(finding: &FindingSummary, path: &str, exchange: &Record) -> Option<usize> {
    exchange
        .discrepancies
        .iter()
        .position(|found| found.path == path && fingerprint(&finding.route, found) == finding.id)
}

/// Rules without the keys that nobody wrote.
fn as_written<S: Serializer>(rules: &RulesConfig, serializer: S) -> Result<S::Ok, S::Error> {
    let rules = serde_json::to_value(rules).map_err(S::Error::custom)?;
    let written = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(items) => !items.is_empty(),
        _ => true,
    };
    let keys = rules.as_object().into_iter().flatten();
    let keys: Map<_, _> = keys
        .filter(|(_, value)| written(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    keys.serialize(serializer)
}

/// Where an exchange has lost something to redaction.
fn redacted_places(exchange: &Record) -> Vec<String> {
    let mut places = Vec::new();
    let request = &exchange.request;
    if is_redacted(&request.target) {
        places.push("request/target".to_owned());
    }
    let answers = [("legacy", &exchange.legacy), ("modern", &exchange.modern)];
    let answers = answers
        .into_iter()
        .filter_map(|(name, answer)| answer.as_ref().map(|a| (name, &a.headers, &a.body)));
    let request = [("request", &request.headers, &request.body)];
    for (side, headers, body) in request.into_iter().chain(answers) {
        let marked = headers.iter().filter(|(_, value)| is_redacted(value));
        places.extend(marked.map(|(name, _)| format!("{side}/headers/{name}")));
        let at = format!("{side}/body");
        match (&body.text, &body.note) {
            (Some(text), _) if is_redacted(text) => match serde_json::from_str(text) {
                Ok(tree) => marks(&tree, &at, &mut places),
                Err(_) => places.push(at),
            },
            (None, Some(_)) => places.push(at),
            _ => {}
        }
    }
    places.truncate(MOST_PLACES);
    places
}

/// Finds marks in a parsed body, whose depth its parser has bounded.
fn marks(tree: &Value, at: &str, places: &mut Vec<String>) {
    match tree {
        Value::String(text) if is_redacted(text) => places.push(at.to_owned()),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                marks(item, &format!("{at}/{i}"), places);
            }
        }
        Value::Object(items) => {
            for (key, item) in items {
                let key = key.replace('~', "~0").replace('/', "~1");
                marks(item, &format!("{at}/{key}"), places);
            }
        }
        _ => {}
    }
}
