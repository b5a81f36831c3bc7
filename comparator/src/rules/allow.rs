//! Whether two scalars that are not the same are equal under the rules, and which rules made it so.

use std::borrow::Cow;

use super::rule::Minted;
use super::{Effects, Rules, Verb};
use crate::tokens::without_parameter;

/// Which rules have hidden a difference, each told once, in the order of their first time.
#[derive(Debug, Default)]
pub(crate) struct Hits(Vec<usize>);

impl Hits {
    pub(crate) fn add(&mut self, rule: usize) {
        if !self.has(rule) {
            self.0.push(rule);
        }
    }

    pub(crate) fn has(&self, rule: usize) -> bool {
        self.0.contains(&rule)
    }

    /// A mark to return to, should what follows turn out to be nothing.
    pub(crate) fn mark(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn back_to(&mut self, mark: usize) {
        self.0.truncate(mark);
    }

    /// The rules in their own order.
    pub(crate) fn into_sorted(mut self) -> Vec<usize> {
        self.0.sort_unstable();
        self.0
    }
}

/// A scalar: the characters of a text, or the token of anything else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scalar<'a> {
    pub(crate) content: &'a str,
    pub(crate) is_text: bool,
}

impl<'a> Scalar<'a> {
    /// Whether it can be a token: a text or a number.
    fn is_minted(self) -> bool {
        let number = self
            .content
            .starts_with(|c: char| c == '-' || c.is_ascii_digit());
        !self.content.is_empty() && (self.is_text || number)
    }

    pub(crate) fn text(content: &'a str) -> Self {
        Self {
            content,
            is_text: true,
        }
    }
}

/// The rules that equate what is not transitively equal: a digest can't tell them apart.
const RELATIONS: [Verb; 4] = [Verb::Number, Verb::Time, Verb::Map, Verb::Token];
/// The rules that bring texts into a form.
const FORMS: [Verb; 2] = [Verb::Scrub, Verb::Text];

impl Rules {
    /// Whether anything is said here about when scalars are equal.
    pub(crate) fn judges_scalars(effects: &Effects) -> bool {
        RELATIONS
            .iter()
            .chain(&FORMS)
            .any(|verb| effects.say(*verb))
    }

    /// Whether scalars are equal here that need not have the same form.
    pub(crate) fn relates_scalars(effects: &Effects) -> bool {
        RELATIONS.iter().any(|verb| effects.say(*verb))
    }

    /// Whether there is any rule under which equality is not transitive.
    pub(crate) fn tolerant(&self) -> bool {
        let mut verbs = self.all.iter().flat_map(|rule| rule.says.verbs());
        verbs.any(|verb| RELATIONS.contains(&verb))
    }

    /// Whether two scalars that are not the same are equal under what is said here.
    pub(crate) fn allow(
        &self,
        effects: &Effects,
        legacy: Scalar<'_>,
        modern: Scalar<'_>,
        hits: &mut Hits,
    ) -> bool {
        let before = hits.mark();
        if self.related(effects, legacy, modern, hits) {
            return true;
        }
        if !(legacy.is_text && modern.is_text) {
            return false;
        }
        let mine = self.formed(effects, legacy.content, hits);
        let theirs = self.formed(effects, modern.content, hits);
        let (mine, theirs) = (Scalar::text(&mine), Scalar::text(&theirs));
        let equal = mine.content == theirs.content || self.related(effects, mine, theirs, hits);
        if !equal {
            hits.back_to(before);
        }
        equal
    }

    /// A text in the form that is asked for here. The rules that changed it count as hit.
    pub(crate) fn formed<'t>(
        &self,
        effects: &Effects,
        text: &'t str,
        hits: &mut Hits,
    ) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        if let Some((rule, Minted::Parameter(name))) = self.minted(effects)
            && let Cow::Owned(rest) = without_parameter(&text, name)
        {
            hits.add(rule);
            text = Cow::Owned(rest);
        }
        if let Some((rule, regex)) = self
            .ruling(effects, Verb::Scrub)
            .and_then(|(rule, says)| Some((rule, says.scrub.as_ref()?)))
            && let Cow::Owned(rest) = regex.replace_all(&text, "")
        {
            hits.add(rule);
            text = Cow::Owned(rest);
        }
        if let Some((rule, forms)) = self
            .ruling(effects, Verb::Text)
            .and_then(|(rule, says)| Some((rule, says.text?)))
        {
            let formed = forms.of(&text);
            if formed != text {
                hits.add(rule);
                text = Cow::Owned(formed.into_owned());
            }
        }
        text
    }

    /// The rule that says that sides mint what stands here.
    pub(crate) fn minted(&self, effects: &Effects) -> Option<(usize, &Minted)> {
        let (rule, says) = self.ruling(effects, Verb::Token)?;
        Some((rule, says.token.as_ref()?))
    }

    fn related(
        &self,
        effects: &Effects,
        legacy: Scalar<'_>,
        modern: Scalar<'_>,
        hits: &mut Hits,
    ) -> bool {
        let (mine, theirs) = (legacy.content, modern.content);
        let same_type = legacy.is_text == modern.is_text;
        for verb in RELATIONS {
            let Some((rule, says)) = self.ruling(effects, verb) else {
                continue;
            };
            let equal = match verb {
                Verb::Map => says
                    .map
                    .as_ref()
                    .is_some_and(|map| map.get(mine).is_some_and(|mapped| mapped == theirs)),
                Verb::Time => says
                    .time
                    .as_ref()
                    .is_some_and(|time| time.equal(mine, theirs)),
                // Whatever each side has minted, it has minted something.
                Verb::Token => {
                    says.token == Some(Minted::Whole) && legacy.is_minted() && modern.is_minted()
                }
                _ => says.number.as_ref().is_some_and(|number| {
                    (same_type || number.or_text) && number.equal(mine, theirs)
                }),
            };
            if equal {
                hits.add(rule);
                return true;
            }
        }
        false
    }
}
