//! Exact decimal numbers of up to 38 digits, as `decimal(38, s)` holds them.
//!
//! Trailing zeros are not kept, so equal numbers are equal here, and have one form. There is no
//! arithmetic but what moving and comparing needs.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The most digits behind the point.
const MOST_PLACES: u8 = 38;

/// `units / 10^scale`, with as small a scale as there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    // Two halves: an i128 would double the size of a value for its alignment.
    high: i64,
    low: u64,
    scale: u8,
}

/// A text that is no number, or one of more than 38 digits.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no decimal number of up to 38 digits")]
pub struct NotANumber;

impl Number {
    /// Zero.
    pub const ZERO: Self = Self {
        high: 0,
        low: 0,
        scale: 0,
    };

    /// `units / 10^scale`; nothing where there are more than 38 places.
    pub fn new(units: i128, scale: u8) -> Option<Self> {
        let (mut units, mut scale) = (units, scale);
        while scale > 0 && units % 10 == 0 {
            units /= 10;
            scale -= 1;
        }
        (scale <= MOST_PLACES).then(|| Self::of(units, scale))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the halves of an i128 are cut on purpose"
    )]
    const fn of(units: i128, scale: u8) -> Self {
        Self {
            high: (units >> 64) as i64,
            low: units as u64,
            scale,
        }
    }

    /// The number times `10^scale`.
    pub fn units(self) -> i128 {
        (i128::from(self.high) << 64) | i128::from(self.low)
    }

    /// Digits behind the point, of which the last is not zero.
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// The number times `10^scale`, where that is whole and fits.
    pub fn at_scale(self, scale: u8) -> Option<i128> {
        let more = scale.checked_sub(self.scale)?;
        self.units().checked_mul(power(more)?)
    }

    /// The nearest number with so many places; a half goes away from zero, as `round` does in
    /// `PostgreSQL` and SQL Server.
    #[must_use]
    pub fn rounded(self, scale: u8) -> Self {
        let Some(cut) = self.scale.checked_sub(scale).filter(|cut| *cut > 0) else {
            return self;
        };
        let Some(divisor) = power(cut) else {
            return Self::ZERO;
        };
        let (units, half) = (self.units(), divisor / 2);
        let rest = units % divisor;
        let away = i128::from(rest.abs() >= half) * rest.signum();
        Self::new(units / divisor + away, scale).unwrap_or(Self::ZERO)
    }

    /// Digits before the point; none for what is smaller than one.
    pub fn whole_digits(self) -> u32 {
        let whole = power(self.scale).map_or(0, |one| self.units() / one);
        whole
            .unsigned_abs()
            .checked_ilog10()
            .map_or(0, |log| log + 1)
    }

    /// The integer that it is.
    pub fn integer(self) -> Option<i64> {
        (self.scale == 0)
            .then(|| i64::try_from(self.units()).ok())
            .flatten()
    }

    /// The distance to another number; nothing where it cannot be held.
    pub fn distance(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let difference = self.at_scale(scale)?.checked_sub(other.at_scale(scale)?)?;
        Self::new(difference.checked_abs()?, scale)
    }

    /// The sum; nothing where it cannot be held.
    pub fn plus(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        Self::new(
            self.at_scale(scale)?.checked_add(other.at_scale(scale)?)?,
            scale,
        )
    }
}

fn power(exponent: u8) -> Option<i128> {
    10_i128.checked_pow(exponent.into())
}

impl From<i64> for Number {
    fn from(integer: i64) -> Self {
        Self::of(integer.into(), 0)
    }
}

impl FromStr for Number {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            all => (false, all),
        };
        let (mut units, mut scale, mut point, mut any) = (0_i128, 0_u32, false, false);
        // A zero behind the point counts once a digit follows it, so that any tail of zeros fits.
        let mut zeros = 0;
        for byte in digits {
            match byte {
                b'.' if !point => point = true,
                b'0' if point => (zeros, any) = (zeros + 1, true),
                b'0'..=b'9' => {
                    any = true;
                    let pending = std::mem::take(&mut zeros);
                    if point {
                        scale += pending + 1;
                    }
                    let shift = 10_i128.checked_pow(pending + 1).ok_or(NotANumber)?;
                    units = units
                        .checked_mul(shift)
                        .and_then(|units| units.checked_add((byte - b'0').into()))
                        .ok_or(NotANumber)?;
                }
                _ => return Err(NotANumber),
            }
        }
        if !any {
            return Err(NotANumber);
        }
        let scale = u8::try_from(scale).map_err(|_| NotANumber)?;
        Self::new(if negative { -units } else { units }, scale).ok_or(NotANumber)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.units();
        let sign = if units < 0 { "-" } else { "" };
        let least = usize::from(self.scale) + 1;
        let digits = format!("{:0least$}", units.unsigned_abs());
        let (whole, places) = digits.split_at(digits.len() - usize::from(self.scale));
        // A precision asks for that many places at least, as money is shown.
        let wanted = f.precision().unwrap_or(0).max(places.len());
        if wanted == 0 {
            return write!(f, "{sign}{whole}");
        }
        write!(f, "{sign}{whole}.{places:0<wanted$}")
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.units().cmp(&other.units());
        }
        let whole = |number: Self| {
            power(number.scale).map_or((0, 0), |one| {
                let units = number.units();
                (units / one, units % one)
            })
        };
        // Whole parts first; the rests are below one and fit at either scale.
        let ((one, rest), (two, other_rest)) = (whole(*self), whole(*other));
        one.cmp(&two).then_with(|| {
            let scale = self.scale.max(other.scale);
            let lifted = |rest: i128, from: u8| {
                rest.saturating_mul(power(scale - from).unwrap_or(i128::MAX))
            };
            lifted(rest, self.scale).cmp(&lifted(other_rest, other.scale))
        })
    }
}

impl Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    fn number(text: &str) -> Number {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn a_number_is_shown_as_it_was_written_but_for_trailing_zeros() {
        for (written, shown) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("10.50", "10.5"),
            ("-0.05", "-0.05"),
            ("+7", "7"),
            (".5", "0.5"),
            ("1000", "1000"),
            (
                "0.0000000000000000000000000000000000001",
                "0.0000000000000000000000000000000000001",
            ),
            (
                "99999999999999999999999999999999999999",
                "99999999999999999999999999999999999999",
            ),
            ("1.00000000000000000000000000000000000000000000000000", "1"),
        ] {
            assert_eq!(number(written).to_string(), shown, "{written}");
        }
        assert_eq!(format!("{:.2}", number("10.5")), "10.50");
        assert_eq!(format!("{:.2}", number("-3")), "-3.00");
    }

    #[test]
    fn what_is_no_number_of_38_digits_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "1e5",
            "1,5",
            "NaN",
            "1.2.3",
            " 1",
            &"9".repeat(60),
        ] {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_value_whatever_their_scale() {
        let ordered = [
            "-10.5", "-10.45", "-1", "-0.001", "0", "0.0001", "0.5", "2", "10", "10.01",
        ];
        for pair in ordered.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
        let (huge, tiny) = (
            number(&"9".repeat(38)),
            number("0.00000000000000000000000000000000000001"),
        );
        assert!(huge > tiny);
    }

    #[test]
    fn a_half_is_rounded_away_from_zero() {
        for (written, rounded) in [
            ("0.005", "0.01"),
            ("-0.005", "-0.01"),
            ("1.0049", "1"),
            ("2", "2"),
        ] {
            assert_eq!(number(written).rounded(2), number(rounded), "{written}");
        }
    }

    #[test]
    fn units_at_a_scale_are_exact_or_none() {
        assert_eq!(number("10.5").at_scale(2), Some(1050));
        assert_eq!(number("10.505").at_scale(2), None);
        assert_eq!(number("1").at_scale(38), Some(10_i128.pow(38)));
        assert_eq!(number("2").at_scale(38), None);
        assert_eq!(number("99999999.99").whole_digits(), 8);
        assert_eq!(number("0.99").whole_digits(), 0);
    }

    #[test]
    fn a_distance_is_exact() {
        assert_eq!(
            number("10.00").distance(number("10.01")),
            Some(number("0.01"))
        );
    }
}
