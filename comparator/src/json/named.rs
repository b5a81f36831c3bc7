//! The ids that one document names where rules declare them, without a second one to compare with.
//!
//! What the rules cannot reach is passed over. Where a key is repeated, all of its values count.

use super::document::{Document, Id, Tag};
use super::parse::{Bounds, parse_start};
use crate::NamedIds;
use crate::rules::{Reached, Rules, Segment, Step, Verb};

/// Finds the ids that a body names, at most so many; `cut` says that it is but a beginning.
pub(crate) fn ids(body: &[u8], cut: bool, rules: &Rules, most: usize) -> NamedIds {
    let bounds = Bounds {
        depth: rules.limits.depth,
        nodes: rules.limits.work,
    };
    let (document, whole) = parse_start(body, bounds);
    let mut found = NamedIds::default();
    let Some(begins) = document.text.trim_ascii_start().bytes().next() else {
        // Behind blanks there may be anything, in what was cut off.
        found.missed = cut;
        return found;
    };
    let structured = matches!(begins, b'{' | b'[');
    if document.size() == 0 || !(whole || structured) {
        found.missed = structured;
        return found;
    }
    let mut search = Search {
        document: &document,
        rules,
        reached: Vec::new(),
        found: &mut found.ids,
        most,
    };
    let root = rules.paths.root(&mut search.reached);
    search.value(Document::ROOT, root);
    let ids = rules.ids();
    let there = || {
        ids.iter()
            .all(|rule| is_there(&document, rule.pattern.segments()))
    };
    found.missed = (cut || !whole) && structured && !there();
    found
}

/// Whether the only value that a pattern can mean is in the document.
fn is_there(document: &Document<'_>, pattern: &[Segment]) -> bool {
    let step = |at, segment: &Segment| match segment {
        Segment::Name(name) => document.child(at, name),
        Segment::Any | Segment::Deep => None,
    };
    let value = pattern.iter().try_fold(Document::ROOT, step);
    value.is_some_and(|id| document.content(id).is_some())
}

struct Search<'s> {
    document: &'s Document<'s>,
    rules: &'s Rules,
    /// The walker's stack of the trie.
    reached: Vec<usize>,
    found: &'s mut Vec<(String, String)>,
    most: usize,
}

impl Search<'_> {
    /// Looks at a value and below it, as deep as the parser lets documents be.
    fn value(&mut self, id: Id, reached: Reached) {
        if reached.is_empty() || self.found.len() >= self.most {
            return;
        }
        let document = self.document;
        match document.tag(id) {
            Tag::Object => {
                for key in document.keys(id) {
                    let name = document.string(key);
                    self.step(key + 1, &reached, Step::Key(&name));
                }
            }
            Tag::Array => {
                for (index, element) in document.elements(id).enumerate() {
                    self.step(element, &reached, Step::Index(index));
                }
            }
            Tag::Number | Tag::String | Tag::Escaped => self.scalar(id, reached),
            Tag::Null | Tag::False | Tag::True => {}
        }
    }

    fn step(&mut self, id: Id, from: &Reached, step: Step<'_>) {
        let before = self.reached.len();
        let reached = self.rules.paths.step(&mut self.reached, from.clone(), step);
        self.value(id, reached);
        self.reached.truncate(before);
    }

    /// Notes what can be an id: something short that can stand in a header. Each rule that fits
    /// says what it identifies.
    fn scalar(&mut self, id: Id, reached: Reached) {
        for node in self.reached.get(reached).unwrap_or_default() {
            let effects = self.rules.paths.effects(&[*node]);
            let Some((_, says)) = self.rules.ruling(&effects, Verb::Id) else {
                continue;
            };
            let (Some(entity), Some((text, _))) = (&says.id, self.document.content(id)) else {
                continue;
            };
            let fits =
                (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
            if fits && self.found.len() < self.most {
                self.found.push((entity.clone(), text.into_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
