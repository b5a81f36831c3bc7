//! A report as a table for terminals.

use std::fmt::Write as _;

use super::super::findings::grouped;
use super::super::report::{Report, TableReport};
use super::{FINDINGS, counts, headline};

/// The report as lines: a row for each table, then what explains its differences.
pub fn terminal(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(out, "{} → {}", plain(&report.source), plain(&report.target));
    let _ = writeln!(out, "{}\n", headline(report));
    let cells: Vec<Vec<String>> = [header(report)]
        .into_iter()
        .chain(report.tables.iter().map(|table| row(report, table)))
        .collect();
    write_cells(&mut out, &cells);
    for table in &report.tables {
        let notes = notes(table);
        if !notes.is_empty() {
            let _ = writeln!(out, "\n{}", plain(&table.target));
            for note in notes {
                let _ = writeln!(out, "  {note}");
            }
        }
    }
    if !report.not_compared.is_empty() {
        let tables = plain(&report.not_compared.join(", "));
        let _ = writeln!(out, "\nnot compared: {tables}");
    }
    out
}

fn header(report: &Report) -> Vec<String> {
    let shown = shown(report);
    let names = counts(&report.ledger).map(|(name, _)| name.to_owned());
    let names = names.into_iter().zip(shown).filter(|(_, shown)| *shown);
    let names = names.map(|(name, _)| name);
    ["table".to_owned(), "verdict".to_owned()]
        .into_iter()
        .chain(names)
        .collect()
}

fn row(report: &Report, table: &TableReport) -> Vec<String> {
    let counts = counts(&table.ledger).into_iter().zip(shown(report));
    let counts = counts
        .filter(|(_, shown)| *shown)
        .map(|((_, count), _)| grouped(count));
    [plain(&table.target), table.verdict.to_string()]
        .into_iter()
        .chain(counts)
        .collect()
}

/// Which counts have a column: those that are not none in every table, and the first four.
fn shown(report: &Report) -> Vec<bool> {
    let counts = counts(&report.ledger).into_iter().enumerate();
    counts
        .map(|(position, (_, count))| position < 4 || count > 0)
        .collect()
}

fn write_cells(out: &mut String, cells: &[Vec<String>]) {
    let columns = cells.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let column = cells.iter().filter_map(|row| row.get(column));
        column.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in cells {
        let mut line = String::new();
        for (position, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Words stand to the left, and numbers to the right.
            let _ = match position {
                0 => write!(line, "{cell:<width$}"),
                1 => write!(line, "  {cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

/// What explains a table's differences, and why it is not verified.
fn notes(table: &TableReport) -> Vec<String> {
    let mut notes = Vec::new();
    for finding in table.findings.iter().take(FINDINGS) {
        notes.push(plain(&finding.summary));
        if let Some(sample) = finding.samples.first() {
            notes.push(match (&sample.legacy, &sample.modern) {
                (Some(legacy), Some(modern)) => {
                    plain(&format!("  such as {}: {legacy} → {modern}", sample.key))
                }
                _ => plain(&format!("  such as {}", sample.key)),
            });
        }
    }
    let more = table.findings.len().saturating_sub(FINDINGS);
    if more > 0 {
        notes.push(format!("and {more} more causes"));
    }
    for why in &table.not_verified {
        notes.push(format!("not verified: {}", plain(why)));
    }
    if !table.columns_left_out.is_empty() {
        notes.push(format!(
            "ignored by the mapping: {}",
            plain(&table.columns_left_out.join(", "))
        ));
    }
    notes
}

/// The text without what would move a cursor or change a colour.
fn plain(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if letter.is_control() {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect()
}
