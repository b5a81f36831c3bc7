//! Every planted difference is found with its cause, and none is invented.

use migration_service::reconcile::{Health, Ledger, Method, Options, Verdict};

use crate::pair::{NUMBERED, Pair, numbered, only, options, said};

#[tokio::test]
async fn equal_tables_are_equal_row_by_row() {
    let pair = Pair::alike(&numbered(3000), NUMBERED).await;
    let report = pair.report().await;
    assert_eq!(report.verdict, Verdict::Equal);
    assert_eq!(report.health, Health::Healthy);
    assert_eq!(report.equal_percent, Some(100.0));
    assert_eq!(only(&report).method, Method::Merge);
    let equal = Ledger {
        equal: 3000,
        ..Ledger::default()
    };
    assert_eq!(report.ledger, equal);
}

#[tokio::test]
async fn missing_extra_and_different_rows_are_told_apart_in_every_range() {
    let pair = Pair::alike(&numbered(2000), NUMBERED).await;
    pair.at_modern(
        "DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY id LIMIT 1 OFFSET 0);
         DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY id DESC LIMIT 2);
         INSERT INTO t VALUES (-5, 'before all', 0), (99999999, 'behind all', 0), (15, 'in a gap', 0);
         UPDATE t SET total = total + 1000 WHERE total % 300 = 0;",
    )
    .await;
    for range in [100, 333, 100_000] {
        let options = Options { range, ..options() };
        let report = pair.report_with(&options).await;
        let expected = Ledger {
            equal: 2000 - 3 - 19,
            different: 19,
            missing: 3,
            extra: 3,
            ..Ledger::default()
        };
        assert_eq!(report.ledger, expected, "ranges of {range}");
        assert_eq!(report.verdict, Verdict::Different);
        let table = only(&report);
        assert_eq!(table.rows.len(), 25);
        let ranges: u64 = table.ranges.iter().map(|range| range.ledger.rows()).sum();
        assert_eq!(ranges, report.ledger.rows());
        assert_eq!(
            said(&report),
            [
                "19 rows: apart by 1000 in t.total; allowed by compare = { within = \"1000\" }",
                "3 rows: extra in t",
                "3 rows: missing in t",
            ]
        );
    }
}

#[tokio::test]
async fn every_type_is_compared_by_its_value() {
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, whole INTEGER, exact TEXT, float REAL,
                 text TEXT, bytes BLOB, day TEXT, clock TEXT, naive TEXT, moment TEXT, uuid TEXT,
                 truth INTEGER, json TEXT);";
    let row = "(ID, 9007199254740993, '9.10', 0.5, 'a', x'00ff', '2026-01-02', '03:04:05',
                '2026-01-02 03:04:05.003', '2026-01-02T03:04:05Z',
                '00112233-4455-6677-8899-aabbccddeeff', 1, '{\"a\": 1.50, \"b\": [1, 2]}')";
    let rows: Vec<String> = (1..=13)
        .map(|id| row.replace("ID", &id.to_string()))
        .collect();
    let legacy = format!("{table} INSERT INTO t VALUES {};", rows.join(", "));
    let mapping = format!(
        "{NUMBERED}same = true\n[tables.columns]\nexact = {{ from = \"exact\", type = \"decimal\" }}\n\
         day = {{ from = \"day\", type = \"date\" }}\n\
         clock = {{ from = \"clock\", type = \"time(6)\" }}\n\
         naive = {{ from = \"naive\", type = \"datetime(7)\" }}\n\
         moment = {{ from = \"moment\", type = \"instant(6)\" }}\n\
         uuid = {{ from = \"uuid\", type = \"uuid\" }}\n\
         truth = {{ from = \"truth\", type = \"bool\" }}\n\
         json = {{ from = \"json\", type = \"json\" }}\n"
    );
    let pair = Pair::alike(&legacy, &mapping).await;
    // The same values in another writing.
    pair.at_modern(
        "UPDATE t SET exact = '9.1', clock = '03:04:05.000', naive = '2026-01-02T03:04:05.0030000',
         moment = '2026-01-02T04:04:05+01:00', uuid = '00112233-4455-6677-8899-AABBCCDDEEFF',
         json = '{\"b\":[1,2],\"a\":1.5}'",
    )
    .await;
    assert_eq!(pair.report().await.verdict, Verdict::Equal);
    let changes = [
        ("whole", "9007199254740992"),
        ("exact", "'9.01'"),
        ("float", "0.50000001"),
        ("text", "'á'"),
        ("bytes", "x'00fe'"),
        ("day", "'2026-01-03'"),
        ("clock", "'03:04:06'"),
        ("naive", "'2026-01-02 03:04:05.0030001'"),
        ("moment", "'2026-01-02T03:04:05.000001Z'"),
        ("uuid", "'00112233-4455-6677-8899-aabbccddeefe'"),
        ("truth", "0"),
        ("json", "'{\"a\": 1.5, \"b\": [2, 1]}'"),
    ];
    for (id, (column, value)) in (1..).zip(changes) {
        pair.at_modern(&format!("UPDATE t SET {column} = {value} WHERE id = {id}"))
            .await;
    }
    let report = pair.report().await;
    assert_eq!((report.ledger.different, report.ledger.equal), (12, 1));
    let mut columns: Vec<String> = only(&report)
        .rows
        .iter()
        .flat_map(|row| row.columns.clone())
        .collect();
    let mut expected: Vec<&str> = changes.iter().map(|(column, _)| *column).collect();
    columns.sort();
    expected.sort_unstable();
    assert_eq!(columns, expected);
}

#[tokio::test]
async fn each_pitfall_is_found_with_its_cause_and_the_rule_that_would_allow_it() {
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, at TEXT, price TEXT);";
    let pair = Pair::alike(
        &format!(
            "{table} INSERT INTO t VALUES
             (1, '12', '3', NULL, '1.00'), (2, 'x', 'y', NULL, '9.01'), (3, NULL, 'y', NULL, '1.00'),
             (4, 'x', 'y', '2026-01-02 03:04:05.0033333', '1.00'), (5, 'x', 'y', NULL, '1.00'),
             (6, 'x', 'y', NULL, '1.00'), (7, 'x', NULL, NULL, '1.00'),
             (8, 'x', 'y', '2026-01-02 03:04:05', '1.00'), (9, 'abcdef', 'y', NULL, '1.00'),
             (10, 'x', 'y', NULL, '10.00'), (11, 'é', 'y', NULL, '1.00');"
        ),
        &format!(
            "{NUMBERED}same = true\n[tables.columns]\n\
             at = {{ from = \"at\", type = \"datetime(7)\" }}\n\
             price = {{ from = \"price\", type = \"decimal(10, 2)\" }}\n"
        ),
    )
    .await;
    pair.at_modern(
        "UPDATE t SET a = '1', b = '23' WHERE id = 1;
         UPDATE t SET price = '901' WHERE id = 2;
         UPDATE t SET a = 'null' WHERE id = 3;
         UPDATE t SET at = '2026-01-02 03:04:05.003' WHERE id = 4;
         UPDATE t SET a = 'x   ' WHERE id = 5;
         UPDATE t SET a = 'X' WHERE id = 6;
         UPDATE t SET b = '' WHERE id = 7;
         UPDATE t SET at = '2026-01-02 01:04:05' WHERE id = 8;
         UPDATE t SET a = 'abc' WHERE id = 9;
         UPDATE t SET price = '10.01' WHERE id = 10;
         UPDATE t SET a = 'e' || char(769) WHERE id = 11;",
    )
    .await;
    let report = pair.report().await;
    assert_eq!(report.ledger.different, 11);
    assert_eq!(
        said(&report),
        [
            "1 row: a lost decimal point in t.price",
            "1 row: another Unicode form in t.a",
            "1 row: another value in t.b",
            "1 row: another writing of 1/300 s in t.at; allowed by compare = { within = \"4ms\" }",
            "1 row: apart by -2:00 h, as time zones are, in t.at; allowed by compare = { within = \"120m\" }",
            "1 row: at most 0.01 apart in t.price; allowed by compare = { within = \"0.01\" }",
            "1 row: cut off after 1 characters in t.a",
            "1 row: cut off after 3 characters in t.a",
            "1 row: letter case in t.a; allowed by compare = { case = true }",
            "1 row: null against \"null\" in t.a; allowed by null_if = [\"null\"]",
            "1 row: null against an empty text in t.b; allowed by compare = { empty = true }",
            "1 row: trailing blanks in t.a; allowed by compare = { trim = true }",
        ]
    );
}

#[tokio::test]
async fn what_the_mapping_allows_is_equal_and_no_more_than_that() {
    let table =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, at TEXT, price TEXT, note TEXT);";
    let rows = "INSERT INTO t VALUES (1, 'x', 'y', '2026-01-02 03:04:05.0033333', '10.00', 'n'),
                (2, 'x', NULL, '2026-01-02 03:04:05', '10.00', 'n');";
    let pair = Pair::alike(
        &format!("{table} {rows}"),
        &format!(
            "{NUMBERED}same = true\n[tables.columns]\n\
             a = {{ from = \"a\", compare = {{ trim = true, case = true }} }}\n\
             b = {{ from = \"b\", compare = {{ empty = true }} }}\n\
             at = {{ from = \"at\", type = \"datetime(7)\", compare = {{ within = \"4ms\" }} }}\n\
             price = {{ from = \"price\", type = \"decimal(10, 2)\", compare = {{ within = \"0.01\" }} }}\n\
             note = {{ from = \"note\", compare = {{ ignore = true }} }}\n"
        ),
    )
    .await;
    pair.at_modern(
        "UPDATE t SET a = 'X  ', b = coalesce(b, ''), price = '10.01', note = 'other';
         UPDATE t SET at = '2026-01-02 03:04:05.003' WHERE id = 1",
    )
    .await;
    let report = pair.report().await;
    assert_eq!(report.verdict, Verdict::Equal, "{:?}", said(&report));
    assert_eq!(only(&report).columns_left_out, ["note"]);
    pair.at_modern(
        "UPDATE t SET a = ' x' WHERE id = 1; UPDATE t SET price = '10.02' WHERE id = 2;
         UPDATE t SET at = '2026-01-02 03:04:05.1' WHERE id = 2",
    )
    .await;
    assert_eq!(pair.report().await.ledger.different, 2);
}

#[tokio::test]
async fn keys_of_several_columns_with_any_texts_are_kept_apart() {
    let table = "CREATE TABLE t (a TEXT, b TEXT, n INTEGER, PRIMARY KEY (a, b));";
    let pair = Pair::alike(
        &format!(
            "{table} INSERT INTO t VALUES ('12', '3', 1), ('1', '23', 2), ('', '123', 3),
             ('a', 'B', 4), ('A', 'b', 5), ('a ', 'b', 6), ('it''s', '\\', 7), ('ß', 'é', 8);"
        ),
        NUMBERED,
    )
    .await;
    assert_eq!(pair.report().await.verdict, Verdict::Equal);
    pair.at_modern("DELETE FROM t WHERE a = '1'; UPDATE t SET n = 9 WHERE a = 'A'")
        .await;
    let report = pair.report().await;
    assert_eq!((report.ledger.missing, report.ledger.different), (1, 1));
    assert_eq!(report.ledger.equal, 6);
}

#[tokio::test]
async fn keys_that_become_others_are_looked_up_and_extras_are_found() {
    let legacy = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);
                  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
                  INSERT INTO t SELECT i, 'name ' || i FROM n;";
    let mapping = "[[tables]]\nfrom = \"t\"\nto = \"things\"\n[tables.columns]\n\
                   id = { generate = \"thing\", type = \"uuid\" }\nname = \"name\"\n";
    let pair = Pair::of(
        legacy,
        "CREATE TABLE things (id TEXT PRIMARY KEY, name TEXT);",
        mapping,
    )
    .await;
    for id in 1..=2500 {
        if id == 17 {
            continue;
        }
        let uuid = migration_service::transform::generated("thing", &id.to_string());
        let name = if id == 30 {
            "other"
        } else {
            &format!("name {id}")
        };
        pair.at_modern(&format!("INSERT INTO things VALUES ('{uuid}', '{name}')"))
            .await;
    }
    pair.at_modern(
        "INSERT INTO things VALUES ('00000000-0000-4000-8000-000000000000', 'nobody''s'),
         ('ffffffff-0000-4000-8000-000000000000', 'nobody''s')",
    )
    .await;
    let options = Options {
        range: 700,
        ..options()
    };
    let report = pair.report_with(&options).await;
    let expected = Ledger {
        equal: 2498,
        different: 1,
        missing: 1,
        extra: 2,
        ..Ledger::default()
    };
    assert_eq!(report.ledger, expected);
    assert_eq!(only(&report).method, Method::Lookup);
}

#[tokio::test]
async fn keys_that_collide_but_for_case_are_missing_and_extra_and_said_to_be() {
    let legacy = "CREATE TABLE t (code TEXT PRIMARY KEY COLLATE NOCASE, n INTEGER);
                  INSERT INTO t VALUES ('ABC', 1), ('b', 2), ('C', 3), ('d', 4);";
    let modern = "CREATE TABLE t (code TEXT PRIMARY KEY, n INTEGER);
                  INSERT INTO t VALUES ('abc', 1), ('b', 2), ('C', 3), ('d', 4), ('D', 5);";
    let pair = Pair::of(legacy, modern, NUMBERED).await;
    let report = pair.report().await;
    assert_eq!(only(&report).method, Method::Lookup);
    let ledger = report.ledger;
    assert_eq!((ledger.equal, ledger.missing, ledger.extra), (3, 1, 2));
    assert_eq!(
        said(&report),
        [
            "1 row: extra in t",
            "1 row: extra in t, but for case or blanks of the key",
            "1 row: missing in t, but for case or blanks of the key",
        ]
    );
}
