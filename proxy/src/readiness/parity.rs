//! Whether the tables that a route reads were found equal, and lately: a route whose data drifted
//! gives other answers after it has moved, whatever matched before.

use super::config::Thresholds;
use super::criteria::{Criterion, MAX_NAMED, State, real};
use crate::lanes::{LaneRule, Source};
use crate::reconciliation::{DataVerdict, TableResult};
use jiff::Timestamp;
use std::time::Duration;

/// How far the clocks of who compares and of the proxy may be apart.
const SKEW: Duration = Duration::from_mins(1);

/// Ids that are named of a table that differs.
const MAX_IDS: usize = 5;

/// What a route reads, as its file declares it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Tables by name, where they are declared.
    pub tables: Option<Vec<String>>,
    /// Whether somebody is declared who compares them.
    pub compared: bool,
}

/// What is known of the tables that a route reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parity {
    /// The journal can't be read.
    Unread,
    /// Neither lanes nor tables say what the route reads.
    Undeclared,
    /// Each table or entity by name, with what the last comparison found of it.
    Tables(Vec<(String, Vec<TableResult>)>),
}

impl Parity {
    /// What is known of a route; nothing where there is no such criterion.
    pub(super) fn of(
        reads: &Reads,
        lanes: &[LaneRule],
        results: Option<&[TableResult]>,
    ) -> Option<Self> {
        let declared = reads.tables.as_deref();
        if declared == Some(&[]) {
            return None;
        }
        let Some(results) = results else {
            return (declared.is_some() || reads.compared).then_some(Self::Unread);
        };
        if declared.is_none() && !reads.compared && results.is_empty() {
            return None;
        }
        let found = |fits: &dyn Fn(&TableResult) -> bool| -> Vec<TableResult> {
            results
                .iter()
                .filter(|result| fits(result))
                .cloned()
                .collect()
        };
        let mut tables: Vec<(String, Vec<TableResult>)> = Vec::new();
        if let Some(declared) = declared {
            let known = |name: &String| (name.clone(), found(&|result| result.is_named(name)));
            tables.extend(declared.iter().map(known));
        } else {
            // A client is no thing in a database.
            let rows = lanes.iter().filter(|lane| *lane.source() != Source::Client);
            for entity in rows.map(LaneRule::entity) {
                if !tables.iter().any(|(known, _)| known == entity) {
                    let results = found(&|result| result.is_of(entity));
                    tables.push((entity.to_owned(), results));
                }
            }
        }
        Some(if tables.is_empty() {
            Self::Undeclared
        } else {
            Self::Tables(tables)
        })
    }
}

/// How one table stands, and why it is not green.
fn judge(
    name: &str,
    results: &[TableResult],
    now: Timestamp,
    age: Duration,
) -> (State, Option<String>) {
    let unknown = |name: &str, why: String| (State::Unknown, Some(format!("{name}: {why}")));
    let oldest = now.checked_sub(age).unwrap_or(Timestamp::MIN);
    let newest = now.checked_add(SKEW).unwrap_or(Timestamp::MAX);
    let mut worst = (State::Green, None);
    if results.is_empty() {
        return unknown(name, "never compared".to_owned());
    }
    for result in results {
        // Rows that only belong to it have a name of their own.
        let owned =
            result.parent.as_deref() == Some(name) && result.entity.as_deref() != Some(name);
        let name = if owned {
            &format!("{} of {name}", result.table)
        } else {
            name
        };
        let found = match result.verdict {
            // An old difference is one until a comparison says otherwise.
            DataVerdict::Different => {
                let ids: Vec<&str> = result
                    .ids
                    .iter()
                    .take(MAX_IDS)
                    .map(String::as_str)
                    .collect();
                let ids = if ids.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", ids.join(", "))
                };
                let different = result.different;
                let why = format!("{name}: {different} rows differ{ids}");
                return (State::Red, Some(why));
            }
            DataVerdict::NotVerified => unknown(
                name,
                format!(
                    "not verified, {} rows of which nothing is sure",
                    result.not_verified
                ),
            ),
            DataVerdict::Equal if result.began_at < oldest => unknown(
                name,
                format!(
                    "compared {}, which is more than {} ago",
                    result.began_at.strftime("%Y-%m-%d %H:%M UTC"),
                    humantime::format_duration(age)
                ),
            ),
            // By a clock that is behind, it would not be too old for however long that is.
            DataVerdict::Equal if result.began_at > newest => unknown(
                name,
                format!(
                    "compared {}, which is yet to come: a clock is wrong",
                    result.began_at.strftime("%Y-%m-%d %H:%M UTC")
                ),
            ),
            DataVerdict::Equal => (State::Green, None),
        };
        if found.0 != State::Green {
            worst = found;
        }
    }
    worst
}

/// Every table that the route reads was found equal, and lately.
pub(super) fn criterion(parity: &Parity, thresholds: &Thresholds, now: Timestamp) -> Criterion {
    let age = thresholds.parity_age;
    let bare = |explanation: &str| Criterion {
        name: "data_parity",
        state: State::Unknown,
        value: None,
        threshold: 1.0,
        explanation: explanation.to_owned(),
        missing: Vec::new(),
    };
    let tables = match parity {
        Parity::Unread => return bare("the journal can't be read; wanted all tables equal"),
        Parity::Undeclared => {
            return bare(
                "nothing says which tables the route reads: declare its lanes, or its tables in \
                 readiness, [] for none",
            );
        }
        Parity::Tables(tables) => tables,
    };
    let judged = tables
        .iter()
        .map(|(name, results)| judge(name, results, now, age));
    let judged: Vec<(State, Option<String>)> = judged.collect();
    let any = |state| judged.iter().any(|(now, _)| *now == state);
    let green = judged
        .iter()
        .filter(|(now, _)| *now == State::Green)
        .count();
    let all = judged.len();
    let mut missing: Vec<String> = judged.iter().filter_map(|(_, why)| why.clone()).collect();
    if missing.len() > MAX_NAMED {
        let more = missing.len() - MAX_NAMED;
        missing.truncate(MAX_NAMED);
        missing.push(format!("and {more} more"));
    }
    Criterion {
        state: match (any(State::Red), any(State::Unknown)) {
            (true, _) => State::Red,
            (false, true) => State::Unknown,
            (false, false) => State::Green,
        },
        value: Some(real(green as u64) / real(all as u64)),
        explanation: format!(
            "{green} of {all} tables that the route reads were found equal within {}; wanted all",
            humantime::format_duration(age)
        ),
        missing,
        ..bare("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(table: &str, entity: &str, verdict: DataVerdict, hours: i64) -> TableResult {
        TableResult {
            table: table.to_owned(),
            source: table.to_uppercase(),
            entity: Some(entity.to_owned()),
            parent: None,
            verdict,
            compared: 9,
            different: u64::from(verdict == DataVerdict::Different),
            not_verified: 0,
            ids: vec!["17".to_owned()],
            began_at: now() - jiff::SignedDuration::from_hours(hours),
        }
    }

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn lanes(texts: &[&str]) -> Vec<LaneRule> {
        let template = "/orders/{id}".parse().unwrap();
        let lanes = texts.iter();
        let lanes = lanes.map(|text| LaneRule::parse(text, "/orders/{id}", Some(&template)));
        lanes.map(Result::unwrap).collect()
    }

    fn judged(reads: &Reads, texts: &[&str], results: &[TableResult]) -> Option<Criterion> {
        let parity = Parity::of(reads, &lanes(texts), Some(results))?;
        Some(criterion(&parity, &Thresholds::default(), now()))
    }

    fn state(texts: &[&str], results: &[TableResult]) -> Option<State> {
        judged(&Reads::default(), texts, results).map(|criterion| criterion.state)
    }

    #[test]
    fn equal_within_a_day_is_green_and_nothing_else_is() {
        use DataVerdict::{Different, Equal, NotVerified};
        let order = |verdict, hours| [result("orders", "order", verdict, hours)];
        let lane = &["order:{id}"];
        assert_eq!(state(lane, &order(Equal, 1)), Some(State::Green));
        assert_eq!(state(lane, &order(Equal, 25)), Some(State::Unknown));
        assert_eq!(
            state(lane, &order(Equal, -1)),
            Some(State::Unknown),
            "a clock is wrong"
        );
        assert_eq!(state(lane, &order(NotVerified, 1)), Some(State::Unknown));
        assert_eq!(state(lane, &order(Different, 1)), Some(State::Red));
        assert_eq!(state(lane, &order(Different, 99)), Some(State::Red));
        let other = [result("invoices", "invoice", Equal, 1)];
        assert_eq!(state(lane, &other), Some(State::Unknown), "never compared");
        assert_eq!(state(&["session:client"], &other), Some(State::Unknown));
    }

    #[test]
    fn red_outweighs_unknown_and_what_is_in_the_way_is_named() {
        let results = [result("orders", "order", DataVerdict::Different, 1)];
        let lanes = &["customer:json:/customerId", "order:{id}"];
        let judged = judged(&Reads::default(), lanes, &results).unwrap();
        assert_eq!(judged.state, State::Red);
        assert_eq!(
            judged.missing,
            ["customer: never compared", "order: 1 rows differ (17)"]
        );
    }

    #[test]
    fn rows_that_belong_to_an_entity_are_its_data() {
        use DataVerdict::{Different, Equal};
        let lines = |verdict| TableResult {
            parent: Some("order".to_owned()),
            ..result("order_items", "order-item", verdict, 1)
        };
        let orders = result("orders", "order", Equal, 1);
        let lane = &["order:{id}"];
        assert_eq!(
            state(lane, &[orders.clone(), lines(Equal)]),
            Some(State::Green)
        );
        let results = [orders, lines(Different)];
        let judged = judged(&Reads::default(), lane, &results).unwrap();
        assert_eq!(judged.state, State::Red);
        assert_eq!(judged.missing, ["order_items of order: 1 rows differ (17)"]);
    }

    #[test]
    fn declared_tables_stand_before_lanes_and_go_by_either_sides_name() {
        let reads = |tables: &[&str]| Reads {
            tables: Some(tables.iter().map(|&table| table.to_owned()).collect()),
            compared: true,
        };
        let results = [result("orders", "order", DataVerdict::Equal, 1)];
        for name in ["orders", "ORDERS"] {
            let judged = judged(&reads(&[name]), &["invoice:{id}"], &results).unwrap();
            assert_eq!(judged.state, State::Green, "{judged:?}");
        }
        assert_eq!(judged(&reads(&[]), &["order:{id}"], &results), None);
    }

    #[test]
    fn where_nothing_is_ever_compared_there_is_no_criterion() {
        assert_eq!(state(&["order:{id}"], &[]), None);
        let compared = Reads {
            tables: None,
            compared: true,
        };
        let judged = judged(&compared, &["order:{id}"], &[]).unwrap();
        assert_eq!(judged.state, State::Unknown);
        assert_eq!(Parity::of(&compared, &[], None), Some(Parity::Unread));
    }
}
