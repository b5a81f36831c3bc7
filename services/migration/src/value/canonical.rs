//! One form in bytes for each value: what is equal has equal bytes, and no two that differ do.
//!
//! Every form begins with its kind, and those of no fixed length say how long they are: "12" and
//! "3" are not "1" and "23". An integer has the form of the decimal number that it equals.

use xxhash_rust::xxh3::xxh3_128;

use super::{Number, Value};

/// xxh3-128 of canonical bytes.
pub type Digest = u128;

/// The one NaN that is kept of all there are.
const NAN: u64 = 0x7ff8_0000_0000_0000;

impl Value {
    /// Appends the form.
    pub fn canonical(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(b'0'),
            Self::Bool(truth) => out.extend([b'b', u8::from(*truth)]),
            Self::Int(integer) => short(out, b'i', *integer),
            Self::Number(number) => {
                if let Some(integer) = number.integer() {
                    short(out, b'i', integer);
                } else {
                    out.extend([b'n', number.scale()]);
                    out.extend(number.units().to_le_bytes());
                }
            }
            Self::Float(float) => {
                // Minus zero equals zero, and NaN itself, as they do in a database's index.
                let bits = match float {
                    float if float.is_nan() => NAN,
                    float => (float + 0.0).to_bits(),
                };
                out.push(b'f');
                out.extend(bits.to_le_bytes());
            }
            Self::Text(words) => text(out, words.as_bytes()),
            Self::Bytes(content) => bytes(out, content),
            Self::Date(days) => short(out, b'd', i64::from(*days)),
            Self::Time(ticks) => short(out, b'h', *ticks),
            Self::Naive(ticks) => short(out, b'l', *ticks),
            Self::Instant(ticks) => short(out, b'z', *ticks),
            Self::Uuid(bytes) => {
                out.push(b'u');
                out.extend(bytes);
            }
            Self::Unreadable(what) => long(out, b'?', what.as_bytes()),
        }
    }

    /// The digest of the form, for values that are too long to be kept.
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::new();
        self.canonical(&mut bytes);
        xxh3_128(&bytes)
    }
}

/// Appends the form of a text, which is UTF-8.
pub(crate) fn text(out: &mut Vec<u8>, text: &[u8]) {
    long(out, b't', text);
}

/// Appends the form of bytes.
pub(crate) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    long(out, b'x', bytes);
}

/// The form of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form<'f> {
    kind: u8,
    content: &'f [u8],
}

/// The forms of values that stand one behind the other, of which none is made to pass it by; what is
/// behind the first bytes that are no form is left out.
pub(crate) fn forms(mut forms: &[u8]) -> impl Iterator<Item = Form<'_>> {
    std::iter::from_fn(move || {
        let (form, rest) = first(forms)?;
        forms = rest;
        Some(form)
    })
}

fn first(forms: &[u8]) -> Option<(Form<'_>, &[u8])> {
    let (kind, rest) = forms.split_first()?;
    let (length, rest) = match kind {
        b'0' => (0, rest),
        b'b' => (1, rest),
        b'i' | b'f' | b'd' | b'h' | b'l' | b'z' => (8, rest),
        b'n' => (17, rest),
        b'u' => (16, rest),
        b't' | b'x' | b'?' => {
            let (length, rest) = rest.split_first_chunk::<8>()?;
            (usize::try_from(u64::from_le_bytes(*length)).ok()?, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    let kind = *kind;
    Some((Form { kind, content }, rest))
}

impl Form<'_> {
    /// The value; a number without a fraction comes back as the integer that it equals. Nothing
    /// where the bytes hold none.
    pub(crate) fn value(self) -> Option<Value> {
        let integer = || {
            self.content
                .first_chunk::<8>()
                .map(|i| i64::from_le_bytes(*i))
        };
        Some(match self.kind {
            b'0' => Value::Null,
            b'b' => Value::Bool(*self.content.first()? != 0),
            b'i' => Value::Int(integer()?),
            b'n' => {
                let (scale, units) = self.content.split_first()?;
                let units = i128::from_le_bytes(units.try_into().ok()?);
                Value::Number(Number::new(units, *scale)?)
            }
            b'f' => Value::Float(f64::from_bits(integer()?.cast_unsigned())),
            b't' => Value::text(String::from_utf8_lossy(self.content)),
            b'x' => Value::Bytes(self.content.into()),
            b'd' => Value::Date(i32::try_from(integer()?).ok()?),
            b'h' => Value::Time(integer()?),
            b'l' => Value::Naive(integer()?),
            b'z' => Value::Instant(integer()?),
            b'u' => Value::Uuid(self.content.try_into().ok()?),
            b'?' => Value::unreadable(String::from_utf8_lossy(self.content)),
            _ => return None,
        })
    }
}

fn short(out: &mut Vec<u8>, kind: u8, integer: i64) {
    out.push(kind);
    out.extend(integer.to_le_bytes());
}

fn long(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::Value;

    fn form(values: &[Value]) -> Vec<u8> {
        let mut out = Vec::new();
        for value in values {
            value.canonical(&mut out);
        }
        out
    }

    #[test]
    fn texts_cannot_run_into_each_other() {
        let one = form(&[Value::text("12"), Value::text("3")]);
        assert_ne!(one, form(&[Value::text("1"), Value::text("23")]));
        assert_ne!(form(&[Value::Null]), form(&[Value::text("")]));
        assert_ne!(form(&[Value::text("null")]), form(&[Value::Null]));
    }

    #[test]
    fn numbers_that_are_equal_have_one_form() {
        let number = |text: &str| Value::Number(text.parse().expect("a number"));
        assert_eq!(form(&[number("17.00")]), form(&[Value::Int(17)]));
        assert_eq!(form(&[number("9.10")]), form(&[number("9.1")]));
        assert_ne!(form(&[number("9.01")]), form(&[number("9.1")]));
    }

    #[test]
    fn zeros_of_both_signs_and_nans_of_any_bits_are_one() {
        assert_eq!(form(&[Value::Float(-0.0)]), form(&[Value::Float(0.0)]));
        assert_eq!(
            form(&[Value::Float(-f64::NAN)]),
            form(&[Value::Float(f64::NAN)])
        );
    }
}
