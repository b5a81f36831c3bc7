//! How far a comparison has come: what a caller keeps so that another run goes on from there.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::findings::Tally;
use super::ledger::Ledger;
use super::options::Options;
use super::partitions::Partitions;
use super::report::{Differing, Figures, Method, TableReport};
use super::settle::Suspect;
use crate::plan::{Plan, TablePlan};
use crate::store::{Counter, Range};
use crate::value::Key;

/// The form of what is kept; another one is not read.
const VERSION: u32 = 3;

/// How far a comparison has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checkpoint {
    version: u32,
    /// What it compares, and how: between other databases, or with another plan, it says nothing.
    basis: String,
    /// The tables that are done.
    pub(super) tables: Vec<TableReport>,
    /// The table that is under way.
    pub(super) current: Option<State>,
}

/// How far a table has come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) source: String,
    /// When the first of it was read.
    pub(super) began: Timestamp,
    pub(super) method: Method,
    pub(super) ranges: Vec<RangeState>,
    pub(super) figures: Option<Figures>,
    pub(super) counters: Vec<Counter>,
    /// Rows that are equal by the hash of their range.
    pub(super) hashed: u64,
    /// Rows of the target that no range of the source's has.
    pub(super) beyond: Ledger,
    /// Whether those were looked for.
    pub(super) reversed: bool,
    /// Whether every suspect was read again.
    pub(super) settled: bool,
    pub(super) suspects: Vec<Suspect>,
    pub(super) tally: Tally,
    pub(super) partitions: Partitions,
    pub(super) rows: Vec<Differing>,
    pub(super) seconds: f64,
}

/// How far a range has come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct RangeState {
    /// The source's last key in it; its first is behind the last of the range before.
    pub(super) until: Option<Key>,
    pub(super) done: bool,
    pub(super) ledger: Ledger,
    pub(super) figures: Option<Figures>,
}

impl Checkpoint {
    /// The beginning of a run between the databases of these names.
    pub(super) fn begin(sides: &(String, String), plan: &Plan, options: &Options) -> Self {
        Self {
            version: VERSION,
            basis: basis(sides, plan, options),
            tables: Vec::new(),
            current: None,
        }
    }

    /// Whether a run of this plan between the databases of these names can go on from here.
    pub fn fits(&self, sides: &(String, String), plan: &Plan, options: &Options) -> bool {
        self.version == VERSION && self.basis == basis(sides, plan, options)
    }
}

impl State {
    pub(super) fn begin(table: &TablePlan, method: Method) -> Self {
        Self {
            source: table.source.clone(),
            began: Timestamp::now(),
            method,
            ..Self::default()
        }
    }

    /// The ledger that a row of a range is booked in; of no range where it has none.
    pub(super) fn ledger(&mut self, range: Option<u32>) -> &mut Ledger {
        let range = range.and_then(|range| self.ranges.get_mut(range as usize));
        match range {
            Some(range) => &mut range.ledger,
            None => &mut self.beyond,
        }
    }
}

/// The ranges with both of their bounds.
pub(super) fn ranges(states: &[RangeState]) -> Vec<Range> {
    let after = states.iter().map(|range| range.until.clone());
    let after = [None].into_iter().chain(after);
    let both = after.zip(states);
    both.map(|(after, range)| Range {
        after,
        until: range.until.clone(),
    })
    .collect()
}

/// A digest of whatever the results rest on.
fn basis(sides: &(String, String), plan: &Plan, options: &Options) -> String {
    let mut text = format!("{sides:?} {:?} {:?}", options.depth, options.sample);
    for table in &plan.tables {
        text.push_str(&table.digest());
    }
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes()))
}
