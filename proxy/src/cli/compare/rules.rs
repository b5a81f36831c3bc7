//! A file of comparison rules, with every mistake at its line and column.

use crate::toml_file::{self, Mistake, Problems, key_path};
use comparator::{Rules, RulesConfig};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What is wrong with a rules file.
#[derive(Debug, thiserror::Error)]
pub(super) enum RulesError {
    /// It cannot be read.
    #[error("{}: {error}", .file.display())]
    Unreadable {
        file: PathBuf,
        error: std::io::Error,
    },
    /// Things in it are wrong.
    #[error(transparent)]
    Wrong(#[from] Problems),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct File {
    compare: RulesConfig,
}

/// Reads the rules and checks them.
pub(super) fn read(file: &Path) -> Result<RulesConfig, RulesError> {
    let text = toml_file::read_text(file).map_err(|error| RulesError::Unreadable {
        file: file.to_owned(),
        error,
    })?;
    let schema = schemars::schema_for!(File).to_value();
    let read = toml_file::read(file, &text, &schema, |raw: &File| {
        let at = |error| Mistake::of_rule(key_path!["compare"], error);
        match Rules::try_from(&raw.compare) {
            Ok(_) => Ok(raw.compare.clone()),
            Err(errors) => Err(errors.iter().map(at).collect()),
        }
    });
    Ok(read?)
}
