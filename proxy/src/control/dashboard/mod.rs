//! The dashboard: one page of plain HTML, CSS and JavaScript, compiled in.
//!
//! It knows nothing but the control API. Every value is inserted as text, never as markup, since
//! bodies come from clients and candidates.

use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;

type Asset = ([(HeaderName, &'static str); 1], &'static str);

/// The page.
pub(super) async fn page() -> Asset {
    (
        [(CONTENT_TYPE, "text/html; charset=utf-8")],
        include_str!("index.html"),
    )
}

/// Its looks.
pub(super) async fn style() -> Asset {
    (
        [(CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("dashboard.css"),
    )
}

/// What it does.
pub(super) async fn script() -> Asset {
    (
        [(CONTENT_TYPE, "text/javascript; charset=utf-8")],
        include_str!("dashboard.js"),
    )
}
