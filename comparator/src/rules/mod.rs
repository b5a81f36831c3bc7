//! Rules: what an operator declares about a route's responses, checked and ready to use.
//!
//! Whether two values are equal under a rule is decided where they are compared, not here.

mod config;
mod error;
mod pattern;

pub use config::{RulesConfig, TimeRule};
pub use error::{KeySegment, RuleError};
pub use pattern::{Pattern, PatternError};

/// Checked rules, made from a [`RulesConfig`] with `try_from`.
#[derive(Clone, Debug)]
pub struct Rules {
    ids: Vec<IdRule>,
    headers: Vec<http::HeaderName>,
}

/// The declaration that the values at a path are ids of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdRule {
    /// Where the ids are.
    pub pattern: Pattern,
    /// What they identify, such as `order`.
    pub entity: String,
}

impl Rules {
    /// The declared ids, in the order of their patterns.
    pub fn ids(&self) -> &[IdRule] {
        &self.ids
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            ids: Vec::new(),
            headers: vec![http::header::CONTENT_TYPE],
        }
    }
}

impl TryFrom<&RulesConfig> for Rules {
    type Error = Vec<RuleError>;

    fn try_from(config: &RulesConfig) -> Result<Self, Vec<RuleError>> {
        let mut errors = Vec::new();
        let mut rules = Self {
            ids: Vec::new(),
            headers: Vec::new(),
        };
        for (path, entity) in &config.ids {
            match path.parse() {
                Ok(pattern) => rules.ids.push(IdRule {
                    pattern,
                    entity: entity.clone(),
                }),
                Err(error) => {
                    errors.push(RuleError::new(
                        ["ids".into(), path.as_str().into()],
                        path,
                        &error as &PatternError,
                    ));
                }
            }
        }
        for (at, name) in config.headers.iter().enumerate() {
            match name.parse() {
                Ok(name) => rules.headers.push(name),
                Err(_) => errors.push(RuleError::new(
                    ["headers".into(), at.into()],
                    name,
                    "not a header name",
                )),
            }
        }
        if errors.is_empty() {
            Ok(rules)
        } else {
            Err(errors)
        }
    }
}
