//! Numbers that are equal within a tolerance or after rounding, in exact decimal arithmetic.
//!
//! What has more digits than fit is left to the exact comparison that comes before.

use std::cmp::Ordering;

use super::config::NumberConfig;

/// The digits that fit the arithmetic.
const MOST_DIGITS: u32 = 38;

/// A checked number rule.
#[derive(Clone, Debug)]
pub(crate) struct NumberRule {
    tolerance: Option<Tolerance>,
    decimals: Option<u8>,
    /// Whether a number may equal a text.
    pub(crate) or_text: bool,
}

#[derive(Clone, Copy, Debug)]
enum Tolerance {
    Absolute(Decimal),
    /// A part of the larger number.
    Relative(Decimal),
}

impl NumberRule {
    /// Checks a rule; mistakes are told as the key that is wrong, its value and why.
    pub(super) fn new(
        config: &NumberConfig,
        wrong: &mut impl FnMut(&'static str, &str, &str),
    ) -> Self {
        let tolerance = config.tolerance.as_deref().and_then(|text| {
            let tolerance = tolerance(text);
            if tolerance.is_none() {
                wrong(
                    "tolerance",
                    text,
                    "not a number such as 0.01 or a part such as 0.5%",
                );
            }
            tolerance
        });
        if let Some(decimals) = config
            .decimals
            .filter(|decimals| u32::from(*decimals) > MOST_DIGITS)
        {
            wrong("decimals", &decimals.to_string(), "more than 38 decimals");
        }
        Self {
            tolerance,
            decimals: config.decimals,
            or_text: config.or_text,
        }
    }

    /// Whether both texts are numbers, and equal under the rule.
    pub(crate) fn equal(&self, legacy: &str, modern: &str) -> bool {
        let (Some(legacy), Some(modern)) = (Decimal::new(legacy), Decimal::new(modern)) else {
            return false;
        };
        if legacy.compare(modern) == Ordering::Equal {
            return true;
        }
        let rounded = self.decimals.is_some_and(|decimals| {
            let of = |number: Decimal| number.rounded(decimals);
            of(legacy).compare(of(modern)) == Ordering::Equal
        });
        rounded || self.tolerance.is_some_and(|it| it.allows(legacy, modern))
    }
}

impl Tolerance {
    fn allows(self, legacy: Decimal, modern: Decimal) -> bool {
        let most = match self {
            Self::Absolute(most) => Some(most),
            Self::Relative(part) => {
                let (legacy, modern) = (legacy.abs(), modern.abs());
                let larger = if legacy.compare(modern) == Ordering::Less {
                    modern
                } else {
                    legacy
                };
                part.times(larger)
            }
        };
        let apart = legacy.minus(modern).map(Decimal::abs);
        match (apart, most) {
            (Some(apart), Some(most)) => apart.compare(most) != Ordering::Greater,
            _ => false,
        }
    }
}

fn tolerance(text: &str) -> Option<Tolerance> {
    let part = text.strip_suffix('%').map(str::trim_end);
    let number = Decimal::new(part.unwrap_or(text)).filter(|number| number.digits >= 0)?;
    Some(match part {
        Some(_) => Tolerance::Relative(Decimal {
            power: number.power.checked_sub(2)?,
            ..number
        }),
        None => Tolerance::Absolute(number),
    })
}

/// A number as an integer times a power of ten.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal {
    digits: i128,
    power: i32,
}

impl Decimal {
    /// Reads a number as JSON writes it, with at most 38 significant digits.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let dot = mantissa.len() > whole.len();
        if whole.is_empty() || (dot && fraction.is_empty()) {
            return None;
        }
        let mut digits = 0_i128;
        let mut power = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        let mut zeros = 0_u32;
        // Zeros at the end wait until a digit comes that needs them.
        for byte in whole.bytes().chain(fraction.bytes()) {
            match byte {
                b'0' => zeros = zeros.checked_add(1)?,
                b'1'..=b'9' => {
                    if digits != 0 {
                        digits = digits.checked_mul(10_i128.checked_pow(zeros.checked_add(1)?)?)?;
                    }
                    digits = digits.checked_add(i128::from(byte - b'0'))?;
                    zeros = 0;
                }
                _ => return None,
            }
        }
        power = power.checked_add(i32::try_from(zeros).ok()?)?;
        let digits = if negative { -digits } else { digits };
        let fits = digits.unsigned_abs().checked_ilog10().unwrap_or_default() < MOST_DIGITS;
        fits.then_some(Self {
            digits,
            power: if digits == 0 { 0 } else { power },
        })
    }

    pub(crate) fn abs(self) -> Self {
        Self {
            digits: self.digits.abs(),
            ..self
        }
    }

    /// Where the first digit stands: 1 for 1 to 9, 0 for 0.1 to 0.9.
    fn magnitude(self) -> Option<i64> {
        let length = self.digits.unsigned_abs().checked_ilog10()?;
        Some(i64::from(length) + 1 + i64::from(self.power))
    }

    /// Both with the same power, if their digits fit.
    fn aligned(self, other: Self) -> Option<(i128, i128, i32)> {
        if self.digits == 0 {
            return Some((0, other.digits, other.power));
        }
        if other.digits == 0 {
            return Some((self.digits, 0, self.power));
        }
        let power = self.power.min(other.power);
        let scaled = |number: Self| {
            let by = number.power.abs_diff(power);
            number.digits.checked_mul(10_i128.checked_pow(by)?)
        };
        Some((scaled(self)?, scaled(other)?, power))
    }

    pub(crate) fn is_zero(self) -> bool {
        self.digits == 0
    }

    fn compare(self, other: Self) -> Ordering {
        let by_sign = self.digits.signum().cmp(&other.digits.signum());
        if by_sign != Ordering::Equal || self.digits == 0 {
            return by_sign;
        }
        let by_magnitude = self.magnitude().cmp(&other.magnitude());
        let positive = if by_magnitude == Ordering::Equal {
            // Of one magnitude, so that aligning cannot make either one too long.
            self.aligned(other)
                .map_or(Ordering::Equal, |(mine, theirs, _)| {
                    mine.abs().cmp(&theirs.abs())
                })
        } else {
            by_magnitude
        };
        if self.digits < 0 {
            positive.reverse()
        } else {
            positive
        }
    }

    pub(crate) fn minus(self, other: Self) -> Option<Self> {
        let (mine, theirs, power) = self.aligned(other)?;
        let digits = mine.checked_sub(theirs)?;
        Some(Self { digits, power })
    }

    fn times(self, other: Self) -> Option<Self> {
        Some(Self {
            digits: self.digits.checked_mul(other.digits)?,
            power: self.power.checked_add(other.power)?,
        })
    }

    fn rounded(self, decimals: u8) -> Self {
        let power = -i32::from(decimals);
        if self.power >= power {
            return self;
        }
        let unit = 10_i128.checked_pow(self.power.abs_diff(power));
        let digits = unit.map_or(0, |unit| {
            let half = unit / 2;
            let away = if self.digits < 0 { -half } else { half };
            self.digits.saturating_add(away) / unit
        });
        Self { digits, power }
    }
}

impl std::fmt::Display for Decimal {
    /// Without an exponent where that is short.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = self.digits.unsigned_abs().to_string();
        match self.power {
            0 => write!(f, "{sign}{digits}"),
            power @ 1..=20 => write!(
                f,
                "{sign}{digits}{}",
                "0".repeat(power.unsigned_abs() as usize)
            ),
            power @ -20..=-1 => {
                let places = power.unsigned_abs() as usize;
                let digits = format!("{digits:0>width$}", width = places + 1);
                let (whole, fraction) = digits.split_at(digits.len() - places);
                let fraction = fraction.trim_end_matches('0');
                let dot = if fraction.is_empty() { "" } else { "." };
                write!(f, "{sign}{whole}{dot}{fraction}")
            }
            power => write!(f, "{sign}{digits}e{power}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(tolerance: Option<&str>, decimals: Option<u8>) -> NumberRule {
        let config = NumberConfig {
            tolerance: tolerance.map(str::to_owned),
            decimals,
            or_text: false,
        };
        NumberRule::new(&config, &mut |key, value, message| {
            panic!("{key} {value}: {message}")
        })
    }

    fn equal(rule: &NumberRule, legacy: &str, modern: &str) -> bool {
        let verdict = rule.equal(legacy, modern);
        assert_eq!(verdict, rule.equal(modern, legacy), "{legacy} {modern}");
        verdict
    }

    #[test]
    fn an_absolute_tolerance_is_exact() {
        let cent = rule(Some("0.01"), None);
        assert!(equal(&cent, "1.02", "1.03") && equal(&cent, "-1.02", "-1.03"));
        assert!(equal(&cent, "0.005", "-0.005") && equal(&cent, "1e2", "100.01"));
        assert!(!equal(&cent, "1.02", "1.0300000000000001"));
        assert!(!equal(&cent, "1e300", "1e301") && equal(&cent, "1e-300", "0"));
        assert!(!equal(&cent, "one", "1"));
    }

    #[test]
    fn a_relative_tolerance_is_a_part_of_the_larger_number() {
        let percent = rule(Some("1%"), None);
        assert!(equal(&percent, "99", "100") && !equal(&percent, "98.99", "100"));
        assert!(equal(&percent, "-99", "-100") && !equal(&percent, "0.99", "-1"));
        assert!(equal(&percent, "9.9e300", "1e301"));
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        let two = rule(None, Some(2));
        assert!(equal(&two, "1.005", "1.01") && equal(&two, "-1.005", "-1.01"));
        assert!(!equal(&two, "1.0049", "1.01") && equal(&two, "1e-50", "0"));
        assert!(equal(&two, "100", "1e2") && !equal(&two, "100", "100.01"));
    }

    #[test]
    fn what_does_not_fit_is_not_close() {
        let wide = rule(Some("1e50"), None);
        assert!(!equal(&wide, &"9".repeat(39), &"9".repeat(40)));
        assert!(!equal(&wide, "1e999999999999", "2e999999999999"));
        assert!(!equal(
            &wide,
            &format!("0.{}1", "0".repeat(100)),
            &"8".repeat(38)
        ));
    }

    #[test]
    fn mistakes_name_the_key_and_the_value() {
        let mut found = Vec::new();
        for text in ["", "-1", "1 %%", "much", "NaN", "1.", "+1"] {
            let config = NumberConfig {
                tolerance: Some(text.to_owned()),
                ..NumberConfig::default()
            };
            NumberRule::new(&config, &mut |key, value, _| {
                found.push(format!("{key}={value}"));
            });
        }
        assert_eq!(found.len(), 7, "{found:?}");
    }

    proptest! {
        #[test]
        fn the_arithmetic_is_that_of_integers(a in -10_000_000_i64..10_000_000, b in -10_000_000_i64..10_000_000, most in 0_i64..1000) {
            let of = |cents: i64| format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
            let close = rule(Some(&of(most)), None);
            prop_assert_eq!(equal(&close, &of(a), &of(b)), (a - b).abs() <= most);
            let near = a + most;
            prop_assert!(equal(&close, &of(a), &of(near)));
        }
    }
}
