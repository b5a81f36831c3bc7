//! The two sides of a migration.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One of the two implementations that a route has.
///
/// Which of them is the primary of a request is the dial's decision; comparisons are always
/// legacy → modern, whoever answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The system that is being replaced.
    Legacy,
    /// The system that replaces it.
    Modern,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Legacy => Self::Modern,
            Self::Modern => Self::Legacy,
        }
    }

    /// The word in code, TOML, metrics and dashboard.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Modern => "modern",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
