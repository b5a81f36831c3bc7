//! What all `SQLite` files that are written here have in common: a log that is written ahead, kept
//! small, and synchronised when it is checkpointed.
//!
//! What is in a file, and who else may use it, is its owner's business.

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool};
use std::path::Path;
use std::time::Duration;

/// What the write-ahead log shrinks to after a checkpoint.
const LOG_BYTES: &str = "4194304";

/// How the file is opened by the one who writes it, waiting so long for another process's lock.
pub(crate) fn for_writing(path: &Path, lock_wait: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .pragma("journal_size_limit", LOG_BYTES)
        .busy_timeout(lock_wait)
}

/// The one connection, for as long as the pool is open.
pub(crate) async fn one_connection(options: SqliteConnectOptions) -> sqlx::Result<SqlitePool> {
    SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await
}

/// Gives a connection back on which everything went well, and closes one on which something failed:
/// on a full disk `SQLite` may have ended a transaction by itself, of which the library knows nothing.
/// What it calls committed after that could go with the next failure, and another transaction might
/// not begin.
pub(crate) async fn give_back<T, E>(
    connection: PoolConnection<Sqlite>,
    done: Result<T, E>,
) -> Result<T, E> {
    if done.is_err() {
        let _ = connection.close().await;
    }
    done
}
