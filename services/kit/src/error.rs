//! The two shapes in which the contract refuses a request, and the exact texts of the refusals
//! that both sides give.
//!
//! Causes inside a service are logged and never shown. A text that names an id shows it as the
//! client sent it, so that two sides with different ids refuse in the same words.

use std::error::Error as StdError;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

/// An id longer than this is cut where an error repeats it.
const SHOWN_ID_CHARS: usize = 100;

/// A refusal, ready to be the answer of a handler.
#[derive(Debug)]
pub struct ApiError(Box<Shape>);

#[derive(Debug)]
enum Shape {
    Validation(Vec<String>),
    Refusal(Refusal),
}

#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    code: &'static str,
    detail: String,
    pointer: Option<&'static str>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

/// What went wrong inside, in the form that the constructors of internal errors take.
pub type Cause = Box<dyn StdError + Send + Sync>;

impl ApiError {
    /// 400 in the validation shape: one line per violated rule.
    pub fn validation(messages: Vec<String>) -> Self {
        Self(Box::new(Shape::Validation(messages)))
    }

    /// 404 `NOT_FOUND`: "`entity` with ID `id` not found".
    pub fn not_found(entity: &str, id: &str) -> Self {
        let detail = format!("{entity} with ID {} not found", shown(id));
        Self::refusal(StatusCode::NOT_FOUND, "NOT_FOUND", detail)
    }

    /// 404 for a customer.
    pub fn customer_not_found(id: &str) -> Self {
        Self::not_found("Customer", id)
    }

    /// 404 for an order, also where an invoice is asked for one that isn't there.
    pub fn order_not_found(id: &str) -> Self {
        Self::not_found("Order", id)
    }

    /// 404 for an invoice.
    pub fn invoice_not_found(id: &str) -> Self {
        Self::not_found("Invoice", id)
    }

    /// 404 for a path that no route has.
    pub fn no_such_path(method: &str, path: &str) -> Self {
        let detail = format!("Cannot {method} {}", shown(path));
        Self::refusal(StatusCode::NOT_FOUND, "NOT_FOUND", detail)
    }

    /// 409 `DUPLICATE_ENTRY`: the e-mail belongs to a customer already.
    pub fn duplicate_email(email: &str) -> Self {
        let detail = format!("Customer with email {} already exists", shown(email));
        Self::refusal(StatusCode::CONFLICT, "DUPLICATE_ENTRY", detail).at("/data/attributes/email")
    }

    /// 400 `INVALID_REFERENCE`: an order for a customer who isn't there.
    pub fn unknown_customer(id: &str) -> Self {
        let detail = format!("Customer with ID {} does not exist", shown(id));
        Self::refusal(StatusCode::BAD_REQUEST, "INVALID_REFERENCE", detail)
            .at("/data/attributes/customerId")
    }

    /// 409 `CONFLICT`: the order has its invoice already.
    pub fn invoice_exists(order_id: &str) -> Self {
        let detail = format!("Invoice for order {} already exists", shown(order_id));
        Self::refusal(StatusCode::CONFLICT, "CONFLICT", detail)
    }

    /// 400 `BAD_REQUEST`, in the caller's words.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::refusal(StatusCode::BAD_REQUEST, "BAD_REQUEST", detail.into())
    }

    /// 400 `BAD_REQUEST`: an invoice's discount above the order's subtotal.
    pub fn discount_above_subtotal() -> Self {
        Self::bad_request("Discount amount cannot exceed the order subtotal")
            .at("/data/attributes/discountAmount")
    }

    /// 400 `BAD_REQUEST`: an invoice due before today (UTC).
    pub fn due_date_past() -> Self {
        Self::bad_request("Due date cannot be in the past").at("/data/attributes/dueDate")
    }

    /// 405 `METHOD_NOT_ALLOWED`.
    pub fn method_not_allowed(method: &str, path: &str) -> Self {
        let detail = format!("Method {method} is not allowed on {}", shown(path));
        Self::refusal(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", detail)
    }

    /// 408 `REQUEST_TIMEOUT`: the body did not arrive in time.
    pub fn request_timeout() -> Self {
        let detail = "The request body did not arrive in time".into();
        Self::refusal(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", detail)
    }

    /// 413 `PAYLOAD_TOO_LARGE`: a body above `limit` bytes.
    pub fn payload_too_large(limit: usize) -> Self {
        let detail = format!("The request body is larger than {limit} bytes");
        Self::refusal(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", detail)
    }

    /// 500 `DATABASE_ERROR`; the cause is logged.
    pub fn database(cause: impl Into<Cause>) -> Self {
        let detail = "The database could not process the request".into();
        Self::refusal(StatusCode::INTERNAL_SERVER_ERROR, "DATABASE_ERROR", detail)
            .because(cause.into())
    }

    /// 500 `SERVICE_COMMUNICATION_ERROR`: `service` gave no usable answer; the cause is logged.
    pub fn service_communication(service: &str, cause: impl Into<Cause>) -> Self {
        let detail = format!("The {service} could not be reached");
        Self::refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            "SERVICE_COMMUNICATION_ERROR",
            detail,
        )
        .because(cause.into())
    }

    /// 503 `SERVICE_UNAVAILABLE`, naming the dependency that is not ready.
    pub fn unavailable(dependency: &str, cause: impl Into<Cause>) -> Self {
        let detail = format!("Dependency {dependency} is not ready");
        Self::refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "SERVICE_UNAVAILABLE",
            detail,
        )
        .because(cause.into())
    }

    /// The status that the answer will have.
    pub fn status(&self) -> StatusCode {
        match &*self.0 {
            Shape::Validation(_) => StatusCode::BAD_REQUEST,
            Shape::Refusal(refusal) => refusal.status,
        }
    }

    fn refusal(status: StatusCode, code: &'static str, detail: String) -> Self {
        Self(Box::new(Shape::Refusal(Refusal {
            status,
            code,
            detail,
            pointer: None,
            cause: None,
        })))
    }

    fn at(mut self, pointer: &'static str) -> Self {
        if let Shape::Refusal(refusal) = &mut *self.0 {
            refusal.pointer = Some(pointer);
        }
        self
    }

    fn because(mut self, cause: Cause) -> Self {
        if let Shape::Refusal(refusal) = &mut *self.0 {
            refusal.cause = Some(cause);
        }
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match *self.0 {
            Shape::Validation(message) => {
                let status_code = StatusCode::BAD_REQUEST;
                let body = ValidationBody {
                    status_code: status_code.as_u16(),
                    error: "Bad Request",
                    message,
                };
                (status_code, Json(body)).into_response()
            }
            Shape::Refusal(refusal) => refusal.into_response(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            tracing::error!(code = self.code, cause = %chain(&**cause), "{}", self.detail);
        }
        let error = ErrorObject {
            status: self.status.as_str().to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error"),
            detail: self.detail,
            code: self.code,
            source: self.pointer.map(|pointer| Source { pointer }),
        };
        (self.status, Json(ErrorsBody { errors: [error] })).into_response()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ValidationBody {
    status_code: u16,
    error: &'static str,
    message: Vec<String>,
}

#[derive(Serialize)]
struct ErrorsBody {
    errors: [ErrorObject; 1],
}

#[derive(Serialize)]
struct ErrorObject {
    status: String,
    title: &'static str,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
}

#[derive(Serialize)]
struct Source {
    pointer: &'static str,
}

/// A client's text as an error repeats it: whole when short, cut when not.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_ID_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// An error and its sources on one line, for the log.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        line.push_str(": ");
        line.push_str(&error.to_string());
        source = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body(error: ApiError) -> String {
        let response = error.into_response();
        let bytes = axum::body::to_bytes(response.into_body(), 10_000)
            .await
            .unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn validation_has_the_shape_that_clients_know() {
        let error = ApiError::validation(vec!["email must be an email".into()]);
        assert_eq!(
            body(error).await,
            r#"{"statusCode":400,"error":"Bad Request","message":["email must be an email"]}"#
        );
    }

    #[tokio::test]
    async fn a_refusal_is_a_json_api_error_with_its_pointer() {
        assert_eq!(
            body(ApiError::duplicate_email("a@b.co")).await,
            r#"{"errors":[{"status":"409","title":"Conflict","detail":"Customer with email a@b.co already exists","code":"DUPLICATE_ENTRY","source":{"pointer":"/data/attributes/email"}}]}"#
        );
    }

    #[tokio::test]
    async fn a_cause_inside_is_not_shown() {
        let text = body(ApiError::database("password=secret")).await;
        assert!(!text.contains("secret"), "{text}");
    }

    #[tokio::test]
    async fn an_absurdly_long_id_is_cut_on_a_character() {
        let text = body(ApiError::order_not_found(&"é".repeat(50_000))).await;
        assert!(text.len() < 500, "{} bytes", text.len());
    }
}
