//! POST /orders

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use kit::{ApiError, Document, extract::Body, requests::CreateOrder};

use super::failure;
use crate::{Monolith, documents, repository::RepositoryError};

pub(super) async fn handle(
    State(monolith): State<Monolith>,
    Body(new): Body<CreateOrder>,
) -> Result<impl IntoResponse, ApiError> {
    let order = monolith
        .create_order(&new)
        .await
        .map_err(|error| match error {
            RepositoryError::UnknownCustomer => ApiError::unknown_customer(&new.customer_id),
            other => failure(other),
        })?;
    Ok((StatusCode::CREATED, Document::one(documents::order(order))))
}
