//! What is kept beside the tables of a target: how far each has come, which rows were refused,
//! which ids were made, and by what name a command holds the proxy's writes.
//!
//! Four tables whose names begin with `cutover_`. Targets keep them under the same names, and,
//! where the dialect allows, by the same statements.

use crate::value::Key;

/// How far one part of a table has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The part's number, from 0.
    pub part: u32,
    /// The last key that was handled; that before the part's first at the beginning.
    pub after: Option<Key>,
    /// The part's last key.
    pub until: Option<Key>,
    /// Rows that were read so far.
    pub read: u64,
    /// Whether it has come to its end.
    pub done: bool,
    /// The digest of the plan that it follows; with another, it says nothing.
    pub basis: String,
}

/// A row that cannot come over.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Quarantined {
    /// The table that it is of, as the mapping names the source's.
    pub source: String,
    /// Its key there, as people read it.
    pub key: String,
    /// Why.
    pub reason: String,
    /// The row as it was read, as JSON.
    pub row: String,
}

/// A foreign key or an index that was taken away for a copy and is not made again yet.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Waiting {
    /// `foreign key` or `index`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The table that it is of.
    pub table: String,
    /// The table that a foreign key refers to.
    pub refers_to: Option<String>,
    /// Since when, as the database writes it; nothing where an older version took it away.
    pub since: Option<String>,
}

impl std::fmt::Display for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} of {}", self.kind, self.name, self.table)?;
        if let Some(refers_to) = &self.refers_to {
            write!(f, " to {refers_to}")?;
        }
        let since = self.since.as_deref().unwrap_or("an earlier version");
        write!(f, ", since {since}")
    }
}

/// Says which of the source's rows a row of the target came from.
pub trait Naming: Send + Sync {
    /// The source's key as ids are written, of the row with this key in the target: columns with
    /// their values as texts. Nothing where a key does not tell.
    fn source_key(&self, source: &str, key: &[(String, String)]) -> Option<String>;

    /// The entity whose ids were made for the rows of a table of the source.
    fn entity(&self, source: &str) -> Option<String>;
}

/// Knows of no mapping.
impl Naming for () {
    fn source_key(&self, _source: &str, _key: &[(String, String)]) -> Option<String> {
        None
    }

    fn entity(&self, _source: &str) -> Option<String> {
        None
    }
}

/// What is written in the transaction that writes rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// The source's table, as the mapping names it.
    pub source: String,
    /// Where the part stands afterwards.
    pub progress: Option<Progress>,
    /// Rows that were refused.
    pub quarantined: Vec<Quarantined>,
    /// Keys, as people read them, of rows that were refused once and are not any more.
    pub healed: Vec<String>,
    /// Ids that were made: entity, legacy id, modern id.
    pub ids: Vec<(String, String, String)>,
}

/// Makes the four tables; `TEXT`, `BIGINT` and `INTEGER` mean the same to every target.
pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS cutover_progress (
    source    TEXT    NOT NULL,
    part      INTEGER NOT NULL,
    last_key  TEXT,
    until_key TEXT,
    rows_read BIGINT  NOT NULL,
    done      INTEGER NOT NULL,
    basis     TEXT    NOT NULL,
    PRIMARY KEY (source, part)
);
CREATE TABLE IF NOT EXISTS cutover_quarantine (
    source   TEXT NOT NULL,
    row_key  TEXT NOT NULL,
    reason   TEXT NOT NULL,
    contents TEXT NOT NULL,
    PRIMARY KEY (source, row_key)
);
CREATE TABLE IF NOT EXISTS cutover_ids (
    entity TEXT NOT NULL,
    legacy TEXT NOT NULL,
    modern TEXT NOT NULL,
    PRIMARY KEY (entity, legacy)
);
CREATE TABLE IF NOT EXISTS cutover_hold (
    command TEXT NOT NULL PRIMARY KEY,
    holder  TEXT NOT NULL
);";

/// Gives the parts of `$1`.
pub(crate) const PROGRESS: &str = "SELECT part, last_key, until_key, rows_read, done, basis FROM cutover_progress WHERE source = $1 ORDER BY part";
/// Forgets the parts of `$1`.
pub(crate) const FORGET: &str = "DELETE FROM cutover_progress WHERE source = $1";
/// Forgets what was refused of `$1`.
pub(crate) const PARDON: &str = "DELETE FROM cutover_quarantine WHERE source = $1";
/// Keeps where a part stands.
pub(crate) const ADVANCE: &str =
    "INSERT INTO cutover_progress (source, part, last_key, until_key, rows_read, done, basis)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (source, part) DO UPDATE SET last_key = excluded.last_key,
         until_key = excluded.until_key, rows_read = excluded.rows_read, done = excluded.done,
         basis = excluded.basis";
/// Forgets that the row of `$1` under `$2` was refused.
pub(crate) const HEAL: &str = "DELETE FROM cutover_quarantine WHERE source = $1 AND row_key = $2";
/// Keeps a row aside.
pub(crate) const REFUSE: &str =
    "INSERT INTO cutover_quarantine (source, row_key, reason, contents) VALUES ($1, $2, $3, $4)
     ON CONFLICT (source, row_key) DO UPDATE SET reason = excluded.reason,
         contents = excluded.contents";
/// Lists what was refused of `$1`, or of every table where that is null.
pub(crate) const REFUSED: &str = "SELECT source, row_key, reason, contents FROM cutover_quarantine
     WHERE $1 IS NULL OR source = $1 ORDER BY source, row_key LIMIT $2";
/// Keeps an id that was made.
pub(crate) const REMEMBER: &str =
    "INSERT INTO cutover_ids (entity, legacy, modern) VALUES ($1, $2, $3)
     ON CONFLICT (entity, legacy) DO UPDATE SET modern = excluded.modern
     WHERE cutover_ids.modern <> excluded.modern";
/// Lists the ids of entity `$1` from behind `$2`.
pub(crate) const IDS: &str =
    "SELECT legacy, modern FROM cutover_ids WHERE entity = $1 AND legacy > $2
     ORDER BY legacy LIMIT $3";

/// Gives the name by which command `$1` held writes last, or asked to.
pub(crate) const HOLDER: &str = "SELECT holder FROM cutover_hold WHERE command = $1";
/// Keeps that name.
pub(crate) const HOLD: &str = "INSERT INTO cutover_hold (command, holder) VALUES ($1, $2)
     ON CONFLICT (command) DO UPDATE SET holder = excluded.holder";

/// Whether a table is one of those.
pub(crate) fn is_ours(table: &str) -> bool {
    table.starts_with("cutover_") || table == "_sqlx_migrations"
}
