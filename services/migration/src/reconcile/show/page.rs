//! A report as a page of HTML with nothing outside itself: it can be mailed, and kept.

use std::fmt::Write as _;

use super::super::findings::{Finding, grouped};
use super::super::ledger::Ledger;
use super::super::report::{RangeReport, Report, TableReport};
use super::{FINDINGS, counts, headline};

const STYLE: &str = "
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
       color: #1d2433; background: #fff }
h1 { font-size: 1.4rem } h2 { font-size: 1.15rem; margin-top: 2.5rem }
table { border-collapse: collapse; width: 100% } caption { text-align: left }
th, td { padding: .3rem .6rem; text-align: left; border-bottom: 1px solid #d8dce5 }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
code { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere }
.equal, .healthy { color: #12692f } .different, .critical { color: #a8201a }
.not_verified, .warning { color: #7a5200 }
@media (prefers-color-scheme: dark) { body { color: #e4e7ee; background: #14171f }
  th, td { border-color: #343a48 } .equal, .healthy { color: #6fd08c }
  .different, .critical { color: #ff8a80 } .not_verified, .warning { color: #f0c060 } }
";

/// The page.
pub fn page(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail, here and below.
    let _ = write!(
        out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Reconciliation: {title}</title>\
         <style>{STYLE}</style></head><body><h1>Reconciliation</h1>\
         <p class=\"{class}\"><strong>{title}</strong></p>\
         <p><code>{source}</code> → <code>{target}</code><br>{began} to {ended}{stopped}</p>",
        title = escaped(&headline(report)),
        class = word(&report.health),
        source = escaped(&report.source),
        target = escaped(&report.target),
        began = escaped(&report.began.to_string()),
        ended = escaped(&report.ended.to_string()),
        stopped = if report.stopped {
            ", stopped before its end"
        } else {
            ""
        },
    );
    overview(&mut out, report);
    for table in &report.tables {
        section(&mut out, table);
    }
    if !report.not_compared.is_empty() {
        let tables = escaped(&report.not_compared.join(", "));
        let _ = write!(out, "<h2>Not compared</h2><p>{tables}</p>");
    }
    out.push_str("</body></html>\n");
    out
}

fn overview(out: &mut String, report: &Report) {
    out.push_str("<table><thead><tr><th>Table</th><th>Verdict</th>");
    heads(out);
    out.push_str("</tr></thead><tbody>");
    for table in &report.tables {
        let _ = write!(
            out,
            "<tr><td>{} → {}</td><td class=\"{}\">{}</td>",
            escaped(&table.source),
            escaped(&table.target),
            word(&table.verdict),
            table.verdict
        );
        cells(out, &table.ledger);
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

fn section(out: &mut String, table: &TableReport) {
    let _ = write!(out, "<h2>{}</h2>", escaped(&table.target));
    for why in &table.not_verified {
        let _ = write!(
            out,
            "<p class=\"not_verified\">Not verified: {}</p>",
            escaped(why)
        );
    }
    if !table.columns_left_out.is_empty() {
        let columns = escaped(&table.columns_left_out.join(", "));
        let _ = write!(out, "<p>Ignored by the mapping: {columns}</p>");
    }
    if !table.findings.is_empty() {
        out.push_str(
            "<table><thead><tr><th>Finding</th><th>Key</th><th>Legacy</th><th>Modern</th></tr>\
             </thead><tbody>",
        );
        for finding in table.findings.iter().take(FINDINGS) {
            row_of(out, finding);
        }
        out.push_str("</tbody></table>");
    }
    let more = table.findings.len().saturating_sub(FINDINGS);
    if more > 0 {
        let _ = write!(
            out,
            "<p>And {more} more causes, which are in the JSON report.</p>"
        );
    }
    ranges(out, &table.ranges);
}

fn row_of(out: &mut String, finding: &Finding) {
    let lines = |shown: &dyn Fn(&super::super::Sample) -> String| {
        let samples: Vec<String> = finding.samples.iter().map(shown).collect();
        samples.join("<br>")
    };
    let value = |value: &Option<String>| match value {
        Some(value) => format!("<code>{}</code>", escaped(value)),
        None => String::new(),
    };
    let _ = write!(
        out,
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        escaped(&finding.summary),
        lines(&|sample| format!("<code>{}</code>", escaped(&sample.key))),
        lines(&|sample| value(&sample.legacy)),
        lines(&|sample| value(&sample.modern)),
    );
}

/// The ranges that are not simply equal.
fn ranges(out: &mut String, ranges: &[RangeReport]) {
    let plain = |range: &&RangeReport| !range.reached || range.ledger.equal != range.ledger.rows();
    let told: Vec<&RangeReport> = ranges.iter().filter(plain).collect();
    if told.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<details><summary>{} of {} ranges</summary><table><thead><tr><th>Up to key</th>",
        told.len(),
        ranges.len()
    );
    heads(out);
    out.push_str("</tr></thead><tbody>");
    for range in told {
        let until = range.until.as_deref().unwrap_or("the last");
        let reached = if range.reached { "" } else { ", not reached" };
        let _ = write!(out, "<tr><td><code>{}</code>{reached}</td>", escaped(until));
        cells(out, &range.ledger);
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></details>");
}

fn heads(out: &mut String) {
    for (name, _) in counts(&Ledger::default()) {
        let _ = write!(out, "<th class=\"n\">{name}</th>");
    }
}

fn cells(out: &mut String, ledger: &Ledger) {
    for (_, count) in counts(ledger) {
        let _ = write!(out, "<td class=\"n\">{}</td>", grouped(count));
    }
}

/// The text with nothing in it that HTML would take for more than text.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

/// A verdict's name as a class.
fn word(word: &impl std::fmt::Display) -> String {
    word.to_string().to_lowercase().replace(' ', "_")
}
