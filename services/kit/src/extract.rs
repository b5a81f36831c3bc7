//! What the handlers take from a request: bodies, path ids, filters, and the proxy's headers.

use std::time::Duration;

use axum::RequestExt as _;
use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::HeaderMap;
use http::request::Parts;

use crate::error::ApiError;

/// The largest body that is read; the largest sensible order is a tenth of it.
pub const BODY_LIMIT: usize = 256 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// On a mirrored write: the id that the primary gave to the row, as in `order=17`.
const PRIMARY_ID: &str = "cutover-primary-id";

/// Set to `1` on every mirrored request.
const SHADOW: &str = "cutover-shadow";

/// A request body that can be read from JSON text, with every violated rule when it cannot.
pub trait RequestBody: Sized {
    /// Parses the body; the violations are in a stable order and never empty.
    fn parse(body: &[u8]) -> Result<Self, Vec<String>>;
}

/// A valid body; anything else is answered here.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: RequestBody> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = request.with_limited_body().into_body();
        let bytes = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_LIMIT))
            .await
            .map_err(|_| ApiError::request_timeout())?
            .map_err(|error| unread(&error))?;
        T::parse(&bytes).map(Self).map_err(ApiError::validation)
    }
}

/// A body that ended at the limit is too large; one that ended otherwise broke off.
fn unread(error: &axum::Error) -> ApiError {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.to_string().contains("length limit exceeded") {
            return ApiError::payload_too_large(BODY_LIMIT);
        }
        source = error.source();
    }
    ApiError::bad_request("The request body broke off")
}

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

/// The ids that the primary gave to what this mirrored write makes; empty for a client's own.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct PrimaryId(Vec<(String, String)>);

impl PrimaryId {
    /// The primary's id of the row of this entity, such as `order`.
    pub fn of(&self, entity: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, _)| name == entity)
            .map(|(_, id)| id.as_str())
    }

    /// Reads `entity=id`, several separated by commas.
    fn parse(text: &str) -> Option<Self> {
        let pair = |part: &str| {
            let (entity, id) = part.trim().split_once('=')?;
            let sound = !entity.is_empty() && !id.is_empty() && id.len() <= 64;
            sound.then(|| (entity.to_owned(), id.to_owned()))
        };
        text.split(',').map(pair).collect::<Option<_>>().map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PrimaryId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(PRIMARY_ID) else {
            return Ok(Self::default());
        };
        let parsed = value.to_str().ok().and_then(Self::parse);
        parsed.ok_or_else(|| {
            ApiError::bad_request(format!("Cutover-Primary-Id is not entity=id: {value:?}"))
        })
    }
}

/// Whether a request is the mirrored copy of one that another side answers.
///
/// Whoever adds a mail, a payment or a webhook asks this first: a shadow causes no outward effect.
pub fn is_shadow(headers: &HeaderMap) -> bool {
    headers.get(SHADOW).is_some_and(|value| value == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_primary_id_names_its_entity() {
        let ids = PrimaryId::parse("order=17, customer=a=b").unwrap();
        assert_eq!(ids.of("order"), Some("17"));
        assert_eq!(ids.of("customer"), Some("a=b"));
        assert_eq!(ids.of("invoice"), None);
    }

    #[test]
    fn a_malformed_primary_id_is_none() {
        let endless = format!("order={}", "1".repeat(65));
        for text in ["", "17", "=17", "order=", "order=1,", &endless] {
            assert_eq!(PrimaryId::parse(text), None, "{text}");
        }
    }
}

#[cfg(test)]
mod body_tests {
    use axum::body::Body as HttpBody;
    use axum::response::IntoResponse as _;
    use bytes::Bytes;
    use http::StatusCode;

    use super::*;

    struct Anything;

    impl RequestBody for Anything {
        fn parse(_: &[u8]) -> Result<Self, Vec<String>> {
            Ok(Self)
        }
    }

    async fn status(body: HttpBody) -> StatusCode {
        let request = Request::post("/").body(body).unwrap();
        match Body::<Anything>::from_request(request, &()).await {
            Ok(_) => StatusCode::OK,
            Err(error) => error.into_response().status(),
        }
    }

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_read() {
        assert_eq!(status(vec![b' '; BODY_LIMIT].into()).await, StatusCode::OK);
        let larger = vec![b' '; BODY_LIMIT + 1];
        assert_eq!(status(larger.into()).await, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn an_endless_body_is_refused_at_the_limit() {
        let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from("xxxx")));
        let refused = status(HttpBody::from_stream(endless)).await;
        assert_eq!(refused, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_a_bad_request() {
        let broken = futures::stream::iter([
            Ok(Bytes::from("{")),
            Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
        ]);
        assert_eq!(
            status(HttpBody::from_stream(broken)).await,
            StatusCode::BAD_REQUEST
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_comes_is_given_up() {
        let silent = futures::stream::pending::<Result<Bytes, std::io::Error>>();
        assert_eq!(
            status(HttpBody::from_stream(silent)).await,
            StatusCode::REQUEST_TIMEOUT
        );
    }
}
