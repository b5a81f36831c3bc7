//! Rows out of what `COPY … TO STDOUT (FORMAT binary)` sends.
//!
//! The stream is in pieces that need not end where rows do. Whatever is in it, a row is of the
//! columns that were asked for, and a piece of work is bounded by what has come. A value that the
//! format can hold and [`Value`] cannot is unreadable; a stream that is none is an error.

use compact_str::CompactString;

use super::numeric;
use super::wire::Wire;
use crate::value::{Row, Value, time};

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
pub(super) struct Decoder {
    wires: Vec<Wire>,
    most: usize,
    part: Part,
    /// The beginning of a row whose end has not come.
    rest: Vec<u8>,
    /// Bytes that the row has at least; trying before they are there would be in vain.
    least: usize,
    rows: Vec<Row>,
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

impl Decoder {
    /// For at most so many rows of these columns.
    pub(super) fn new(wires: Vec<Wire>, most: usize) -> Self {
        Self {
            wires,
            most,
            part: Part::Head,
            rest: Vec::new(),
            least: 0,
            rows: Vec::new(),
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

    /// The rows, once the stream has come to its end.
    pub(super) fn finish(self) -> Result<Vec<Row>, StreamError> {
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
                    let row = self.row(cursor)?;
                    if self.rows.len() >= self.most {
                        return Err(StreamError::Rows(self.most).into());
                    }
                    self.rows.push(row);
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

    fn row(&self, cursor: &mut Cursor<'_>) -> Result<Row, Stop> {
        let mut row = Vec::with_capacity(self.wires.len());
        for wire in &self.wires {
            let length = cursor.i32()?;
            if length == -1 {
                row.push(Value::Null);
                continue;
            }
            let length = usize::try_from(length).map_err(|_| StreamError::Length(length))?;
            let bytes = cursor.take(length)?;
            let wire = *wire;
            row.push(value(wire, bytes).ok_or(StreamError::Malformed { wire, length })?);
        }
        Ok(row)
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

/// The value of a form; nothing where it is malformed.
fn value(wire: Wire, bytes: &[u8]) -> Option<Value> {
    Some(match wire {
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
        Wire::Text => text(bytes),
        Wire::Jsonb => match bytes {
            [1, json @ ..] => text(json),
            _ => return None,
        },
        Wire::Bytea => Value::Bytes(bytes.into()),
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
    })
}

fn text(bytes: &[u8]) -> Value {
    CompactString::from_utf8(bytes).map_or_else(
        |_| Value::unreadable("a text that is no UTF-8"),
        Value::Text,
    )
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WIRES: [Wire; 15] = [
        Wire::Bool,
        Wire::Int2,
        Wire::Int4,
        Wire::Int8,
        Wire::Numeric,
        Wire::Float4,
        Wire::Float8,
        Wire::Text,
        Wire::Jsonb,
        Wire::Bytea,
        Wire::Date,
        Wire::Time,
        Wire::Timestamp,
        Wire::Timestamptz,
        Wire::Uuid,
    ];

    fn head() -> Vec<u8> {
        [SIGNATURE, &[0; 8]].concat()
    }

    /// Two rows of an integer and a text.
    fn stream() -> Vec<u8> {
        let mut all = head();
        for (number, text) in [(7_i32, Some("seven")), (8, None)] {
            all.extend([0, 2, 0, 0, 0, 4]);
            all.extend(number.to_be_bytes());
            match text {
                Some(text) => {
                    all.extend([0, 0, 0, u8::try_from(text.len()).expect("short")]);
                    all.extend(text.as_bytes());
                }
                None => all.extend((-1_i32).to_be_bytes()),
            }
        }
        all.extend([0xFF, 0xFF]);
        all
    }

    fn read<'p>(
        most: usize,
        pieces: impl Iterator<Item = &'p [u8]>,
    ) -> Result<Vec<Row>, StreamError> {
        let mut decoder = Decoder::new(vec![Wire::Int4, Wire::Text], most);
        for piece in pieces {
            decoder.push(piece)?;
        }
        decoder.finish()
    }

    #[test]
    fn rows_are_read_wherever_the_stream_is_cut() {
        let (stream, rows) = (
            stream(),
            [
                vec![Value::Int(7), Value::text("seven")],
                vec![Value::Int(8), Value::Null],
            ],
        );
        for size in 1..=stream.len() {
            assert_eq!(read(2, stream.chunks(size)).expect("rows"), rows, "{size}");
        }
    }

    #[test]
    fn a_stream_that_breaks_off_is_no_end_of_the_rows() {
        let stream = stream();
        for end in 0..stream.len() {
            let cut = &stream[..end];
            assert_eq!(read(2, [cut].into_iter()), Err(StreamError::End), "{end}");
        }
        let more = [stream.as_slice(), &[0]].concat();
        assert_eq!(read(2, [&more[..]].into_iter()), Err(StreamError::End));
    }

    #[test]
    fn more_rows_or_other_columns_than_were_asked_for_are_refused() {
        let stream = stream();
        assert_eq!(
            read(1, [&stream[..]].into_iter()),
            Err(StreamError::Rows(1))
        );
        let one = [&head()[..], &[0, 1]].concat();
        assert_eq!(
            read(1, [&one[..]].into_iter()),
            Err(StreamError::Columns {
                found: 1,
                wanted: 2
            })
        );
        let negative = [&head()[..], &[0, 2], &(-2_i32).to_be_bytes()].concat();
        assert_eq!(
            read(1, [&negative[..]].into_iter()),
            Err(StreamError::Length(-2))
        );
        assert_eq!(
            read(1, [&b"PGCOPY\n\xff\r\n\x01"[..]].into_iter()),
            Err(StreamError::Signature)
        );
    }

    #[test]
    fn an_announced_length_takes_no_memory() {
        let mut decoder = Decoder::new(vec![Wire::Bytea], 1);
        decoder
            .push(&[&head()[..], &[0, 1], &i32::MAX.to_be_bytes()].concat())
            .expect_err("too long");
        let mut decoder = Decoder::new(vec![Wire::Bytea], 1);
        let announced = (1_i32 << 29).to_be_bytes();
        decoder
            .push(&[&head()[..], &[0, 1], &announced].concat())
            .expect("a beginning");
        assert!(decoder.rest.capacity() < 100);
    }

    #[test]
    fn infinities_and_years_beyond_are_unreadable() {
        let date = |days: i32| value(Wire::Date, &days.to_be_bytes());
        assert_eq!(date(-EPOCH), Some(Value::Date(0)));
        assert_eq!(date(i32::MAX), Some(Value::unreadable("infinity")));
        assert!(matches!(date(5_000_000), Some(Value::Unreadable(_))));
        let moment = |at: i64| value(Wire::Timestamptz, &at.to_be_bytes());
        assert_eq!(
            moment(0),
            Some(Value::Instant(i64::from(EPOCH) * time::DAY))
        );
        assert_eq!(moment(i64::MIN), Some(Value::unreadable("-infinity")));
        assert!(matches!(moment(i64::MAX - 1), Some(Value::Unreadable(_))));
        assert_eq!(
            value(Wire::Text, &[0xFF]),
            Some(Value::unreadable("a text that is no UTF-8"))
        );
        assert_eq!(value(Wire::Jsonb, &[2, b'1']), None);
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(bytes: Vec<u8>) {
            for wire in WIRES {
                value(wire, &bytes);
            }
        }

        #[test]
        fn no_stream_makes_it_panic(flips: Vec<(usize, u8)>, size in 1_usize..40) {
            let mut stream = stream();
            for (at, byte) in flips {
                let length = stream.len();
                stream[at % length] = byte;
            }
            let _ = read(2, stream.chunks(size));
        }
    }
}
