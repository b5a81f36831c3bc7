//! A mapping held against two schemas.

#![expect(
    clippy::unwrap_used,
    reason = "in a test, what is not there is a failed test"
)]

use migration_service::mapping::Mapping;
use migration_service::sides::{Addresses, OpenError, Sides};
use migration_service::value::{Key, Value};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use tempfile::TempDir;

async fn file(directory: &TempDir, name: &str, schema: &str) -> String {
    let url = format!("sqlite:{}", directory.path().join(name).display());
    let mut database = SqliteConnection::connect(&format!("{url}?mode=rwc"))
        .await
        .unwrap();
    sqlx::raw_sql(AssertSqlSafe(schema))
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
    url
}

async fn planned(from: &str, to: &str, mapping: &str) -> Result<Sides, String> {
    let directory = tempfile::tempdir().unwrap();
    let addresses = Addresses {
        file: "m.toml".to_owned(),
        mapping: Mapping::parse("m.toml", mapping).map_err(|problems| problems.to_string())?,
        from: file(&directory, "from.db", from).await,
        to: file(&directory, "to.db", to).await,
    };
    Sides::open(&addresses).await.map_err(|error| match error {
        OpenError::Plan(error) => match std::error::Error::source(&error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
        other => format!("{other:?}"),
    })
}

#[tokio::test]
async fn every_mistake_of_every_table_is_told_at_once() {
    let found = planned(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT, left_over TEXT, born DATETIME, raw BLOB);
         CREATE TABLE nameless (x TEXT);",
        "CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT NOT NULL, needed TEXT NOT NULL,
                         born timestamptz, flag BOOLEAN, twice TEXT AS (name || name));
         CREATE TABLE nameless (x TEXT PRIMARY KEY);",
        r#"
[[tables]]
from = "a"
to = "a"
[tables.columns]
id = "id"
name = "nmae"
born = "born"
flag = "raw"
twice = "name"
colour = "name"
[[tables]]
from = "nameless"
to = "nameless"
[[tables]]
from = "nowhere"
to = "neither"
"#,
    )
    .await
    .map(|_| ())
    .unwrap_err();
    let lines: Vec<&str> = found.lines().collect();
    for expected in [
        "m.toml:7: `a` has no column `nmae`; did you mean `name`?",
        "m.toml:8: `born` has no zone, and `born` is an instant: declare zone = \"…\"",
        "m.toml:9: `raw` is BLOB, which never becomes bool (`flag`)",
        "m.toml:10: `twice` is computed by the database: nothing can be written there",
        "m.toml:11: `a` has no column `colour`",
        "m.toml:2: `a.needed` takes no null, and nothing fills it",
        "m.toml:2: `a.left_over` goes nowhere: map it, or leave it behind with drop = [\"left_over\"]",
        "m.toml:12: `nameless` has no primary key: name the columns that tell its rows apart with key = [\"…\"]",
    ] {
        assert!(lines.contains(&expected), "{expected}\n{found}");
    }
    let missing = lines
        .iter()
        .filter(|line| line.starts_with("m.toml:15: there is no table"));
    assert_eq!(missing.count(), 2, "{found}");
}

#[tokio::test]
async fn a_key_that_could_give_two_rows_one_name_is_refused() {
    let schema = "CREATE TABLE a (id TEXT PRIMARY KEY, other TEXT)";
    let mapping = |key: &str, other: &str| {
        format!(
            "[[tables]]\nfrom = \"a\"\nto = \"a\"\n[tables.columns]\nid = {key}\nother = {other}\n"
        )
    };
    let refused = async |key: &str, other: &str| {
        planned(schema, schema, &mapping(key, other))
            .await
            .map(|_| ())
            .unwrap_err()
    };
    let cased = refused("{ from = \"id\", case = \"lower\" }", "\"other\"").await;
    assert!(
        cased.contains("different rows could be given one"),
        "{cased}"
    );
    let swapped = refused("\"other\"", "\"id\"").await;
    assert!(
        swapped.contains("the key of `a` (id) is not made of the key of `a` (id)"),
        "{swapped}"
    );
    assert!(
        planned(schema, schema, &mapping("\"id\"", "\"other\""))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_key_of_joined_columns_must_come_apart_again() {
    let joined = async |kind: &str, between: &str| {
        planned(
            &format!("CREATE TABLE a (one {kind}, two TEXT NOT NULL, PRIMARY KEY (one, two))"),
            "CREATE TABLE a (id TEXT PRIMARY KEY)",
            &format!(
                "[[tables]]\nfrom = \"a\"\nto = \"a\"\n[tables.columns]\n\
                 id = {{ from = [\"one\", \"two\"], join = \"{between}\" }}\n"
            ),
        )
        .await
        .map(|_| ())
    };
    joined("INTEGER NOT NULL", ":").await.unwrap();
    for (kind, between) in [
        ("INTEGER", ":"),
        ("TEXT NOT NULL", ":"),
        ("INTEGER NOT NULL", ""),
        ("INTEGER NOT NULL", "0"),
        ("INTEGER NOT NULL", "-"),
    ] {
        let refused = joined(kind, between).await.unwrap_err();
        assert!(
            refused.contains("different rows could be given one: what is joined must come apart"),
            "{kind} {between}: {refused}"
        );
    }
}

#[tokio::test]
async fn rows_without_a_key_are_not_left_behind_in_silence() {
    let schema = "CREATE TABLE a (id TEXT PRIMARY KEY)";
    let rows = format!("{schema}; INSERT INTO a VALUES (NULL), ('x'), (NULL)");
    let refused = planned(
        &rows,
        schema,
        "[[tables]]\nfrom = \"a\"\nto = \"a\"\nsame = true\n",
    )
    .await
    .map(|_| ())
    .unwrap_err();
    assert!(
        refused.contains("`id` is of the primary key, and null in 2 rows"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_key_is_found_again_from_the_other_side_or_not_at_all() {
    let sides = planned(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT)",
        "CREATE TABLE a (id TEXT PRIMARY KEY, x TEXT)",
        "[[tables]]\nfrom = \"a\"\nto = \"a\"\n",
    )
    .await
    .unwrap();
    let table = sides.plan.tables.first().unwrap();
    let back = |text: &str| table.source_key(&Key([Value::text(text)].into()));
    assert_eq!(back("17"), Some(Key([Value::Int(17)].into())));
    for foreign in ["017", "17 ", "x", "0192f0c1-7b1c-7000-8000-000000000000"] {
        assert_eq!(back(foreign), None, "{foreign}");
    }
    assert!(!table.is_ordered(), "10 comes before 9 in a text");
}

#[tokio::test]
async fn two_spellings_of_one_table_are_told_with_both_places() {
    let schema = "CREATE TABLE Orders (id INTEGER PRIMARY KEY);
                  CREATE TABLE copies (id INTEGER PRIMARY KEY);
                  CREATE VIEW newer AS SELECT id FROM Orders WHERE id > 9;";
    let mapping = |first: (&str, &str), second: (&str, &str)| {
        let entry = |(from, to): (&str, &str), key: &str| {
            format!("[[tables]]\nfrom = \"{from}\"\nto = \"{to}\"\n{key}\n")
        };
        entry(first, "") + &entry(second, "key = [\"id\"]")
    };
    let told = async |first, second| {
        let found = planned(schema, schema, &mapping(first, second)).await;
        found.map(|_| ()).unwrap_err()
    };
    let read = told(("Orders", "Orders"), ("main.orders", "copies")).await;
    let expected = "m.toml:5: `main.orders` is the table `Orders`, which is read already, for the \
                    table in line 1";
    assert!(read.contains(expected), "{read}");
    let filled = told(("Orders", "Orders"), ("copies", "ORDERS")).await;
    let expected = "m.toml:5: `ORDERS` is the table `Orders`, which is filled already, by the \
                    table in line 1";
    assert!(filled.contains(expected), "{filled}");
    let view = told(("Orders", "Orders"), ("newer", "copies")).await;
    assert!(!view.contains("already"), "a view is another: {view}");
}
