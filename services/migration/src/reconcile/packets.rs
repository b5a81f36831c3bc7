//! Pages of both sides as bytes: where a row's are the other's, the rows are equal, and nothing is
//! made of them but their keys.
//!
//! That needs a table whose rows go to the target as they are. Rows whose bytes differ are made
//! into values and judged like any others, so this decides nothing: it only finds out sooner what
//! the judge would say.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::pace::Pace;
use crate::plan::TablePlan;
use crate::schema::ColumnSchema;
use crate::store::{Packed, Select};
use crate::transform::Taken;
use crate::value::{Key, Row, Value};

/// Rows that are compared as bytes before it is asked whether that is worth its while.
const FIRST: u64 = 20_000;
/// Where it is not, one range in so many is compared so all the same: differences may lie close
/// together.
const EVERY: u32 = 8;

/// Bytes of a page whose memory is used again. Touching it anew for each page would cost a tenth of
/// the time; what one huge row took is given back.
const KEPT: usize = 16 << 20;

/// How a side's rows are read for that.
#[derive(Debug)]
pub(super) struct Packing {
    /// The side's columns in the order of the target's.
    pub(super) select: Select,
    /// For each of them, its place in the side's own order.
    places: Vec<usize>,
    worth: Arc<Worth>,
    /// How large its pages are, in whichever range.
    pub(super) pace: Arc<Mutex<Pace>>,
    /// Bytes of the largest page so far.
    largest: AtomicUsize,
    /// Memory of pages that are done with: no more than were in use at once.
    spare: Mutex<Vec<Packed>>,
}

/// How often bytes were equal, by the rows of both sides.
#[derive(Debug, Default)]
struct Worth {
    /// Whether a database was found to have no such pages.
    none: AtomicBool,
    seen: AtomicU64,
    equal: AtomicU64,
}

/// A page.
#[derive(Debug)]
pub(super) struct Packet {
    packed: Packed,
    packing: Arc<Packing>,
    /// The next row's number.
    at: usize,
}

impl Packing {
    /// For the source and the target of a table; nothing where its rows cannot be compared so.
    pub(super) fn of(
        table: &TablePlan,
        pace: impl Fn() -> Arc<Mutex<Pace>>,
    ) -> Option<(Arc<Self>, Arc<Self>)> {
        let taken = Taken::of(&table.steps);
        let places = taken.places()?;
        // A type that the mapping declares may hold less than both columns do.
        let mut steps = table.steps.iter().zip(&table.destination.columns);
        let judged = steps.any(|(step, to)| step.compare.ignore || step.kind != to.kind);
        if places.len() != table.select.columns.len() || judged {
            return None;
        }
        let column = |place: &usize| table.select.columns.get(*place).cloned();
        let columns: Option<Vec<ColumnSchema>> = places.iter().map(column).collect();
        let key = table.select.key.iter();
        let key: Option<Vec<usize>> = key
            .map(|at| places.iter().position(|place| place == at))
            .collect();
        let worth = Arc::new(Worth::default());
        let source = Self {
            select: Select {
                columns: columns?,
                key: key?,
                ..table.select.clone()
            },
            places: places.to_vec(),
            worth: Arc::clone(&worth),
            pace: pace(),
            largest: AtomicUsize::new(0),
            spare: Mutex::default(),
        };
        let target = Self {
            select: table.destination.select(),
            places: (0..places.len()).collect(),
            worth,
            pace: pace(),
            largest: AtomicUsize::new(0),
            spare: Mutex::default(),
        };
        Some((Arc::new(source), Arc::new(target)))
    }

    /// Whether bytes are likely to spare more than they cost in this range. A row that differs costs
    /// more so than one that is read as values at once: the equal ones make up for one in eight.
    pub(super) fn pays(&self, range: u32) -> bool {
        let seen = self.worth.seen.load(Ordering::Relaxed);
        let equal = self.worth.equal.load(Ordering::Relaxed);
        let mostly_equal = equal.saturating_mul(8) >= seen.saturating_mul(7);
        let worth = seen < FIRST || mostly_equal || range.is_multiple_of(EVERY);
        worth && !self.worth.none.load(Ordering::Relaxed)
    }

    /// Memory for a page.
    pub(super) fn room(&self) -> Packed {
        let mut room = self.spare.lock().pop().unwrap_or_default();
        // Growing by and by would copy it again and again.
        room.reserve(self.largest.load(Ordering::Relaxed));
        room
    }

    /// The side has no such pages.
    pub(super) fn is_not_to_be_had(&self) {
        self.worth.none.store(true, Ordering::Relaxed);
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        let mut room = std::mem::take(&mut self.packed);
        let bytes = room.bytes().min(KEPT);
        self.packing.largest.fetch_max(bytes, Ordering::Relaxed);
        room.clear();
        if room.room() <= KEPT {
            self.packing.spare.lock().push(room);
        }
    }
}

impl Packet {
    pub(super) fn new(packed: Packed, packing: &Arc<Packing>) -> Self {
        Self {
            packed,
            packing: Arc::clone(packing),
            at: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.packed.len()
    }

    /// Bytes that a row takes.
    pub(super) fn mean(&self) -> usize {
        self.packed.mean()
    }

    /// Whether every row was handed out.
    pub(super) fn is_over(&self) -> bool {
        self.at >= self.packed.len()
    }

    /// The values at these positions of the target's columns.
    pub(super) fn key(&self, number: usize, positions: &[usize]) -> impl Iterator<Item = Value> {
        self.packed.at(number, positions)
    }

    /// The key of the last row.
    pub(super) fn end(&self) -> Option<Key> {
        let select = &self.packing.select;
        let row = self
            .packed
            .row(self.len().checked_sub(1)?, &select.columns)?;
        Some(select.key_of(&row))
    }

    /// Passes the rows that are equal to the other side's next ones; says which they are here and
    /// there.
    pub(super) fn pass_equal(&mut self, other: &mut Self) -> (Range<usize>, Range<usize>) {
        let equal = self.packed.equal(self.at, &other.packed, other.at);
        let ranges = (self.at..self.at + equal, other.at..other.at + equal);
        (self.at, other.at) = (ranges.0.end, ranges.1.end);
        let (worth, rows) = (&self.packing.worth, 2 * equal as u64);
        worth.equal.fetch_add(rows, Ordering::Relaxed);
        worth.seen.fetch_add(rows, Ordering::Relaxed);
        ranges
    }

    /// The next row, as the side gives it.
    pub(super) fn next(&mut self) -> Option<Row> {
        let row = self.row(self.at)?;
        self.at += 1;
        self.packing.worth.seen.fetch_add(1, Ordering::Relaxed);
        Some(row)
    }

    /// All rows, as the side gives them.
    pub(super) fn rows(&self) -> Vec<Row> {
        (0..self.len())
            .filter_map(|number| self.row(number))
            .collect()
    }

    fn row(&self, number: usize) -> Option<Row> {
        let values = self.packed.row(number, &self.packing.select.columns)?;
        let mut row = vec![Value::Null; values.len()];
        for (value, place) in values.into_iter().zip(&self.packing.places) {
            if let Some(own) = row.get_mut(*place) {
                *own = value;
            }
        }
        Some(row)
    }
}
