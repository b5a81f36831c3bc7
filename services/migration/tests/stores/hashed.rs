//! Hashes of rows: the same in two databases that have the same rows, and another for every change.

use migration_service::store::{Hashed, Range, Source};
use migration_service::value::Value;

use crate::bed::{Bed, Kind, key, whole};

/// The columns of two tables that hold the same values, in other types where they may be.
const COLUMNS: [(&str, &str); 12] = [
    ("bigint PRIMARY KEY", "integer PRIMARY KEY"),
    ("smallint", "bigint"),
    ("numeric(10, 2)", "numeric(12, 4)"),
    ("boolean", "boolean"),
    ("varchar(60)", "text COLLATE \"C\""),
    ("text COLLATE folded", "text"),
    ("bytea", "bytea"),
    ("date", "date"),
    ("timestamp(3)", "timestamp(6)"),
    ("timestamptz", "timestamptz"),
    ("uuid", "uuid"),
    ("jsonb", "jsonb"),
];

const ROWS: [&str; 4] = [
    "1, -7, 10.50, true, 'plain', 'Grüße', '\\x00ff', '2026-01-02', '2026-01-02 03:04:05.12',
     '2026-01-02 03:04:00+02', '6ba25c4b-6a1c-5d0e-9d5c-3a3b0c7511e2', '{\"a\": [1, 2.0]}'",
    "2, 0, -0.01, false, '', 'a', '', 'infinity', '9999-12-31 23:59:59.999', '-infinity',
     '00000000-0000-0000-0000-000000000000', '{}'",
    "3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
    "4, 32767, 'NaN', true, 'plain', 'b', 'x', '2026-10-25', '2026-10-25 02:30:00',
     '1969-12-31 23:59:59.999999Z', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'null'",
];

/// Changes that one careless hash or another would not show.
const CHANGES: [&str; 10] = [
    // Two rows exchange a value.
    "UPDATE t SET c1 = CASE c0 WHEN 1 THEN 0 ELSE -7 END WHERE c0 < 3",
    "UPDATE t SET c5 = CASE c0 WHEN 2 THEN 'b' ELSE 'a' END WHERE c0 IN (2, 4)",
    // A value goes to the next column.
    "UPDATE t SET c4 = c5, c5 = c4 WHERE c0 = 1",
    "UPDATE t SET c4 = NULL, c5 = '' WHERE c0 = 2",
    "UPDATE t SET c4 = '' WHERE c0 = 3",
    "UPDATE t SET c4 = 'plain ' WHERE c0 = 4",
    // To the collation, both are the same.
    "UPDATE t SET c5 = upper(c5) WHERE c0 = 1",
    "UPDATE t SET c8 = c8 + interval '1 ms' WHERE c0 = 4",
    "UPDATE t SET c11 = '{\"a\": [1, 2.00]}' WHERE c0 = 1",
    "DELETE FROM t WHERE c0 = 3",
];

async fn filled(types: impl Fn(&(&'static str, &'static str)) -> &'static str) -> Bed {
    let bed = Bed::new(Kind::Postgres).await;
    let columns = COLUMNS.iter().enumerate();
    let columns: Vec<String> = columns
        .map(|(number, pair)| format!("c{number} {}", types(pair)))
        .collect();
    bed.run(
        "CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    )
    .await;
    bed.run(&format!("CREATE TABLE t ({})", columns.join(", ")))
        .await;
    for row in ROWS {
        bed.run(&format!("INSERT INTO t VALUES ({row})")).await;
    }
    bed
}

async fn hashed(source: &dyn Source, range: &Range) -> Hashed {
    let columns: Vec<usize> = (0..COLUMNS.len()).collect();
    let select = whole(source, "t").await;
    let hashed = source.hashed(&select, range, &columns).await;
    hashed.expect("an answer").expect("a hash")
}

#[tokio::test]
async fn the_same_rows_have_one_hash_in_two_databases_and_another_after_each_change() {
    let (first, second) = (filled(|pair| pair.0).await, filled(|pair| pair.1).await);
    let (one, two) = (first.source().await, second.source().await);
    let all = Range::default();
    let whole = hashed(&*one, &all).await;
    assert_eq!(hashed(&*two, &all).await, whole);
    assert_eq!(whole.rows, 4);
    // The rows of both sides of a key add up to all of them.
    let at = Some(key([Value::Int(2)]));
    let until = Range {
        after: None,
        until: at.clone(),
    };
    let after = Range {
        after: at,
        until: None,
    };
    let (start, rest) = (hashed(&*one, &until).await, hashed(&*two, &after).await);
    assert_eq!((start.rows, rest.rows), (2, 2));
    assert_eq!(start.hash ^ rest.hash, whole.hash);
    let mut seen = vec![whole.hash];
    for change in CHANGES {
        first.run(change).await;
        second.run(change).await;
        let changed = hashed(&*one, &all).await;
        assert_eq!(hashed(&*two, &all).await, changed, "{change}");
        assert!(!seen.contains(&changed.hash), "{change}");
        seen.push(changed.hash);
    }
    first.run("DELETE FROM t").await;
    let empty = hashed(&*one, &all).await;
    assert_eq!(empty, Hashed { rows: 0, hash: 0 });
}

#[tokio::test]
async fn rows_are_not_hashed_where_equality_passes_over_something() {
    let file = Bed::new(Kind::Sqlite).await;
    file.run("CREATE TABLE t (c0 bigint NOT NULL PRIMARY KEY)")
        .await;
    let padded = Bed::new(Kind::Postgres).await;
    padded
        .run("CREATE TABLE t (c0 char(5) NOT NULL PRIMARY KEY)")
        .await;
    for bed in [file, padded] {
        let source = bed.source().await;
        let select = whole(&*source, "t").await;
        let hashed = source.hashed(&select, &Range::default(), &[0]).await;
        assert_eq!(hashed.expect("an answer"), None);
    }
}
