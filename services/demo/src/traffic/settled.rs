//! When what was written through the proxy has reached both sides.

use super::client::Http;
use http::Method;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// How long a visitor thinks before looking at what was just made.
const THINK: Duration = Duration::from_millis(300);

/// How often the proxy is asked while something is pending.
const GLANCE: Duration = Duration::from_millis(50);

/// Knows it by the proxy's own counts.
#[derive(Clone)]
pub(super) struct Settled {
    http: Http,
    outcomes: String,
}

impl Settled {
    pub(super) fn new(control: SocketAddr) -> Self {
        Self {
            http: Http::new(),
            outcomes: format!("http://{control}/api/outcomes"),
        }
    }

    /// Thinks, then waits until nothing that was asked on `route` before is pending.
    pub(super) async fn pause(&self, route: &str) {
        tokio::time::sleep(THINK).await;
        while self.is_pending(route).await {
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Whether the proxy says so; one that says nothing keeps no visitor waiting.
    async fn is_pending(&self, route: &str) -> bool {
        let asked = self.http.ask(Method::GET, &self.outcomes, &Value::Null);
        let Some(answer) = asked.await else {
            return false;
        };
        let mut routes = answer["routes"].as_array().into_iter().flatten();
        routes.any(|counts| counts["name"] == route && counts["pending"].as_u64() > Some(0))
    }
}
