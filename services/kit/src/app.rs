//! What every service has around its own routes: health, metrics, documentation, refusals in the
//! contract's shape for what no route takes, and a span for each request.
//!
//! CORS is off: no browser is a client of these services.

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use http::{Method, Uri};
use prometheus_client::registry::Registry;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::document::{Document, Resource};
use crate::error::ApiError;
use crate::openapi::{self, Refused};
use crate::telemetry::{Requests, exposition, observed};
use crate::time::Millis;

/// A service's routes on their way to the service.
pub struct App {
    service: &'static str,
    routes: OpenApiRouter,
    registry: Registry,
}

impl App {
    /// Begins with the service's own routes; those of a plain router are not documented.
    pub fn new(service: &'static str, routes: impl Into<OpenApiRouter>) -> Self {
        Self {
            service,
            routes: routes.into(),
            registry: Registry::default(),
        }
    }

    /// Shows a cache under `/cache` and in the metrics.
    #[cfg(feature = "cache")]
    #[must_use]
    pub fn cached(mut self, cache: &crate::cache::Cache) -> Self {
        let routes = crate::cache::routes(self.service, cache.clone());
        self.routes = self.routes.merge(routes);
        self.measured(|registry| registry.register_collector(Box::new(cache.clone())))
    }

    /// Shows what the service measures of itself in the metrics.
    #[must_use]
    pub fn measured(mut self, register: impl FnOnce(&mut Registry)) -> Self {
        register(&mut self.registry);
        self
    }

    /// The service, ready to be served.
    ///
    /// `ready` is asked on every `GET /health/ready`; its error, best [`ApiError::unavailable`],
    /// is the answer. `GET /health` says only that the process lives.
    pub fn complete<P, F>(mut self, ready: P) -> Router
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), ApiError>> + Send + 'static,
    {
        let requests = Requests::register(&mut self.registry);
        let frame = Frame {
            service: self.service,
            registry: Arc::new(self.registry),
            ready: Arc::new(move || Box::pin(ready())),
        };
        let (routes, api) = self.routes.merge(frame.routes()).split_for_parts();
        routes
            .merge(openapi::page(self.service, api))
            .fallback(async |method: Method, uri: Uri| {
                ApiError::no_such_path(method.as_str(), uri.path())
            })
            .method_not_allowed_fallback(async |method: Method, uri: Uri| {
                ApiError::method_not_allowed(method.as_str(), uri.path())
            })
            .layer(from_fn(move |request: Request, next: Next| {
                observed(requests.clone(), request, next)
            }))
    }
}

type Readiness = Pin<Box<dyn Future<Output = Result<(), ApiError>> + Send>>;

/// What the endpoints of every service share.
#[derive(Clone)]
struct Frame {
    service: &'static str,
    registry: Arc<Registry>,
    ready: Arc<dyn Fn() -> Readiness + Send + Sync>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Health {
    #[schema(example = "ok")]
    status: &'static str,
    timestamp: Millis,
}

impl Frame {
    fn routes(self) -> OpenApiRouter {
        OpenApiRouter::new()
            .routes(routes!(live))
            .routes(routes!(ready))
            .routes(routes!(metrics))
            .with_state(self)
    }

    fn health(&self) -> Document<Resource<Health>> {
        let attributes = Health {
            status: "ok",
            timestamp: Millis::now(),
        };
        Document::one(Resource::new("health", self.service, attributes))
    }
}

/// Whether the process lives.
#[utoipa::path(
    get, path = "/health", tag = "operation",
    responses((status = 200, description = "It does", body = Document<Resource<Health>>)),
)]
async fn live(State(frame): State<Frame>) -> Document<Resource<Health>> {
    frame.health()
}

/// Whether everything that requests need is there.
#[utoipa::path(
    get, path = "/health/ready", tag = "operation",
    responses(
        (status = 200, description = "It is", body = Document<Resource<Health>>),
        (status = 503, description = "SERVICE_UNAVAILABLE, naming what is not", body = Refused),
    ),
)]
async fn ready(State(frame): State<Frame>) -> Result<Document<Resource<Health>>, ApiError> {
    (frame.ready)().await?;
    Ok(frame.health())
}

/// Everything that is measured, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "operation",
    responses(
        (status = 200, description = "In the text format of OpenMetrics", body = String,
         content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (status = 500, description = "INTERNAL_ERROR: the metrics cannot be written", body = Refused),
    ),
)]
async fn metrics(State(frame): State<Frame>) -> Result<impl IntoResponse, ApiError> {
    exposition(&frame.registry)
}
