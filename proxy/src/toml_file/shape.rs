//! Holds a TOML document against the schema of the raw types, and reports every misfit at once.
//!
//! serde stops at the first error; an operator wants them all. The schema is derived from the
//! same types that serde fills, so the two can't disagree. Values are not judged here, only keys
//! and types.

use super::problem::{KeyPath, Mistake, Step};
use serde::de::DeserializeOwned;
use serde_json::Value as Schema;
use toml::de::{DeInteger, DeTable, DeValue};

/// Every key that is unknown or missing and every value of a wrong type.
pub(super) fn misfits(root: &DeTable<'_>, schema: &Schema) -> Vec<Mistake> {
    let mut walk = Walk {
        root: schema,
        at: Vec::new(),
        found: Vec::new(),
    };
    walk.table(root, schema);
    walk.found
}

/// The file without what the misfits speak of, if what is left makes a file.
pub(super) fn without<T: DeserializeOwned>(text: &str, misfits: &[Mistake]) -> Option<T> {
    let mut file: toml::Value = toml::Value::Table(text.parse().ok()?);
    for misfit in misfits {
        // An array loses no element, since that would move the places of the others: the key
        // that holds it goes as a whole.
        let keys = misfit
            .at
            .iter()
            .rposition(|step| matches!(step, Step::Key(_)))?;
        let (last, way) = misfit.at.get(..=keys)?.split_last()?;
        let table = way.iter().try_fold(&mut file, |value, step| match step {
            Step::Key(key) => value.get_mut(key.as_str()),
            Step::Index(index) => value.get_mut(*index),
        });
        if let (Some(toml::Value::Table(table)), Step::Key(key)) = (table, last) {
            table.remove(key);
        }
    }
    file.try_into().ok()
}

struct Walk<'s> {
    root: &'s Schema,
    at: KeyPath,
    found: Vec<Mistake>,
}

impl<'s> Walk<'s> {
    fn value(&mut self, value: &DeValue<'_>, schema: &'s Schema) {
        let schema = self.resolve(schema);
        if let Some(choices) = schema.get("anyOf").or_else(|| schema.get("oneOf")) {
            let choices: Vec<&Schema> = choices.as_array().into_iter().flatten().collect();
            let fitting = choices.iter().find(|choice| {
                fits_type(value, self.resolve(choice)) && fits_enum(value, self.resolve(choice))
            });
            return match fitting {
                Some(choice) => self.value(value, choice),
                None => self.refuse(value, &expectation(&choices, self)),
            };
        }
        if !fits_type(value, schema) || !fits_enum(value, schema) {
            return self.refuse(value, &expectation(&[schema], self));
        }
        match value {
            DeValue::Table(table) => self.table(table, schema),
            DeValue::Array(items) => {
                let Some(item_schema) = schema.get("items") else {
                    return;
                };
                for (i, item) in items.iter().enumerate() {
                    self.at.push(Step::Index(i));
                    self.value(item.get_ref(), item_schema);
                    self.at.pop();
                }
            }
            _ => {}
        }
    }

    fn table(&mut self, table: &DeTable<'_>, schema: &'s Schema) {
        let known = schema.get("properties").and_then(Schema::as_object);
        let others = schema.get("additionalProperties");
        for (key, value) in table {
            let key = key.get_ref().as_ref();
            self.at.push(Step::Key(key.to_owned()));
            match (known.and_then(|known| known.get(key)), others) {
                (Some(schema), _) => self.value(value.get_ref(), schema),
                (None, Some(schema)) if schema.is_object() => self.value(value.get_ref(), schema),
                (None, Some(Schema::Bool(false))) => {
                    let names: Vec<&str> = known
                        .into_iter()
                        .flatten()
                        .map(|(name, _)| name.as_str())
                        .collect();
                    self.found
                        .push(Mistake::of_key(self.at.clone(), unknown_key(key, &names)));
                }
                (None, _) => {}
            }
            self.at.pop();
        }
        for name in schema
            .get("required")
            .and_then(Schema::as_array)
            .into_iter()
            .flatten()
        {
            if let Some(name) = name.as_str().filter(|name| table.get(*name).is_none()) {
                self.found.push(Mistake::new(
                    self.at.clone(),
                    format!("`{name}` is missing"),
                ));
            }
        }
    }

    fn resolve(&self, schema: &'s Schema) -> &'s Schema {
        schema
            .get("$ref")
            .and_then(Schema::as_str)
            .and_then(|reference| reference.strip_prefix('#'))
            .and_then(|pointer| self.root.pointer(pointer))
            .unwrap_or(schema)
    }

    fn refuse(&mut self, value: &DeValue<'_>, expected: &str) {
        let key = self.at.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        });
        let key = key.unwrap_or("the file");
        let message = format!("`{key}` is {}, expected {expected}", shown(value));
        self.found.push(Mistake::new(self.at.clone(), message));
    }
}

fn fits_type(value: &DeValue<'_>, schema: &Schema) -> bool {
    let fits = |name: &str| match name {
        "object" => value.is_table(),
        "array" => value.is_array(),
        "string" => value.is_str(),
        "boolean" => value.is_bool(),
        "integer" => value
            .as_integer()
            .is_some_and(|number| fits_range(number, schema)),
        "number" => value.is_integer() || value.is_float(),
        _ => false,
    };
    match schema.get("type") {
        Some(Schema::String(name)) => fits(name),
        Some(Schema::Array(names)) => names.iter().filter_map(Schema::as_str).any(fits),
        _ => match schema.get("const").and_then(Schema::as_str) {
            Some(word) => value.as_str() == Some(word),
            None => true,
        },
    }
}

/// Whether a whole number is one that the field can hold.
fn fits_range(number: &DeInteger<'_>, schema: &Schema) -> bool {
    let largest = match schema.get("format").and_then(Schema::as_str) {
        Some("uint8") => u8::MAX.into(),
        Some("uint16") => u16::MAX.into(),
        Some("uint32") => u32::MAX.into(),
        _ => i64::MAX.into(),
    };
    let smallest = schema.get("minimum").and_then(Schema::as_i64);
    i128::from_str_radix(number.as_str(), number.radix()).is_ok_and(|number| {
        number <= largest && smallest.is_none_or(|least| number >= least.into())
    })
}

fn fits_enum(value: &DeValue<'_>, schema: &Schema) -> bool {
    if let Some(word) = schema.get("const").and_then(Schema::as_str) {
        return value.as_str() == Some(word);
    }
    match schema.get("enum").and_then(Schema::as_array) {
        Some(words) => words.iter().any(|word| word.as_str() == value.as_str()),
        None => true,
    }
}

fn expectation(schemas: &[&Schema], walk: &Walk<'_>) -> String {
    let mut words: Vec<String> = Vec::new();
    for schema in schemas {
        let schema = walk.resolve(schema);
        if let Some(word) = schema.get("const").and_then(Schema::as_str) {
            words.push(format!("\"{word}\""));
        } else if let Some(options) = schema.get("enum").and_then(Schema::as_array) {
            words.extend(
                options
                    .iter()
                    .filter_map(Schema::as_str)
                    .map(|w| format!("\"{w}\"")),
            );
        } else {
            match schema.get("type") {
                Some(Schema::String(name)) if name != "null" => words.push(type_word(name)),
                Some(Schema::Array(names)) => words.extend(
                    names
                        .iter()
                        .filter_map(Schema::as_str)
                        .filter(|n| *n != "null")
                        .map(type_word),
                ),
                _ => {}
            }
        }
    }
    words.join(" or ")
}

fn type_word(name: &str) -> String {
    match name {
        "object" => "a table",
        "array" => "an array",
        "string" => "a string",
        "boolean" => "true or false",
        "integer" => "a whole number within its range",
        other => other,
    }
    .to_owned()
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("\"{}\"", text.chars().take(80).collect::<String>()),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(word) => word.to_string(),
        DeValue::Datetime(time) => format!("the date {time}"),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn unknown_key(key: &str, known: &[&str]) -> String {
    let closest = known
        .iter()
        .map(|name| (strsim::jaro_winkler(key, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match closest {
        Some((_, name)) => format!("`{key}` is no key here; did you mean `{name}`?"),
        None => format!("`{key}` is no key here; keys are: {}", known.join(", ")),
    }
}
