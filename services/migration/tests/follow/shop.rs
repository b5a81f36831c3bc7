//! Two tables, one referring to the other, on both sides.

use migration_service::mapping::Mapping;
use migration_service::sides::{Addresses, Sides};
use migration_service::store::{Range, Select, Source};
use migration_service::transform::transform;
use migration_service::value::Row;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use tempfile::TempDir;

pub(crate) const MAPPING: &str = r#"
[[tables]]
from = "parent"
to = "parent"
feeder = "database"

[[tables]]
from = "child"
to = "child"
feeder = "database"
"#;

const ROWS: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO parent SELECT i, 'parent ' || i FROM n;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO child SELECT i, i, i + 0.5 FROM n;";

pub(crate) struct Shop {
    pub(crate) from: String,
    pub(crate) sides: Sides,
    _directory: TempDir,
}

impl Shop {
    pub(crate) async fn on_sqlite() -> Self {
        Self::with(MAPPING).await
    }

    pub(crate) async fn with(mapping: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| format!("sqlite:{}", directory.path().join(name).display());
        let (from, to) = (file("from.db"), file("to.db"));
        let tables = |check: &str| {
            format!(
                "PRAGMA journal_mode = WAL;
                 CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
                 CREATE TABLE child (id INTEGER PRIMARY KEY,
                     parent INTEGER NOT NULL REFERENCES parent (id), amount REAL NOT NULL {check});"
            )
        };
        change(&format!("{from}?mode=rwc"), &(tables("") + ROWS)).await;
        change(&format!("{to}?mode=rwc"), &tables("CHECK (amount >= 0)")).await;
        let addresses = Addresses {
            file: "m.toml".to_owned(),
            mapping: Mapping::parse("m.toml", mapping).unwrap(),
            from: from.clone(),
            to,
        };
        Self {
            sides: Sides::open(&addresses).await.unwrap(),
            from,
            _directory: directory,
        }
    }

    /// Changes the source, in one transaction.
    pub(crate) async fn change(&self, sql: &str) {
        change(&self.from, &format!("BEGIN IMMEDIATE; {sql}; COMMIT;")).await;
    }

    /// Rows that are not on both sides.
    pub(crate) async fn differences(&self) -> Vec<String> {
        let mut differences = Vec::new();
        for table in &self.sides.plan.tables {
            let wanted = all(&*self.sides.source, &table.select).await;
            let wanted: Vec<String> = wanted
                .iter()
                .map(|row| format!("{:?}", transform(&table.steps, row)))
                .collect();
            let there = all(self.sides.target.as_source(), &table.destination.select()).await;
            let there: Vec<String> = there
                .into_iter()
                .map(|row| format!("{:?}", Ok::<Row, ()>(row)))
                .collect();
            let other = |one: &[String], two: &[String], word: &str| -> Vec<String> {
                let differing = one.iter().filter(|row| !two.contains(row));
                differing
                    .map(|row| format!("{} {word} {row}", table.source))
                    .collect()
            };
            differences.extend(other(&wanted, &there, "missing"));
            differences.extend(other(&there, &wanted, "extra"));
        }
        differences
    }
}

async fn all(source: &dyn Source, select: &Select) -> Vec<Row> {
    source
        .page(select, &Range::default(), 100_000)
        .await
        .unwrap()
}

async fn change(url: &str, sql: &str) {
    let mut database = SqliteConnection::connect(url).await.unwrap();
    let sql = format!("PRAGMA busy_timeout = 30000; {sql}");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
}
