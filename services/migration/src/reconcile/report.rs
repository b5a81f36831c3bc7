//! What a comparison found, as data: the names of its fields are what scripts read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::checkpoint::State;
use super::findings::Finding;
use super::ledger::{Health, Ledger, Verdict};
use super::options::{Depth, Options, Share};
use crate::plan::TablePlan;
use crate::store::Counter;
use crate::value::Key;

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// All of it in a word for gates.
    pub verdict: Verdict,
    /// All of it in a word for people.
    pub health: Health,
    /// The share of the rows that are equal, in percent; nothing where there are no rows.
    pub equal_percent: Option<f64>,
    /// Where rows come from, without a password.
    pub source: String,
    /// Where they go, without a password.
    pub target: String,
    /// When it began; the run that it goes on from, where there was one.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// How far down the ladder it went.
    pub depth: Depth,
    /// Which share of the rows it took, in millionths; all where there is none.
    pub sample: Option<Share>,
    /// Whether it was asked to stop before its end.
    pub stopped: bool,
    /// All rows.
    pub ledger: Ledger,
    /// Table by table.
    pub tables: Vec<TableReport>,
    /// Tables of the source that the mapping does not name, or this run left out.
    pub not_compared: Vec<String>,
}

/// What a comparison found in a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableReport {
    /// The source's table, as the mapping names it.
    pub source: String,
    /// The target's.
    pub target: String,
    /// What a row of it is to the proxy.
    pub entity: Option<String>,
    /// What a row of it belongs to.
    pub parent: Option<String>,
    /// When it began, whichever run that was in.
    pub began: Timestamp,
    /// All of it in a word for gates.
    pub verdict: Verdict,
    /// All of it in a word for people.
    pub health: Health,
    /// How rows were brought together.
    pub method: Method,
    /// All its rows.
    pub ledger: Ledger,
    /// Rows that both databases gave one hash of, range by range, and that were not read: they are
    /// among the equal ones.
    #[serde(default)]
    pub hashed: u64,
    /// Rows that were found in the target alone, by their keys; also in `ledger`.
    pub beyond: Ledger,
    /// The first look at all of it.
    pub figures: Option<Figures>,
    /// Range by range.
    pub ranges: Vec<RangeReport>,
    /// What explains the differences.
    pub findings: Vec<Finding>,
    /// The rows that differ.
    pub rows: Vec<Differing>,
    /// Why it is not verified, where it is not.
    pub not_verified: Vec<String>,
    /// Columns of the target that are not compared, by the mapping or because nothing fills them.
    pub columns_left_out: Vec<String>,
    /// What the target counts by itself.
    pub counters: Vec<Counter>,
    /// How long it took.
    pub seconds: f64,
}

/// What was found in a range of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RangeReport {
    /// The source's last key in it; nothing in the last range.
    pub until: Option<String>,
    /// Whether every row of it was read.
    pub reached: bool,
    /// The first look.
    pub figures: Option<Figures>,
    /// Its rows.
    pub ledger: Ledger,
}

/// A first look: counts, and the columns whose sums differ in some range.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Rows of the source.
    pub source: u64,
    /// Rows of the target.
    pub target: u64,
    /// The target's columns whose sums differ.
    pub sums: Vec<String>,
}

/// How rows of both sides are brought together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Both sides are read in one order.
    #[default]
    Merge,
    /// The source is read in its order, and the target by key.
    Lookup,
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Differing {
    /// Its key in the source, where that is known.
    pub source_key: Option<Key>,
    /// Its key in the target.
    pub target_key: Key,
    /// Columns in which it differs; none where one side does not have it.
    pub columns: Vec<String>,
}

impl Figures {
    /// Adds the figures of another range.
    pub(super) fn add(&mut self, other: &Self) {
        self.source = self.source.saturating_add(other.source);
        self.target = self.target.saturating_add(other.target);
        for column in &other.sums {
            if !self.sums.contains(column) {
                self.sums.push(column.clone());
            }
        }
    }

    /// Whether both sides are alike at this look.
    pub fn alike(&self) -> bool {
        self.source == self.target && self.sums.is_empty()
    }
}

impl Report {
    /// The report on these tables.
    pub(super) fn of(
        sides: (String, String),
        began: Timestamp,
        options: &Options,
        stopped: bool,
        tables: Vec<TableReport>,
        not_compared: Vec<String>,
    ) -> Self {
        let mut ledger = Ledger::default();
        let mut verdict = Verdict::Equal;
        let mut complete = true;
        for table in &tables {
            ledger.add(&table.ledger);
            verdict = verdict.and(table.verdict);
            complete &= table.health != Health::NotVerified;
        }
        // A run that compared nothing has verified nothing.
        if tables.is_empty() {
            (verdict, complete) = (verdict.and(Verdict::NotVerified), false);
        }
        Self {
            verdict,
            health: ledger.health(complete),
            equal_percent: equal_percent(&ledger),
            source: sides.0,
            target: sides.1,
            began,
            ended: Timestamp::now(),
            depth: options.depth,
            sample: options.sample,
            stopped,
            ledger,
            tables,
            not_compared,
        }
    }
}

impl TableReport {
    /// The report on a table that came so far, and on why it came no further.
    pub(super) fn of(
        table: &TablePlan,
        state: &State,
        options: &Options,
        failure: Option<String>,
    ) -> Self {
        let mut ledger = state.beyond;
        for range in &state.ranges {
            ledger.add(&range.ledger);
        }
        // Suspects that were not read again.
        ledger.unconfirmed += state.suspects.len() as u64;
        let reached = !state.ranges.is_empty() && state.ranges.iter().all(|range| range.done);
        let complete = failure.is_none() && reached && state.settled;
        let mut not_verified = reasons(&ledger, options, complete);
        not_verified.extend(failure);
        let all_compared = complete && options.depth == Depth::Rows && options.sample.is_none();
        let target = table.destination.table.to_string();
        let findings = state.tally.findings(&table.destination.table.name);
        let figures = findings.iter().any(|finding| {
            matches!(
                finding.cause,
                super::Cause::Figures | super::Cause::Sequence
            )
        });
        let verdict = if figures {
            Verdict::Different
        } else {
            ledger.verdict(all_compared)
        };
        Self {
            source: table.source.clone(),
            target,
            entity: table.entity.clone(),
            parent: table.parent.as_ref().map(|(entity, _)| entity.clone()),
            began: state.began,
            verdict,
            health: ledger.health(all_compared),
            method: state.method,
            ledger,
            hashed: state.hashed,
            beyond: state.beyond,
            figures: state.figures.clone(),
            ranges: state
                .ranges
                .iter()
                .map(|range| RangeReport {
                    until: range.until.as_ref().map(Key::to_string),
                    reached: range.done,
                    figures: range.figures.clone(),
                    ledger: range.ledger,
                })
                .collect(),
            findings,
            rows: state.rows.clone(),
            not_verified,
            columns_left_out: table
                .steps
                .iter()
                .filter(|step| step.compare.ignore)
                .map(|step| step.to.clone())
                .collect(),
            counters: state.counters.clone(),
            seconds: state.seconds,
        }
    }
}

/// Why rows are not verified.
fn reasons(ledger: &Ledger, options: &Options, complete: bool) -> Vec<String> {
    let mut reasons = Vec::new();
    if options.depth == Depth::Figures {
        reasons.push("not verified row by row".to_owned());
    }
    if let Some(share) = options.sample {
        reasons.push(format!("a sample of {share} of the rows"));
    }
    if !complete {
        reasons.push("not every range was reached".to_owned());
    }
    let counts = [
        (ledger.unstable, "changed each time they were read"),
        (ledger.unconfirmed, "differed, and were not read again"),
        (ledger.quarantined, "were refused by the load"),
        (ledger.not_comparable, "cannot be compared"),
    ];
    for (count, what) in counts {
        if count > 0 {
            reasons.push(format!("{} rows {what}", super::findings::grouped(count)));
        }
    }
    reasons
}

/// The share of equal rows in percent, cut off, so that 100 is all of them.
fn equal_percent(ledger: &Ledger) -> Option<f64> {
    let rows = u128::from(ledger.rows());
    let share = (u128::from(ledger.equal) * 100_000).checked_div(rows)?;
    // At most 100,000, which a u32 holds.
    Some(f64::from(u32::try_from(share).unwrap_or(0)) / 1000.0)
}
