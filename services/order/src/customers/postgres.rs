//! The table `customers` in `PostgreSQL`.

use async_trait::async_trait;
use kit::postgres::{Database, is_storable, sorted};
use kit::store::StoreError;
use sqlx::postgres::PgRow;
use sqlx::{Error, Row as _};

use super::{Customer, CustomerRepository};

/// What guards which column.
const CONSTRAINTS: [(&str, &str); 2] = [
    ("customers_email", "customers.email"),
    ("customers_legacy_id", "customers.legacy_id"),
];

pub(super) struct PostgresCustomers {
    database: Database,
}

impl PostgresCustomers {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    async fn one(&self, sql: &'static str, id: &str) -> Result<Option<Customer>, StoreError> {
        if !is_storable(id) {
            return Ok(None);
        }
        let found = self.database.read(|mut connection| async move {
            let row = sqlx::query(sql).bind(id).try_map(|row| customer(&row));
            let found = row.fetch_optional(&mut *connection).await;
            (connection, found)
        });
        found.await.map_err(StoreError::database)
    }
}

#[async_trait]
impl CustomerRepository for PostgresCustomers {
    async fn find(&self, id: &str) -> Result<Option<Customer>, StoreError> {
        let sql =
            "SELECT * FROM customers WHERE id = $1 OR legacy_id = $1 ORDER BY id <> $1 LIMIT 1";
        self.one(sql, id).await
    }

    async fn find_alias(&self, alias: &str) -> Result<Option<Customer>, StoreError> {
        self.one("SELECT * FROM customers WHERE legacy_id = $1", alias)
            .await
    }

    async fn insert(&self, customer: &Customer, alias: Option<&str>) -> Result<(), StoreError> {
        let inserted = self.database.write(|mut connection| async move {
            let insert = sqlx::query(
                "INSERT INTO customers (id, legacy_id, email, first_name, last_name, phone,
                     address, city, state, zip_code, country, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            );
            let insert = insert
                .bind(&customer.id)
                .bind(alias)
                .bind(&customer.email)
                .bind(&customer.first_name)
                .bind(&customer.last_name)
                .bind(&customer.phone)
                .bind(&customer.address)
                .bind(&customer.city)
                .bind(&customer.state)
                .bind(&customer.zip_code)
                .bind(&customer.country)
                .bind(customer.created_at)
                .bind(customer.updated_at);
            let inserted = insert.execute(&mut *connection).await.map(drop);
            (connection, inserted)
        });
        inserted.await.map_err(|error| sorted(error, &CONSTRAINTS))
    }
}

fn customer(row: &PgRow) -> Result<Customer, Error> {
    Ok(Customer {
        id: row.try_get("id")?,
        email: row.try_get("email")?,
        first_name: row.try_get("first_name")?,
        last_name: row.try_get("last_name")?,
        phone: row.try_get("phone")?,
        address: row.try_get("address")?,
        city: row.try_get("city")?,
        state: row.try_get("state")?,
        zip_code: row.try_get("zip_code")?,
        country: row.try_get("country")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
