//! Two databases and the mapping between them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use migration_service::mapping::Mapping;
use migration_service::plan::Plan;
use migration_service::reconcile::{
    Checkpoint, Options, Report, TableReport, Unwatched, Watch, reconcile,
};
use migration_service::sides::Sides;
use migration_service::store::{self, Source, Target};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
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

/// Two files, open for the test beside those who compare them.
pub(crate) struct Pair {
    pub(crate) legacy: SqlitePool,
    pub(crate) modern: SqlitePool,
    mapping: String,
    directory: tempfile::TempDir,
}

impl Pair {
    /// Both sides made by the same statements, and compared column by column.
    pub(crate) async fn alike(sql: &str, mapping: &str) -> Self {
        Self::of(sql, sql, mapping).await
    }

    pub(crate) async fn of(legacy: &str, modern: &str, mapping: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let pair = Self {
            legacy: file(&directory, "legacy.db").await,
            modern: file(&directory, "modern.db").await,
            mapping: mapping.to_owned(),
            directory,
        };
        pair.at_legacy(legacy).await;
        pair.at_modern(modern).await;
        pair
    }

    pub(crate) async fn at_legacy(&self, sql: &str) {
        run(&self.legacy, sql).await;
    }

    pub(crate) async fn at_modern(&self, sql: &str) {
        run(&self.modern, sql).await;
    }

    pub(crate) async fn sides(&self) -> (Arc<dyn Source>, Arc<dyn Target>) {
        let source = store::source(&self.url("legacy.db")).await;
        let target = store::target(&self.url("modern.db")).await;
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

    fn url(&self, name: &str) -> String {
        format!("sqlite:{}", self.directory.path().join(name).display())
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

/// What the findings say, without the rule that would allow it.
pub(crate) fn said(report: &Report) -> Vec<String> {
    let findings = report.tables.iter().flat_map(|table| &table.findings);
    let mut said: Vec<String> = findings.map(|finding| finding.summary.clone()).collect();
    said.sort();
    said
}

async fn file(directory: &tempfile::TempDir, name: &str) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(directory.path().join(name))
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Off)
        .busy_timeout(Duration::from_secs(30))
        .create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(1);
    pool.connect_with(options).await.expect("a file")
}

async fn run(pool: &SqlitePool, sql: &str) {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    sqlx::raw_sql(sql).execute(pool).await.expect("statements");
}
