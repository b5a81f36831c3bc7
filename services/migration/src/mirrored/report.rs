//! What became of mirrored writes and of tainted lanes.

use std::fmt;

use serde::Serialize;

use crate::sync::Synced;

/// Those that are told one by one; the rest is counted.
const LISTED: usize = 100;

/// What became of mirrored writes and of tainted lanes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Entities that were brought up to date by key.
    pub entities: u64,
    /// What that did to their rows.
    pub rows: Synced,
    /// Writes whose rows are there now, and that are not delivered.
    pub settled: u64,
    /// Writes that are delivered.
    pub delivered: u64,
    /// Writes that could not be brought over and taint their lanes.
    pub lost: u64,
    /// Those of them that name nothing that the mapping knows, so that nothing could be read for them.
    pub unnamed: u64,
    /// Taints that were cleared.
    pub cleared: u64,
    /// What is left to do by hand, the first hundred.
    pub left: Vec<Left>,
    /// How many more.
    pub left_more: u64,
}

/// Something that is left to do by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// A lane, or a route.
    pub what: String,
    /// Why it is left.
    pub why: String,
}

impl Report {
    /// Whether everything is where it belongs.
    pub fn is_complete(&self) -> bool {
        self.left.is_empty() && self.lost == 0 && self.rows.refused == 0 && self.unnamed == 0
    }

    pub(super) fn leave(&mut self, what: &str, why: &str) {
        if self.left.iter().any(|left| left.what == what) {
            return;
        }
        if self.left.len() < LISTED {
            self.left.push(Left {
                what: what.to_owned(),
                why: why.to_owned(),
            });
        } else {
            self.left_more = self.left_more.saturating_add(1);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = &self.rows;
        writeln!(
            f,
            "{} entities brought up to date by key: {} rows changed, {} deleted, {} refused",
            self.entities, rows.changed, rows.deleted, rows.refused
        )?;
        writeln!(
            f,
            "mirrored writes: {} settled by that, {} delivered, {} lost; {} taints cleared",
            self.settled, self.delivered, self.lost, self.cleared
        )?;
        if self.unnamed > 0 {
            writeln!(
                f,
                "{} of the lost name nothing that the mapping knows: whether they are in the copied rows \
                 nobody can tell",
                self.unnamed
            )?;
        }
        for Left { what, why } in &self.left {
            writeln!(f, "left: {what}: {why}")?;
        }
        if self.left_more > 0 {
            writeln!(f, "left: {} more", self.left_more)?;
        }
        Ok(())
    }
}
