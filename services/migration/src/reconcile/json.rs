//! JSON documents in one form, whatever the order of their keys and their blanks.
//!
//! Numbers are exact: they are compared by their digits, and never as floats.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::value::Number;

/// Arrays and objects in each other, beyond which a document has no form.
const DEEPEST: u32 = 64;

/// The form; nothing for what is no JSON, or is too deep.
pub(super) fn form(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    write(serde_json::from_str(text).ok()?, DEEPEST, &mut out)?;
    Some(out)
}

fn write(raw: &RawValue, depth: u32, out: &mut String) -> Option<()> {
    let text = raw.get();
    let deeper = || depth.checked_sub(1);
    match text.as_bytes().first()? {
        b'{' => {
            // A key that is given twice has its last value, as it has in a binary column.
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
            out.push('{');
            for (name, value) in members {
                out.push_str(&serde_json::to_string(&name).ok()?);
                out.push(':');
                write(value, deeper()?, out)?;
                out.push(',');
            }
            out.push('}');
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            out.push('[');
            for item in items {
                write(item, deeper()?, out)?;
                out.push(',');
            }
            out.push(']');
        }
        b'"' => {
            let text: String = serde_json::from_str(text).ok()?;
            out.push_str(&serde_json::to_string(&text).ok()?);
        }
        b'-' | b'0'..=b'9' => match text.parse::<Number>() {
            Ok(number) => out.push_str(&number.to_string()),
            // One with an exponent, or of too many digits, equals itself.
            Err(_) => out.push_str(text),
        },
        _ => out.push_str(text),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::form;

    #[test]
    fn blanks_and_the_order_of_keys_make_no_difference_and_digits_do() {
        let same = form(r#"{"b": [1.50, "x"], "a": null}"#);
        assert!(same.is_some());
        assert_eq!(same, form(r#"{"a":null,"b":[1.5,"\u0078"]}"#));
        assert_ne!(
            form("[9007199254740993]"),
            form("[9007199254740992]"),
            "a float has no room for both"
        );
        assert_ne!(form("[1, 2]"), form("[2, 1]"));
        assert_ne!(form("[12, 3]"), form("[1, 23]"));
    }

    #[test]
    fn what_is_no_json_or_too_deep_has_no_form() {
        assert_eq!(form("{"), None);
        assert_eq!(form(&"[".repeat(100_000)), None);
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(form(&deep), None);
    }
}
