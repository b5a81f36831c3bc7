//! How a dial climbs the stages of its plan, one at a time, and what stops it.
//!
//! A stage is left when the dial has stood there for the time of the plan, its routes were compared
//! meanwhile, and they are ready.
//! What a hand does takes precedence: a dial that is turned up climbs on from there, one that is
//! turned down stays there, until a hand turns it up or the plan is written anew. The guard takes it
//! back to the start, where the time begins once the dial is held no more. No clock, no file here.

use crate::routing::{Share, Stages};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a dial stands in its plan; the journal keeps it over restarts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Climb {
    /// The plan that it follows.
    plan: Vec<Share>,
    pub(super) share: Share,
    /// Since when it stands there.
    pub(super) since: Timestamp,
    /// Whether a hand has turned it down.
    pub(super) stopped: bool,
    /// Whether the guard holds it.
    held: bool,
    /// Where the plan itself is about to turn it.
    expected: Option<Share>,
    /// By route, since when it stands there and how many comparisons there had been by then. A restart
    /// counts anew.
    #[serde(skip)]
    compared: BTreeMap<Arc<str>, (Timestamp, u64)>,
    /// What kept it from rising when that was tried last.
    #[serde(skip)]
    pub(super) obstacle: Option<String>,
}

impl Climb {
    pub(super) fn new(stages: &Stages, share: Share, now: Timestamp) -> Self {
        Self {
            plan: stages.shares.clone(),
            share,
            since: now,
            stopped: false,
            held: false,
            expected: None,
            compared: BTreeMap::new(),
            obstacle: None,
        }
    }

    /// How many comparisons of a route there were since the dial stands where it does; there were
    /// `total` ever.
    pub(super) fn compared(&mut self, route: &Arc<str>, total: u64) -> u64 {
        let stands = (self.since, total);
        let begun = self.compared.entry(Arc::clone(route)).or_insert(stands);
        if begun.0 != self.since {
            *begun = stands;
        }
        total.saturating_sub(begun.1)
    }

    /// Takes note of where the dial stands; says whether a hand has just turned it down.
    pub(super) fn see(
        &mut self,
        stages: &Stages,
        share: Share,
        held: bool,
        now: Timestamp,
    ) -> bool {
        if held && !self.held {
            *self = Self::new(stages, Share::NONE, now);
            self.held = true;
        }
        if held {
            return false;
        }
        if std::mem::replace(&mut self.held, false) {
            self.since = now;
        }
        // A clock that was set back makes no stage longer.
        self.since = self.since.min(now);
        if self.plan != stages.shares {
            self.plan.clone_from(&stages.shares);
            self.stopped = false;
        }
        if share == self.share {
            return false;
        }
        let by_plan = self.expected.take() == Some(share);
        let down = share < self.share;
        self.stopped = down && !by_plan;
        (self.share, self.since, self.obstacle) = (share, now, None);
        self.stopped
    }

    /// Where it may rise to, if its time on this stage is over.
    pub(super) fn next(&self, stages: &Stages, now: Timestamp) -> Option<Share> {
        let stood = now.duration_since(self.since).unsigned_abs();
        let may = !self.stopped && now >= self.since && stood >= stages.time;
        may.then(|| stages.above(self.share)).flatten()
    }

    /// The file is about to be edited so.
    pub(super) fn expect(&mut self, share: Option<Share>) {
        self.expected = share;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn share(text: &str) -> Share {
        text.parse().unwrap()
    }

    fn stages() -> Stages {
        Stages {
            shares: ["1%", "5%", "100%"].map(share).to_vec(),
            time: Duration::from_secs(10),
        }
    }

    #[test]
    fn each_stage_lasts_its_time_and_the_last_for_ever() {
        let stages = stages();
        let mut climb = Climb::new(&stages, Share::NONE, at(0));
        let mut now = 0;
        for stage in ["1%", "5%", "100%"] {
            assert_eq!(climb.next(&stages, at(now + 9)), None);
            now += 10;
            assert_eq!(climb.next(&stages, at(now)), Some(share(stage)));
            climb.expect(Some(share(stage)));
            assert!(!climb.see(&stages, share(stage), false, at(now)));
        }
        assert_eq!(climb.next(&stages, at(1_000)), None);
    }

    #[test]
    fn a_hand_that_turns_it_up_goes_ahead_and_one_that_turns_it_down_stops_it() {
        let stages = stages();
        let mut climb = Climb::new(&stages, share("1%"), at(0));
        assert!(!climb.see(&stages, share("7%"), false, at(5)));
        assert_eq!(climb.next(&stages, at(14)), None);
        assert_eq!(climb.next(&stages, at(15)), Some(Share::ALL));
        assert!(climb.see(&stages, share("1%"), false, at(20)));
        assert_eq!(climb.next(&stages, at(1_000)), None);
        assert!(!climb.see(&stages, share("2%"), false, at(1_000)));
        assert_eq!(climb.next(&stages, at(1_010)), Some(share("5%")));
        climb.see(&stages, share("1%"), false, at(1_011));
        let mut other = stages.clone();
        other.shares.remove(0);
        climb.see(&other, share("1%"), false, at(1_012));
        assert_eq!(
            climb.next(&other, at(1_100)),
            Some(share("5%")),
            "written anew"
        );
    }

    #[test]
    fn a_dial_that_was_held_starts_over_when_it_is_released() {
        let stages = stages();
        let mut climb = Climb::new(&stages, share("5%"), at(0));
        climb.see(&stages, Share::NONE, true, at(50));
        climb.see(&stages, Share::NONE, true, at(90));
        climb.see(&stages, Share::NONE, false, at(91));
        assert_eq!(climb.next(&stages, at(100)), None);
        assert_eq!(climb.next(&stages, at(101)), Some(share("1%")));
    }

    #[test]
    fn comparisons_count_from_the_beginning_of_each_stage() {
        let (stages, route) = (stages(), Arc::from("r"));
        let mut climb = Climb::new(&stages, Share::NONE, at(0));
        assert_eq!(climb.compared(&route, 1_000), 0);
        assert_eq!(climb.compared(&route, 1_007), 7);
        climb.see(&stages, share("1%"), false, at(10));
        assert_eq!(climb.compared(&route, 1_009), 0);
        assert_eq!(climb.compared(&route, 1_010), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_only_begins_the_stage_again() {
        let stages = stages();
        let mut climb = Climb::new(&stages, Share::NONE, at(1_000));
        climb.see(&stages, Share::NONE, false, at(100));
        assert_eq!(climb.next(&stages, at(100)), None);
        assert_eq!(climb.next(&stages, at(110)), Some(share("1%")));
    }
}
