//! Rows that the source has no more: left, or deleted up to a limit.
//!
//! Nothing is deleted before every table is loaded and all that would go is counted, so a source
//! that is suddenly empty empties nothing. Rows that were refused are in the source, and are not
//! there to be deleted.

use super::{Job, LoadError, TableReport};
use crate::store::{Range, Select};
use crate::value::Key;

/// Keys that are looked up at a time.
const PAGE: u32 = 2000;

/// What becomes of rows that the source has no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Deletes {
    /// They stay.
    #[default]
    Keep,
    /// They go, if there are at most so many in each table.
    AtMost(u64),
}

/// Deletes what is to be deleted of tables that are not left alone, and says so in their reports.
pub(super) async fn delete(jobs: &[&Job], reports: &mut [TableReport]) -> Result<(), LoadError> {
    let mut gone = Vec::with_capacity(jobs.len());
    for (job, report) in jobs.iter().zip(&*reports) {
        gone.push(match job.options.deletes {
            Deletes::AtMost(most) if !report.left => job.gone(most).await?,
            _ => Vec::new(),
        });
    }
    for (job, keys) in jobs.iter().zip(&gone) {
        job.goes_alone(keys.len()).await?;
    }
    // What refers to a row goes before it.
    for ((job, report), keys) in jobs.iter().zip(reports).zip(gone).rev() {
        for keys in keys.chunks(PAGE as usize) {
            let done = job.target.delete(&job.table.destination, keys).await;
            report.deleted += done.map_err(|error| job.write_error(error.to_string().into()))?;
        }
    }
    Ok(())
}

impl Job {
    /// An error where a table that the mapping does not have would lose rows with so many of this one.
    async fn goes_alone(&self, deletes: usize) -> Result<(), LoadError> {
        if deletes == 0 {
            return Ok(());
        }
        let table = &self.table.destination.table;
        let cascades = self.target.cascades(table).await;
        let mut others = cascades.map_err(|error| self.write_error(error))?;
        // Rows of mapped tables are held against the source themselves.
        others.retain(|other| {
            let own = other.rsplit('.').next().unwrap_or(other).trim_matches('"');
            let mut mapped = self.plan.tables.iter();
            !mapped.any(|table| table.destination.table.name == own)
        });
        if others.is_empty() {
            return Ok(());
        }
        Err(LoadError::Cascades {
            table: table.to_string(),
            deletes,
            others: others.join(", "),
        })
    }

    /// The keys of the rows that go, if they are not too many.
    async fn gone(&self, most: u64) -> Result<Vec<Key>, LoadError> {
        let destination = &self.table.destination;
        let keys = keys_of(&destination.select());
        let mut gone: Vec<Key> = Vec::new();
        let (mut range, mut rows, mut count) = (Range::default(), 0_u64, 0_u64);
        loop {
            let page = self.target.as_source().page(&keys, &range, PAGE).await;
            let page = page.map_err(|error| self.write_error(error))?;
            let ended = page.len() < PAGE as usize;
            let page: Vec<Key> = page.into_iter().map(|row| Key(row.into())).collect();
            range.after = page.last().cloned();
            rows += page.len() as u64;
            let missing = self.missing(page).await?;
            count += missing.len() as u64;
            if gone.len() as u64 <= most {
                gone.extend(missing);
            }
            if ended {
                break;
            }
        }
        if count > most {
            return Err(LoadError::Deletes {
                table: destination.table.to_string(),
                deletes: count,
                rows,
                most,
            });
        }
        Ok(gone)
    }

    /// Those of the target's keys whose rows the source has not.
    async fn missing(&self, page: Vec<Key>) -> Result<Vec<Key>, LoadError> {
        let table = &self.table;
        let mut asked = Vec::with_capacity(page.len());
        for key in &page {
            // A key that nothing in the source can have made was made by someone else: it stays.
            asked.extend(table.source_key(key));
        }
        let keys = keys_of(&table.select);
        let found = self.source.at(&keys, &asked).await;
        let found = found.map_err(|source| LoadError::Read {
            table: table.source.clone(),
            after: "a list of keys".to_owned(),
            source,
        })?;
        let found: std::collections::HashSet<Key> =
            found.into_iter().map(|row| Key(row.into())).collect();
        let gone = |key: &Key| {
            table
                .source_key(key)
                .is_some_and(|in_source| !found.contains(&in_source))
        };
        Ok(page.into_iter().filter(gone).collect())
    }
}

/// The same table, of which only the key is read.
fn keys_of(select: &Select) -> Select {
    Select {
        columns: select.key_columns().cloned().collect(),
        key: (0..select.key.len()).collect(),
        ..select.clone()
    }
}
