//! Rows of the modern database that the demo changes after the migration, on purpose: comparing
//! both databases has something to find, and a discrepancy can say that its row drifted.

use anyhow::Context as _;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _};

/// Where a drifted row shows: the route, the general path, and the kind of difference.
pub type Finding = (&'static str, &'static str, &'static str);

/// Every finding that no quirk of the monolith explains, but a row that drifted.
pub const FINDINGS: &[Finding] = &[
    ("customer-read", "/data/attributes/lastName", "value"),
    ("customer-orders", "/data/*/attributes/total", "value"),
    ("order-read", "/data/attributes/total", "value"),
];

/// Two names that somebody typed anew, with a blank behind them, and a total that a job computed
/// in floats.
const ON_SQLITE: &str = "
    UPDATE customers SET last_name = last_name || ' ' WHERE id IN ('5', '21');
    UPDATE orders SET total = printf('%.2f', total + 0.01) WHERE id = '17';";
const ON_POSTGRES: &str = "
    UPDATE customers SET last_name = last_name || ' ' WHERE id IN ('5', '21');
    UPDATE orders SET total = total + 0.01 WHERE id = '17';";

/// Rows that drift.
pub const ROWS: u32 = 3;

/// Lets rows of the modern database drift.
pub async fn drift(modern: &str) -> anyhow::Result<()> {
    let drifted = async {
        if modern.starts_with("sqlite:") {
            let mut database = SqliteConnection::connect(modern).await?;
            sqlx::raw_sql(AssertSqlSafe(ON_SQLITE))
                .execute(&mut database)
                .await?;
            database.close().await
        } else {
            let mut database = PgConnection::connect(modern).await?;
            sqlx::raw_sql(AssertSqlSafe(ON_POSTGRES))
                .execute(&mut database)
                .await?;
            database.close().await
        }
    };
    drifted
        .await
        .context("cannot let rows of the modern database drift")
}
