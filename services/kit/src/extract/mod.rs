//! What the handlers take from a request: bodies, path ids, filters, and the proxy's headers.
//!
//! An id or a filter is never malformed: what nobody has is simply not found.

mod body;
mod mirror;

use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;

pub use self::body::{BODY_LIMIT, Body, RequestBody};
pub use self::mirror::{PrimaryId, is_shadow};

/// The id in the path, exactly as the client sent it once decoded; every text is an id.
#[derive(Debug)]
pub struct PathId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let id = match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(id)) => id,
            // Bytes that are no text name nothing; the undecoded segment is nobody's id either.
            Err(_) => parts
                .uri
                .path()
                .split('/')
                .nth(2)
                .unwrap_or_default()
                .to_owned(),
        };
        Ok(Self(id))
    }
}

/// The query's parameters; of a repeated one, the first counts.
#[derive(Debug, Default)]
pub struct Filters(Vec<(String, String)>);

impl Filters {
    /// The value of a parameter.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Filters {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        Ok(query.map_or_else(|_| Self::default(), |Query(pairs)| Self(pairs)))
    }
}
