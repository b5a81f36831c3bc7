//! A legacy database on SQL Server.
//!
//! The query casts where the driver would lose something: `money` comes through a float, and a
//! `datetime` as ticks that each reader rounds in its own way. Cast to text by the server, they
//! are what its own tools show.

use async_trait::async_trait;
use kit::error::Cause;
use legacy_monolith::repository::mssql::Reader;
use rust_decimal::Decimal;
use tiberius::{ColumnData, Row};

use super::Source;
use crate::{
    figures::{Figures, Part, RANGE},
    mapping::{Column, Rule, Table},
    value::{LegacyRow, LegacyValue},
};

pub(super) struct MssqlSource(Reader);

impl MssqlSource {
    pub(super) async fn open(url: &str) -> Result<Self, Cause> {
        Ok(Self(Reader::connect(url).await?))
    }
}

#[async_trait]
impl Source for MssqlSource {
    async fn page(&self, table: &Table, after: i64, size: u32) -> Result<Vec<LegacyRow>, Cause> {
        let parameters = [after, size.into()];
        let rows = self.0.rows(page_query(table), &parameters).await?;
        rows.iter().map(legacy_row).collect()
    }

    async fn close(&self) {
        self.0.close();
    }
}

#[async_trait]
impl Figures for MssqlSource {
    type Key = i64;

    async fn part(&self, table: &Table, after: Option<i64>) -> Result<Option<Part<i64>>, Cause> {
        let parameters = [after.unwrap_or(i64::MIN), RANGE];
        let rows = self.0.rows(figures_query(table), &parameters).await?;
        let row = rows.first().ok_or("the totals have no row")?;
        let mut values = row.cells().map(|(_, cell)| value(cell));
        let Some(LegacyValue::Integer(last)) = values.next() else {
            return Ok(None);
        };
        let figures = values.map(|value| match value {
            LegacyValue::Integer(count) => Ok(Decimal::from(count)),
            LegacyValue::Decimal(sum) => Ok(sum),
            other => Err(format!("a total is {other:?}").into()),
        });
        let figures = figures.collect::<Result<_, Cause>>()?;
        Ok(Some(Part { last, figures }))
    }
}

fn page_query(table: &Table) -> String {
    let columns: Vec<String> = table.columns.iter().map(expression).collect();
    format!(
        "SELECT TOP (@P2) {} FROM dbo.{} WHERE Id > @P1 ORDER BY Id",
        columns.join(", "),
        table.legacy,
    )
}

/// The last key of a range, its number of rows, and its sums.
fn figures_query(table: &Table) -> String {
    let column = |column: &Column| format!(", CAST({0} AS decimal(38, 4)) AS {0}", column.legacy);
    let columns: String = table.summed().map(column).collect();
    let sum = |column: &Column| format!(", ISNULL(SUM({}), 0)", column.legacy);
    let sums: String = table.summed().map(sum).collect();
    format!(
        "SELECT CAST(MAX(Id) AS bigint), COUNT_BIG(*){sums} FROM (\
         SELECT TOP (@P2) Id{columns} FROM dbo.{} WHERE Id > @P1 ORDER BY Id) AS Part",
        table.legacy,
    )
}

/// A column as the page's query asks for it.
fn expression(column: &Column) -> String {
    let name = column.legacy;
    match column.rule {
        // Wider than decimal(18, 2) on both sides of the point.
        Rule::Money => format!("CAST({name} AS decimal(38, 10))"),
        // 2026-01-02 03:04:05.003, with up to seven digits of a datetime2.
        Rule::Time => format!("CONVERT(varchar(27), {name}, 121)"),
        // 2026-01-02
        Rule::Date => format!("CONVERT(varchar(10), {name}, 23)"),
        Rule::Key | Rule::Text | Rule::Padded | Rule::Status | Rule::Count => name.to_owned(),
    }
}

fn legacy_row(row: &Row) -> Result<LegacyRow, Cause> {
    let values: Vec<LegacyValue> = row.cells().map(|(_, cell)| value(cell)).collect();
    let Some(&LegacyValue::Integer(key)) = values.first() else {
        return Err(format!("a key is no integer but {:?}", values.first()).into());
    };
    Ok(LegacyRow { key, values })
}

fn value(cell: &ColumnData<'static>) -> LegacyValue {
    let value = match cell {
        ColumnData::U8(value) => value.map(|value| LegacyValue::Integer(value.into())),
        ColumnData::I16(value) => value.map(|value| LegacyValue::Integer(value.into())),
        ColumnData::I32(value) => value.map(|value| LegacyValue::Integer(value.into())),
        ColumnData::I64(value) => value.map(LegacyValue::Integer),
        ColumnData::String(value) => value
            .as_ref()
            .map(|text| LegacyValue::Text(text.clone().into_owned())),
        ColumnData::Numeric(value) => value.map(|number| {
            Decimal::try_from_i128_with_scale(number.value(), number.scale().into())
                .map_or_else(|_| unsupported(cell), LegacyValue::Decimal)
        }),
        other => Some(unsupported(other)),
    };
    value.unwrap_or(LegacyValue::Null)
}

fn unsupported(cell: &ColumnData<'static>) -> LegacyValue {
    let shown: String = format!("{cell:?}").chars().take(SHOWN_CHARS).collect();
    LegacyValue::Unsupported(shown)
}

/// A value that cannot come over is named by its type and its beginning.
const SHOWN_CHARS: usize = 60;

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use tiberius::numeric::Numeric;

    use super::*;
    use crate::mapping::TABLES;

    #[test]
    fn a_page_is_a_range_of_keys_and_casts_what_the_driver_would_round() {
        assert_eq!(
            page_query(&TABLES[2]),
            "SELECT TOP (@P2) Id, OrderId, ProductId, Quantity, CAST(Price AS decimal(38, 10)), \
             CAST(Total AS decimal(38, 10)) FROM dbo.OrderLines WHERE Id > @P1 ORDER BY Id"
        );
        let invoices = page_query(&TABLES[3]);
        assert!(
            invoices
                .contains("CONVERT(varchar(10), DueDate, 23), CONVERT(varchar(27), PaidAt, 121), "),
            "{invoices}"
        );
    }

    #[test]
    fn figures_are_taken_of_a_range_of_keys() {
        assert_eq!(
            figures_query(&TABLES[2]),
            "SELECT CAST(MAX(Id) AS bigint), COUNT_BIG(*), ISNULL(SUM(Quantity), 0), \
             ISNULL(SUM(Price), 0), ISNULL(SUM(Total), 0) FROM (SELECT TOP (@P2) Id, \
             CAST(Quantity AS decimal(38, 4)) AS Quantity, CAST(Price AS decimal(38, 4)) AS Price, \
             CAST(Total AS decimal(38, 4)) AS Total FROM dbo.OrderLines WHERE Id > @P1 ORDER BY Id\
             ) AS Part"
        );
    }

    #[test]
    fn every_digit_of_a_value_is_kept_and_a_float_is_no_value() {
        let amount = Numeric::new_with_scale(99_999_999_999_999_999_900_000_000, 10);
        let amount = value(&ColumnData::Numeric(Some(amount)));
        let expected = "9999999999999999.9900000000".parse().unwrap();
        assert_eq!(amount, LegacyValue::Decimal(expected));
        let text = Cow::Borrowed("Łódź ");
        let text = value(&ColumnData::String(Some(text)));
        assert_eq!(text, LegacyValue::Text("Łódź ".to_owned()));
        assert_eq!(value(&ColumnData::I32(Some(-7))), LegacyValue::Integer(-7));
        assert_eq!(value(&ColumnData::Numeric(None)), LegacyValue::Null);
        let float = value(&ColumnData::F64(Some(9.01)));
        assert_eq!(
            float,
            LegacyValue::Unsupported("F64(Some(9.01))".to_owned())
        );
        let widest = ColumnData::Numeric(Some(Numeric::new_with_scale(i128::MAX, 10)));
        assert!(matches!(value(&widest), LegacyValue::Unsupported(_)));
    }
}
