//! Rows into what `COPY … FROM STDIN (FORMAT binary)` takes.

use bytes::{BufMut as _, BytesMut};

use super::decode::EPOCH;
use super::numeric;
use super::wire::Wire;
use crate::schema::ColumnSchema;
use crate::value::{Value, time};

/// A value that its column cannot take in this format.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{column}: {value} does not fit {native}")]
pub(super) struct Unfit {
    column: String,
    value: String,
    native: String,
}

/// What a stream begins with.
pub(super) fn head(out: &mut BytesMut) {
    out.put_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
}

/// What a stream ends with.
pub(super) fn tail(out: &mut BytesMut) {
    out.put_i16(-1);
}

/// Appends a row, whose values beyond the columns are left out and whose missing ones are null.
pub(super) fn row(
    out: &mut BytesMut,
    columns: &[ColumnSchema],
    wires: &[Wire],
    row: &[Value],
) -> Result<(), Unfit> {
    // A table has at most 1,600 columns.
    out.put_i16(i16::try_from(wires.len()).unwrap_or(i16::MAX));
    for (position, (wire, column)) in wires.iter().zip(columns).enumerate() {
        let value = row.get(position).unwrap_or(&Value::Null);
        field(out, *wire, value).ok_or_else(|| Unfit {
            column: column.name.clone(),
            value: value.to_string(),
            native: column.native.clone(),
        })?;
    }
    Ok(())
}

/// Appends a length and a value; nothing where the value is none of the form.
fn field(out: &mut BytesMut, wire: Wire, value: &Value) -> Option<()> {
    match (wire, value) {
        (_, Value::Null) => out.put_i32(-1),
        (Wire::Bool, Value::Bool(truth)) => fixed(out, [u8::from(*truth)]),
        (Wire::Int2, Value::Int(integer)) => {
            fixed(out, i16::try_from(*integer).ok()?.to_be_bytes());
        }
        (Wire::Int4, Value::Int(integer)) => {
            fixed(out, i32::try_from(*integer).ok()?.to_be_bytes());
        }
        (Wire::Int8, Value::Int(integer)) => fixed(out, integer.to_be_bytes()),
        (Wire::Numeric, Value::Number(number)) => {
            measured(out, |out| numeric::encode(out, *number))?;
        }
        (Wire::Numeric, Value::Int(integer)) => {
            measured(out, |out| numeric::encode(out, (*integer).into()))?;
        }
        (Wire::Float4, Value::Float(float)) => fixed(out, narrow(*float)?.to_be_bytes()),
        (Wire::Float8, Value::Float(float)) => fixed(out, float.to_be_bytes()),
        (Wire::Text, Value::Text(text)) => {
            out.put_i32(i32::try_from(text.len()).ok()?);
            out.put_slice(text.as_bytes());
        }
        (Wire::Jsonb, Value::Text(text)) => {
            out.put_i32(i32::try_from(text.len()).ok()?.checked_add(1)?);
            out.put_u8(1);
            out.put_slice(text.as_bytes());
        }
        (Wire::Bytea, Value::Bytes(bytes)) => {
            out.put_i32(i32::try_from(bytes.len()).ok()?);
            out.put_slice(bytes);
        }
        (Wire::Date, Value::Date(days)) => fixed(out, days.checked_sub(EPOCH)?.to_be_bytes()),
        (Wire::Time, Value::Time(ticks)) => fixed(out, microseconds(*ticks)?.to_be_bytes()),
        (Wire::Timestamp, Value::Naive(ticks)) | (Wire::Timestamptz, Value::Instant(ticks)) => {
            let since = ticks.checked_sub(i64::from(EPOCH) * time::DAY)?;
            fixed(out, microseconds(since)?.to_be_bytes());
        }
        (Wire::Uuid, Value::Uuid(bytes)) => fixed(out, *bytes),
        _ => return None,
    }
    Some(())
}

fn fixed<const N: usize>(out: &mut BytesMut, bytes: [u8; N]) {
    // At most sixteen.
    out.put_i32(i32::try_from(N).unwrap_or(0));
    out.put_slice(&bytes);
}

/// What says its length only afterwards.
fn measured(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) -> Option<()> {
    let before = out.len();
    out.put_i32(0);
    write(out);
    let length = i32::try_from(out.len().checked_sub(before)?.checked_sub(4)?).ok()?;
    let place = out.get_mut(before..)?.first_chunk_mut::<4>()?;
    *place = length.to_be_bytes();
    Some(())
}

/// The float of 32 bits that it is, whatever kind of NaN.
fn narrow(float: f64) -> Option<f32> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whether something was lost is looked at"
    )]
    let narrow = float as f32;
    (narrow.is_nan() || f64::from(narrow).to_bits() == float.to_bits()).then_some(narrow)
}

/// Ticks are finer: rounding is the mapping's, and done before.
fn microseconds(ticks: i64) -> Option<i64> {
    (ticks % 10 == 0).then_some(ticks / 10)
}

#[cfg(test)]
mod tests {
    use super::super::decode::Decoder;
    use super::*;
    use crate::schema::Type;

    fn column(native: &str) -> ColumnSchema {
        ColumnSchema {
            name: "c".to_owned(),
            kind: Type::Unsupported,
            native: native.to_owned(),
            nullable: true,
            optional: false,
            generated: false,
            ordered: true,
        }
    }

    fn there_and_back(wire: Wire, value: &Value) -> Value {
        let mut out = BytesMut::new();
        head(&mut out);
        row(
            &mut out,
            &[column("t")],
            &[wire],
            std::slice::from_ref(value),
        )
        .expect("a row");
        tail(&mut out);
        let mut decoder = Decoder::new(vec![wire], 1, crate::store::gather::Rows::default());
        decoder.push(&out).expect("a stream");
        decoder.finish().expect("rows").done.remove(0).remove(0)
    }

    #[test]
    fn every_kind_of_value_comes_back() {
        let number = Value::Number("-12345.678".parse().expect("a number"));
        for (wire, value) in [
            (Wire::Bool, Value::Bool(true)),
            (Wire::Int2, Value::Int(i16::MIN.into())),
            (Wire::Int4, Value::Int(i32::MAX.into())),
            (Wire::Int8, Value::Int(i64::MIN)),
            (Wire::Numeric, number),
            (Wire::Float4, Value::Float(0.5)),
            (Wire::Float8, Value::Float(0.1)),
            (Wire::Text, Value::text("Łódź \u{1F980} ")),
            (Wire::Jsonb, Value::text("{\"a\": 1}")),
            (Wire::Bytea, Value::Bytes([0, 255].into())),
            (Wire::Date, Value::Date(-719_162)),
            (Wire::Time, Value::Time(time::DAY - 10)),
            (Wire::Timestamp, Value::Naive(-10)),
            (Wire::Timestamptz, Value::Instant(17_000_000_000_000_010)),
            (Wire::Uuid, Value::Uuid([7; 16])),
            (Wire::Text, Value::Null),
        ] {
            assert_eq!(there_and_back(wire, &value), value, "{wire:?}");
        }
    }

    #[test]
    fn what_a_column_cannot_hold_is_refused_with_its_name_and_value() {
        let mut out = BytesMut::new();
        let refused = row(
            &mut out,
            &[column("smallint")],
            &[Wire::Int2],
            &[Value::Int(40_000)],
        );
        assert_eq!(
            refused.expect_err("a refusal").to_string(),
            "c: 40000 does not fit smallint"
        );
        for (wire, value) in [
            (Wire::Float4, Value::Float(0.1)),
            (Wire::Timestamp, Value::Naive(1)),
            (Wire::Text, Value::Int(1)),
            (Wire::Date, Value::Date(i32::MIN)),
            (Wire::Int8, Value::unreadable("NaN")),
        ] {
            assert_eq!(field(&mut out, wire, &value), None, "{wire:?}");
        }
    }
}
