//! Collects discrepancies up to a bound, and renders their two sides short enough to store.
//!
//! Redaction is not done here: what is rendered may be secret.

use crate::{Comparison, Discrepancy, IdPair, TokenPair};

/// The most bytes of one side that are shown.
const SHOWN: usize = 300;
/// How much of what both sides share is shown before the first difference in long texts.
const LEAD: usize = 40;

/// The discrepancies found so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) kept: Vec<Discrepancy>,
    pub(crate) unreported: usize,
    pub(crate) pairs: Vec<IdPair>,
    pub(crate) listed_pairs: Vec<IdPair>,
    pub(crate) tokens: Vec<TokenPair>,
}

impl Report {
    /// Keeps a discrepancy, or counts it without making it.
    pub(crate) fn add(&mut self, make: impl FnOnce() -> Discrepancy) {
        if self.kept.len() < Comparison::KEPT {
            self.kept.push(make());
        } else {
            self.unreported = self.unreported.saturating_add(1);
        }
    }

    /// Keeps two ids that may be of one thing; whether there was room.
    pub(crate) fn add_pair(&mut self, pair: IdPair, listed: bool) -> bool {
        let pairs = if listed {
            &mut self.listed_pairs
        } else {
            &mut self.pairs
        };
        let room = pairs.len() < Comparison::KEPT;
        if room {
            pairs.push(pair);
        }
        room
    }

    /// Keeps what the two sides minted in one place, while there is room.
    pub(crate) fn add_tokens(&mut self, legacy: &str, modern: &str, parameter: Option<&str>) {
        if self.tokens.len() < Comparison::KEPT && !legacy.is_empty() && !modern.is_empty() {
            self.tokens.push(TokenPair {
                legacy: legacy.to_owned(),
                modern: modern.to_owned(),
                parameter: parameter.map(str::to_owned),
            });
        }
    }
}

/// Shortens a text, with an ellipsis where something was cut.
pub(crate) fn shorten(text: &str) -> String {
    window(text, 0)
}

/// Shortens two texts that differ, so that both show their first difference.
pub(crate) fn shorten_pair(legacy: &str, modern: &str) -> (String, String) {
    let shared = legacy
        .bytes()
        .zip(modern.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let fits = legacy.len().max(modern.len()) <= SHOWN || shared <= 2 * LEAD;
    let start = if fits { 0 } else { shared - LEAD };
    (window(legacy, start), window(modern, start))
}

fn window(text: &str, start: usize) -> String {
    let start = text.floor_char_boundary(start);
    let end = text.floor_char_boundary(start.saturating_add(SHOWN));
    if start == 0 && end == text.len() {
        return text.to_owned();
    }
    let before = if start > 0 { "…" } else { "" };
    let after = if end < text.len() { "…" } else { "" };
    format!(
        "{before}{}{after}",
        text.get(start..end).unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = "é".repeat(1000);
        let short = shorten(&text);
        assert!(short.len() <= SHOWN + "…".len() && short.ends_with('…'));
        assert_eq!(shorten("short"), "short");
    }

    #[test]
    fn a_late_difference_is_inside_what_is_shown() {
        let same = "é".repeat(1000);
        let (legacy, modern) = shorten_pair(&format!("{same}A"), &format!("{same}B"));
        assert!(legacy.starts_with('…') && legacy.ends_with('A'), "{legacy}");
        assert!(modern.ends_with('B') && modern.len() < 2 * LEAD);
    }

    #[test]
    fn the_rest_is_counted() {
        let mut report = Report::default();
        for _ in 0..Comparison::KEPT + 7 {
            let (path, kind) = (String::new(), crate::Kind::Value);
            report.add(|| Discrepancy {
                path,
                kind,
                legacy: None,
                modern: None,
            });
        }
        assert_eq!(
            (report.kept.len(), report.unreported),
            (Comparison::KEPT, 7)
        );
    }
}
