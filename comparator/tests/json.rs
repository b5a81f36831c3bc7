//! What is equal and what is different in JSON, without rules.

mod common;

use common::{found, json, json_under};
use comparator::{Kind, Undecodable, Verdict};

fn equal(legacy: &str, modern: &str) {
    for (a, b) in [(legacy, modern), (modern, legacy)] {
        let comparison = json(a, b);
        assert_eq!(
            comparison.verdict,
            Verdict::Matched,
            "{a} {b}: {:?}",
            comparison.discrepancies
        );
    }
}

fn different(legacy: &str, modern: &str, expected: &[(Kind, &str)]) {
    let comparison = json(legacy, modern);
    assert_eq!(comparison.verdict, Verdict::Different, "{legacy} {modern}");
    assert_eq!(found(&comparison), expected, "{legacy} {modern}");
}

#[test]
fn spelling_means_nothing() {
    equal(
        r#"{"a":1,"b":[true,null]}"#,
        "{ \"b\" : [ true , null ],\n\t\"a\" : 1.0e0 }",
    );
    equal(r#""\u0041\/""#, r#""A/""#);
    equal(r#"{"\u0061":1}"#, r#"{"a":1}"#);
    equal("\u{feff}[1]", "[1 ]");
    equal("1e400", "10e399");
    equal("-0", "0.0");
}

#[test]
fn values_types_and_absence_are_told_apart() {
    different(
        r#"{"a":{"b":1}}"#,
        r#"{"a":{"b":2}}"#,
        &[(Kind::Value, "/a/b")],
    );
    different(r#"{"a":"1"}"#, r#"{"a":1}"#, &[(Kind::Type, "/a")]);
    different(r#"{"a":null}"#, r#"{"a":""}"#, &[(Kind::Type, "/a")]);
    different(
        r#"{"a":null,"b":1}"#,
        r#"{"b":1}"#,
        &[(Kind::Missing, "/a")],
    );
    different(r#"{"b":1}"#, r#"{"a":null,"b":1}"#, &[(Kind::Extra, "/a")]);
    different("true", "false", &[(Kind::Value, "")]);
    different("0.30000000000000004", "0.3", &[(Kind::Value, "")]);
    different("9007199254740993", "9007199254740992", &[(Kind::Value, "")]);
    different(r#""\ud800""#, r#""\ud801""#, &[(Kind::Value, "")]);
    different(r#""é""#, "\"e\u{301}\"", &[(Kind::Value, "")]);
}

#[test]
fn paths_are_json_pointers() {
    different(
        r#"{"a/b":{"c~d":[0,1]}}"#,
        r#"{"a/b":{"c~d":[0,2]}}"#,
        &[(Kind::Value, "/a~1b/c~0d/1")],
    );
    different(r#"{"":1}"#, r#"{"":2}"#, &[(Kind::Value, "/")]);
    different(r#"{"\u0061":1}"#, r#"{"a":2}"#, &[(Kind::Value, "/a")]);
}

#[test]
fn a_key_that_is_no_text_or_absurdly_long_has_a_path_of_its_own() {
    different(
        r#"{"a\ud800":1}"#,
        r#"{"a\ud800":2}"#,
        &[(Kind::Value, "/a\u{fffd}\u{fffd}\u{fffd}")],
    );
    let path = |end: &str| {
        let of = |value| format!(r#"{{"{}{end}":{value}}}"#, "k".repeat(300));
        let comparison = json(&of(1), &of(2));
        comparison
            .discrepancies
            .first()
            .map(|found| found.path.clone())
    };
    let plain = path("a");
    assert_eq!(plain.as_ref().map(String::len), Some(1 + 256 + 3 + 16));
    assert_eq!(plain, path(r"\u0061"));
    let (one, other) = (path(r"\ud800"), path(r"\ud801"));
    assert!(plain != one && one != other, "{one:?} {other:?}");
}

#[test]
fn both_sides_are_shown_as_they_were_written() {
    let comparison = json(r#"{"total": 10.50, "note": "x"}"#, r#"{"total": "10.5"}"#);
    let shown: Vec<_> = comparison
        .discrepancies
        .iter()
        .map(|d| (d.path.as_str(), d.legacy.as_deref(), d.modern.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            ("/note", Some("\"x\""), None),
            ("/total", Some("10.50"), Some("\"10.5\"")),
        ]
    );
}

#[test]
fn repeated_keys_are_noticed_where_the_sides_differ_in_them() {
    different(r#"{"a":1,"a":2}"#, r#"{"a":2}"#, &[(Kind::Duplicate, "/a")]);
    different(
        r#"{"a":1,"b":0,"a":2}"#,
        r#"{"a":1,"b":0}"#,
        &[(Kind::Duplicate, "/a"), (Kind::Value, "/a")],
    );
    different(
        r#"{"a":1,"a":2}"#,
        r#"{"a":2,"a":1}"#,
        &[(Kind::Value, "/a"), (Kind::Value, "/a")],
    );
    equal(r#"{"a":1,"a":2,"b":3}"#, r#"{"a": 1,"b":3,"a":2}"#);
    different(
        r#"{"b":0,"a":1,"a":2}"#,
        r#"{"b":0}"#,
        &[(Kind::Missing, "/a")],
    );
    let comparison = json(r#"{"a":1,"a":2}"#, r#"{"a":2}"#);
    let sides = (
        comparison.discrepancies[0].legacy.as_deref(),
        comparison.discrepancies[0].modern.as_deref(),
    );
    assert_eq!(sides, (Some("2 ×"), Some("1 ×")));
}

#[test]
fn an_element_too_many_or_too_few_does_not_shift_the_rest() {
    different("[1,2,3,4]", "[1,3,4]", &[(Kind::Missing, "/1")]);
    different("[1,3,4]", "[0,1,3,4]", &[(Kind::Extra, "/0")]);
    different(
        "[1,2]",
        "[1,2,3,4]",
        &[(Kind::Extra, "/2"), (Kind::Extra, "/3")],
    );
    different("[]", "[[]]", &[(Kind::Extra, "/0")]);
    different(
        r#"[{"id":1,"x":1},{"id":2},{"id":3}]"#,
        r#"[{"id":1,"x":2},{"id":3}]"#,
        &[(Kind::Value, "/0/x"), (Kind::Missing, "/1")],
    );
}

#[test]
fn insertions_and_deletions_are_found_all_over_a_long_array() {
    let element = |i: u32| format!(r#"{{"id":{i},"v":1}}"#);
    let list = |ids: &[u32]| {
        let elements = ids.iter().map(|i| element(*i)).collect::<Vec<_>>();
        format!("[{}]", elements.join(","))
    };
    let all: Vec<u32> = (0..5_000).collect();
    let mut other = all.clone();
    other.remove(4_000);
    other.remove(2_000);
    other.insert(1_000, 9_001);
    other.insert(500, 9_000);
    other.insert(100, 9_002);
    let changed = list(&other).replacen(r#"{"id":3000,"v":1}"#, r#"{"id":3000,"v":2}"#, 1);
    different(
        &list(&all),
        &changed,
        &[
            (Kind::Extra, "/100"),
            (Kind::Extra, "/501"),
            (Kind::Extra, "/1002"),
            (Kind::Missing, "/2000"),
            (Kind::Value, "/3000/v"),
            (Kind::Missing, "/4000"),
        ],
    );
}

#[test]
fn everything_different_is_counted_beyond_the_bound() {
    let list = |n: u32| format!("{:?}", (0..1000).map(|i| i * 2 + n).collect::<Vec<_>>());
    let comparison = json(&list(0), &list(1));
    assert_eq!(comparison.discrepancies.len(), 100);
    assert_eq!(comparison.unreported, 900);
}

#[test]
fn limits_are_verdicts() {
    let nested =
        |depth: usize, leaf: u8| format!("{}{leaf}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(
        json(&nested(128, 1), &nested(128, 2)).verdict,
        Verdict::Different
    );
    let deep = Verdict::Undecodable(Undecodable::LimitDepth);
    assert_eq!(json(&nested(129, 1), &nested(129, 2)).verdict, deep);
    assert_eq!(
        json(&nested(129, 1), &nested(129, 1)).verdict,
        Verdict::Matched
    );

    let size = json_under("max_body = 8", "[1,2,3,4]", "[1,2,3,5]");
    assert_eq!(size.verdict, Verdict::Undecodable(Undecodable::LimitSize));

    // Five nodes on each side, and five comparisons.
    let (legacy, modern) = ("[1,2,3,4]", "[1,2,3, 4]");
    assert_eq!(
        json_under("max_work = 15", legacy, modern).verdict,
        Verdict::Matched
    );
    for work in [1, 4, 5, 9, 10, 14] {
        let comparison = json_under(&format!("max_work = {work}"), legacy, modern);
        assert_eq!(
            comparison.verdict,
            Verdict::Undecodable(Undecodable::LimitWork),
            "{work}"
        );
    }
}

#[test]
fn what_was_found_before_giving_up_is_kept() {
    let comparison = json_under("max_work = 14", "[1,2,3,4]", "[0,2,3,4]");
    assert_eq!(
        comparison.verdict,
        Verdict::Undecodable(Undecodable::LimitWork)
    );
    assert_eq!(found(&comparison), [(Kind::Value, "/0")]);
}

#[test]
fn the_deepest_document_allowed_fits_a_small_stack() {
    let depth = 256;
    let nested = |leaf: &str| {
        format!(
            "{}{leaf}{}",
            r#"{"a":[0,"#.repeat(depth / 2),
            "]}".repeat(depth / 2)
        )
    };
    let rules = r#"max_depth = 256
        unordered = ["/**/a"]
        ignore = ["/**/b"]"#;
    let (legacy, modern) = (nested("1"), nested("2"));
    let run = move || json_under(rules, &legacy, &modern).verdict;
    let thread = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(run)
        .unwrap();
    assert_eq!(thread.join().unwrap(), Verdict::Different);
}

#[test]
fn a_key_of_a_megabyte_makes_no_path_of_a_megabyte() {
    let key = "k".repeat(1 << 20);
    let comparison = json(&format!("{{\"{key}\":1}}"), &format!("{{\"{key}\":2}}"));
    assert!(comparison.discrepancies[0].path.len() < 400);
}
