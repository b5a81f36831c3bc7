//! What is known of the data behind the answers: what comparisons of both databases found, and
//! whether a finding has a row behind it that drifted or code that does.
//!
//! The databases are compared by the migration service; here its results are kept and its answers
//! asked for. Nothing of this is done while a client waits.

mod ask;
mod check;
mod checks;
mod config;
mod rows;

pub use check::{Checked, RowCheck, RowColumn, RowState};
pub use checks::Checks;
pub use config::{RowService, RowServiceError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the last comparison of a table found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TableResult {
    /// Modern's table.
    pub table: String,
    /// Legacy's table.
    pub source: String,
    /// What a row of it is to the lanes, such as `order`.
    pub entity: Option<String>,
    /// What a row of it belongs to, as a line does to an `order`.
    pub parent: Option<String>,
    /// What it says.
    pub verdict: DataVerdict,
    /// Rows that were compared.
    pub compared: u64,
    /// Rows that differ, or that one side does not have.
    pub different: u64,
    /// Rows of which nothing is sure.
    pub not_verified: u64,
    /// Ids of rows that differ, some of them.
    pub ids: Vec<String>,
    /// When its comparison began; what changed later is in none of the above for sure.
    #[schema(value_type = String, format = DateTime)]
    pub began_at: Timestamp,
}

/// What a comparison of a table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataVerdict {
    /// Every row was compared, and is equal.
    Equal,
    /// Rows differ.
    Different,
    /// No difference was found, and not every row was compared.
    NotVerified,
}

impl DataVerdict {
    /// The word in API and journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Different => "different",
            Self::NotVerified => "not_verified",
        }
    }

    /// What a word in the journal says. One that is not known verifies nothing.
    pub(crate) fn read(word: &str) -> Self {
        match word {
            "equal" => Self::Equal,
            "different" => Self::Different,
            _ => Self::NotVerified,
        }
    }
}

impl TableResult {
    /// Whether its rows are an entity, or belong to one.
    pub fn is_of(&self, entity: &str) -> bool {
        [&self.entity, &self.parent]
            .into_iter()
            .any(|own| own.as_deref() == Some(entity))
    }

    /// Whether this table goes by a name: that of either side, with its schema or without.
    pub fn is_named(&self, name: &str) -> bool {
        [&self.table, &self.source]
            .into_iter()
            .any(|own| own == name || bare(own) == name)
    }
}

/// A table's name without its schema.
fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}
