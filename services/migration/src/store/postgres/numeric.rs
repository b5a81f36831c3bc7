//! The binary form of `numeric`: digits to the base of 10,000 around a decimal point.

use bytes::{BufMut as _, BytesMut};

use crate::value::{Number, Value};

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const MINUS_INFINITY: u16 = 0xF000;

/// Decimal digits of one digit.
const WIDTH: i32 = 4;

/// The first number that has 39 digits.
const TOO_LARGE: u128 = 10_u128.pow(38);

/// The value of a form; nothing where it is malformed.
pub(super) fn decode(bytes: &[u8]) -> Option<Value> {
    let (head, digits) = bytes.split_first_chunk::<8>()?;
    let [c0, c1, w0, w1, s0, s1, ..] = *head;
    let count = usize::from(u16::from_be_bytes([c0, c1]));
    let weight = i32::from(i16::from_be_bytes([w0, w1]));
    let negative = match u16::from_be_bytes([s0, s1]) {
        POSITIVE => false,
        NEGATIVE => true,
        NAN => return Some(Value::unreadable("NaN")),
        INFINITY => return Some(Value::unreadable("infinity")),
        MINUS_INFINITY => return Some(Value::unreadable("-infinity")),
        _ => return None,
    };
    if digits.len() != count.checked_mul(2)? {
        return None;
    }
    let (digits, _) = digits.as_chunks::<2>();
    let digits = digits.iter().map(|digit| u16::from_be_bytes(*digit));
    if digits.clone().any(|digit| digit > 9999) {
        return None;
    }
    let number = folded(digits, weight)
        .and_then(|(units, scale)| Number::new(if negative { -units } else { units }, scale));
    Some(number.map_or_else(
        || Value::unreadable("a number of more than 38 digits"),
        Value::Number,
    ))
}

/// Units and scale; nothing where they do not fit.
fn folded(digits: impl ExactSizeIterator<Item = u16>, weight: i32) -> Option<(i128, u8)> {
    let count = i32::try_from(digits.len()).ok()?;
    // Decimal places of the last digit; fewer than none where zeros are left out behind it.
    let mut places = (count - 1 - weight) * WIDTH;
    let mut units: u128 = 0;
    for (position, mut digit) in (1..).zip(digits) {
        let mut width = WIDTH;
        // The last one's zeros are not there to be counted, or 38 places would not fit.
        while position == count && places > 0 && width > 0 && digit.is_multiple_of(10) {
            digit /= 10;
            width -= 1;
            places -= 1;
        }
        let lifted = units.checked_mul(10_u128.pow(width.unsigned_abs()))?;
        units = lifted.checked_add(digit.into())?;
    }
    if units == 0 {
        return Some((0, 0));
    }
    if places < 0 {
        units = units.checked_mul(10_u128.checked_pow(places.unsigned_abs())?)?;
    }
    let units = Some(units).filter(|units| *units < TOO_LARGE)?;
    Some((
        i128::try_from(units).ok()?,
        u8::try_from(places.max(0)).ok()?,
    ))
}

/// Appends the form, without its length.
pub(super) fn encode(out: &mut BytesMut, number: Number) {
    let (units, scale) = (number.units(), number.scale());
    let mut digits = Digits::default();
    match u64::try_from(units.unsigned_abs()) {
        // Three more places fit, and 64 bits divide faster.
        Ok(units) if scale <= 16 && units < u64::MAX / 1000 => small(&mut digits, units, scale),
        _ => large(&mut digits, units.unsigned_abs(), scale),
    }
    let kept = digits.trimmed();
    // At most 21 digits.
    out.put_u16(u16::try_from(kept.len()).unwrap_or(0));
    out.put_i16(if kept.is_empty() { 0 } else { digits.weight });
    out.put_u16(if units < 0 { NEGATIVE } else { POSITIVE });
    out.put_u16(scale.into());
    for digit in kept {
        out.put_u16(*digit);
    }
}

/// The digits, the first one first, and how many of them but one are before the point.
#[derive(Default)]
struct Digits {
    all: [u16; 21],
    count: usize,
    weight: i16,
}

impl Digits {
    fn push(&mut self, digit: u16) {
        // Zeros ahead of the first digit only move the point.
        if self.count == 0 && digit == 0 {
            self.weight -= 1;
        } else if let Some(place) = self.all.get_mut(self.count) {
            *place = digit;
            self.count += 1;
        }
    }

    fn trimmed(&self) -> &[u16] {
        let all = self.all.get(..self.count).unwrap_or_default();
        let kept = all
            .iter()
            .rposition(|digit| *digit != 0)
            .map_or(0, |last| last + 1);
        all.get(..kept).unwrap_or_default()
    }
}

fn small(digits: &mut Digits, units: u64, scale: u8) {
    let behind = scale.div_ceil(4);
    let mut rest = units * 10_u64.pow(u32::from(behind * 4 - scale));
    let mut reversed = [0_u16; 21];
    let mut count = 0;
    while let (Some(place), true) = (reversed.get_mut(count), rest > 0) {
        *place = digit((rest % 10_000).into());
        rest /= 10_000;
        count += 1;
    }
    // At most 9 digits and 4 behind the point.
    digits.weight = i16::try_from(count).unwrap_or(0) - i16::from(behind) - 1;
    for digit in reversed.iter().take(count).rev() {
        digits.push(*digit);
    }
}

fn large(digits: &mut Digits, units: u128, scale: u8) {
    // A scale is at most 38, so its power fits.
    let one = 10_u128.pow(scale.into());
    let (whole, mut rest) = (units / one, units % one);
    digits.weight = 9;
    for exponent in (0..10_u32).rev() {
        digits.push(digit(whole / 10_u128.pow(4 * exponent) % 10_000));
    }
    let mut places = u32::from(scale);
    while places >= 4 {
        places -= 4;
        let power = 10_u128.pow(places);
        digits.push(digit(rest / power));
        rest %= power;
    }
    digits.push(digit(rest * 10_u128.pow(4 - places)));
}

/// What is below 10,000.
fn digit(digit: u128) -> u16 {
    u16::try_from(digit).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(text: &str) -> Vec<u8> {
        let mut out = BytesMut::new();
        encode(&mut out, text.parse().expect(text));
        out.to_vec()
    }

    fn there_and_back(text: &str) -> String {
        decode(&form(text)).expect(text).to_string()
    }

    #[test]
    fn the_form_is_the_one_that_the_server_sends() {
        assert_eq!(form("0"), [0, 0, 0, 0, 0, 0, 0, 0]);
        // 1234.5 is 1234 and 5000, the first of which is 10,000 to the power of 0.
        assert_eq!(
            form("1234.5"),
            [0, 2, 0, 0, 0, 0, 0, 1, 0x04, 0xD2, 0x13, 0x88]
        );
        assert_eq!(form("-10000"), [0, 1, 0, 1, 0x40, 0, 0, 0, 0, 1]);
        assert_eq!(form("0.00001"), [0, 1, 0xFF, 0xFE, 0, 0, 0, 5, 0x03, 0xE8]);
    }

    #[test]
    fn numbers_of_every_size_come_back() {
        let nines = "9".repeat(38);
        let places = format!("0.{}1", "0".repeat(37));
        let mixed = format!("-{}.{}", "9".repeat(19), "9".repeat(19));
        for text in [
            "0",
            "1",
            "-1",
            "10.5",
            "9.01",
            "0.0001",
            "100000000",
            "99999999.99",
            &nines,
            &places,
            &mixed,
            "18446744073709551615",
            "0.1234567890123456789",
        ] {
            assert_eq!(there_and_back(text), text);
        }
    }

    #[test]
    fn what_is_no_number_of_38_digits_is_told_and_not_cut() {
        let head = |sign: u16| [&[0; 4][..], &sign.to_be_bytes(), &[0; 2]].concat();
        for (sign, what) in [
            (NAN, "NaN"),
            (INFINITY, "infinity"),
            (MINUS_INFINITY, "-infinity"),
        ] {
            assert_eq!(decode(&head(sign)), Some(Value::unreadable(what)));
        }
        assert_eq!(decode(&head(0x1234)), None);
        // 1 at a weight of 10 is 10^40.
        let huge = [0, 1, 0, 10, 0, 0, 0, 0, 0, 1];
        let told = Value::unreadable("a number of more than 38 digits");
        assert_eq!(decode(&huge), Some(told.clone()));
        let tiny = [0, 1, 0xFF, 0xF0, 0, 0, 0, 0, 0, 1];
        assert_eq!(decode(&tiny), Some(told));
        // A digit above 9999, and fewer digits than are announced.
        assert_eq!(decode(&[0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10]), None);
        assert_eq!(decode(&[0, 2, 0, 0, 0, 0, 0, 0, 0, 1]), None);
    }

    proptest! {
        #[test]
        fn every_number_comes_back(units in -(10_i128.pow(38) - 1)..10_i128.pow(38), scale in 0_u8..=38) {
            let number = Number::new(units, scale).expect("a number");
            let mut out = BytesMut::new();
            encode(&mut out, number);
            prop_assert_eq!(decode(&out), Some(Value::Number(number)));
        }

        #[test]
        fn small_numbers_come_back(units: i64, scale in 0_u8..=20) {
            let number = Number::new(units.into(), scale).expect("a number");
            let mut out = BytesMut::new();
            encode(&mut out, number);
            prop_assert_eq!(decode(&out), Some(Value::Number(number)));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            decode(&bytes);
        }
    }
}
