//! POST /orders

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use kit::extract::{Body, PrimaryId};
use kit::requests::CreateOrder;
use kit::{ApiError, Document};

use super::document::resource;
use crate::Services;

pub(super) async fn handle(
    State(services): State<Services>,
    primary: PrimaryId,
    Body(new): Body<CreateOrder>,
) -> Result<impl IntoResponse, ApiError> {
    let order = services.orders.create(new, primary.of("order")).await?;
    Ok((StatusCode::CREATED, Document::one(resource(order))))
}
