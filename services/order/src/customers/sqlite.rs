//! The table `customers` in `SQLite`.

use async_trait::async_trait;
use kit::sqlite::{Database, parsed, sorted};
use kit::store::StoreError;
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, Row as _};

use super::{Customer, CustomerRepository};

pub(super) struct SqliteCustomers {
    database: Database,
}

impl SqliteCustomers {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl CustomerRepository for SqliteCustomers {
    async fn find(&self, id: &str) -> Result<Option<Customer>, StoreError> {
        let query = sqlx::query(
            "SELECT * FROM customers WHERE id = ?1 OR legacy_id = ?1 ORDER BY id <> ?1 LIMIT 1",
        );
        let row = query.bind(id).try_map(|row| customer(&row));
        row.fetch_optional(self.database.reader())
            .await
            .map_err(StoreError::database)
    }

    async fn find_alias(&self, alias: &str) -> Result<Option<Customer>, StoreError> {
        let query = sqlx::query("SELECT * FROM customers WHERE legacy_id = ?1");
        let row = query.bind(alias).try_map(|row| customer(&row));
        row.fetch_optional(self.database.reader())
            .await
            .map_err(StoreError::database)
    }

    async fn insert(&self, customer: &Customer, alias: Option<&str>) -> Result<(), StoreError> {
        let mut write = self.database.write().await?;
        sqlx::query(
            "INSERT INTO customers (id, legacy_id, email, first_name, last_name, phone, address,
                 city, state, zip_code, country, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )
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
        .bind(customer.created_at.to_string())
        .bind(customer.updated_at.to_string())
        .execute(&mut *write)
        .await
        .map_err(|error| sorted(error, &["customers.email", "customers.legacy_id"]))?;
        write.commit().await.map_err(StoreError::database)
    }
}

fn customer(row: &SqliteRow) -> Result<Customer, Error> {
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
        created_at: parsed(row, "created_at")?,
        updated_at: parsed(row, "updated_at")?,
    })
}
