//! The documentation that a service gives of itself, generated from its code: `OpenAPI` 3.1 and a
//! page to read it in, which needs no network.
//!
//! The answers that endpoints have in common are described here; what one endpoint answers,
//! beside its handler.

use axum::Router;
use utoipa::openapi::{Info, OpenApi};
use utoipa::{IntoResponses, PartialSchema as _, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::document::Unrelated;

/// Where the page is.
const PAGE: &str = "/api/docs";

/// Where the document is.
const DOCUMENT: &str = "/api/docs/openapi.json";

/// A refusal in the shape of JSON:API; the list has one error.
#[derive(Debug, ToSchema)]
#[schema(as = Refusal)]
#[expect(dead_code, reason = "it describes what `ApiError` writes")]
pub struct Refused {
    #[schema(min_items = 1, max_items = 1)]
    errors: Vec<RefusedError>,
}

#[derive(Debug, ToSchema)]
#[schema(as = RefusalError)]
#[expect(dead_code, reason = "it describes what `ApiError` writes")]
struct RefusedError {
    /// The status code as text.
    #[schema(example = "404")]
    status: String,
    #[schema(example = "Not Found")]
    title: String,
    detail: String,
    #[schema(example = "NOT_FOUND")]
    code: String,
    /// What in the request is to blame, where one member is.
    #[schema(nullable = false)]
    source: Option<RefusedSource>,
}

#[derive(Debug, ToSchema)]
#[schema(as = RefusalSource)]
#[expect(dead_code, reason = "it describes what `ApiError` writes")]
struct RefusedSource {
    #[schema(example = "/data/attributes/email")]
    pointer: String,
}

/// Every rule that a request's body violates.
#[derive(Debug, ToSchema)]
#[schema(as = Validation, rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what `ApiError` writes")]
pub struct Invalid {
    #[schema(minimum = 400, maximum = 400)]
    status_code: u16,
    #[schema(example = "Bad Request")]
    error: String,
    /// One line for each violated rule.
    #[schema(min_items = 1)]
    message: Vec<String>,
}

/// The two shapes of a bad request.
#[derive(Debug, ToSchema)]
#[schema(as = BadRequest)]
#[serde(untagged)]
pub enum BadRequest {
    /// The body violates rules.
    Validation(Invalid),
    /// The body is sound, and cannot be what is wanted.
    Refusal(Refused),
}

/// What any endpoint that reads a body may answer.
#[derive(Debug, IntoResponses)]
pub enum BodyRefused {
    /// `REQUEST_TIMEOUT`: the body did not arrive in time
    #[response(status = 408)]
    Late(Refused),
    /// `PAYLOAD_TOO_LARGE`
    #[response(status = 413)]
    TooLarge(Refused),
}

/// What any endpoint that asks the database may answer.
#[derive(Debug, IntoResponses)]
#[response(status = 500, description = "DATABASE_ERROR: the database failed")]
#[expect(dead_code, reason = "it describes what `ApiError` writes")]
pub struct DatabaseFailed(Refused);

/// The document with its name, and the page that shows it.
pub(crate) fn page(service: &'static str, mut api: OpenApi) -> Router {
    api.info = Info::new(service, env!("CARGO_PKG_VERSION"));
    // What a type parameter is by default is referred to, and not collected.
    let schemas = &mut api.components.get_or_insert_default().schemas;
    schemas.insert(Unrelated::name().into_owned(), Unrelated::schema());
    // Without this, the page has a validator in the internet look at the document.
    let config = Config::default().validator_url("none");
    SwaggerUi::new(PAGE)
        .url(DOCUMENT, api)
        .config(config)
        .into()
}
