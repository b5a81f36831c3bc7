//! What becomes of each legacy column: the one place that sources, targets and
//! validation read.

use jiff::tz::TimeZone;

/// The zone in which the legacy server wrote its naive times.
pub(crate) const LEGACY_ZONE: TimeZone = TimeZone::UTC;

/// A legacy table and the modern one that takes its rows. Both are keyed by their first column.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) legacy: &'static str,
    pub(crate) modern: &'static str,
    pub(crate) columns: &'static [Column],
}

/// A column's two names, and how its values change on the way.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) legacy: &'static str,
    pub(crate) modern: &'static str,
    pub(crate) rule: Rule,
}

/// How a value changes on the way. Null stays null: the modern schema says where it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// An integer key becomes text: a migrated row keeps its id.
    Key,
    /// Text as it is.
    Text,
    /// Text of a column that was padded: trailing blanks go.
    Padded,
    /// A padded word in lower case becomes upper case.
    Status,
    /// An amount, of whole hundredths where it is an integer, becomes a `numeric(10, 2)`.
    Money,
    /// A naive datetime in [`LEGACY_ZONE`] becomes an instant.
    Time,
    /// A calendar date.
    Date,
    /// An integer.
    Count,
}

/// Every table, those that others refer to first.
pub(crate) const TABLES: [Table; 4] = [
    Table {
        legacy: "Customers",
        modern: "customers",
        columns: &[
            column("Id", "id", Rule::Key),
            column("Email", "email", Rule::Text),
            column("FirstName", "first_name", Rule::Text),
            column("LastName", "last_name", Rule::Text),
            column("Phone", "phone", Rule::Text),
            column("Address", "address", Rule::Text),
            column("City", "city", Rule::Text),
            column("State", "state", Rule::Text),
            column("ZipCode", "zip_code", Rule::Text),
            column("Country", "country", Rule::Text),
            column("CreatedAt", "created_at", Rule::Time),
            column("UpdatedAt", "updated_at", Rule::Time),
        ],
    },
    Table {
        legacy: "Orders",
        modern: "orders",
        columns: &[
            column("Id", "id", Rule::Key),
            column("CustomerId", "customer_id", Rule::Key),
            column("Status", "status", Rule::Status),
            column("Total", "total", Rule::Money),
            column("Subtotal", "subtotal", Rule::Money),
            column("Tax", "tax", Rule::Money),
            column("Discount", "discount", Rule::Money),
            column("Notes", "notes", Rule::Text),
            column("CreatedAt", "created_at", Rule::Time),
            column("UpdatedAt", "updated_at", Rule::Time),
        ],
    },
    Table {
        legacy: "OrderLines",
        modern: "order_items",
        columns: &[
            column("Id", "id", Rule::Key),
            column("OrderId", "order_id", Rule::Key),
            column("ProductId", "product_id", Rule::Padded),
            column("Quantity", "quantity", Rule::Count),
            column("Price", "price", Rule::Money),
            column("Total", "total", Rule::Money),
        ],
    },
    Table {
        legacy: "Invoices",
        modern: "invoices",
        columns: &[
            column("Id", "id", Rule::Key),
            column("OrderId", "order_id", Rule::Key),
            column("CustomerId", "customer_id", Rule::Key),
            column("Number", "number", Rule::Text),
            column("Status", "status", Rule::Status),
            column("Subtotal", "subtotal", Rule::Money),
            column("Tax", "tax", Rule::Money),
            column("Discount", "discount", Rule::Money),
            column("Total", "total", Rule::Money),
            column("DueDate", "due_date", Rule::Date),
            column("PaidAt", "paid_at", Rule::Time),
            column("CreatedAt", "created_at", Rule::Time),
            column("UpdatedAt", "updated_at", Rule::Time),
        ],
    },
];

const fn column(legacy: &'static str, modern: &'static str, rule: Rule) -> Column {
    Column {
        legacy,
        modern,
        rule,
    }
}

impl Table {
    /// The modern names, in the order of the columns.
    pub(crate) fn modern_columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|column| column.modern)
    }

    /// The columns whose values add up to something that both sides must agree on.
    pub(crate) fn summed(&self) -> impl Iterator<Item = &'static Column> {
        self.columns
            .iter()
            .filter(|column| matches!(column.rule, Rule::Money | Rule::Count))
    }
}
