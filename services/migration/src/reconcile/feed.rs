//! The rows of one side of a range, in the order of their keys, a page at a time.

use std::cmp::Ordering;
use std::sync::Arc;

use super::ReconcileError;
use super::job::{Found, Job};
use super::packets::Packet;
use super::pages::{Pages, Sent, Side};
use crate::store::Range;
use crate::transform::BadValue;
use crate::value::{Row, Value};

/// What is made of a row; the fault of one that has no place in the order.
type Made<T> = Result<T, (Row, BadValue)>;

/// What is made of a page.
enum Page<T> {
    Packet(Packet),
    Rows(Vec<Made<T>>),
}

/// The rows, as they come.
pub(super) struct Feed<T> {
    side: Side,
    pages: Pages<Page<T>>,
    make: Arc<dyn Fn(Row) -> Made<T> + Send + Sync>,
    row: fn(&T) -> &Row,
    /// The page that rows are taken from: one of these is empty.
    packet: Option<Packet>,
    rows: std::vec::IntoIter<Made<T>>,
    /// The next row, once it is asked for.
    next: Option<T>,
    /// The key that came last.
    last: Vec<Value>,
}

impl<T: Send + 'static> Feed<T> {
    pub(super) fn of(
        job: &Job,
        side: &Side,
        number: u32,
        range: Range,
        make: impl Fn(Row) -> Made<T> + Send + Sync + 'static,
        row: fn(&T) -> &Row,
    ) -> Self {
        let make: Arc<dyn Fn(Row) -> Made<T> + Send + Sync> = Arc::new(make);
        let worker = Arc::clone(&make);
        let page = move |sent| match sent {
            Sent::Packet(packet) => Page::Packet(packet),
            Sent::Rows(rows) => Page::Rows(rows.into_iter().map(|row| worker(row)).collect()),
        };
        Self {
            side: side.clone(),
            pages: side
                .clone()
                .packets(number, range, &job.options, &job.stop, page),
            make,
            row,
            packet: None,
            rows: Vec::new().into_iter(),
            next: None,
            last: Vec::new(),
        }
    }

    /// Takes the next page where there is nothing left of the last; says how many rows it has.
    pub(super) async fn fill(&mut self, job: &Job) -> Result<u64, ReconcileError> {
        let mut count = 0;
        while self.is_empty()
            && let Some(page) = self.pages.next().await?
        {
            match page {
                Page::Packet(packet) => {
                    count += packet.len() as u64;
                    let positions = job.judge.key();
                    self.ascend(packet.len(), |number, key| {
                        key.extend(packet.key(number, positions));
                    })?;
                    self.packet = Some(packet);
                }
                Page::Rows(rows) => {
                    count += rows.len() as u64;
                    let made: Vec<&T> = rows.iter().filter_map(|made| made.as_ref().ok()).collect();
                    let (row, positions) = (self.row, job.judge.key());
                    self.ascend(made.len(), |number, key| {
                        let row = made.get(number).map(|made| row(made));
                        let values = row.map(|row| positions.iter().filter_map(|at| row.get(*at)));
                        key.extend(values.into_iter().flatten().cloned());
                    })?;
                    self.rows = rows.into_iter();
                }
            }
        }
        Ok(count)
    }

    /// Passes the rows whose bytes are those of the other side's next ones; says how many.
    pub(super) fn pass_equal<U>(&mut self, other: &mut Feed<U>) -> u64 {
        match (&mut self.packet, &mut other.packet) {
            (Some(one), Some(two)) if self.next.is_none() && other.next.is_none() => {
                one.pass_equal(two)
            }
            _ => 0,
        }
    }

    /// The next row; nothing behind the last. Rows on the way that have no place in the order are
    /// booked as such.
    pub(super) async fn peek(
        &mut self,
        job: &Job,
        found: &mut Found,
    ) -> Result<Option<&T>, ReconcileError> {
        while self.next.is_none() {
            let made = match &mut self.packet {
                Some(packet) => packet.next().map(|row| (self.make)(row)),
                None => self.rows.next(),
            };
            match made {
                Some(Ok(made)) => self.next = Some(made),
                Some(Err((raw, bad))) => found.refused(job, &raw, &bad),
                None if self.fill(job).await? > 0 => {}
                None => break,
            }
        }
        Ok(self.next.as_ref())
    }

    /// Hands out the row that was looked at.
    pub(super) fn take(&mut self) -> Option<T> {
        self.next.take()
    }

    fn is_empty(&mut self) -> bool {
        if self.packet.as_ref().is_some_and(Packet::is_over) {
            self.packet = None;
        }
        self.next.is_none() && self.packet.is_none() && self.rows.as_slice().is_empty()
    }

    /// Looks whether the keys of so many rows go on from those before in their order: what is out of
    /// order would be missing on one side and extra on the other.
    fn ascend(
        &mut self,
        rows: usize,
        key: impl Fn(usize, &mut Vec<Value>),
    ) -> Result<(), ReconcileError> {
        let mut next = Vec::with_capacity(self.last.len());
        for number in 0..rows {
            next.clear();
            key(number, &mut next);
            let pairs = self.last.iter().zip(&next);
            let order = pairs.map(|(last, next)| last.in_order(next));
            let behind = order.fold(Ordering::Equal, Ordering::then).is_lt();
            if !behind && !self.last.is_empty() {
                return Err(self.side.unordered());
            }
            std::mem::swap(&mut self.last, &mut next);
        }
        Ok(())
    }
}
