//! The file routes.toml: read, checked with every mistake at once, watched, edited.
//!
//! What the file means is judged in [`crate::routing`]; here it is a text that changes.

mod changes;
mod edit;
mod live;
pub mod raw;
pub mod size;
mod stop;
mod watch;

pub use edit::RouteEdit;
pub use live::{EditError, LiveRoutes, LoadError, RoutesEvent};
pub use stop::Stopped;

use crate::outcome::Ledger;
use crate::routing::Table;
use crate::toml_file::{self, Problems};
use raw::RawFile;
use std::path::Path;
use std::sync::LazyLock;

/// The JSON schema of the file, derived from the raw types and their comments.
pub fn schema() -> &'static serde_json::Value {
    static SCHEMA: LazyLock<serde_json::Value> =
        LazyLock::new(|| schemars::schema_for!(RawFile).to_value());
    &SCHEMA
}

/// Parses and judges a routes.toml; `file` is named in the problems. Upstreams that are `running`
/// with the same settings are taken over.
pub fn check(
    file: &Path,
    text: &str,
    ledger: &Ledger,
    running: Option<&Table>,
) -> Result<Table, Problems> {
    toml_file::read(file, text, schema(), |raw| {
        Table::read(raw, ledger, running)
    })
}
