//! The cases: how modern's list of orders differs from legacy's, and what the rules say to it.

use anyhow::{Result, ensure};
use bytes::Bytes;
use comparator::{Response, Rules, RulesConfig, Verdict, compare};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use crate::orders::{Spelling, list};

/// Cases of one size.
pub struct Group {
    /// The size as it is told.
    pub name: &'static str,
    /// How many orders each side lists.
    pub orders: usize,
}

/// Two bodies that are not made yet.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// What is peculiar to it.
    pub name: &'static str,
    modern: Modern,
    /// The rules as JSON.
    pub rules: &'static str,
    verdict: Verdict,
}

/// What modern answers.
#[derive(Clone, Copy, Debug)]
enum Modern {
    SameBytes,
    SameValues,
    Reordered,
    OneDifference,
    AllDifferent,
    OneInserted,
    Reversed,
    ReversedOneDifference,
}

const TIMED: &str = r#"{"ignore": ["/**/notes", "/data/*/attributes/updatedAt"], "rules": [
    {"path": "/data/*/attributes/createdAt", "time": {"tolerance": "2s"}, "author": "ann", "reason": "clocks"}]}"#;
const MULTISET: &str = r#"{"unordered": ["/data"]}"#;
const KEYED: &str = r#"{"unordered": ["/data"], "keyed": {"/data": "/id"}}"#;
const TOLERANT: &str = r#"{"unordered": ["/data"], "rules": [
    {"path": "/data/*/attributes/total", "number": {"tolerance": "0.01"}, "author": "ann", "reason": "cents"},
    {"path": "/data/*/attributes/status", "text": ["case", "space"], "author": "ann", "reason": "collation"}]}"#;

/// Sizes and cases of documents in which order means something.
pub const ORDERED: ([Group; 3], [Spec; 7]) = (
    [group("1 KB", 5), group("64 KB", 260), group("5 MB", 20_500)],
    [
        matched("equal bytes", Modern::SameBytes, "{}"),
        matched("equal values", Modern::SameValues, "{}"),
        matched("other key order", Modern::Reordered, "{}"),
        different("one difference", Modern::OneDifference, "{}"),
        different("all different", Modern::AllDifferent, "{}"),
        different("one inserted", Modern::OneInserted, "{}"),
        matched("ignored and timed", Modern::SameValues, TIMED),
    ],
);

/// Sizes and cases of arrays in which order means nothing.
pub const UNORDERED: ([Group; 3], [Spec; 4]) = (
    [
        group("100 elements", 100),
        group("1,000 elements", 1000),
        group("10,000 elements", 10_000),
    ],
    [
        matched("multiset", Modern::Reversed, MULTISET),
        matched("keyed", Modern::Reversed, KEYED),
        matched("multiset with rules", Modern::Reversed, TOLERANT),
        different(
            "multiset, one difference",
            Modern::ReversedOneDifference,
            MULTISET,
        ),
    ],
);

const fn group(name: &'static str, orders: usize) -> Group {
    Group { name, orders }
}

const fn matched(name: &'static str, modern: Modern, rules: &'static str) -> Spec {
    Spec {
        name,
        modern,
        rules,
        verdict: Verdict::Matched,
    }
}

const fn different(name: &'static str, modern: Modern, rules: &'static str) -> Spec {
    Spec {
        verdict: Verdict::Different,
        ..matched(name, modern, rules)
    }
}

/// Two bodies, and the rules that they are compared under.
pub struct Case {
    /// Legacy's body and modern's, each in one chunk.
    pub bodies: [[Bytes; 1]; 2],
    headers: HeaderMap,
    rules: Rules,
}

impl Spec {
    /// Makes the bodies of so many orders, and sees to it that the comparator says what it must of
    /// them: what is measured is right.
    pub fn build(&self, orders: usize) -> Result<Case> {
        let legacy = list(0..orders, Spelling::Legacy);
        let case = Case::new(legacy, self.modern.body(orders), self.rules)?;
        let verdict = case.compare().verdict;
        ensure!(
            verdict == self.verdict,
            "{}, {orders} orders: {verdict}, not {}",
            self.name,
            self.verdict
        );
        Ok(case)
    }
}

impl Case {
    /// Two bodies under rules as JSON.
    pub fn new(legacy: impl Into<Bytes>, modern: impl Into<Bytes>, rules: &str) -> Result<Self> {
        let config: RulesConfig = serde_json::from_str(rules)?;
        let rules = Rules::try_from(&config)
            .map_err(|errors| anyhow::anyhow!("the rules are wrong: {errors:?}"))?;
        let json = HeaderValue::from_static("application/json");
        Ok(Self {
            bodies: [[legacy.into()], [modern.into()]],
            headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
            rules,
        })
    }

    /// The bytes of both bodies.
    pub fn bytes(&self) -> usize {
        self.bodies.iter().flatten().map(Bytes::len).sum()
    }

    pub(crate) fn compare(&self) -> comparator::Comparison {
        let [legacy, modern] = self.bodies.each_ref().map(|body| Response {
            status: 200,
            headers: &self.headers,
            body,
        });
        compare(&legacy, &modern, &self.rules)
    }
}

impl Modern {
    fn body(self, orders: usize) -> String {
        let shipped = |text: String| text.replacen("PENDING", "SHIPPED", 1);
        match self {
            Self::SameBytes => list(0..orders, Spelling::Legacy),
            Self::SameValues => list(0..orders, Spelling::Blank),
            Self::Reordered => list(0..orders, Spelling::Reordered),
            Self::OneDifference => shipped(list(0..orders, Spelling::Blank)),
            Self::AllDifferent => list(0..orders, Spelling::Different),
            Self::OneInserted => {
                let (before, after) = (0..orders / 2, orders / 2..orders);
                list(before.chain([99_999]).chain(after), Spelling::Blank)
            }
            Self::Reversed => list((0..orders).rev(), Spelling::Blank),
            Self::ReversedOneDifference => shipped(list((0..orders).rev(), Spelling::Blank)),
        }
    }
}
