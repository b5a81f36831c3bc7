//! What became of the rows behind a finding, and what that says of it.

use super::ask::{self, Question, Row};
use super::config::RowService;
use super::rows;
use crate::ids::Ids;
use crate::journal::{FindingDetail, Journal};
use crate::routing::Route;
use jiff::Timestamp;
use serde::Serialize;

/// Differences that the sentence names.
const NAMED: usize = 3;

/// Columns of a row that are told.
const MOST_COLUMNS: usize = 50;

/// What the rows behind a finding say of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Checked {
    /// In a word.
    pub verdict: RowVerdict,
    /// In a sentence: `data drift: orders.total 10.00 / 10.01`, `code: rows equal`, or why it
    /// can't be told.
    pub explanation: String,
    /// The rows.
    pub rows: Vec<RowCheck>,
    /// When they were compared.
    #[schema(value_type = String, format = DateTime)]
    pub checked_at: Timestamp,
}

/// What the rows behind a finding say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowVerdict {
    /// The data differs, so the answers do.
    DataDrift,
    /// The data is equal, so the code differs.
    Code,
    /// It can't be told.
    Unknown,
}

/// A row that a finding's samples name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RowCheck {
    /// What it is to the lanes.
    pub entity: String,
    /// Legacy's id.
    pub id: String,
    /// Modern's table.
    pub table: String,
    /// What it is.
    pub state: RowState,
    /// The columns that differ.
    pub columns: Vec<RowColumn>,
    /// Why nothing can be told, or what else there is to say.
    pub why: Option<String>,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    /// Both sides have it, and it is equal.
    Equal,
    /// Both sides have it, and it is not equal.
    Different,
    /// Modern does not have it.
    Missing,
    /// Legacy does not have it.
    Extra,
    /// It changed each time that it was read.
    Unstable,
    /// It can't be told.
    Unknown,
}

/// A column that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RowColumn {
    /// Modern's column.
    pub column: String,
    /// Legacy's value, as modern was to have it; redacted.
    pub legacy: String,
    /// Modern's value; redacted.
    pub modern: String,
}

impl Checked {
    /// Compares the rows that a finding's samples name.
    pub(super) async fn of(
        service: &RowService,
        finding: &FindingDetail,
        route: &Route,
        ids: &Ids,
        journal: &Journal,
    ) -> Self {
        let asked = rows::of(finding, &route.lanes, ids);
        if asked.is_empty() {
            let why = "no sample names an entity by a lane of the route";
            return Self::unknown(why.to_owned(), Vec::new());
        }
        let mut checks = Vec::new();
        for (entity, ids) in &asked {
            match ask::rows(service, &Question { entity, ids }).await {
                Ok(answer) => {
                    let rows = answer.rows.into_iter().take(ids.len());
                    checks.extend(rows.map(|row| RowCheck::of(entity, row, journal)));
                }
                Err(error) => {
                    // Nobody is asked a second time who did not answer.
                    return Self::unknown(journal.redacted(&error.to_string()), checks);
                }
            }
        }
        Self::conclude(checks)
    }

    fn conclude(rows: Vec<RowCheck>) -> Self {
        use RowState::{Different, Equal, Extra, Missing};
        let drifted = |row: &&RowCheck| matches!(row.state, Different | Missing | Extra);
        let drift: Vec<String> = rows
            .iter()
            .filter(drifted)
            .flat_map(RowCheck::drift)
            .collect();
        let unsure = rows.iter().find(|row| row.state != Equal);
        let (verdict, explanation) = if !drift.is_empty() {
            let more = drift.len().saturating_sub(NAMED);
            let named: Vec<String> = drift.into_iter().take(NAMED).collect();
            let more = match more {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            let explanation = format!("data drift: {}{more}", named.join(", "));
            (RowVerdict::DataDrift, explanation)
        } else if let Some(row) = unsure {
            let RowCheck { table, id, .. } = row;
            let why = row.why.as_deref().unwrap_or("its state is not known");
            return Self::unknown(format!("{table} {id}: {why}"), rows);
        } else if rows.is_empty() {
            return Self::unknown("no row was compared".to_owned(), rows);
        } else {
            (RowVerdict::Code, "code: rows equal".to_owned())
        };
        Self {
            verdict,
            explanation,
            rows,
            checked_at: Timestamp::now(),
        }
    }

    fn unknown(why: String, rows: Vec<RowCheck>) -> Self {
        Self {
            verdict: RowVerdict::Unknown,
            explanation: format!("can't tell: {why}"),
            rows,
            checked_at: Timestamp::now(),
        }
    }
}

impl RowCheck {
    fn of(entity: &str, row: Row, journal: &Journal) -> Self {
        let state = match row.verdict.as_str() {
            "equal" => RowState::Equal,
            "different" => RowState::Different,
            "missing" => RowState::Missing,
            "extra" => RowState::Extra,
            "unstable" => RowState::Unstable,
            _ => RowState::Unknown,
        };
        let columns = row.differences.into_iter().take(MOST_COLUMNS);
        let columns = columns.map(|found| RowColumn {
            legacy: journal.redacted_column(&found.column, &found.legacy),
            modern: journal.redacted_column(&found.column, &found.modern),
            column: found.column,
        });
        Self {
            entity: entity.to_owned(),
            id: journal.redacted(&row.id),
            table: row.table,
            state,
            columns: columns.collect(),
            why: row.why.map(|why| journal.redacted(&why)),
        }
    }

    /// What drifted, in words.
    fn drift(&self) -> Vec<String> {
        let Self { table, id, .. } = self;
        match self.state {
            RowState::Missing => vec![format!("{table} {id} is missing")],
            RowState::Extra => vec![format!("{table} {id} is not in legacy")],
            _ if self.columns.is_empty() => vec![format!("{table} {id}")],
            _ => {
                let columns = self.columns.iter();
                let words =
                    columns.map(|c| format!("{table}.{} {} / {}", c.column, c.legacy, c.modern));
                words.collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(state: RowState, columns: &[(&str, &str, &str)]) -> RowCheck {
        let columns = columns.iter().map(|(column, legacy, modern)| RowColumn {
            column: (*column).to_owned(),
            legacy: (*legacy).to_owned(),
            modern: (*modern).to_owned(),
        });
        RowCheck {
            entity: "order".to_owned(),
            id: "17".to_owned(),
            table: "orders".to_owned(),
            state,
            columns: columns.collect(),
            why: None,
        }
    }

    #[test]
    fn a_row_that_differs_is_drift_and_rows_that_are_equal_mean_code() {
        let total = row(RowState::Different, &[("total", "10.00", "10.01")]);
        let told = Checked::conclude(vec![row(RowState::Equal, &[]), total]);
        assert_eq!(told.explanation, "data drift: orders.total 10.00 / 10.01");
        assert_eq!(told.verdict, RowVerdict::DataDrift);
        let told = Checked::conclude(vec![row(RowState::Equal, &[])]);
        assert_eq!(told.explanation, "code: rows equal");
        let told = Checked::conclude(vec![row(RowState::Missing, &[])]);
        assert_eq!(told.explanation, "data drift: orders 17 is missing");
    }

    #[test]
    fn what_is_not_sure_of_every_row_is_not_called_equal() {
        for state in [RowState::Unknown, RowState::Unstable] {
            let told = Checked::conclude(vec![row(RowState::Equal, &[]), row(state, &[])]);
            assert_eq!(told.verdict, RowVerdict::Unknown, "{told:?}");
            assert!(told.explanation.starts_with("can't tell: orders 17: "));
        }
        assert_eq!(Checked::conclude(Vec::new()).verdict, RowVerdict::Unknown);
    }
}
