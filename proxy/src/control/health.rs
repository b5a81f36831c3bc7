//! `GET /healthz` and `GET /readyz`.
//!
//! Alive means that the process answers. Ready means that traffic can be sent here; what is amiss
//! and costs no client anything is a warning, not a reason to take the proxy out of service.

use super::ControlState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the proxy says of itself.
#[derive(Debug, Default)]
pub struct Health {
    draining: AtomicBool,
}

impl Health {
    /// From now on no new clients are taken, so that balancers send them elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// The process is alive.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Alive {
    status: &'static str,
    version: &'static str,
}

/// Answers as long as the process does.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = Alive)))]
pub(super) async fn alive() -> Json<Alive> {
    Json(Alive {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// Whether traffic can be sent here.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Readiness {
    ready: bool,
    /// What keeps it from being ready.
    not_ready: Vec<String>,
    /// What is amiss and costs no client anything.
    warnings: Vec<String>,
}

/// Says whether traffic can be sent here, and why not.
#[utoipa::path(
    get, path = "/readyz",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness))
)]
pub(super) async fn ready(State(state): State<ControlState>) -> impl IntoResponse {
    let mut not_ready = Vec::new();
    if state.health.is_draining() {
        not_ready.push("the proxy is draining: it takes no new clients".to_owned());
    }
    if !state.journal.is_open() {
        not_ready.push("the journal is closed".to_owned());
    }
    let mut warnings = Vec::new();
    if let Some(problems) = state.routes.problems() {
        warnings.push(format!(
            "routes.toml is refused, the routes before it run:\n{problems}"
        ));
    }
    if state.routes.differ_from_file() {
        let warning = "the routes are stopped, and routes.toml says otherwise because it could not be \
                       edited: a restart begins with what it says";
        warnings.push(warning.to_owned());
    }
    let journal = state.journal.status();
    if let Some(error) = journal.last_error.filter(|_| journal.failing) {
        warnings.push(format!("the journal can't be written: {}", error.message));
    }
    warnings.extend(state.guard.warnings());
    let ready = not_ready.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(Readiness {
            ready,
            not_ready,
            warnings,
        }),
    )
}
