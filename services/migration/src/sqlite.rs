//! What a `SQLite` file is to both sides: opened to be read, and counted.

use std::str::FromStr;

use kit::{error::Cause, sqlite::OpenError};
use rust_decimal::Decimal;
use sqlx::{
    AssertSqlSafe, Decode, Encode, Row, Sqlite, SqlitePool, Type,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use crate::{
    figures::{Part, RANGE},
    mapping::Rule,
};

/// Sums are taken in two parts of this base, since one of amounts may leave 64 bits.
const BASE: i128 = 1_000_000_000;

/// Decimal places of an amount that is kept as an integer.
const PLACES: u32 = 2;

/// What is counted of a table.
pub(crate) struct Counted {
    pub(crate) table: &'static str,
    pub(crate) key: &'static str,
    /// Rows that do not meet it are left out.
    pub(crate) condition: &'static str,
    /// Integers to be added up; an amount is one of hundredths.
    pub(crate) columns: Vec<(String, Rule)>,
}

/// Opens a database that is neither written to nor made.
pub(crate) async fn open_to_read(url: &str) -> Result<SqlitePool, Cause> {
    kit::sqlite::check_url(url)?;
    let open = async || {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(false)
            .pragma("query_only", "ON");
        SqlitePool::connect_with(options).await
    };
    let opened = open().await.map_err(|source| OpenError::Connect {
        url: url.to_owned(),
        source,
    });
    Ok(opened?)
}

impl Counted {
    /// The figures of the next rows behind a key.
    pub(crate) async fn part<Key>(
        &self,
        pool: &SqlitePool,
        after: Key,
    ) -> Result<Option<Part<Key>>, Cause>
    where
        Key: Type<Sqlite> + for<'r> Decode<'r, Sqlite> + for<'q> Encode<'q, Sqlite> + Send,
    {
        let (table, key, condition) = (self.table, self.key, self.condition);
        let sum = |n| format!(", sum(v{n} / {BASE}), sum(v{n} % {BASE})");
        let value =
            |(n, (expression, _)): (usize, &(String, Rule))| format!(", {expression} AS v{n}");
        let sums: String = (0..self.columns.len()).map(sum).collect();
        let values: String = self.columns.iter().enumerate().map(value).collect();
        // Names and expressions come from the mapping, which is part of the program.
        let select = format!(
            "SELECT max(k), count(*){sums} FROM (
                 SELECT {key} AS k{values} FROM {table}
                 WHERE {key} > ?1 AND {condition} ORDER BY {key} LIMIT ?2)"
        );
        let query = sqlx::query(AssertSqlSafe(select)).bind(after).bind(RANGE);
        let row = query.fetch_one(pool).await?;
        let last: Option<Key> = row.try_get(0)?;
        let figures = self.figures(&row)?;
        Ok(last.map(|last| Part { last, figures }))
    }

    /// The figures of a row of totals: the count, then each sum from its two parts.
    fn figures(&self, row: &SqliteRow) -> Result<Vec<Decimal>, Cause> {
        let mut figures = vec![Decimal::from(row.try_get::<i64, _>(1)?)];
        for ((_, rule), position) in self.columns.iter().zip((2..).step_by(2)) {
            // Where there are no rows, there is no sum.
            let part = |position| row.try_get::<Option<i64>, _>(position);
            let (high, low) = (part(position)?, part(position + 1)?);
            let sum = i128::from(high.unwrap_or(0)) * BASE + i128::from(low.unwrap_or(0));
            let scale = if *rule == Rule::Money { PLACES } else { 0 };
            figures.push(Decimal::try_from_i128_with_scale(sum, scale)?);
        }
        Ok(figures)
    }
}
