//! All patterns of a set of rules in one tree, followed step by step beside a document.
//!
//! A walker holds the nodes of the tree that its path has reached. Where no pattern can fit any
//! more the set is empty and costs nothing. What a rule does is not decided here.

use std::ops::Range;

use super::pattern::{Pattern, Segment};
use super::rule::Verb;

/// The trie's nodes that a path has reached: a range of the walker's stack.
pub(crate) type Reached = Range<usize>;

/// What the rules say about one place: for each verb the rank of the rule that wins, or 0. The
/// greater of two patterns has the greater rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effects([u16; Verb::COUNT]);

impl Effects {
    /// The rank of the rule that says this, from 1.
    pub(crate) fn rank(&self, verb: Verb) -> Option<usize> {
        match self.0[verb as usize] {
            0 => None,
            rank => Some(rank.into()),
        }
    }

    pub(crate) fn say(&self, verb: Verb) -> bool {
        self.0[verb as usize] != 0
    }

    pub(super) fn add(&mut self, verb: Verb, rank: u16) {
        let known = &mut self.0[verb as usize];
        *known = rank.max(*known);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = theirs.max(*mine);
        }
    }
}

/// A step of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    Key(&'a [u8]),
    Index(usize),
    /// An element of an array whose order means nothing: only wildcards fit it.
    Element,
}

#[derive(Clone, Debug)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    names: Vec<(String, usize)>,
    /// Whether one of the names could be a position.
    numeric: bool,
    any: Option<usize>,
    deep: Option<usize>,
    /// A node behind `**` stays reached, whatever comes.
    stays: bool,
    effects: Effects,
}

impl Default for Trie {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }
}

impl Trie {
    /// Adds a pattern and gives the effects at its end, to be filled in.
    pub(super) fn insert(&mut self, pattern: &Pattern) -> &mut Effects {
        let end = pattern
            .segments()
            .iter()
            .fold(0, |at, segment| self.child(at, segment));
        &mut self.nodes[end].effects
    }

    fn child(&mut self, at: usize, segment: &Segment) -> usize {
        let fresh = self.nodes.len();
        let node = &mut self.nodes[at];
        let child = match segment {
            Segment::Deep => *node.deep.get_or_insert(fresh),
            Segment::Any => *node.any.get_or_insert(fresh),
            Segment::Name(name) => {
                let known = node.names.iter().find(|(other, _)| other == name);
                if let Some((_, child)) = known {
                    return *child;
                }
                node.numeric |= name.starts_with(|c: char| c.is_ascii_digit());
                node.names.push((name.clone(), fresh));
                fresh
            }
        };
        if child == fresh {
            let stays = *segment == Segment::Deep;
            self.nodes.push(Node {
                stays,
                ..Node::default()
            });
        }
        child
    }

    /// What the empty path has reached.
    pub(crate) fn root(&self, stack: &mut Vec<usize>) -> Reached {
        let start = stack.len();
        let patterns = self.nodes.len() > 1 || self.nodes[0].effects != Effects::default();
        if patterns {
            self.reach(0, start, stack);
        }
        start..stack.len()
    }

    /// What one more step reaches. The caller shortens the stack when it steps back.
    pub(crate) fn step(&self, stack: &mut Vec<usize>, from: Reached, step: Step<'_>) -> Reached {
        let start = stack.len();
        for at in from {
            let node = &self.nodes[stack[at]];
            let named = match step {
                Step::Key(key) => node.names.iter().find(|(name, _)| name.as_bytes() == key),
                Step::Index(index) if node.numeric => {
                    let index = index.to_string();
                    node.names.iter().find(|(name, _)| *name == index)
                }
                Step::Index(_) | Step::Element => None,
            };
            let stays = node.stays.then_some(stack[at]);
            for next in [named.map(|(_, child)| *child), node.any, stays]
                .into_iter()
                .flatten()
            {
                self.reach(next, start, stack);
            }
        }
        start..stack.len()
    }

    /// Adds a node, once, and the one behind its `**`, which may stand for nothing.
    fn reach(&self, node: usize, start: usize, stack: &mut Vec<usize>) {
        let mut next = Some(node);
        while let Some(node) = next {
            if stack
                .get(start..)
                .is_some_and(|reached| reached.contains(&node))
            {
                return;
            }
            stack.push(node);
            next = self.nodes[node].deep;
        }
    }

    /// What the rules say where this was reached.
    pub(crate) fn effects(&self, reached: &[usize]) -> Effects {
        let mut effects = Effects::default();
        for node in reached {
            effects.merge(&self.nodes[*node].effects);
        }
        effects
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ignored(trie: &Trie, path: &str) -> bool {
        let mut stack = Vec::new();
        let mut reached = trie.root(&mut stack);
        for segment in path.split('/').skip(1) {
            let step = match segment.parse() {
                Ok(index) => Step::Index(index),
                Err(_) => Step::Key(segment.as_bytes()),
            };
            reached = trie.step(&mut stack, reached, step);
        }
        trie.effects(&stack[reached]).say(Verb::Ignore)
    }

    proptest! {
        #[test]
        fn the_trie_and_the_pattern_agree(
            patterns in prop::collection::vec("(/(a|b|0|\\*|\\*\\*)){0,5}", 0..4),
            path in "(/(a|b|0|1)){0,6}",
        ) {
            let patterns: Vec<Pattern> = patterns.iter().map(|text| text.parse().unwrap()).collect();
            let mut trie = Trie::default();
            for pattern in &patterns {
                trie.insert(pattern).add(Verb::Ignore, 1);
            }
            let fits = patterns.iter().any(|pattern| pattern.matches(&path));
            prop_assert_eq!(ignored(&trie, &path), fits);
        }
    }

    #[test]
    fn nothing_is_reached_without_patterns() {
        assert!(Trie::default().root(&mut Vec::new()).is_empty());
    }
}
