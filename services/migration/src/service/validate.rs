//! GET /migration/validate

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use kit::ApiError;
use kit::error::Cause;
use kit::openapi::Refused;
use serde::Serialize;
use utoipa::ToSchema;

use super::board::Board;
use super::databases::SidesError;
use crate::mapping::Problem;
use crate::sides::Sides;
use crate::store::{Range, Select, Source, Waiting};

/// How long all the counting may take; what is not counted by then is told as null.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether a mapping fits.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Validation {
    /// Whether there is no problem.
    valid: bool,
    /// Everything that does not fit.
    problems: Vec<Fault>,
    /// What would be copied; empty where something does not fit.
    tables: Vec<Counted>,
    /// Foreign keys and indexes of the target that an earlier copy, which was cut short, has not
    /// made again; null where that could not be read in time.
    waiting: Option<Vec<Waiting>>,
}

/// Something that does not fit.
#[derive(Debug, Serialize, ToSchema)]
struct Fault {
    /// The line in the mapping, from 1.
    line: usize,
    message: String,
}

/// A table and how many rows both sides have of it.
#[derive(Debug, Serialize, ToSchema)]
struct Counted {
    /// The source's table.
    from: String,
    /// The target's table.
    to: String,
    /// What a row of it is to the proxy.
    entity: Option<String>,
    /// Rows in the source; null where they could not be counted in time.
    rows: Option<u64>,
    /// Rows in the target likewise.
    rows_there: Option<u64>,
}

/// Holds the mapping against both databases: every problem at once, and the rows of each table.
/// Nothing is written.
#[utoipa::path(
    get, path = "/migration/validate", operation_id = "validate", tag = "migration",
    responses(
        (status = 200, description = "Whether it fits", body = Validation),
        (status = 503, description = "SERVICE_UNAVAILABLE: a database does not answer", body = Refused),
    ),
)]
pub(super) async fn handle(State(board): State<Board>) -> Result<Json<Validation>, ApiError> {
    let sides = match board.databases().sides().await {
        Ok(sides) => sides,
        Err(SidesError::Mapping(problems)) => {
            let problems = problems.all.into_iter();
            let problems = problems.map(|Problem { line, message }| Fault { line, message });
            return Ok(Json(Validation {
                valid: false,
                problems: problems.collect(),
                tables: Vec::new(),
                waiting: None,
            }));
        }
        Err(error) => return Err(error.into()),
    };
    let waiting = tokio::time::timeout(PATIENCE, sides.target.waiting()).await;
    let waiting = waiting.unwrap_or_else(|late| Err(Cause::from(late)));
    if let Err(error) = &waiting {
        tracing::warn!(%error, "what waits to be made again cannot be read");
    }
    Ok(Json(Validation {
        valid: true,
        problems: Vec::new(),
        tables: counted(&sides).await,
        waiting: waiting.ok(),
    }))
}

async fn counted(sides: &Sides) -> Vec<Counted> {
    let until = tokio::time::Instant::now() + PATIENCE;
    let mut tables = Vec::with_capacity(sides.plan.tables.len());
    for table in &sides.plan.tables {
        let there = table.destination.select();
        let count = async |side: &dyn Source, select: &Select| {
            let all = Range::default();
            let counting = side.figures(select, &all, &[]);
            let counted = tokio::time::timeout_at(until, counting).await.ok()?;
            let noted =
                |error| tracing::warn!(table = %select.table, %error, "rows cannot be counted");
            Some(counted.map_err(noted).ok()?.rows)
        };
        tables.push(Counted {
            from: table.source.clone(),
            to: table.destination.table.to_string(),
            entity: table.entity.clone(),
            rows: count(&*sides.source, &table.select).await,
            rows_there: count(sides.target.as_source(), &there).await,
        });
    }
    tables
}
