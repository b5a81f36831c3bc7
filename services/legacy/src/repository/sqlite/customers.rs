//! Customers on `SQLite`.

use async_trait::async_trait;
use kit::{requests::CreateCustomer, sqlite::parsed};
use sqlx::{Row, sqlite::SqliteRow};

use super::{SqliteRepository, refused};
use crate::{
    clock::DateTime,
    model::Customer,
    repository::{CustomerRepository, RepositoryError, Result},
};

#[async_trait]
impl CustomerRepository for SqliteRepository {
    async fn create_customer(&self, new: &CreateCustomer) -> Result<Customer> {
        let mut write = self.database.write().await?;
        let row = sqlx::query(
            "INSERT INTO Customers (Email, FirstName, LastName, Phone, Address, City, State,
                                    ZipCode, Country, CreatedAt, UpdatedAt)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)
             RETURNING *",
        )
        .bind(&new.email)
        .bind(&new.first_name)
        .bind(&new.last_name)
        .bind(&new.phone)
        .bind(&new.address)
        .bind(&new.city)
        .bind(&new.state)
        .bind(&new.zip_code)
        .bind(&new.country)
        .bind(DateTime::now().stored())
        .fetch_one(&mut *write)
        .await
        .map_err(|error| refused(error, "Customers.Email", RepositoryError::DuplicateEmail))?;
        let made = customer(&row)?;
        write.commit().await?;
        Ok(made)
    }

    async fn customer(&self, id: i64) -> Result<Option<Customer>> {
        let row = sqlx::query("SELECT * FROM Customers WHERE Id = ?")
            .bind(id)
            .fetch_optional(self.database.reader())
            .await?;
        Ok(row.as_ref().map(customer).transpose()?)
    }
}

fn customer(row: &SqliteRow) -> sqlx::Result<Customer> {
    Ok(Customer {
        id: row.try_get("Id")?,
        email: row.try_get("Email")?,
        first_name: row.try_get("FirstName")?,
        last_name: row.try_get("LastName")?,
        phone: row.try_get("Phone")?,
        address: row.try_get("Address")?,
        city: row.try_get("City")?,
        state: row.try_get("State")?,
        zip_code: row.try_get("ZipCode")?,
        country: row.try_get("Country")?,
        created_at: parsed(row, "CreatedAt")?,
        updated_at: parsed(row, "UpdatedAt")?,
    })
}
