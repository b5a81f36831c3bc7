//! Sources: pages, cuts, rows by their keys, figures.

use std::collections::HashSet;

use migration_service::store::Range;
use migration_service::value::{Key, Number, Value};

use crate::bed::{Bed, Kind, key, of_every, walked, whole};

of_every!([sqlite Sqlite, postgres Postgres, mariadb Mariadb]:
    pages_visit_each_row_once_whatever_the_key,
    cuts_ascend_and_part_the_rows_without_loss,
    rows_come_by_their_keys_and_nothing_else,
    sums_go_beyond_64_bits,
    a_thousand_keys_of_several_columns_are_asked_for_at_once,
    a_filter_holds_everywhere,
    a_table_that_is_not_there_is_told_from_a_failure,
    a_page_of_long_rows_is_refused_once_it_is_too_long,
);

/// Rows of each table below.
const ROWS: usize = 23;

/// Makes tables that differ in their keys, and says their names.
async fn tables(bed: &Bed) -> Vec<&'static str> {
    let text = bed.word("text");
    bed.run(&format!(
        "CREATE TABLE gaps (id bigint NOT NULL PRIMARY KEY, t {text})"
    ))
    .await;
    bed.run(&format!(
        "CREATE TABLE texts (k {text} NOT NULL PRIMARY KEY, n int)"
    ))
    .await;
    bed.run(&format!(
        "CREATE TABLE uuids (k {} NOT NULL PRIMARY KEY, n int)",
        bed.word("uuid")
    ))
    .await;
    bed.run(&format!(
        "CREATE TABLE moments (k {} NOT NULL PRIMARY KEY, n int)",
        bed.word("datetime")
    ))
    .await;
    bed.run(&format!(
        "CREATE TABLE pairs (a int NOT NULL, b {text} NOT NULL, n int, PRIMARY KEY (a, b))"
    ))
    .await;
    for n in 0..ROWS {
        // Far apart, on both sides of zero.
        let id = (i64::try_from(n).expect("small") - 3).pow(5) * 1000;
        bed.run(&format!("INSERT INTO gaps VALUES ({id}, 'x')"))
            .await;
        let odd = ["a", "Z", "it''s", "é", " b", "%_"][n % 6];
        bed.run(&format!("INSERT INTO texts VALUES ('{odd}{n}', {n})"))
            .await;
        bed.run(&format!(
            "INSERT INTO uuids VALUES ('{:08x}-0000-4000-8000-00000000000{}', {n})",
            n.wrapping_mul(0x9E37_79B9) & 0xFFFF_FFFF,
            n % 10
        ))
        .await;
        // A file's text has all of the digits that its column may have, or it is another text.
        let rest = if bed.kind == Kind::Sqlite { "0" } else { "" };
        bed.run(&format!(
            "INSERT INTO moments VALUES ('2026-01-{:02} 03:04:05.{n:06}{rest}', {n})",
            n % 28 + 1
        ))
        .await;
        bed.run(&format!(
            "INSERT INTO pairs VALUES ({}, '{odd}{n}', {n})",
            n / 7
        ))
        .await;
    }
    vec!["gaps", "texts", "uuids", "moments", "pairs"]
}

async fn pages_visit_each_row_once_whatever_the_key(bed: Bed) {
    let tables = tables(&bed).await;
    let source = bed.source().await;
    for table in tables {
        let select = whole(&*source, table).await;
        let all = walked(&*source, &select, &Range::default(), 1000).await;
        assert_eq!(all.len(), ROWS, "{table}");
        for limit in [1, 7, 22, 23] {
            let rows = walked(&*source, &select, &Range::default(), limit).await;
            assert_eq!(rows, all, "{table} by {limit}");
        }
        let keys: HashSet<Key> = all.iter().map(|row| select.key_of(row)).collect();
        assert_eq!(keys.len(), ROWS, "{table}");
        if select.is_ordered() {
            let keys: Vec<Key> = all.iter().map(|row| select.key_of(row)).collect();
            assert!(keys.is_sorted(), "{table}: {keys:?}");
        }
        // From behind one up to and with another.
        let range = Range {
            after: Some(select.key_of(&all[4])),
            until: Some(select.key_of(&all[9])),
        };
        let part = walked(&*source, &select, &range, 2).await;
        assert_eq!(part, all[5..=9], "{table}");
    }
}

async fn cuts_ascend_and_part_the_rows_without_loss(bed: Bed) {
    let tables = tables(&bed).await;
    let source = bed.source().await;
    for table in tables {
        let select = whole(&*source, table).await;
        let all = walked(&*source, &select, &Range::default(), 1000).await;
        for parts in [1, 2, 5] {
            let cuts = source.cuts(&select, parts).await.expect("cuts");
            assert_eq!(cuts.len(), parts - 1, "{table}");
            let mut bounds: Vec<Option<Key>> = cuts.into_iter().map(Some).collect();
            bounds.insert(0, None);
            bounds.push(None);
            let mut rows = Vec::new();
            for pair in bounds.windows(2) {
                let range = Range {
                    after: pair[0].clone(),
                    until: pair[1].clone(),
                };
                let part = walked(&*source, &select, &range, 1000).await;
                assert!(
                    part.len() >= ROWS / parts / 2,
                    "{table}: {} in {range:?}",
                    part.len()
                );
                let figures = source.figures(&select, &range, &[]).await.expect("figures");
                assert_eq!(figures.rows, part.len() as u64);
                rows.extend(part);
            }
            assert_eq!(rows, all, "{table} in {parts}");
        }
        assert!(source.cuts(&select, 0).await.expect("cuts").is_empty());
    }
    bed.run("CREATE TABLE bare (id bigint NOT NULL PRIMARY KEY)")
        .await;
    let select = whole(&*source, "bare").await;
    assert!(source.cuts(&select, 4).await.expect("cuts").is_empty());
}

async fn rows_come_by_their_keys_and_nothing_else(bed: Bed) {
    let tables = tables(&bed).await;
    let source = bed.source().await;
    for table in tables {
        let select = whole(&*source, table).await;
        let all = walked(&*source, &select, &Range::default(), 1000).await;
        let wanted: Vec<Key> = all
            .iter()
            .step_by(3)
            .map(|row| select.key_of(row))
            .collect();
        let found = source.at(&select, &wanted).await.expect("rows");
        let found: HashSet<Key> = found.iter().map(|row| select.key_of(row)).collect();
        assert_eq!(found, wanted.into_iter().collect(), "{table}");
        assert!(source.at(&select, &[]).await.expect("none").is_empty());
    }
    let gaps = whole(&*source, "gaps").await;
    let absent = source
        .at(&gaps, &[key([Value::Int(5)])])
        .await
        .expect("none");
    assert!(absent.is_empty());
    // A pair is both of its values, and not each by itself.
    let pairs = whole(&*source, "pairs").await;
    let crossed = key([Value::Int(0), Value::text("Z7")]);
    let found = source
        .at(&pairs, &[crossed, key([Value::Int(1), Value::text("Z7")])])
        .await;
    assert_eq!(found.expect("one").len(), 1);
}

async fn sums_go_beyond_64_bits(bed: Bed) {
    let decimal = bed.word("decimal");
    bed.run(&format!(
        "CREATE TABLE sums (id bigint NOT NULL PRIMARY KEY, n bigint, d {decimal})"
    ))
    .await;
    for id in 1..=3 {
        bed.run(&format!(
            "INSERT INTO sums VALUES ({id}, 9223372036854775807, '0.100000')"
        ))
        .await;
    }
    let source = bed.source().await;
    let mut select = whole(&*source, "sums").await;
    select.columns[2].kind = "decimal(30, 6)".parse().expect("a type");
    let figures = source
        .figures(&select, &Range::default(), &[1, 2])
        .await
        .expect("figures");
    let number = |text: &str| Some(text.parse::<Number>().expect("a number"));
    assert_eq!(figures.rows, 3);
    assert_eq!(
        figures.sums,
        [number("27670116110564327421"), number("0.3")]
    );
    let none = Range {
        after: Some(key([Value::Int(3)])),
        until: None,
    };
    let figures = source.figures(&select, &none, &[1]).await.expect("figures");
    assert_eq!((figures.rows, figures.sums), (0, vec![number("0")]));
}

async fn a_thousand_keys_of_several_columns_are_asked_for_at_once(bed: Bed) {
    tables(&bed).await;
    let source = bed.source().await;
    let select = whole(&*source, "pairs").await;
    let there = walked(&*source, &select, &Range::default(), 100).await;
    let mut keys: Vec<Key> = (0..999)
        .map(|n| key([Value::Int(n + 100), Value::text("x")]))
        .collect();
    keys.insert(0, select.key_of(&there[0]));
    keys.push(select.key_of(&there[1]));
    let found = source.at(&select, &keys).await.expect("rows");
    assert_eq!(found.len(), 2);
}

async fn a_filter_holds_everywhere(bed: Bed) {
    tables(&bed).await;
    let source = bed.source().await;
    let mut select = whole(&*source, "pairs").await;
    select.filter = Some("n < 5 OR n = 20".to_owned());
    let rows = walked(&*source, &select, &Range::default(), 2).await;
    assert_eq!(rows.len(), 6);
    let figures = source
        .figures(&select, &Range::default(), &[])
        .await
        .expect("figures");
    assert_eq!(figures.rows, 6);
    let left_out = key([Value::Int(1), Value::text("Z7")]);
    let taken = select.key_of(&rows[0]);
    let found = source.at(&select, &[left_out, taken]).await.expect("rows");
    assert_eq!(found.len(), 1);
    let cuts = source.cuts(&select, 2).await.expect("cuts");
    assert_eq!(cuts, [select.key_of(&rows[2])]);
}

async fn a_table_that_is_not_there_is_told_from_a_failure(bed: Bed) {
    let source = bed.source().await;
    let missing = "missing".parse().expect("a name");
    assert!(
        source
            .describe(&missing)
            .await
            .expect("an answer")
            .is_none()
    );
    bed.run("CREATE TABLE cutover_ids (x int)").await;
    bed.run("CREATE TABLE there (x int)").await;
    let tables = source.tables().await.expect("tables");
    let tables: Vec<String> = tables.iter().map(ToString::to_string).collect();
    assert_eq!(tables, ["there"]);
}

async fn a_page_of_long_rows_is_refused_once_it_is_too_long(bed: Bed) {
    let text = if bed.kind == Kind::Mariadb {
        "mediumtext"
    } else {
        "text"
    };
    bed.run(&format!(
        "CREATE TABLE t (id bigint NOT NULL PRIMARY KEY, body {text} NOT NULL)"
    ))
    .await;
    let body = "é".repeat(1 << 19);
    for id in 0..40 {
        bed.run(&format!("INSERT INTO t VALUES ({id}, '{body}')"))
            .await;
    }
    let source = bed.source().await;
    let select = whole(&*source, "t").await;
    let page = source.page(&select, &Range::default(), 1000).await;
    let refused = page.expect_err("forty megabytes").to_string();
    let said = " rows are more than 33554432 bytes";
    assert!(refused.ends_with(said), "{refused}");
    let page = source.page(&select, &Range::default(), 30).await;
    assert_eq!(page.expect("thirty").len(), 30);
    let keys: Vec<Key> = (0..40).map(|id| key([Value::Int(id)])).collect();
    assert_eq!(source.at(&select, &keys).await.expect("all").len(), 40);
}
