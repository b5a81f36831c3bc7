//! What explains differences, and how it is grouped.

use super::{Cause, Tally, grouped};
use crate::value::Value;

fn summary(tally: &Tally) -> Vec<String> {
    let findings = tally.findings("customers").into_iter();
    findings.map(|finding| finding.summary).collect()
}

#[test]
fn rows_of_one_cause_are_one_line_with_the_rule_that_would_allow_it() {
    let mut tally = Tally::default();
    for key in 0..12_431 {
        let (one, two) = (Value::text("a"), Value::text("a "));
        tally.values("code", &key.to_string(), (&one, &two), true);
    }
    tally.row(Cause::Missing, None, "17", true);
    assert_eq!(
        summary(&tally),
        [
            "12,431 rows: trailing blanks in customers.code; allowed by compare = { trim = true }",
            "1 row: missing in customers",
        ]
    );
    assert_eq!(tally.findings("customers")[0].samples.len(), 5);
}

#[test]
fn what_every_row_has_in_common_is_a_constant_or_a_map() {
    let mut tally = Tally::default();
    for key in 0..10 {
        let (one, two) = (Value::Int(key), Value::Int(key + 100));
        tally.values("total", &key.to_string(), (&one, &two), true);
        let (one, two) = [("P", "PAID"), ("O", "OPEN")][usize::from(key % 2 == 0)];
        let pair = (&Value::text(one), &Value::text(two));
        tally.values("state", &key.to_string(), pair, key > 5);
        tally.values(
            "name",
            &key.to_string(),
            (&Value::text("x"), &Value::text(key.to_string())),
            true,
        );
    }
    let mut other = Tally::default();
    other.add(tally);
    assert_eq!(
        summary(&other),
        [
            "10 rows: apart by 100 in customers.total; allowed by compare = { within = \"100\" }",
            "4 rows, and 6 more that were read once: 2 values that are always others in \
             customers.state; allowed by map = { \"O\" = \"OPEN\", \"P\" = \"PAID\" }",
            "10 rows: another value in customers.name",
        ]
    );
}

#[test]
fn counts_are_grouped_by_thousands() {
    assert_eq!(
        [0, 999, 1000, 1_234_567].map(grouped),
        ["0", "999", "1,000", "1,234,567"]
    );
}
