//! Between `SQLite`'s column values and the types that the monolith works with.

use std::{error::Error, str::FromStr};

use kit::{Money, requests::UnknownStatus};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use sqlx::{Row, sqlite::SqliteRow};

use crate::repository::{RepositoryError, spelling};

/// decimal(18,2) ends below ten to the sixteenth.
const HUNDREDTHS_LIMIT: i64 = 1_000_000_000_000_000_000;
/// money ends at 922,337,203,685,477.5807.
const MONEY_LIMIT: i64 = 92_233_720_368_547_758;

/// An amount as the column holds it: whole hundredths.
pub(super) fn hundredths(amount: Money) -> Result<i64, RepositoryError> {
    let exact = amount.decimal().checked_mul(Decimal::ONE_HUNDRED);
    exact
        .filter(Decimal::is_integer)
        .and_then(|hundredths| hundredths.to_i64())
        .filter(|hundredths| (1 - HUNDREDTHS_LIMIT..HUNDREDTHS_LIMIT).contains(hundredths))
        .ok_or_else(|| RepositoryError::AmountTooLarge(amount.to_string()))
}

/// An amount for a column that is money on SQL Server.
pub(super) fn price(amount: Money) -> Result<i64, RepositoryError> {
    let hundredths = hundredths(amount)?;
    if (-MONEY_LIMIT..=MONEY_LIMIT).contains(&hundredths) {
        Ok(hundredths)
    } else {
        Err(RepositoryError::AmountTooLarge(amount.to_string()))
    }
}

/// The amount in a column of hundredths.
pub(super) fn money(row: &SqliteRow, column: &str) -> sqlx::Result<Money> {
    Ok(Money::half_up(Decimal::new(row.try_get(column)?, 2)))
}

/// The ids in a column that holds a JSON array.
pub(super) fn ids(row: &SqliteRow, column: &str) -> sqlx::Result<Vec<i64>> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text).map_err(|error| undecodable(column, error))
}

/// The status in a column.
pub(super) fn status<S>(row: &SqliteRow, column: &str) -> sqlx::Result<S>
where
    S: FromStr<Err = UnknownStatus>,
{
    let text: &str = row.try_get(column)?;
    spelling::status(text).map_err(|error| undecodable(column, error))
}

fn undecodable(column: &str, source: impl Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: Box::new(source),
    }
}
