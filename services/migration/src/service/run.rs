//! A run of the service as it is kept and shown: what was asked for, how far it has come, and what
//! came of it.

use std::fmt;
use std::str::FromStr;

use kit::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// It copies rows.
    Migration,
    /// It compares them.
    Reconciliation,
}

/// How a run, or its part that is one table, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It has not begun.
    Queued,
    /// It is under way.
    Running,
    /// It came to its end.
    Finished,
    /// It ended with an error.
    Failed,
    /// It was stopped by hand.
    Stopped,
    /// The service ended while it was under way.
    Interrupted,
}

/// A run in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Summary {
    /// Its number.
    #[schema(example = "17")]
    pub(super) id: String,
    /// What it does.
    pub(super) kind: Kind,
    /// How it stands.
    pub(super) state: State,
    /// What was asked for.
    pub(super) options: Value,
    /// When it was asked for.
    pub(super) created_at: Millis,
    /// When it ended.
    pub(super) ended_at: Option<Millis>,
    /// How often it went on after the service had ended.
    pub(super) resumed: u32,
    /// Why it failed.
    pub(super) error: Option<String>,
    /// What else is to be said, such as that the proxy could not be told.
    pub(super) note: Option<String>,
}

/// A run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Run {
    #[serde(flatten)]
    pub(super) summary: Summary,
    /// How far each table has come, in their order.
    pub(super) tables: Vec<TableProgress>,
    /// What came of it, once it has finished.
    pub(super) report: Option<Value>,
}

/// How far a table has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(super) struct TableProgress {
    /// The source's table.
    pub(super) table: String,
    /// How it stands.
    pub(super) state: State,
    /// Rows that were handled.
    pub(super) rows: u64,
    /// Rows that there are, about.
    pub(super) of: Option<u64>,
    /// Rows in a second.
    pub(super) rate: Option<f64>,
    /// How long it still takes at that rate.
    pub(super) eta_seconds: Option<f64>,
    /// What came of it, once it has finished.
    pub(super) report: Option<Value>,
}

/// A word that the state file should not have.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no word of this version's state file")]
pub(super) struct UnknownWord(String);

impl Run {
    /// Its number.
    pub(super) fn id(&self) -> &str {
        &self.summary.id
    }
}

impl State {
    /// The word in API and state file.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether nothing more comes of it while the service runs.
    pub(super) fn has_ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

impl FromStr for State {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let all = [
            Self::Queued,
            Self::Running,
            Self::Finished,
            Self::Failed,
            Self::Stopped,
            Self::Interrupted,
        ];
        let found = all.into_iter().find(|state| state.as_str() == word);
        found.ok_or_else(|| UnknownWord(word.to_owned()))
    }
}

impl Kind {
    /// The word in API and state file.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Migration => "migration",
            Self::Reconciliation => "reconciliation",
        }
    }

    /// Where runs of this kind are shown.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Migration => "/migration/runs",
            Self::Reconciliation => "/reconciliation/reports",
        }
    }

    /// What a run of this kind is called in a refusal.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Migration => "Migration run",
            Self::Reconciliation => "Reconciliation",
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let all = [Self::Migration, Self::Reconciliation];
        let found = all.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or_else(|| UnknownWord(word.to_owned()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
