//! GET /customers/{id}

use axum::{extract::State, response::IntoResponse};
use kit::{ApiError, Document, extract::PathId};

use super::failure;
use crate::{Monolith, documents, key::parse_key};

pub(super) async fn handle(
    State(monolith): State<Monolith>,
    PathId(id): PathId,
) -> Result<impl IntoResponse, ApiError> {
    let found = match parse_key(&id) {
        Some(key) => monolith.customer(key).await.map_err(failure)?,
        None => None,
    };
    let customer = found.ok_or_else(|| ApiError::customer_not_found(&id))?;
    Ok(Document::one(documents::customer(customer)))
}
