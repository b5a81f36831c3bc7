//! The table `invoices` in `PostgreSQL`.

use async_trait::async_trait;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use kit::postgres::{Database, is_storable, parsed, sorted};
use kit::requests::InvoiceStatus;
use kit::store::StoreError;
use kit::time::Millis;
use sqlx::postgres::PgRow;
use sqlx::{Error, PgConnection, Row as _};

use super::{Filter, Invoice, InvoiceRepository, NewInvoice};

/// What guards which column.
const CONSTRAINTS: [(&str, &str); 2] = [
    ("invoices_order_id", "invoices.order_id"),
    ("invoices_legacy_id", "invoices.legacy_id"),
];

/// The advisory lock that whoever gives out a number holds until its commit: "INVN".
const NUMBERING: i64 = 0x494e_564e;

pub(crate) struct PostgresInvoices {
    database: Database,
}

impl PostgresInvoices {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    async fn one(&self, sql: &'static str, id: &str) -> Result<Option<Invoice>, StoreError> {
        if !is_storable(id) {
            return Ok(None);
        }
        let found = self.database.read(|mut connection| async move {
            let row = sqlx::query(sql).bind(id).try_map(|row| invoice(&row));
            let found = row.fetch_optional(&mut *connection).await;
            (connection, found)
        });
        found.await.map_err(StoreError::database)
    }

    async fn own_id(&self, sql: &'static str, id: &str) -> Result<Option<String>, StoreError> {
        if !is_storable(id) {
            return Ok(None);
        }
        let found = self.database.read(|mut connection| async move {
            let query = sqlx::query_scalar(sql).bind(id);
            let found = query.fetch_optional(&mut *connection).await;
            (connection, found)
        });
        found.await.map_err(StoreError::database)
    }
}

#[async_trait]
impl InvoiceRepository for PostgresInvoices {
    async fn find(&self, id: &str) -> Result<Option<Invoice>, StoreError> {
        let sql =
            "SELECT * FROM invoices WHERE id = $1 OR legacy_id = $1 ORDER BY id <> $1 LIMIT 1";
        self.one(sql, id).await
    }

    async fn find_alias(&self, alias: &str) -> Result<Option<Invoice>, StoreError> {
        self.one("SELECT * FROM invoices WHERE legacy_id = $1", alias)
            .await
    }

    async fn customer_id(&self, id: &str) -> Result<Option<String>, StoreError> {
        let sql =
            "SELECT id FROM customers WHERE id = $1 OR legacy_id = $1 ORDER BY id <> $1 LIMIT 1";
        self.own_id(sql, id).await
    }

    async fn order_id(&self, id: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT id FROM orders WHERE id = $1 OR legacy_id = $1 ORDER BY id <> $1 LIMIT 1";
        self.own_id(sql, id).await
    }

    async fn list(&self, filter: Filter<'_>) -> Result<Vec<Invoice>, StoreError> {
        let listed = self.database.read(|mut connection| async move {
            let query = sqlx::query(
                "SELECT * FROM invoices
                 WHERE ($1::text IS NULL OR customer_id = $1)
                   AND ($2::text IS NULL OR order_id = $2)
                   AND ($3::text IS NULL OR status = $3)
                 ORDER BY created_at DESC, length(id) DESC, id DESC",
            );
            let query = query
                .bind(filter.customer_id)
                .bind(filter.order_id)
                .bind(filter.status.map(InvoiceStatus::name));
            let rows = query.try_map(|row| invoice(&row));
            let found = rows.fetch_all(&mut *connection).await;
            (connection, found)
        });
        listed.await.map_err(StoreError::database)
    }

    async fn insert(&self, new: &NewInvoice, alias: Option<&str>) -> Result<Invoice, StoreError> {
        let inserted = self.database.write(|mut connection| async move {
            let inserted = insert_numbered(&mut connection, new, alias).await;
            (connection, inserted)
        });
        inserted.await.map_err(|error| sorted(error, &CONSTRAINTS))
    }
}

async fn insert_numbered(
    connection: &mut PgConnection,
    new: &NewInvoice,
    alias: Option<&str>,
) -> Result<Invoice, Error> {
    // The numbers follow from the invoices, so the next who looks must see this one.
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(NUMBERING)
        .execute(&mut *connection)
        .await?;
    // Taken under the lock, so that times are in the order of numbers.
    let now = Millis::now();
    let number = next_number(connection, now.date()).await?;
    let invoice = new.clone().numbered(number, now);
    insert(connection, &invoice, alias).await?;
    Ok(invoice)
}

/// The month's greatest number and one, in a statement of its own: it sees what was committed
/// before the lock was had.
async fn next_number(connection: &mut PgConnection, today: Date) -> Result<String, Error> {
    let month = format!("INV-{:04}{:02}", today.year(), today.month());
    let query = sqlx::query_scalar::<_, Option<i64>>(
        "SELECT max(substr(number, 12)::bigint) FROM invoices WHERE substr(number, 1, 10) = $1",
    );
    let last = query.bind(&month).fetch_one(connection).await?;
    let next = last.unwrap_or(0).saturating_add(1);
    Ok(format!("{month}-{next:04}"))
}

async fn insert(
    connection: &mut PgConnection,
    invoice: &Invoice,
    alias: Option<&str>,
) -> Result<(), Error> {
    let insert = sqlx::query(
        "INSERT INTO invoices (id, legacy_id, order_id, customer_id, number, status, subtotal, tax,
             discount, total, due_date, paid_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    );
    let insert = insert
        .bind(&invoice.id)
        .bind(alias)
        .bind(&invoice.order_id)
        .bind(&invoice.customer_id)
        .bind(&invoice.number)
        .bind(invoice.status.name())
        .bind(invoice.subtotal)
        .bind(invoice.tax)
        .bind(invoice.discount)
        .bind(invoice.total)
        .bind(invoice.due_date.map(ToSqlx::to_sqlx))
        .bind(invoice.paid_at)
        .bind(invoice.created_at)
        .bind(invoice.updated_at);
    insert.execute(connection).await.map(drop)
}

fn invoice(row: &PgRow) -> Result<Invoice, Error> {
    let due_date: Option<jiff_sqlx::Date> = row.try_get("due_date")?;
    Ok(Invoice {
        id: row.try_get("id")?,
        order_id: row.try_get("order_id")?,
        customer_id: row.try_get("customer_id")?,
        number: row.try_get("number")?,
        status: parsed(row, "status")?,
        subtotal: row.try_get("subtotal")?,
        tax: row.try_get("tax")?,
        discount: row.try_get("discount")?,
        total: row.try_get("total")?,
        due_date: due_date.map(jiff_sqlx::Date::to_jiff),
        paid_at: row.try_get("paid_at")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
