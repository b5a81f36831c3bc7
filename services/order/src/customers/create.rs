//! POST /customers

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use kit::extract::{Body, PrimaryId};
use kit::requests::CreateCustomer;
use kit::{ApiError, Document};

use super::document::resource;
use crate::Services;

pub(super) async fn handle(
    State(services): State<Services>,
    primary: PrimaryId,
    Body(new): Body<CreateCustomer>,
) -> Result<impl IntoResponse, ApiError> {
    let customer = services
        .customers
        .create(new, primary.of("customer"))
        .await?;
    Ok((StatusCode::CREATED, Document::one(resource(customer))))
}
