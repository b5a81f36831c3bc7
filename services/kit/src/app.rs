//! What every service has around its own routes: health, refusals in the contract's shape for
//! what no route takes, and a log line for each request.

use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use http::{Method, Uri};
use serde::Serialize;
use tracing::Instrument as _;

use crate::document::{Document, Resource};
use crate::error::ApiError;
use crate::extract::is_shadow;
use crate::time::Millis;

/// The longest piece of a client's header that a log line repeats.
const LOGGED_CHARS: usize = 128;

/// Completes a service's routes into the service.
///
/// `ready` is asked on every `GET /health/ready`; its error, best [`ApiError::unavailable`], is
/// the answer. `GET /health` says only that the process lives.
pub fn complete<P, F>(service: &'static str, routes: Router, ready: P) -> Router
where
    P: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), ApiError>> + Send,
{
    let readiness = async move || ready().await.map(|()| health(service));
    routes
        .route("/health", get(async move || health(service)))
        .route("/health/ready", get(readiness))
        .fallback(async |method: Method, uri: Uri| {
            ApiError::no_such_path(method.as_str(), uri.path())
        })
        .method_not_allowed_fallback(async |method: Method, uri: Uri| {
            ApiError::method_not_allowed(method.as_str(), uri.path())
        })
        .layer(from_fn(traced))
}

#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    timestamp: Millis,
}

fn health(service: &'static str) -> Document<Resource<Health>> {
    let attributes = Health {
        status: "ok",
        timestamp: Millis::now(),
    };
    Document::one(Resource::new("health", service, attributes))
}

/// One span and one line a request.
async fn traced(request: Request, next: Next) -> Response {
    let span = span(&request);
    let started = Instant::now();
    async move {
        let response = next.run(request).await;
        let status = response.status().as_u16();
        tracing::debug!(status, elapsed = ?started.elapsed(), "answered");
        response
    }
    .instrument(span)
    .await
}

/// The span bears the ids that the proxy gave to the request.
fn span(request: &Request) -> tracing::Span {
    let header = |name| {
        let value = request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.map(|value| value.get(..LOGGED_CHARS).unwrap_or(value))
    };
    tracing::info_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        request_id = header("x-request-id"),
        traceparent = header("traceparent"),
        shadow = is_shadow(request.headers()),
    )
}
