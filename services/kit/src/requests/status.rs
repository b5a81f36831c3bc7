//! The states of orders and invoices, as the API writes them.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A text that is no state.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a status")]
pub struct UnknownStatus(String);

/// The state of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ToSchema)]
#[schema(rename_all = "UPPERCASE")]
#[expect(
    missing_docs,
    reason = "the states are the contract's, and their names say it all"
)]
pub enum OrderStatus {
    #[default]
    Pending,
    Confirmed,
    Processing,
    Shipped,
    Delivered,
    Cancelled,
    Returned,
}

/// The state of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ToSchema)]
#[schema(rename_all = "UPPERCASE")]
#[expect(
    missing_docs,
    reason = "the states are the contract's, and their names say it all"
)]
pub enum InvoiceStatus {
    #[default]
    Draft,
    Sent,
    Paid,
    Overdue,
    Cancelled,
}

/// The filter `isActive` of a customer's orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Still to be fulfilled.
    Active,
    /// Delivered, cancelled or returned.
    Inactive,
}

impl OrderStatus {
    /// Every state, as the API writes it.
    pub const NAMES: [&'static str; 7] = [
        "PENDING",
        "CONFIRMED",
        "PROCESSING",
        "SHIPPED",
        "DELIVERED",
        "CANCELLED",
        "RETURNED",
    ];

    /// The state as the API writes it.
    pub const fn name(self) -> &'static str {
        let [
            pending,
            confirmed,
            processing,
            shipped,
            delivered,
            cancelled,
            returned,
        ] = Self::NAMES;
        match self {
            Self::Pending => pending,
            Self::Confirmed => confirmed,
            Self::Processing => processing,
            Self::Shipped => shipped,
            Self::Delivered => delivered,
            Self::Cancelled => cancelled,
            Self::Returned => returned,
        }
    }

    /// Whether an order in this state is still to be fulfilled.
    pub const fn activity(self) -> Activity {
        match self {
            Self::Pending | Self::Confirmed | Self::Processing | Self::Shipped => Activity::Active,
            Self::Delivered | Self::Cancelled | Self::Returned => Activity::Inactive,
        }
    }
}

impl InvoiceStatus {
    /// The state as the API writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Sent => "SENT",
            Self::Paid => "PAID",
            Self::Overdue => "OVERDUE",
            Self::Cancelled => "CANCELLED",
        }
    }
}

impl Activity {
    /// Reads the filter; any value but `true` and `false` is no filter.
    pub fn from_filter(value: Option<&str>) -> Option<Self> {
        match value {
            Some("true") => Some(Self::Active),
            Some("false") => Some(Self::Inactive),
            _ => None,
        }
    }
}

impl FromStr for OrderStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Ok(match text {
            "PENDING" => Self::Pending,
            "CONFIRMED" => Self::Confirmed,
            "PROCESSING" => Self::Processing,
            "SHIPPED" => Self::Shipped,
            "DELIVERED" => Self::Delivered,
            "CANCELLED" => Self::Cancelled,
            "RETURNED" => Self::Returned,
            _ => return Err(UnknownStatus(text.to_owned())),
        })
    }
}

impl FromStr for InvoiceStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Ok(match text {
            "DRAFT" => Self::Draft,
            "SENT" => Self::Sent,
            "PAID" => Self::Paid,
            "OVERDUE" => Self::Overdue,
            "CANCELLED" => Self::Cancelled,
            _ => return Err(UnknownStatus(text.to_owned())),
        })
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for InvoiceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<'de> Deserialize<'de> for OrderStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(D::Error::custom)
    }
}

impl Serialize for OrderStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for InvoiceStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(D::Error::custom)
    }
}

impl Serialize for InvoiceStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_reads_what_it_writes() {
        for name in OrderStatus::NAMES {
            assert_eq!(name.parse::<OrderStatus>().unwrap().name(), name);
        }
        for name in ["DRAFT", "SENT", "PAID", "OVERDUE", "CANCELLED"] {
            assert_eq!(name.parse::<InvoiceStatus>().unwrap().name(), name);
        }
    }
}
