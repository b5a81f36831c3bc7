//! Where rules hold: paths into a body, and what a response has besides it.

use std::str::FromStr;

use http::HeaderName;

use super::pattern::{Pattern, PatternError};
use super::rule::Verb;

/// A place that a rule names. The order is that of precedence: the greater one wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    Status,
    /// The body as a whole.
    Body,
    AnyHeader,
    /// By its name in lower case.
    Header(String),
    Path(Pattern),
}

/// A text that names no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error("not a header name after headers/")]
    Header,
    #[error("{0}; or it is status, body or headers/<name>")]
    Path(PatternError),
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        match (text, text.strip_prefix("headers/")) {
            ("status", _) => Ok(Self::Status),
            ("body", _) => Ok(Self::Body),
            (_, Some("*")) => Ok(Self::AnyHeader),
            (_, Some(name)) => {
                let name: HeaderName = name.parse().map_err(|_| PlaceError::Header)?;
                Ok(Self::Header(name.as_str().to_owned()))
            }
            _ => text.parse().map(Self::Path).map_err(PlaceError::Path),
        }
    }
}

impl Place {
    /// Whether it means something to say this about the place.
    pub(super) fn takes(&self, verb: Verb) -> bool {
        match self {
            Self::Status => matches!(verb, Verb::Ignore | Verb::SameClass | Verb::Map),
            Self::Body => matches!(verb, Verb::Ignore | Verb::Text | Verb::Scrub),
            Self::Header(_) if verb == Verb::Token => true,
            Self::AnyHeader | Self::Header(_) => matches!(
                verb,
                Verb::Ignore | Verb::Number | Verb::Time | Verb::Text | Verb::Map | Verb::Scrub
            ),
            Self::Path(_) => verb != Verb::SameClass,
        }
    }
}
