//! Two private servers, with the same rows in each.

use std::path::PathBuf;

use anyhow::Result;
use kit::testing::servers::{Mariadb, Postgres};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};
use tempfile::TempDir;

/// The columns of the table, but for the key.
const COLUMNS: &str = "customer integer NOT NULL, status varchar(12) NOT NULL,
    quantity integer NOT NULL, amount decimal(10, 2) NOT NULL, name varchar(40) NOT NULL,
    email varchar(60) NOT NULL, note text, active boolean NOT NULL";

/// The values of row `i`, in words that both servers know; `created` is put behind them.
const VALUES: &str = "i, i % 50000, CASE i % 4 WHEN 0 THEN 'pending' WHEN 1 THEN 'paid'
    WHEN 2 THEN 'shipped' ELSE 'cancelled' END, i % 17, (i % 1000000) / 100.0,
    concat('name ', substr(md5(i), 1, 20)), concat(substr(md5(i + 1), 1, 24), '@example.com'),
    CASE WHEN i % 3 = 0 THEN NULL ELSE concat('note ', substr(md5(i + 2), 1, 32)) END, i % 2 = 0";

/// Megabytes of pages that `MariaDB` keeps: all rows, as the kernel keeps them for `PostgreSQL`. With
/// fewer it is busy with its queue of reads, whoever compares.
const POOL: u32 = 1_500;

/// The servers, and where their rows are.
pub(crate) struct Databases {
    pub(crate) postgres: Postgres,
    /// The database of `MariaDB` that rows come from.
    pub(crate) mariadb_url: String,
    _mariadb: Mariadb,
    /// The database of `PostgreSQL` that rows come from.
    pub(crate) source: String,
    pub(crate) directory: TempDir,
    pub(crate) rows: u64,
}

impl Databases {
    pub(crate) fn start(rows: u64) -> Result<Self> {
        let postgres = Postgres::start_durable();
        let mariadb = Mariadb::start_with_pool(POOL);
        eprintln!("making {rows} rows in each server");
        let source = "source".to_owned();
        postgres.run_sql("postgres", &format!("CREATE DATABASE {source}"));
        let values = VALUES
            .replace("md5(i)", "md5(i::text)")
            .replace("md5(i + ", "md5((i + ");
        let values = values
            .replace("1), 1, 24", "1)::text), 1, 24")
            .replace("2), 1, 32", "2)::text), 1, 32");
        postgres.run_sql(&source, &table("things", "timestamp(6)"));
        postgres.run_sql(
            &source,
            &format!(
                "INSERT INTO things SELECT {values}, timestamp '2026-01-01' + i * interval '1 second'
                 FROM generate_series(1, {rows}) AS i"
            ),
        );
        postgres.run_sql(&source, "VACUUM ANALYZE things");
        let mariadb_url = mariadb.database();
        run_sql(
            &mariadb_url,
            &format!(
                "{}; INSERT INTO things SELECT {VALUES}, timestamp'2026-01-01 00:00:00'
                 + INTERVAL i SECOND FROM (SELECT seq AS i FROM seq_1_to_{rows}) AS n;
                 ANALYZE TABLE things",
                table("things", "datetime(6)")
            ),
        )?;
        let directory = TempDir::with_prefix("cutover-bench-data-")?;
        std::fs::write(
            directory.path().join("mapping.toml"),
            "[[tables]]\nfrom = \"things\"\nto = \"things\"\n",
        )?;
        Ok(Self {
            postgres,
            mariadb_url,
            _mariadb: mariadb,
            source,
            directory,
            rows,
        })
    }

    /// A database of `PostgreSQL` made anew, with an empty table.
    pub(crate) fn empty(&self, name: &str) -> String {
        self.postgres.run_sql(
            "postgres",
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        );
        self.postgres
            .run_sql("postgres", &format!("CREATE DATABASE {name}"));
        self.postgres
            .run_sql(name, &table("things", "timestamp(6)"));
        // What earlier rounds left to write is not this one's.
        self.postgres.run_sql("postgres", "CHECKPOINT");
        self.postgres.url(name)
    }

    pub(crate) fn source_url(&self) -> String {
        self.postgres.url(&self.source)
    }

    pub(crate) fn mapping(&self) -> PathBuf {
        self.directory.path().join("mapping.toml")
    }
}

fn table(name: &str, created: &str) -> String {
    format!(
        "CREATE TABLE {name} (id bigint NOT NULL PRIMARY KEY, {COLUMNS}, created {created} NOT NULL)"
    )
}

/// Runs SQL in a database of `MariaDB`.
fn run_sql(url: &str, sql: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut database = MySqlConnection::connect(url).await?;
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut database)
            .await?;
        Ok(database.close().await?)
    })
}
