//! What became of the rows behind a finding, and what that says of it.

use super::ask::{self, Question, Row};
use super::config::RowService;
use super::rows::{self, Named};
use crate::ids::Ids;
use crate::journal::{FindingDetail, Journal};
use crate::routing::Route;
use jiff::Timestamp;
use serde::Serialize;

/// Differences that the sentence names.
const NAMED: usize = 3;

/// Rows that are told; all are judged.
const MOST_ROWS: usize = 200;

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
    /// Legacy's id of the entity that the request names; the row is its own, or belongs to it; redacted.
    pub belongs_to: String,
    /// Legacy's id of the row; redacted.
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
        let checked = Self::asked(service, finding, route, ids, journal).await;
        checked.shown(|text| journal.redacted(text))
    }

    async fn asked(
        service: &RowService,
        finding: &FindingDetail,
        route: &Route,
        ids: &Ids,
        journal: &Journal,
    ) -> Self {
        let samples = rows::of(finding, &route.lanes, ids);
        let mut rows = Vec::new();
        for (entity, ids) in &rows::by_entity(&samples) {
            match ask::rows(service, &Question { entity, ids }).await {
                Ok(answer) => {
                    let told = answer.rows.into_iter();
                    rows.extend(told.map(|row| RowCheck::of(entity, row, journal)));
                }
                Err(error) => {
                    // Nobody is asked a second time who did not answer.
                    return Self::unknown(&journal.redacted(&error.to_string()), rows);
                }
            }
        }
        Self::conclude(&samples, rows)
    }

    /// With as many rows as are told, equal ones last, and ids that may be told.
    fn shown(mut self, redacted: impl Fn(&str) -> String) -> Self {
        self.rows.sort_by_key(|row| row.state == RowState::Equal);
        self.rows.truncate(MOST_ROWS);
        for row in &mut self.rows {
            row.belongs_to = redacted(&row.belongs_to);
        }
        self
    }

    /// An exchange that shows the finding, and whose rows are all equal, is not explained by data,
    /// whatever drifted elsewhere.
    fn conclude(samples: &[Vec<Named>], rows: Vec<RowCheck>) -> Self {
        let judged = samples.iter().filter(|sample| !sample.is_empty());
        let judged: Vec<RowVerdict> = judged.map(|sample| judge(sample, &rows)).collect();
        let many = |verdict| judged.iter().filter(|now| **now == verdict).count();
        let drift: Vec<String> = rows.iter().flat_map(RowCheck::drift).collect();
        let (verdict, explanation) = match (many(RowVerdict::Code), many(RowVerdict::DataDrift)) {
            (0, 0) if judged.is_empty() => {
                return Self::unknown("no sample names an entity by a lane of the route", rows);
            }
            (0, 0) => {
                let unsure = rows.iter().find(|row| row.state != RowState::Equal);
                let why = unsure.map_or_else(
                    || "not every row was compared".to_owned(),
                    |RowCheck { table, id, why, .. }| {
                        let why = why.as_deref().unwrap_or("its state is not known");
                        format!("{table} {id}: {why}")
                    },
                );
                return Self::unknown(&why, rows);
            }
            (0, _) => {
                let more = drift.len().saturating_sub(NAMED);
                let more = match more {
                    0 => String::new(),
                    more => format!(", and {more} more"),
                };
                let named: Vec<String> = drift.into_iter().take(NAMED).collect();
                let explanation = format!("data drift: {}{more}", named.join(", "));
                (RowVerdict::DataDrift, explanation)
            }
            (_, 0) => (RowVerdict::Code, "code: rows equal".to_owned()),
            (equal, _) => {
                let all = judged.len();
                let explanation = format!("code: rows equal in {equal} of {all} samples");
                (RowVerdict::Code, explanation)
            }
        };
        Self {
            verdict,
            explanation,
            rows,
            checked_at: Timestamp::now(),
        }
    }

    fn unknown(why: &str, rows: Vec<RowCheck>) -> Self {
        Self {
            verdict: RowVerdict::Unknown,
            explanation: format!("can't tell: {why}"),
            rows,
            checked_at: Timestamp::now(),
        }
    }
}

/// What the rows that one exchange names say of it.
fn judge(sample: &[Named], rows: &[RowCheck]) -> RowVerdict {
    let mut verdict = RowVerdict::Code;
    for Named { entity, id } in sample {
        let own = |row: &&RowCheck| row.entity == *entity && row.belongs_to == *id.legacy();
        let mut own = rows.iter().filter(own).peekable();
        if own.peek().is_none() {
            verdict = RowVerdict::Unknown;
        }
        for row in own {
            match row.state {
                RowState::Different | RowState::Missing | RowState::Extra => {
                    return RowVerdict::DataDrift;
                }
                RowState::Unstable | RowState::Unknown => verdict = RowVerdict::Unknown,
                RowState::Equal => {}
            }
        }
    }
    verdict
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
            belongs_to: row.belongs_to.unwrap_or_else(|| row.id.clone()),
            id: journal.redacted(&row.id),
            table: row.table,
            state,
            columns: columns.collect(),
            why: row.why.map(|why| journal.redacted(&why)),
        }
    }

    /// What drifted, in words.
    fn drift(&self) -> Vec<String> {
        let (table, id) = (super::bare(&self.table), &self.id);
        match self.state {
            RowState::Missing => vec![format!("{table} {id} is missing")],
            RowState::Extra => vec![format!("{table} {id} is not in legacy")],
            RowState::Equal | RowState::Unstable | RowState::Unknown => Vec::new(),
            RowState::Different if self.columns.is_empty() => vec![format!("{table} {id}")],
            RowState::Different => {
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
    use crate::reconciliation::ask::Id;

    fn row(id: &str, state: RowState, columns: &[(&str, &str, &str)]) -> RowCheck {
        let columns = columns.iter().map(|(column, legacy, modern)| RowColumn {
            column: (*column).to_owned(),
            legacy: (*legacy).to_owned(),
            modern: (*modern).to_owned(),
        });
        RowCheck {
            entity: "order".to_owned(),
            belongs_to: id.to_owned(),
            id: id.to_owned(),
            table: "orders".to_owned(),
            state,
            columns: columns.collect(),
            why: None,
        }
    }

    fn sample(ids: &[&str]) -> Vec<Named> {
        let named = ids.iter().map(|id| Named {
            entity: "order".to_owned(),
            id: Id::Legacy((*id).to_owned()),
        });
        named.collect()
    }

    #[test]
    fn a_row_that_differs_is_drift_and_rows_that_are_equal_mean_code() {
        let total = row("17", RowState::Different, &[("total", "10.00", "10.01")]);
        let told = Checked::conclude(&[sample(&["17"])], vec![total]);
        assert_eq!(told.explanation, "data drift: orders.total 10.00 / 10.01");
        assert_eq!(told.verdict, RowVerdict::DataDrift);
        let told = Checked::conclude(&[sample(&["17"])], vec![row("17", RowState::Equal, &[])]);
        assert_eq!(told.explanation, "code: rows equal");
        let told = Checked::conclude(&[sample(&["17"])], vec![row("17", RowState::Missing, &[])]);
        assert_eq!(told.explanation, "data drift: orders 17 is missing");
    }

    #[test]
    fn an_exchange_whose_rows_are_equal_is_not_explained_by_drift_elsewhere() {
        let rows = vec![
            row("17", RowState::Different, &[("total", "1", "2")]),
            row("18", RowState::Equal, &[]),
        ];
        let told = Checked::conclude(&[sample(&["17"]), sample(&["18"])], rows.clone());
        assert_eq!(told.verdict, RowVerdict::Code);
        assert_eq!(told.explanation, "code: rows equal in 1 of 2 samples");
        let told = Checked::conclude(&[sample(&["17", "18"])], rows);
        assert_eq!(told.verdict, RowVerdict::DataDrift);
    }

    #[test]
    fn a_row_that_belongs_to_the_entity_counts_with_it() {
        let line = RowCheck {
            belongs_to: "17".to_owned(),
            ..row("4", RowState::Different, &[("quantity", "1", "2")])
        };
        let rows = vec![row("17", RowState::Equal, &[]), line];
        let told = Checked::conclude(&[sample(&["17"])], rows);
        assert_eq!(told.verdict, RowVerdict::DataDrift, "{told:?}");
    }

    #[test]
    fn what_is_not_sure_of_every_row_is_not_called_equal() {
        for state in [RowState::Unknown, RowState::Unstable] {
            let rows = vec![row("17", RowState::Equal, &[]), row("18", state, &[])];
            let told = Checked::conclude(&[sample(&["17", "18"])], rows);
            assert_eq!(told.verdict, RowVerdict::Unknown, "{told:?}");
            assert!(told.explanation.starts_with("can't tell: orders 18: "));
        }
        for samples in [vec![], vec![sample(&[])], vec![sample(&["1"])]] {
            let told = Checked::conclude(&samples, Vec::new());
            assert_eq!(told.verdict, RowVerdict::Unknown, "{told:?}");
        }
    }
}
