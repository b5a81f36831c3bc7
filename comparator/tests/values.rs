//! Rules about values: what each makes equal, what it leaves different, and that it tells when it
//! hid something.

mod common;

use common::{found, json_under, rules, signed};
use comparator::{Kind, Rules, RulesConfig, Verdict};

/// Under the rule, the first values are equal and tell a hit; the second ones differ as they do
/// without it.
fn allows(rule: &str, equal: (&str, &str), different: (&str, &str)) {
    let rules = signed(&[rule]);
    let comparison = json_under(&rules, equal.0, equal.1);
    assert_eq!(found(&comparison), [], "{rule} {equal:?}");
    assert_eq!(comparison.hits, [0], "{rule} {equal:?}");
    let comparison = json_under(&rules, different.0, different.1);
    assert_eq!(
        comparison.verdict,
        Verdict::Different,
        "{rule} {different:?}"
    );
    assert_eq!(comparison.hits, [0; 0], "{rule} {different:?}");
    let same = json_under(&rules, equal.0, &format!("{} ", equal.0));
    assert_eq!(
        (same.verdict, same.hits.len()),
        (Verdict::Matched, 0),
        "{rule}"
    );
}

#[test]
fn numbers_are_equal_within_a_tolerance_or_rounded() {
    allows(
        r#"path = "/a", number = { tolerance = "0.01" }"#,
        (r#"{"a":1.02}"#, r#"{"a":1.03}"#),
        (r#"{"a":1.02}"#, r#"{"a":1.031}"#),
    );
    allows(
        r#"path = "/a", number = { tolerance = "10%" }"#,
        (r#"{"a":90}"#, r#"{"a":1e2}"#),
        (r#"{"a":89}"#, r#"{"a":100}"#),
    );
    allows(
        r#"path = "/a", number = { decimals = 2 }"#,
        (r#"{"a":1.005}"#, r#"{"a":1.01}"#),
        (r#"{"a":1.004}"#, r#"{"a":1.01}"#),
    );
    allows(
        r#"path = "/a", number = { tolerance = "1" }"#,
        (r#"{"a":"1"}"#, r#"{"a":"2"}"#),
        (r#"{"a":"1"}"#, r#"{"a":2}"#),
    );
    allows(
        r#"path = "/a", number = { or_text = true }"#,
        (r#"{"a":"1.50"}"#, r#"{"a":1.5}"#),
        (r#"{"a":"1.50"}"#, r#"{"a":1.6}"#),
    );
}

#[test]
fn timestamps_are_equal_in_declared_zones_and_formats() {
    allows(
        r#"path = "/at", time = { naive = "UTC" }"#,
        (
            r#"{"at":"2024-01-02T03:04:05.123"}"#,
            r#"{"at":"2024-01-02T03:04:05.123Z"}"#,
        ),
        (
            r#"{"at":"2024-01-02T03:04:05.123"}"#,
            r#"{"at":"2024-01-02T03:04:05.124Z"}"#,
        ),
    );
    allows(
        r#"path = "/at", time = { formats = ["unix"] }"#,
        (r#"{"at":1720000000}"#, r#"{"at":"2024-07-03T09:46:40Z"}"#),
        (r#"{"at":1720000001}"#, r#"{"at":"2024-07-03T09:46:40Z"}"#),
    );
}

#[test]
fn texts_are_equal_in_a_form_or_without_what_is_scrubbed() {
    allows(
        r#"path = "/a", text = ["case", "space"]"#,
        (r#"{"a":"Ann  Lee "}"#, r#"{"a":"ANN LEE"}"#),
        (r#"{"a":"AnnLee"}"#, r#"{"a":"ANN LEE"}"#),
    );
    allows(
        r#"path = "/a", text = ["unicode"]"#,
        ("{\"a\":\"\u{e9}\"}", "{\"a\":\"e\u{301}\"}"),
        (r#"{"a":"é"}"#, r#"{"a":"É"}"#),
    );
    allows(
        r#"path = "/a", scrub = "[0-9a-f]{8}""#,
        (r#"{"a":"trace 0123abcd!"}"#, r#"{"a":"trace 4567ef01!"}"#),
        (r#"{"a":"trace 0123abcd!"}"#, r#"{"a":"trace 4567ef01?"}"#),
    );
    // What is left of a text may be a number or a timestamp.
    allows(
        r#"path = "/a", scrub = " EUR$", number = { tolerance = "0.01" }"#,
        (r#"{"a":"1.02 EUR"}"#, r#"{"a":"1.03 EUR"}"#),
        (r#"{"a":"1.02 EUR"}"#, r#"{"a":"1.04 EUR"}"#),
    );
}

#[test]
fn a_mapping_goes_from_legacy_to_modern_and_across_types() {
    let rule = r#"path = "/a", map = { pending = "PENDING", "1" = "true" }"#;
    allows(
        rule,
        (r#"{"a":"pending"}"#, r#"{"a":"PENDING"}"#),
        (r#"{"a":"PENDING"}"#, r#"{"a":"pending"}"#),
    );
    allows(
        rule,
        (r#"{"a":1}"#, r#"{"a":true}"#),
        (r#"{"a":0}"#, r#"{"a":true}"#),
    );
}

#[test]
fn null_equals_missing_and_nothing_else() {
    let rule = r#"path = "/a", null_is_missing = true"#;
    allows(
        rule,
        (r#"{"a":null,"b":1}"#, r#"{"b":1}"#),
        (r#"{"a":"","b":1}"#, r#"{"b":1}"#),
    );
    allows(
        rule,
        (r#"{"b":1}"#, r#"{"a":null,"b":1}"#),
        (r#"{"a":null}"#, r#"{"a":0}"#),
    );
}

#[test]
fn one_rule_may_hold_at_several_paths_and_say_several_things() {
    let rules = signed(&[r#"path = ["/list", "/other"], key = "/id", unordered = true"#]);
    let comparison = json_under(
        &rules,
        r#"{"list":[{"id":1},{"id":2}],"other":[{"id":3}]}"#,
        r#"{"list":[{"id":2},{"id":1}],"other":[{"id":4}]}"#,
    );
    let expected = [(Kind::Missing, "/other/0"), (Kind::Extra, "/other/0")];
    assert_eq!(found(&comparison), expected);
    assert_eq!(comparison.hits, [0]);
}

#[test]
fn rules_hold_inside_arrays_without_an_order() {
    let list = |rule: &str, legacy: &str, modern: &str| {
        let text = format!("unordered = [\"\"]\n{}", signed(&[rule]));
        json_under(&text, legacy, modern)
    };
    for (rule, legacy, modern) in [
        (
            r#"path = "/*/n", number = { tolerance = "1" }"#,
            r#"[{"n":1},{"n":5}]"#,
            r#"[{"n":6},{"n":2}]"#,
        ),
        (
            r#"path = "/*/n", number = { or_text = true }"#,
            r#"[{"n":1},{"n":"5"}]"#,
            r#"[{"n":5},{"n":"1"}]"#,
        ),
        (
            r#"path = "/*/s", map = { a = "x", b = "y" }"#,
            r#"[{"s":"a"},{"s":"b"}]"#,
            r#"[{"s":"y"},{"s":"x"}]"#,
        ),
        (
            r#"path = "/*/s", text = ["case"]"#,
            r#"[{"s":"A"},{"s":"b"}]"#,
            r#"[{"s":"B"},{"s":"a"}]"#,
        ),
        (
            r#"path = "/*/s", scrub = "[0-9]+""#,
            r#"[{"s":"a1"},{"s":"b2"}]"#,
            r#"[{"s":"b3"},{"s":"a4"}]"#,
        ),
        (
            r#"path = "/*/z", null_is_missing = true"#,
            r#"[{"s":"a","z":null},{"s":"b"}]"#,
            r#"[{"s":"b","z":null},{"s":"a"}]"#,
        ),
    ] {
        let comparison = list(rule, legacy, modern);
        assert_eq!(
            comparison.verdict,
            Verdict::Matched,
            "{rule} {comparison:?}"
        );
        assert_eq!(comparison.hits, [0, 1], "{rule}");
    }
}

#[test]
fn a_rule_that_hid_nothing_is_not_told() {
    let text = format!(
        "ignore = [\"/a\"]\nunordered = [\"/list\"]\nkeyed = {{ \"/keyed\" = \"/id\" }}\n{}",
        signed(&[
            r#"path = "/t", text = ["case"]"#,
            r#"path = "/z", null_is_missing = true"#
        ])
    );
    let legacy = r#"{"a":[1.0],"list":[1,2],"keyed":[{"id":1},{"id":2}],"t":"T","z":null}"#;
    let respelt = r#"{"z":null, "a":[1],"list":[1,2],"keyed":[{"id":1},{"id":2}],"t":"\u0054"}"#;
    let comparison = json_under(&text, legacy, respelt);
    assert_eq!(
        (comparison.verdict, comparison.hits.len()),
        (Verdict::Matched, 0)
    );
    let other = r#"{"a":[2],"list":[2,1],"keyed":[{"id":2},{"id":1}],"t":"t"}"#;
    let comparison = json_under(&text, legacy, other);
    assert_eq!(found(&comparison), [(Kind::Order, "/keyed")]);
    let rules = rules(&text);
    let names: Vec<_> = comparison
        .hits
        .iter()
        .map(|hit| rules.all()[*hit].name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "ignore /a",
            "unordered /list",
            "key /keyed",
            "text /t",
            "null_is_missing /z"
        ]
    );
}

#[test]
fn ignored_elements_of_a_multiset_are_hits_where_they_differ() {
    let rules = "unordered = [\"\"]\nignore = [\"/*\"]";
    let hits = |legacy: &str, modern: &str| {
        let comparison = json_under(rules, legacy, modern);
        assert_eq!(comparison.verdict, Verdict::Matched, "{legacy} {modern}");
        comparison.hits
    };
    assert_eq!(hits("[1,2]", "[1.0, 2]"), [0; 0]);
    assert_eq!(
        (hits("[1]", "[2]"), hits("[1]", "[1,2]")),
        (vec![0], vec![0])
    );
}

#[test]
fn a_probe_that_fails_leaves_no_hit_behind() {
    let text = format!(
        "unordered = [\"\"]\n{}",
        signed(&[r#"path = "/*/*", number = { tolerance = "1" }"#])
    );
    // The first numbers are close, and the second ones are not, so the elements have no partners.
    let comparison = json_under(&text, "[[1,1]]", "[[2,9],[7,7]]");
    let expected = [
        (Kind::Missing, "/0"),
        (Kind::Extra, "/0"),
        (Kind::Extra, "/1"),
    ];
    assert_eq!(found(&comparison), expected);
    assert_eq!(comparison.hits, [0; 0]);
    let shown = json_under(&text, "[[1,1]]", "[[2,9]]");
    assert_eq!(
        (found(&shown), &shown.hits[..]),
        (vec![(Kind::Value, "/0/1")], &[1][..])
    );
}

#[test]
fn rules_for_all_routes_hold_in_each_of_them() {
    let config = |text: &str| toml::from_str::<RulesConfig>(text).unwrap();
    let global = config(r#"ignore = ["/**/seen"]"#);
    let route = config(&signed(&[r#"path = "/n", number = { tolerance = "1" }"#]));
    let rules = Rules::layered(&global, &route, None).unwrap();
    let comparison = common::bodies(
        "application/json",
        br#"{"n":1,"seen":1}"#,
        br#"{"n":2,"seen":2}"#,
        &rules,
    );
    assert_eq!(
        (comparison.verdict, &comparison.hits[..]),
        (Verdict::Matched, &[0, 1][..])
    );
    assert_eq!(rules.all()[0].name, "ignore /**/seen (global)");
    assert_eq!(rules.all()[1].author.as_deref(), Some("ann"));
}
