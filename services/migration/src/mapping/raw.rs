//! A mapping as its file writes it.
//!
//! ```toml
//! zone = "Europe/Berlin"                  # of naive times, where a column says nothing else
//!
//! [[tables]]
//! from = "dbo.Orders"
//! to = "orders"
//! entity = "order"
//! where = "IsDeleted = 0"
//! drop = ["RowVersion"]
//!
//! [tables.columns]
//! id = "Id"
//! status = { from = "Status", trim = "end", map = { pending = "PENDING" } }
//! ```

use serde::Deserialize;

/// The top of the file, but for its tables.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Top {
    pub(super) zone: Option<String>,
}

/// A table, but for its columns.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) entity: Option<String>,
    pub(super) parent: Option<Parent>,
    pub(super) key: Option<Vec<String>>,
    #[serde(rename = "where")]
    pub(super) filter: Option<String>,
    #[serde(default)]
    pub(super) feeder: Feeder,
    pub(super) same: Option<bool>,
    #[serde(default)]
    pub(super) drop: Vec<String>,
}

/// The entity that a table's rows belong to, and the column that says to which.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parent {
    pub(super) entity: String,
    pub(super) column: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Feeder {
    #[default]
    Copy,
    Mirror,
    Database,
}

/// What becomes of a column.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Details {
    pub(super) from: Option<From>,
    pub(super) join: Option<String>,
    pub(super) split: Option<String>,
    pub(super) part: Option<usize>,
    pub(super) value: Option<String>,
    pub(super) generate: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) trim: Option<Trim>,
    pub(super) null_if: Option<OneOrMore>,
    pub(super) case: Option<Case>,
    pub(super) map: Option<toml::Table>,
    pub(super) otherwise: Option<String>,
    pub(super) keep_others: Option<bool>,
    pub(super) units: Option<u8>,
    pub(super) zone: Option<String>,
    pub(super) ticks: Option<bool>,
    pub(super) round: Option<bool>,
    pub(super) id_of: Option<String>,
    pub(super) when_null: Option<String>,
    pub(super) compare: Option<Compare>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a column's name, or a list of names")]
pub(super) enum From {
    One(String),
    More(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text, or a list of texts")]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Trim {
    End,
    Both,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Case {
    Lower,
    Upper,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property of its own"
)]
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Compare {
    #[serde(default)]
    pub(super) ignore: bool,
    #[serde(default)]
    pub(super) trim: bool,
    #[serde(default)]
    pub(super) case: bool,
    #[serde(default)]
    pub(super) empty: bool,
    pub(super) within: Option<String>,
}
