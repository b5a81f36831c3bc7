//! Whole runs over tables that refer to each other.

use std::sync::Arc;

use migration_service::load::{self, Deletes, Finished, LoadError, Options, Report, Unwatched};
use migration_service::mapping::Mapping;
use migration_service::sides::{Addresses, Sides};
use migration_service::store::Target;
use tokio_util::sync::CancellationToken;

use crate::bed::{Bed, Kind, destination, of_every};

const KEYS: &str = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated";

of_every! { [on_sqlite Sqlite, on_postgres Postgres]:
    a_parent_goes_with_its_children_and_each_table_is_counted_by_itself,
}

/// Both sides, with the same tables.
struct Pair {
    from: Bed,
    to: Bed,
    sides: Sides,
}

impl Pair {
    async fn of(to: Bed, made: &str, rows: &str, tables: [&str; 2]) -> Self {
        let from = Bed::new(Kind::Sqlite).await;
        from.run(made).await;
        to.run(made).await;
        from.run(&format!("PRAGMA foreign_keys = OFF; {rows}"))
            .await;
        let entry = |table| format!("[[tables]]\nfrom = \"{table}\"\nto = \"{table}\"\n");
        let addresses = Addresses {
            file: "m.toml".to_owned(),
            mapping: Mapping::parse("m.toml", &tables.map(entry).concat()).expect("a mapping"),
            from: from.url.clone(),
            to: to.url.clone(),
        };
        let sides = Sides::open(&addresses).await.expect("both sides");
        Self { from, to, sides }
    }

    async fn load(&self, options: &Options) -> Result<Report, LoadError> {
        let (source, target) = (&self.sides.source, &self.sides.target);
        load::run(
            &self.sides.plan,
            Arc::clone(source),
            Arc::clone(target),
            options,
            Arc::new(Unwatched),
            CancellationToken::new(),
        )
        .await
    }
}

const FAMILY: &str = "
    CREATE TABLE parents (id INTEGER PRIMARY KEY);
    CREATE TABLE children (id INTEGER PRIMARY KEY,
        parent INTEGER NOT NULL REFERENCES parents (id));
    CREATE INDEX by_parent ON children (parent);";

const ROWS: &str = "
    INSERT INTO parents VALUES (1), (2), (3);
    INSERT INTO children VALUES (1, 1), (2, 2), (3, 2), (4, 3);";

async fn a_parent_goes_with_its_children_and_each_table_is_counted_by_itself(bed: Bed) {
    let pair = Pair::of(bed, FAMILY, ROWS, ["parents", "children"]).await;
    let deleting = |most| Options {
        deletes: Deletes::AtMost(most),
        ..Options::default()
    };
    pair.load(&deleting(0)).await.expect("a copy");
    let gone = "DELETE FROM children WHERE parent = 2; DELETE FROM parents WHERE id = 2;";
    pair.from.run(gone).await;
    let refused = pair.load(&deleting(1)).await.expect_err("two children");
    let told = refused.to_string();
    assert!(told.contains("children: 2 of 4"), "{told}");
    assert_eq!(pair.to.one("SELECT count(*) FROM parents").await, 3);
    let report = pair.load(&deleting(2)).await.expect("a copy");
    let deleted: Vec<u64> = report.tables.iter().map(|table| table.deleted).collect();
    assert_eq!(deleted, [1, 2]);
}

#[tokio::test]
async fn tables_that_refer_to_each_other_come_over_whole_in_whatever_order() {
    let bed = Bed::new(Kind::Postgres).await;
    let made = "
        CREATE TABLE departments (id INTEGER PRIMARY KEY, manager INTEGER);
        CREATE TABLE employees (id INTEGER PRIMARY KEY,
            department INTEGER REFERENCES departments (id));";
    let rows =
        "INSERT INTO departments VALUES (1, 2); INSERT INTO employees VALUES (1, 1), (2, 1);";
    // The one that refers comes first.
    let pair = Pair::of(bed, made, rows, ["employees", "departments"]).await;
    let manager = "ALTER TABLE departments ADD FOREIGN KEY (manager) REFERENCES employees (id)";
    pair.to.run(manager).await;
    let report = pair.load(&Options::default()).await.expect("a copy");
    assert!(report.is_complete(), "{report}");
    assert_eq!(pair.to.one("SELECT count(*) FROM employees").await, 2);
    assert_eq!(pair.to.one(KEYS).await, 2);
}

#[tokio::test]
async fn a_run_that_died_behind_a_tables_last_page_is_finished_by_one_that_leaves_it_alone() {
    let bed = Bed::new(Kind::Postgres).await;
    let pair = Pair::of(bed, FAMILY, ROWS, ["parents", "children"]).await;
    pair.load(&Options::default()).await.expect("a copy");
    // All pages are in, and what was taken away before them is not made again.
    let target: &dyn Target = &*pair.sides.target;
    let children = destination(target, "children").await;
    target.unburden(&children).await.expect("unburdened");
    assert_eq!(pair.to.one(KEYS).await, 0);
    let once = Options {
        finished: Finished::Left,
        ..Options::default()
    };
    let report = pair.load(&once).await.expect("a run");
    assert!(report.tables.iter().all(|table| table.left), "{report}");
    assert!(report.is_complete(), "{report}");
    let index = "SELECT count(*) FROM pg_indexes WHERE indexname = 'by_parent'";
    assert_eq!((pair.to.one(KEYS).await, pair.to.one(index).await), (1, 1));
}
