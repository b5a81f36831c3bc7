//! Indexes and foreign keys that go before a load and come back after it, whatever dies between.

use std::time::{Duration, Instant};

use migration_service::store::{How, Naming, Target};
use migration_service::value::Value;

use crate::bed::{Bed, Kind, commit, destination, rows};

const INDEXES: &str = "SELECT count(*) FROM pg_indexes WHERE tablename IN ('parents', 'Children')";
const KEYS: &str = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated";
const KEPT: &str = "SELECT count(*) FROM cutover_deferred";

/// Parents with a self-reference, and children of theirs.
async fn family() -> (Bed, Box<dyn Target>) {
    let bed = Bed::new(Kind::Postgres).await;
    bed.run(
        "CREATE SCHEMA family;
         CREATE FUNCTION family.lowered(text) RETURNS text IMMUTABLE LANGUAGE sql
             AS 'SELECT lower($1)';
         CREATE TABLE parents (
             id bigint PRIMARY KEY,
             name text UNIQUE,
             above bigint REFERENCES parents (id));
         CREATE TABLE family.\"Children\" (
             a int, b int, parent bigint NOT NULL, note text,
             PRIMARY KEY (a, b),
             CONSTRAINT \"of a parent\" FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE
                 DEFERRABLE);
         CREATE INDEX by_above ON parents (above) WHERE above IS NOT NULL;
         CREATE UNIQUE INDEX once ON parents (lower(name));
         CREATE INDEX \"by note\" ON family.\"Children\" (family.lowered(note), a DESC);",
    )
    .await;
    let target = bed.target().await;
    (bed, target)
}

async fn definitions(bed: &Bed) -> i64 {
    bed.one(
        "SELECT hashtextextended(string_agg(d, ';' ORDER BY d), 0) FROM (
             SELECT indexdef AS d FROM pg_indexes WHERE tablename IN ('parents', 'Children')
             UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint
                 WHERE contype = 'f') AS all_of_them",
    )
    .await
}

#[tokio::test]
async fn what_is_taken_away_comes_back_as_it_was() {
    let (bed, target) = family().await;
    let before = definitions(&bed).await;
    let parents = destination(&*target, "parents").await;
    let children = destination(&*target, "family.Children").await;
    assert_eq!((bed.one(INDEXES).await, bed.one(KEYS).await), (6, 2));
    target.unburden(&parents).await.expect("unburdened");
    // What guards rows stays: keys and unique indexes.
    assert_eq!((bed.one(INDEXES).await, bed.one(KEYS).await), (5, 0));
    target.unburden(&children).await.expect("unburdened");
    assert_eq!((bed.one(INDEXES).await, bed.one(KEYS).await), (4, 0));

    // Another process goes on: all that it knows is in the database.
    drop(target);
    let target = bed.target().await;
    // A second time changes nothing, and loses nothing.
    target.unburden(&parents).await.expect("unburdened");
    let gone = target.restore("Parents", &parents, &()).await;
    assert_eq!(gone.expect("restored"), 0);
    assert_eq!(
        bed.one(KEYS).await,
        1,
        "the children are still being loaded"
    );
    let gone = target.restore("Kids", &children, &()).await;
    assert_eq!(gone.expect("restored"), 0);
    assert_eq!(definitions(&bed).await, before);
    assert_eq!(bed.one(KEPT).await, 0);
    let gone = target.restore("Kids", &children, &()).await;
    assert_eq!(gone.expect("nothing to do"), 0);
}

/// Knows where children came from, and of nothing else.
struct Legacy;

impl Naming for Legacy {
    fn source_key(&self, source: &str, key: &[(String, String)]) -> Option<String> {
        let parts = key
            .iter()
            .map(|(column, value)| format!("{column}={value}"));
        (source == "Kids").then(|| parts.collect::<Vec<_>>().join(" "))
    }

    fn entity(&self, _source: &str) -> Option<String> {
        None
    }
}

/// Knows that the keys of children were made.
struct Made;

impl Naming for Made {
    fn source_key(&self, _source: &str, _key: &[(String, String)]) -> Option<String> {
        None
    }

    fn entity(&self, source: &str) -> Option<String> {
        (source == "Kids").then(|| "kid".to_owned())
    }
}

#[tokio::test]
async fn rows_that_refer_to_none_go_to_quarantine_with_those_that_refer_to_them() {
    let (bed, target) = family().await;
    let parents = destination(&*target, "parents").await;
    let children = destination(&*target, "family.Children").await;
    for one in [&parents, &children] {
        target.unburden(one).await.expect("unburdened");
    }
    let parent = |id, above: Value| vec![Value::Int(id), Value::Null, above];
    // 3 has no parent, so 4 has none either once 3 is gone.
    let given = [
        parent(1, Value::Null),
        parent(2, Value::Int(1)),
        parent(3, Value::Int(99)),
        parent(4, Value::Int(3)),
    ];
    target
        .write(&parents, &given, How::Insert, &commit())
        .await
        .expect("rows");
    let child = |a, parent| {
        vec![
            Value::Int(a),
            Value::Int(0),
            Value::Int(parent),
            Value::text("n"),
        ]
    };
    let given = [child(1, 1), child(2, 4), child(3, 50)];
    target
        .write(&children, &given, How::Insert, &commit())
        .await
        .expect("rows");

    // Children first: what they refer to is not there yet, so their key waits.
    let gone = target.restore("Kids", &children, &()).await;
    assert_eq!(gone.expect("restored"), 0);
    let waiting = target.waiting().await.expect("told");
    let waits = |name: &str| waiting.iter().any(|one| one.table.contains(name));
    assert!(waits("Children") && waits("parents"), "{waiting:?}");
    assert!(waiting.iter().all(|one| one.since.is_some()), "{waiting:?}");
    let gone = target
        .restore("Parents", &parents, &Legacy)
        .await
        .expect("restored");
    assert_eq!(target.waiting().await.expect("told"), []);
    assert_eq!(gone, 4);
    let gone = target.quarantined(None, 9).await.expect("rows");
    let mut told: Vec<(&str, &str)> = gone
        .iter()
        .map(|row| (row.source.as_str(), row.key.as_str()))
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("Kids", "a=2 b=0"),
            ("Kids", "a=3 b=0"),
            ("Parents", "3"),
            ("Parents", "4")
        ]
    );
    assert!(
        gone.iter().all(|row| row.reason.contains("foreign key")),
        "{gone:?}"
    );
    assert!(
        gone.iter().any(|row| row.row.contains("\"above\": 99")),
        "{gone:?}"
    );
    assert_eq!((bed.one(KEYS).await, bed.one(KEPT).await), (2, 0));
    let left = rows(target.as_source(), "family.Children").await;
    assert_eq!(left, [child(1, 1)]);
}

#[tokio::test]
async fn a_table_that_is_loaded_alone_gets_its_foreign_keys_back_at_once() {
    let (bed, target) = family().await;
    let before = definitions(&bed).await;
    for table in ["parents", "family.Children"] {
        let destination = destination(&*target, table).await;
        target.unburden(&destination).await.expect("unburdened");
        target
            .restore(table, &destination, &())
            .await
            .expect("restored");
        assert_eq!(definitions(&bed).await, before);
    }
}

/// Parts of a table count their places for themselves, so that a place alone names several rows.
#[tokio::test]
async fn thousands_of_rows_that_refer_to_none_go_out_of_all_parts_of_a_table_and_no_others_do() {
    let bed = Bed::new(Kind::Postgres).await;
    bed.run(
        "CREATE TABLE parents (id bigint PRIMARY KEY);
         CREATE TABLE kids (id bigint PRIMARY KEY, parent bigint REFERENCES parents (id))
             PARTITION BY RANGE (id);
         CREATE TABLE kids_low PARTITION OF kids FOR VALUES FROM (0) TO (5000);
         CREATE TABLE kids_high PARTITION OF kids FOR VALUES FROM (5000) TO (10000);",
    )
    .await;
    let target = bed.target().await;
    let kids = destination(&*target, "kids").await;
    target.unburden(&kids).await.expect("unburdened");
    bed.run(
        "INSERT INTO parents VALUES (1);
         INSERT INTO kids SELECT n, CASE WHEN n < 5000 THEN 1 ELSE 2 END
             FROM generate_series(0, 9999) AS n;
         UPDATE kids SET parent = 3 WHERE id < 10;
         INSERT INTO cutover_ids SELECT 'kid', 'legacy ' || n, n FROM generate_series(5000, 7999) AS n;
         INSERT INTO cutover_ids SELECT 'pet', 'pet ' || n, n FROM generate_series(0, 9999) AS n;",
    )
    .await;
    let gone = target.restore("Kids", &kids, &Made).await;
    assert_eq!(gone.expect("restored"), 5010);
    let left = "SELECT count(*) FROM kids WHERE parent = 1 AND id BETWEEN 10 AND 4999";
    assert_eq!(bed.one(left).await, 4990);
    assert_eq!(bed.one("SELECT count(*) FROM kids").await, 4990);
    let kept = "SELECT count(DISTINCT row_key) FROM cutover_quarantine";
    assert_eq!(bed.one(kept).await, 5010);
    let by_legacy = "SELECT count(*) FROM cutover_quarantine
         WHERE row_key = 'legacy ' || (contents::jsonb ->> 'id')";
    assert_eq!(bed.one(by_legacy).await, 3000);
    assert_eq!(bed.one(KEYS).await, 3, "of the table and of its parts");
    // What a session has counted is there once it has ended.
    target.close().await;
    let scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'cutover_ids'";
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut looked = 0;
    while looked == 0 {
        assert!(Instant::now() < deadline, "nobody looked at the ids");
        tokio::time::sleep(Duration::from_millis(20)).await;
        looked = bed.one(scans).await;
    }
    assert!(looked < 100, "{looked} looks at the ids");
}

#[tokio::test]
async fn rows_that_refer_to_each_other_in_a_circle_go_to_quarantine_together() {
    let bed = Bed::new(Kind::Postgres).await;
    bed.run(
        "CREATE TABLE departments (id bigint PRIMARY KEY, manager bigint);
         CREATE TABLE employees (id bigint PRIMARY KEY,
             department bigint REFERENCES departments (id) ON DELETE CASCADE,
             a bigint, b bigint, UNIQUE (a, b),
             c bigint, d bigint, FOREIGN KEY (c, d) REFERENCES employees (a, b) MATCH FULL);
         ALTER TABLE departments ADD FOREIGN KEY (manager) REFERENCES employees (id);",
    )
    .await;
    let target = bed.target().await;
    target.prepare().await.expect("prepared");
    let departments = destination(&*target, "departments").await;
    let employees = destination(&*target, "employees").await;
    for one in [&departments, &employees] {
        target.unburden(one).await.expect("unburdened");
    }
    // The manager of 1 was refused, 5 is of that department; 6 names half of another employee.
    bed.run(
        "INSERT INTO departments VALUES (1, 4), (2, 7);
         INSERT INTO employees (id, department, c) VALUES (5, 1, NULL), (6, 2, 1), (7, 2, NULL)",
    )
    .await;
    let gone = target.restore("Departments", &departments, &()).await;
    assert_eq!(gone.expect("restored"), 0);
    let gone = target.restore("Employees", &employees, &()).await;
    assert_eq!(gone.expect("restored"), 3);
    let refused = target.quarantined(None, 9).await.expect("rows");
    let mut told: Vec<(&str, &str)> = refused
        .iter()
        .map(|row| (row.source.as_str(), row.key.as_str()))
        .collect();
    told.sort_unstable();
    let wanted = [("Departments", "1"), ("Employees", "5"), ("Employees", "6")];
    assert_eq!(told, wanted);
    assert_eq!(target.waiting().await.expect("told"), []);
    assert_eq!(bed.one("SELECT count(*) FROM employees").await, 1);
}
