//! Rules: what they make equal, and what they leave different.

mod common;

use common::{found, json_under, signed};
use comparator::{Kind, Undecodable, Verdict};

fn check(rules: &str, legacy: &str, modern: &str, expected: &[(Kind, &str)]) {
    let comparison = json_under(rules, legacy, modern);
    assert_eq!(found(&comparison), expected, "{rules} {legacy} {modern}");
    let verdict = if expected.is_empty() {
        Verdict::Matched
    } else {
        Verdict::Different
    };
    assert_eq!(comparison.verdict, verdict);
}

#[test]
fn ignored_paths_hide_what_is_at_and_below_them_and_nothing_else() {
    let (legacy, modern) = (
        r#"{"a":{"x":1,"y":1},"b":1}"#,
        r#"{"a":{"x":2,"z":1},"b":2}"#,
    );
    let all = [
        (Kind::Value, "/a/x"),
        (Kind::Missing, "/a/y"),
        (Kind::Extra, "/a/z"),
        (Kind::Value, "/b"),
    ];
    check("", legacy, modern, &all);
    check(r#"ignore = ["/a"]"#, legacy, modern, &all[3..]);
    check(r#"ignore = ["/a/*"]"#, legacy, modern, &all[3..]);
    check(
        r#"ignore = ["/a/y", "/**/z"]"#,
        legacy,
        modern,
        &[all[0], all[3]],
    );
    check(r#"ignore = [""]"#, legacy, modern, &[]);
    check(r#"ignore = ["body"]"#, legacy, modern, &[]);
    check(
        r#"ignore = ["/list/*/at"]"#,
        r#"{"list":[{"at":1},{"at":2}]}"#,
        r#"{"list":[{"at":3},{}]}"#,
        &[],
    );
    check(r#"ignore = ["/1"]"#, "[1,2,3]", "[1,0,3]", &[]);
    check(r#"ignore = ["/a"]"#, r#"{"a":1,"a":2}"#, r#"{"a":3}"#, &[]);
}

#[test]
fn keyed_arrays_are_compared_element_by_element() {
    let rules = r#"keyed = { "/data" = "/id" }"#;
    let legacy = r#"{"data":[{"id":"a","v":1},{"id":"b","v":2},{"id":"c","v":3}]}"#;
    let gone = r#"{"data":[{"id":"b","v":2},{"id":"c","v":4},{"id":"d","v":5}]}"#;
    check(
        rules,
        legacy,
        gone,
        &[
            (Kind::Value, "/data/2/v"),
            (Kind::Missing, "/data/0"),
            (Kind::Extra, "/data/2"),
        ],
    );
    let moved = r#"{"data":[{"id":"c","v":3},{"id":"a","v":1},{"id":"b","v":2}]}"#;
    check(rules, legacy, moved, &[(Kind::Order, "/data")]);
    let order = &json_under(rules, legacy, moved).discrepancies[0];
    assert_eq!(order.legacy.as_deref(), Some(r#""a", "b", "c""#));
    assert_eq!(order.modern.as_deref(), Some(r#""c", "a", "b""#));
    check(
        &format!("{rules}\nunordered = [\"/data\"]"),
        legacy,
        moved,
        &[],
    );
}

#[test]
fn keys_are_compared_by_value_and_may_be_absent_or_repeated() {
    let rules = r#"keyed = { "" = "/id" }"#;
    check(
        rules,
        r#"[{"id":1.0},{"id":"1"},{"id":null}]"#,
        r#"[{"id":1},{"id":"\u0031"},{"id":null }]"#,
        &[],
    );
    check(
        rules,
        r#"[{"id":1},{"id":"1"}]"#,
        r#"[{"id":"1"},{"id":1}]"#,
        &[(Kind::Order, "")],
    );
    check(
        rules,
        r#"[{"v":1},{"v":2}]"#,
        r#"[{"v":1},{"v":3}]"#,
        &[(Kind::Value, "/1/v")],
    );
    check(
        rules,
        r#"[{"id":1},{"id":1,"v":1}]"#,
        r#"[{"id":1}]"#,
        &[(Kind::Missing, "/1")],
    );
    check(
        r#"keyed = { "" = "" }"#,
        r#"["a","b"]"#,
        r#"["b","c"]"#,
        &[(Kind::Missing, "/0"), (Kind::Extra, "/1")],
    );
    check(rules, r#"{"id":1}"#, r#"[{"id":1}]"#, &[(Kind::Type, "")]);
    check(
        r#"keyed = { "" = "/a/0/b" }"#,
        r#"[{"a":[{"b":1}]},{"a":[{"b":2}]}]"#,
        r#"[{"a":[{"b":2}]}]"#,
        &[(Kind::Missing, "/0")],
    );
}

#[test]
fn unordered_arrays_are_multisets() {
    let rules = r#"unordered = [""]"#;
    check(
        rules,
        r#"[1,2,{"a":1,"b":[2]}]"#,
        r#"[{"b":[2.0],"a":1e0},2,1.0]"#,
        &[],
    );
    check(rules, "[1,1,2]", "[1,2,2]", &[(Kind::Value, "/1")]);
    check(
        rules,
        "[1,1,1]",
        "[1]",
        &[(Kind::Missing, "/1"), (Kind::Missing, "/2")],
    );
    check(
        rules,
        "[1,2,3]",
        "[4,5,1]",
        &[
            (Kind::Missing, "/1"),
            (Kind::Missing, "/2"),
            (Kind::Extra, "/0"),
            (Kind::Extra, "/1"),
        ],
    );
    check(
        r#"unordered = ["/**"]"#,
        "[[1,2],[3,4]]",
        "[[4,3],[2,1]]",
        &[],
    );
    check(
        rules,
        "[[1,2],[3,4]]",
        "[[4,3],[1,2]]",
        &[(Kind::Value, "/1/0"), (Kind::Value, "/1/1")],
    );
}

#[test]
fn a_changed_element_of_a_multiset_shows_what_changed_in_it() {
    let legacy = r#"[{"id":1,"a":1,"at":1},{"id":2,"a":1,"at":1},{"id":3,"a":1,"at":1}]"#;
    let modern = r#"[{"id":3,"a":1,"at":9},{"id":1,"a":1,"at":8},{"id":2,"a":1,"at":1}]"#;
    check(
        r#"unordered = [""]"#,
        legacy,
        modern,
        &[(Kind::Value, "/0/at"), (Kind::Value, "/2/at")],
    );
}

#[test]
fn rules_reach_into_the_elements_of_a_multiset() {
    let rules = &format!(
        "unordered = [\"/list\"]\nignore = [\"/list/*/seen\"]\n{}",
        signed(&[r#"path = "/list/*/at", time = { tolerance = "1s" }"#])
    );
    let legacy =
        r#"{"list":[{"at":"2024-01-01T00:00:00Z","n":1},{"at":"2024-01-01T00:00:05Z","n":1}]}"#;
    let modern = r#"{"list":[{"at":"2024-01-01T00:00:06Z","n":1,"seen":true},{"at":"2024-01-01T00:00:01Z","n":1}]}"#;
    check(rules, legacy, modern, &[]);
    // The first one could take either partner, the second only the one it takes first.
    let legacy = r#"{"list":[{"at":"2024-01-01T00:00:01Z"},{"at":"2024-01-01T00:00:00Z"}]}"#;
    let modern = r#"{"list":[{"at":"2024-01-01T00:00:01Z"},{"at":"2024-01-01T00:00:02Z"}]}"#;
    check(rules, legacy, modern, &[]);
}

#[test]
fn what_is_ignored_does_not_keep_elements_of_a_multiset_apart() {
    let list = |ids: &mut dyn Iterator<Item = u32>, seen: u32| {
        let elements = ids.map(|id| format!(r#"{{"id":{id},"seen":{}}}"#, id * 2 + seen));
        format!("[{}]", elements.collect::<Vec<_>>().join(","))
    };
    let rules = r#"unordered = [""]
        ignore = ["/*/seen"]"#;
    check(
        rules,
        &list(&mut (0..300), 0),
        &list(&mut (0..300).rev(), 1),
        &[],
    );
}

#[test]
fn timestamps_are_equal_within_their_tolerance_only_where_the_rule_is() {
    let rules = &signed(&[r#"path = "/**/at", time = { tolerance = "2s", naive = "UTC" }"#]);
    check(
        rules,
        r#"{"x":{"at":"2024-01-02T03:04:05.123"}}"#,
        r#"{"x":{"at":"2024-01-02T03:04:06Z"}}"#,
        &[],
    );
    check(
        rules,
        r#"{"at":"2024-01-02T03:04:05Z"}"#,
        r#"{"at":"2024-01-02T03:04:08Z"}"#,
        &[(Kind::Value, "/at")],
    );
    check(
        rules,
        r#"{"on":"2024-01-02T03:04:05Z"}"#,
        r#"{"on":"2024-01-02T03:04:05.000Z"}"#,
        &[(Kind::Value, "/on")],
    );
    check(
        rules,
        r#"{"at":1}"#,
        r#"{"at":"2024-01-02T03:04:08Z"}"#,
        &[(Kind::Type, "/at")],
    );
    check(rules, r#"{"at":"same"}"#, r#"{ "at":"same"}"#, &[]);
}

#[test]
fn ids_are_exposed_and_match_paths() {
    let rules = common::rules(r#"ids = { "/data/id" = "order", "/data/*/id" = "order" }"#);
    let fits = |path: &str| {
        rules
            .ids()
            .iter()
            .any(|rule| rule.pattern.matches(path) && rule.entity == "order")
    };
    assert!(fits("/data/id") && fits("/data/3/id") && !fits("/data/ids"));
}

#[test]
fn ten_thousand_unordered_elements_fit_the_default_budget() {
    let element =
        |i: u32| format!(r#"{{"id":{i},"name":"customer {i}","tags":["a","b"],"total":{i}.50}}"#);
    let list = |order: &mut dyn Iterator<Item = u32>| {
        format!("[{}]", order.map(element).collect::<Vec<_>>().join(","))
    };
    let (up, down) = (list(&mut (0..10_000)), list(&mut (0..10_000).rev()));
    check(r#"unordered = [""]"#, &up, &down, &[]);
    check(
        r#"keyed = { "" = "/id" }"#,
        &up,
        &down,
        &[(Kind::Order, "")],
    );
    let same = format!("[{}]", vec!["7"; 20_000].join(","));
    check(r#"unordered = [""]"#, &same, &same.replace(',', ", "), &[]);
}

#[test]
fn a_multiset_made_to_be_slow_ends_at_the_budget() {
    // Every element could equal every other one as far as the digest goes, and none does.
    let list = |hour: u32| {
        let times: Vec<_> = (0..5_000)
            .map(|i| {
                format!(
                    "\"2024-01-{:02}T{hour:02}:{:02}:{:02}Z\"",
                    i / 3600 + 1,
                    i / 60 % 60,
                    i % 60
                )
            })
            .collect();
        format!("[{}]", times.join(","))
    };
    let rules = format!(
        "unordered = [\"\"]\n{}",
        signed(&[r#"path = "/*", time = {}"#])
    );
    let comparison = json_under(&rules, &list(1), &list(2));
    assert_eq!(
        comparison.verdict,
        Verdict::Undecodable(Undecodable::LimitWork)
    );
}
