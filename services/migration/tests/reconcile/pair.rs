//! Two databases and the mapping between them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kit::testing::servers::{mariadb_database, postgres_database};
use migration_service::mapping::Mapping;
use migration_service::plan::Plan;
use migration_service::reconcile::{
    Checkpoint, Options, Report, TableReport, Unwatched, Watch, reconcile,
};
use migration_service::sides::Sides;
use migration_service::store::{self, Source, Target};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, MySqlPool, PgPool};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The mapping of tables that are alike.
pub(crate) const NUMBERED: &str = "[[tables]]\nfrom = \"t\"\nto = \"t\"\n";

/// A table of this many rows under integer keys with gaps.
pub(crate) fn numbered(rows: u32) -> String {
    format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, total INTEGER);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO t SELECT i * 7 + (i / 100) * 10000, 'name ' || i, i * 3 FROM n;"
    )
}

/// A database of its own, open for the test beside those who compare it.
pub(crate) struct Own {
    url: String,
    pool: Pool,
}

enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    Mysql(MySqlPool),
}

/// Two databases, and the mapping between them.
pub(crate) struct Pair {
    pub(crate) legacy: Own,
    pub(crate) modern: Own,
    mapping: String,
    directory: TempDir,
}

impl Own {
    async fn file(directory: &TempDir, name: &str) -> Self {
        let path = directory.path().join(name);
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Off)
            .busy_timeout(Duration::from_secs(30))
            .create_if_missing(true);
        let pool = SqlitePoolOptions::new().max_connections(1);
        Self {
            url: format!("sqlite:{}", path.display()),
            pool: Pool::Sqlite(pool.connect_with(options).await.expect("a file")),
        }
    }

    async fn server() -> Self {
        let url = tokio::task::spawn_blocking(postgres_database).await;
        let url = url.expect("a database");
        let pool = PgPool::connect(&url).await.expect("a server");
        Self {
            url,
            pool: Pool::Postgres(pool),
        }
    }

    async fn mariadb() -> Self {
        let url = tokio::task::spawn_blocking(mariadb_database).await;
        let url = url.expect("a database");
        let pool = MySqlPool::connect(&url).await.expect("a server");
        Self {
            url,
            pool: Pool::Mysql(pool),
        }
    }

    pub(crate) async fn run(&self, sql: &str) {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = match &self.pool {
            Pool::Sqlite(pool) => query.execute(pool).await.map(drop),
            Pool::Postgres(pool) => query.execute(pool).await.map(drop),
            Pool::Mysql(pool) => query.execute(pool).await.map(drop),
        };
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The texts that a query gives.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        let texts = match &self.pool {
            Pool::Sqlite(pool) => sqlx::query_scalar(sql).fetch_all(pool).await,
            Pool::Postgres(pool) => sqlx::query_scalar(sql).fetch_all(pool).await,
            Pool::Mysql(pool) => sqlx::query_scalar(sql).fetch_all(pool).await,
        };
        texts.expect("texts")
    }
}

impl Pair {
    /// Both sides made by the same statements, and compared column by column.
    pub(crate) async fn alike(sql: &str, mapping: &str) -> Self {
        Self::of(sql, sql, mapping).await
    }

    /// Two files.
    pub(crate) async fn of(legacy: &str, modern: &str, mapping: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let legacy_side = Own::file(&directory, "legacy.db").await;
        let modern_side = Own::file(&directory, "modern.db").await;
        let sides = (legacy_side, modern_side);
        Self::made(sides, (legacy, modern), mapping, directory).await
    }

    /// A file, and a database of `PostgreSQL`.
    pub(crate) async fn from_file(legacy: &str, modern: &str, mapping: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let sides = (
            Own::file(&directory, "legacy.db").await,
            Own::server().await,
        );
        Self::made(sides, (legacy, modern), mapping, directory).await
    }

    /// A database of `MariaDB`, and one of `PostgreSQL`.
    pub(crate) async fn from_mariadb(legacy: &str, modern: &str, mapping: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let sides = (Own::mariadb().await, Own::server().await);
        Self::made(sides, (legacy, modern), mapping, directory).await
    }

    /// Two databases of `PostgreSQL`.
    pub(crate) async fn on_servers(legacy: &str, modern: &str, mapping: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let sides = (Own::server().await, Own::server().await);
        Self::made(sides, (legacy, modern), mapping, directory).await
    }

    async fn made(
        (legacy, modern): (Own, Own),
        sql: (&str, &str),
        mapping: &str,
        directory: TempDir,
    ) -> Self {
        legacy.run(sql.0).await;
        modern.run(sql.1).await;
        Self {
            legacy,
            modern,
            mapping: mapping.to_owned(),
            directory,
        }
    }

    pub(crate) async fn at_legacy(&self, sql: &str) {
        self.legacy.run(sql).await;
    }

    pub(crate) async fn at_modern(&self, sql: &str) {
        self.modern.run(sql).await;
    }

    pub(crate) async fn sides(&self) -> (Arc<dyn Source>, Arc<dyn Target>) {
        let source = store::source(&self.legacy.url).await;
        let target = store::target(&self.modern.url).await;
        (
            source.expect("a source").into(),
            target.expect("a target").into(),
        )
    }

    pub(crate) async fn both(&self) -> Sides {
        let (source, target) = self.sides().await;
        Sides {
            source,
            target,
            plan: Arc::new(self.plan().await),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) async fn plan(&self) -> Plan {
        let (source, target) = self.sides().await;
        let mapping = Mapping::parse("mapping.toml", &self.mapping);
        let mapping = mapping.unwrap_or_else(|problems| panic!("{problems}"));
        let plan = Plan::of("mapping.toml", &mapping, &*source, target.as_source()).await;
        plan.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) async fn report(&self) -> Report {
        self.report_with(&options()).await
    }

    pub(crate) async fn report_with(&self, options: &Options) -> Report {
        let stop = CancellationToken::new();
        self.watched(options, Arc::new(Unwatched), stop, None).await
    }

    pub(crate) async fn watched(
        &self,
        options: &Options,
        watch: Arc<dyn Watch>,
        stop: CancellationToken,
        from: Option<Checkpoint>,
    ) -> Report {
        let plan = self.plan().await;
        let (source, target) = self.sides().await;
        reconcile(&plan, source, target, options, watch, stop, from).await
    }
}

/// Short waits: nobody writes unless a test says so.
pub(crate) fn options() -> Options {
    Options {
        settle: Duration::from_millis(1),
        ..Options::default()
    }
}

/// The one table's report.
pub(crate) fn only(report: &Report) -> &TableReport {
    assert_eq!(report.tables.len(), 1);
    &report.tables[0]
}

/// What the findings say.
pub(crate) fn said(report: &Report) -> Vec<String> {
    let findings = report.tables.iter().flat_map(|table| &table.findings);
    let mut said: Vec<String> = findings.map(|finding| finding.summary.clone()).collect();
    said.sort();
    said
}
