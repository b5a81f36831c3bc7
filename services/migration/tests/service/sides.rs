//! A seeded legacy database and an empty modern one.

use kit::testing::servers::postgres_database;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;

/// The sample's own mapping.
pub(crate) const MAPPING: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/mapping.toml");

/// Both databases, for as long as a test holds them.
pub(crate) struct Sides {
    pub(crate) legacy: String,
    pub(crate) modern: String,
    pub(crate) directory: TempDir,
}

impl Sides {
    pub(crate) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let modern = format!("sqlite:{}", directory.path().join("modern.db").display());
        Self::seeded(directory, modern).await
    }

    pub(crate) async fn postgres() -> Self {
        Self::seeded(tempfile::tempdir().unwrap(), postgres_database()).await
    }

    async fn seeded(directory: TempDir, modern: String) -> Self {
        let legacy = format!("sqlite:{}", directory.path().join("legacy.db").display());
        let monolith = legacy_monolith::connect(&legacy).await.unwrap();
        assert!(legacy_monolith::seed(&monolith).await.unwrap());
        monolith.close().await;
        // The services make their tables.
        order_service::connect(&modern).await.unwrap().close().await;
        Self {
            legacy,
            modern,
            directory,
        }
    }

    pub(crate) async fn legacy(&self, sql: &str) {
        let mut database = SqliteConnection::connect(&self.legacy).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut database)
            .await
            .unwrap();
        database.close().await.unwrap();
    }

    pub(crate) async fn modern(&self, sql: &str) {
        if self.modern.starts_with("sqlite:") {
            let mut database = SqliteConnection::connect(&self.modern).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut database)
                .await
                .unwrap();
            database.close().await.unwrap();
        } else {
            let mut database = PgConnection::connect(&self.modern).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut database)
                .await
                .unwrap();
            database.close().await.unwrap();
        }
    }

    /// The number that a query of the modern database gives.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        if self.modern.starts_with("sqlite:") {
            let mut modern = SqliteConnection::connect(&self.modern).await.unwrap();
            let query = sqlx::query_scalar(AssertSqlSafe(sql));
            query.fetch_one(&mut modern).await.unwrap()
        } else {
            let mut modern = PgConnection::connect(&self.modern).await.unwrap();
            let query = sqlx::query_scalar(AssertSqlSafe(sql));
            query.fetch_one(&mut modern).await.unwrap()
        }
    }

    /// Adds customers to the legacy side, the seed's forty being there, until there are so many.
    pub(crate) async fn add_customers(&self, last: u32) {
        self.legacy(&format!(
            "INSERT INTO Customers (Id, Email, FirstName, LastName, CreatedAt, UpdatedAt)
             WITH RECURSIVE n (i) AS (SELECT 41 UNION ALL SELECT i + 1 FROM n WHERE i < {last})
             SELECT i, concat(i, '@example.com'), 'A', 'B', '2026-01-01 00:00:00.000',
                    '2026-01-01 00:00:00.000' FROM n"
        ))
        .await;
    }

    /// Lets each row that comes take some time: the copy can be met while it is under way.
    pub(crate) async fn slow_down(&self) {
        if self.modern.starts_with("sqlite:") {
            self.modern(
                "CREATE TRIGGER slow AFTER INSERT ON customers BEGIN
                     SELECT count(*) FROM (WITH RECURSIVE n (i) AS
                         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i FROM n);
                 END",
            )
            .await;
        } else {
            self.modern(
                "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN PERFORM pg_sleep(0.0005); RETURN NEW; END $$;
                 CREATE TRIGGER slow BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION slow()",
            )
            .await;
        }
    }
}
