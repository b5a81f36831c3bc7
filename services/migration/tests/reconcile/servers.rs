//! `PostgreSQL` on both sides: its own types and collations, counters, repair.

use std::sync::Arc;

use migration_service::load;
use migration_service::reconcile::{Cause, Method, Options, Verdict};
use migration_service::repair::{Log, apply, propose, undo};
use tokio_util::sync::CancellationToken;

use crate::pair::{NUMBERED, Pair, numbered, only, options, said};

const TYPES: &str = "CREATE TABLE t (id bigint PRIMARY KEY, small smallint, exact numeric(38, 10),
    loose numeric, single real, double double precision, text text, padded char(5), bytes bytea,
    day date, clock time, naive timestamp, moment timestamptz, uuid uuid, truth boolean,
    json json, binary_json jsonb);";

const ROWS: &str = "INSERT INTO t SELECT i, 7, 12345678901234567890.0123456789, 1.50, 0.5, -0.0,
    'a''b\\', 'x', '\\x00ff', '2026-01-02', '03:04:05.000001', '2026-01-02 03:04:05.000003',
    '2026-01-02 03:04:05+01', '00112233-4455-6677-8899-aabbccddeeff', true,
    '{\"b\": [1, 2.50], \"a\": null}', '{\"b\": [1, 2.50], \"a\": null}'
    FROM generate_series(1, 20) AS i;";

/// A change of each column's value.
const CHANGES: [(&str, &str); 16] = [
    ("small", "8"),
    ("exact", "12345678901234567890.012345679"),
    ("loose", "1.51"),
    ("single", "0.50000006"),
    ("double", "1e-300"),
    ("text", "'a''b'"),
    ("padded", "'X'"),
    ("bytes", "'\\x00fe'"),
    ("day", "'2026-01-03'"),
    ("clock", "'03:04:05.000002'"),
    ("naive", "'2026-01-02 03:04:05.000004'"),
    ("moment", "'2026-01-02 03:04:05+02'"),
    ("uuid", "'00112233-4455-6677-8899-aabbccddeefe'"),
    ("truth", "NULL"),
    ("json", "'{\"a\": null, \"b\": [2.5, 1]}'"),
    ("binary_json", "'{\"b\": [1, 2.5]}'"),
];

#[tokio::test]
async fn every_type_is_compared_by_its_value_repaired_and_brought_back() {
    let both = format!("{TYPES}{ROWS}");
    let pair = Pair::on_servers(&both, &both, NUMBERED).await;
    pair.at_modern(
        "UPDATE t SET json = '{\"a\":null,\"b\":[1,2.5]}', loose = 1.5, double = 0.0, padded = 'x  '",
    )
    .await;
    let report = pair.report().await;
    assert_eq!(report.verdict, Verdict::Equal, "{:?}", said(&report));
    for (id, (column, value)) in (1..).zip(CHANGES) {
        pair.at_modern(&format!("UPDATE t SET {column} = {value} WHERE id = {id}"))
            .await;
    }
    pair.at_modern("DELETE FROM t WHERE id = 19; INSERT INTO t (id) VALUES (99)")
        .await;
    let drifted = pair.modern.texts("SELECT t::text FROM t ORDER BY id").await;
    let report = pair.report().await;
    let ledger = report.ledger;
    assert_eq!((ledger.different, ledger.missing, ledger.extra), (16, 1, 1));
    for (id, (column, _)) in (0..).zip(CHANGES) {
        assert_eq!(only(&report).rows[id].columns, [column]);
    }

    let (sides, stop) = (pair.both().await, CancellationToken::new());
    let proposal = propose(&sides, &report, &options(), &stop)
        .await
        .expect("a proposal");
    eprintln!(
        "{}",
        proposal.sql(migration_service::store::Dialect::Postgres)[0]
    );
    let path = pair.path("undo.jsonl");
    let mut log = Log::create(&path).expect("a log");
    let applied = apply(&sides, &proposal, 1, &mut log, &options(), &stop).await;
    let applied = applied.expect("a repair");
    assert_eq!((applied.changed, applied.verified), (18, 18), "{applied:?}");
    assert_eq!(pair.report().await.verdict, Verdict::Equal);
    let undone = undo(&sides, &path, &stop).await.expect("an undo");
    assert_eq!(undone.changed, 18, "{undone:?}");
    assert_eq!(
        pair.modern.texts("SELECT t::text FROM t ORDER BY id").await,
        drifted
    );
}

#[tokio::test]
async fn a_delete_takes_what_nothing_maps_and_no_rows_of_other_tables() {
    let legacy = "CREATE TABLE t (id int PRIMARY KEY, name text);
        CREATE TABLE parents (id int PRIMARY KEY);";
    let modern = "CREATE TYPE rank AS ENUM ('low', 'high');
        CREATE TABLE t (id int PRIMARY KEY, name text, rank rank DEFAULT 'low', at timestamptz,
            more jsonb, price money, twice int GENERATED ALWAYS AS (id * 2) STORED,
            number bigint GENERATED ALWAYS AS IDENTITY);
        CREATE TABLE parents (id int PRIMARY KEY);
        CREATE TABLE children (parent int REFERENCES parents ON DELETE SET NULL);
        INSERT INTO t VALUES (1, 'a', 'high', '2026-01-02 03:04:05+01', '{\"a\": 1}', 12.5);
        INSERT INTO t VALUES (2, 'b');
        INSERT INTO parents VALUES (1); INSERT INTO children VALUES (1);";
    let mapping = "[[tables]]\nfrom = \"t\"\nto = \"t\"\nsame = true\n\
        [[tables]]\nfrom = \"parents\"\nto = \"parents\"\n";
    let pair = Pair::on_servers(legacy, modern, mapping).await;
    let all = "SELECT t::text FROM t ORDER BY id";
    let before = pair.modern.texts(all).await;
    let report = pair.report().await;
    let (sides, stop) = (pair.both().await, CancellationToken::new());
    let proposal = propose(&sides, &report, &options(), &stop).await;
    let proposal = proposal.expect("a proposal");
    assert_eq!(
        proposal.impossible,
        ["public.parents 1: its delete would change rows of children as well"]
    );
    let path = pair.path("undo.jsonl");
    let mut log = Log::create(&path).expect("a log");
    let applied = apply(&sides, &proposal, 2, &mut log, &options(), &stop).await;
    assert_eq!(applied.expect("a repair").changed, 2);
    assert!(pair.modern.texts(all).await.is_empty());
    let undone = undo(&sides, &path, &stop).await.expect("an undo");
    assert_eq!(undone.changed, 2, "{undone:?}");
    assert_eq!(pair.modern.texts(all).await, before);
}

#[tokio::test]
async fn keys_are_found_whatever_their_order_is_on_either_side() {
    let made = |collation: &str| {
        format!(
            "CREATE TABLE t (tenant uuid, code text COLLATE \"{collation}\", n int, at timestamptz,
                 PRIMARY KEY (tenant, code));
             INSERT INTO t SELECT md5((i % 5)::text)::uuid,
                 (ARRAY['a', 'B', 'ä', 'Z', 'ß', '1', '_', 'É', 'é', ' x'])[1 + i % 10] || i, i,
                 '2026-01-02 03:04:05Z'::timestamptz + make_interval(secs => i)
             FROM generate_series(1, 3000) AS i;"
        )
    };
    for (one, two, method) in [
        ("C", "C", Method::Merge),
        ("und-x-icu", "C", Method::Lookup),
        ("und-x-icu", "und-x-icu", Method::Lookup),
    ] {
        let pair = Pair::on_servers(&made(one), &made(two), NUMBERED).await;
        let options = Options {
            range: 700,
            ..options()
        };
        assert_eq!(pair.report_with(&options).await.verdict, Verdict::Equal);
        pair.at_modern(
            "UPDATE t SET n = -1 WHERE n % 500 = 0; DELETE FROM t WHERE n % 700 = 699;
             INSERT INTO t SELECT gen_random_uuid(), 'extra', 0, now() FROM generate_series(1, 5)",
        )
        .await;
        let report = pair.report_with(&options).await;
        let ledger = report.ledger;
        assert_eq!(
            (ledger.different, ledger.missing, ledger.extra),
            (6, 4, 5),
            "{one} {two}"
        );
        assert_eq!(ledger.equal, 2990);
        assert_eq!(only(&report).method, method);
    }
}

#[tokio::test]
async fn a_counter_that_is_behind_its_table_is_a_difference() {
    let table = "CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, n int);
                 INSERT INTO t SELECT i, i FROM generate_series(1, 50) AS i;";
    let pair = Pair::on_servers(table, table, NUMBERED).await;
    let report = pair.report().await;
    assert_eq!(report.verdict, Verdict::Different);
    assert_eq!(
        said(&report),
        ["1 row: the counter of t.id is behind its greatest value"]
    );
    pair.at_modern("SELECT setval('t_id_seq', 50)").await;
    let report = pair.report().await;
    assert_eq!(report.verdict, Verdict::Equal);
    assert_eq!(only(&report).counters[0].next, 51);
}

#[tokio::test]
async fn rows_of_a_file_are_compared_with_those_of_a_server() {
    let pair = Pair::from_file(
        &numbered(1200),
        "CREATE TABLE t (id bigint PRIMARY KEY, name text, total numeric(12, 2));
         INSERT INTO t SELECT i * 7 + (i / 100) * 10000, 'name ' || i, i * 3
         FROM generate_series(1, 1200) AS i;",
        NUMBERED,
    )
    .await;
    assert_eq!(pair.report().await.verdict, Verdict::Equal);
    pair.at_modern("UPDATE t SET total = total + 0.01 WHERE id = 7; DELETE FROM t WHERE id = 14")
        .await;
    let report = pair.report().await;
    assert_eq!((report.ledger.different, report.ledger.missing), (1, 1));
    let findings = &only(&report).findings;
    assert!(
        findings
            .iter()
            .any(|finding| finding.cause == Cause::Rounding)
    );
}

#[tokio::test]
async fn ranges_of_one_hash_are_not_read_and_every_other_row_is() {
    let schema = "CREATE TABLE t (id bigint PRIMARY KEY, name text, amount numeric(10, 2));
                  INSERT INTO t SELECT i, 'name ' || i, i / 4.0 FROM generate_series(1, 4000) AS i";
    let pair = Pair::on_servers(schema, schema, NUMBERED).await;
    let options = Options {
        range: 250,
        ..options()
    };
    let equal = pair.report_with(&options).await;
    assert_eq!(equal.verdict, Verdict::Equal);
    assert_eq!((only(&equal).hashed, equal.ledger.equal), (4000, 4000));
    // Two rows exchange a value, one is gone, one is more, one differs by a little.
    pair.at_modern(
        "UPDATE t SET name = 'name ' || CASE id WHEN 1001 THEN 1002 ELSE 1001 END
             WHERE id IN (1001, 1002);
         DELETE FROM t WHERE id = 2500;
         INSERT INTO t VALUES (5000, 'more', 0);
         UPDATE t SET amount = amount + 0.01 WHERE id = 1100",
    )
    .await;
    let differs = pair.report_with(&options).await;
    let ledger = &differs.ledger;
    assert_eq!(
        (ledger.equal, ledger.different, ledger.missing, ledger.extra),
        (3996, 3, 1, 1)
    );
    let hashed = only(&differs).hashed;
    assert!((2500..=3500).contains(&hashed), "{hashed} were not read");
    // Where most ranges differ, rows are read as if there were no hashes.
    pair.at_modern("UPDATE t SET amount = amount + 1 WHERE id % 50 = 0")
        .await;
    let differs = pair.report_with(&options).await;
    assert_eq!(only(&differs).hashed, 0);
    assert_eq!(differs.ledger.different, 81);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_megabyte_behind_a_thousand_short_ones_are_copied_and_compared() {
    let modern = "CREATE TABLE t (id bigint PRIMARY KEY, body text NOT NULL)";
    let of_mariadb = "CREATE TABLE t (id bigint PRIMARY KEY, body mediumtext NOT NULL);
         INSERT INTO t SELECT seq, repeat(char(97 + seq % 26), if(seq > 3000, 1000000, 1))
             FROM seq_1_to_3080";
    let of_sqlite = "CREATE TABLE t (id bigint PRIMARY KEY, body text NOT NULL);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3080)
         INSERT INTO t SELECT i, CASE WHEN i > 3000 THEN hex(zeroblob(500000)) ELSE 'x' END FROM n";
    for pair in [
        Pair::from_mariadb(of_mariadb, modern, NUMBERED).await,
        Pair::from_file(of_sqlite, modern, NUMBERED).await,
    ] {
        let (sides, never) = (pair.both().await, CancellationToken::new());
        let loading = load::Options::default();
        let copied = load::run(
            &sides.plan,
            sides.source,
            sides.target,
            &loading,
            Arc::new(load::Unwatched),
            never,
        );
        assert_eq!(copied.await.expect("a copy").tables[0].written, 3080);
        let report = pair.report().await;
        assert_eq!(report.verdict, Verdict::Equal, "{:?}", said(&report));
        assert_eq!(report.ledger.equal, 3080);
    }
}

#[tokio::test]
async fn what_a_declared_type_does_not_hold_is_no_equal_row_for_its_bytes_or_hash() {
    let modern = "CREATE TABLE t (id bigint PRIMARY KEY, n numeric);
                  INSERT INTO t VALUES (1, 1.2345), (2, 1.2);";
    let legacy = modern.replace("numeric", "numeric(12, 4)");
    let mapping = |more: &str| {
        format!(
            "{NUMBERED}same = true\n[tables.columns]\n\
             n = {{ from = \"n\", type = \"decimal(10, 2)\"{more} }}\n"
        )
    };
    for hashed in [true, false] {
        let pair = async |mapping: &str| {
            if hashed {
                Pair::on_servers(&legacy, modern, mapping).await
            } else {
                Pair::from_mariadb(&legacy, modern, mapping).await
            }
        };
        let rounded = pair(&mapping(", round = true")).await.report().await;
        assert_eq!((rounded.ledger.different, rounded.ledger.equal), (1, 1));
        let refused = pair(&mapping("")).await.report().await;
        assert_eq!(
            (refused.ledger.not_comparable, refused.ledger.equal),
            (1, 1)
        );
    }
}
