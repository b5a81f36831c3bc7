//! Bodies of every format, nearly well-formed: what the comparison says is consistent with itself.

use bolero::check;
use comparator::{Rules, RulesConfig, Verdict};
use fuzz::{Builder, changed, judge, text};

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"a\":",
    "\"b\":",
    "\"a\"",
    "\"\"",
    "1",
    "1.0",
    "-0",
    "1e5",
    "1e400",
    "null",
    "true",
    "false",
    " ",
    "\\u0041",
    "\"\\ud800\"",
    "\"é\"",
    "\"2024-01-02T03:04:05\"",
    "\"2024-01-02T03:04:05Z\"",
    "[1,2,3]",
    "{\"a\":1}",
    "{\"a\":null}",
    "\n",
];
const XML: &[&str] = &[
    "<a>",
    "</a>",
    "<b>",
    "</b>",
    "<a/>",
    "<b x='1' y='2'/>",
    "<a xmlns='u'>",
    "<n:a xmlns:n='u'>",
    "</n:a>",
    "text",
    " ",
    "\n",
    "&amp;",
    "&#65;",
    "&own;",
    "<!-- c -->",
    "<![CDATA[x]]>",
    "<?xml?>",
    "1",
    "<",
    ">",
];
const FORM: &[&str] = &["a=", "b=", "&", "=", "1", "+", "%20", "%FF", "%", "%C3%A9"];
const TEXT: &[&str] = &["a\n", "b\n", "\n", "\r\n", " ", "a", "nonce=1"];

const FORMATS: [(&str, &[&str]); 5] = [
    ("application/json", JSON),
    ("application/x-ndjson", JSON),
    ("application/xml", XML),
    ("application/x-www-form-urlencoded", FORM),
    ("text/html", TEXT),
];

const RULES: &str = r#"
    unordered = ["/b", "/*/b"]
    keyed = { "/a" = "/a", "/**/k" = "" }
    ignore = ["/**/c"]
    max_work = 200000
    [[rules]]
    path = ["/a/*", "/*/a", "/**/b", "body"]
    author = "nobody"
    reason = "fuzzing"
    text = ["case", "space", "unicode"]
    scrub = "x+"
    [[rules]]
    path = ["/**/a", ""]
    author = "nobody"
    reason = "fuzzing"
    number = { tolerance = "10%", or_text = true }
    time = { naive = "UTC", tolerance = "1s" }
    null_is_missing = true
    map = { "1" = "true", true = "1", a = "b" }
"#;

fn rules() -> Rules {
    let config: RulesConfig = toml::from_str(RULES).unwrap();
    Rules::try_from(&config).unwrap()
}

/// The format, the choices in fours, so that there are enough of them, and changes for the other
/// side.
type Input = (u8, Vec<[u8; 4]>, Vec<(u8, u8)>);

fn bodies((format, choices, changes): &Input) -> (&'static str, Vec<u8>, Vec<u8>) {
    let (content_type, dictionary) = FORMATS[usize::from(*format) % FORMATS.len()];
    let legacy = choices.as_flattened();
    let modern = changed(legacy, changes);
    let body = |choices: &[u8]| {
        let mut builder = Builder::new(choices);
        match content_type {
            // A few are nearly of the format.
            _ if *format >= 200 => text(choices, dictionary),
            "application/json" => builder.json().into_bytes(),
            "application/x-ndjson" => builder.lines(Builder::json).into_bytes(),
            "application/xml" => builder.xml().into_bytes(),
            "application/x-www-form-urlencoded" => builder.form().into_bytes(),
            _ => builder.lines(Builder::form).into_bytes(),
        }
    };
    (content_type, body(legacy), body(&modern))
}

#[test]
fn a_body_equals_itself_and_the_verdict_has_no_direction() {
    let (none, rules) = (Rules::default(), rules());
    check!()
        .with_iterations(20_000)
        .with_type::<Input>()
        .for_each(|input| {
            let (content_type, legacy, modern) = bodies(input);
            for rules in [&none, &rules] {
                let same = judge(content_type, &legacy, &legacy, rules);
                assert_eq!(same.verdict, Verdict::Matched);
            }
            let there = judge(content_type, &legacy, &modern, &none);
            let back = judge(content_type, &modern, &legacy, &none);
            assert_eq!(
                there.verdict == Verdict::Matched,
                back.verdict == Verdict::Matched
            );
            assert_eq!(there.unreported, back.unreported);
            assert_eq!(there.hits, [0; 0]);
        });
}

#[test]
fn rules_only_take_differences_away_and_the_same_pair_has_the_same_answer() {
    let (none, rules) = (Rules::default(), rules());
    check!()
        .with_iterations(20_000)
        .with_type::<Input>()
        .for_each(|input| {
            let (content_type, legacy, modern) = bodies(input);
            let plain = judge(content_type, &legacy, &modern, &none);
            let shown = || {
                let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
                format!("{content_type}\n{}\n{}", text(&legacy), text(&modern))
            };
            let ruled = judge(content_type, &legacy, &modern, &rules);
            assert_eq!(ruled, judge(content_type, &legacy, &modern, &rules));
            assert!(ruled.hits.iter().all(|hit| rules.all().get(*hit).is_some()));
            if plain.verdict == Verdict::Matched {
                assert_ne!(
                    ruled.verdict,
                    Verdict::Different,
                    "{:?} {}",
                    ruled.discrepancies,
                    shown()
                );
                assert_eq!(ruled.hits, [0; 0], "{}", shown());
            }
            if plain.verdict == Verdict::Different && ruled.verdict == Verdict::Matched {
                assert!(!ruled.hits.is_empty(), "{}", shown());
            }
        });
}

/// Whether the other parser takes every number as it is, and not as a float.
fn integers(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Number(number) => number.is_i64(),
        serde_json::Value::Array(elements) => elements.iter().all(integers),
        serde_json::Value::Object(members) => members.values().all(integers),
        _ => true,
    }
}

#[test]
fn json_is_equal_where_another_parser_says_so() {
    check!()
        .with_iterations(20_000)
        .with_type::<Input>()
        .for_each(|(_, choices, changes)| {
            let (_, legacy, modern) = bodies(&(0, choices.clone(), changes.clone()));
            let parse = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).ok();
            let (Some(mine), Some(theirs)) = (parse(&legacy), parse(&modern)) else {
                return;
            };
            // Where keys repeat, the other parser has forgotten something.
            let whole = |body: &[u8]| String::from_utf8_lossy(body).matches(':').count();
            let keys = |value: &serde_json::Value| value.to_string().matches(':').count();
            let repeats = whole(&legacy) != keys(&mine) || whole(&modern) != keys(&theirs);
            let matched = judge("application/json", &legacy, &modern, &Rules::default()).verdict
                == Verdict::Matched;
            if !repeats && integers(&mine) && integers(&theirs) {
                assert_eq!(matched, mine == theirs);
            }
        });
}

/// What a discrepancy suggests is a rule that parses, and under which that discrepancy is gone.
#[test]
fn a_suggested_rule_allows_what_it_was_suggested_for() {
    check!()
        .with_iterations(20_000)
        .with_type::<Input>()
        .for_each(|input| {
            let (content_type, legacy, modern) = bodies(input);
            let comparison = judge(content_type, &legacy, &modern, &Rules::default());
            for found in &comparison.discrepancies {
                let Some(rule) = found.allowing_rule() else {
                    continue;
                };
                let signed = rule.replacen("author = \"\"", "author = \"nobody\"", 1);
                let config: RulesConfig = toml::from_str(&format!("rules = [{signed}]"))
                    .unwrap_or_else(|error| panic!("{rule}: {error}"));
                let rules =
                    Rules::try_from(&config).unwrap_or_else(|errors| panic!("{rule}: {errors:?}"));
                let allowed = judge(content_type, &legacy, &modern, &rules);
                assert!(!allowed.discrepancies.contains(found), "{rule} {found:?}");
            }
        });
}
