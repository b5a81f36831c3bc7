//! Reads the properties of one JSON object by name and collects every violated rule, in the
//! wording of class-validator, which is what the contract's clients know.
//!
//! A reading method always returns a value, a placeholder where a rule is violated: only
//! [`Fields::finish`] hands anything out, and it refuses when there was a violation.

use std::collections::BTreeMap;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::email;
use crate::money::{Money, decimal};

/// More violations than this are not listed; no honest request comes near.
const LISTED: usize = 100;

/// A property's name is repeated up to here.
const SHOWN_NAME_CHARS: usize = 50;

type Properties = BTreeMap<String, Box<RawValue>>;

/// One object's properties, taken out one by one.
pub(super) struct Fields {
    properties: Properties,
    /// `items.0.` for a nested object.
    prefix: String,
    violations: Vec<String>,
}

impl Fields {
    /// The properties of a whole body.
    pub(super) fn of_body(body: &[u8]) -> Result<Self, Vec<String>> {
        let raw: &RawValue = serde_json::from_slice(body)
            .map_err(|error| vec![format!("body must be valid JSON: {error}")])?;
        Self::of(raw, String::new()).ok_or_else(|| vec!["body must be an object".into()])
    }

    fn of(raw: &RawValue, prefix: String) -> Option<Self> {
        let properties = serde_json::from_str(raw.get()).ok()?;
        Some(Self {
            properties,
            prefix,
            violations: Vec::new(),
        })
    }

    /// The value, unless a rule was violated or a property is left that nobody took.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Vec<String>> {
        let unknown = self.properties.keys().map(|name| {
            let name: String = name.chars().take(SHOWN_NAME_CHARS).collect();
            format!("{}property {name} should not exist", self.prefix)
        });
        let violations: Vec<_> = unknown.chain(self.violations).take(LISTED).collect();
        if violations.is_empty() {
            Ok(value)
        } else {
            Err(violations)
        }
    }

    /// A required text that is not blank, of at most `longest` characters.
    pub(super) fn text(&mut self, name: &str, longest: usize) -> String {
        let raw = self.take(name);
        let text = raw.as_deref().and_then(string);
        if text.as_deref().is_none_or(|text| text.trim().is_empty()) {
            self.violated(name, "should not be empty");
        }
        match text {
            Some(text) => self.bounded(name, text, longest),
            None => self.missing(name, "must be a string"),
        }
    }

    /// A required text that names a row; whether one has it is not judged here.
    pub(super) fn reference(&mut self, name: &str) -> String {
        let text = self.take(name).as_deref().and_then(string);
        text.unwrap_or_else(|| self.missing(name, "must be a string"))
    }

    /// An optional text; null is as good as absent.
    pub(super) fn optional_text(&mut self, name: &str, longest: usize) -> Option<String> {
        let raw = self.take(name)?;
        Some(match string(&raw) {
            Some(text) => self.bounded(name, text, longest),
            None => self.missing(name, "must be a string"),
        })
    }

    /// A required e-mail address.
    pub(super) fn email(&mut self, name: &str) -> String {
        let text = self
            .take(name)
            .as_deref()
            .and_then(string)
            .unwrap_or_default();
        if text.is_empty() {
            self.violated(name, "should not be empty");
        }
        if !email::is_valid(&text) {
            self.violated(name, "must be an email");
        }
        text
    }

    /// A required word of a fixed list.
    pub(super) fn word<T: FromStr + Default>(&mut self, name: &str, words: &[&str]) -> T {
        let text = self.take(name).as_deref().and_then(string);
        let word = text.and_then(|text| text.parse().ok());
        word.unwrap_or_else(|| {
            let rule = format!("must be one of the following values: {}", words.join(", "));
            self.missing(name, &rule)
        })
    }

    /// A required amount above zero.
    pub(super) fn positive_amount(&mut self, name: &str) -> Money {
        let amount = self.number(name).map(Money::half_up);
        if !amount.is_some_and(Money::is_positive) {
            self.violated(name, "must be a positive number");
        }
        amount.unwrap_or_default()
    }

    /// A required amount, zero included.
    pub(super) fn amount(&mut self, name: &str) -> Money {
        let amount = self.number(name).map(Money::half_up);
        if amount.is_none_or(Money::is_negative) {
            self.violated(name, "must not be less than 0");
        }
        amount.unwrap_or_default()
    }

    /// An optional amount, zero included; zero when absent.
    pub(super) fn optional_amount(&mut self, name: &str) -> Money {
        if self.has(name) {
            self.amount(name)
        } else {
            Money::ZERO
        }
    }

    /// An optional number from 0 to 1.
    pub(super) fn optional_rate(&mut self, name: &str) -> Option<Decimal> {
        if !self.has(name) {
            return None;
        }
        let rate = self.number(name);
        if rate.is_none_or(|rate| rate < Decimal::ZERO) {
            self.violated(name, "must not be less than 0");
        }
        if rate.is_none_or(|rate| rate > Decimal::ONE) {
            self.violated(name, "must not be greater than 1");
        }
        rate
    }

    /// A required whole number of things, from 1 to what an INT column takes.
    pub(super) fn quantity(&mut self, name: &str) -> i32 {
        let number = self.number(name);
        let whole = number.filter(Decimal::is_integer);
        if number.is_some() && whole.is_none() {
            self.violated(name, "must be an integer number");
        }
        if number.is_none_or(|number| number <= Decimal::ZERO) {
            self.violated(name, "must be a positive number");
        }
        if number.is_some_and(|number| number > Decimal::from(i32::MAX)) {
            self.violated(name, "must not be greater than 2147483647");
        }
        whole
            .and_then(|whole| i32::try_from(whole).ok())
            .unwrap_or_default()
    }

    /// An optional value of text that `parse` understands.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        rule: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let raw = self.take(name)?;
        let value = string(&raw).and_then(|text| parse(&text));
        if value.is_none() {
            self.violated(name, rule);
        }
        value
    }

    /// An optional array of objects, each read by `read`; empty when absent.
    pub(super) fn objects<T>(
        &mut self,
        name: &str,
        most: usize,
        read: impl Fn(Fields) -> Result<T, Vec<String>>,
    ) -> Vec<T> {
        let Some(raw) = self.take(name) else {
            return Vec::new();
        };
        let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
            return self.missing(name, "must be an array");
        };
        if elements.len() > most {
            return self.missing(name, &format!("must contain no more than {most} elements"));
        }
        let mut values = Vec::with_capacity(elements.len());
        for (index, element) in elements.into_iter().enumerate() {
            let place = format!("{}{name}.{index}", self.prefix);
            match Self::of(element, format!("{place}.")) {
                Some(fields) => match read(fields) {
                    Ok(value) => values.push(value),
                    Err(violations) => self.violations.extend(violations),
                },
                None => self.violations.push(format!("{place} must be an object")),
            }
        }
        values
    }

    /// Whether there is a value; a null is taken, for it is the same as none.
    fn has(&mut self, name: &str) -> bool {
        let is_null = |raw: &mut Box<RawValue>| raw.get() == "null";
        if self.properties.get_mut(name).is_some_and(is_null) {
            self.properties.remove(name);
        }
        self.properties.contains_key(name)
    }

    fn take(&mut self, name: &str) -> Option<Box<RawValue>> {
        self.properties
            .remove(name)
            .filter(|raw| raw.get() != "null")
    }

    fn number(&mut self, name: &str) -> Option<Decimal> {
        let number = self.take(name).and_then(|raw| decimal(raw.get()));
        if number.is_none() {
            self.violated(
                name,
                "must be a number conforming to the specified constraints",
            );
        }
        number
    }

    fn bounded(&mut self, name: &str, text: String, longest: usize) -> String {
        if text.chars().count() > longest {
            let rule = format!("must be shorter than or equal to {longest} characters");
            self.violated(name, &rule);
        }
        // Databases differ in what they make of U+0000; none of them is asked.
        if text.contains('\0') {
            self.violated(name, "must not contain null characters");
        }
        text
    }

    fn missing<T: Default>(&mut self, name: &str, rule: &str) -> T {
        self.violated(name, rule);
        T::default()
    }

    fn violated(&mut self, name: &str, rule: &str) {
        self.violations
            .push(format!("{}{name} {rule}", self.prefix));
    }
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}
