//! The criteria of readiness: each is one function that judges the evidence and says why.
//!
//! Nothing here knows where evidence comes from. To add a criterion, write its function and put it
//! into [`judge`]. What can't be told is unknown, and unknown is not green.

use super::Besides;
use super::binomial::{lower_bound, upper_bound};
use super::config::Thresholds;
use super::slice::{MAX_SHAPES, Sums};
use crate::outcome::Outcome;
use serde::Serialize;
use std::fmt::{self, Write};
use std::time::Duration;

/// Shapes that a criterion names.
pub(super) const MAX_NAMED: usize = 20;

/// How a criterion stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It holds.
    Green,
    /// It does not hold.
    Red,
    /// It can't be told yet.
    Unknown,
}

/// One criterion with its number and its threshold.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Criterion {
    /// A stable word.
    #[schema(example = "match_rate")]
    pub name: &'static str,
    /// How it stands.
    pub state: State,
    /// What was found: a share from 0 to 1, a count, or a ratio; null where there is nothing.
    pub value: Option<f64>,
    /// What it has to reach or may not pass.
    pub threshold: f64,
    /// Both in words.
    pub explanation: String,
    /// What is in the way, by name: shapes of requests that were never compared, lanes that lost
    /// a write.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// All that is known of a route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) sums: &'a Sums,
    pub(super) besides: &'a Besides,
}

/// Judges every criterion.
pub(super) fn judge(known: Known<'_>, thresholds: &Thresholds) -> Vec<Criterion> {
    let Known { sums, besides } = known;
    let mut criteria = vec![
        match_rate(sums, thresholds),
        comparisons(sums, thresholds),
        coverage(sums),
        unverified(sums, thresholds),
        modern_errors(sums, thresholds),
    ];
    criteria.extend(
        ["latency_p50", "latency_p95", "latency_p99"]
            .into_iter()
            .zip(thresholds.latency)
            .map(|(name, (percent, most))| latency(name, percent, most, sums, thresholds)),
    );
    criteria.push(findings(besides.open_findings, thresholds));
    criteria.push(lost_writes(besides.tainted.as_deref()));
    criteria
}

/// Of what was compared, how many matched at least; what differed by noise alone is not counted on
/// either side. Red is what is surely too little, unknown what
/// more comparisons could show.
fn match_rate(sums: &Sums, thresholds: &Thresholds) -> Criterion {
    let (matched, compared) = compared(sums);
    let (least, confidence) = (thresholds.match_rate, thresholds.confidence);
    let low = lower_bound(matched, compared, confidence);
    let state = if compared == 0 {
        State::Unknown
    } else if low >= least {
        State::Green
    } else if upper_bound(matched, compared, confidence) < least {
        State::Red
    } else {
        State::Unknown
    };
    let mut explanation = if compared == 0 {
        format!("nothing was compared; wanted ≥ {}", Percent(least))
    } else {
        format!(
            "{matched} of {compared} matched, so ≥ {} with {} confidence; wanted ≥ {}",
            Percent(low),
            Percent(confidence),
            Percent(least)
        )
    };
    if sums.noisy() > 0 {
        // Writing to a string cannot fail.
        let _ = write!(
            explanation,
            "; {} more differed by noise alone",
            sums.noisy()
        );
    }
    Criterion {
        name: "match_rate",
        state,
        value: (compared > 0).then_some(low),
        threshold: least,
        explanation,
        missing: Vec::new(),
    }
}

fn comparisons(sums: &Sums, thresholds: &Thresholds) -> Criterion {
    let (_, compared) = compared(sums);
    let least = thresholds.comparisons;
    Criterion {
        name: "comparisons",
        state: if compared >= least {
            State::Green
        } else {
            State::Unknown
        },
        value: Some(real(compared)),
        threshold: real(least),
        explanation: format!("{compared} requests were compared; wanted ≥ {least}"),
        missing: Vec::new(),
    }
}

/// Every shape that the primary answered was compared. A shape whose requests ended without a
/// comparison is red; one that sampling passed over, or that is under way, is unknown.
fn coverage(sums: &Sums) -> Criterion {
    let shapes = sums.shapes.iter().filter(|(_, n)| n.seen > 0);
    let seen = shapes.clone().count();
    let missing: Vec<_> = shapes.filter(|(_, n)| n.compared == 0).collect();
    let given_up = missing.iter().any(|(_, n)| n.given_up > 0);
    let covered = seen - missing.len();
    let state = if given_up {
        State::Red
    } else if seen == 0 || !missing.is_empty() || sums.other.seen > 0 {
        State::Unknown
    } else {
        State::Green
    };
    let mut explanation = match (seen, missing.len()) {
        (0, _) => "no request was seen".to_owned(),
        (1, 0) => "the one shape of requests was compared".to_owned(),
        (_, 0) => format!("all {seen} shapes of requests were compared"),
        (_, n) => format!("of {seen} shapes of requests, {n} were never compared"),
    };
    if sums.other.seen > 0 {
        let more = sums.other.seen;
        // Writing to a string cannot fail.
        let _ = write!(
            explanation,
            "; {more} requests have shapes beyond the {MAX_SHAPES} that are told apart: give them \
             routes of their own"
        );
    }
    let named = missing.iter().take(MAX_NAMED);
    let mut named: Vec<String> = named
        .map(|(shape, n)| format!("{shape} (seen {})", n.seen))
        .collect();
    if missing.len() > MAX_NAMED {
        named.push(format!("and {} more", missing.len() - MAX_NAMED));
    }
    Criterion {
        name: "coverage",
        state,
        value: (seen > 0).then(|| real(covered as u64) / real(seen as u64)),
        threshold: 1.0,
        explanation,
        missing: named,
    }
}

fn unverified(sums: &Sums, thresholds: &Thresholds) -> Criterion {
    let (_, compared) = compared(sums);
    let ended = sums.ended();
    let missed = ended.saturating_sub(compared.saturating_add(sums.noisy()));
    let words = "requests gave no verdict";
    at_most("unverified", missed, ended, thresholds.unverified, words)
}

fn modern_errors(sums: &Sums, thresholds: &Thresholds) -> Criterion {
    let words = "requests were failed by modern";
    let most = thresholds.modern_errors;
    let failed = sums.failed.saturating_sub(sums.excused);
    at_most("modern_errors", failed, sums.asked, most, words)
}

/// A share that may not be larger than this.
fn at_most(name: &'static str, n: u64, of: u64, most: f64, words: &str) -> Criterion {
    let share = (of > 0).then(|| real(n) / real(of));
    let state = match share {
        Some(share) if share <= most => State::Green,
        Some(_) => State::Red,
        None => State::Unknown,
    };
    let explanation = match share {
        Some(share) => format!(
            "{n} of {of} {words}, {}; wanted ≤ {}",
            Percent(share),
            Percent(most)
        ),
        None => format!("no request has ended; wanted ≤ {}", Percent(most)),
    };
    Criterion {
        name,
        state,
        value: share,
        threshold: most,
        explanation,
        missing: Vec::new(),
    }
}

fn latency(
    name: &'static str,
    percent: u8,
    most: f64,
    sums: &Sums,
    thresholds: &Thresholds,
) -> Criterion {
    let sides = [&sums.legacy_took, &sums.modern_took].map(|took| took.quantile(percent));
    let [Some(legacy), Some(modern)] = sides else {
        return Criterion {
            name,
            state: State::Unknown,
            value: None,
            threshold: most,
            explanation: format!("no pair of answers was timed; wanted ≤ {most} ×"),
            missing: Vec::new(),
        };
    };
    // A microsecond is the least that is told apart.
    let ratio = modern.as_secs_f64() / legacy.as_secs_f64().max(1e-6);
    let slack = thresholds.latency_slack;
    let state = if ratio <= most || modern <= legacy.saturating_add(slack) {
        if sums.modern_took.len() < thresholds.comparisons {
            State::Unknown
        } else {
            State::Green
        }
    } else {
        State::Red
    };
    let explanation = format!(
        "modern {}, legacy {}, so {ratio:.2} ×; wanted ≤ {most} × or + {}",
        Millis(modern),
        Millis(legacy),
        Millis(slack)
    );
    Criterion {
        name,
        state,
        value: Some(ratio),
        threshold: most,
        explanation,
        missing: Vec::new(),
    }
}

fn findings(open: Option<u64>, thresholds: &Thresholds) -> Criterion {
    let most = thresholds.open_findings;
    Criterion {
        name: "open_findings",
        state: match open {
            Some(open) if open <= most => State::Green,
            Some(_) => State::Red,
            None => State::Unknown,
        },
        value: open.map(real),
        threshold: real(most),
        explanation: match open {
            Some(open) => format!("open findings: {open}; wanted ≤ {most}"),
            None => format!("the journal can't be read or written; wanted ≤ {most} open findings"),
        },
        missing: Vec::new(),
    }
}

/// A write that the candidate never got leaves other data behind, whatever matched since.
fn lost_writes(tainted: Option<&[String]>) -> Criterion {
    let known = tainted.map(<[String]>::len);
    let (tainted, lost) = (tainted.unwrap_or_default(), known.unwrap_or(0));
    let mut missing: Vec<String> = tainted.iter().take(MAX_NAMED).cloned().collect();
    if lost > MAX_NAMED {
        missing.push(format!("and {} more", lost - MAX_NAMED));
    }
    Criterion {
        name: "lost_writes",
        state: match known {
            Some(0) => State::Green,
            Some(_) => State::Red,
            None => State::Unknown,
        },
        value: known.map(|lost| real(lost as u64)),
        threshold: 0.0,
        explanation: match known {
            Some(lost) => {
                format!("lanes that lost a write and were not reconciled: {lost}; wanted none")
            }
            None => "nobody keeps the lanes any more; wanted none that lost a write".to_owned(),
        },
        missing,
    }
}

/// Those that matched, and those that matched or differed by more than noise.
fn compared(sums: &Sums) -> (u64, u64) {
    let matched = sums.ended_in(Outcome::Matched);
    let different = sums
        .ended_in(Outcome::Different)
        .saturating_sub(sums.noisy());
    let compared = matched.saturating_add(different);
    (matched, compared)
}

#[expect(clippy::cast_precision_loss, reason = "a number for display")]
pub(super) fn real(count: u64) -> f64 {
    count as f64
}

/// A share as a percentage, rounded down: 99.9999 % is not 100 %.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A little more, because 0.999 × 100 is a little less than 99.9.
        let hundredths = (self.0 * 1e5 + 1e-6).floor();
        write!(f, "{} %", hundredths / 1e3)
    }
}

/// A duration in milliseconds.
struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_secs_f64() * 1e3;
        let digits = if millis < 9.95 { 2 } else { 0 };
        write!(f, "{millis:.digits$} ms")
    }
}

#[cfg(test)]
mod tests;
