//! The body of `POST /invoices`.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use rust_decimal::Decimal;
use utoipa::ToSchema;

use super::fields::Fields;
use crate::error::ApiError;
use crate::extract::RequestBody;
use crate::money::Money;

/// The tax rate of an invoice that names none: 10 %.
const TAX_RATE: Decimal = Decimal::from_parts(1, 0, 0, false, 1);

/// An invoice to be made.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the fields are the contract's, and their names say it all"
)]
pub struct CreateInvoice {
    /// Any text: one that no order can have is of an unknown order.
    pub order_id: String,
    /// From 0 to 1.
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1, default = 0.1)]
    pub tax_rate: Decimal,
    #[schema(value_type = Option<f64>, minimum = 0)]
    pub discount_amount: Money,
    /// A calendar date; of an instant, its date in UTC.
    #[schema(value_type = Option<String>, format = "date", example = "2999-12-31")]
    pub due_date: Option<civil::Date>,
}

impl CreateInvoice {
    /// Refuses an invoice that is due before `today`.
    pub fn check_due_date(&self, today: civil::Date) -> Result<(), ApiError> {
        match self.due_date {
            Some(due) if due < today => Err(ApiError::due_date_past()),
            _ => Ok(()),
        }
    }

    /// Refuses a discount above the order's subtotal.
    pub fn check_discount(&self, subtotal: Money) -> Result<(), ApiError> {
        if self.discount_amount > subtotal {
            return Err(ApiError::discount_above_subtotal());
        }
        Ok(())
    }
}

impl RequestBody for CreateInvoice {
    fn parse(body: &[u8]) -> Result<Self, Vec<String>> {
        let mut fields = Fields::of_body(body)?;
        let invoice = Self {
            order_id: fields.reference("orderId"),
            tax_rate: fields.optional_rate("taxRate").unwrap_or(TAX_RATE),
            discount_amount: fields.optional_amount("discountAmount"),
            due_date: fields.optional(
                "dueDate",
                "must be a valid ISO 8601 date string",
                calendar_date,
            ),
        };
        fields.finish(invoice)
    }
}

/// Reads `YYYY-MM-DD`, or an RFC 3339 timestamp for its date in UTC.
fn calendar_date(text: &str) -> Option<civil::Date> {
    let is_date_part = |part: &str| {
        part.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
    };
    if !text.get(..10).is_some_and(is_date_part) {
        return None;
    }
    if text.len() == 10 {
        return text.parse().ok();
    }
    let timestamp: Timestamp = text.parse().ok()?;
    Some(timestamp.to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<CreateInvoice, Vec<String>> {
        CreateInvoice::parse(body.as_bytes())
    }

    #[test]
    fn an_invoice_needs_only_its_order() {
        let invoice = parse(r#"{"orderId":""}"#).unwrap();
        assert_eq!(invoice.tax_rate.to_string(), "0.1");
        assert_eq!(invoice.discount_amount, Money::ZERO);
        assert_eq!(invoice.due_date, None);
        assert_eq!(parse("{}").unwrap_err(), ["orderId must be a string"]);
    }

    #[test]
    fn rate_and_discount_keep_their_bounds() {
        assert_eq!(
            parse(r#"{"orderId":"1","taxRate":1.0001,"discountAmount":-0.01}"#).unwrap_err(),
            [
                "taxRate must not be greater than 1",
                "discountAmount must not be less than 0"
            ]
        );
        assert_eq!(
            parse(r#"{"orderId":"1","taxRate":"0.1"}"#).unwrap_err(),
            [
                "taxRate must be a number conforming to the specified constraints",
                "taxRate must not be less than 0",
                "taxRate must not be greater than 1",
            ]
        );
        assert!(parse(r#"{"orderId":"1","taxRate":null,"discountAmount":null}"#).is_ok());
        assert!(parse(r#"{"orderId":"1","taxRate":0}"#).is_ok());
        assert!(parse(r#"{"orderId":"1","taxRate":1}"#).is_ok());
    }

    #[test]
    fn a_due_date_is_a_day_of_the_calendar() {
        let due = |text: &str| calendar_date(text).map(|date| date.to_string());
        assert_eq!(due("2024-02-29").as_deref(), Some("2024-02-29"));
        assert_eq!(
            due("2024-02-29T23:30:00-02:00").as_deref(),
            Some("2024-03-01")
        );
        assert_eq!(
            due("2024-02-29T12:00:00.000Z").as_deref(),
            Some("2024-02-29")
        );
        for text in [
            "",
            "soon",
            "2023-02-29",
            "2024-13-01",
            "20240229",
            "2024-2-9",
            "2024-02-29T12:00:00",
            "2024-02-29T",
            "2024-02-29 ",
            "+002024-02-29",
            "29.02.2024",
            "２０２４-02-29",
        ] {
            assert_eq!(due(text), None, "{text}");
        }
    }

    #[test]
    fn today_is_not_in_the_past() {
        let due = |day: i8| CreateInvoice {
            order_id: "1".into(),
            tax_rate: TAX_RATE,
            discount_amount: Money::ZERO,
            due_date: Some(civil::date(2024, 2, day)),
        };
        let today = civil::date(2024, 2, 10);
        assert!(due(10).check_due_date(today).is_ok());
        assert!(due(9).check_due_date(today).is_err());
    }
}
