//! What is found in whole, broken and cut documents, held against a search through a value.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::RulesConfig;

fn rules(ids: &[(&str, &str)]) -> Rules {
    let mut config = RulesConfig::default();
    config.ids.extend(
        ids.iter()
            .map(|(path, entity)| ((*path).to_owned(), (*entity).to_owned())),
    );
    Rules::try_from(&config).unwrap()
}

/// The ids found in a text, and whether there may be more.
fn of(text: &str, ids: &[(&str, &str)]) -> (Vec<String>, bool) {
    let found = super::ids(text.as_bytes(), false, &rules(ids), 256);
    let named = found
        .ids
        .iter()
        .map(|(entity, id)| format!("{entity}:{id}"));
    (named.collect(), found.missed)
}

/// The same by a search through the whole value, once for each rule.
fn searched(rules: &Rules, text: &str) -> Vec<(String, String)> {
    fn below(rule: &crate::IdRule, path: &str, value: &Value, found: &mut Vec<(String, String)>) {
        let mut note = |id: String| {
            let fits = (1..=256).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
            if fits && rule.pattern.matches(path) {
                found.push((rule.entity.clone(), id));
            }
        };
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    let step = crate::rules::escape(key);
                    below(rule, &format!("{path}/{step}"), value, found);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    below(rule, &format!("{path}/{index}"), item, found);
                }
            }
            Value::String(id) => note(id.clone()),
            Value::Number(id) => note(id.to_string()),
            Value::Null | Value::Bool(_) => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_str(text) {
        for rule in rules.ids() {
            below(rule, "", &value, &mut found);
        }
    }
    found.sort();
    found
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-c1 \"~/é]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ab0~/]{0,2}", inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}

proptest! {
    #[test]
    fn one_pass_finds_what_a_search_for_each_rule_finds(
        patterns in prop::collection::btree_set("(/(a|b|0|1|~0|~1|\\*|\\*\\*)){0,4}", 1..4),
        value in json(),
    ) {
        let entities = ["order", "item", "customer"];
        let declared: Vec<_> = patterns.iter().map(String::as_str).zip(entities).collect();
        let rules = rules(&declared);
        let text = value.to_string();
        let mut found = super::ids(text.as_bytes(), false, &rules, usize::MAX);
        found.ids.sort();
        prop_assert_eq!(&found.ids, &searched(&rules, &text));
        prop_assert!(!found.missed);
    }

    #[test]
    fn a_beginning_names_no_more_than_the_whole_and_says_that_it_may_miss_some(
        value in json(),
        end in any::<prop::sample::Index>(),
    ) {
        let rules = rules(&[("/a", "order"), ("/**/b", "item"), ("/*/0", "customer")]);
        let text = value.to_string();
        let mut end = end.index(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let whole = super::ids(text.as_bytes(), false, &rules, usize::MAX).ids;
        let start = super::ids(&text.as_bytes()[..end], true, &rules, usize::MAX);
        prop_assert!(start.ids.iter().all(|id| whole.contains(id)), "{:?} of {:?}", start, whole);
        prop_assert!(start.missed || start.ids.len() == whole.len());
    }

    #[test]
    fn no_text_is_too_odd_to_be_searched(text in "[\\[\\]{}\",:1a\\\\-]{0,30}", cut in any::<bool>()) {
        let rules = rules(&[("/**", "order"), ("/a", "item")]);
        let _ = super::ids(text.as_bytes(), cut, &rules, 256);
    }
}

const ORDER: [(&str, &str); 1] = [("/data/id", "order")];

#[test]
fn all_values_of_a_repeated_key_count() {
    let text = r#"{"data":{"id":"1","id":2},"data":{"id":"3"}}"#;
    let all = ["order:1", "order:2", "order:3"];
    assert_eq!(of(text, &ORDER), (all.map(str::to_owned).to_vec(), false));
}

#[test]
fn what_broken_json_may_hold_is_missed_unless_its_one_place_was_seen() {
    let one = || vec!["order:1".to_owned()];
    assert_eq!(of(r#"{"data":{"id":"1","x":tru"#, &ORDER), (one(), false));
    for broken in [
        "{\"data\":{\"id\":1",
        "{\"data\":{\"id\":\"1",
        "{\"data\":{\"id\"",
        "{\"data\":{\"x\":\"\u{1}\",\"id\":1}}",
        "{",
        "[",
    ] {
        assert_eq!(of(broken, &ORDER), (Vec::new(), true), "{broken}");
    }
    let wild = [("/data/*/id", "order")];
    assert_eq!(of(r#"{"data":[{"id":"1"},"#, &wild), (one(), true));
    let wrong = super::ids(
        b"{\"data\":{\"x\":\"\xff\",\"id\":\"1\"}}",
        false,
        &rules(&ORDER),
        9,
    );
    assert_eq!((wrong.ids.len(), wrong.missed), (0, true));
}

#[test]
fn what_is_no_json_misses_nothing() {
    for text in ["", " \n", "ok", "<a/>", "2026 was", "\"", "nul"] {
        assert_eq!(of(text, &ORDER), (Vec::new(), false), "{text}");
    }
    let blank = super::ids(b"  \n", true, &rules(&ORDER), 9);
    assert!(blank.missed, "nobody knows what comes behind it");
}

#[test]
fn deep_nesting_ends_the_search_and_is_told() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(of(&deep, &[("/**", "order")]), (Vec::new(), true));
}

#[test]
fn there_are_at_most_so_many() {
    let found = super::ids(b"[1,2,3,4]", false, &rules(&[("/*", "order")]), 3);
    assert_eq!(found.ids.len(), 3);
}
