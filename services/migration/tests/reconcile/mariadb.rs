//! `MariaDB` against `PostgreSQL`: collations that take several keys for one, padding, times
//! without a zone, types that the other side does not have.

use migration_service::reconcile::{Health, Method, Options, Verdict};
use migration_service::repair::{Log, apply, propose};
use tokio_util::sync::CancellationToken;

use crate::pair::{Pair, only, options, said};

const LEGACY: &str = "CREATE TABLE orders (id int PRIMARY KEY, customer bigint unsigned,
        state varchar(10), cents int, price decimal(12, 4), rate double, code char(6), note text,
        raw varbinary(8), day date, clock time(6), placed datetime(6), paid tinyint(1),
        token char(36), size enum('S', 'M')) DEFAULT CHARSET utf8mb4;
    INSERT INTO orders SELECT seq * 3, seq % 50, CASE seq % 2 WHEN 0 THEN 'open' ELSE 'paid' END,
        seq * 7, seq / 8, seq / 7, 'ab', concat('note ', seq, ' ä'), x'00ff', '2026-01-02',
        '03:04:05.000006', timestamp('2026-07-02 03:04:05.000006') + INTERVAL seq SECOND,
        seq % 2, concat('00112233-4455-6677-8899-', lpad(seq, 12, '0')), 'M'
    FROM seq_1_to_2000;";

const MODERN: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint, state text,
        total numeric(12, 2), price numeric(12, 4), rate double precision, code varchar(6),
        note text, raw bytea, day date, clock time, placed timestamptz, paid boolean, token uuid,
        size text);
    INSERT INTO orders SELECT i * 3, i % 50, CASE i % 2 WHEN 0 THEN 'OPEN' ELSE 'PAID' END,
        i * 7 / 100.0, i / 8.0, i / 7.0::float8, 'ab', 'note ' || i || ' ä', '\\x00ff', '2026-01-02',
        '03:04:05.000006',
        timestamptz '2026-07-02 03:04:05.000006 Europe/Berlin' + make_interval(secs => i),
        i % 2 = 1, ('00112233-4455-6677-8899-' || lpad(i::text, 12, '0'))::uuid, 'M'
    FROM generate_series(1, 2000) AS i;";

const MAPPING: &str = "zone = \"Europe/Berlin\"\n\n[[tables]]\nfrom = \"orders\"\nto = \"orders\"\n\
    same = true\n[tables.columns]\n\
    state = { from = \"state\", map = { open = \"OPEN\", paid = \"PAID\" } }\n\
    total = { from = \"cents\", units = 2 }\nrate = { from = \"rate\", compare = { within = \"0.000001\" } }\n";

#[tokio::test]
async fn rows_of_two_kinds_of_servers_are_equal_by_the_mapping_and_each_change_is_found() {
    let pair = Pair::from_mariadb(LEGACY, MODERN, MAPPING).await;
    let options = Options {
        range: 600,
        ..options()
    };
    let report = pair.report_with(&options).await;
    assert_eq!(
        report.verdict,
        Verdict::Equal,
        "{:?} {:?}",
        said(&report),
        report.ledger
    );
    assert_eq!(only(&report).method, Method::Merge);
    let changes = [
        ("customer", "-1"),
        ("state", "'open'"),
        ("total", "total + 0.01"),
        ("price", "price + 0.0001"),
        ("rate", "rate + 0.00001"),
        ("code", "'ab '"),
        ("note", "'other'"),
        ("raw", "'\\x00'"),
        ("day", "NULL"),
        ("clock", "'03:04:05'"),
        ("placed", "placed + interval '1 hour'"),
        ("paid", "NOT paid"),
        ("token", "gen_random_uuid()"),
        ("size", "'S'"),
    ];
    for (number, (column, value)) in (1..).zip(changes) {
        let id = number * 300;
        pair.at_modern(&format!(
            "UPDATE orders SET {column} = {value} WHERE id = {id}"
        ))
        .await;
    }
    pair.at_modern(
        "DELETE FROM orders WHERE id = 3; INSERT INTO orders (id) VALUES (1), (9999999)",
    )
    .await;
    let report = pair.report_with(&options).await;
    let ledger = report.ledger;
    assert_eq!((ledger.different, ledger.missing, ledger.extra), (14, 1, 2));
    assert_eq!(report.health, Health::Warning);
    let found: Vec<&String> = only(&report)
        .rows
        .iter()
        .flat_map(|row| &row.columns)
        .collect();
    for (column, _) in changes {
        assert!(
            found.iter().any(|found| *found == column),
            "{column}: {found:?}"
        );
    }

    let (sides, stop) = (pair.both().await, CancellationToken::new());
    let proposal = propose(&sides, &report, &options, &stop)
        .await
        .expect("a proposal");
    let mut log = Log::create(&pair.path("undo.jsonl")).expect("a log");
    let applied = apply(&sides, &proposal, 2, &mut log, &options, &stop).await;
    assert_eq!(applied.expect("a repair").verified, 17);
    assert_eq!(pair.report_with(&options).await.verdict, Verdict::Equal);
}

#[tokio::test]
async fn keys_that_one_side_takes_for_equal_are_kept_apart() {
    let legacy = "CREATE TABLE t (code varchar(20) PRIMARY KEY, n int)
                      DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_general_ci;
                  INSERT INTO t SELECT concat('Key ', seq), seq FROM seq_1_to_1500;
                  INSERT INTO t VALUES ('ÄB', 0), ('b', 0), ('C', 0)";
    let modern = "CREATE TABLE t (code text PRIMARY KEY, n int);
                  INSERT INTO t SELECT 'Key ' || i, i FROM generate_series(1, 1500) AS i;
                  INSERT INTO t VALUES ('ÄB', 0), ('B', 0), ('C', 0), ('C ', 1), ('äb', 2)";
    let mapping = "[[tables]]\nfrom = \"t\"\nto = \"t\"\n";
    let pair = Pair::from_mariadb(legacy, modern, mapping).await;
    let report = pair.report().await;
    let ledger = report.ledger;
    assert_eq!(only(&report).method, Method::Lookup);
    assert_eq!(
        (ledger.equal, ledger.missing, ledger.extra),
        (1502, 1, 3),
        "{ledger:?}"
    );
    assert_eq!(
        said(&report),
        [
            "1 row: extra in t, but for case or blanks of the key",
            "1 row: missing in t, but for case or blanks of the key",
            "2 rows: extra in t",
        ]
    );
}
