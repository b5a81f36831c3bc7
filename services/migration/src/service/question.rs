//! What `POST /reconciliation/rows` is asked.

use kit::extract::RequestBody;
use serde::Deserialize;
use utoipa::ToSchema;

use super::options;

/// Rows that can be asked for at one time.
const MOST: usize = 100;

/// The longest id, entity or name of a table.
const LONGEST: usize = 256;

/// The rows to compare: of an entity by its ids, or of a table by its keys.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// What a row is to the proxy, as the mapping says.
    #[schema(example = "order")]
    pub(super) entity: Option<String>,
    /// Or the source's table, as the mapping names it.
    pub(super) table: Option<String>,
    /// Ids of the entity, for a key of one column.
    #[serde(default)]
    pub(super) ids: Vec<Id>,
    /// Keys, each as the texts of its columns.
    #[serde(default)]
    pub(super) keys: Vec<Vec<String>>,
}

/// An id: legacy's, or both sides' where they may be different.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Id {
    Legacy(String),
    Pair(Pair),
}

/// The ids of one row.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    pub(super) legacy: String,
    pub(super) modern: String,
}

impl RequestBody for Question {
    fn parse(body: &[u8]) -> Result<Self, Vec<String>> {
        let question: Self = options::read(body)?;
        let mut wrong = Vec::new();
        if question.entity.is_some() == question.table.is_some() {
            wrong.push("either entity or table must be given".to_owned());
        }
        let asked = question.ids.len().saturating_add(question.keys.len());
        if !(1..=MOST).contains(&asked) {
            wrong.push(format!("ids and keys must be 1 to {MOST}"));
        }
        let pairs = question.ids.iter().map(Id::texts);
        let texts = pairs
            .chain(
                question
                    .keys
                    .iter()
                    .map(|key| key.iter().map(String::as_str).collect()),
            )
            .flatten()
            .chain(question.entity.as_deref())
            .chain(question.table.as_deref());
        if texts.into_iter().any(|text| text.chars().count() > LONGEST) {
            wrong.push(format!("no text may be longer than {LONGEST} characters"));
        }
        if wrong.is_empty() {
            Ok(question)
        } else {
            Err(wrong)
        }
    }
}

impl Id {
    fn texts(&self) -> Vec<&str> {
        match self {
            Self::Legacy(legacy) => vec![legacy],
            Self::Pair(pair) => vec![&pair.legacy, &pair.modern],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_an_entity_or_a_table_and_some_rows() {
        for body in [
            r#"{"entity": "order", "ids": ["17", {"legacy": "1", "modern": "a"}]}"#,
            r#"{"table": "OrderLines", "keys": [["1", "2"]]}"#,
        ] {
            assert!(Question::parse(body.as_bytes()).is_ok(), "{body}");
        }
        let many = format!(
            r#"{{"entity": "o", "ids": [{}"1"]}}"#,
            r#""1","#.repeat(100)
        );
        let long = format!(r#"{{"entity": "o", "ids": ["{}"]}}"#, "9".repeat(300));
        for body in [
            "",
            "{}",
            "[]",
            r#"{"entity": "order"}"#,
            r#"{"ids": ["1"]}"#,
            r#"{"entity": "o", "table": "t", "ids": ["1"]}"#,
            r#"{"entity": "o", "ids": [17]}"#,
            &many,
            &long,
        ] {
            let wrong = Question::parse(body.as_bytes()).unwrap_err();
            assert!(
                !wrong.is_empty() && wrong.concat().len() < 1000,
                "{body:.60}"
            );
        }
    }
}
