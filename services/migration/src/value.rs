//! A row on its way: as its source reads it, and as its target writes it.

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;

/// A legacy column's value, of the type that its database stored. Dates and times are texts, as
/// the databases show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LegacyValue {
    Null,
    Integer(i64),
    Decimal(Decimal),
    Text(String),
    /// What no legacy column may hold; it says what it is.
    Unsupported(String),
}

/// One row: its key, and the values in the order of the mapping's columns, the key's included.
#[derive(Debug)]
pub(crate) struct LegacyRow {
    pub(crate) key: i64,
    pub(crate) values: Vec<LegacyValue>,
}

/// A modern column's value, of the type that the column's rule gives; each target knows how its
/// database stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ModernValue {
    Null,
    Text(String),
    /// With two places.
    Amount(Decimal),
    Instant(Timestamp),
    Date(Date),
    Count(i64),
}

/// One row of a page: its legacy key, and its values or the reason why it has none.
#[derive(Debug)]
pub(crate) struct ModernRow {
    pub(crate) key: i64,
    pub(crate) values: Result<Vec<ModernValue>, String>,
}
