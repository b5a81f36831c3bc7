//! Readiness: whether a route may move to modern, with the evidence.
//!
//! [`Evidence`] gathers what passes, [`Thresholds`] are what an operator asks for, and [`assess`]
//! holds one against the other: pure arithmetic on numbers that are handed in. Nothing here turns a
//! dial, and nothing keeps a request waiting.

mod around;
mod binomial;
mod config;
mod criteria;
mod evidence;
mod figures;
mod histogram;
mod noise;
mod parity;
mod recent;
mod shape;
mod slice;
mod word;

pub use around::Around;
pub use binomial::{lower_bound, upper_bound};
pub use config::{ReadinessConfig, Thresholds};
pub use criteria::{Criterion, State};
pub(crate) use evidence::StoredSlice;
pub use evidence::{Answered, Evidence, Witness};
pub(crate) use figures::Figures;
pub use figures::ThresholdError;
pub use noise::{Differed, NoiseRate, NoiseVerdict, Symptom};
pub use parity::{Parity, Reads};
pub use recent::{Recent, RecentSums};
pub(crate) use shape::{GeneralPath, Hashed, word_of};

use crate::routing::Route;
use jiff::Timestamp;
use serde::Serialize;

/// Whether a route is ready, and why.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Readiness {
    /// The route.
    pub route: String,
    /// The conclusion from the criteria.
    pub verdict: Verdict,
    /// Since when what counts was seen.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// How far back that may be.
    #[schema(example = "1day")]
    pub period: String,
    /// Every criterion.
    pub criteria: Vec<Criterion>,
}

/// The conclusion from all criteria.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every criterion is green.
    Ready,
    /// At least one criterion is red.
    NotReady,
    /// None is red, but not all are green.
    Unknown,
}

impl Verdict {
    /// The word in API, metrics and dashboard.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady => "not_ready",
            Self::Unknown => "unknown",
        }
    }

    fn of(criteria: &[Criterion]) -> Self {
        if criteria.iter().any(|c| c.state == State::Red) {
            Self::NotReady
        } else if criteria.iter().all(|c| c.state == State::Green) {
            Self::Ready
        } else {
            Self::Unknown
        }
    }
}

/// What is known of a route besides its traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Besides {
    /// Findings that are open or regressed, and not known to be noise; `None` while the journal can't
    /// be read or written.
    pub open_findings: Option<u64>,
    /// Lanes of the route's entities that lost a write and were not reconciled since, by name; `None`
    /// where nobody keeps the lanes any more.
    pub tainted: Option<Vec<String>>,
    /// The tables that it reads; `None` where that is no criterion.
    pub parity: Option<Parity>,
}

/// Holds what was seen of a route against its thresholds.
pub fn assess(route: &Route, besides: &Besides, now: Timestamp) -> Readiness {
    route.evidence.advance(now);
    let (sums, since) = route.evidence.sums();
    let known = criteria::Known {
        sums: &sums,
        besides,
    };
    let mut criteria = criteria::judge(known, &route.readiness);
    let parity = besides.parity.as_ref();
    criteria.extend(parity.map(|parity| parity::criterion(parity, &route.readiness, now)));
    Readiness {
        route: route.name.to_string(),
        verdict: Verdict::of(&criteria),
        since,
        period: humantime::format_duration(route.readiness.period).to_string(),
        criteria,
    }
}
