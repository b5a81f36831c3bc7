//! How each table of a run begins: where an earlier run stopped, from the first row, or not at all.

use kit::error::Cause;

use super::{Finished, Job, LoadError};
use crate::store::{How, Progress};
use crate::value::Key;

/// Rows of a table below which it is not cut into parts.
const WORTH_CUTTING: u64 = 20_000;

/// What a run does with a table.
#[derive(Debug)]
pub(super) enum Start {
    /// An earlier run finished it, and it is left alone.
    Left,
    /// An earlier run came so far.
    On(Vec<Progress>),
    /// It starts over.
    Anew {
        /// How its rows get in.
        how: How,
        /// Whether an earlier run did not finish it, by a mapping that made other rows.
        unlike: bool,
    },
}

impl Job {
    /// Judges how the table begins. One that is empty loses what would slow its load down.
    pub(super) async fn start(&self) -> Result<Start, LoadError> {
        let (target, destination) = (&self.target, &self.table.destination);
        let kept = target.progress(&self.table.source).await;
        let kept = kept.map_err(|error| self.write_error(error))?;
        let finished = !kept.is_empty() && kept.iter().all(|part| part.done);
        if finished && self.options.finished == Finished::Left {
            return Ok(Start::Left);
        }
        // Rows that came by another mapping may have to be others now, and refused ones may not.
        let basis = self.table.digest_of_rows();
        let begun = !kept.is_empty() && !finished;
        if begun && kept.iter().all(|part| part.basis == basis) {
            return Ok(Start::On(kept));
        }
        let unlike = begun;
        let unique = self.table.names_each_row(&*self.source).await;
        unique.map_err(|source| self.first(source))?;
        let empty = target.is_empty(&destination.table).await;
        if !empty.map_err(|error| self.write_error(error))? {
            let how = How::Upsert;
            return Ok(Start::Anew { how, unlike });
        }
        let unburdened = target.unburden(destination).await;
        unburdened.map_err(|error| self.write_error(error))?;
        let how = How::Insert;
        Ok(Start::Anew { how, unlike })
    }

    /// The parts that are to do, and how their rows get in; nothing where the table is left alone.
    pub(super) async fn begin(
        &self,
        start: &Start,
    ) -> Result<Option<(Vec<Progress>, How)>, LoadError> {
        match start {
            Start::Left => Ok(None),
            // What comes behind a checkpoint is not there yet, whatever the table began with; a
            // page of which something is there is upserted.
            Start::On(kept) => Ok(Some((kept.clone(), How::Insert))),
            Start::Anew { how, .. } => {
                let parts = self.cut().await?;
                let begun = self.target.begin(&self.table.source, &parts).await;
                begun.map_err(|error| self.write_error(error))?;
                Ok(Some((parts, *how)))
            }
        }
    }

    /// Parts of about one size, cut at keys that were sampled.
    async fn cut(&self) -> Result<Vec<Progress>, LoadError> {
        let small = self.table.rows.is_some_and(|rows| rows < WORTH_CUTTING);
        let parts = if small {
            1
        } else {
            self.options.parallel.max(1)
        };
        let cuts = self.source.cuts(&self.table.select, parts).await;
        let cuts = cuts.map_err(|source| self.first(source))?;
        let cuts: Vec<_> = cuts.into_iter().filter(Key::is_known).collect();
        let after = [None].into_iter().chain(cuts.iter().cloned().map(Some));
        let until = cuts.iter().cloned().map(Some).chain([None]);
        let part = |((after, until), part)| Progress {
            part,
            after,
            until,
            read: 0,
            done: false,
            basis: self.table.digest_of_rows(),
        };
        Ok(after.zip(until).zip(0..).map(part).collect())
    }

    /// Why not even the first rows could be read.
    fn first(&self, source: Cause) -> LoadError {
        LoadError::Read {
            table: self.table.source.clone(),
            after: "the first".to_owned(),
            source,
        }
    }
}
