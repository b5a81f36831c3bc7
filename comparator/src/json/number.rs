//! JSON numbers compared by value on the text of their tokens.
//!
//! Nothing is converted to a float or an integer type, so no digit is lost, and nothing grows with
//! the size of an exponent. Tokens are taken as valid; the parser sees to that.

use std::hash::Hasher;

/// A number token as sign, significant digits and power of ten: ±0.DIGITS × 10^power.
pub(crate) struct Number<'a> {
    negative: bool,
    /// The significant digits before the point, and those after it.
    digits: (&'a [u8], &'a [u8]),
    power: Power<'a>,
}

#[derive(PartialEq, Eq, Hash)]
enum Power<'a> {
    Exact(i128),
    /// An exponent of more than 38 digits equals only the same exponent after a mantissa of the
    /// same magnitude: negative, digits, magnitude.
    Huge(bool, &'a [u8], i128),
}

impl<'a> Number<'a> {
    pub(crate) fn new(token: &'a [u8]) -> Self {
        let (negative, rest) = strip_sign(token);
        let (mantissa, exponent) = split_at_byte(rest, |b| b == b'e' || b == b'E');
        let (whole, fraction) = split_at_byte(mantissa, |b| b == b'.');
        let whole = trim_start(whole);
        let fraction = trim_end(fraction);
        // The digits begin left of the point, or behind the zeros that follow it.
        let (digits, magnitude) = if whole.is_empty() {
            let significant = trim_start(fraction);
            let zeros = fraction.len() - significant.len();
            ((whole, significant), -(zeros as i128))
        } else if fraction.is_empty() {
            ((trim_end(whole), fraction), whole.len() as i128)
        } else {
            ((whole, fraction), whole.len() as i128)
        };
        if digits.0.is_empty() && digits.1.is_empty() {
            // Zero has neither sign nor exponent.
            return Self {
                negative: false,
                digits,
                power: Power::Exact(0),
            };
        }
        Self {
            negative,
            digits,
            power: Power::new(exponent, magnitude),
        }
    }

    fn digits(&self) -> impl Iterator<Item = &u8> {
        self.digits.0.iter().chain(self.digits.1)
    }

    /// Feeds the value, so that equal numbers give equal hashes however they are written.
    pub(crate) fn hash(&self, state: &mut impl Hasher) {
        state.write_u8(u8::from(self.negative));
        for digit in self.digits() {
            state.write_u8(*digit);
        }
        std::hash::Hash::hash(&self.power, state);
    }

    /// A text that equal numbers share and others do not.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        let sign = if self.negative { b'-' } else { b'+' };
        let mut text: Vec<u8> = std::iter::once(&sign)
            .chain(self.digits())
            .copied()
            .collect();
        let power = match &self.power {
            Power::Exact(power) => format!("e{power}"),
            Power::Huge(negative, digits, magnitude) => {
                let sign = if *negative { "-" } else { "" };
                format!("e{sign}{}:{magnitude}", String::from_utf8_lossy(digits))
            }
        };
        text.extend(power.bytes());
        text
    }
}

impl PartialEq for Number<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.negative == other.negative
            && self.power == other.power
            && self.digits().eq(other.digits())
    }
}

impl<'a> Power<'a> {
    fn new(exponent: &'a [u8], magnitude: i128) -> Self {
        let (negative, digits) = strip_sign(exponent);
        let digits = trim_start(digits);
        let value = digits.iter().try_fold(0_i128, |value, digit| {
            value
                .checked_mul(10)?
                .checked_add(i128::from(digit.wrapping_sub(b'0')))
        });
        let signed = value.map(|value| if negative { -value } else { value });
        match signed.and_then(|value| value.checked_add(magnitude)) {
            Some(power) => Self::Exact(power),
            None => Self::Huge(negative, digits, magnitude),
        }
    }
}

/// Whether two number tokens have the same value.
pub(crate) fn equal(legacy: &[u8], modern: &[u8]) -> bool {
    legacy == modern || Number::new(legacy) == Number::new(modern)
}

fn strip_sign(text: &[u8]) -> (bool, &[u8]) {
    match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    }
}

/// The parts before and after the first byte that is wanted; the second is empty without one.
fn split_at_byte(text: &[u8], wanted: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let mut parts = text.splitn(2, |b| wanted(*b));
    (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    )
}

fn trim_start(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|b| **b == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

fn trim_end(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().rev().take_while(|b| **b == b'0').count();
    digits.get(..digits.len() - zeros).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let (left, right) = (Number::new(a.as_bytes()), Number::new(b.as_bytes()));
        let verdict = left == right;
        assert_eq!(
            verdict,
            left.canonical() == right.canonical(),
            "canonical {a} {b}"
        );
        assert_eq!(
            verdict,
            equal(b.as_bytes(), a.as_bytes()),
            "symmetric {a} {b}"
        );
        let of = |number: &Number<'_>| {
            let mut state = DefaultHasher::new();
            number.hash(&mut state);
            state.finish()
        };
        assert!(!verdict || of(&left) == of(&right), "hash {a} {b}");
        verdict
    }

    #[test]
    fn spellings_of_one_value_are_equal() {
        for spelling in [
            "1",
            "1.0",
            "1e0",
            "10e-1",
            "0.1e1",
            "0.001E+3",
            "1.000e000",
            "100e-02",
        ] {
            assert!(same("1", spelling), "{spelling}");
        }
        for zero in [
            "0",
            "-0",
            "0.0",
            "-0.00e99",
            "0e-999999999999999999999999999999999999999999",
        ] {
            assert!(same("0", zero), "{zero}");
        }
        assert!(same("1200", "12e2") && same("100.50", "1005e-1") && same("0.0050", "5e-3"));
    }

    #[test]
    fn values_a_float_would_conflate_differ() {
        assert!(!same("0.30000000000000004", "0.3"));
        assert!(!same("9007199254740993", "9007199254740992"));
        assert!(!same("1e400", "1e401") && same("1e400", "10e399"));
        assert!(!same("1", "-1") && !same("1", "10") && !same("12", "1.2") && !same("0", "1e-400"));
        assert!(!same("105", "15") && !same("1.05", "1.5") && !same("0.1", "0.01"));
    }

    #[test]
    fn absurd_exponents_cost_nothing_and_stay_apart() {
        let huge = format!("1e{}", "9".repeat(50));
        assert!(same(&huge, &format!("1.0e+00{}", "9".repeat(50))));
        assert!(!same(&huge, &format!("1e-{}", "9".repeat(50))));
        assert!(!same(&huge, &format!("1e{}8", "9".repeat(49))));
        assert!(same("1e99999999999999999999", "10e99999999999999999998"));
    }
}
