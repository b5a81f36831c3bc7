//! Random tables on both sides, held against the comparison told the slow way: a map of each side.

use std::collections::BTreeMap;

use migration_service::reconcile::{Ledger, Method, Options};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::pair::{NUMBERED, Pair, options};

/// Key, a text and a number.
type Table = BTreeMap<(i64, String), (Option<String>, i64)>;

fn made(key: &str) -> String {
    format!("CREATE TABLE t (a {key}, b TEXT, name TEXT, total INTEGER, PRIMARY KEY (a, b));")
}

fn tables() -> impl Strategy<Value = (Table, Table)> {
    let key = (-3_i64..12, "[aAbB ']{0,2}");
    let row = (proptest::option::of("[aA ]{0,2}"), 0_i64..3);
    let table = proptest::collection::btree_map(key, row, 0..60);
    // Most of one side is the other.
    let changes = table.clone().prop_map(|mut changes: Table| {
        changes.retain(|key, _| key.0 % 3 == 0);
        changes
    });
    (table, changes, 0_i64..12).prop_map(|(legacy, changes, gone)| {
        let mut modern = legacy.clone();
        modern.extend(changes);
        modern.retain(|key, _| key.0 != gone);
        (legacy, modern)
    })
}

fn rows(table: &Table) -> String {
    let quoted = |text: &String| format!("'{}'", text.replace('\'', "''"));
    let row = |((a, b), (name, total)): (&(i64, String), &(Option<String>, i64))| {
        let name = name.as_ref().map_or_else(|| "NULL".to_owned(), quoted);
        format!(
            "INSERT INTO t VALUES ({a}, {}, {name}, {total});",
            quoted(b)
        )
    };
    table.iter().map(row).collect()
}

fn naive(legacy: &Table, modern: &Table) -> Ledger {
    let mut ledger = Ledger::default();
    for (key, row) in legacy {
        match modern.get(key) {
            None => ledger.missing += 1,
            Some(other) if other == row => ledger.equal += 1,
            Some(_) => ledger.different += 1,
        }
    }
    let extra = modern.keys().filter(|key| !legacy.contains_key(*key));
    ledger.extra = extra.count() as u64;
    ledger
}

/// By merge, or by lookup where the target's key is of another type, and so of another order.
fn hold(target: &str, mapping: &str, method: Method) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let cases = Config {
        cases: 60,
        failure_persistence: None,
        ..Config::default()
    };
    let held = TestRunner::new(cases).run(&(tables(), 1_u64..40), |((legacy, modern), range)| {
        let report = runtime.block_on(async {
            let (one, two) = (made("INTEGER"), made(target));
            let pair = Pair::of(
                &format!("{one}{}", rows(&legacy)),
                &format!("{two}{}", rows(&modern)),
                mapping,
            )
            .await;
            let options = Options { range, ..options() };
            pair.report_with(&options).await
        });
        prop_assert_eq!(report.ledger, naive(&legacy, &modern));
        let table = &report.tables[0];
        prop_assert_eq!(table.rows.len() as u64, report.ledger.differing());
        prop_assert_eq!(table.method, method);
        Ok(())
    });
    held.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_merge_says_what_a_naive_comparison_says() {
    hold("INTEGER", NUMBERED, Method::Merge);
}

#[test]
fn a_lookup_says_what_a_naive_comparison_says() {
    hold("TEXT", NUMBERED, Method::Lookup);
}
