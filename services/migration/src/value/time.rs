//! Dates and times as counts, and as people and text columns write them.
//!
//! A tick is 100 ns, the finest that any of the databases keeps. Years go from 1 to 9999.

use std::fmt::Write as _;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// Ticks of a second.
pub const SECOND: i64 = 10_000_000;
/// Ticks of a day.
pub const DAY: i64 = 86_400 * SECOND;

const EPOCH: Date = Date::constant(1970, 1, 1);

/// A calendar date's days since 1970-01-01.
pub fn days(date: Date) -> i32 {
    // Years are from -9999 to 9999, which is less than four million days either way.
    EPOCH.until(date).map_or(0, |span| span.get_days())
}

/// The calendar date of so many days; nothing outside the years from 1 to 9999.
pub fn date(days: i32) -> Option<Date> {
    let span = jiff::Span::new().try_days(days).ok()?;
    EPOCH.checked_add(span).ok().filter(|date| date.year() >= 1)
}

/// A naive time's ticks; what is finer than a tick is nothing that a database gives.
pub fn ticks(naive: DateTime) -> i64 {
    let time = naive.time();
    let seconds =
        i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    i64::from(days(naive.date())) * DAY
        + seconds * SECOND
        + i64::from(time.subsec_nanosecond() / 100)
}

/// The naive time of so many ticks; nothing outside the years from 1 to 9999.
pub fn naive(ticks: i64) -> Option<DateTime> {
    let date = date(i32::try_from(ticks.div_euclid(DAY)).ok()?)?;
    Some(DateTime::from_parts(date, of_day(ticks.rem_euclid(DAY))?))
}

/// The time of day of so many ticks since midnight.
pub fn of_day(ticks: i64) -> Option<Time> {
    let seconds = ticks.div_euclid(SECOND);
    let nanoseconds = i32::try_from(ticks.rem_euclid(SECOND) * 100).ok()?;
    let part = |part: i64| i8::try_from(part).ok();
    let (hour, minute) = (part(seconds / 3600)?, part(seconds / 60 % 60)?);
    Time::new(hour, minute, part(seconds % 60)?, nanoseconds).ok()
}

/// The instant at which clocks in a zone showed a naive time; nothing in the hour that a zone
/// leaves out or has twice.
pub fn instant(ticks: i64, zone: &TimeZone) -> Option<i64> {
    if *zone == TimeZone::UTC {
        return Some(ticks);
    }
    let zoned = zone.to_ambiguous_zoned(naive(ticks)?).unambiguous().ok()?;
    Some(ticks - i64::from(zoned.offset().seconds()) * SECOND)
}

/// What clocks in a zone showed at an instant.
pub fn local(ticks: i64, zone: &TimeZone) -> Option<i64> {
    if *zone == TimeZone::UTC {
        return Some(ticks);
    }
    let timestamp = jiff::Timestamp::from_second(ticks.div_euclid(SECOND)).ok()?;
    Some(ticks + i64::from(zone.to_offset(timestamp).seconds()) * SECOND)
}

/// To so many digits of a second; a half goes up.
pub fn rounded(ticks: i64, digits: u8) -> i64 {
    let Some(unit) = 7_u32.checked_sub(digits.into()).map(|cut| 10_i64.pow(cut)) else {
        return ticks;
    };
    ticks
        .saturating_add(unit / 2)
        .div_euclid(unit)
        .saturating_mul(unit)
}

/// `2026-01-02 03:04:05.003`, with so many digits of a second.
pub fn show_naive(ticks: i64, separator: char, digits: u8) -> String {
    match naive(ticks) {
        Some(naive) => {
            let mut shown = naive.date().to_string();
            shown.push(separator);
            shown.push_str(&show_time(ticks.rem_euclid(DAY), digits));
            shown
        }
        None => format!("{ticks} ticks of 100 ns since 1970"),
    }
}

/// `03:04:05.003`, with so many digits of a second.
pub fn show_time(ticks: i64, digits: u8) -> String {
    let seconds = ticks.div_euclid(SECOND);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let mut shown = format!("{hours:02}:{minutes:02}:{:02}", seconds % 60);
    let digits = digits.min(7);
    if digits > 0 {
        let fraction = ticks.rem_euclid(SECOND) / 10_i64.pow(7 - u32::from(digits));
        // Writing to a string cannot fail.
        let _ = write!(shown, ".{fraction:0width$}", width = usize::from(digits));
    }
    shown
}

/// Digits of a second that a count has.
pub fn digits(ticks: i64) -> u8 {
    let mut rest = ticks.rem_euclid(SECOND);
    let mut digits = 7;
    while digits > 0 && rest % 10 == 0 {
        rest /= 10;
        digits -= 1;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks_of(text: &str) -> i64 {
        ticks(text.parse().expect("a naive time"))
    }

    #[test]
    fn a_naive_time_comes_back_from_its_ticks() {
        for text in [
            "0001-01-01T00:00:00",
            "1969-12-31T23:59:59.9999999",
            "1970-01-01T00:00:00",
            "2026-01-02T03:04:05.003",
            "9999-12-31T23:59:59.9999999",
        ] {
            let naive_time: DateTime = text.parse().expect("a naive time");
            assert_eq!(naive(ticks(naive_time)), Some(naive_time), "{text}");
        }
        assert_eq!(naive(i64::MAX), None);
        assert_eq!(naive(i64::MIN), None);
        assert_eq!(ticks_of("1970-01-02T00:00:00"), DAY);
    }

    #[test]
    fn a_time_is_shown_with_its_digits() {
        let ticks = ticks_of("2026-01-02T03:04:05.0033333");
        assert_eq!(show_naive(ticks, ' ', 3), "2026-01-02 03:04:05.003");
        assert_eq!(show_naive(ticks, 'T', 7), "2026-01-02T03:04:05.0033333");
        assert_eq!(show_naive(ticks, ' ', 0), "2026-01-02 03:04:05");
        assert_eq!((digits(ticks), digits(0), digits(SECOND / 2)), (7, 0, 1));
    }

    #[test]
    fn an_hour_that_a_zone_leaves_out_or_has_twice_names_no_instant() {
        let berlin = TimeZone::get("Europe/Berlin").expect("a zone");
        let winter = ticks_of("2026-01-02T03:04:05");
        let instant_of = |text| instant(ticks_of(text), &berlin);
        assert_eq!(instant(winter, &berlin), Some(winter - 3600 * SECOND));
        assert_eq!(local(winter - 3600 * SECOND, &berlin), Some(winter));
        assert_eq!(instant_of("2026-03-29T02:30:00"), None);
        assert_eq!(instant_of("2026-10-25T02:30:00"), None);
    }

    #[test]
    fn rounding_takes_the_nearest_and_a_half_up() {
        assert_eq!(rounded(14, 6), 10);
        assert_eq!(rounded(15, 6), 20);
        assert_eq!(rounded(-15, 6), -10);
        assert_eq!(rounded(33_333, 3), 30_000);
    }
}
