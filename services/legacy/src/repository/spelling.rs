//! How the monolith's tables spell what the API spells otherwise, in whichever database they are.

use std::str::FromStr;

use kit::requests::UnknownStatus;

/// A product as its column keeps it, which was nchar(20) once.
pub(super) fn padded(text: &str) -> String {
    format!("{text:<20}")
}

/// A status as the table spells it.
pub(super) fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// The status that the table spells so.
pub(super) fn status<S>(text: &str) -> Result<S, UnknownStatus>
where
    S: FromStr<Err = UnknownStatus>,
{
    text.to_ascii_uppercase().parse()
}
