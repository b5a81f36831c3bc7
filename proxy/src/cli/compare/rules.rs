//! A file of comparison rules, with every mistake at its line and column.

use comparator::{KeySegment, RuleError, Rules, RulesConfig};
use serde::Deserialize;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// Rules longer than this are surely something else.
const LONGEST: u64 = 1 << 20;

/// What is wrong with a rules file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// It cannot be read.
    #[error("{}: {error}", .file.display())]
    Unreadable { file: PathBuf, error: io::Error },
    /// It is longer than rules are.
    #[error("{}: longer than {LONGEST} bytes", .file.display())]
    TooLong { file: PathBuf },
    /// Something in it is wrong.
    #[error("{}:{line}:{column}: {message}", .file.display())]
    Wrong {
        file: PathBuf,
        line: usize,
        column: usize,
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    compare: RulesConfig,
}

/// Reads the rules and checks them.
pub(super) fn read(file: &Path) -> Result<RulesConfig, Vec<Problem>> {
    let text = read_text(file).map_err(|problem| vec![problem])?;
    let wrong = |offset: usize, message: &str| {
        let (line, column) = position(&text, offset);
        Problem::Wrong {
            file: file.to_owned(),
            line,
            column,
            message: message.to_owned(),
        }
    };
    let of_toml = |error: &toml::de::Error| {
        wrong(
            error.span().map_or(0, |span| span.start),
            error.message().trim_end(),
        )
    };
    // The parser recovers, so that all mistakes of syntax are told at once.
    let (root, errors) = DeTable::parse_recoverable(&text);
    if !errors.is_empty() {
        return Err(errors.iter().map(of_toml).collect());
    }
    let File { compare } = toml::from_str(&text).map_err(|error| vec![of_toml(&error)])?;
    match Rules::try_from(&compare) {
        Ok(_) => Ok(compare),
        Err(mut errors) => {
            errors.sort_by_key(|error| offset(root.get_ref(), error));
            let place = |error| wrong(offset(root.get_ref(), error), &error.to_string());
            Err(errors.iter().map(place).collect())
        }
    }
}

fn read_text(file: &Path) -> Result<String, Problem> {
    let mut text = String::new();
    let read = std::fs::File::open(file)
        .and_then(|opened| opened.take(LONGEST + 1).read_to_string(&mut text));
    match read {
        Ok(_) if text.len() as u64 > LONGEST => Err(Problem::TooLong {
            file: file.to_owned(),
        }),
        Ok(_) => Ok(text),
        Err(error) => Err(Problem::Unreadable {
            file: file.to_owned(),
            error,
        }),
    }
}

/// Where the offending value stands, or the closest thing above it that is in the file.
fn offset(root: &DeTable<'_>, error: &RuleError) -> usize {
    let Some((key, mut value)) = root.get_key_value("compare") else {
        return 0;
    };
    let mut place = key.span().start;
    for segment in &error.key {
        let next = match (segment, value.get_ref()) {
            (KeySegment::Key(name), DeValue::Table(table)) => {
                table.get_key_value(name.as_str()).map(|(key, value)| {
                    // A key that is itself the offending value is pointed at.
                    let wrong_key = *name == error.value;
                    (if wrong_key { key.span() } else { value.span() }, value)
                })
            }
            (KeySegment::Index(index), DeValue::Array(items)) => {
                items.get(*index).map(|value| (value.span(), value))
            }
            _ => None,
        };
        let Some((span, inner)) = next else { break };
        (place, value) = (span.start, inner);
    }
    place
}

/// Line and column, both from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text
        .get(..text.floor_char_boundary(offset))
        .unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column)
}
