//! Medians and the list of targets that were met or missed.

use std::process::ExitCode;

/// Something that a run must show.
pub(crate) struct Target {
    pub(crate) claim: String,
    /// Nobody knows of what was not measured.
    pub(crate) met: Option<bool>,
}

impl Target {
    /// A measured ratio that must not exceed `limit`.
    pub(crate) fn at_most(what: &str, ratio: Option<f64>, limit: f64) -> Self {
        Self {
            claim: format!("{what}: {}, at most {limit:.2} ×", times(ratio)),
            met: ratio.map(|ratio| ratio <= limit),
        }
    }

    /// A measured ratio that must reach `limit`.
    pub(crate) fn at_least(what: &str, ratio: Option<f64>, limit: f64) -> Self {
        Self {
            claim: format!("{what}: {}, at least {limit:.2} ×", times(ratio)),
            met: ratio.map(|ratio| ratio >= limit),
        }
    }
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or("no ratio".to_owned(), |ratio| format!("{ratio:.2} ×"))
}

/// Prints all targets; success if every one was met, 1 if one was missed, 2 if one was not measured.
pub(crate) fn conclude(targets: &[Target]) -> ExitCode {
    println!("\n## Targets\n");
    for target in targets {
        let word = match target.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "NOT MEASURED",
        };
        println!("- {word}: {}", target.claim);
    }
    ExitCode::from(code(targets))
}

fn code(targets: &[Target]) -> u8 {
    let any = |met| targets.iter().any(|target| target.met == met);
    if any(Some(false)) {
        1
    } else if any(None) {
        2
    } else {
        0
    }
}

/// The middle of `values`; the mean of the two in the middle for an even number.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get(values.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_follow_an_outlier() {
        assert_eq!(median([1.0, 900.0, 2.0]), Some(2.0));
        assert_eq!(median([1.0, 2.0, 4.0, 900.0]), Some(3.0));
        assert_eq!(median([]), None);
    }

    #[test]
    fn what_was_not_measured_is_told_and_is_no_success() {
        let met = || Target::at_most("a", Some(1.0), 1.05);
        let unknown = || Target::at_least("b", None, 1.7);
        assert_eq!(unknown().claim, "b: no ratio, at least 1.70 ×");
        assert_eq!(code(&[met(), unknown()]), 2);
        assert_eq!(code(&[unknown(), Target::at_most("c", Some(1.1), 1.05)]), 1);
        assert_eq!(code(&[met()]), 0);
    }
}
