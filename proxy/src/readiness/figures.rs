//! Reading the figures of thresholds and limits: shares, durations, ratios, numbers.
//!
//! A figure that is not given leaves what there is; one that is wrong is noted with its value, and
//! reading goes on.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A mistake in a table of thresholds or limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct ThresholdError {
    /// The key within the table.
    pub key: &'static str,
    /// What is wrong, naming the value.
    pub message: String,
}

/// The mistakes that were found so far.
#[derive(Default)]
pub(crate) struct Figures(pub(crate) Vec<ThresholdError>);

impl Figures {
    fn refuse(&mut self, key: &'static str, message: String) {
        self.0.push(ThresholdError { key, message });
    }

    /// A percentage such as `example`, from 0 % to 100 %.
    pub(crate) fn share(
        &mut self,
        key: &'static str,
        text: Option<&String>,
        example: &str,
        share: &mut f64,
    ) {
        self.share_within(key, text, example, share, |_| None);
    }

    /// The same, unless `refusal` says what is wrong with the share.
    pub(crate) fn share_within(
        &mut self,
        key: &'static str,
        text: Option<&String>,
        example: &str,
        share: &mut f64,
        refusal: impl Fn(f64) -> Option<&'static str>,
    ) {
        let Some(text) = text else { return };
        match percentage(text).map(|value| (value, refusal(value))) {
            Some((value, None)) => *share = value,
            Some((_, Some(refusal))) => self.refuse(key, format!("\"{text}\" {refusal}")),
            None => self.refuse(
                key,
                format!("\"{text}\" is no percentage such as \"{example}\", from 0% to 100%"),
            ),
        }
    }

    /// A duration within a range.
    pub(crate) fn span(
        &mut self,
        key: &'static str,
        text: Option<&String>,
        range: &RangeInclusive<Duration>,
        examples: [&str; 2],
        span: &mut Duration,
    ) {
        let Some(text) = text else { return };
        match humantime::parse_duration(text) {
            Ok(value) if range.contains(&value) => *span = value,
            Ok(_) => {
                let [from, to] =
                    [range.start(), range.end()].map(|end| humantime::format_duration(*end));
                self.refuse(key, format!("\"{text}\" is not from {from} to {to}"));
            }
            Err(_) => {
                let [one, other] = examples;
                let message = format!("\"{text}\" is no duration such as \"{one}\" or \"{other}\"");
                self.refuse(key, message);
            }
        }
    }

    /// A ratio as it is wanted, in words.
    pub(crate) fn ratio(
        &mut self,
        key: &'static str,
        given: Option<f64>,
        fits: impl Fn(f64) -> bool,
        wanted: &str,
        ratio: &mut f64,
    ) {
        match given {
            Some(given) if given.is_finite() && fits(given) => *ratio = given,
            Some(given) => self.refuse(key, format!("{given} is no ratio {wanted}")),
            None => {}
        }
    }

    /// A number of things, one at least.
    pub(crate) fn number(
        &mut self,
        key: &'static str,
        given: Option<u64>,
        things: &str,
        number: &mut u64,
    ) {
        match given {
            Some(0) => self.refuse(key, format!("0 {things} show nothing")),
            Some(given) => *number = given,
            None => {}
        }
    }
}

/// A percentage from 0 % to 100 %, as a share.
fn percentage(text: &str) -> Option<f64> {
    let number = text.trim().strip_suffix('%')?.trim_end();
    let plain = number.len() <= 12 && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value: f64 = number.parse().ok().filter(|_| plain)?;
    // By division, so that "99.9%" is the double that 0.999 is.
    (value <= 100.0).then_some(value / 100.0)
}
