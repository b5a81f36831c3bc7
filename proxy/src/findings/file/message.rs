//! Requests and answers in a finding's file: one line for a header, JSON where a body is some.

use crate::journal::{BodyRecord, RequestRecord, ResponseRecord};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How deep a body stands in the file.
const OUTER: usize = 4;
/// By how much a body may grow when it is laid out.
const GROWTH: usize = 8;

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// `name: value` each.
    #[serde(with = "lines")]
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

/// An answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Milliseconds from the request's sending to the last byte of the answer.
    pub took_ms: f64,
    /// `name: value` each.
    #[serde(with = "lines")]
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

/// A body without its content coding. One that is no text is not kept by the journal, which can't
/// search it for secrets, and so is not here either; the note says so.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Bytes as they arrived, coding included.
    pub bytes: usize,
    /// A body that is an object or an array, as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Box<RawValue>>,
    /// Any other text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What is not shown, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Message {
    pub(super) fn record(&self) -> RequestRecord {
        RequestRecord {
            method: self.method.clone(),
            target: self.target.clone(),
            headers: self.headers.clone(),
            body: self.body.record(),
        }
    }
}

impl From<RequestRecord> for Message {
    fn from(record: RequestRecord) -> Self {
        Self {
            method: record.method,
            target: record.target,
            headers: record.headers,
            body: record.body.into(),
        }
    }
}

impl Answer {
    pub(super) fn record(&self) -> ResponseRecord {
        ResponseRecord {
            status: self.status,
            headers: self.headers.clone(),
            body: self.body.record(),
            took_ms: self.took_ms,
        }
    }
}

impl From<ResponseRecord> for Answer {
    fn from(record: ResponseRecord) -> Self {
        Self {
            status: record.status,
            took_ms: record.took_ms,
            headers: record.headers,
            body: record.body.into(),
        }
    }
}

impl Body {
    fn record(&self) -> BodyRecord {
        let json = self.json.as_deref().map(|json| json.get().to_owned());
        BodyRecord {
            bytes: self.bytes,
            text: json.or_else(|| self.text.clone()),
            note: self.note.clone(),
        }
    }
}

impl From<BodyRecord> for Body {
    fn from(record: BodyRecord) -> Self {
        let BodyRecord { bytes, text, note } = record;
        let tree = |text: &str| text.trim_start().starts_with(['{', '[']);
        let json = text
            .as_deref()
            .filter(|text| tree(text))
            .and_then(|text| serde_json::from_str(text).ok())
            .map(laid_out);
        Self {
            bytes,
            text: text.filter(|_| json.is_none()),
            json,
            note,
        }
    }
}

/// JSON with a line for each value, so that a review sees which of them changed. Numbers, strings and
/// keys stay as they were written. What would grow too much stays as it is.
fn laid_out(json: Box<RawValue>) -> Box<RawValue> {
    let most = json.get().len().saturating_mul(GROWTH);
    let (mut out, mut depth, mut in_string, mut escaped) = (String::new(), OUTER, false, false);
    // Whether the object or array that was opened last is still empty.
    let mut empty = false;
    for c in json.get().chars() {
        if out.len() > most {
            return json;
        }
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        if c.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(c, '}' | ']');
        if closes {
            depth = depth.saturating_sub(1);
        }
        if closes != empty {
            new_line(&mut out, depth);
        }
        out.push(c);
        empty = matches!(c, '{' | '[');
        match c {
            '{' | '[' => depth += 1,
            ',' => new_line(&mut out, depth),
            ':' => out.push(' '),
            '"' => in_string = true,
            _ => {}
        }
    }
    RawValue::from_string(out).unwrap_or(json)
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Headers as lines.
mod lines {
    use serde::Deserialize;
    use serde::de::{Deserializer, Error};
    use serde::ser::Serializer;

    type Headers = Vec<(String, String)>;

    pub(super) fn serialize<S: Serializer>(headers: &Headers, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(
            headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}")),
        )
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Headers, D::Error> {
        let lines: Vec<String> = Vec::deserialize(from)?;
        let read = |line: String| {
            let parts = line.split_once(':');
            let parts = parts.filter(|(name, _)| name.parse::<http::HeaderName>().is_ok());
            let (name, value) = parts.ok_or_else(|| {
                let line: String = line.chars().take(80).collect();
                D::Error::custom(format!("{line:?} is no header such as \"name: value\""))
            })?;
            let value = value.strip_prefix(' ').unwrap_or(value);
            Ok((name.to_owned(), value.to_owned()))
        };
        lines.into_iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(text: &str) -> Body {
        BodyRecord {
            bytes: text.len(),
            text: Some(text.to_owned()),
            note: None,
        }
        .into()
    }

    #[test]
    fn json_has_a_line_for_each_value_and_its_tokens_as_they_were() {
        let given = r#"{"a":[1.00,{}],"b\"{":{"c": "\\,[" } ,"d":[ ]}"#;
        let shown = body(given).json.unwrap();
        let lines: Vec<&str> = shown.get().lines().map(str::trim).collect();
        let expected = [
            "{",
            r#""a": ["#,
            "1.00,",
            "{}",
            "],",
            r#""b\"{": {"#,
            r#""c": "\\,[""#,
            "},",
            r#""d": []"#,
            "}",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_is_no_tree_is_a_text() {
        for text in ["null", "\"[\"", "{", "[1,]", "a=b"] {
            let body = body(text);
            assert_eq!(
                (body.text.as_deref(), body.json.is_none()),
                (Some(text), true)
            );
        }
    }

    #[test]
    fn deep_json_does_not_grow_without_bound() {
        let deep = "[".repeat(30_000) + &"]".repeat(30_000);
        assert_eq!(body(&deep).json.unwrap().get(), deep);
    }

    proptest! {
        #[test]
        fn laying_out_changes_no_value(tree in any_tree()) {
            let given = serde_json::to_string(&tree).unwrap();
            let shown = body(&given).record().text.unwrap();
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), tree);
        }
    }

    fn any_tree() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Into::into),
            "\\PC{0,8}".prop_map(serde_json::Value::from),
            "[\"\\\\{}\\[\\],: ]{0,8}".prop_map(serde_json::Value::from),
            Just(serde_json::Value::Null),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::btree_map("[a\"\\\\:]{0,3}", inner, 0..5)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }
}
