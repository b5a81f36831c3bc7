//! The grammar, the limits and the shape of the parsed document.

use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds {
    depth: 128,
    nodes: 1_000_000,
};

fn failure(text: &[u8]) -> Option<Failure> {
    parse(text, Grammar::Json, BOUNDS).err()
}

#[test]
fn the_grammar_is_rfc_8259_and_no_more() {
    let good = [
        "{}",
        "[]",
        " [ ] ",
        "0",
        "-0",
        "1e5",
        "1E+5",
        "0.5e-7",
        "\"\"",
        "null",
        "true",
        "false",
        r#"{"a":[1,{"b":null}],"c":"\u0041"}"#,
        "[[],[[]],{}]",
        r#""\ud800""#,
        "\u{feff}[1]",
        "\"\u{7f}é\u{2028}\"",
        r#"{"a":1,"a":2}"#,
        "\t[\r\n1 , 2 ]\n",
    ];
    for text in good {
        assert_eq!(failure(text.as_bytes()), None, "{text}");
    }
    let bad = [
        "",
        " ",
        "{",
        "[",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "nul",
        "nulll",
        "tru",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12\"",
        "\"\n\"",
        "\"\u{1f}12345678\"",
        "[1]]",
        "[}",
        "{]",
        "1 2",
        "'a'",
        "[1]//",
        "\u{feff}\u{feff}1",
        "\u{a0}1",
        "[\"a\",\n4,,",
    ];
    for text in bad {
        assert_eq!(
            failure(text.as_bytes()),
            Some(Failure::NotStructured),
            "{text}"
        );
    }
    assert_eq!(failure(b"\"\xff\""), Some(Failure::NotStructured));
}

#[test]
fn limits_are_explicit_and_exact() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(failure(nested(128).as_bytes()), None);
    let deep = Some(Failure::GaveUp(Undecodable::LimitDepth));
    assert_eq!(failure(nested(129).as_bytes()), deep);
    assert_eq!(failure("[".repeat(1_000_000).as_bytes()), deep);
    let three = Bounds { depth: 1, nodes: 3 };
    assert!(parse(b"[1,2]", Grammar::Json, three).is_ok());
    let work = Some(Failure::GaveUp(Undecodable::LimitWork));
    assert_eq!(parse(b"[1,2,3]", Grammar::Json, three).err(), work);
}

#[test]
fn children_and_tokens_are_found() {
    let document = parse(
        br#"{"a": [10, "x\n"], "b": {"c": true}}"#,
        Grammar::Json,
        BOUNDS,
    )
    .unwrap();
    let keys: Vec<_> = document.keys(0).map(|key| document.token(key)).collect();
    assert_eq!(keys, ["\"a\"", "\"b\""]);
    let list = document.child(0, "a").unwrap();
    let elements: Vec<_> = document
        .elements(list)
        .map(|id| document.token(id))
        .collect();
    assert_eq!(elements, ["10", r#""x\n""#]);
    let inner = document.child(0, "b").unwrap();
    assert_eq!(document.token(inner), r#"{"c": true}"#);
    assert_eq!(document.child(list, "01"), None);
}

proptest! {
    #[test]
    fn what_serde_json_accepts_is_accepted_and_the_rest_refused(
        text in r#"[\[\]{}:,"\\ 0-9a-fu.eE+\-tn]{0,12}"#
    ) {
        let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&text);
        prop_assert_eq!(parse(text.as_bytes(), Grammar::Json, BOUNDS).is_ok(), theirs.is_ok(), "{}", text);
    }
}
