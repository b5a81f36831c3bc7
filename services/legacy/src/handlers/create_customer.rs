//! POST /customers

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use kit::{
    ApiError, Document, Resource,
    extract::Body,
    openapi::{BodyRefused, DatabaseFailed, Invalid, Refused},
    requests::CreateCustomer,
};

use super::failure;
use crate::{
    Monolith,
    documents::{self, CustomerAttributes},
    repository::RepositoryError,
};

/// Makes a customer.
#[utoipa::path(
    post, path = "/customers", operation_id = "createCustomer", tag = "customers",
    request_body = CreateCustomer,
    responses(
        (status = 201, description = "The customer",
         body = Document<Resource<CustomerAttributes>>,
         links(
             ("Customer" = (operation_id = "showCustomer", parameters(("id" = "$response.body#/data/id")))),
             ("Orders" = (operation_id = "listOrdersOfCustomer", parameters(("id" = "$response.body#/data/id")))),
         )),
        (status = 400, description = "The body violates rules", body = Invalid),
        (status = 409, description = "DUPLICATE_ENTRY: the e-mail is another's, in whatever case",
         body = Refused),
        BodyRefused,
        DatabaseFailed,
    ),
)]
pub(super) async fn handle(
    State(monolith): State<Monolith>,
    Body(new): Body<CreateCustomer>,
) -> Result<impl IntoResponse, ApiError> {
    let customer = monolith
        .create_customer(&new)
        .await
        .map_err(|error| match error {
            RepositoryError::DuplicateEmail => ApiError::duplicate_email(&new.email),
            other => failure(other),
        })?;
    Ok((
        StatusCode::CREATED,
        Document::one(documents::customer(customer)),
    ))
}
