//! What a run is asked for, as a request's body says it; what it leaves out is as the command line
//! has it.

use std::time::Duration;

use kit::extract::RequestBody;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::load::{self, Deletes, Finished};
use crate::reconcile::{self, Depth};

/// Parts of a table that may be read beside each other.
const MOST_PARALLEL: u8 = 64;

/// Tables that a comparison may be narrowed down to.
const MOST_TABLES: usize = 1000;

/// The longest time that a page may take, and that suspects may wait.
const LONGEST: Duration = Duration::from_hours(1);

/// How a copy goes about it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MigrationOptions {
    /// Leave every table alone that an earlier run finished.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) once: bool,
    /// Parts of a table that are moved beside each other, 1 to 64; 2 when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parallel: Option<u8>,
    /// How long reading a page may take; 500ms when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "500ms")]
    pub(super) page: Option<String>,
    /// Stop once more rows than this are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_refused: Option<u64>,
    /// Delete rows that the source has no more, unless there are more than this in a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_deletes: Option<u64>,
}

/// How a comparison goes about it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReconciliationOptions {
    /// Only counts and sums of ranges, which verify no row.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub quick: bool,
    /// The share of rows that is compared, such as `1%`; all when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1%")]
    pub sample: Option<String>,
    /// The tables that are compared, as the mapping names the source's; all when not given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
    /// Ranges of a table that are read beside each other, 1 to 64; 2 when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel: Option<u8>,
    /// How long to wait before a suspect is read again; 1s when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1s")]
    pub settle: Option<String>,
}

impl MigrationOptions {
    /// The options, ready to use, or everything that is wrong with them.
    pub(super) fn ready(&self) -> Result<load::Options, Vec<String>> {
        let mut wrong = Vec::new();
        let usual = load::Options::default();
        let options = load::Options {
            finished: if self.once {
                Finished::Left
            } else {
                Finished::Again
            },
            parallel: parallel(self.parallel, usual.parallel, &mut wrong),
            page: span("page", self.page.as_deref(), usual.page, &mut wrong),
            most_refused: self.max_refused,
            deletes: self.max_deletes.map_or(Deletes::Keep, Deletes::AtMost),
        };
        if wrong.is_empty() {
            Ok(options)
        } else {
            Err(wrong)
        }
    }
}

impl ReconciliationOptions {
    /// The options, ready to use, or everything that is wrong with them.
    pub(super) fn ready(&self) -> Result<reconcile::Options, Vec<String>> {
        let mut wrong = Vec::new();
        let usual = reconcile::Options::default();
        let sample = self.sample.as_deref().map(str::parse).transpose();
        let sample = sample.unwrap_or_else(|error: reconcile::BadShare| {
            wrong.push(format!("sample: {error}"));
            None
        });
        if self.tables.len() > MOST_TABLES {
            wrong.push(format!("tables must be at most {MOST_TABLES}"));
        }
        let options = reconcile::Options {
            depth: if self.quick {
                Depth::Figures
            } else {
                Depth::Rows
            },
            sample,
            only: self.tables.clone(),
            parallel: parallel(self.parallel, usual.parallel, &mut wrong),
            settle: span("settle", self.settle.as_deref(), usual.settle, &mut wrong),
            ..usual
        };
        if wrong.is_empty() {
            Ok(options)
        } else {
            Err(wrong)
        }
    }
}

fn parallel(given: Option<u8>, usual: usize, wrong: &mut Vec<String>) -> usize {
    match given {
        None => usual,
        Some(n @ 1..=MOST_PARALLEL) => n.into(),
        Some(n) => {
            wrong.push(format!("parallel is {n}, not 1 to {MOST_PARALLEL}"));
            usual
        }
    }
}

fn span(name: &str, given: Option<&str>, usual: Duration, wrong: &mut Vec<String>) -> Duration {
    let Some(text) = given else { return usual };
    match humantime::parse_duration(text) {
        Ok(span) if !span.is_zero() && span <= LONGEST => return span,
        Ok(_) => wrong.push(format!("{name}: `{}` is not within 1ns and 1h", cut(text))),
        Err(_) => wrong.push(format!(
            "{name}: `{}` is no duration such as 500ms or 1s",
            cut(text)
        )),
    }
    usual
}

impl RequestBody for MigrationOptions {
    fn parse(body: &[u8]) -> Result<Self, Vec<String>> {
        let options: Self = json(body)?;
        options.ready().map(|_| options)
    }
}

impl RequestBody for ReconciliationOptions {
    fn parse(body: &[u8]) -> Result<Self, Vec<String>> {
        let options: Self = json(body)?;
        options.ready().map(|_| options)
    }
}

/// A body that may be left out.
fn json<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Vec<String>> {
    if body.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    read(body)
}

/// A body; what is wrong with it may repeat some of it, and is cut.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Vec<String>> {
    // Without this, a list of values would do for an object.
    if body.trim_ascii().first() != Some(&b'{') {
        return Err(vec!["the body must be a JSON object".to_owned()]);
    }
    serde_json::from_slice(body).map_err(|error| vec![cut(&error.to_string())])
}

/// The beginning of what a client sent.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_left_out_means_the_usual() {
        let options = MigrationOptions::parse(b" \n").unwrap();
        assert_eq!(options, MigrationOptions::default());
        assert_eq!(serde_json::to_string(&options).unwrap(), "{}");
        assert!(ReconciliationOptions::parse(b"{}").is_ok());
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_value() {
        let wrong = MigrationOptions::parse(br#"{"parallel": 65, "page": "soon"}"#).unwrap_err();
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        let wrong = ReconciliationOptions::parse(br#"{"sample": "200%", "settle": "2h"}"#);
        assert_eq!(wrong.unwrap_err().len(), 2);
        let endless = format!(r#"{{"{}": 1}}"#, "x".repeat(100_000));
        for body in [
            "{",
            "[]",
            "7",
            "null",
            r#"{"parallel": 256}"#,
            r#"{"odd": 1}"#,
            &endless,
        ] {
            let wrong = MigrationOptions::parse(body.as_bytes()).unwrap_err();
            assert!(wrong.concat().len() < 1000, "{body:.50}");
        }
    }
}
