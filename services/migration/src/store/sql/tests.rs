//! Names, literals and conditions in each dialect.

use super::*;
use crate::store::Range;
use crate::value::Key;

fn column(name: &str, kind: Type) -> ColumnSchema {
    ColumnSchema {
        name: name.to_owned(),
        kind,
        native: "TEXT".to_owned(),
        nullable: false,
        optional: false,
        generated: false,
        ordered: true,
    }
}

fn select(filter: Option<&str>) -> Select {
    Select {
        table: "sales.orders".parse().expect("a name"),
        columns: vec![
            column("a", Type::int(64)),
            column(
                "b\"c",
                Type::Text {
                    most: None,
                    padded: false,
                },
            ),
        ],
        key: vec![0, 1],
        filter: filter.map(str::to_owned),
    }
}

fn key() -> Key {
    Key([Value::Int(1), Value::text("it's")].into())
}

#[test]
fn a_bound_of_several_columns_is_one_comparison_or_spelled_out() {
    let range = Range {
        after: Some(key()),
        until: None,
    };
    assert_eq!(
        Dialect::Postgres
            .within(&select(Some("a <> 3")), &range)
            .expect("a condition"),
        r#"(a <> 3) AND ("a", "b""c") > (1, 'it''s')"#
    );
    assert_eq!(
        Dialect::Mssql
            .within(&select(None), &range)
            .expect("a condition"),
        r#"(([a] > 1) OR ([a] = 1 AND [b"c] > N'it''s'))"#
    );
    let range = Range {
        after: None,
        until: Some(key()),
    };
    assert_eq!(
        Dialect::Mysql
            .within(&select(None), &range)
            .expect("a condition"),
        "((`a` < 1) OR (`a` = 1 AND `b\"c` <= _utf8mb4 X'69742773'))"
    );
    assert_eq!(
        Dialect::Sqlite
            .within(&select(None), &Range::default())
            .expect("a condition"),
        "1 = 1"
    );
}

#[test]
fn a_key_that_is_not_known_bounds_nothing_and_finds_nothing() {
    let whole = select(None);
    let unknown = |value| Key([Value::Int(1), value].into());
    for value in [
        Value::Null,
        Value::unreadable("infinity"),
        Value::text("a\0"),
    ] {
        let range = Range {
            after: None,
            until: Some(unknown(value.clone())),
        };
        let refused = Dialect::Postgres.within(&whole, &range);
        assert!(refused.is_err(), "{value}");
        let keys = [unknown(value.clone()), key()];
        assert_eq!(
            Dialect::Postgres.among(&whole, &keys),
            r#"(("a" = 1 AND "b""c" = 'it''s'))"#,
            "{value}"
        );
        assert_eq!(Dialect::Postgres.among(&whole, &keys[..1]), "1 = 0");
    }
    // Elsewhere a text may have any character.
    let keys = [unknown(Value::text("a\0"))];
    assert!(Dialect::Sqlite.among(&whole, &keys).contains("6100"));
}

#[test]
fn no_text_leaves_its_quotes() {
    let text = column(
        "t",
        Type::Text {
            most: None,
            padded: false,
        },
    );
    let evil = Value::text("\\' OR 1=1; --\0");
    assert_eq!(
        Dialect::Sqlite.literal(&evil, &text),
        "CAST(X'5C27204F5220313D313B202D2D00' AS TEXT)"
    );
    assert_eq!(
        Dialect::Mysql.literal(&evil, &text),
        "_utf8mb4 X'5C27204F5220313D313B202D2D00'"
    );
    assert_eq!(
        Dialect::Postgres.literal(&Value::text("\\'"), &text),
        "'\\'''"
    );
    assert_eq!(Dialect::Mssql.name("a]b"), "[a]]b]");
    assert_eq!(Dialect::Mysql.name("a`b"), "`a``b`");
}

#[test]
fn a_store_without_a_type_keeps_its_values_as_texts() {
    let money = column(
        "m",
        Type::Decimal {
            bounds: Some((10, 2)),
        },
    );
    let number = Value::Number("10.5".parse().expect("a number"));
    assert_eq!(Dialect::Sqlite.literal(&number, &money), "'10.50'");
    assert_eq!(Dialect::Postgres.literal(&number, &money), "10.5");
    let instant = column("i", Type::Instant { digits: 3 });
    assert_eq!(
        Dialect::Sqlite.literal(&Value::Instant(30_000), &instant),
        "'1970-01-01T00:00:00.003Z'"
    );
    assert_eq!(
        Dialect::Mssql.literal(
            &Value::Naive(33_333),
            &column("n", Type::Naive { digits: 7 })
        ),
        "N'1970-01-01T00:00:00.0033333'"
    );
}

#[test]
fn keys_of_several_rows_are_looked_for_where_the_filter_holds() {
    let filter = |dialect: Dialect, filter| dialect.repeated(&select(filter)).filter;
    assert_eq!(
        filter(Dialect::Postgres, Some("a <> 3")).expect("a condition"),
        r#"(a <> 3) AND ("a", "b""c") IN (SELECT "a", "b""c" FROM "sales"."orders" WHERE (a <> 3) GROUP BY "a", "b""c" HAVING count(*) > 1)"#
    );
    assert_eq!(
        filter(Dialect::Mssql, None).expect("a condition"),
        r#"1 = 1 AND EXISTS (SELECT 1 FROM [sales].[orders] AS cutover_twin WHERE 1 = 1 AND cutover_twin.[a] = [sales].[orders].[a] AND cutover_twin.[b"c] = [sales].[orders].[b"c] HAVING COUNT(*) > 1)"#
    );
}
