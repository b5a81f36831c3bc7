//! Customers on SQL Server.

use async_trait::async_trait;
use kit::requests::CreateCustomer;
use tiberius::Row;

use super::{
    MssqlRepository,
    call::Call,
    columns::{datetime, int, text, text_if_any},
    error::{Meaning, MssqlError},
    one,
};
use crate::{
    model::Customer,
    repository::{CustomerRepository, RepositoryError, Result},
};

#[async_trait]
impl CustomerRepository for MssqlRepository {
    async fn create_customer(&self, new: &CreateCustomer) -> Result<Customer> {
        let optional = |call: Call, parameter, value: &Option<String>| {
            call.given(value.as_deref(), |call, value| call.text(parameter, value))
        };
        let call = Call::of("dbo.CreateCustomer")
            .text("Email", &new.email)
            .text("FirstName", &new.first_name)
            .text("LastName", &new.last_name);
        let call = optional(call, "Phone", &new.phone);
        let call = optional(call, "Address", &new.address);
        let call = optional(call, "City", &new.city);
        let call = optional(call, "State", &new.state);
        let call = optional(call, "ZipCode", &new.zip_code);
        let call = optional(call, "Country", &new.country);
        let [rows] = self.pool.results(&call).await.map_err(refused)?;
        Ok(customer(one(&call, &rows)?)?)
    }

    async fn customer(&self, id: i64) -> Result<Option<Customer>> {
        // Beyond the column's range there is nobody.
        let Ok(id) = i32::try_from(id) else {
            return Ok(None);
        };
        let call = Call::of("dbo.CustomerById").int("Id", id);
        let [rows] = self.pool.results(&call).await?;
        Ok(rows.first().map(customer).transpose()?)
    }
}

fn refused(error: MssqlError) -> RepositoryError {
    match error.meaning() {
        Meaning::Duplicate if error.names("UQ_Customers_Email") => RepositoryError::DuplicateEmail,
        _ => error.refused(),
    }
}

fn customer(row: &Row) -> std::result::Result<Customer, MssqlError> {
    Ok(Customer {
        id: int(row, "Id")?,
        email: text(row, "Email")?,
        first_name: text(row, "FirstName")?,
        last_name: text(row, "LastName")?,
        phone: text_if_any(row, "Phone")?,
        address: text_if_any(row, "Address")?,
        city: text_if_any(row, "City")?,
        state: text_if_any(row, "State")?,
        zip_code: text_if_any(row, "ZipCode")?,
        country: text_if_any(row, "Country")?,
        created_at: datetime(row, "CreatedAt")?,
        updated_at: datetime(row, "UpdatedAt")?,
    })
}
