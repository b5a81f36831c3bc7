//! What the proxy says about a request that it mirrors. It strips these headers from clients.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

use crate::error::ApiError;

/// On a mirrored write: the id that the primary gave to the row, as in `order=17`.
const PRIMARY_ID: &str = "cutover-primary-id";

/// Set to `1` on every mirrored request.
const SHADOW: &str = "cutover-shadow";

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
