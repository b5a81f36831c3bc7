//! `cutover routes-reference`: the keys of routes.toml, out of the comments on the types that read
//! it.

use crate::routes::schema;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::ExitCode;

pub(super) fn run() -> ExitCode {
    print!("{}", reference());
    ExitCode::SUCCESS
}

/// The reference as Markdown; `docs/routes.md` holds what this answers.
fn reference() -> String {
    let mut out = String::from("# Keys of routes.toml\n");
    let root = schema();
    let mut told = Vec::new();
    section(&mut out, root, root, "the file", &mut told);
    out
}

/// A table that may stand in several places is told once; `told` are those that were, with their
/// titles.
fn section<'s>(
    out: &mut String,
    root: &'s Value,
    schema: &'s Value,
    title: &str,
    told: &mut Vec<(&'s Value, String)>,
) {
    if let Some((_, first)) = told.iter().find(|(other, _)| std::ptr::eq(*other, schema)) {
        let _ = write!(out, "\n## {title}\n\nThe keys of {first}.\n");
        return;
    }
    told.push((schema, title.to_owned()));
    let _ = write!(out, "\n## {title}\n\n{}\n\n", text(schema));
    let _ = writeln!(out, "| key | type | meaning |\n|---|---|---|");
    let mut below = Vec::new();
    let required: BTreeSet<&str> = list(schema, "required").filter_map(Value::as_str).collect();
    for (key, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let (kind, table) = kind(root, property);
        let must = if required.contains(key.as_str()) {
            ", required"
        } else {
            ""
        };
        let meaning = text(property);
        let meaning = if meaning.is_empty() {
            table.map_or(String::new(), text)
        } else {
            meaning
        };
        let _ = writeln!(out, "| `{key}` | {kind}{must} | {meaning} |");
        below.extend(table.map(|table| (key, kind, table)));
    }
    for (key, kind, table) in below {
        let key = if title == "the file" {
            key.clone()
        } else {
            format!("{title}.{key}")
        };
        let key = key.replace(['[', ']'], "");
        let title = match kind.as_str() {
            "array of tables" => format!("[[{key}]]"),
            "table of tables" => format!("[{key}.NAME]"),
            _ => format!("[{key}]"),
        };
        section(out, root, table, &title, told);
    }
}

/// The type of a key in words, and the schema of the table that it holds.
fn kind<'s>(root: &'s Value, property: &'s Value) -> (String, Option<&'s Value>) {
    let property = resolve(root, property);
    if let Some(inner) = list(property, "anyOf").find(|p| p.get("type") != Some(&"null".into())) {
        return kind(root, inner);
    }
    if list(property, "oneOf").next().is_some() || property.get("enum").is_some() {
        let constants = list(property, "oneOf").filter_map(|choice| choice.get("const"));
        let words = constants
            .chain(list(property, "enum"))
            .filter_map(Value::as_str);
        return (
            words
                .map(|w| format!("`{w}`"))
                .collect::<Vec<_>>()
                .join(" or "),
            None,
        );
    }
    let name = match property.get("type") {
        Some(Value::Array(names)) => names.iter().find_map(Value::as_str).unwrap_or(""),
        Some(name) => name.as_str().unwrap_or(""),
        None => "",
    };
    match name {
        "object" => match property
            .get("additionalProperties")
            .filter(|p| p.is_object())
        {
            Some(others) => match kind(root, others) {
                (_, Some(table)) => ("table of tables".into(), Some(table)),
                (kind, None) => (format!("table of {kind}s"), None),
            },
            None => ("table".into(), Some(property)),
        },
        "array" => match property.get("items").map(|items| kind(root, items)) {
            Some((_, Some(table))) => ("array of tables".into(), Some(table)),
            Some((kind, None)) => (format!("array of {kind}s"), None),
            None => ("array".into(), None),
        },
        other => (other.to_owned(), None),
    }
}

fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let reference = schema.get("$ref").and_then(Value::as_str);
    reference
        .and_then(|r| root.pointer(r.strip_prefix('#')?))
        .unwrap_or(schema)
}

fn list<'s>(schema: &'s Value, key: &str) -> impl Iterator<Item = &'s Value> {
    schema
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text(schema: &Value) -> String {
    let text = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or("");
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}
