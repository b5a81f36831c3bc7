//! POST /reconciliation/rows

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use kit::ApiError;
use kit::extract::Body;
use kit::openapi::{BodyRefused, Invalid, Refused};
use serde::Serialize;
use tokio::sync::{Semaphore, TryAcquireError};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::board::Board;
use super::question::{Id, Question};
use crate::plan::TablePlan;
use crate::reconcile::{self, RowReport, RowVerdict};
use crate::sides::Sides;
use crate::sync::children;
use crate::value::Key;

/// Rows of one table that may belong to an entity.
const MOST_PARTS: usize = 500;

/// Questions that are answered at one time; each holds connections of both databases.
const AT_ONCE: usize = 4;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a row that differs has to stay as it is, twice, before it is told.
const SETTLE: Duration = Duration::from_millis(200);

/// Questions under way.
static ASKED: Semaphore = Semaphore::const_new(AT_ONCE);

/// What became of the rows, in the order of the question, in each table of the entity that has them,
/// and of what belongs to them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Answer {
    rows: Vec<RowView>,
}

/// The texts of a key, and what modern calls its row where that is known.
type Asked<'q> = (Vec<&'q str>, Option<&'q str>);

/// A row that was asked for, in one of the entity's tables.
struct Own {
    view: RowView,
    /// Whether the texts are a key of the table.
    named: bool,
    /// Whether neither side has it.
    absent: bool,
}

/// A row.
#[derive(Debug, Serialize, ToSchema)]
struct RowView {
    /// As it was asked for; the texts of a key are joined by commas.
    id: String,
    /// The id that was asked for, where this is a row that belongs to it: such are only told
    /// where they are not equal.
    belongs_to: Option<String>,
    /// The target's table.
    #[schema(example = "orders")]
    table: String,
    verdict: Verdict,
    /// The columns that differ, with the values of the databases: they may be secrets.
    differences: Vec<DifferenceView>,
    /// Why nothing can be told, and what else there is to say.
    why: Option<String>,
}

/// What a row is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// Both sides have it, and it is equal.
    Equal,
    /// Both sides have it, and it is not equal.
    Different,
    /// The target does not have it.
    Missing,
    /// The source does not have it.
    Extra,
    /// It changed each time that it was read.
    Unstable,
    /// It cannot be told.
    Unknown,
}

/// A column that differs.
#[derive(Debug, Serialize, ToSchema)]
struct DifferenceView {
    /// The target's column.
    column: String,
    /// The source's value, as the target was to have it.
    legacy: String,
    /// The target's value.
    modern: String,
}

/// Compares single rows now, those of an entity with the rows that belong to it. A row that differs is read again until it stays as it is, so that one
/// that is being written is not told as different.
#[utoipa::path(
    post, path = "/reconciliation/rows", operation_id = "compareRows", tag = "reconciliation",
    request_body = Question,
    responses(
        (status = 200, description = "What became of the rows. Values of the databases are in it: \
            who passes it on redacts them", body = Answer),
        (status = 400, description = "The question violates rules", body = Invalid),
        (status = 404, description = "NOT_FOUND: the mapping has no such entity or table", body = Refused),
        (status = 409, description = "CONFLICT: the mapping does not fit the databases", body = Refused),
        BodyRefused,
        (status = 503, description = "SERVICE_UNAVAILABLE: a database does not answer, or too much \
            is asked at once", body = Refused),
    ),
)]
pub(super) async fn handle(
    State(board): State<Board>,
    Body(question): Body<Question>,
) -> Result<Json<Answer>, ApiError> {
    let _turn = ASKED
        .try_acquire()
        .map_err(|busy: TryAcquireError| ApiError::unavailable("comparison of rows", busy))?;
    let sides = board.databases().recent().await?;
    let name = question.entity.as_ref().or(question.table.as_ref());
    let name = name.map_or("", String::as_str);
    let asked = |table: &&TablePlan| match question.entity {
        Some(_) => table.entity.as_deref() == Some(name),
        None => table.source == name,
    };
    let tables: Vec<&TablePlan> = sides.plan.tables.iter().filter(asked).collect();
    if tables.is_empty() {
        let kind = if question.entity.is_some() {
            "Entity"
        } else {
            "Table"
        };
        return Err(ApiError::not_found(kind, name));
    }
    let answer = answer(&sides, &tables, &question);
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(answered) => answered.map(|rows| Json(Answer { rows })),
        Err(late) => Err(ApiError::unavailable("databases", late)),
    }
}

async fn answer(
    sides: &Sides,
    tables: &[&TablePlan],
    question: &Question,
) -> Result<Vec<RowView>, ApiError> {
    let ids = question.ids.iter().map(|id| match id {
        Id::Legacy(legacy) => (vec![legacy.as_str()], None),
        Id::Pair(pair) => (vec![pair.legacy.as_str()], Some(pair.modern.as_str())),
    });
    let keys = question.keys.iter();
    let keys = keys.map(|key| (key.iter().map(String::as_str).collect(), None));
    let asked: Vec<Asked> = ids.chain(keys).collect();
    let mut own: Vec<Vec<Own>> = asked.iter().map(|_| Vec::new()).collect();
    for table in tables {
        for (own, found) in own.iter_mut().zip(rows_of(sides, table, &asked).await?) {
            own.push(found);
        }
    }
    let mut views = Vec::new();
    let mut named = Vec::new();
    for ((parts, _), mut own) in asked.iter().zip(own) {
        if let ([id], true) = (&parts[..], own.iter().any(|own| own.named)) {
            named.push(*id);
        }
        // An entity need not have a row in each of its tables.
        if own.iter().any(|own| !own.absent) {
            own.retain(|own| !own.absent);
        } else {
            own.truncate(1);
        }
        views.extend(own.into_iter().map(|own| own.view));
    }
    if let Some(entity) = &question.entity {
        for id in named {
            views.extend(belonging(sides, entity, id).await?);
        }
    }
    Ok(views)
}

/// The rows of a table that were asked for, in the order of the question.
async fn rows_of(
    sides: &Sides,
    table: &TablePlan,
    asked: &[Asked<'_>],
) -> Result<Vec<Own>, ApiError> {
    let wanted = asked.iter();
    let wanted = wanted.map(|(parts, modern)| key(table, parts, *modern));
    let wanted: Vec<Result<Key, String>> = wanted.collect();
    let keys: Vec<Key> = wanted.iter().filter_map(|key| key.clone().ok()).collect();
    let reports = compared(sides, table, &keys).await?;
    let own = asked.iter().zip(&wanted).map(|((parts, _), key)| {
        let id = parts.join(",");
        let report = key.as_ref().map(|key| reports.get(key));
        let unknown = |why: &str| RowView::of(id.clone(), table, Verdict::Unknown, Some(why));
        let absent = matches!(report, Ok(Some(report)) if report.verdict == RowVerdict::Absent);
        let view = match report {
            Err(why) => unknown(why),
            Ok(None) => unknown("it was not read"),
            Ok(Some(report)) => RowView::told(id, table, report),
        };
        Own {
            view,
            named: key.is_ok(),
            absent,
        }
    });
    Ok(own.collect())
}

/// What became of rows, by their keys in the source.
async fn compared(
    sides: &Sides,
    table: &TablePlan,
    keys: &[Key],
) -> Result<HashMap<Key, RowReport>, ApiError> {
    let options = reconcile::Options {
        settle: SETTLE,
        ..reconcile::Options::default()
    };
    let (source, target) = (Arc::clone(&sides.source), Arc::clone(&sides.target));
    let stop = CancellationToken::new();
    let reports = reconcile::rows(table, source, target, keys, &options, stop).await;
    let reports = reports.map_err(|error| ApiError::unavailable("databases", error))?;
    Ok(reports.into_iter().collect())
}

/// Of the rows that belong to an entity, those that are not equal.
async fn belonging(sides: &Sides, entity: &str, id: &str) -> Result<Vec<RowView>, ApiError> {
    let mut views = Vec::new();
    for table in &sides.plan.tables {
        let Some(column) = table.belongs_to(entity) else {
            continue;
        };
        let (source, target) = (&*sides.source, &*sides.target);
        let found = children(table, source, target, column, id).await;
        let (mut keys, mut orphans) =
            found.map_err(|error| ApiError::unavailable("databases", error))?;
        let left_out = keys.len().max(orphans.len()) > MOST_PARTS;
        keys.truncate(MOST_PARTS);
        orphans.truncate(MOST_PARTS);
        let own = keys.into_iter().map(|key| (key.id(), Some(key)));
        // A row that only the target has may have come there a moment ago, before its source was
        // read, or belong to another one there: it is compared as every row is.
        let orphans = orphans.iter().map(|key| (key.id(), table.source_key(key)));
        let parts: Vec<(String, Option<Key>)> = own.chain(orphans).collect();
        let keys: Vec<Key> = parts.iter().filter_map(|(_, key)| key.clone()).collect();
        let reports = compared(sides, table, &keys).await?;
        for (id, key) in parts {
            let unknown = |why| RowView::of(id.clone(), table, Verdict::Unknown, why);
            views.push(match key.map(|key| reports.get(&key)) {
                Some(Some(report)) if report.verdict == RowVerdict::Equal => continue,
                Some(Some(report)) => RowView::told(id, table, report),
                Some(None) => unknown(None),
                None => unknown(Some("its key does not tell which row of legacy it is")),
            });
        }
        if left_out {
            let why = format!("more than {MOST_PARTS} rows belong to it");
            views.push(RowView::of(
                id.to_owned(),
                table,
                Verdict::Unknown,
                Some(&why),
            ));
        }
    }
    for view in &mut views {
        view.belongs_to = Some(id.to_owned());
    }
    Ok(views)
}

/// The key of a row in the source, or why it cannot be compared.
fn key(table: &TablePlan, parts: &[&str], modern: Option<&str>) -> Result<Key, String> {
    let key = reconcile::key(table, parts).map_err(|error| error.to_string())?;
    let Some(modern) = modern else { return Ok(key) };
    match table.target_key(&key).map(|key| key.id()) {
        Some(made) if made == modern => Ok(key),
        Some(_) => Err(format!(
            "modern calls it {modern}, which the mapping does not make of it: it came there by a \
             write of its own"
        )),
        None => Err("the mapping does not say what modern calls it".to_owned()),
    }
}

impl RowView {
    fn of(id: String, table: &TablePlan, verdict: Verdict, why: Option<&str>) -> Self {
        Self {
            id,
            belongs_to: None,
            table: table.destination.table.to_string(),
            verdict,
            differences: Vec::new(),
            why: why.map(str::to_owned),
        }
    }

    fn told(id: String, table: &TablePlan, report: &RowReport) -> Self {
        let (verdict, why) = match report.verdict {
            RowVerdict::Equal => (Verdict::Equal, None),
            RowVerdict::Different => (Verdict::Different, None),
            RowVerdict::Missing => (Verdict::Missing, None),
            RowVerdict::Extra => (Verdict::Extra, None),
            RowVerdict::Quarantined => (Verdict::Missing, Some("the copy refused it")),
            RowVerdict::Unstable => (Verdict::Unstable, Some("it changed each time it was read")),
            RowVerdict::Absent => (Verdict::Unknown, Some("neither side has it")),
            RowVerdict::NotComparable => (Verdict::Unknown, report.fault.as_deref()),
        };
        let differences = report.differences.iter().map(|found| DifferenceView {
            column: found.column.clone(),
            legacy: found.legacy.clone(),
            modern: found.modern.clone(),
        });
        Self {
            differences: differences.collect(),
            ..Self::of(id, table, verdict, why)
        }
    }
}
