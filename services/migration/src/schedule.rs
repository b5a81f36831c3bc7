//! When something is due that is done again and again: every so often, or by a cron expression.
//!
//! Times are UTC. Nothing is done here but waiting.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The shortest pause: a comparison reads both databases whole.
const SHORTEST: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// How long the clock on the wall is trusted.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The longest cron expression.
const LONGEST_TEXT: usize = 200;

/// When something is due.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// So long after it began the last time, and at once where it never has.
    Every(Every),
    /// By a cron expression.
    Cron(CronExpression),
}

/// A pause such as `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every(Duration);

/// A cron expression of five fields, such as `0 3 * * *`.
#[derive(Debug, Clone)]
pub struct CronExpression(Box<Cron>);

/// A text that says no time.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// It is no duration.
    #[error("`{0}` is no duration such as 30m, 1h or 1day")]
    NoDuration(String),
    /// It is too short or too long.
    #[error("`{0}` is not from 1s to 366days")]
    OutOfRange(String),
    /// It is no cron expression.
    #[error("`{text}` is no cron expression of five fields such as \"0 3 * * *\": {fault}")]
    NoCron {
        /// What was given.
        text: String,
        /// What is wrong with it.
        fault: String,
    },
}

impl Schedule {
    /// When it is due, if it began last at `last`; nothing where that is never.
    pub fn due(&self, last: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(Every(pause)) => match last {
                // A clock that was set back must not put it off.
                Some(last) if last <= now => last.checked_add(*pause).ok(),
                Some(_) => now.checked_add(*pause).ok(),
                None => Some(now),
            },
            Self::Cron(CronExpression(cron)) => {
                let after = now.to_zoned(TimeZone::UTC);
                let next = cron.find_next_occurrence(&after, false).ok()?;
                Some(next.timestamp())
            }
        }
    }
}

/// Waits until a time of the clock on the wall, which may be set meanwhile.
pub async fn sleep_until(due: Timestamp) {
    loop {
        let left = due.duration_since(Timestamp::now());
        match Duration::try_from(left) {
            Ok(left) if !left.is_zero() => tokio::time::sleep(left.min(LOOK_AGAIN)).await,
            _ => return,
        }
    }
}

impl FromStr for Every {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let pause = humantime::parse_duration(text)
            .map_err(|_| ScheduleError::NoDuration(text.to_owned()))?;
        if (SHORTEST..=LONGEST).contains(&pause) {
            Ok(Self(pause))
        } else {
            Err(ScheduleError::OutOfRange(text.to_owned()))
        }
    }
}

impl FromStr for CronExpression {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let wrong = |fault: String| ScheduleError::NoCron {
            text: text.chars().take(LONGEST_TEXT).collect(),
            fault,
        };
        if text.len() > LONGEST_TEXT {
            return Err(wrong("it is too long".to_owned()));
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser
            .parse(text)
            .map_err(|error| wrong(error.to_string()))?;
        let start = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        match cron.find_next_occurrence(&start, false) {
            Ok(_) => Ok(Self(Box::new(cron))),
            Err(_) => Err(wrong("it is never due".to_owned())),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(Every(pause)) => write!(f, "every {}", humantime::format_duration(*pause)),
            Self::Cron(CronExpression(cron)) => write!(f, "at {} (UTC)", cron.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_pause_counts_from_the_last_beginning_and_begins_at_once() {
        let hourly = Schedule::Every("1h".parse().unwrap());
        let now = at("2026-11-23T10:00:00Z");
        assert_eq!(hourly.due(None, now), Some(now));
        let due = |last| hourly.due(Some(at(last)), now);
        assert_eq!(
            due("2026-11-23T09:30:00Z"),
            Some(at("2026-11-23T10:30:00Z"))
        );
        assert_eq!(
            due("2026-11-20T09:30:00Z"),
            Some(at("2026-11-20T10:30:00Z"))
        );
        assert_eq!(
            due("2099-01-01T00:00:00Z"),
            Some(at("2026-11-23T11:00:00Z")),
            "a clock that was set back puts it off by one pause at most"
        );
    }

    #[test]
    fn a_cron_expression_is_utc() {
        let nightly = Schedule::Cron("0 3 * * *".parse().unwrap());
        let due = |now| nightly.due(None, at(now)).unwrap();
        assert_eq!(due("2026-11-23T02:59:59Z"), at("2026-11-23T03:00:00Z"));
        assert_eq!(due("2026-11-23T03:00:00Z"), at("2026-11-24T03:00:00Z"));
    }

    #[test]
    fn what_says_no_time_is_refused_with_its_text() {
        for text in ["", "1", "soon", "-1h", "0s", "10ms", "400days"] {
            let error = text.parse::<Every>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
        let endless = "1,".repeat(10_000);
        for text in [
            "",
            "soon",
            "* * * *",
            "* * * * * *",
            "61 * * * *",
            "0 0 30 2 *",
            &endless,
        ] {
            let error = text.parse::<CronExpression>().unwrap_err().to_string();
            assert!(error.contains(text.get(..20).unwrap_or(text)), "{error}");
            assert!(error.len() < 500, "{error}");
        }
    }
}
