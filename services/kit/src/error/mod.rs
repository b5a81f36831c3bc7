//! The two shapes in which the contract refuses a request.
//!
//! Causes inside a service are logged and never shown. The texts of the refusals are in
//! `refusals`.

mod refusals;

use std::error::Error as StdError;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

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
