//! `MySQL` and `MariaDB`, as sources. Rows come in answer to prepared statements, whose values
//! are binary.

mod read;
mod schema;
mod wire;

use std::str::FromStr as _;

use async_trait::async_trait;
use kit::error::Cause;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPoolOptions};
use sqlx::{ConnectOptions as _, Executor as _, MySqlPool, Row as _};

use super::pool::connected;
use super::{Dialect, Figures, Packed, Range, Select, Source};
use crate::schema::{TableName, TableSchema};
use crate::value::{Key, Row};

/// What makes sessions alike: statements mean what they say, char columns come without blanks at
/// their end, and nothing is written.
const SETTINGS: &str = "
SET SESSION sql_mode = '', time_zone = '+00:00', character_set_results = utf8mb4;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY";

/// A database of a server.
#[derive(Debug)]
pub(super) struct Mysql {
    name: String,
    pool: MySqlPool,
}

impl Mysql {
    /// Opens a database that is only read.
    pub(super) async fn to_read(url: &str) -> Result<Self, Cause> {
        let options = options(url)?;
        let name = format!(
            "mysql://{}@{}:{}/{}",
            options.get_username(),
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap_or_default(),
        );
        let sessions = MySqlPoolOptions::new();
        let sessions = sessions.after_connect(|connection, _| Box::pin(set_up(connection)));
        let pool = connected(sessions, options, &name).await?;
        Ok(Self { name, pool })
    }
}

/// Whether a URL is one of a database, without touching it.
pub(super) fn check_url(url: &str) -> Result<(), Cause> {
    let options = options(url)?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err("the URL names no database: mysql://USER:PASSWORD@HOST:PORT/NAME".into());
    }
    Ok(())
}

fn options(url: &str) -> Result<MySqlConnectOptions, Cause> {
    let url = match url.strip_prefix("mariadb:") {
        Some(rest) => format!("mysql:{rest}"),
        None => url.to_owned(),
    };
    Ok(MySqlConnectOptions::from_str(&url)?
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        // Statements have rows' values in them.
        .disable_statement_logging())
}

async fn set_up(connection: &mut MySqlConnection) -> sqlx::Result<()> {
    connection.execute(SETTINGS).await?;
    let version = sqlx::query("SELECT CAST(version() AS CHAR)");
    let version = version.fetch_one(&mut *connection).await?;
    let version: String = version.try_get_unchecked(0)?;
    // A page takes half a second; a quarter of an hour is a statement that went wrong.
    let bound = if version.contains("MariaDB") {
        "SET SESSION max_statement_time = 900"
    } else {
        "SET SESSION max_execution_time = 900000"
    };
    connection.execute(bound).await?;
    Ok(())
}

#[async_trait]
impl Source for Mysql {
    fn dialect(&self) -> Dialect {
        Dialect::Mysql
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn describe(&self, table: &TableName) -> Result<Option<TableSchema>, Cause> {
        schema::describe(&self.pool, table).await
    }

    async fn tables(&self) -> Result<Vec<TableName>, Cause> {
        schema::tables(&self.pool).await
    }

    async fn cuts(&self, select: &Select, parts: usize) -> Result<Vec<Key>, Cause> {
        let about = schema::describe(&self.pool, &select.table).await?;
        let about = about.and_then(|table| table.rows);
        read::cuts(&self.pool, select, about, parts).await
    }

    async fn page(&self, select: &Select, range: &Range, limit: u32) -> Result<Vec<Row>, Cause> {
        read::page(&self.pool, select, range, limit).await
    }

    async fn packed(
        &self,
        select: &Select,
        range: &Range,
        limit: u32,
        room: Packed,
    ) -> Result<Option<Packed>, Cause> {
        read::packed(&self.pool, select, range, limit, room).await
    }

    async fn at(&self, select: &Select, keys: &[Key]) -> Result<Vec<Row>, Cause> {
        read::at(&self.pool, select, keys).await
    }

    async fn figures(
        &self,
        select: &Select,
        range: &Range,
        sums: &[usize],
    ) -> Result<Figures, Cause> {
        read::figures(&self.pool, select, range, sums).await
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}
