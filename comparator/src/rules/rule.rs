//! A rule that is ready to use, and what it may say.

use std::collections::BTreeMap;

use jiff::civil::Date;
use regex::Regex;
use serde::Serialize;

use super::number::NumberRule;
use super::text::Forms;
use super::time::TimeRule;

/// Where a rule was declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// At the top of the file, for all routes.
    Global,
    /// In a route.
    Route,
}

/// A checked rule: what it is called, who answers for it, and what it says.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it says and where: `ignore /data/id`.
    pub name: String,
    /// Where it was declared.
    pub scope: Scope,
    /// Who answers for it; a rule in its short form has nobody.
    pub author: Option<String>,
    /// Why it is right.
    pub reason: Option<String>,
    /// The last day on which it applies.
    pub expires: Option<Date>,
    /// Whether that day is over, so that the rule does not apply.
    pub expired: bool,
    pub(crate) says: Says,
}

/// What a rule says about its places.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a key of its own that an operator writes or leaves out"
)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Says {
    pub(crate) ignore: bool,
    pub(crate) unordered: bool,
    /// The pointer of a keyed array's key, split.
    pub(crate) key: Option<Vec<String>>,
    pub(crate) number: Option<NumberRule>,
    pub(crate) time: Option<TimeRule>,
    pub(crate) text: Option<Forms>,
    pub(crate) null_is_missing: bool,
    pub(crate) map: Option<BTreeMap<String, String>>,
    pub(crate) scrub: Option<Regex>,
    pub(crate) same_class: bool,
    pub(crate) id: Option<String>,
    pub(crate) token: Option<Minted>,
}

/// That a side mints what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Minted {
    /// All of it.
    Whole,
    /// The value of this parameter of a URL.
    Parameter(String),
}

/// One of the things that a rule can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Ignore,
    Unordered,
    Key,
    Number,
    Time,
    Text,
    NullIsMissing,
    Map,
    Scrub,
    SameClass,
    Id,
    Token,
}

impl Verb {
    /// How many there are.
    pub(crate) const COUNT: usize = 12;

    /// The key that says it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Unordered => "unordered",
            Self::Key => "key",
            Self::Number => "number",
            Self::Time => "time",
            Self::Text => "text",
            Self::NullIsMissing => "null_is_missing",
            Self::Map => "map",
            Self::Scrub => "scrub",
            Self::SameClass => "same_class",
            Self::Id => "id",
            Self::Token => "token",
        }
    }

    /// Whether two rules that say it about the same place would contradict each other.
    pub(super) fn has_parameter(self) -> bool {
        !matches!(
            self,
            Self::Ignore | Self::Unordered | Self::NullIsMissing | Self::SameClass
        )
    }
}

impl Says {
    /// All that the rule says.
    pub(crate) fn verbs(&self) -> impl Iterator<Item = Verb> {
        [
            self.ignore.then_some(Verb::Ignore),
            self.key.as_ref().map(|_| Verb::Key),
            self.unordered.then_some(Verb::Unordered),
            self.number.as_ref().map(|_| Verb::Number),
            self.time.as_ref().map(|_| Verb::Time),
            self.text.map(|_| Verb::Text),
            self.null_is_missing.then_some(Verb::NullIsMissing),
            self.map.as_ref().map(|_| Verb::Map),
            self.scrub.as_ref().map(|_| Verb::Scrub),
            self.same_class.then_some(Verb::SameClass),
            self.id.as_ref().map(|_| Verb::Id),
            self.token.as_ref().map(|_| Verb::Token),
        ]
        .into_iter()
        .flatten()
    }
}
