//! Hashes of rows, made by the server with the functions that its own hash joins rest on.
//!
//! Those say of each type what equality does, of numbers and times by value; texts are taken by
//! their bytes. `hash_record_extended` adds up the columns' hashes with a factor for each, so that
//! two rows which exchange a value keep their sum: its result is hashed once more before rows are
//! brought together. Two seeds give 128 bits.

use kit::error::Cause;
use sqlx::{AssertSqlSafe, PgPool, Row as _};

use super::wire::Way;
use crate::schema::{ColumnSchema, Type};
use crate::store::pool::Lent;
use crate::store::{Dialect, Hashed, Range, Select};

const SQL: Dialect = Dialect::Postgres;

/// The first version that has `hash_record_extended` and `bit_xor` as an aggregate.
const VERSION: u32 = 140_000;

pub(super) async fn hashed(
    pool: &PgPool,
    select: &Select,
    range: &Range,
    columns: &[usize],
) -> Result<Option<Hashed>, Cause> {
    let columns = columns.iter().map(|at| select.columns.get(*at));
    let fields: Option<Vec<String>> = columns.map(|column| field(column?)).collect();
    let Some(fields) = fields else {
        return Ok(None);
    };
    let mut lent = Lent::of(pool).await?;
    if lent
        .server_version_num()
        .is_none_or(|version| version < VERSION)
    {
        lent.give_back();
        return Ok(None);
    }
    let hash = |seed: u8| {
        format!(
            "coalesce(bit_xor(hashint8extended(
                 hash_record_extended(cutover_row, {seed}), {seed})), 0)"
        )
    };
    let sql = format!(
        "SELECT count(*), {}, {} FROM (SELECT ROW({}) AS cutover_row FROM {} WHERE {} OFFSET 0) AS r",
        hash(1),
        hash(2),
        fields.join(", "),
        SQL.table(&select.table),
        SQL.within(select, range)?,
    );
    let query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    let row = query.fetch_one(&mut *lent).await?;
    lent.give_back();
    let half = |position| -> Result<u128, Cause> {
        Ok(row.try_get::<i64, _>(position)?.cast_unsigned().into())
    };
    Ok(Some(Hashed {
        rows: u64::try_from(row.try_get::<i64, _>(0)?)?,
        hash: half(1)? << 64 | half(2)?,
    }))
}

/// A column as it is hashed; nothing where equality is less than that of values.
fn field(column: &ColumnSchema) -> Option<String> {
    let name = SQL.name(&column.name);
    let cast = Way::of(&column.native).cast;
    Some(match column.kind {
        // Blanks count for nothing.
        Type::Text { padded: true, .. } | Type::Unsupported => return None,
        // A collation may take texts for equal that are not, as may a type.
        Type::Text { .. } | Type::Json => format!("{name}::text COLLATE \"C\""),
        _ => match cast {
            Some(cast) => format!("{name}::{cast}"),
            None => name,
        },
    })
}
