//! The tokens of a TDS answer, as MS-TDS has them.

/// A value of a row.
#[derive(Clone, Copy)]
pub(super) enum Cell {
    Int(i32),
    Text(Option<&'static str>),
    /// Unscaled, with two places.
    Cents(i64),
    /// Unscaled, with four places.
    Money(i64),
    DateTime(Option<(i32, u32)>),
    Date(Option<u32>),
}

use Cell::{Cents, Date, DateTime, Int, Money, Text};

/// A result with its rows; the columns are named with blanks between, and their types are those of
/// the first row, or `int`.
pub(super) fn result(columns: &str, rows: &[&[Cell]]) -> Vec<u8> {
    let columns: Vec<&str> = columns.split(' ').collect();
    let mut bytes = vec![0x81];
    bytes.extend(u16::try_from(columns.len()).unwrap().to_le_bytes());
    for (position, name) in columns.iter().enumerate() {
        // User type, then flags: nullable.
        bytes.extend([0, 0, 0, 0, 1, 0]);
        let sample = rows.first().map_or(Int(0), |row| row[position]);
        bytes.extend(kind(sample));
        bytes.extend(short_text(name));
    }
    for row in rows {
        bytes.push(0xd1);
        bytes.extend(row.iter().flat_map(|cell| value(*cell)));
    }
    bytes.extend(done());
    bytes
}

/// An error that ends the answer.
pub(super) fn error(number: i32, class: u8, message: &str) -> Vec<u8> {
    let mut body = number.to_le_bytes().to_vec();
    body.extend([1, class]);
    body.extend(long_text(message));
    body.extend(short_text("fake"));
    body.extend(short_text("dbo.Procedure"));
    body.extend(1_u32.to_le_bytes());
    let mut bytes = vec![0xaa];
    bytes.extend(u16::try_from(body.len()).unwrap().to_le_bytes());
    bytes.extend(body);
    bytes.extend(done());
    bytes
}

/// The end of a statement.
pub(super) fn done() -> Vec<u8> {
    let mut bytes = vec![0xfd, 0, 0, 0xc1, 0];
    bytes.extend(0_u64.to_le_bytes());
    bytes
}

/// The login is accepted, in the version of SQL Server 2012 and later.
pub(super) fn login_accepted() -> Vec<u8> {
    let mut body = vec![1, 0x74, 0, 0, 4];
    body.extend(short_text("fake"));
    body.extend([16, 0, 0, 0]);
    let mut bytes = vec![0xad];
    bytes.extend(u16::try_from(body.len()).unwrap().to_le_bytes());
    bytes.extend(body);
    bytes.extend(done());
    bytes
}

/// The answer to a pre-login: this version, and no TLS.
pub(super) fn prelogin_without_tls() -> Vec<u8> {
    let options = [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff];
    let values = [16, 0, 0, 0, 0, 0, 2];
    [&options[..], &values[..]].concat()
}

fn kind(cell: Cell) -> Vec<u8> {
    match cell {
        Int(_) => vec![0x26, 4],
        Text(_) => vec![0xe7, 0x40, 0x1f, 9, 4, 0xd0, 0, 0x34],
        Cents(_) => vec![0x6a, 9, 18, 2],
        Money(_) => vec![0x6a, 9, 19, 4],
        DateTime(_) => vec![0x6f, 8],
        Date(_) => vec![0x28],
    }
}

fn value(cell: Cell) -> Vec<u8> {
    match cell {
        Int(value) => [&[4][..], &value.to_le_bytes()].concat(),
        Text(None) => vec![0xff, 0xff],
        Text(Some(text)) => {
            let units: Vec<u8> = utf16(text);
            let length = u16::try_from(units.len()).unwrap().to_le_bytes();
            [&length[..], &units].concat()
        }
        Cents(value) | Money(value) => {
            let magnitude = value.unsigned_abs().to_le_bytes();
            [&[9, u8::from(value >= 0)][..], &magnitude].concat()
        }
        DateTime(None) | Date(None) => vec![0],
        DateTime(Some((days, ticks))) => {
            [&[8][..], &days.to_le_bytes(), &ticks.to_le_bytes()].concat()
        }
        Date(Some(days)) => [&[3][..], &days.to_le_bytes()[..3]].concat(),
    }
}

fn short_text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.encode_utf16().count()).unwrap();
    [&[length][..], &utf16(text)].concat()
}

fn long_text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.encode_utf16().count()).unwrap();
    [&length.to_le_bytes()[..], &utf16(text)].concat()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
