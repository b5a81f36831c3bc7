//! POST /customers

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use kit::extract::{Body, PrimaryId};
use kit::openapi::{BadRequest, BodyRefused, DatabaseFailed, Refused};
use kit::requests::CreateCustomer;
use kit::{ApiError, Document, Resource};

use super::document::{Attributes, resource};
use crate::Services;

/// Makes a customer.
#[utoipa::path(
    post, path = "/customers", operation_id = "createCustomer", tag = "customers",
    request_body = CreateCustomer,
    responses(
        (status = 201, description = "The customer", body = Document<Resource<Attributes>>,
         links(
             ("Customer" = (operation_id = "showCustomer", parameters(("id" = "$response.body#/data/id")))),
             ("Orders" = (operation_id = "listOrdersOfCustomer", parameters(("id" = "$response.body#/data/id")))),
         )),
        (status = 400, description = "The body violates rules, or BAD_REQUEST", body = BadRequest),
        (status = 409, description = "DUPLICATE_ENTRY: the e-mail is another's", body = Refused),
        BodyRefused,
        DatabaseFailed,
    ),
)]
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
