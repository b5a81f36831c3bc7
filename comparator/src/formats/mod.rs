//! Formats with a structure, read into one kind of document, so that one walk and one set of rules
//! serve them all.
//!
//! JSON is read as it stands; forms and XML are written as JSON first.

mod form;
mod writer;
mod xml;

use std::borrow::Cow;

use crate::json::{Failure, Grammar};
use crate::rules::Limits;

/// A format whose structure is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Structure {
    /// One JSON value.
    Json,
    /// A JSON value on each line.
    JsonLines,
    /// `application/x-www-form-urlencoded`.
    Form,
    Xml,
}

impl Structure {
    /// How the text is read that [`json_of`](Self::json_of) gives.
    pub(crate) fn grammar(self) -> Grammar {
        match self {
            Self::Json | Self::Form => Grammar::Json,
            Self::JsonLines => Grammar::JsonLines,
            Self::Xml => Grammar::Elements,
        }
    }

    /// The body as JSON.
    pub(crate) fn json_of(self, body: &[u8], limits: Limits) -> Result<Cow<'_, [u8]>, Failure> {
        // What is written as JSON may grow by its escapes, and not without end.
        let most = limits.body.saturating_mul(4);
        let written = match self {
            Self::Json | Self::JsonLines => return Ok(Cow::Borrowed(body)),
            Self::Form => form::json(body, most)?,
            Self::Xml => xml::json(body, most, limits.depth)?,
        };
        Ok(Cow::Owned(written.into_bytes()))
    }
}
