//! The schema's version: brought up to date when asked to, and checked at every start.

use sqlx::PgPool;
use sqlx::migrate::{Migrate as _, MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;

use super::failure::is_undefined_table;
use super::{OpenError, connection};

/// Applies what is missing. Processes that do so at the same time take turns.
pub(super) async fn upgrade(
    options: &PgConnectOptions,
    database: &str,
    migrations: &Migrator,
) -> Result<(), OpenError> {
    let failed = |source: MigrateError| OpenError::Migrate {
        database: database.to_owned(),
        source: Box::new(source),
    };
    let mut connection = connection(options).await.map_err(connect(database))?;
    // `run` would make this future one that no other thread can take up.
    migrations
        .run_direct(None, &mut connection, false)
        .await
        .map_err(failed)
}

/// Refuses a schema that this service is ahead of. A newer one is no hindrance: it is what a
/// service sees that is replaced while it runs.
pub(super) async fn check(
    pool: &PgPool,
    database: &str,
    migrations: &Migrator,
) -> Result<(), OpenError> {
    let mut connection = pool.acquire().await.map_err(connect(database))?;
    let listed = connection
        .list_applied_migrations(&migrations.table_name)
        .await;
    let applied = match listed {
        Ok(applied) => applied,
        Err(MigrateError::Execute(error)) if is_undefined_table(&error) => Vec::new(),
        Err(source) => {
            return Err(OpenError::Migrate {
                database: database.to_owned(),
                source: Box::new(source),
            });
        }
    };
    let missing = migrations
        .iter()
        .find(|known| applied.iter().all(|row| row.version != known.version));
    match missing {
        None => Ok(()),
        Some(migration) => Err(OpenError::Behind {
            database: database.to_owned(),
            missing: format!("{:04} {}", migration.version, migration.description),
        }),
    }
}

fn connect(database: &str) -> impl FnOnce(sqlx::Error) -> OpenError {
    let database = database.to_owned();
    move |source| OpenError::Connect { database, source }
}
