//! Keys that a database compares otherwise than their values are.

use std::sync::Arc;

use migration_service::load;
use migration_service::reconcile::{Method, Verdict};
use tokio_util::sync::CancellationToken;

use crate::pair::{NUMBERED, Pair, only};

const BY_TIME: &str =
    "CREATE TABLE t (cust INTEGER, at DATETIME, no INTEGER, PRIMARY KEY (cust, at, no));
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
    INSERT INTO t SELECT 1, '2026-01-02 03:04:05', i FROM n;";

#[tokio::test]
async fn a_time_in_a_key_of_a_file_is_looked_for_as_it_is_written() {
    let modern =
        "CREATE TABLE t (cust bigint, at timestamp, no bigint, PRIMARY KEY (cust, at, no));
         INSERT INTO t SELECT 1, '2026-01-02 03:04:05', i FROM generate_series(1, 2500) i;";
    let pair = Pair::from_file(BY_TIME, modern, NUMBERED).await;
    let report = pair.report().await;
    assert_eq!(report.verdict, Verdict::Equal);
    assert_eq!(report.ledger.equal, 2500, "behind the first page too");
    assert_eq!(
        only(&report).method,
        Method::Lookup,
        "texts have another order"
    );
    pair.at_modern("DELETE FROM t WHERE no = 2400").await;
    pair.at_legacy("DELETE FROM t WHERE no = 7").await;
    let ledger = pair.report().await.ledger;
    assert_eq!((ledger.missing, ledger.extra), (1, 1));
}

#[tokio::test]
async fn a_time_that_has_two_spellings_in_a_key_is_no_row_of_its_own() {
    let legacy = "CREATE TABLE t (at DATETIME PRIMARY KEY, n INTEGER);
         INSERT INTO t VALUES ('2026-01-02 03:04:05', 1), ('2026-01-02T03:04:05', 2);";
    let modern = "CREATE TABLE t (at DATETIME PRIMARY KEY, n INTEGER);
         INSERT INTO t VALUES ('2026-01-02 03:04:05.0000000', 1);";
    let pair = Pair::of(legacy, modern, NUMBERED).await;
    let report = pair.report().await;
    let ledger = report.ledger;
    assert_eq!((ledger.equal, ledger.not_comparable), (1, 1));
    assert_eq!(report.verdict, Verdict::NotVerified);
}

#[tokio::test]
async fn a_key_that_would_not_be_found_again_is_an_error_that_names_it() {
    let table = "CREATE TABLE t (id UUID PRIMARY KEY, n INTEGER);";
    let id = "a1b2c3d4-0000-4000-8000-00000000000f";
    let lower = format!("{table} INSERT INTO t VALUES ('{id}', 1);");
    let upper = format!("{table} INSERT INTO t VALUES ('{}', 1);", id.to_uppercase());
    let pair = Pair::alike(&lower, NUMBERED).await;
    assert_eq!(pair.report().await.verdict, Verdict::Equal);
    for (legacy, modern) in [(&upper, &lower), (&lower, &upper)] {
        let pair = Pair::of(legacy, modern, NUMBERED).await;
        let report = pair.report().await;
        assert_ne!(report.verdict, Verdict::Equal);
        let failure = only(&report).not_verified.join("; ");
        assert!(
            failure.contains("`t.id` has the key 'A1B2C3D4-"),
            "{failure}"
        );
        assert!(failure.contains("looked for as 'a1b2c3d4-"), "{failure}");
    }
}

#[tokio::test]
async fn a_declared_key_that_several_rows_are_under_is_an_error_that_names_it() {
    let legacy = "CREATE TABLE t (code TEXT NOT NULL, part INTEGER NOT NULL, n INTEGER);
         INSERT INTO t VALUES ('A', 1, 1), ('A', 2, 2), ('B', 1, 3);";
    let modern = "CREATE TABLE t (code TEXT PRIMARY KEY, part INTEGER, n INTEGER);
         INSERT INTO t VALUES ('A', 2, 2), ('B', 1, 3);";
    let mapping = |more: &str| format!("{NUMBERED}key = [\"code\"]\n{more}");
    let pair = Pair::of(legacy, modern, &mapping("")).await;
    let report = pair.report().await;
    assert_eq!(report.verdict, Verdict::NotVerified);
    let why = only(&report).not_verified.join("; ");
    assert!(why.contains("several rows have the key"), "{why}");
    assert!(why.contains("\"A\""), "{why}");
    let (sides, never) = (pair.both().await, CancellationToken::new());
    let (loading, watch) = (load::Options::default(), Arc::new(load::Unwatched));
    let (source, target) = (sides.source, sides.target);
    let copied = load::run(&sides.plan, source, target, &loading, watch, never).await;
    let why = copied.expect_err("no copy");
    let why = std::error::Error::source(&why)
        .expect("a cause")
        .to_string();
    assert!(why.contains("several rows have the key"), "{why}");
    // One of them is left out, or the key has a further column.
    let pair = Pair::of(
        legacy,
        modern,
        &mapping("where = \"part <> 1 OR n <> 1\"\n"),
    )
    .await;
    assert_eq!(pair.report().await.verdict, Verdict::Equal);
    let modern = "CREATE TABLE t (code TEXT, part INTEGER, n INTEGER, PRIMARY KEY (code, part));
         INSERT INTO t VALUES ('A', 1, 1), ('A', 2, 2), ('B', 1, 3);";
    let mapping = format!("{NUMBERED}key = [\"code\", \"part\"]\n");
    let pair = Pair::of(legacy, modern, &mapping).await;
    assert_eq!(pair.report().await.verdict, Verdict::Equal);
}
