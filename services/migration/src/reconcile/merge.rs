//! A range of a table that both databases keep in one order: both are read in that order, each row
//! once, and held against each other on the way.

use std::cmp::Ordering;
use std::sync::Arc;

use super::ReconcileError;
use super::job::{Found, Job, Legacy};
use super::pages::{Pages, Side};
use crate::store::Range;
use crate::transform::BadValue;
use crate::value::Row;

/// What is made of a page of the source: rows that have their place in the order, and those that
/// have none.
struct Page {
    rows: Vec<Legacy>,
    refused: Vec<(Row, BadValue)>,
}

/// Compares a range of the source's keys.
pub(super) async fn run(job: Arc<Job>, number: u32, range: Range) -> Result<Found, ReconcileError> {
    let bad_bound = |bad: BadValue| ReconcileError::Key {
        table: job.table.source.clone(),
        key: bad.value,
        fault: bad.fault,
    };
    let target_range = job.target_range(&range).map_err(bad_bound)?;
    let mut found = Found::default();
    let mut legacy = Feed::new(legacy_pages(&job, range));
    let mut modern = Feed::new(modern_pages(&job, target_range));
    loop {
        if legacy.is_empty() {
            legacy.fill(&job, &mut found).await?;
        }
        if modern.is_empty() {
            modern.fill(&job).await?;
        }
        let order = match (legacy.peek(), modern.peek()) {
            (None, None) => return Ok(found),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(legacy), Some(modern)) => job.judge.order(&legacy.row, modern),
        };
        let one = order.is_le().then(|| legacy.next()).flatten();
        let two = order.is_ge().then(|| modern.next()).flatten();
        found.book(&job, Some(number), one.as_ref(), two.as_ref());
    }
}

fn legacy_pages(job: &Arc<Job>, range: Range) -> Pages<Page> {
    let worker = Arc::clone(job);
    let make = move |rows: Vec<Row>| {
        let mut page = Page {
            rows: Vec::with_capacity(rows.len()),
            refused: Vec::new(),
        };
        for row in rows {
            match worker.legacy(row) {
                Ok(legacy) => page.rows.push(legacy),
                Err(refused) => page.refused.push(refused),
            }
        }
        page
    };
    let side = job.source.clone();
    side.pages(range, &job.options, &job.stop, make)
}

fn modern_pages(job: &Arc<Job>, range: Range) -> Pages<Vec<Row>> {
    let worker = Arc::clone(job);
    let make = move |rows: Vec<Row>| {
        let rows = rows.into_iter();
        rows.map(|row| worker.judge.found(row)).collect()
    };
    let side = job.target.clone();
    side.pages(range, &job.options, &job.stop, make)
}

/// The rows of one side, as its pages come.
struct Feed<T, P> {
    pages: Pages<P>,
    rows: std::vec::IntoIter<T>,
    /// The row that was handed out last.
    last: Option<Row>,
}

impl<T, P> Feed<T, P> {
    fn new(pages: Pages<P>) -> Self {
        Self {
            pages,
            rows: Vec::new().into_iter(),
            last: None,
        }
    }

    fn is_empty(&self) -> bool {
        self.rows.as_slice().is_empty()
    }

    fn peek(&self) -> Option<&T> {
        self.rows.as_slice().first()
    }

    fn next(&mut self) -> Option<T> {
        self.rows.next()
    }

    /// Takes rows, which must go on from those before in the order of their keys: what is out of
    /// order would be missing on one side and extra on the other.
    fn take(
        &mut self,
        job: &Job,
        side: &Side,
        rows: Vec<T>,
        row: impl Fn(&T) -> &Row,
    ) -> Result<(), ReconcileError> {
        let ascends = |one: &Row, two: &Row| job.judge.order(one, two).is_lt();
        let begins = match (&self.last, rows.first()) {
            (Some(last), Some(first)) => ascends(last, row(first)),
            _ => true,
        };
        if !begins || !rows.is_sorted_by(|one, two| ascends(row(one), row(two))) {
            return Err(side.unordered());
        }
        self.last = rows
            .last()
            .map(|last| row(last).clone())
            .or(self.last.take());
        self.rows = rows.into_iter();
        Ok(())
    }
}

impl Feed<Legacy, Page> {
    async fn fill(&mut self, job: &Job, found: &mut Found) -> Result<(), ReconcileError> {
        while self.is_empty()
            && let Some(page) = self.pages.next().await?
        {
            let Page { rows, refused } = page;
            let count = (rows.len() + refused.len()) as u64;
            job.watch.compared(&job.table, count);
            for (raw, bad) in &refused {
                found.refused(job, raw, bad);
            }
            self.take(job, &job.source, rows, |legacy| &legacy.row)?;
        }
        Ok(())
    }
}

impl Feed<Row, Vec<Row>> {
    async fn fill(&mut self, job: &Job) -> Result<(), ReconcileError> {
        while self.is_empty()
            && let Some(page) = self.pages.next().await?
        {
            self.take(job, &job.target, page, |row| row)?;
        }
        Ok(())
    }
}
