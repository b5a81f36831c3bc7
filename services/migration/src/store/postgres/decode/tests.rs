//! Streams of rows, whole, cut and broken.

use proptest::prelude::*;

use super::*;
use crate::store::gather::Rows;
use crate::value::Row;

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

fn value(wire: Wire, bytes: &[u8]) -> Option<Value> {
    let mut rows = Rows::default();
    gather(wire, bytes, &mut rows)?;
    rows.end();
    rows.done.pop()?.pop()
}

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

fn read<'p>(most: usize, pieces: impl Iterator<Item = &'p [u8]>) -> Result<Vec<Row>, StreamError> {
    let mut decoder = Decoder::new(vec![Wire::Int4, Wire::Text], most, Rows::default());
    for piece in pieces {
        decoder.push(piece)?;
    }
    Ok(decoder.finish()?.done)
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
    let mut decoder = Decoder::new(vec![Wire::Bytea], 1, Rows::default());
    decoder
        .push(&[&head()[..], &[0, 1], &i32::MAX.to_be_bytes()].concat())
        .expect_err("too long");
    let mut decoder = Decoder::new(vec![Wire::Bytea], 1, Rows::default());
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
