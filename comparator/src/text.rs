//! Text bodies by line: where they first differ, and how.
//!
//! The line difference is taken over a window of fixed size, so its cost has a bound.

use std::fmt::Write;

use similar::{Algorithm, DiffOp, DiffTag};

use crate::report::shorten_pair;

/// How many lines after the first difference are looked at.
const WINDOW: usize = 300;

/// The first hunk in which two texts differ, as each side has it; a side that has nothing there is
/// `None`. Equal texts give `None` altogether.
pub(crate) fn first_hunk(legacy: &str, modern: &str) -> Option<(Option<String>, Option<String>)> {
    let mut left = legacy.split_inclusive('\n').peekable();
    let mut right = modern.split_inclusive('\n').peekable();
    let mut line = 1;
    while let (Some(mine), Some(theirs)) = (left.peek(), right.peek()) {
        if mine != theirs {
            break;
        }
        left.next();
        right.next();
        line += 1;
    }
    let left: Vec<_> = left.take(WINDOW).collect();
    let right: Vec<_> = right.take(WINDOW).collect();
    let ops = similar::capture_diff_slices(Algorithm::Myers, &left, &right);
    let hunk = ops.iter().take_while(|op| op.tag() != DiffTag::Equal);
    let (old, new) = hunk.fold((0, 0), |_, op: &DiffOp| {
        (op.old_range().end, op.new_range().end)
    });
    let (old, new) = (left.get(..old)?, right.get(..new)?);
    if old.is_empty() && new.is_empty() {
        return None;
    }
    let (shown, other) = shorten_pair(&lines(line, old), &lines(line, new));
    Some((
        (!old.is_empty()).then_some(shown),
        (!new.is_empty()).then_some(other),
    ))
}

/// The lines of a hunk with the number of the first, and line ends that one would not see.
fn lines(number: usize, lines: &[&str]) -> String {
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let ended = line.strip_suffix('\n');
        let mark = if ended.is_some() {
            ""
        } else {
            " (no line end)"
        };
        let line = ended.unwrap_or(line).replace('\r', "\\r");
        let end = if at + 1 < lines.len() { "\n" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{}: {line}{mark}{end}", number.saturating_add(at));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunk(legacy: &str, modern: &str) -> (Option<String>, Option<String>) {
        first_hunk(legacy, modern).unwrap()
    }

    #[test]
    fn the_first_hunk_is_shown_with_its_line() {
        let found = hunk("a\nb\nc\nd\n", "a\nB\nc\nD\n");
        assert_eq!(found, (Some("2: b".into()), Some("2: B".into())));
        assert_eq!(hunk("a\nc\n", "a\nb\nc\n"), (None, Some("2: b".into())));
        assert_eq!(hunk("a\nb\n", "a\n"), (Some("2: b".into()), None));
        assert_eq!(first_hunk("same\n", "same\n"), None);
    }

    #[test]
    fn line_ends_are_visible() {
        assert_eq!(
            hunk("a\r\n", "a\n"),
            (Some("1: a\\r".into()), Some("1: a".into()))
        );
        assert_eq!(
            hunk("a", "a\n"),
            (Some("1: a (no line end)".into()), Some("1: a".into()))
        );
    }

    #[test]
    fn a_text_of_a_million_other_lines_is_no_work() {
        let (legacy, modern) = ("a\n".repeat(1_000_000), "b\nc\n".repeat(500_000));
        let (mine, theirs) = hunk(&legacy, &modern);
        assert!(
            mine.unwrap().starts_with("1: a\n2: a") && theirs.unwrap().starts_with("1: b\n2: c")
        );
    }
}
