//! Rules: what an operator declares about a route's responses, checked and ready to use.
//!
//! Whether two values are equal under a rule is decided where they are compared, not here.

mod check;
mod config;
mod error;
mod pattern;
mod time;
mod trie;

use http::HeaderName;

pub use config::{RulesConfig, TimeRule};
pub use error::{KeySegment, RuleError};
pub(crate) use pattern::escape;
pub use pattern::{Pattern, PatternError};
pub(crate) use time::TimeTolerance;
pub(crate) use trie::{Effects, Reached, Step, Trie};

/// Checked rules, made from a [`RulesConfig`] with `try_from`.
#[derive(Clone, Debug)]
pub struct Rules {
    ids: Vec<IdRule>,
    /// The headers to compare, without those that are ignored.
    pub(crate) headers: Vec<HeaderName>,
    pub(crate) ignore_status: bool,
    pub(crate) ignore_body: bool,
    pub(crate) paths: Trie,
    /// The pointers of keyed arrays, split, in the order of their patterns' precedence.
    pub(crate) keys: Vec<Vec<String>>,
    pub(crate) times: Vec<TimeTolerance>,
    pub(crate) limits: Limits,
}

/// The declaration that the values at a path are ids of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdRule {
    /// Where the ids are.
    pub pattern: Pattern,
    /// What they identify, such as `order`.
    pub entity: String,
}

/// How much may be judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) body: usize,
    pub(crate) depth: usize,
    pub(crate) work: u64,
}

impl Rules {
    /// The declared ids, in the order of their patterns' text.
    pub fn ids(&self) -> &[IdRule] {
        &self.ids
    }
}

impl Default for Rules {
    /// The rules of a route that declares none.
    fn default() -> Self {
        let mut rules = Self::without(&RulesConfig::default());
        rules.headers.push(http::header::CONTENT_TYPE);
        rules
    }
}
