//! A new and empty database of each kind, and what tests say to it beside the store.

use kit::testing::servers::{mariadb_database, postgres_database};
use migration_service::schema::{ColumnSchema, TableName, TableSchema};
use migration_service::store::{self, Commit, Destination, Range, Select, Source, Target};
use migration_service::value::{Key, Row};
use sqlx::{AssertSqlSafe, MySqlPool, PgPool, SqlitePool};
use tempfile::TempDir;

/// Kinds of databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
    Mariadb,
}

/// A database.
pub(crate) struct Bed {
    pub(crate) kind: Kind,
    pub(crate) url: String,
    own: Own,
    _directory: TempDir,
}

enum Own {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    Mariadb(MySqlPool),
}

impl Bed {
    pub(crate) async fn new(kind: Kind) -> Self {
        let directory = TempDir::new().expect("a directory");
        let url = match kind {
            Kind::Sqlite => format!("sqlite:{}", directory.path().join("bed.db").display()),
            Kind::Postgres => tokio::task::spawn_blocking(postgres_database)
                .await
                .expect("a database"),
            Kind::Mariadb => tokio::task::spawn_blocking(mariadb_database)
                .await
                .expect("a database"),
        };
        let own = match kind {
            Kind::Sqlite => {
                let made = format!("{url}?mode=rwc");
                Own::Sqlite(SqlitePool::connect(&made).await.expect("a file"))
            }
            Kind::Postgres => Own::Postgres(PgPool::connect(&url).await.expect("a server")),
            Kind::Mariadb => Own::Mariadb(MySqlPool::connect(&url).await.expect("a server")),
        };
        Self {
            kind,
            url,
            own,
            _directory: directory,
        }
    }

    /// Runs SQL beside the store.
    pub(crate) async fn run(&self, sql: &str) {
        self.try_run(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    pub(crate) async fn try_run(&self, sql: &str) -> sqlx::Result<()> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql));
        match &self.own {
            Own::Sqlite(pool) => query.execute(pool).await.map(drop),
            Own::Postgres(pool) => query.execute(pool).await.map(drop),
            Own::Mariadb(pool) => query.execute(pool).await.map(drop),
        }
    }

    /// An integer that a query beside the store finds.
    pub(crate) async fn one(&self, sql: &str) -> i64 {
        let found = match &self.own {
            Own::Sqlite(pool) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await,
            Own::Postgres(pool) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await,
            Own::Mariadb(pool) => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await,
        };
        found.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub(crate) async fn source(&self) -> Box<dyn Source> {
        store::source(&self.url).await.expect("a source")
    }

    /// The database as one that is written to, with its books.
    pub(crate) async fn target(&self) -> Box<dyn Target> {
        let target = store::target(&self.url).await.expect("a target");
        target.prepare().await.expect("books");
        target
    }

    /// What this kind calls a type.
    pub(crate) fn word(&self, kind: &'static str) -> &'static str {
        match (kind, self.kind) {
            ("datetime", Kind::Postgres) => "timestamp(6)",
            ("datetime", Kind::Mariadb) => "datetime(6)",
            ("text", Kind::Mariadb) => "varchar(60) COLLATE utf8mb4_nopad_bin",
            ("decimal", Kind::Mariadb) => "decimal(30, 6)",
            ("decimal", Kind::Postgres) => "numeric(30, 6)",
            ("decimal", Kind::Sqlite) => "text",
            _ => kind,
        }
    }
}

/// A table as a source describes it.
pub(crate) async fn described(source: &dyn Source, table: &str) -> TableSchema {
    let table: TableName = table.parse().expect("a name");
    let found = source.describe(&table).await.expect("a description");
    found.unwrap_or_else(|| panic!("no table {table}"))
}

/// All of a table.
pub(crate) async fn whole(source: &dyn Source, table: &str) -> Select {
    let schema = described(source, table).await;
    let at = |name: &String| {
        schema
            .columns
            .iter()
            .position(|column| column.name == *name)
    };
    Select {
        table: schema.name.clone(),
        key: schema.key.iter().filter_map(at).collect(),
        columns: schema.columns.clone(),
        filter: None,
    }
}

/// All of a table that can be written.
pub(crate) async fn destination(target: &dyn Target, table: &str) -> Destination {
    let Select {
        table,
        columns,
        key,
        ..
    } = whole(target.as_source(), table).await;
    let columns: Vec<ColumnSchema> = columns
        .into_iter()
        .filter(|column| !column.generated)
        .collect();
    Destination {
        table,
        columns,
        key,
    }
}

/// The rows, page by page.
pub(crate) async fn walked(
    source: &dyn Source,
    select: &Select,
    range: &Range,
    limit: u32,
) -> Vec<Row> {
    let mut range = range.clone();
    let mut rows = Vec::new();
    loop {
        let page = source.page(select, &range, limit).await.expect("a page");
        assert!(page.len() <= limit as usize);
        let Some(last) = page.last() else {
            return rows;
        };
        range.after = Some(select.key_of(last));
        rows.extend(page);
        assert!(rows.len() < 100_000, "pages without an end");
    }
}

/// All rows of a table.
pub(crate) async fn rows(source: &dyn Source, table: &str) -> Vec<Row> {
    let select = whole(source, table).await;
    walked(source, &select, &Range::default(), 1000).await
}

/// Nothing but the rows.
pub(crate) fn commit() -> Commit {
    Commit {
        source: "t".to_owned(),
        progress: None,
        quarantined: Vec::new(),
        healed: Vec::new(),
        ids: Vec::new(),
    }
}

pub(crate) fn key(values: impl Into<Box<[migration_service::value::Value]>>) -> Key {
    Key(values.into())
}

/// One test of each claim for each kind of database.
macro_rules! of_every {
    ($kinds:tt: $($claim:ident),+ $(,)?) => { $(crate::bed::of_every!(@one $claim $kinds);)+ };
    (@one $claim:ident [$($name:ident $kind:ident),+]) => {
        mod $claim {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$claim(crate::bed::Bed::new(crate::bed::Kind::$kind).await).await;
                }
            )+
        }
    };
}
pub(crate) use of_every;
