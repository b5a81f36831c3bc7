//! Whether rules hide a finding in one of its samples.

use crate::journal::{BodyRecord, FindingSummary, Record, ResponseRecord, Sample, is_redacted};
use bytes::Bytes;
use comparator::{
    Comparison, Discrepancy, Kind, Response, RuleConfig, RuleError, Rules, RulesConfig, Verdict,
    compare, fingerprint,
};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::civil::Date;

/// What a sample says of its finding under rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It still differs there.
    Shows,
    /// The rules hide the difference.
    Hidden,
    /// The sample is redacted or shortened where it matters.
    CannotTell,
}

/// Rules on trial against stored samples.
#[derive(Debug)]
pub struct Trial {
    rules: Rules,
    /// The same headers and limits without any rule, to see what there is to hide.
    bare: Rules,
}

impl Trial {
    /// A trial of the rules of a route, on top of those for all, as they apply on a day.
    pub fn new(
        global: &RulesConfig,
        route: &RulesConfig,
        day: Date,
    ) -> Result<Self, Vec<RuleError>> {
        let rules = Rules::layered(global, route, Some(day))?;
        let either = |of: fn(&RulesConfig) -> Option<usize>| of(route).or(of(global));
        let bare = RulesConfig {
            headers: route.headers.clone().or_else(|| global.headers.clone()),
            max_body: either(|rules| rules.max_body),
            max_depth: either(|rules| rules.max_depth),
            ..RulesConfig::default()
        };
        Ok(Self {
            rules,
            bare: Rules::try_from(&bare)?,
        })
    }

    /// A trial of one more rule of the route.
    pub fn with(
        global: &RulesConfig,
        route: &RulesConfig,
        rule: RuleConfig,
        day: Date,
    ) -> Result<Self, Vec<RuleError>> {
        let mut route = route.clone();
        route.rules.push(rule);
        Self::new(global, &route, day)
    }

    /// What all samples say together: that it shows, if one of them says so; else that it is
    /// hidden, if one of them can tell.
    pub fn all(&self, finding: &FindingSummary, samples: &[Sample]) -> Judged {
        let mut all = Judged::CannotTell;
        for sample in samples {
            match self.one(finding, &sample.exchange) {
                Judged::Shows => return Judged::Shows,
                Judged::Hidden => all = Judged::Hidden,
                Judged::CannotTell => {}
            }
        }
        all
    }

    /// What one sample says.
    pub fn one(&self, finding: &FindingSummary, exchange: &Record) -> Judged {
        // Whether two ids belong together is known while traffic passes, and not from a sample.
        if finding.kind == Kind::Identity.as_str() {
            return Judged::CannotTell;
        }
        let in_body = finding.path.is_empty()
            || finding.path.starts_with('/')
            || finding.path.starts_with("body");
        let (Some(legacy), Some(modern)) = (
            exchange
                .legacy
                .as_ref()
                .and_then(|a| Answer::new(a, in_body)),
            exchange
                .modern
                .as_ref()
                .and_then(|a| Answer::new(a, in_body)),
        ) else {
            return Judged::CannotTell;
        };
        let (bare, ruled) = (
            compare(&legacy.view(), &modern.view(), &self.bare),
            compare(&legacy.view(), &modern.view(), &self.rules),
        );
        // What redaction made equal can't be hidden by a rule.
        if near(&bare, &finding.path).next().is_none() {
            return Judged::CannotTell;
        }
        // Marks differ where values do, but in no way that a rule could know.
        if near(&bare, &finding.path).any(is_between_marks) {
            return match ruled.verdict {
                Verdict::Matched | Verdict::Different if ruled.unreported == 0 => {
                    if near(&ruled, &finding.path).next().is_none() {
                        Judged::Hidden
                    } else {
                        Judged::CannotTell
                    }
                }
                _ => Judged::CannotTell,
            };
        }
        let same = |found: &Discrepancy| fingerprint(&finding.route, found) == finding.id;
        // Where the sample shows the very finding without rules, only that counts: another sort of
        // change at the same place is another finding.
        let exact = bare.discrepancies.iter().any(same);
        let shows = ruled.discrepancies.iter().any(|found| {
            same(found)
                || (!exact
                    && found.kind.as_str() == finding.kind
                    && found.general_path() == finding.path)
        });
        match ruled.verdict {
            _ if shows => Judged::Shows,
            Verdict::Undecodable(_) => Judged::CannotTell,
            _ if ruled.unreported > 0 => Judged::CannotTell,
            Verdict::Matched | Verdict::Different => Judged::Hidden,
        }
    }

    /// The differences of a stored exchange that it does not tell of. Ids are not judged, since
    /// which of them belong together is not stored, nor is what redaction has changed.
    pub fn beyond(&self, exchange: &Record) -> Vec<Discrepancy> {
        let answers = |in_body| {
            let answer = |answer: &Option<ResponseRecord>| Answer::new(answer.as_ref()?, in_body);
            answer(&exchange.legacy).zip(answer(&exchange.modern))
        };
        // Where bodies were not stored whole, there are still headers.
        let Some((legacy, modern)) = answers(true).or_else(|| answers(false)) else {
            return Vec::new();
        };
        let ids = self.rules.ids();
        let told = |found: &Discrepancy| {
            exchange.unreported > 0
                || exchange.discrepancies.iter().any(|known| {
                    (known.kind, known.general_path()) == (found.kind, found.general_path())
                })
        };
        let unsure = |found: &Discrepancy| {
            let mut values = [&found.legacy, &found.modern].into_iter().flatten();
            ids.iter().any(|id| id.pattern.matches(&found.path))
                || values.any(|value| is_redacted(value))
        };
        let found = compare(&legacy.view(), &modern.view(), &self.rules).discrepancies;
        found
            .into_iter()
            .filter(|found| !told(found) && !unsure(found))
            .collect()
    }
}

/// The differences at the path, above it or below it.
fn near<'c>(comparison: &'c Comparison, path: &'c str) -> impl Iterator<Item = &'c Discrepancy> {
    let within = |path: &str, other: &str| {
        path.strip_prefix(other)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    comparison.discrepancies.iter().filter(move |found| {
        let found = found.general_path();
        within(path, &found) || within(&found, path)
    })
}

/// Whether two values differ, of which redaction has left but a mark.
fn is_between_marks(found: &Discrepancy) -> bool {
    let mut both = [&found.legacy, &found.modern].into_iter();
    both.all(|value| value.as_deref().is_some_and(is_redacted))
}

/// A stored answer as the comparator takes it.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: [Bytes; 1],
}

impl Answer {
    /// The answer, if what matters of it was stored whole.
    fn new(stored: &ResponseRecord, in_body: bool) -> Option<Self> {
        let BodyRecord { bytes, text, note } = &stored.body;
        let body = match (in_body, text, note) {
            (false, ..) => Bytes::new(),
            (true, Some(text), None) => Bytes::copy_from_slice(text.as_bytes()),
            (true, None, None) if *bytes == 0 => Bytes::new(),
            (true, ..) => return None,
        };
        let parse = |(name, value): &(String, String)| {
            let name: HeaderName = name.parse().ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        };
        let mut headers: HeaderMap = stored.headers.iter().filter_map(parse).collect();
        // Stored bodies have neither.
        for coding in [CONTENT_ENCODING, TRANSFER_ENCODING, CONTENT_LENGTH] {
            headers.remove(coding);
        }
        Some(Self {
            status: stored.status,
            headers,
            body: [body],
        })
    }

    fn view(&self) -> Response<'_> {
        Response {
            status: self.status,
            headers: &self.headers,
            body: &self.body,
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
