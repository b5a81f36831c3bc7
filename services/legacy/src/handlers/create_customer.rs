//! POST /customers

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use kit::{ApiError, Document, extract::Body, requests::CreateCustomer};

use super::failure;
use crate::{Monolith, documents, repository::RepositoryError};

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
