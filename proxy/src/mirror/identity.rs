//! The id that the primary gave to what a write made.

use super::Job;
use comparator::IdRule;
use http::HeaderValue;
use serde_json::Value;

/// The value of `Cutover-Primary-Id` for a mirrored write: `order=17`, from the first id that the
/// route's rules declare and the primary's answer holds. A candidate may keep it as an alias.
pub(super) fn primary_id(job: &Job) -> Option<HeaderValue> {
    let exchange = &job.exchange;
    let made = !exchange.request.method.is_safe() && (200..300).contains(&exchange.primary.status);
    if !made || job.route.rules.ids().is_empty() {
        return None;
    }
    let body: Value = serde_json::from_slice(&exchange.primary.body.concat()).ok()?;
    job.route
        .rules
        .ids()
        .iter()
        .find_map(|rule| id_at(rule, &mut String::new(), &body))
}

fn id_at(rule: &IdRule, path: &mut String, value: &Value) -> Option<HeaderValue> {
    let mut below = |step: &str, value: &Value| {
        let length = path.len();
        path.push('/');
        path.push_str(&step.replace('~', "~0").replace('/', "~1"));
        let found = id_at(rule, path, value);
        path.truncate(length);
        found
    };
    match value {
        Value::Object(members) => members.iter().find_map(|(key, value)| below(key, value)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(i, item)| below(&i.to_string(), item)),
        Value::String(id) if rule.pattern.matches(path) => header(&rule.entity, id),
        Value::Number(id) if rule.pattern.matches(path) => header(&rule.entity, &id.to_string()),
        _ => None,
    }
}

/// An id that can't stand in a header is none that a candidate could look up.
fn header(entity: &str, id: &str) -> Option<HeaderValue> {
    let fits = !id.is_empty() && id.len() <= 256 && id.bytes().all(|b| b.is_ascii_graphic());
    HeaderValue::from_str(&format!("{entity}={id}"))
        .ok()
        .filter(|_| fits)
}
