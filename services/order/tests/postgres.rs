//! What the services need of a `PostgreSQL` beside the contract: its schema, its bounds, and work
//! that is tried again.
#![expect(clippy::unwrap_used, reason = "a test that cannot start panics")]

use kit::database::Settings;
use kit::postgres::Database;
use kit::testing::servers::{Postgres, postgres_database};
use sqlx::{Executor as _, Row as _};

async fn opened(url: &str) -> Database {
    let migrations = sqlx::migrate!("../../migrations/modern/postgres");
    Database::open(&Settings::new(url), &migrations)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_schema_that_is_behind_is_refused_until_it_is_migrated() {
    let mut settings = Settings::new(&postgres_database());
    settings.migrate = false;
    let cache = kit::cache::Cache::in_memory;
    let error = order_service::connect_cached(settings.clone(), cache()).await;
    let error = error.err().unwrap().to_string();
    assert!(
        error.contains("0001") && error.contains("--migrate"),
        "{error}"
    );
    settings.migrate = true;
    order_service::connect_cached(settings.clone(), cache())
        .await
        .unwrap();
    settings.migrate = false;
    order_service::connect_cached(settings, cache())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_services_may_migrate_one_database_at_once() {
    let url = postgres_database();
    let open = || {
        let url = url.clone();
        tokio::spawn(async move { order_service::connect(&url).await.map(drop) })
    };
    let opening: Vec<_> = (0..8).map(|_| open()).collect();
    for opened in futures::future::join_all(opening).await {
        opened.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let mut postgres = Postgres::start();
    let url = postgres
        .url("modern")
        .replace("postgres@", "modern:secret@");
    postgres.stop();
    let error = order_service::connect(&url).await.err().unwrap();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("postgres://modern@127.0.0.1:"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn a_connection_has_a_name_and_bounds() {
    let database = opened(&postgres_database()).await;
    let bounds = database.read(|mut connection| async move {
        let row = connection
            .fetch_one(
                "SELECT current_setting('application_name'), current_setting('statement_timeout'),
                        current_setting('idle_in_transaction_session_timeout')",
            )
            .await;
        (connection, row)
    });
    let row = bounds.await.unwrap();
    let bounds: Vec<String> = (0..3).map(|index| row.get(index)).collect();
    assert_eq!(bounds, ["cutover", "5s", "10s"]);
}

/// A sequence counts the attempts: no rollback takes back what it counted.
async fn attempts(code: &'static str) -> (bool, i64) {
    let database = opened(&postgres_database()).await;
    let count = database.write(|mut connection| async move {
        let made = connection.execute("CREATE SEQUENCE attempts").await;
        (connection, made.map(drop))
    });
    count.await.unwrap();
    let sql = format!(
        "DO $$ BEGIN IF nextval('attempts') < 3 THEN
             RAISE EXCEPTION 'once more' USING ERRCODE = '{code}'; END IF; END $$"
    );
    let work = database.write(|mut connection| {
        let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.clone()));
        async move {
            let done = sql.execute(&mut *connection).await.map(drop);
            (connection, done)
        }
    });
    let well = work.await.is_ok();
    let counted = database.read(|mut connection| async move {
        let row = connection
            .fetch_one("SELECT last_value FROM attempts")
            .await;
        (connection, row)
    });
    (well, counted.await.unwrap().get(0))
}

#[tokio::test]
async fn a_write_that_the_server_undid_over_another_is_tried_again() {
    assert_eq!(attempts("40001").await, (true, 3), "serialization failure");
    assert_eq!(attempts("40P01").await, (true, 3), "deadlock");
}

#[tokio::test]
async fn a_write_that_failed_otherwise_is_not_tried_again() {
    assert_eq!(attempts("22003").await, (false, 1), "numeric overflow");
}

#[tokio::test]
async fn work_that_is_cut_off_leaves_the_pool_whole() {
    let mut settings = Settings::new(&postgres_database());
    settings.connections = 1;
    let migrations = sqlx::migrate!("../../migrations/modern/postgres");
    let database = Database::open(&settings, &migrations).await.unwrap();
    for _ in 0..3 {
        let sleep = database.write(|mut connection| async move {
            let slept = connection.execute("SELECT pg_sleep(60)").await;
            (connection, slept.map(drop))
        });
        let cut = tokio::time::timeout(std::time::Duration::from_millis(50), sleep).await;
        assert!(cut.is_err());
    }
    database.ping().await.unwrap();
}
