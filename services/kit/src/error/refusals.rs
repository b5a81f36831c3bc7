//! The refusals that both sides give, in the exact words that clients know.
//!
//! A text that names an id shows it as the client sent it, so that two sides with different ids
//! refuse in the same words.

use http::StatusCode;

use super::{ApiError, Cause};

/// What a client sent is repeated up to here.
const SHOWN_CHARS: usize = 100;

impl ApiError {
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
        Self::conflict(detail)
    }

    /// 409 `CONFLICT`, in the caller's words.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::refusal(StatusCode::CONFLICT, "CONFLICT", detail.into())
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

    /// 500 `INTERNAL_ERROR`: this service failed by itself; the cause is logged.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        let detail = "The request could not be processed".into();
        Self::refusal(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", detail)
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
}

/// A client's text as an error repeats it: whole when short, cut when not.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
