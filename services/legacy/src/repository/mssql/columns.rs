//! From the columns of an answer to the types that the monolith works with, exactly or not at all.

use std::str::FromStr;

use jiff::{Span, civil};
use kit::{Money, requests::UnknownStatus};
use rust_decimal::Decimal;
use tiberius::{ColumnData, FromSql, Row};

use super::error::MssqlError;
use crate::{clock::DateTime, repository::spelling};

type Result<T> = std::result::Result<T, MssqlError>;

/// An `int`.
pub(super) fn int(row: &Row, column: &'static str) -> Result<i64> {
    let value: i32 = required(row, column)?;
    Ok(value.into())
}

/// An `nvarchar`.
pub(super) fn text(row: &Row, column: &'static str) -> Result<String> {
    required::<&str>(row, column).map(str::to_owned)
}

/// An `nvarchar` that may be NULL.
pub(super) fn text_if_any(row: &Row, column: &'static str) -> Result<Option<String>> {
    Ok(optional::<&str>(row, column)?.map(str::to_owned))
}

/// A `decimal` that holds whole cents.
pub(super) fn money(row: &Row, column: &'static str) -> Result<Money> {
    let ColumnData::Numeric(Some(numeric)) = cell(row, column)? else {
        return Err(unreadable(row, column));
    };
    let exact = Decimal::try_from_i128_with_scale(numeric.value(), numeric.scale().into())
        .map_err(|_| unreadable(row, column))?;
    let amount = Money::half_up(exact);
    if amount.decimal() == exact {
        Ok(amount)
    } else {
        Err(unreadable(row, column))
    }
}

/// A `datetime`, tick for tick.
pub(super) fn datetime(row: &Row, column: &'static str) -> Result<DateTime> {
    datetime_if_any(row, column)?.ok_or_else(|| unreadable(row, column))
}

/// A `datetime` that may be NULL.
pub(super) fn datetime_if_any(row: &Row, column: &'static str) -> Result<Option<DateTime>> {
    match cell(row, column)? {
        ColumnData::DateTime(None) => Ok(None),
        ColumnData::DateTime(Some(value)) => {
            let read = DateTime::from_ticks(value.days(), value.seconds_fragments());
            read.map(Some).ok_or_else(|| unreadable(row, column))
        }
        _ => Err(unreadable(row, column)),
    }
}

/// A `date` that may be NULL.
pub(super) fn date_if_any(row: &Row, column: &'static str) -> Result<Option<civil::Date>> {
    match cell(row, column)? {
        ColumnData::Date(None) => Ok(None),
        ColumnData::Date(Some(value)) => {
            let days = Span::new().try_days(value.days());
            let date = days.and_then(|days| civil::date(1, 1, 1).checked_add(days));
            date.map(Some).map_err(|_| unreadable(row, column))
        }
        _ => Err(unreadable(row, column)),
    }
}

/// A status, in the table's spelling.
pub(super) fn status<S>(row: &Row, column: &'static str) -> Result<S>
where
    S: FromStr<Err = UnknownStatus>,
{
    let text = required::<&str>(row, column)?;
    spelling::status(text).map_err(|_| unreadable(row, column))
}

fn required<'a, T: FromSql<'a>>(row: &'a Row, column: &'static str) -> Result<T> {
    optional(row, column)?.ok_or_else(|| unreadable(row, column))
}

fn optional<'a, T: FromSql<'a>>(row: &'a Row, column: &'static str) -> Result<Option<T>> {
    row.try_get(column).map_err(|_| unreadable(row, column))
}

fn cell<'a>(row: &'a Row, column: &'static str) -> Result<&'a ColumnData<'static>> {
    row.get_column_data(column)
        .map_err(|_| unreadable(row, column))
}

fn unreadable(row: &Row, column: &'static str) -> MssqlError {
    let found = match row.get_column_data(column) {
        Ok(value) => format!("{value:?}"),
        Err(_) => "nothing, because the answer has no such column".to_owned(),
    };
    MssqlError::Column { column, found }
}
