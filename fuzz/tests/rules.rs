//! Rules as text: whatever is written, it is rules or a list of mistakes with their places.

use bolero::check;
use comparator::{Pattern, Rules, RulesConfig, Verdict};
use fuzz::{judge, text};

const TOML: &[&str] = &[
    "rules = [",
    "]",
    "{",
    "}",
    ", ",
    "\n",
    "[[rules]]\n",
    "path = ",
    "\"/a\"",
    "\"/**/b\"",
    "\"/*\"",
    "\"\"",
    "\"x\"",
    "\"~\"",
    "[",
    "author = \"a\"",
    "reason = \"r\"",
    "expires = \"2026-11-22\"",
    "expires = \"x\"",
    "ignore = true",
    "ignore = [\"/a\"]",
    "unordered = [\"/b\"]",
    "unordered = true",
    "key = \"/id\"",
    "number = {",
    "tolerance = \"1%\"",
    "tolerance = \"1s\"",
    "decimals = 2",
    "decimals = 255",
    "or_text = true",
    "time = {",
    "naive = \"UTC\"",
    "formats = [\"%Y\"]",
    "formats = [\"%d.%m.%Y\", \"unix\"]",
    "text = [\"case\"]",
    "null_is_missing = true",
    "map = { a = \"b\" }",
    "scrub = \"[0-9]+\"",
    "scrub = \"(\"",
    "same_class = true",
    "id = \"order\"",
    "keyed = { \"/a\" = \"/id\" }",
    "headers = [\"etag\"]",
    "max_work = 7",
    "max_body = 0",
    "\"status\"",
    "\"body\"",
    "\"headers/x\"",
    "\"headers/ \"",
];

/// Whole rules, so that more than the parser of TOML is tried.
const RULE: &str = "author = \"a\"\nreason = \"r\"\n";

fn use_them(config: &RulesConfig) {
    match Rules::try_from(config) {
        Ok(rules) => {
            let (legacy, modern) = (
                br#"{"a":[{"id":1},null,"x"],"b":"2024-01-02T03:04:05"}"#,
                br#"{"a":[{"id":2},"x"],"b":"2024-01-02T03:04:05Z"}"#,
            );
            let same = judge("application/json", legacy, legacy, &rules);
            assert_eq!(same.verdict, Verdict::Matched);
            let comparison = judge("application/json", legacy, modern, &rules);
            assert!(
                comparison
                    .hits
                    .iter()
                    .all(|hit| rules.all().get(*hit).is_some())
            );
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(!error.key.is_empty() && !error.message.is_empty());
                assert!(error.to_string().contains(&error.message));
            }
        }
    }
}

#[test]
fn any_text_is_rules_or_mistakes() {
    check!()
        .with_iterations(20_000)
        .with_type::<Vec<u8>>()
        .for_each(|choices| {
            let written = text(choices, TOML);
            let Ok(written) = std::str::from_utf8(&written) else {
                return;
            };
            if let Ok(config) = toml::from_str::<RulesConfig>(written) {
                use_them(&config);
            }
        });
}

#[test]
fn any_keys_of_a_rule_are_a_rule_or_mistakes() {
    let type_of_value = |token: &&&str| token.contains(" = ") && !token.ends_with('{');
    let keys: Vec<&str> = TOML.iter().filter(type_of_value).copied().collect();
    check!()
        .with_iterations(20_000)
        .with_type::<(u8, Vec<u8>)>()
        .for_each(|(path, choices)| {
            let paths = [
                "/a",
                "/**",
                "/a/*",
                "status",
                "body",
                "headers/x",
                "headers/*",
                "x",
                "~",
            ];
            let mut lines: Vec<&str> = choices
                .iter()
                .map(|c| keys[usize::from(*c) % keys.len()])
                .collect();
            lines.sort_unstable();
            lines.dedup_by_key(|line| line.split(' ').next());
            let path = paths[usize::from(*path) % paths.len()];
            lines.retain(|line| !line.starts_with("author") && !line.starts_with("reason"));
            let written = format!("[[rules]]\npath = \"{path}\"\n{RULE}{}", lines.join("\n"));
            if let Ok(config) = toml::from_str::<RulesConfig>(&written) {
                use_them(&config);
            }
        });
}

#[test]
fn any_number_and_any_time_in_a_rule_is_one_or_a_mistake() {
    const VALUES: &[&str] = &[
        "0",
        "1",
        "9",
        ".",
        "e",
        "-",
        "+",
        "%",
        "s",
        "ms",
        "h",
        " ",
        "1e999999999999",
        "Y",
        "d",
        "H",
        "UTC",
        "Europe/",
        "Berlin",
        ":",
        "T",
        "Z",
        "unix",
        "_ms",
        "99999999999999999999999999999999999999",
    ];
    check!()
        .with_iterations(20_000)
        .with_type::<(Vec<u8>, Vec<u8>)>()
        .for_each(|(one, two)| {
            let of = |choices: &[u8]| String::from_utf8_lossy(&text(choices, VALUES)).into_owned();
            let (one, two) = (of(one), of(two));
            let mut config: RulesConfig = toml::from_str(&format!(
                "[[rules]]\npath = \"\"\n{RULE}number = {{}}\ntime = {{}}"
            ))
            .unwrap();
            let rule = &mut config.rules[0];
            if let Some(number) = &mut rule.number {
                number.tolerance = Some(one.clone());
                number.or_text = true;
            }
            if let Some(time) = &mut rule.time {
                time.tolerance = Some(two.clone());
                time.formats = vec![one.clone()];
                time.naive = Some(two.clone());
            }
            use_them(&config);
            let rule = &mut config.rules[0];
            if let Some(number) = &mut rule.number {
                number.tolerance = Some("1%".to_owned());
                number.decimals = Some(2);
            }
            rule.time = Some(comparator::TimeConfig {
                formats: vec!["unix".to_owned(), "%d.%m.%Y".to_owned()],
                naive: Some("UTC".to_owned()),
                ..comparator::TimeConfig::default()
            });
            let rules = Rules::try_from(&config).unwrap();
            let body = |text: &str| serde_json::to_vec(text).unwrap();
            let there = judge("application/json", &body(&one), &body(&two), &rules);
            let back = judge("application/json", &body(&two), &body(&one), &rules);
            assert_eq!(there.verdict, back.verdict, "{one:?} {two:?}");
        });
}

#[test]
fn a_path_that_parses_is_the_same_after_printing_and_rules_agree_with_it() {
    const PATTERNS: &[&str] = &["/", "*", "**", "a", "b", "0", "~0", "~1", "~", "é"];
    const PATHS: &[&str] = &["/", "a", "b", "0", "~0", "~1", "é", "*"];
    check!()
        .with_iterations(20_000)
        .with_type::<(Vec<u8>, Vec<u8>)>()
        .for_each(|(pattern, path)| {
            let of = |choices: &[u8], tokens| {
                String::from_utf8_lossy(&text(choices, tokens)).into_owned()
            };
            let (written, path) = (of(pattern, PATTERNS), of(path, PATHS));
            let Ok(pattern) = written.parse::<Pattern>() else {
                return;
            };
            assert_eq!(
                pattern.to_string().parse::<Pattern>().as_ref(),
                Ok(&pattern)
            );
            assert!(!written.contains("**") || written.len() > 1);
            // A document with one leaf at the path, whose keys are the path's segments.
            let Some(segments) = path.strip_prefix('/') else {
                return;
            };
            if path.parse::<Pattern>().is_err() {
                return;
            }
            let segments: Vec<String> = segments
                .split('/')
                .map(|s| s.replace("~1", "/").replace("~0", "~"))
                .collect();
            if segments.len() > 100 {
                return;
            }
            let document = |leaf: &str| {
                let nested = segments.iter().rev().fold(leaf.to_owned(), |inner, key| {
                    format!("{{{}:{inner}}}", serde_json::to_string(key).unwrap())
                });
                nested.into_bytes()
            };
            let config = RulesConfig {
                ignore: vec![written.clone()],
                ..RulesConfig::default()
            };
            let rules = Rules::try_from(&config).unwrap();
            let verdict = judge("application/json", &document("1"), &document("2"), &rules).verdict;
            let prefixes = (0..=segments.len()).any(|count| {
                let prefix: String = path
                    .split('/')
                    .skip(1)
                    .take(count)
                    .map(|s| format!("/{s}"))
                    .collect();
                pattern.matches(&prefix)
            });
            assert_eq!(verdict == Verdict::Matched, prefixes, "{written} {path}");
        });
}
