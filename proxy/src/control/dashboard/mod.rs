//! The dashboard: one page of plain HTML, CSS and JavaScript, compiled in.
//!
//! It knows nothing but the control API. Every value is inserted as text, never as markup, since
//! bodies come from clients and candidates.

use super::error::ApiError;
use axum::extract::Path;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;

type Asset = ([(HeaderName, &'static str); 1], &'static str);

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// The page.
pub(super) async fn page() -> Asset {
    (
        [(CONTENT_TYPE, "text/html; charset=utf-8")],
        include_str!("index.html"),
    )
}

/// What the page is made of.
pub(super) async fn part(Path(name): Path<String>) -> Result<Asset, ApiError> {
    let (kind, text) = match name.as_str() {
        "style.css" => (STYLE, include_str!("style.css")),
        "main.js" => (SCRIPT, include_str!("main.js")),
        "dom.js" => (SCRIPT, include_str!("dom.js")),
        "data.js" => (SCRIPT, include_str!("data.js")),
        "rules.js" => (SCRIPT, include_str!("rules.js")),
        "unrouted.js" => (SCRIPT, include_str!("unrouted.js")),
        "routes.js" => (SCRIPT, include_str!("routes.js")),
        "findings.js" => (SCRIPT, include_str!("findings.js")),
        "detail.js" => (SCRIPT, include_str!("detail.js")),
        "json.js" => (SCRIPT, include_str!("json.js")),
        _ => return Err(ApiError::not_found("the dashboard has no such part")),
    };
    Ok(([(CONTENT_TYPE, kind)], text))
}
