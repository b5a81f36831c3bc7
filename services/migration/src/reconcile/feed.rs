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
    order: Order,
    read: u64,
}

impl<T: Send + 'static> Feed<T> {
    pub(super) fn of(
        job: &Job,
        side: &Side,
        as_bytes: bool,
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
            pages: side.clone().packets(as_bytes, range, &job.stop, page),
            make,
            row,
            packet: None,
            rows: Vec::new().into_iter(),
            next: None,
            order: Order::default(),
            read: 0,
        }
    }

    /// Takes the next page where there is nothing left of the last; says whether there are rows.
    pub(super) async fn fill(&mut self) -> Result<bool, ReconcileError> {
        while self.is_empty() {
            match self.pages.next().await? {
                Some(Page::Packet(packet)) => {
                    self.read += packet.len() as u64;
                    self.packet = Some(packet);
                }
                Some(Page::Rows(rows)) => {
                    self.read += rows.len() as u64;
                    self.rows = rows.into_iter();
                }
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Rows that were read since this was asked last.
    pub(super) fn newly_read(&mut self) -> u64 {
        std::mem::take(&mut self.read)
    }

    /// Passes the rows whose bytes are those of the other side's next ones; says how many.
    pub(super) fn pass_equal<U: Send + 'static>(
        &mut self,
        job: &Job,
        other: &mut Feed<U>,
    ) -> Result<u64, ReconcileError> {
        let (Some(one), Some(two)) = (&mut self.packet, &mut other.packet) else {
            return Ok(0);
        };
        if self.next.is_some() || other.next.is_some() {
            return Ok(0);
        }
        let key = job.judge.key();
        let (mine, theirs) = one.pass_equal(two);
        let passed = mine.len() as u64;
        // Rows that are equal to rows in their order are in it too, if the first of them is.
        let ends = [theirs.start, theirs.end.saturating_sub(1)];
        for number in ends.into_iter().take(theirs.len()) {
            if !other.order.goes_on(two.key(number, key)) {
                return Err(other.side.unordered());
            }
        }
        for number in mine {
            if !self.order.goes_on(one.key(number, key)) {
                return Err(self.side.unordered());
            }
        }
        Ok(passed)
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
                Some(Ok(made)) => {
                    let row = (self.row)(&made);
                    let key = job.judge.key().iter().filter_map(|at| row.get(*at));
                    if !self.order.goes_on(key.cloned()) {
                        return Err(self.side.unordered());
                    }
                    self.next = Some(made);
                }
                Some(Err((raw, bad))) => found.refused(job, &raw, &bad),
                None if self.fill().await? => {}
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
}

/// The order in which rows come, by their keys.
#[derive(Default)]
struct Order {
    last: Vec<Value>,
    next: Vec<Value>,
}

impl Order {
    /// Whether a key is behind the one before: what is out of order would be missing on one side
    /// and extra on the other.
    fn goes_on(&mut self, key: impl Iterator<Item = Value>) -> bool {
        self.next.clear();
        self.next.extend(key);
        let pairs = self.last.iter().zip(&self.next);
        let mut orders = pairs.map(|(last, next)| last.in_order(next));
        let first = orders.find(|order| order.is_ne());
        let goes_on = self.last.is_empty() || first == Some(Ordering::Less);
        std::mem::swap(&mut self.last, &mut self.next);
        goes_on
    }
}
