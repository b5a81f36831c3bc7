//! The body of a request: read within bounds of size and time, and valid.

use std::time::Duration;

use axum::RequestExt as _;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};

use crate::error::ApiError;

/// The largest body that is read; the largest sensible order is a tenth of it.
pub const BODY_LIMIT: usize = 256 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

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

#[cfg(test)]
mod tests {
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
