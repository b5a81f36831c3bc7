//! JSON lines, forms and XML by structure, under the rules that JSON has.

mod common;

use common::{bodies, found, rules, signed};
use comparator::{Comparison, Kind, Rules, Undecodable, Verdict};

fn judge(content_type: &str, rules_text: &str, legacy: &str, modern: &str) -> Comparison {
    let rules = rules(rules_text);
    bodies(content_type, legacy.as_bytes(), modern.as_bytes(), &rules)
}

#[track_caller]
fn differ(content_type: &str, rules: &str, legacy: &str, modern: &str, expected: &[(Kind, &str)]) {
    let comparison = judge(content_type, rules, legacy, modern);
    assert_eq!(found(&comparison), expected, "{legacy} {modern}");
}

const LINES: &str = "application/x-ndjson";

#[test]
fn json_lines_are_an_array_of_their_values() {
    differ(
        LINES,
        "",
        "{\"a\":1}\n{\"a\":2}\n",
        "{\"a\": 1.0}\r\n\n{\"a\":2}",
        &[],
    );
    differ(
        LINES,
        "",
        "{\"a\":1}\n{\"a\":2}\n{\"a\":3}",
        "{\"a\":1}\n{\"a\":3}\n",
        &[(Kind::Missing, "/1")],
    );
    differ(
        LINES,
        "ignore = [\"/*/at\"]",
        "{\"at\":1}\n1\n",
        "{\"at\":2}\n2\n",
        &[(Kind::Value, "/1")],
    );
    differ(LINES, "unordered = [\"\"]", "1\n2\n", "2\n1\n", &[]);
    // Two values on a line are no JSON lines, nor is half a value.
    for broken in ["{} {}\n", "{\"a\":\n1}}", "[1,\n", "1,2"] {
        differ(LINES, "", "{}\n", broken, &[(Kind::Format, "body")]);
    }
    // White space alone is no line.
    differ(LINES, "", "\n", "1", &[(Kind::Extra, "/0")]);
}

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn forms_are_compared_by_field() {
    differ(FORM, "", "a=1&b=x+y", "b=x%20y&a=1", &[]);
    differ(
        FORM,
        "",
        "a=1&b=2",
        "a=2&c=2",
        &[
            (Kind::Value, "/a"),
            (Kind::Missing, "/b"),
            (Kind::Extra, "/c"),
        ],
    );
    differ(
        FORM,
        "",
        "a=1&a=2",
        "a=2&a=1",
        &[(Kind::Value, "/a"), (Kind::Value, "/a")],
    );
    differ(
        FORM,
        "ignore = [\"/csrf\"]",
        "csrf=1&b=2",
        "csrf=7&b=2",
        &[],
    );
    // Bytes that are no text would be all alike.
    differ(FORM, "", "a=%FF", "a=%FE", &[(Kind::Text, "body")]);
}

const XML: &str = "application/xml; charset=utf-8";

#[test]
fn xml_is_compared_by_structure() {
    differ(
        XML,
        "",
        "<?xml version='1.0'?><o:order xmlns:o='urn:shop' id='7' state=\"new\"><o:sku>a&amp;b</o:sku></o:order>",
        "<order xmlns=\"urn:shop\" state='new' id='7'>\n  <!-- a comment -->\n  <sku><![CDATA[a&b]]></sku>\n</order>\n",
        &[],
    );
    let (legacy, modern) = (
        "<order id='7'><sku>a</sku><qty>2</qty><note/></order>",
        "<order id='8' x='1'><sku>a </sku><qty>2.0</qty></order>",
    );
    differ(
        XML,
        "",
        legacy,
        modern,
        &[
            (Kind::Value, "/order/@id"),
            (Kind::Extra, "/order/@x"),
            (Kind::Missing, "/order/note"),
            (Kind::Value, "/order/qty"),
            (Kind::Value, "/order/sku"),
        ],
    );
    let rules = signed(&[
        r#"path = ["/order/@id", "/order/@x"], ignore = true"#,
        r#"path = "/order/qty", number = { tolerance = "0" }"#,
        r#"path = "/**/sku", text = ["space"]"#,
        r#"path = "/order/note", null_is_missing = true"#,
    ]);
    let comparison = judge(XML, &rules, legacy, modern);
    assert_eq!(found(&comparison), []);
    assert_eq!(comparison.hits, [0, 1, 2, 3]);
    differ(
        XML,
        "",
        "<a xmlns='u'><b/></a>",
        "<a xmlns='v'><b/></a>",
        &[(Kind::Value, "/a/@xmlns")],
    );
}

#[test]
fn elements_of_one_name_are_aligned_and_told_by_position() {
    let order = |items: &[&str]| {
        let items = items
            .iter()
            .map(|sku| format!("<item><sku>{sku}</sku></item>"));
        format!("<order>{}</order>", items.collect::<Vec<_>>().concat())
    };
    let all = order(&["a", "b", "c"]);
    differ(
        XML,
        "",
        &all,
        &order(&["a", "c"]),
        &[(Kind::Missing, "/order/item[2]")],
    );
    differ(
        XML,
        "",
        &order(&["a"]),
        &all,
        &[
            (Kind::Extra, "/order/item[2]"),
            (Kind::Extra, "/order/item[3]"),
        ],
    );
    differ(
        XML,
        "",
        &all,
        &order(&["a", "x", "c"]),
        &[(Kind::Value, "/order/item[2]/sku")],
    );
    let moved = order(&["c", "a", "b"]);
    differ(XML, "unordered = [\"/order\"]", &all, &moved, &[]);
    differ(XML, "ignore = [\"/order/item/sku\"]", &all, &moved, &[]);
    let keyed = "keyed = { \"/order\" = \"/sku\" }";
    differ(XML, keyed, &all, &moved, &[(Kind::Order, "/order")]);
    differ(
        XML,
        keyed,
        &order(&["a"]),
        &order(&["b"]),
        &[(Kind::Missing, "/order/item"), (Kind::Extra, "/order/item")],
    );
}

#[test]
fn the_order_of_children_means_something_until_a_rule_says_otherwise() {
    let (legacy, modern) = ("<a><b>1</b><c>2</c></a>", "<a><c>2</c><b>1</b></a>");
    differ(XML, "", legacy, modern, &[(Kind::Order, "/a")]);
    differ(XML, "unordered = [\"/a\"]", legacy, modern, &[]);
    differ(
        XML,
        "",
        "<a><b/><c/><b/></a>",
        "<a><b/><b/><c/></a>",
        &[(Kind::Order, "/a")],
    );
}

#[test]
fn mixed_content_is_text_in_its_place() {
    let (legacy, modern) = ("<p>one <b>two</b> three</p>", "<p>one <b>two</b> four</p>");
    differ(XML, "", legacy, modern, &[(Kind::Value, "/p")]);
    differ(
        XML,
        "",
        "<p>one <b/></p>",
        "<p><b/>one </p>",
        &[(Kind::Order, "/p")],
    );
}

#[test]
fn a_body_that_lies_about_its_structure_is_a_difference_or_text() {
    for (content_type, good) in [(XML, "<a/>"), (LINES, "{}\n{}")] {
        let broken = "oops <";
        differ(content_type, "", good, broken, &[(Kind::Format, "body")]);
        differ(
            content_type,
            "",
            "<a>\n1",
            "<a>\n2",
            &[(Kind::Text, "body")],
        );
    }
    let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    let (ok, gave_up) = (
        judge(XML, "", &deep(128), &deep(127)),
        judge(XML, "", &deep(129), &deep(127)),
    );
    assert_eq!(ok.verdict, Verdict::Different);
    assert_eq!(
        gave_up.verdict,
        Verdict::Undecodable(Undecodable::LimitDepth)
    );
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbbbbbb\"><!ENTITY c \"&b;&b;&b;\">]><a>&c;</a>";
    differ(XML, "", bomb, "<a>b</a>", &[(Kind::Format, "body")]);
}

#[test]
fn text_bodies_are_compared_under_the_rules_for_the_body() {
    let html = |nonce: &str, end: &str| format!("<p>\n<script nonce=\"{nonce}\">\n</p>{end}");
    let rules = signed(&[r#"path = "body", scrub = 'nonce="[^"]*"', text = ["space"]"#]);
    let comparison = judge("text/html", &rules, &html("a", ""), &html("b", " "));
    assert_eq!(
        (comparison.verdict, &comparison.hits[..]),
        (Verdict::Matched, &[0][..])
    );
    let comparison = judge("text/html", &rules, &html("a", ""), &html("b", "!"));
    assert_eq!(found(&comparison), [(Kind::Text, "body")]);
    assert_eq!(
        comparison.discrepancies[0].modern.as_deref(),
        Some("3: </p>! (no line end)")
    );
    let plain = judge("text/html", "", &html("a", ""), &html("b", ""));
    assert_eq!(found(&plain), [(Kind::Text, "body")]);
}

#[test]
fn bodies_without_a_type_are_what_both_look_like() {
    let headers = common::headers(&[]);
    let judge = |legacy: &'static str, modern: &'static str| {
        let (legacy, modern) = ([legacy.into()], [modern.into()]);
        let [legacy, modern] = [&legacy, &modern].map(|body| comparator::Response {
            status: 200,
            headers: &headers,
            body,
        });
        comparator::compare(&legacy, &modern, &Rules::default())
    };
    assert_eq!(
        judge(
            "<?xml version='1.0'?><a/>",
            "<?xml version=\"1.0\"?>\n<a></a>"
        )
        .verdict,
        Verdict::Matched
    );
    assert_eq!(found(&judge("<?xml?><a/>", "{}")), [(Kind::Bytes, "body")]);
}
