//! What is wrong with a configuration, with the place and the offending value.

use comparator::{KeySegment, RuleError};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// One step from the root of a TOML document to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a table, by key.
    Key(String),
    /// Into an array, by position.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// A way from the root of the document to a value.
pub type KeyPath = Vec<Step>;

/// Builds a [`KeyPath`] out of keys and positions.
macro_rules! key_path {
    ($($step:expr),* $(,)?) => { vec![$($crate::toml_file::Step::from($step)),*] };
}
pub(crate) use key_path;

/// One mistake whose place is known as a way through the document, not yet as a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where the offending value is, or should be.
    pub at: KeyPath,
    /// What is wrong, naming the offending value.
    pub message: String,
    /// Whether the key offends, and not the value behind it.
    pub at_key: bool,
}

impl Mistake {
    /// A mistake in comparison rules that stand at `rules`.
    pub(crate) fn of_rule(rules: KeyPath, error: &RuleError) -> Self {
        let mut at = rules;
        at.extend(error.key.iter().map(|segment| match segment {
            KeySegment::Key(key) => Step::Key(key.clone()),
            KeySegment::Index(index) => Step::Index(*index),
        }));
        let at_key = matches!(at.last(), Some(Step::Key(key)) if *key == error.value);
        Self {
            at,
            message: error.to_string(),
            at_key,
        }
    }

    /// A value at `at` is wrong or missing.
    pub fn new(at: KeyPath, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
            at_key: false,
        }
    }

    /// The key at `at` should not be there.
    pub fn of_key(at: KeyPath, message: impl Into<String>) -> Self {
        Self {
            at_key: true,
            ..Self::new(at, message)
        }
    }
}

/// One mistake with its line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, naming the offending value.
    pub message: String,
}

/// Everything that is wrong with one file, in the order of the lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Problems {
    /// The file.
    pub file: PathBuf,
    /// The mistakes; never empty.
    pub problems: Vec<Problem>,
}

impl Problems {
    /// All `problems` of `file`, ordered by place and without repetition.
    pub fn new(file: &Path, mut problems: Vec<Problem>) -> Self {
        problems
            .sort_by(|a, b| (a.line, a.column, &a.message).cmp(&(b.line, b.column, &b.message)));
        problems.dedup();
        Self {
            file: file.to_owned(),
            problems,
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            let Problem {
                line,
                column,
                message,
            } = problem;
            write!(f, "{}:{line}:{column}: {message}", self.file.display())?;
        }
        Ok(())
    }
}
