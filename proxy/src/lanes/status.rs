//! What can be said of the lanes, for the control API and the metrics.

use super::lane::Lane;
use super::taint::Taint;
use crate::side::Side;
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// The lanes at one instant.
#[derive(Clone, Debug)]
pub struct LanesStatus {
    /// Exchanges in lanes, waiting or under way.
    pub depth: usize,
    /// Lanes that somebody is in.
    pub lanes: usize,
    /// How long ago the primary answered the oldest of them.
    pub oldest: Option<Duration>,
    /// The longest that an exchange has waited for its turn since the proxy started.
    pub longest_wait: Duration,
    /// The deepest lanes.
    pub deepest: Vec<LaneDepth>,
    /// Writes that were lost since the proxy started.
    pub lost: u64,
    /// How many lanes are tainted.
    pub tainted: usize,
    /// The tainted lanes, the first thousand of them.
    pub taints: Vec<TaintedLane>,
}

/// A lane that somebody is in.
#[derive(Clone, Debug)]
pub struct LaneDepth {
    /// Its name.
    pub lane: String,
    /// How many exchanges are in it.
    pub depth: usize,
    /// How long ago the primary answered the first of them.
    pub oldest: Duration,
}

/// A lane whose comparisons say nothing, because a write in it was lost.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct TaintedLane {
    /// Its name; `order:*` stands for every lane of `order`, `*` for all there are.
    pub lane: String,
    /// When its write was lost.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// How the first of its writes was lost.
    pub why: String,
    /// The side that lacks them; null where both may, or nobody knows.
    #[schema(value_type = Option<String>)]
    pub lost_by: Option<Side>,
    /// How many writes were lost there.
    pub writes: u64,
    /// Stands for this taint; another write that is lost in the lane makes it another one.
    pub tag: String,
}

impl TaintedLane {
    pub(super) fn of(lane: &Lane, taint: &Taint) -> Self {
        Self {
            lane: lane.to_string(),
            since: taint.since,
            why: taint.why.clone(),
            lost_by: taint.lost_by,
            writes: taint.writes,
            tag: taint.tag(),
        }
    }
}
