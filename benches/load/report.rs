//! Medians and the list of targets that were met or missed.

use std::process::ExitCode;

/// Something that a run must show.
pub(crate) struct Target {
    pub(crate) claim: String,
    pub(crate) met: bool,
}

impl Target {
    /// A measured ratio that must not exceed `limit`.
    pub(crate) fn at_most(what: &str, ratio: Option<f64>, limit: f64) -> Option<Self> {
        let ratio = ratio?;
        let claim = format!("{what}: {ratio:.2} ×, at most {limit:.2} ×");
        Some(Self {
            claim,
            met: ratio <= limit,
        })
    }

    /// A measured ratio that must reach `limit`.
    pub(crate) fn at_least(what: &str, ratio: Option<f64>, limit: f64) -> Option<Self> {
        let ratio = ratio?;
        let claim = format!("{what}: {ratio:.2} ×, at least {limit:.2} ×");
        Some(Self {
            claim,
            met: ratio >= limit,
        })
    }
}

/// Prints all targets; success if every one was met.
pub(crate) fn conclude(targets: &[Target]) -> ExitCode {
    println!("\n## Targets\n");
    for target in targets {
        println!(
            "- {}: {}",
            if target.met { "met" } else { "MISSED" },
            target.claim
        );
    }
    if targets.iter().all(|target| target.met) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
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
}
