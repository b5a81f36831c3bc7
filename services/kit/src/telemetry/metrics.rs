//! Requests counted and timed by route template, as Prometheus reads them.
//!
//! A label is never a client's text: a path that no route has, and a method that HTTP does not
//! define, each have one name.

use std::time::Duration;

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::error::ApiError;

const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the durations' buckets, in seconds.
const BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// The requests of one service.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    answered: Family<Answer, Counter>,
    durations: Family<Request, Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    method: &'static str,
    route: String,
    status: u16,
}

impl Requests {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let requests = Self {
            answered: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
        };
        registry.register(
            "http_requests",
            "Requests answered, by route template and status",
            requests.answered.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time from a request's head to its answer's, by route template",
            requests.durations.clone(),
        );
        requests
    }

    pub(crate) fn answered(
        &self,
        method: &Method,
        route: Option<&str>,
        status: StatusCode,
        elapsed: Duration,
    ) {
        let (method, route) = (name(method), route.unwrap_or("unmatched"));
        let request = Request {
            method,
            route: route.to_owned(),
        };
        let answer = Answer {
            method,
            route: route.to_owned(),
            status: status.as_u16(),
        };
        self.durations
            .get_or_create(&request)
            .observe(elapsed.as_secs_f64());
        self.answered.get_or_create(&answer).inc();
    }
}

/// The answer to `GET /metrics`.
pub(crate) fn exposition(registry: &Registry) -> Result<impl IntoResponse + use<>, ApiError> {
    let mut text = String::new();
    encode(&mut text, registry).map_err(ApiError::internal)?;
    Ok(([(CONTENT_TYPE, FORMAT)], text))
}

fn name(method: &Method) -> &'static str {
    const NAMES: [&str; 9] = [
        "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT",
    ];
    NAMES
        .into_iter()
        .find(|name| *name == method.as_str())
        .unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_template_and_no_label_is_a_clients_text() {
        let mut registry = Registry::default();
        let requests = Requests::register(&mut registry);
        let odd = Method::from_bytes(b"BREW").unwrap();
        let milli = Duration::from_millis(1);
        requests.answered(&Method::GET, Some("/orders/{id}"), StatusCode::OK, milli);
        requests.answered(&odd, None, StatusCode::NOT_FOUND, milli);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            r#"http_requests_total{method="GET",route="/orders/{id}",status="200"} 1"#,
            r#"http_requests_total{method="other",route="unmatched",status="404"} 1"#,
            r#"http_request_duration_seconds_bucket{le="0.001",method="GET",route="/orders/{id}"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
