//! Claims over arbitrary documents and bytes.

mod common;

use bytes::Bytes;
use common::{bodies, found, headers, json, rules};
use comparator::{Kind, Response, Rules, Verdict, compare};
use proptest::prelude::*;
use serde_json::{Map, Value};

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e15..1e15).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let key = prop_oneof!["[a-c]", ".{0,3}", Just("a/~\\\"".to_owned())];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..6)
                .prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

/// Writes a value in another spelling: keys reversed, blanks, escapes, numbers with exponents.
fn respell(value: &Value) -> String {
    let string = |text: &str| {
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
        format!("\"{}\"", units.collect::<String>())
    };
    match value {
        Value::Object(members) => {
            let members = members.iter().rev();
            let members =
                members.map(|(key, value)| format!("\n {} : {}", string(key), respell(value)));
            format!("{{{}\t}}", members.collect::<Vec<_>>().join(" ,"))
        }
        Value::Array(elements) => {
            format!(
                "[ {} ]",
                elements.iter().map(respell).collect::<Vec<_>>().join("\r,")
            )
        }
        Value::String(text) => string(text),
        Value::Number(number) => {
            let text = number.to_string();
            let text = if text.contains('.') {
                text
            } else {
                format!("{text}.00")
            };
            if text.contains('e') {
                text
            } else {
                format!("{text}0E+0")
            }
        }
        other => other.to_string(),
    }
}

/// The pointers of all leaves.
fn leaves(value: &Value, path: String, into: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                leaves(value, format!("{path}/{key}"), into);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for (at, value) in elements.iter().enumerate() {
                leaves(value, format!("{path}/{at}"), into);
            }
        }
        _ => into.push(path),
    }
}

fn mirrored(kind: Kind) -> Kind {
    match kind {
        Kind::Missing => Kind::Extra,
        Kind::Extra => Kind::Missing,
        other => other,
    }
}

/// Rules of every sort, so that every way through an array is taken.
const RULES: &str = r#"
    keyed = { "/a" = "/a", "/**/b" = "" }
    unordered = ["/**/c", "/a"]
    ignore = ["/*/a/b"]
    [[rules]]
    path = ["/**/b", "/x"]
    author = "ann"
    reason = "a test"
    time = { tolerance = "1s" }
    number = { tolerance = "1%", or_text = true }
    text = ["case", "space", "unicode"]
    null_is_missing = true
    map = { "true" = "1", "1" = "true" }
    scrub = "[x-z]+"
"#;

proptest! {
    #[test]
    fn a_document_equals_itself_in_any_spelling(value in document()) {
        let (legacy, modern) = (value.to_string(), respell(&value));
        for rules in [Rules::default(), rules(RULES), rules("unordered = [\"/**\"]")] {
            let comparison = bodies("application/json", legacy.as_bytes(), modern.as_bytes(), &rules);
            prop_assert_eq!(comparison.verdict, Verdict::Matched, "{:?}", comparison.discrepancies);
        }
    }

    #[test]
    fn one_changed_leaf_is_one_discrepancy_at_its_pointer(
        value in document(),
        pick in any::<prop::sample::Index>(),
        insertion in any::<bool>(),
    ) {
        let mut paths = Vec::new();
        leaves(&value, String::new(), &mut paths);
        let path = pick.get(&paths);
        let mut other = value.clone();
        let leaf = other.pointer_mut(path).unwrap();
        *leaf = if insertion { serde_json::json!({"new": 1}) } else { "something new".into() };
        // An empty object that gets a member differs at that member.
        let inside = insertion && value.pointer(path) == Some(&Value::Object(Map::new()));
        let expected = if inside { format!("{path}/new") } else { path.clone() };
        let comparison = json(&value.to_string(), &respell(&other));
        prop_assert_eq!(found(&comparison).len(), 1, "{:?}", &comparison.discrepancies);
        prop_assert_eq!(&comparison.discrepancies[0].path, &expected);
    }

    #[test]
    fn swapping_the_sides_swaps_the_report(legacy in document(), modern in document()) {
        let there = json(&legacy.to_string(), &modern.to_string());
        let back = json(&modern.to_string(), &legacy.to_string());
        prop_assert_eq!(there.unreported, back.unreported);
        // Of two elements that belong together, legacy's position is told.
        let mut expected: Vec<_> =
            there.discrepancies.iter().map(|d| (d.kind, d.general_path())).collect();
        let mut swapped: Vec<_> =
            back.discrepancies.iter().map(|d| (mirrored(d.kind), d.general_path())).collect();
        expected.sort_unstable();
        swapped.sort_unstable();
        prop_assert_eq!(expected, swapped);
        prop_assert_eq!(there.verdict == Verdict::Matched, legacy == modern);
    }

    #[test]
    fn rules_judge_both_directions_alike(legacy in document(), modern in document()) {
        for rules in [rules(RULES), rules("unordered = [\"/**\"]")] {
            let judge = |a: &Value, b: &Value| {
                bodies("application/json", a.to_string().as_bytes(), b.to_string().as_bytes(), &rules)
            };
            prop_assert_eq!(judge(&legacy, &modern).verdict, judge(&modern, &legacy).verdict);
        }
    }

    #[test]
    fn a_shuffled_array_is_the_same_multiset(
        elements in prop::collection::vec(document(), 0..8),
        shuffled in any::<u64>(),
    ) {
        let mut other = elements.clone();
        other.sort_by_key(|value| shuffled.wrapping_mul(value.to_string().len() as u64 | 1));
        let (legacy, modern) = (Value::from(elements), Value::from(other));
        let rules = rules("unordered = [\"\"]");
        let comparison = bodies("application/json", legacy.to_string().as_bytes(), respell(&modern).as_bytes(), &rules);
        prop_assert_eq!(comparison.verdict, Verdict::Matched, "{:?}", comparison.discrepancies);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        legacy in prop::collection::vec(any::<u8>(), 0..200),
        modern in prop::collection::vec(any::<u8>(), 0..200),
        kind in prop::sample::select(&["application/json", "text/html", "image/png", "x", "; ;=\""][..]),
        coding in prop::sample::select(&["", "gzip", "br", "zstd", "deflate", "deflate, br", "?"][..]),
    ) {
        let headers = headers(&[("content-type", kind), ("content-encoding", coding)]);
        let (mine, theirs) = ([Bytes::from(legacy.clone())], [Bytes::from(modern.clone())]);
        let comparison = compare(
            &Response { status: 200, headers: &headers, body: &mine },
            &Response { status: 200, headers: &headers, body: &theirs },
            &rules(RULES),
        );
        if legacy == modern {
            prop_assert_eq!(comparison.verdict, Verdict::Matched);
        }
    }

    #[test]
    fn nearly_json_never_panics(
        legacy in r#"[\[\]{}:,"\\u0-9ad-e.E\-]{0,40}"#,
        modern in r#"[\[\]{}:,"\\u0-9ad-e.E\-]{0,40}"#,
    ) {
        bodies("application/json", legacy.as_bytes(), modern.as_bytes(), &rules(RULES));
    }
}
