//! A comparison for people and for programs.

use crate::cli::printable;
use comparator::{Comparison, Discrepancy, Rules, Verdict};
use serde::Serialize;
use std::fmt;
use std::io::{self, IsTerminal, Write};

/// The JSON form of a comparison.
#[derive(Serialize)]
struct Document<'a> {
    verdict: &'static str,
    /// Why the bodies were not judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    discrepancies: &'a [Discrepancy],
    /// How many more there are than are listed.
    unreported: usize,
    /// The rules that hid something, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hidden_by: Vec<&'a str>,
}

/// The names of the rules that hid something.
fn hidden_by<'r>(comparison: &Comparison, rules: &'r Rules) -> Vec<&'r str> {
    let hits = comparison
        .hits
        .iter()
        .filter_map(|hit| rules.all().get(*hit));
    hits.map(|rule| rule.name.as_str()).collect()
}

/// Prints one line of JSON.
pub(super) fn json(comparison: &Comparison, rules: &Rules) {
    let document = Document {
        verdict: comparison.verdict.as_str(),
        reason: match comparison.verdict {
            Verdict::Undecodable(reason) => Some(reason.as_str()),
            _ => None,
        },
        discrepancies: &comparison.discrepancies,
        unreported: comparison.unreported,
        hidden_by: hidden_by(comparison, rules),
    };
    if let Ok(text) = serde_json::to_string(&document) {
        // A reader that closed the pipe wants no more, which is no failure.
        let _ = writeln!(io::stdout(), "{text}");
    }
}

/// Prints the verdict and a block for each discrepancy, in colour on a terminal that wants it.
pub(super) fn human(comparison: &Comparison, rules: &Rules) {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let colours = if wanted && io::stdout().is_terminal() {
        Colours::ANSI
    } else {
        Colours::NONE
    };
    let _ = write!(
        io::stdout(),
        "{}",
        Report {
            comparison,
            hidden_by: hidden_by(comparison, rules),
            colours
        }
    );
}

#[derive(Clone, Copy)]
struct Colours {
    bold: &'static str,
    legacy: &'static str,
    modern: &'static str,
    reset: &'static str,
}

impl Colours {
    const NONE: Self = Self {
        bold: "",
        legacy: "",
        modern: "",
        reset: "",
    };
    const ANSI: Self = Self {
        bold: "\x1b[1m",
        legacy: "\x1b[31m",
        modern: "\x1b[32m",
        reset: "\x1b[0m",
    };
}

struct Report<'a> {
    comparison: &'a Comparison,
    hidden_by: Vec<&'a str>,
    colours: Colours,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Comparison {
            verdict,
            discrepancies,
            unreported,
            ..
        } = self.comparison;
        let Colours { bold, reset, .. } = self.colours;
        write!(f, "{bold}{verdict}{reset}")?;
        match discrepancies.len().saturating_add(*unreported) {
            0 => writeln!(f)?,
            1 => writeln!(f, ", 1 discrepancy")?,
            count => writeln!(f, ", {count} discrepancies")?,
        }
        discrepancies
            .iter()
            .try_for_each(|discrepancy| self.block(f, discrepancy))?;
        if *unreported > 0 {
            writeln!(f, "\nand {unreported} more")?;
        }
        if !self.hidden_by.is_empty() {
            let rules = printable(&self.hidden_by.join("; "));
            writeln!(f, "\nhidden by rules: {rules}")?;
        }
        Ok(())
    }
}

impl Report<'_> {
    fn block(&self, f: &mut fmt::Formatter<'_>, discrepancy: &Discrepancy) -> fmt::Result {
        let Colours {
            bold,
            legacy,
            modern,
            reset,
        } = self.colours;
        let path = match discrepancy.path.as_str() {
            "" => "(the whole document)",
            path => path,
        };
        writeln!(
            f,
            "\n{bold}{}{reset}  {}",
            printable(path),
            discrepancy.kind
        )?;
        self.side(f, "legacy", legacy, discrepancy.legacy.as_deref())?;
        self.side(f, "modern", modern, discrepancy.modern.as_deref())?;
        if let (Some(change), Some(rule)) = (discrepancy.change(), discrepancy.allowing_rule()) {
            writeln!(f, "  change  {change}")?;
            writeln!(f, "  rule    {}", printable(&rule))?;
        }
        Ok(())
    }

    fn side(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        colour: &str,
        value: Option<&str>,
    ) -> fmt::Result {
        let value = value.map_or_else(|| "(nothing)".to_owned(), printable);
        // Further lines stand below the first one.
        let value = value.replace('\n', "\n          ");
        writeln!(f, "  {name}  {colour}{value}{}", self.colours.reset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use comparator::Kind;

    #[test]
    fn a_response_cannot_command_the_terminal() {
        let evil = Some("\"\x1b]0;owned\x07\u{9b}31m\"".to_owned());
        let discrepancy = Discrepancy {
            path: "/\x1b".into(),
            kind: Kind::Value,
            legacy: evil,
            modern: None,
        };
        let comparison = Comparison {
            verdict: Verdict::Different,
            discrepancies: vec![discrepancy],
            unreported: 2,
            hits: Vec::new(),
            pairs: Vec::new(),
            listed_pairs: Vec::new(),
            tokens: Vec::new(),
        };
        let text = Report {
            comparison: &comparison,
            hidden_by: Vec::new(),
            colours: Colours::NONE,
        }
        .to_string();
        assert!(
            text.chars().all(|c| !c.is_control() || c == '\n'),
            "{text:?}"
        );
        assert!(text.starts_with("different, 3 discrepancies\n") && text.ends_with("and 2 more\n"));
        assert!(text.contains("modern  (nothing)"), "{text}");
    }
}
