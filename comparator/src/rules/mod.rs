//! Rules: what an operator declares about responses, checked and ready to use.

mod allow;
mod check;
mod config;
mod error;
mod number;
mod pattern;
mod place;
mod rule;
mod text;
mod time;
mod trie;

use http::HeaderName;
use jiff::civil::Date;

use crate::tokens::TokenRule;
pub(crate) use allow::{Hits, Scalar};
pub use config::{NumberConfig, Paths, RuleConfig, RulesConfig, TextForm, TimeConfig};
pub use error::{KeySegment, RuleError};
pub(crate) use number::Decimal;
pub use pattern::{Pattern, PatternError};
pub(crate) use pattern::{Segment, escape};
pub(crate) use rule::Minted;
use rule::Says;
pub(crate) use rule::Verb;
pub use rule::{Rule, Scope};
pub(crate) use text::Forms;
pub(crate) use time::instant;
pub(crate) use trie::{Effects, Reached, Step, Trie};

/// Checked rules, made from a [`RulesConfig`] with `try_from`, or from two with
/// [`layered`](Rules::layered).
#[derive(Clone, Debug)]
pub struct Rules {
    all: Vec<Rule>,
    ids: Vec<IdRule>,
    tokens: Vec<TokenRule>,
    /// The headers to compare.
    pub(crate) headers: Vec<HeaderName>,
    pub(crate) status: Effects,
    pub(crate) body: Effects,
    any_header: Effects,
    named_headers: Vec<(String, Effects)>,
    pub(crate) paths: Trie,
    /// Where the rule of each rank stands in `all`.
    ranked: Vec<usize>,
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
    /// The rules of a route, on top of those that hold for all routes, as they apply on a day;
    /// without a day, all do.
    ///
    /// Only mistakes of the route's rules are told: those of the global ones have no place in a
    /// route, and checking them alone tells them.
    pub fn layered(
        global: &RulesConfig,
        route: &RulesConfig,
        day: Option<Date>,
    ) -> Result<Self, Vec<RuleError>> {
        check::layered(global, route, day)
    }

    /// All rules, global ones first, in the order of the file, expired ones included.
    /// [`Comparison::hits`](crate::Comparison::hits) counts in this order.
    pub fn all(&self) -> &[Rule] {
        &self.all
    }

    /// The declared ids.
    pub fn ids(&self) -> &[IdRule] {
        &self.ids
    }

    /// The declared places of tokens.
    pub fn tokens(&self) -> &[TokenRule] {
        &self.tokens
    }

    /// What is said about a header.
    pub(crate) fn header(&self, name: &HeaderName) -> Effects {
        let mut effects = self.any_header;
        let named = self
            .named_headers
            .iter()
            .filter(|(other, _)| other == name.as_str());
        for (_, own) in named {
            effects.merge(own);
        }
        effects
    }

    /// Where the rule stands that says this, and all that it says.
    pub(crate) fn ruling(&self, effects: &Effects, verb: Verb) -> Option<(usize, &Says)> {
        let index = *self.ranked.get(effects.rank(verb)?.checked_sub(1)?)?;
        Some((index, &self.all.get(index)?.says))
    }
}

impl TryFrom<&RulesConfig> for Rules {
    type Error = Vec<RuleError>;

    /// The rules of one table, all of them, whatever the day.
    fn try_from(config: &RulesConfig) -> Result<Self, Vec<RuleError>> {
        Self::layered(&RulesConfig::default(), config, None)
    }
}

impl Default for Rules {
    /// The rules of a route that declares none.
    fn default() -> Self {
        check::none()
    }
}
