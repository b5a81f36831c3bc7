//! Lanes that lost a write: what is compared in them says nothing until they are reconciled.

use super::lane::Lane;
use crate::side::Side;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;

/// Tainted lanes that are told apart. Past it, everything that has lanes is tainted.
const LIMIT: usize = 10_000;

/// Why a lane is tainted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// When its first write was lost, to the millisecond.
    pub since: Timestamp,
    /// How.
    pub why: String,
    /// The side that lacks what was lost; nothing where it may be either.
    pub lost_by: Option<Side>,
    /// How many writes were lost there.
    pub writes: u64,
}

/// What became of a taint that was to be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleared {
    /// It is gone.
    Yes,
    /// The lane was not tainted.
    NotTainted,
    /// Another write was lost there meanwhile; it stays.
    Changed,
}

#[derive(Default)]
pub(super) struct Taints(BTreeMap<Lane, Taint>);

impl Taint {
    /// The taint of a write that was lost now, and that this side lacks.
    pub fn new(why: impl Into<String>, lost_by: Option<Side>) -> Self {
        let now = Timestamp::now();
        Self {
            // As the disk has it, so that the tag is the same after a restart.
            since: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
            why: why.into(),
            lost_by,
            writes: 1,
        }
    }

    /// What stands for the taint as it is.
    pub(super) fn tag(&self) -> String {
        format!("{}-{}", self.since.as_millisecond(), self.writes)
    }
}

impl Taints {
    pub(super) fn new(kept: Vec<(Lane, Taint)>) -> Self {
        Self(kept.into_iter().collect())
    }

    /// Taints lanes; what their taints are now.
    pub(super) fn add(&mut self, lanes: Vec<Lane>, taint: &Taint) -> Vec<(Lane, Taint)> {
        let mut changed: Vec<(Lane, Taint)> = Vec::with_capacity(lanes.len());
        for mut lane in lanes {
            if self.0.len() >= LIMIT && !self.0.contains_key(&lane) {
                lane = Lane::everything();
            }
            let now = match self.0.entry(lane.clone()) {
                Entry::Vacant(vacant) => vacant.insert(taint.clone()),
                Entry::Occupied(occupied) => {
                    let former = occupied.into_mut();
                    former.writes = former.writes.saturating_add(1);
                    former.lost_by = former.lost_by.filter(|by| Some(*by) == taint.lost_by);
                    former
                }
            };
            changed.push((lane, now.clone()));
        }
        changed
    }

    /// Whether an exchange in these lanes would be compared with what a lost write left behind.
    pub(super) fn touch(&self, lanes: &[Lane]) -> bool {
        let tainted = |lane: &Lane| {
            self.0.contains_key(lane) || self.0.contains_key(&Lane::any_of(lane.entity()))
        };
        !self.0.is_empty()
            && (self.0.contains_key(&Lane::everything()) || lanes.iter().any(tainted))
    }

    /// Clears one name, if its taint still has this tag.
    pub(super) fn clear(&mut self, lane: &Lane, tag: Option<&str>) -> Cleared {
        match self.0.get(lane) {
            None => Cleared::NotTainted,
            Some(taint) if tag.is_some_and(|tag| tag != taint.tag()) => Cleared::Changed,
            Some(_) => {
                self.0.remove(lane);
                Cleared::Yes
            }
        }
    }

    /// Those behind a lane, in the order of their names.
    pub(super) fn after(&self, lane: Option<&Lane>) -> impl Iterator<Item = (&Lane, &Taint)> {
        let from = lane.map_or(Bound::Unbounded, Bound::Excluded);
        self.0.range::<Lane, _>((from, Bound::Unbounded))
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&Lane, &Taint)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint() -> Taint {
        Taint::new("a test", Some(Side::Modern))
    }

    #[test]
    fn a_tainted_entity_taints_each_of_its_lanes_and_no_other() {
        let mut taints = Taints::default();
        taints.add(
            vec![Lane::any_of("order"), Lane::new("customer", "1")],
            &taint(),
        );
        assert!(taints.touch(&[Lane::new("invoice", "1"), Lane::new("order", "17")]));
        assert!(taints.touch(&[Lane::new("customer", "1")]));
        assert!(!taints.touch(&[Lane::new("customer", "2")]));
        assert_eq!(taints.clear(&Lane::any_of("order"), None), Cleared::Yes);
        assert!(!taints.touch(&[Lane::new("order", "17")]));
    }

    #[test]
    fn past_the_limit_everything_is_tainted() {
        let mut taints = Taints::default();
        let lanes = (0..=LIMIT).map(|n| Lane::new("order", &n.to_string()));
        assert_eq!(taints.add(lanes.collect(), &taint()).len(), LIMIT + 1);
        assert!(taints.touch(&[Lane::new("customer", "1")]));
        let again = taints.add(vec![Lane::new("order", "new")], &taint());
        assert_eq!(again[0].0, Lane::everything());
        let known = taints.add(vec![Lane::new("order", "7")], &taint());
        assert_eq!(
            (&known[0].0, known[0].1.writes),
            (&Lane::new("order", "7"), 2)
        );
    }

    #[test]
    fn a_taint_that_another_write_came_to_is_not_cleared_for_the_first() {
        let mut taints = Taints::default();
        let lane = Lane::new("order", "17");
        let tag = taints.add(vec![lane.clone()], &taint())[0].1.tag();
        let other = Taint::new("another", Some(Side::Legacy));
        let now = taints.add(vec![lane.clone()], &other)[0].1.clone();
        assert_eq!((now.lost_by, now.why.as_str()), (None, "a test"));
        assert_eq!(taints.clear(&lane, Some(&tag)), Cleared::Changed);
        assert!(taints.touch(std::slice::from_ref(&lane)));
        assert_eq!(taints.clear(&lane, Some(&now.tag())), Cleared::Yes);
        assert_eq!(taints.clear(&lane, None), Cleared::NotTainted);
    }
}
