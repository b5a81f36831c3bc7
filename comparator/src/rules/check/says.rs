//! What a rule says, and the settings beside the rules: values that are checked where they stand.
//!
//! Where a rule applies is not decided here.

use super::super::config::{NumberConfig, RuleConfig, RulesConfig};
use super::super::number::NumberRule;
use super::super::pattern;
use super::super::rule::Says;
use super::super::text::{Forms, expression};
use super::super::time::TimeRule;
use super::{Check, Key};

/// Deeper documents could exhaust the stack of a small thread.
const DEEPEST: usize = 256;
/// Offsets into a body have 32 bits; this leaves room.
const LARGEST: usize = 1 << 30;
impl Check {
    pub(super) fn says(&mut self, key: &impl Fn(&str) -> Key, config: &RuleConfig) -> Says {
        let mut wrongs: Vec<(&'static str, &'static str, String, String)> = Vec::new();
        let number = config.number.as_ref().map(|number| {
            let rule = NumberRule::new(number, &mut |field, value, message| {
                wrongs.push(("number", field, value.to_owned(), message.to_owned()));
            });
            if *number == NumberConfig::default() {
                let message = "give it tolerance, decimals or or_text";
                wrongs.push(("number", "", String::new(), message.to_owned()));
            }
            rule
        });
        let time = config.time.as_ref().map(|time| {
            TimeRule::new(time, &mut |field, value, message| {
                wrongs.push(("time", field, value.to_owned(), message.to_owned()));
            })
        });
        for (table, field, value, message) in wrongs {
            let mut key = key(table);
            if !field.is_empty() {
                key.push(field.into());
            }
            self.wrong(key, value, message);
        }
        let scrub = config.scrub.as_ref().and_then(|text| {
            let regex = expression(text);
            regex
                .map_err(|message| self.wrong(key("scrub"), text, message))
                .ok()
        });
        let map = (!config.map.is_empty()).then(|| config.map.clone());
        Says {
            ignore: config.ignore,
            unordered: config.unordered,
            key: config
                .key
                .as_ref()
                .and_then(|pointer| self.pointer(key("key"), pointer)),
            number,
            time,
            text: (!config.text.is_empty()).then(|| Forms::new(&config.text)),
            null_is_missing: config.null_is_missing,
            map,
            scrub,
            same_class: config.same_class,
            id: config
                .id
                .as_ref()
                .and_then(|entity| self.entity(key("id"), entity)),
            token: None,
        }
    }

    pub(super) fn settings(&mut self, config: &RulesConfig) {
        if let Some(names) = &config.headers {
            self.rules.headers.clear();
            for (at, name) in names.iter().enumerate() {
                match name.parse() {
                    Ok(name) if self.rules.headers.contains(&name) => {}
                    Ok(name) => self.rules.headers.push(name),
                    Err(_) => {
                        self.wrong(vec!["headers".into(), at.into()], name, "not a header name");
                    }
                }
            }
        }
        if let Some(body) = config.max_body {
            self.rules.limits.body = body;
            if !(1..=LARGEST).contains(&body) {
                let message = format!("not between 1 and {LARGEST}");
                self.wrong(vec!["max_body".into()], body.to_string(), message);
            }
        }
        if let Some(depth) = config.max_depth {
            self.rules.limits.depth = depth;
            if !(1..=DEEPEST).contains(&depth) {
                let message = format!("not between 1 and {DEEPEST}");
                self.wrong(vec!["max_depth".into()], depth.to_string(), message);
            }
        }
        if let Some(work) = config.max_work {
            self.rules.limits.work = work;
            if work == 0 {
                let message = "nothing can be compared without work";
                self.wrong(vec!["max_work".into()], "0", message);
            }
        }
    }

    pub(super) fn pointer(&mut self, key: Key, pointer: &str) -> Option<Vec<String>> {
        let split = pattern::split(pointer);
        split.map_err(|error| self.wrong(key, pointer, error)).ok()
    }

    pub(super) fn entity(&mut self, key: Key, entity: &str) -> Option<String> {
        if entity.is_empty() {
            self.wrong(key, entity, "the entity has no name");
            return None;
        }
        Some(entity.to_owned())
    }
}
