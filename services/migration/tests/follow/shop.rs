//! Two tables, one referring to the other, on both sides.

use kit::testing::servers::{mariadb_database, postgres_database};
use migration_service::mapping::Mapping;
use migration_service::sides::{Addresses, Sides};
use migration_service::store::{Range, Select, Source};
use migration_service::transform::transform;
use migration_service::value::Row;
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection, SqliteConnection};
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

/// Three thousand of each on a server, by what counts there.
fn rows(numbers: &str) -> String {
    format!(
        "INSERT INTO parent SELECT i, concat('parent ', i) FROM {numbers};
         INSERT INTO child SELECT i, i, i + 0.5 FROM {numbers};"
    )
}

/// The tables of a server.
fn tables(real: &str, check: &str) -> String {
    format!(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, name VARCHAR(200));
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL,
             amount {real} NOT NULL {check}, FOREIGN KEY (parent) REFERENCES parent (id));"
    )
}

const ROWS: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO parent SELECT i, 'parent ' || i FROM n;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO child SELECT i, i, i + 0.5 FROM n;";

pub(crate) struct Shop {
    pub(crate) from: String,
    pub(crate) sides: Sides,
    _directory: Option<TempDir>,
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
        Self::open(mapping, from, to, Some(directory)).await
    }

    /// From one file to another, with the same tables of a test's own.
    pub(crate) async fn from_sqlite(tables: &str, mapping: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| format!("sqlite:{}", directory.path().join(name).display());
        let (from, to) = (file("from.db"), file("to.db"));
        for url in [&from, &to] {
            let made = format!("PRAGMA journal_mode = WAL; {tables}");
            change(&format!("{url}?mode=rwc"), &made).await;
        }
        Self::open(mapping, from, to, Some(directory)).await
    }

    /// From one `PostgreSQL` to another.
    pub(crate) async fn on_postgres() -> Self {
        let (from, to) = (postgres_database(), postgres_database());
        let numbers = "generate_series(1, 3000) AS n (i)";
        let made = tables("double precision", "") + &rows(numbers);
        change(&from, &made).await;
        Self::to_postgres(from, to).await
    }

    /// From `MariaDB` to `PostgreSQL`.
    pub(crate) async fn on_mariadb() -> Self {
        let (from, to) = (mariadb_database(), postgres_database());
        let numbers = "(SELECT seq AS i FROM seq_1_to_3000) AS n";
        let made = tables("DOUBLE", "") + &rows(numbers);
        change(&from, &made).await;
        Self::to_postgres(from, to).await
    }

    /// The same with tables of a test's own, by the mapping's every column.
    pub(crate) async fn from_mariadb(source: &str, target: &str, mapping: &str) -> Self {
        let (from, to) = (mariadb_database(), postgres_database());
        change(&from, source).await;
        change(&to, target).await;
        Self::open(mapping, from, to, None).await
    }

    /// From one `PostgreSQL` to another, with the same tables of a test's own.
    pub(crate) async fn from_postgres(tables: &str, mapping: &str) -> Self {
        let (from, to) = (postgres_database(), postgres_database());
        change(&from, tables).await;
        change(&to, tables).await;
        Self::open(mapping, from, to, None).await
    }

    async fn to_postgres(from: String, to: String) -> Self {
        change(&to, &tables("double precision", "CHECK (amount >= 0)")).await;
        Self::open(MAPPING, from, to, None).await
    }

    async fn open(mapping: &str, from: String, to: String, directory: Option<TempDir>) -> Self {
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

    /// Makes a change of the source that is committed once somebody says so.
    pub(crate) async fn change_late(&self, sql: &str) -> impl Future<Output = ()> {
        let sql = AssertSqlSafe(sql.to_owned());
        let mut mysql = None;
        let mut postgres = None;
        if self.from.starts_with("mysql:") {
            let mut database = MySqlConnection::connect(&self.from).await.unwrap();
            sqlx::raw_sql("BEGIN").execute(&mut database).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut database).await.unwrap();
            mysql = Some(database);
        } else {
            let mut database = PgConnection::connect(&self.from).await.unwrap();
            sqlx::raw_sql("BEGIN").execute(&mut database).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut database).await.unwrap();
            postgres = Some(database);
        }
        async move {
            if let Some(mut database) = mysql {
                sqlx::raw_sql("COMMIT")
                    .execute(&mut database)
                    .await
                    .unwrap();
            }
            if let Some(mut database) = postgres {
                sqlx::raw_sql("COMMIT")
                    .execute(&mut database)
                    .await
                    .unwrap();
            }
        }
    }

    /// Changes the source, in one transaction.
    pub(crate) async fn change(&self, sql: &str) {
        let sql = sql.trim_end().trim_end_matches(';');
        let begin = if self.from.starts_with("sqlite:") {
            "BEGIN IMMEDIATE"
        } else {
            "BEGIN"
        };
        change(&self.from, &format!("{begin}; {sql}; COMMIT;")).await;
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
    if url.starts_with("mysql:") {
        let mut database = MySqlConnection::connect(url).await.unwrap();
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut database).await.unwrap();
        return database.close().await.unwrap();
    }
    if url.starts_with("postgres:") {
        let mut database = PgConnection::connect(url).await.unwrap();
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut database).await.unwrap();
        return database.close().await.unwrap();
    }
    let mut database = SqliteConnection::connect(url).await.unwrap();
    let sql = format!("PRAGMA busy_timeout = 30000; {sql}");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
}
