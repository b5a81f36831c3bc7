//! Columns that a mapping declares otherwise than their database does.

use crate::mapping::Change;
use crate::schema::{ColumnSchema, Type};
use crate::transform::convert;
use crate::value::Row;

/// Makes values what their columns are declared to hold, where that is not what they hold by
/// `own`. One that cannot be made so stays what it is, and whoever converts it says what is wrong.
pub(super) fn declare(
    columns: &[ColumnSchema],
    rows: &mut [Row],
    own: impl Fn(&ColumnSchema) -> Type,
) {
    for (position, column) in columns.iter().enumerate() {
        if own(column) == column.kind {
            continue;
        }
        for value in rows.iter_mut().filter_map(|row| row.get_mut(position)) {
            if let Ok(declared) = convert(value, &column.kind, &Change::default()) {
                *value = declared;
            }
        }
    }
}

/// Whether every column holds by itself what it is declared to hold.
pub(super) fn as_declared(columns: &[ColumnSchema], own: impl Fn(&ColumnSchema) -> Type) -> bool {
    columns.iter().all(|column| own(column) == column.kind)
}
