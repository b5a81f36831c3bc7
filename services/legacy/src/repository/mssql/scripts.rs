//! Brings the database's tables and procedures up to date, from `migrations/legacy/mssql`.
//!
//! The scripts can run again and again, so nothing is recorded about which ones did.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    address::Address,
    connection::{self, Client},
    error::{Meaning, MssqlError, OpenError},
};

pub(super) const SCRIPTS: [(&str, &str); 4] = [
    (
        "0001_tables.sql",
        include_str!("../../../../../migrations/legacy/mssql/0001_tables.sql"),
    ),
    (
        "0002_reads.sql",
        include_str!("../../../../../migrations/legacy/mssql/0002_reads.sql"),
    ),
    (
        "0003_writes.sql",
        include_str!("../../../../../migrations/legacy/mssql/0003_writes.sql"),
    ),
    (
        "0004_seeding.sql",
        include_str!("../../../../../migrations/legacy/mssql/0004_seeding.sql"),
    ),
];

/// Processes that start together take turns; the lock goes with the connection.
const TAKE_TURNS: &str = "DECLARE @Granted int; \
    EXECUTE @Granted = sp_getapplock @Resource = N'legacy-monolith schema', \
        @LockMode = N'Exclusive', @LockOwner = N'Session', @LockTimeout = 30000; \
    IF @Granted < 0 \
        THROW 51004, N'Another process was changing the schema for too long.', 1;";

/// How long a batch may take; a new database on a busy server is slow.
const BATCH: Duration = Duration::from_mins(1);

/// Makes the database where it is missing, and its tables and procedures as they should be.
pub(super) async fn apply(address: &Address, connect: Duration) -> Result<(), OpenError> {
    let mut client = open(address, connect).await?;
    run(&mut client, TAKE_TURNS).await?;
    for (script, text) in SCRIPTS {
        for (sql, batch) in batches(text).into_iter().zip(1..) {
            run(&mut client, &sql)
                .await
                .map_err(|source| OpenError::Script {
                    script,
                    batch,
                    source,
                })?;
        }
    }
    Ok(())
}

/// Connects to the database, which is made when it is missing.
pub(super) async fn open(address: &Address, connect: Duration) -> Result<Client, MssqlError> {
    match connection::open(address, connect).await {
        Err(error) if error.meaning() == Meaning::NoDatabase => {
            create_database(address, connect).await?;
            connection::open(address, connect).await
        }
        opened => opened,
    }
}

async fn create_database(address: &Address, connect: Duration) -> Result<(), MssqlError> {
    let mut client = connection::open(&address.with_database("master"), connect).await?;
    let create = format!("CREATE DATABASE {}", quoted(&address.database));
    match run(&mut client, &create).await {
        Err(error) if error.meaning() == Meaning::DatabaseExists => Ok(()),
        made => made,
    }
}

/// Runs one batch within its time.
pub(super) async fn run(client: &mut Client, sql: &str) -> Result<(), MssqlError> {
    timeout(BATCH, connection::batch(client, sql))
        .await
        .unwrap_or(Err(MssqlError::Timeout {
            call: "a batch",
            limit: BATCH,
        }))
}

/// A name as a statement takes it.
pub(super) fn quoted(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// The batches of a script: what stands between lines that say GO and nothing else, as Microsoft's
/// own tools have it.
pub(super) fn batches(script: &str) -> Vec<String> {
    let mut batches = vec![String::new()];
    for line in script.lines() {
        if line.trim().eq_ignore_ascii_case("go") {
            batches.push(String::new());
        } else if let Some(batch) = batches.last_mut() {
            batch.push_str(line);
            batch.push('\n');
        }
    }
    batches.retain(|batch| !batch.trim().is_empty());
    batches
}
