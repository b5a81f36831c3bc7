//! Rows of the target with all of their columns, those that nothing maps included: what goes with a
//! delete, and what an undo has to bring back.

use kit::error::Cause;

use super::RepairError;
use crate::reconcile::ReconcileError;
use crate::schema::Type;
use crate::sides::Sides;
use crate::store::Destination;
use crate::value::{Row, Value};

/// The rows of a table as they are deleted.
pub(super) struct Whole {
    /// The columns that are mapped, and behind them all others but those that the database computes.
    pub(super) destination: Destination,
    /// What else would go, or change, with a row.
    pub(super) cascades: Option<String>,
    /// Why no delete could be taken back, where that is so.
    fault: Option<String>,
}

impl Whole {
    pub(super) async fn of(sides: &Sides, mapped: &Destination) -> Result<Self, RepairError> {
        let failed = |source: Cause| ReconcileError::Read {
            table: mapped.table.to_string(),
            database: sides.target.name(),
            source,
        };
        let described = sides.target.describe(&mapped.table).await.map_err(failed)?;
        let cascades = sides.target.cascades(&mapped.table).await.map_err(failed)?;
        let mut destination = mapped.clone();
        for column in described.into_iter().flat_map(|table| table.columns) {
            let is_mapped = mapped.columns.iter().any(|one| one.name == column.name);
            if !is_mapped && !column.generated {
                destination.columns.push(column);
            }
        }
        let mut columns = destination.columns.iter();
        let opaque = columns.find(|column| column.kind == Type::Unsupported);
        let other = cascades.first();
        let cascades =
            other.map(|other| format!("its delete would change rows of {other} as well"));
        let unsupported = opaque.map(|column| {
            format!(
                "its delete could not be taken back: `{}` is {}, which is not supported",
                column.name, column.native
            )
        });
        Ok(Self {
            fault: cascades.clone().or(unsupported),
            destination,
            cascades,
        })
    }

    /// Why a delete of this row could not be taken back, where that is so.
    pub(super) fn fault(&self, row: &Row) -> Option<String> {
        self.fault.clone().or_else(|| {
            let mut values = row.iter().zip(&self.destination.columns);
            let (_, column) = values.find(|(value, _)| matches!(value, Value::Unreadable(_)))?;
            Some(format!(
                "its delete could not be taken back: `{}` cannot be read",
                column.name
            ))
        })
    }
}
