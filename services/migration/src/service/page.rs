//! A comparison as a page: its report, or how far it has come.

use axum::response::Html;

use super::run::Run;

/// The page of a comparison. Whatever comes from a database is escaped.
pub(super) fn of(run: &Run) -> Html<String> {
    let shown = serde_json::to_string_pretty(run).unwrap_or_default();
    let shown = shown
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Comparison {}</title>\
         <pre>{shown}</pre></html>",
        run.id()
    ))
}
