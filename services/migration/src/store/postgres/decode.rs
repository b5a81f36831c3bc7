//! Rows out of what `COPY … TO STDOUT (FORMAT binary)` sends.
//!
//! The stream is in pieces that need not end where rows do. Whatever is in it, a row is of the
//! columns that were asked for, and a piece of work is bounded by what has come. A value that the
//! format can hold and [`Value`] cannot is unreadable; a stream that is none is an error.

use super::numeric;
use super::wire::Wire;
use crate::store::gather::Gather;
use crate::value::{Value, time};

/// What a stream begins with, before its flags and the length of an extension.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// More than the server can send of one row.
const LONGEST_ROW: usize = 1 << 30;

/// Days from 1970-01-01 to 2000-01-01, from which the server counts.
pub(super) const EPOCH: i32 = 10_957;

/// The first and the last day of the years from 1 to 9999, from 1970.
const DAYS: std::ops::RangeInclusive<i64> = -719_162..=2_932_896;

/// Why a stream is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum StreamError {
    #[error("the server's rows do not begin as binary rows do")]
    Signature,
    #[error("the server sent a row of {found} columns where {wanted} were asked for")]
    Columns { found: i16, wanted: usize },
    #[error("the server sent a value of {0} bytes")]
    Length(i32),
    #[error("the server sent a malformed {wire:?} of {length} bytes")]
    Malformed { wire: Wire, length: usize },
    #[error("the server's rows go on behind their end, or have none")]
    End,
    #[error("the server sent more than the {0} rows that were asked for")]
    Rows(usize),
}

/// Makes rows of pieces.
#[derive(Debug)]
pub(super) struct Decoder<G> {
    wires: Vec<Wire>,
    most: usize,
    part: Part,
    /// The beginning of a row whose end has not come.
    rest: Vec<u8>,
    /// Bytes that the row has at least; trying before they are there would be in vain.
    least: usize,
    rows: G,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Rows,
    Done,
}

/// Why nothing was read.
enum Stop {
    /// There must be so many bytes first.
    Short(usize),
    Broken(StreamError),
}

impl From<StreamError> for Stop {
    fn from(error: StreamError) -> Self {
        Self::Broken(error)
    }
}

impl<G: Gather> Decoder<G> {
    /// For at most so many rows of these columns, which are put behind those that are there.
    pub(super) fn new(wires: Vec<Wire>, most: usize, rows: G) -> Self {
        Self {
            wires,
            most,
            part: Part::Head,
            rest: Vec::new(),
            least: 0,
            rows,
        }
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), StreamError> {
        if self.rest.is_empty() {
            return self.read(piece);
        }
        self.rest.extend_from_slice(piece);
        if self.rest.len() < self.least {
            return Ok(());
        }
        let all = std::mem::take(&mut self.rest);
        self.read(&all)
    }

    /// The rows so far.
    pub(super) fn rows(&self) -> &G {
        &self.rows
    }

    /// The rows, once the stream has come to its end.
    pub(super) fn finish(self) -> Result<G, StreamError> {
        match self.part {
            Part::Done => Ok(self.rows),
            Part::Head | Part::Rows => Err(StreamError::End),
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), StreamError> {
        let mut cursor = Cursor { bytes, at: 0 };
        while cursor.at < bytes.len() {
            let begun = cursor.at;
            match self.next(&mut cursor) {
                Ok(()) => {}
                Err(Stop::Broken(error)) => return Err(error),
                Err(Stop::Short(end)) => {
                    self.least = end.saturating_sub(begun);
                    if self.least > LONGEST_ROW {
                        return Err(StreamError::Length(i32::MAX));
                    }
                    let rest = bytes.get(begun..).unwrap_or_default();
                    self.rest.extend_from_slice(rest);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn next(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        match self.part {
            Part::Head => {
                if cursor.take(SIGNATURE.len())? != SIGNATURE {
                    return Err(StreamError::Signature.into());
                }
                let (_flags, extension) = (cursor.i32()?, cursor.i32()?);
                let extension =
                    usize::try_from(extension).map_err(|_| StreamError::Length(extension))?;
                cursor.take(extension)?;
                self.part = Part::Rows;
            }
            Part::Rows => match cursor.i16()? {
                -1 => self.part = Part::Done,
                found if usize::try_from(found) == Ok(self.wires.len()) => {
                    if let Err(stop) = self.row(cursor) {
                        self.rows.undo();
                        return Err(stop);
                    }
                    if self.rows.count() >= self.most {
                        return Err(StreamError::Rows(self.most).into());
                    }
                    self.rows.end();
                }
                found => {
                    let wanted = self.wires.len();
                    return Err(StreamError::Columns { found, wanted }.into());
                }
            },
            Part::Done => return Err(StreamError::End.into()),
        }
        Ok(())
    }

    fn row(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        for wire in &self.wires {
            let length = cursor.i32()?;
            if length == -1 {
                self.rows.value(Value::Null);
                continue;
            }
            let length = usize::try_from(length).map_err(|_| StreamError::Length(length))?;
            let bytes = cursor.take(length)?;
            let wire = *wire;
            gather(wire, bytes, &mut self.rows).ok_or(StreamError::Malformed { wire, length })?;
        }
        Ok(())
    }
}

/// A place in bytes.
struct Cursor<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Cursor<'b> {
    fn take(&mut self, length: usize) -> Result<&'b [u8], Stop> {
        let end = self.at.saturating_add(length);
        let taken = self.bytes.get(self.at..end).ok_or(Stop::Short(end))?;
        self.at = end;
        Ok(taken)
    }

    fn i16(&mut self) -> Result<i16, Stop> {
        let bytes = self.take(2)?;
        Ok(i16::from_be_bytes(bytes.try_into().unwrap_or_default()))
    }

    fn i32(&mut self) -> Result<i32, Stop> {
        let bytes = self.take(4)?;
        Ok(i32::from_be_bytes(bytes.try_into().unwrap_or_default()))
    }
}

/// Hands on the value of a form; nothing where it is malformed.
fn gather(wire: Wire, bytes: &[u8], rows: &mut impl Gather) -> Option<()> {
    let value = match wire {
        Wire::Text => {
            rows.text(bytes);
            return Some(());
        }
        Wire::Jsonb => {
            let json = bytes.strip_prefix(&[1])?;
            rows.text(json);
            return Some(());
        }
        Wire::Bytea => {
            rows.bytes(bytes);
            return Some(());
        }
        Wire::Bool => match bytes {
            [0] => Value::Bool(false),
            [1] => Value::Bool(true),
            _ => return None,
        },
        Wire::Int2 => Value::Int(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        Wire::Int4 => Value::Int(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        Wire::Int8 => Value::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
        Wire::Numeric => numeric::decode(bytes)?,
        Wire::Float4 => Value::Float(f32::from_be_bytes(bytes.try_into().ok()?).into()),
        Wire::Float8 => Value::Float(f64::from_be_bytes(bytes.try_into().ok()?)),
        Wire::Date => date(i32::from_be_bytes(bytes.try_into().ok()?)),
        Wire::Time => {
            let ticks = i64::from_be_bytes(bytes.try_into().ok()?).checked_mul(10)?;
            // The server has a 24:00:00 apart from 00:00:00.
            if !(0..=time::DAY).contains(&ticks) {
                return None;
            }
            Value::Time(ticks)
        }
        Wire::Timestamp => moment(i64::from_be_bytes(bytes.try_into().ok()?), Value::Naive),
        Wire::Timestamptz => moment(i64::from_be_bytes(bytes.try_into().ok()?), Value::Instant),
        Wire::Uuid => Value::Uuid(bytes.try_into().ok()?),
    };
    rows.value(value);
    Some(())
}

fn date(days: i32) -> Value {
    match days {
        i32::MAX => Value::unreadable("infinity"),
        i32::MIN => Value::unreadable("-infinity"),
        _ => match days.checked_add(EPOCH) {
            Some(days) if DAYS.contains(&days.into()) => Value::Date(days),
            _ => Value::unreadable("a date outside the years from 1 to 9999"),
        },
    }
}

fn moment(microseconds: i64, value: impl FnOnce(i64) -> Value) -> Value {
    match microseconds {
        i64::MAX => return Value::unreadable("infinity"),
        i64::MIN => return Value::unreadable("-infinity"),
        _ => {}
    }
    let ticks = microseconds
        .checked_mul(10)
        .and_then(|ticks| ticks.checked_add(i64::from(EPOCH) * time::DAY));
    match ticks {
        Some(ticks) if DAYS.contains(&ticks.div_euclid(time::DAY)) => value(ticks),
        _ => Value::unreadable("a time outside the years from 1 to 9999"),
    }
}

#[cfg(test)]
mod tests;
