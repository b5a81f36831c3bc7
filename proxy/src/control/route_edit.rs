//! `PATCH /api/routes/{name}`: turns one route's dial, by editing routes.toml.

use super::ControlState;
use super::body::Body;
use super::error::{ApiError, ErrorBody, shown};
use super::routes::{self, RouteView};
use crate::routes::RouteEdit;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// An edit of one route; at least one field.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it documents what `RouteEdit` reads")]
pub(super) struct EditBody {
    /// `legacy`, `shadow` or `modern`.
    mode: Option<String>,
    /// In shadow mode, the share of clients that modern answers.
    #[schema(example = "5%")]
    modern_share: Option<String>,
    /// In shadow mode, the share of requests that are compared.
    #[schema(example = "100%")]
    sample: Option<String>,
}

/// Changes one route, if the document is still the one that `If-Match` names.
#[utoipa::path(
    patch,
    path = "/api/routes/{name}",
    params(
        ("name" = String, Path, description = "the route's name"),
        ("If-Match" = String, Header, description = "the ETag of the routes that the edit is for"),
    ),
    request_body = EditBody,
    responses(
        (status = 200, body = RouteView, description = "the route as it is now; traffic follows it"),
        (status = 404, body = ErrorBody, description = "no such route"),
        (status = 409, body = ErrorBody, description = "routes.toml on disk is refused"),
        (status = 412, body = ErrorBody, description = "the routes have changed since"),
        (status = 422, body = ErrorBody, description = "wrong values, all of them"),
        (status = 428, body = ErrorBody, description = "If-Match is missing"),
        (status = 503, body = ErrorBody, description = "routes.toml can't be written"),
    )
)]
pub(super) async fn edit(
    State(state): State<ControlState>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    Body(fields): Body<Map<String, Value>>,
) -> Result<impl IntoResponse, ApiError> {
    let Path(name) = name?;
    let tag = headers.get(IF_MATCH).ok_or_else(|| {
        let message = "send If-Match with the ETag of GET /api/routes";
        ApiError::new(
            StatusCode::PRECONDITION_REQUIRED,
            "if_match_required",
            message,
        )
    })?;
    let tag = tag
        .to_str()
        .map_err(|_| ApiError::bad_request("If-Match is no ETag"))?;
    let edit = read(&fields)?;
    if state.routes.table().route(&name).is_none() {
        return Err(ApiError::not_found(format!(
            "no route is named {:?}",
            shown(&name)
        )));
    }
    state.routes.edit(&name, &edit, Some(tag)).await?;
    routes::one(&state, &name).await
}

/// Reads an edit and reports everything that is wrong with it, where serde would stop at the first.
fn read(fields: &Map<String, Value>) -> Result<RouteEdit, ApiError> {
    let mut edit = RouteEdit::default();
    let mut problems = Vec::new();
    for (key, value) in fields {
        match key.as_str() {
            "mode" => edit.mode = take(key, value, &mut problems),
            "modern_share" => edit.modern_share = take(key, value, &mut problems),
            "sample" => edit.sample = take(key, value, &mut problems),
            _ => problems.push(format!(
                "{:?} can't be edited; mode, modern_share and sample can",
                shown(key)
            )),
        }
    }
    if fields.is_empty() {
        problems.push("nothing to edit: give mode, modern_share or sample".to_owned());
    }
    if problems.is_empty() {
        Ok(edit)
    } else {
        Err(ApiError::invalid(problems))
    }
}

fn take<T: DeserializeOwned>(key: &str, value: &Value, problems: &mut Vec<String>) -> Option<T> {
    // Through text, because some of these types borrow what they read.
    match serde_json::from_str(&value.to_string()) {
        Ok(value) => Some(value),
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or(&reason);
            problems.push(format!("{key} is {}: {reason}", shown(&value.to_string())));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Mode;

    #[test]
    fn an_edit_is_read_whole_or_refused_with_everything_that_is_wrong() {
        let read = |text| read(&serde_json::from_str(text).unwrap());
        let edit = read(r#"{"mode": "shadow", "modern_share": "12.5%"}"#).unwrap();
        assert_eq!(edit.mode, Some(Mode::Shadow));
        assert_eq!(edit.modern_share.unwrap().to_string(), "12.5%");
        assert_eq!(edit.sample, None);
        let body = r#"{"mode": "fast", "modern_share": "101%", "sample": null, "path": "/x"}"#;
        let problems = read(body).unwrap_err().problems();
        for part in ["\"fast\"", "101%", "sample is null", "\"path\" can't"] {
            assert!(
                problems.iter().any(|problem| problem.contains(part)),
                "{part}: {problems:?}"
            );
        }
        assert_eq!(problems.len(), 4);
    }

    #[test]
    fn an_edit_of_nothing_is_refused() {
        assert!(read(&Map::new()).is_err());
    }
}
