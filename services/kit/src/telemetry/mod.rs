//! What a service tells of each request: a span with the ids of its trace, and metrics.

mod metrics;
mod trace;

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

pub(crate) use self::metrics::Requests;
pub(crate) use self::metrics::exposition;
pub use self::trace::Trace;
use crate::extract::is_shadow;

/// One span, one line and one count a request.
pub(crate) async fn observed(requests: Requests, request: Request, next: Next) -> Response {
    let trace = Trace::of(request.headers());
    let span = span(&request, &trace);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let started = Instant::now();
    let answering = async move {
        let response = next.run(request).await;
        let route = route.as_ref().map(MatchedPath::as_str);
        let elapsed = started.elapsed();
        requests.answered(&method, route, response.status(), elapsed);
        tracing::debug!(status = response.status().as_u16(), ?elapsed, "answered");
        response
    };
    trace.scope(answering).instrument(span).await
}

fn span(request: &Request, trace: &Trace) -> tracing::Span {
    tracing::info_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        request_id = trace.request_id(),
        trace_id = trace.trace_id(),
        shadow = is_shadow(request.headers()),
    )
}
