//! A call of a stored procedure, as `EXECUTE` with named parameters.
//!
//! What is not given is not sent: the procedure's own default stands in, a NULL of the parameter's
//! type, where a NULL on the wire would have no type.

use jiff::civil::Date;
use kit::Money;
use rust_decimal::Decimal;
use tiberius::{ColumnData, Query, numeric::Numeric};

use super::error::MssqlError;

/// Decimal places of a tax rate, as `dbo.CreateInvoice` takes it.
const RATE_PLACES: u32 = 16;

/// A procedure and its arguments, which can be sent more than once.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) name: &'static str,
    sql: String,
    arguments: Vec<ColumnData<'static>>,
}

impl Call {
    /// A call of a procedure, without arguments yet.
    pub(super) fn of(procedure: &'static str) -> Self {
        Self {
            name: procedure,
            sql: format!("EXECUTE {procedure}"),
            arguments: Vec::new(),
        }
    }

    /// The shortest statement that has an answer.
    pub(super) fn ping() -> Self {
        Self {
            name: "SELECT 1",
            sql: "SELECT 1 AS One".to_owned(),
            arguments: Vec::new(),
        }
    }

    /// A query, whose parameters are `@P1`, `@P2` and so on.
    pub(super) fn query_of(sql: String, parameters: &[i64]) -> Self {
        let parameters = parameters.iter();
        Self {
            name: "a query",
            sql,
            arguments: parameters
                .map(|value| ColumnData::I64(Some(*value)))
                .collect(),
        }
    }

    pub(super) fn int(self, parameter: &'static str, value: i32) -> Self {
        self.with(parameter, ColumnData::I32(Some(value)))
    }

    pub(super) fn bit(self, parameter: &'static str, value: bool) -> Self {
        self.with(parameter, ColumnData::Bit(Some(value)))
    }

    pub(super) fn text(self, parameter: &'static str, value: &str) -> Self {
        self.with(parameter, ColumnData::String(Some(value.to_owned().into())))
    }

    pub(super) fn money(self, parameter: &'static str, value: Money) -> Self {
        self.with(parameter, numeric(value.decimal()))
    }

    /// A rate; places beyond the parameter's are rounded away.
    pub(super) fn rate(self, parameter: &'static str, value: Decimal) -> Self {
        self.with(parameter, numeric(value.round_dp(RATE_PLACES)))
    }

    pub(super) fn date(self, parameter: &'static str, value: Date) -> Result<Self, MssqlError> {
        // SQL Server counts days from the first of January of the year 1.
        let days = value.duration_since(jiff::civil::date(1, 1, 1)).as_hours() / 24;
        let Ok(days) = u32::try_from(days) else {
            let value = value.to_string();
            return Err(MssqlError::Parameter { parameter, value });
        };
        let date = tiberius::time::Date::new(days);
        Ok(self.with(parameter, ColumnData::Date(Some(date))))
    }

    /// Adds an argument where there is a value.
    pub(super) fn given<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }

    /// The call as the driver sends it.
    pub(super) fn query(&self) -> Query<'_> {
        let mut query = Query::new(self.sql.as_str());
        for argument in &self.arguments {
            query.bind(argument.clone());
        }
        query
    }

    fn with(mut self, parameter: &'static str, value: ColumnData<'static>) -> Self {
        let separator = if self.arguments.is_empty() { ' ' } else { ',' };
        self.arguments.push(value);
        let position = self.arguments.len();
        let argument = format!("{separator}@{parameter} = @P{position}");
        self.sql.push_str(&argument);
        self
    }
}

/// A decimal with its digits as they are.
fn numeric(value: Decimal) -> ColumnData<'static> {
    // A decimal has at most 28 places, so the scale always fits.
    let scale = u8::try_from(value.scale()).unwrap_or_default();
    ColumnData::Numeric(Some(Numeric::new_with_scale(value.mantissa(), scale)))
}
