//! Connections, and what the server's refusals mean.

use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use kit::error::Cause;
use kit::postgres::check_url;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgPool};

use crate::store::WriteError;
use crate::store::alone::{Alone, Lock};
use crate::store::pool::{Lent, connected};

/// What a session is bounded by, and how it shows values.
const SETTINGS: [(&str, &str); 13] = [
    // A page takes half a second; what takes long by its nature lifts this.
    ("statement_timeout", "15min"),
    ("lock_timeout", "60s"),
    ("idle_in_transaction_session_timeout", "15min"),
    ("standard_conforming_strings", "on"),
    ("intervalstyle", "postgres"),
    ("bytea_output", "hex"),
    // A policy that hides rows is an error: rows that are not seen would not be missed.
    ("row_security", "off"),
    ("client_min_messages", "warning"),
    // Statements are many and short.
    ("jit", "off"),
    // Pages are read along the key's index. At the default of 4, which is for disks that turn, the
    // server sorts those of a table that was filled in another order.
    ("random_page_cost", "1.1"),
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "6"),
];

/// A session that only keeps a lock is idle, and is not to end for it. Before 14 there is no such
/// limit, and setting it would be an error.
const NEVER_IDLE: &str =
    "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'";

/// How long that session may be silent. The server, by the keepalives above, gives its lock to
/// another after 90 seconds.
const ANSWER: Duration = Duration::from_secs(45);

/// Classes of errors that a row is at fault for: it does not fit its columns, it breaks a
/// constraint, or an index cannot hold it. Class 21 is of two rows with one key.
const OF_A_ROW: [&str; 4] = ["21", "22", "23", "54"];

/// Errors whose detail is about one value and not the whole row.
const TELLING: [&str; 3] = ["22003", "23503", "23505"];

/// A URL's pool, and its name without the password.
pub(super) async fn open(url: &str, read_only: bool) -> Result<(PgPool, String), Cause> {
    check_url(url)?;
    let options = PgConnectOptions::from_str(url)?;
    let host = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let user = options.get_username().to_owned();
    let database = options.get_database().unwrap_or(&user);
    let name = format!("postgres://{user}@{host}/{database}");
    let writes = if read_only { "on" } else { "off" };
    let options = options
        .application_name("cutover-data")
        .options(SETTINGS)
        .options([("default_transaction_read_only", writes)])
        // Statements have rows' values in them.
        .disable_statement_logging();
    Ok((connected(PgPoolOptions::new(), options, &name).await?, name))
}

/// Has a session of its own keep a lock: it is gone with the session, however that ends.
pub(super) async fn alone(pool: &PgPool) -> Result<Option<Alone>, Cause> {
    Ok(locked(pool)
        .await?
        .map(|session| Alone::by(Lasting(session))))
}

async fn locked(pool: &PgPool) -> Result<Option<PgConnection>, Cause> {
    let mut session = pool.acquire().await?.detach();
    run(&mut session, NEVER_IDLE).await.map_err(cause)?;
    let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtext('cutover_data_feeder'))");
    let is_alone: bool = lock.fetch_one(&mut session).await?;
    Ok(is_alone.then_some(session))
}

/// A session that has a lock.
struct Lasting(PgConnection);

#[async_trait]
impl Lock for Lasting {
    async fn check(&mut self) -> Result<(), Cause> {
        let answered = tokio::time::timeout(ANSWER, self.0.ping()).await;
        answered.map_err(|_| format!("it did not answer within {} s", ANSWER.as_secs()))??;
        Ok(())
    }
}

/// What is done in one transaction, or not at all.
pub(super) async fn transaction<T>(
    pool: &PgPool,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, WriteError>,
) -> Result<T, WriteError> {
    let mut lent = Lent::of(pool).await.map_err(refused)?;
    run(&mut lent, "BEGIN").await?;
    let done = match work(&mut lent).await {
        Ok(done) => run(&mut lent, "COMMIT").await.map(|_| done),
        Err(error) => Err(error),
    };
    // After a refusal at the commit, this does nothing. A connection on which it fails is broken.
    if done.is_ok() || run(&mut lent, "ROLLBACK").await.is_ok() {
        lent.give_back();
    }
    done
}

/// Runs a statement that is not to be kept prepared; says how many rows it changed.
pub(super) async fn run(
    connection: &mut PgConnection,
    sql: impl Into<String>,
) -> Result<u64, WriteError> {
    let query = sqlx::raw_sql(AssertSqlSafe(sql.into()));
    match query.execute(connection).await {
        Ok(done) => Ok(done.rows_affected()),
        Err(error) => Err(refused(error)),
    }
}

/// What an error means to whoever gave the rows.
pub(super) fn refused(error: sqlx::Error) -> WriteError {
    let found = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    let Some(found) = found else {
        return WriteError::Failed(error.into());
    };
    let code = found.code();
    if !OF_A_ROW.iter().any(|class| code.starts_with(class)) {
        return WriteError::Failed(error.into());
    }
    let detail = found.detail().filter(|_| TELLING.contains(&code));
    WriteError::Refused(match detail {
        Some(detail) => format!("{}: {detail}", found.message()),
        None => found.message().to_owned(),
    })
}

/// An error of a statement that has no rows of anyone.
pub(super) fn cause(error: WriteError) -> Cause {
    match error {
        WriteError::Failed(cause) => cause,
        refused @ WriteError::Refused(_) => refused.into(),
    }
}

#[cfg(test)]
mod tests {
    use kit::testing::servers::postgres_database;

    use super::*;

    #[tokio::test]
    async fn a_session_that_keeps_the_lock_does_not_end_for_being_idle() {
        let url = tokio::task::spawn_blocking(postgres_database).await;
        let (pool, _) = open(&url.unwrap(), false).await.unwrap();
        let mut first = pool.acquire().await.unwrap().detach();
        let limit = "DO $$ BEGIN EXECUTE format(
            'ALTER DATABASE %I SET idle_session_timeout = ''1h''', current_database()); END $$";
        run(&mut first, limit).await.unwrap();
        drop(first);
        let mut session = locked(&pool).await.unwrap().unwrap();
        let shown = async |session: &mut PgConnection| -> String {
            let show = sqlx::query_scalar("SHOW idle_session_timeout");
            show.fetch_one(session).await.unwrap()
        };
        let mut other = pool.acquire().await.unwrap();
        assert_eq!(shown(&mut other).await, "1h");
        assert_eq!(shown(&mut session).await, "0");
    }
}
