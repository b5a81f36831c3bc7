//! A comparison as a page: its report, or how far it has come.

use axum::response::{Html, IntoResponse};
use http::header::CONTENT_SECURITY_POLICY;

use super::run::Run;
use crate::reconcile::{Report, page};

/// Nothing of it runs or is loaded, whatever it holds.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The page of a comparison. Whatever comes from a database is escaped.
pub(super) fn of(run: &Run) -> impl IntoResponse + use<> {
    let report = run.report.clone().map(serde_json::from_value::<Report>);
    let page = match report {
        Some(Ok(report)) => page(&report),
        // One that has not ended, or is of another version, is shown as data.
        Some(Err(_)) | None => plain(run),
    };
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(page))
}

fn plain(run: &Run) -> String {
    let shown = serde_json::to_string_pretty(run).unwrap_or_default();
    let shown = shown
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Comparison {}</title>\
         <pre>{shown}</pre></html>",
        run.id()
    )
}
