//! Money: a decimal with exactly two places, read from and written as a JSON number's token.
//!
//! It never passes through a float, and it has no currency: the contract has one.

use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::openapi::{Object, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Decimal places of an amount.
const PLACES: u32 = 2;

/// As many digits as [`Decimal`] holds whatever they are.
const DIGITS: usize = 28;

/// An amount to the cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(Decimal);

/// Text that should have been an amount, and wasn't.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an amount of money")]
pub struct NotMoney(String);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Rounds to the cent, half away from zero: the modern side's rounding.
    pub fn half_up(value: Decimal) -> Self {
        Self::rounded(value, RoundingStrategy::MidpointAwayFromZero)
    }

    /// Rounds to the cent, half to the even cent: the legacy side's rounding.
    pub fn half_even(value: Decimal) -> Self {
        Self::rounded(value, RoundingStrategy::MidpointNearestEven)
    }

    /// The amount as a decimal.
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// Above zero.
    pub fn is_positive(self) -> bool {
        self.0 > Decimal::ZERO
    }

    /// Below zero.
    pub fn is_negative(self) -> bool {
        self.0 < Decimal::ZERO
    }

    /// The sum; what no decimal holds becomes the greatest amount, which no column takes.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, bounded likewise.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The exact product with a rate or a quantity, for the caller to round; bounded likewise.
    #[must_use]
    pub fn times(self, factor: Decimal) -> Decimal {
        self.0.saturating_mul(factor)
    }

    fn rounded(value: Decimal, strategy: RoundingStrategy) -> Self {
        let rounded = value.round_dp_with_strategy(PLACES, strategy);
        // A tiny negative amount rounds to a zero that would still print its sign.
        Self(if rounded.is_zero() {
            Decimal::ZERO
        } else {
            rounded
        })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

impl FromStr for Money {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        decimal(text)
            .map(Self::half_up)
            .ok_or_else(|| NotMoney(text.to_owned()))
    }
}

impl PartialSchema for Money {
    fn schema() -> RefOr<Schema> {
        Object::builder()
            .schema_type(Type::Number)
            .description(Some("With two decimals"))
            .examples([serde_json::json!(110.5)])
            .into()
    }
}

impl ToSchema for Money {}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string())
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let token = Box::<RawValue>::deserialize(deserializer)?;
        token.get().parse().map_err(D::Error::custom)
    }
}

/// The value of a JSON number's token, exact to 28 digits; [`None`] for anything else.
///
/// A number beyond a decimal's range becomes the greatest (or least) decimal: it is a number, and
/// whichever rule or column it meets refuses it as too large. One too small to hold is zero.
pub fn decimal(token: &str) -> Option<Decimal> {
    let (negative, unsigned) = match token.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, token),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, power(exponent)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    if whole.is_empty() || fraction.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let digits = [whole, fraction].concat();
    let significant = digits.trim_start_matches('0');
    let leading = digits.len().saturating_sub(significant.len());
    // Where the decimal point stands, counted from the first significant digit.
    let point = exponent
        .saturating_add(i64::try_from(whole.len()).ok()?)
        .saturating_sub(i64::try_from(leading).ok()?);
    let magnitude = place(significant, point);
    Some(if negative { -magnitude } else { magnitude })
}

/// An exponent; one beyond `i64` is as good as the greatest.
fn power(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !all_digits(digits) {
        return None;
    }
    let power = digits.parse().unwrap_or(i64::MAX);
    Some(if negative { -power } else { power })
}

/// `0.significant × 10^point`, cut to what a decimal holds.
fn place(significant: &str, point: i64) -> Decimal {
    if significant.is_empty() {
        return Decimal::ZERO;
    }
    let Ok(whole) = usize::try_from(point.max(0)) else {
        return Decimal::MAX;
    };
    if whole > DIGITS {
        return Decimal::MAX;
    }
    let Ok(zeros) = usize::try_from(point.min(0).unsigned_abs()) else {
        return Decimal::ZERO;
    };
    if zeros >= DIGITS {
        return Decimal::ZERO;
    }
    // All digits as one integer of at most 28 digits, then the point by the scale.
    let kept = significant
        .get(..DIGITS.saturating_sub(zeros))
        .unwrap_or(significant);
    let integer = format!("{kept:0<whole$}");
    let scale = integer.len().saturating_sub(whole).saturating_add(zeros);
    match (integer.parse(), u32::try_from(scale)) {
        (Ok(integer), Ok(scale)) => {
            Decimal::try_from_i128_with_scale(integer, scale).unwrap_or(Decimal::MAX)
        }
        _ => Decimal::MAX,
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(token: &str) -> String {
        serde_json::from_str::<Money>(token).unwrap().to_string()
    }

    #[test]
    fn an_amount_is_a_json_number_with_two_decimals() {
        let amounts: Vec<Money> = serde_json::from_str("[10.5, 7, 1e2, 0.1]").unwrap();
        assert_eq!(
            serde_json::to_string(&amounts).unwrap(),
            "[10.50,7.00,100.00,0.10]"
        );
    }

    #[test]
    fn an_amount_is_read_from_its_token_and_not_through_a_float() {
        assert_eq!(money("9007199254740993.01"), "9007199254740993.01");
        assert_eq!(money("0.30000000000000004"), "0.30");
        assert_eq!(
            money("1.005"),
            "1.01",
            "1.005 as a float is below the midpoint"
        );
        assert_eq!(money("0.0000000000000000000000000000000000123e34"), "0.12");
        assert_eq!(money("-0.001"), "0.00");
    }

    #[test]
    fn a_number_beyond_any_column_is_the_greatest_amount() {
        for token in ["1e300", "1e99999999999999999999", "1e29"] {
            assert_eq!(decimal(token), Some(Decimal::MAX), "{token}");
        }
        assert_eq!(decimal("-1e300"), Some(Decimal::MIN));
        assert_eq!(decimal("1e-99999999999999999999"), Some(Decimal::ZERO));
        assert_eq!(
            decimal(&format!("0.{}1", "0".repeat(100_000))),
            Some(Decimal::ZERO)
        );
    }

    #[test]
    fn only_a_number_is_an_amount() {
        for token in ["\"10\"", "null", "true", "[1]", "{}"] {
            assert!(serde_json::from_str::<Money>(token).is_err(), "{token}");
        }
        for text in ["", "-", ".5", "5.", "1e", "1e+", "0x10", "NaN", "1 ", "٣"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn the_two_sides_round_half_a_cent_differently() {
        let half = decimal("0.125").unwrap();
        assert_eq!(Money::half_up(half).to_string(), "0.13");
        assert_eq!(Money::half_even(half).to_string(), "0.12");
        assert_eq!(
            Money::half_even(decimal("0.135").unwrap()).to_string(),
            "0.14"
        );
    }

    proptest! {
        #[test]
        fn every_amount_of_cents_survives_a_round_trip(cents in -10_i64.pow(16)..10_i64.pow(16)) {
            let amount = Money::half_up(Decimal::new(cents, 2));
            let text = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), amount);
        }

        #[test]
        fn a_token_means_what_the_decimal_parser_says(
            token in r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,12})?"
        ) {
            prop_assert_eq!(decimal(&token), Decimal::from_str(&token).ok());
        }
    }
}
