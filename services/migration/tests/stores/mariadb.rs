//! What `MariaDB` has and others have not, and how it comes into `PostgreSQL`.

use migration_service::mapping::Change;
use migration_service::schema::Type;
use migration_service::store::{How, Range};
use migration_service::transform::convert;
use migration_service::value::{Row, Value};

use crate::bed::{Bed, Kind, commit, described, destination, key, rows, walked, whole};

/// A type, values at its edges, the type that takes them, and what that shows of them.
type Case = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
);

const TYPES: &[Case] = &[
    ("tinyint(1)", &["0", "1"], "boolean", &["false", "true"]),
    ("tinyint(4)", &["-128", "127"], "smallint", &["-128", "127"]),
    ("tinyint(3) unsigned", &["255"], "smallint", &["255"]),
    ("smallint(5) unsigned", &["65535"], "integer", &["65535"]),
    ("mediumint(9)", &["-8388608"], "integer", &["-8388608"]),
    (
        "int(10) unsigned",
        &["4294967295"],
        "bigint",
        &["4294967295"],
    ),
    (
        "bigint(20)",
        &["-9223372036854775808"],
        "bigint",
        &["-9223372036854775808"],
    ),
    (
        "bigint(20) unsigned",
        &["18446744073709551615", "7"],
        "numeric(20,0)",
        &["18446744073709551615", "7"],
    ),
    ("bit(1)", &["b'1'", "b'0'"], "boolean", &["true", "false"]),
    ("bit(12)", &["b'100000000001'"], "integer", &["2049"]),
    ("year(4)", &["1999", "0"], "smallint", &["1999", "0"]),
    (
        "decimal(10,2)",
        &["9.01", "-99999999.99"],
        "numeric(10,2)",
        &["9.01", "-99999999.99"],
    ),
    (
        "decimal(38,38)",
        &["0.00000000000000000000000000000000000001"],
        "numeric(38,38)",
        &["0.00000000000000000000000000000000000001"],
    ),
    ("float", &["0.1", "-3.4e38"], "real", &["0.1", "-3.4e+38"]),
    (
        "double",
        &["0.1", "1e-300"],
        "double precision",
        &["0.1", "1e-300"],
    ),
    ("char(5)", &["'ab   '"], "text", &["ab"]),
    (
        "varchar(9)",
        &["'ab  '", "''", "'\\\\ it''s \u{1F980}'"],
        "text",
        &["ab  ", "", "\\ it's \u{1F980}"],
    ),
    ("varchar(9) CHARACTER SET latin1", &["'é'"], "text", &["é"]),
    ("longtext", &["'12'", "'3'"], "text", &["12", "3"]),
    ("enum('new','it''s')", &["'it''s'"], "text", &["it's"]),
    ("set('a','b')", &["'a,b'", "''"], "text", &["a,b", ""]),
    ("json", &["'{\"b\" : 1}'"], "json", &["{\"b\" : 1}"]),
    (
        "varbinary(9)",
        &["X'00FF27'", "''"],
        "bytea",
        &["\\x00ff27", "\\x"],
    ),
    ("binary(3)", &["'a'"], "bytea", &["\\x610000"]),
    (
        "date",
        &["'0001-01-01'", "'9999-12-31'"],
        "date",
        &["0001-01-01", "9999-12-31"],
    ),
    (
        "time(6)",
        &["'23:59:59.999999'", "'00:00:00'"],
        "time(6)",
        &["23:59:59.999999", "00:00:00"],
    ),
    (
        "datetime(6)",
        &["'9999-12-31 23:59:59.999999'", "'1000-01-01'"],
        "timestamp(6)",
        &["9999-12-31 23:59:59.999999", "1000-01-01 00:00:00"],
    ),
    (
        "datetime",
        &["'2026-01-02 03:04:05'"],
        "timestamp(0)",
        &["2026-01-02 03:04:05"],
    ),
    // The session that fills it counts in another zone.
    (
        "timestamp(6)",
        &["'2026-01-02 03:04:05.000001'"],
        "timestamptz",
        &["2026-01-01 21:34:05.000001+00"],
    ),
    (
        "uuid",
        &["'00010203-0405-0607-0809-0a0b0c0d0e0f'"],
        "uuid",
        &["00010203-0405-0607-0809-0a0b0c0d0e0f"],
    ),
    ("inet6", &["'::1'"], "text", &["::1"]),
];

#[tokio::test]
async fn every_type_comes_into_postgres_exactly() {
    let (from, to) = (
        Bed::new(Kind::Mariadb).await,
        Bed::new(Kind::Postgres).await,
    );
    let (source, target) = (from.source().await, to.target().await);
    for (native, values, wanted, shown) in TYPES {
        from.run(&format!(
            "DROP TABLE IF EXISTS t; CREATE TABLE t (id int NOT NULL PRIMARY KEY, v {native} NULL)"
        ))
        .await;
        to.run(&format!(
            "DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, v {wanted})"
        ))
        .await;
        for (id, value) in values.iter().enumerate() {
            from.run(&format!(
                "SET time_zone = '+05:30'; INSERT INTO t VALUES ({id}, {value})"
            ))
            .await;
        }
        from.run("INSERT INTO t VALUES (-1, NULL)").await;
        let destination = destination(&*target, "t").await;
        let kinds = destination.columns.iter().map(|column| &column.kind);
        let kinds: Vec<&Type> = kinds.collect();
        let mut converted: Vec<Row> = Vec::new();
        for row in rows(&*source, "t").await {
            let values = row.iter().zip(&kinds);
            let row = values.map(|(value, kind)| convert(value, kind, &Change::default()));
            converted.push(row.collect::<Result<_, _>>().expect(native));
        }
        assert_eq!(converted[0][1], Value::Null, "{native}");
        assert_eq!(converted.len(), values.len() + 1, "{native}");
        let written = target
            .write(&destination, &converted, How::Insert, &commit())
            .await;
        written.expect(native);
        for (id, shown) in shown.iter().enumerate() {
            let same = format!(
                "SELECT count(*) FROM t WHERE id = {id} AND v::text = '{}'",
                shown.replace('\'', "''")
            );
            assert_eq!(to.one(&same).await, 1, "{native}: {shown} of {converted:?}");
        }
    }
}

#[tokio::test]
async fn what_is_no_date_and_no_time_of_day_is_unreadable_and_not_null() {
    let bed = Bed::new(Kind::Mariadb).await;
    bed.run(
        "CREATE TABLE t (id int NOT NULL PRIMARY KEY, d date, s datetime, z timestamp NULL, t time,
             n decimal(65,0));
         SET sql_mode = '', time_zone = '+00:00';
         INSERT INTO t VALUES (1, '0000-00-00', '2026-01-00 00:00:00', '0000-00-00', '-01:00:00', 1e40),
             (2, '2026-00-00', '0000-00-00', NULL, '838:59:59', NULL)",
    )
    .await;
    let source = bed.source().await;
    let read = rows(&*source, "t").await;
    for value in read[0][1..].iter().chain(&read[1][1..3]) {
        assert!(
            matches!(value, Value::Unreadable(_)),
            "{value:?} of {read:?}"
        );
    }
    assert_eq!(read[0][1].to_string(), "0000-00-00");
    assert_eq!(read[1][4].to_string(), "838:59:59, which is no time of day");
    assert_eq!(read[1][3], Value::Null);
}

#[tokio::test]
async fn a_table_is_described_with_its_key_and_what_fills_itself() {
    let bed = Bed::new(Kind::Mariadb).await;
    bed.run(
        "CREATE TABLE Orders (
             n int NOT NULL,
             maybe int,
             code varchar(7) COLLATE utf8mb4_nopad_bin NOT NULL,
             id bigint unsigned NOT NULL AUTO_INCREMENT,
             soft varchar(7) COLLATE utf8mb4_bin NOT NULL DEFAULT 'x',
             twice int AS (n * 2) STORED,
             once int AS (n * 1) VIRTUAL,
             UNIQUE (maybe), UNIQUE prefix (soft(3)), UNIQUE (code, n), KEY (id))",
    )
    .await;
    let source = bed.source().await;
    let schema = described(&*source, "Orders").await;
    // Neither an index with nulls nor one of beginnings names each row.
    assert_eq!(schema.key, ["code", "n"]);
    let of = |name: &str| schema.column(name).unwrap_or_else(|| panic!("{name}"));
    assert!(of("id").optional && of("soft").optional && !of("n").optional);
    assert!(of("twice").generated && of("once").generated && !of("n").generated);
    assert!(of("maybe").nullable && !of("code").nullable);
    assert!(of("code").ordered && of("n").ordered && !of("soft").ordered);
    assert_eq!(
        of("id").kind,
        Type::Decimal {
            bounds: Some((20, 0))
        }
    );
    assert!(schema.rows.is_some());
}

#[tokio::test]
async fn keys_are_paged_in_the_order_of_the_server_whatever_they_look_like() {
    let bed = Bed::new(Kind::Mariadb).await;
    bed.run(
        "CREATE TABLE t (e enum('small', 'large', 'huge') NOT NULL,
             c varchar(5) COLLATE utf8mb4_general_ci NOT NULL, b varbinary(3) NOT NULL,
             PRIMARY KEY (e, c, b));
         INSERT INTO t SELECT e, c, b FROM
             (SELECT 'small' AS e UNION SELECT 'large' UNION SELECT 'huge') AS es,
             (SELECT 'a' AS c UNION SELECT 'B ' UNION SELECT 'é\\\\' UNION SELECT 'it''s') AS cs,
             (SELECT X'00' AS b UNION SELECT X'FF' UNION SELECT X'0000') AS bs",
    )
    .await;
    let source = bed.source().await;
    let select = whole(&*source, "t").await;
    assert!(!select.is_ordered());
    let all = walked(&*source, &select, &Range::default(), 1000).await;
    assert_eq!(all.len(), 36);
    for limit in [1, 5, 35] {
        assert_eq!(
            walked(&*source, &select, &Range::default(), limit).await,
            all
        );
    }
    let keys: Vec<_> = all.iter().map(|row| select.key_of(row)).collect();
    assert_eq!(source.at(&select, &keys).await.expect("rows").len(), 36);
    assert_eq!(
        source.cuts(&select, 3).await.expect("cuts"),
        [keys[11].clone(), keys[23].clone()]
    );
    // Letters of another case are the same key there.
    let other = key([
        Value::text("SMALL"),
        Value::text("A"),
        Value::Bytes([0].into()),
    ]);
    assert_eq!(source.at(&select, &[other]).await.expect("a row").len(), 1);
}

/// A server keeps them by their places and compares them as texts.
#[tokio::test]
async fn ranges_of_keys_that_are_of_a_list_lose_no_row_and_have_none_twice() {
    for (declared, rows) in [
        ("enum('Zebra', 'apple', 'Mango', 'banana', 'CHERRY')", 5),
        ("enum('b', 'B', 'a', 'A', 'c') COLLATE utf8mb4_bin", 5),
        ("enum('10', '9', '1', '2', '')", 5),
        ("set('Z', 'a', 'M')", 7),
    ] {
        let bed = Bed::new(Kind::Mariadb).await;
        bed.run(&format!(
            "CREATE TABLE t (k {declared} NOT NULL PRIMARY KEY);
             INSERT INTO t SELECT seq FROM seq_1_to_{rows}"
        ))
        .await;
        let source = bed.source().await;
        let select = whole(&*source, "t").await;
        let all = walked(&*source, &select, &Range::default(), 1000).await;
        assert_eq!(all.len(), rows, "{declared}");
        for limit in [1, 2, 3] {
            let paged = walked(&*source, &select, &Range::default(), limit).await;
            assert_eq!(paged, all, "{declared}");
        }
        for parts in [2, 3, 5] {
            let cuts = source.cuts(&select, parts).await.expect("cuts");
            let mut bounds = vec![None];
            bounds.extend(cuts.into_iter().map(Some));
            bounds.push(None);
            let (mut found, mut counted) = (Vec::new(), 0);
            for pair in bounds.windows(2) {
                let range = Range {
                    after: pair[0].clone(),
                    until: pair[1].clone(),
                };
                found.extend(walked(&*source, &select, &range, 1).await);
                let figures = source.figures(&select, &range, &[]).await;
                counted += figures.expect("figures").rows;
            }
            assert_eq!(found, all, "{declared} in {parts} parts");
            assert_eq!(counted, rows as u64, "{declared} in {parts} parts");
        }
    }
}

#[tokio::test]
async fn a_page_that_is_given_up_leaves_no_rows_to_the_next() {
    let bed = Bed::new(Kind::Mariadb).await;
    bed.run(
        "CREATE TABLE t (id int NOT NULL PRIMARY KEY, v text);
         INSERT INTO t SELECT seq, repeat('x', 1000) FROM seq_1_to_20000",
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
        let page = source.page(&select, &all, 3).await.expect("a page");
        assert_eq!(page.len(), 3);
        assert_eq!(page[2][0], Value::Int(3));
    }
}

#[tokio::test]
async fn a_source_is_only_read_and_no_error_has_the_password() {
    let bed = Bed::new(Kind::Mariadb).await;
    bed.run("CREATE TABLE t (id int NOT NULL PRIMARY KEY)")
        .await;
    assert!(migration_service::store::target(&bed.url).await.is_err());
    for url in [
        "mysql://user:secret@127.0.0.1:1/name",
        "mariadb://user:secret@127.0.0.1:1/name",
    ] {
        migration_service::store::check_source(url).expect("a URL");
        let error = migration_service::store::source(url)
            .await
            .err()
            .expect("nobody there");
        assert!(
            error.to_string().contains("mysql://user@127.0.0.1:1/name"),
            "{error}"
        );
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
    assert!(migration_service::store::check_source("mysql://user:secret@127.0.0.1").is_err());
}
