//! What only `PostgreSQL` has: its types, identities, collations, and what it refuses.

use migration_service::schema::Type;
use migration_service::store::{How, Range, WriteError};
use migration_service::value::{Row, Value};

use crate::bed::{Bed, Kind, commit, described, destination, key, rows, walked, whole};

/// Every type that is moved, with values at its edges.
const TYPES: &[(&str, &[&str])] = &[
    ("boolean", &["true", "false"]),
    ("smallint", &["-32768", "32767"]),
    ("integer", &["-2147483648", "2147483647"]),
    ("bigint", &["-9223372036854775808", "9223372036854775807"]),
    (
        "numeric",
        &[
            "0",
            "-0.00000000000000000000000000000000000001",
            "99999999999999999999999999999999999999",
            "9.01",
            "10000.0001",
        ],
    ),
    ("numeric(10,2)", &["99999999.99", "-0.05", "9.1"]),
    ("real", &["0.1", "'-0'", "'NaN'", "'Infinity'", "3.4e38"]),
    (
        "double precision",
        &["0.1", "1e-300", "'NaN'", "'-Infinity'"],
    ),
    ("text", &["''", "' Łódź 🦀 '", "E'a\\tb\\n\\\\'"]),
    ("character varying(5)", &["'abc  '", "'12345'"]),
    ("character(5)", &["'ab'", "'12345'"]),
    ("json", &["'{\"b\" : 1,  \"a\":[]}'"]),
    ("jsonb", &["'{\"b\" : 1,  \"a\":[]}'", "'1.50'"]),
    ("bytea", &["''", "'\\x00ff27'"]),
    ("date", &["'0001-01-01'", "'9999-12-31'", "'2026-02-28'"]),
    (
        "time without time zone",
        &["'00:00'", "'23:59:59.999999'", "'24:00'"],
    ),
    ("time(3) without time zone", &["'12:34:56.789'"]),
    (
        "timestamp without time zone",
        &["'0001-01-01'", "'9999-12-31 23:59:59.999999'"],
    ),
    (
        "timestamp with time zone",
        &[
            "'2026-01-02 03:04:05.000001+05:30'",
            "'1969-12-31 23:59:59.999999Z'",
        ],
    ),
    ("uuid", &["'00010203-0405-0607-0809-0a0b0c0d0e0f'"]),
    ("money", &["'-92233720368547758.08'", "12.34"]),
    ("oid", &["4294967295"]),
    (
        "interval",
        &["'1 year 2 days -3.000001 seconds'", "'24:00:00'"],
    ),
    ("inet", &["'10.0.0.1/8'"]),
    ("bit varying(9)", &["'1010'"]),
    ("xml", &["'<a>b</a>'"]),
    ("integer[]", &["'{1,NULL,3}'"]),
    ("text[]", &["'{\"a,b\",\"NULL\",NULL}'"]),
    ("int4range", &["'[1,5)'"]),
    ("mood", &["'glad'", "'it''s'"]),
    ("amount", &["12.34"]),
    ("timestamp(0) with time zone", &["'2026-01-02 03:04:05Z'"]),
];

const PREPARED: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'glad', 'it''s');
    CREATE DOMAIN price AS numeric(10,2) NOT NULL DEFAULT 1;
    CREATE DOMAIN amount AS price CHECK (VALUE > 0);";

/// Equal for equal values: no NaN equals another.
fn canonical(rows: &[Row]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in rows.iter().flatten() {
        value.canonical(&mut bytes);
    }
    bytes
}

#[tokio::test]
async fn every_type_comes_out_and_goes_in_exactly() {
    let bed = Bed::new(Kind::Postgres).await;
    bed.run(PREPARED).await;
    let target = bed.target().await;
    for (native, values) in TYPES {
        for table in ["one", "two"] {
            bed.run(&format!("DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (id int PRIMARY KEY, v {native})")).await;
        }
        for (id, value) in values.iter().enumerate() {
            bed.run(&format!("INSERT INTO one VALUES ({id}, {value})"))
                .await;
        }
        let taken = if *native == "amount" { "12.34" } else { "NULL" };
        bed.run(&format!("INSERT INTO one VALUES (-1, {taken})"))
            .await;
        let source = bed.source().await;
        let read = rows(&*source, "one").await;
        let readable = |row: &Row| {
            row.iter()
                .all(|value| !matches!(value, Value::Unreadable(_)))
        };
        assert!(read.iter().all(readable), "{native}: {read:?}");
        let two = destination(&*target, "two").await;
        let differ = "SELECT count(*) FROM one FULL JOIN two USING (id)
                      WHERE one.v::text IS DISTINCT FROM two.v::text";
        for how in [How::Insert, How::Upsert] {
            bed.run("TRUNCATE two").await;
            let written = target.write(&two, &read, how, &commit()).await;
            assert_eq!(written.expect(native), read.len() as u64, "{native}");
            // An unbounded number says no more places than it has.
            if *native != "numeric" {
                assert_eq!(bed.one(differ).await, 0, "{native}");
            }
            assert_eq!(
                canonical(&rows(&*source, "two").await),
                canonical(&read),
                "{native}"
            );
        }
        let again = target.write(&two, &read, How::Upsert, &commit()).await;
        assert_eq!(again.expect(native), 0, "{native}: equal rows were touched");
        source.close().await;
    }
}

#[tokio::test]
async fn what_cannot_be_held_is_unreadable_and_named() {
    let bed = Bed::new(Kind::Postgres).await;
    bed.run(
        "CREATE TABLE t (id int PRIMARY KEY, n numeric, d date, s timestamp, z timestamptz, p point);
         INSERT INTO t VALUES (1, 'NaN', 'infinity', '-infinity', 'infinity', '(1,2)'),
             (2, 1e38, '4000-01-01 BC', '10000-01-01', '294276-12-31', NULL)",
    )
    .await;
    let source = bed.source().await;
    let schema = described(&*source, "t").await;
    assert_eq!(schema.column("p").expect("p").kind, Type::Unsupported);
    let read = rows(&*source, "t").await;
    for row in &read {
        for value in &row[1..5] {
            assert!(matches!(value, Value::Unreadable(_)), "{value:?}");
        }
    }
    assert_eq!(read[0][1].to_string(), "NaN");
    assert_eq!(read[0][3].to_string(), "-infinity");
}

#[tokio::test]
async fn a_table_is_described_with_its_key_and_what_fills_itself() {
    let bed = Bed::new(Kind::Postgres).await;
    bed.run(PREPARED).await;
    bed.run(
        "CREATE SCHEMA sales;
         CREATE EXTENSION IF NOT EXISTS citext;
         CREATE TABLE sales.\"Orders\" (
             n int NOT NULL,
             id bigint GENERATED ALWAYS AS IDENTITY,
             code varchar(7) COLLATE \"C\" NOT NULL,
             b text COLLATE \"en-x-icu\",
             c citext,
             p amount,
             twice int GENERATED ALWAYS AS (n * 2) STORED,
             at timestamptz(3) NOT NULL DEFAULT now());
         CREATE UNIQUE INDEX ON sales.\"Orders\" (b);
         CREATE UNIQUE INDEX ON sales.\"Orders\" (code, n);
         CREATE UNIQUE INDEX ON sales.\"Orders\" (id) WHERE id > 5;",
    )
    .await;
    let source = bed.source().await;
    let schema = described(&*source, "sales.Orders").await;
    // Neither an index with nulls nor one of some rows names each row.
    assert_eq!(schema.key, ["code", "n"]);
    assert_eq!(schema.rows, None);
    let of = |name: &str| schema.column(name).unwrap_or_else(|| panic!("{name}"));
    assert!(of("id").optional && of("at").optional && of("p").optional && !of("n").optional);
    assert!(of("twice").generated && !of("id").generated);
    assert!(!of("p").nullable && of("b").nullable);
    assert!(of("code").ordered && of("n").ordered && !of("b").ordered && !of("c").ordered);
    assert_eq!(
        of("code").kind,
        Type::Text {
            most: Some(7),
            padded: false
        }
    );
    assert_eq!(
        of("p").kind,
        Type::Decimal {
            bounds: Some((10, 2))
        }
    );
    assert_eq!(of("at").kind, Type::Instant { digits: 3 });
    let tables = source.tables().await.expect("tables");
    let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
    assert_eq!(tables, ["sales.Orders"]);
}

#[tokio::test]
async fn keys_are_paged_in_the_order_of_the_server_whatever_they_look_like() {
    let bed = Bed::new(Kind::Postgres).await;
    bed.run(
        "CREATE TYPE size AS ENUM ('small', 'large', 'huge');
         CREATE TABLE t (s size, p char(3), n text COLLATE \"en-x-icu\", PRIMARY KEY (s, p, n));
         INSERT INTO t SELECT s, p, n FROM unnest(enum_range(NULL::size)) AS s,
             unnest('{a,B,c}'::char(3)[]) AS p, unnest('{x,X,y,Y,\"\"}'::text[]) AS n",
    )
    .await;
    let source = bed.source().await;
    let select = whole(&*source, "t").await;
    assert!(!select.is_ordered());
    let all = walked(&*source, &select, &Range::default(), 1000).await;
    assert_eq!(all.len(), 45);
    assert_eq!(all[0][0], Value::text("small"));
    assert_eq!(all[44][0], Value::text("huge"));
    for limit in [1, 4, 44] {
        assert_eq!(
            walked(&*source, &select, &Range::default(), limit).await,
            all
        );
    }
    let keys: Vec<_> = all.iter().map(|row| select.key_of(row)).collect();
    assert_eq!(source.at(&select, &keys).await.expect("rows").len(), 45);
    let cuts = source.cuts(&select, 3).await.expect("cuts");
    assert_eq!(cuts, [keys[14].clone(), keys[29].clone()]);
}

#[tokio::test]
async fn a_large_table_is_cut_by_a_sample_of_its_pages() {
    let bed = Bed::new(Kind::Postgres).await;
    bed.run(
        "CREATE TABLE t (id bigint PRIMARY KEY, filling text);
         INSERT INTO t SELECT n * n, repeat('x', 400) FROM generate_series(1, 20000) AS n",
    )
    .await;
    let source = bed.source().await;
    let select = whole(&*source, "t").await;
    let cuts = source.cuts(&select, 4).await.expect("cuts");
    assert_eq!(cuts, source.cuts(&select, 4).await.expect("the same cuts"));
    let mut bounds = vec![0];
    for cut in &cuts {
        let Some(Value::Int(cut)) = cut.0.first() else {
            panic!("{cut}")
        };
        bounds.push(*cut);
    }
    bounds.push(20_000 * 20_000);
    for pair in bounds.windows(2) {
        let rows = bed
            .one(&format!(
                "SELECT count(*) FROM t WHERE id > {} AND id <= {}",
                pair[0], pair[1]
            ))
            .await;
        assert!((2_000..=8_000).contains(&rows), "{rows} of {bounds:?}");
    }
}

#[tokio::test]
async fn sequences_go_to_the_greatest_value_and_never_back() {
    let bed = Bed::new(Kind::Postgres).await;
    bed.run(
        "CREATE TABLE \"T t\" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
             other serial NOT NULL, v int)",
    )
    .await;
    let target = bed.target().await;
    let destination = destination(&*target, "T t").await;
    target
        .set_sequences(&destination)
        .await
        .expect("no rows, nothing to set");
    let row = |id| vec![Value::Int(id), Value::Int(1), Value::Null];
    for how in [How::Insert, How::Upsert] {
        let id = if how == How::Insert { 41 } else { 42 };
        target
            .write(&destination, &[row(id)], how, &commit())
            .await
            .expect("a given identity");
    }
    target.set_sequences(&destination).await.expect("set");
    bed.run("INSERT INTO \"T t\" (v) VALUES (1)").await;
    assert_eq!(bed.one("SELECT max(id) FROM \"T t\"").await, 43);
    assert_eq!(bed.one("SELECT max(other)::bigint FROM \"T t\"").await, 2);
    bed.run("DELETE FROM \"T t\" WHERE id > 41").await;
    target.set_sequences(&destination).await.expect("set");
    bed.run("INSERT INTO \"T t\" (v) VALUES (1)").await;
    assert_eq!(bed.one("SELECT max(id) FROM \"T t\"").await, 44);
}

#[tokio::test]
async fn a_refusal_says_which_value_and_the_next_write_goes_on() {
    let bed = Bed::new(Kind::Postgres).await;
    bed.run(
        "CREATE TABLE parents (id int PRIMARY KEY);
         CREATE TABLE t (id int PRIMARY KEY, n smallint, s varchar(3), f int REFERENCES parents, j jsonb)",
    )
    .await;
    let target = bed.target().await;
    let destination = destination(&*target, "t").await;
    let row = |n, s: &str, f| vec![Value::Int(1), Value::Int(n), Value::text(s), f, Value::Null];
    let mut bad_json = row(1, "x", Value::Null);
    bad_json[4] = Value::text("{");
    for (bad, why) in [
        (
            row(70_000, "x", Value::Null),
            "n: 70000 does not fit smallint",
        ),
        (
            row(1, "long", Value::Null),
            "value too long for type character varying(3)",
        ),
        (row(1, "a\0", Value::Null), "invalid byte sequence"),
        (row(1, "x", Value::Int(9)), "(f)=(9)"),
        (bad_json, "invalid input syntax for type json"),
    ] {
        for how in [How::Insert, How::Upsert] {
            let refused = target
                .write(&destination, std::slice::from_ref(&bad), how, &commit())
                .await;
            let Err(WriteError::Refused(reason)) = refused else {
                panic!("{why}: {refused:?}");
            };
            assert!(reason.contains(why), "{reason}");
        }
    }
    let twice = [row(1, "x", Value::Null), row(1, "y", Value::Null)];
    let refused = target
        .write(&destination, &twice, How::Upsert, &commit())
        .await;
    assert!(
        matches!(refused, Err(WriteError::Refused(_))),
        "{refused:?}"
    );
    // A server that refuses us is no fault of a row.
    bed.run("ALTER TABLE t RENAME TO u").await;
    let failed = target
        .write(&destination, &twice[..1], How::Insert, &commit())
        .await;
    assert!(matches!(failed, Err(WriteError::Failed(_))), "{failed:?}");
    let found = target
        .at(&destination.select(), &[key([Value::Int(1)])])
        .await;
    assert!(found.is_err());
    bed.run("ALTER TABLE u RENAME TO t").await;
    let written = target
        .write(&destination, &twice[..1], How::Insert, &commit())
        .await;
    assert_eq!(written.expect("a row"), 1);
}

#[tokio::test]
async fn a_page_that_is_given_up_leaves_no_rows_to_the_next() {
    let bed = Bed::new(Kind::Postgres).await;
    bed.run(
        "CREATE TABLE t (id int PRIMARY KEY, v text);
             INSERT INTO t SELECT n, repeat('x', 1000) FROM generate_series(1, 20000) AS n",
    )
    .await;
    let source = bed.source().await;
    let select = whole(&*source, "t").await;
    for _ in 0..20 {
        let all = Range::default();
        let page = source.page(&select, &all, 20_000);
        // Long enough to begin, whatever of it has come.
        let given_up = tokio::time::timeout(std::time::Duration::from_millis(3), page).await;
        drop(given_up);
        let page = source
            .page(&select, &Range::default(), 3)
            .await
            .expect("a page");
        assert_eq!(page.len(), 3);
        assert_eq!(page[2][0], Value::Int(3));
    }
}

#[tokio::test]
async fn a_source_is_only_read_and_no_error_has_the_password() {
    let bed = Bed::new(Kind::Postgres).await;
    bed.run(
        "CREATE TABLE t (id int PRIMARY KEY); CREATE FUNCTION f() RETURNS boolean LANGUAGE sql
             AS 'INSERT INTO t VALUES (1) RETURNING true'",
    )
    .await;
    let source = bed.source().await;
    let mut select = whole(&*source, "t").await;
    select.filter = Some("f()".to_owned());
    // A filter is SQL that somebody wrote.
    assert!(
        source
            .figures(&select, &Range::default(), &[])
            .await
            .is_ok()
    );
    bed.run("INSERT INTO t VALUES (7)").await;
    let refused = source
        .figures(&select, &Range::default(), &[])
        .await
        .expect_err("read only");
    assert!(refused.to_string().contains("read-only"), "{refused}");
    let unreachable = "postgres://user:secret@127.0.0.1:1/name";
    let error = migration_service::store::source(unreachable)
        .await
        .err()
        .expect("nobody there");
    assert!(
        error
            .to_string()
            .contains("postgres://user@127.0.0.1:1/name"),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("secret"));
}
