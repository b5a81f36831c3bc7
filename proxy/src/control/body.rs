//! Bodies of requests: JSON, or nothing where nothing is asked for.

use super::error::ApiError;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

/// What a body says. None at all is an empty object.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let read = serde_json::from_slice(text);
        let read = read.map_err(|error| ApiError::bad_request(format!("the body: {error}")));
        read.map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, Value};

    #[tokio::test]
    async fn what_is_no_object_is_refused_and_nothing_is_an_empty_one() {
        let read = async |text: &str| {
            let request = Request::new(axum::body::Body::from(text.to_owned()));
            Body::<Map<String, Value>>::from_request(request, &()).await
        };
        for text in ["[]", "{", "null", "\"mode\"", &"[".repeat(10_000)] {
            let code = read(text).await.err().map(|error| error.code());
            assert_eq!(code, Some("bad_request"), "{text}");
        }
        for text in ["", "{}"] {
            assert_eq!(read(text).await.unwrap().0, Map::new());
        }
    }
}
