//! GET /customers/{id}/orders

use axum::{extract::State, response::IntoResponse};
use kit::{
    ApiError, Document,
    extract::{Filters, PathId},
    requests::Activity,
};

use super::failure;
use crate::{Monolith, documents, key::parse_key};

pub(super) async fn handle(
    State(monolith): State<Monolith>,
    PathId(id): PathId,
    filters: Filters,
) -> Result<impl IntoResponse, ApiError> {
    let activity = Activity::from_filter(filters.first("isActive"));
    let found = match parse_key(&id) {
        Some(key) => monolith.orders_of(key, activity).await.map_err(failure)?,
        None => None,
    };
    let orders = found.ok_or_else(|| ApiError::customer_not_found(&id))?;
    Ok(Document::list(
        orders.into_iter().map(documents::order).collect(),
    ))
}
