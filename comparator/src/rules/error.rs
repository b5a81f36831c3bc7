//! Mistakes in rules, each with the place of the offending value in the configuration.
//!
//! Lines and columns are not known here: the caller has the document and looks the key up.

use std::fmt;

/// A mistake in a [`RulesConfig`](super::RulesConfig).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {value:?}: {message}", Joined(.key))]
pub struct RuleError {
    /// The way to the offending value, from the rules table down.
    pub key: Vec<KeySegment>,
    /// The offending value; for a table's key that is wrong, the key.
    pub value: String,
    /// What is wrong with it, in one sentence without a full stop.
    pub message: String,
}

impl RuleError {
    pub(super) fn new(
        key: Vec<KeySegment>,
        value: impl Into<String>,
        message: impl fmt::Display,
    ) -> Self {
        Self {
            key,
            value: value.into(),
            message: message.to_string(),
        }
    }
}

/// One step into a configuration document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySegment {
    /// The value of a table's key.
    Key(String),
    /// A position in an array.
    Index(usize),
}

impl From<&str> for KeySegment {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for KeySegment {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

struct Joined<'a>(&'a [KeySegment]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                KeySegment::Index(index) => write!(f, "[{index}]")?,
                KeySegment::Key(key) => {
                    let dot = if at == 0 { "" } else { "." };
                    let bare = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                    if bare {
                        write!(f, "{dot}{key}")?;
                    } else {
                        write!(f, "{dot}{key:?}")?;
                    }
                }
            }
        }
        Ok(())
    }
}
