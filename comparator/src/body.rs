//! Bodies: out of their codings, then as JSON, text or bytes.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64;

use crate::content::{Format, format};
use crate::decode::{codings, decode, same_bytes};
use crate::json::{self, Bounds, Failure};
use crate::report::{Report, shorten};
use crate::rules::Rules;
use crate::{Discrepancy, Kind, Response, Undecodable, text};

/// Compares two bodies and reports how they differ.
pub(crate) fn compare(
    legacy: &Response<'_>,
    modern: &Response<'_>,
    rules: &Rules,
    report: &mut Report,
) -> Result<(), Undecodable> {
    let coded = (codings(legacy.headers), codings(modern.headers));
    if coded.0 == coded.1 && same_bytes(legacy.body, modern.body) {
        return Ok(());
    }
    let open = |body, codings: &[String]| decode(body, codings, rules.limits.body);
    let bodies: (Cow<'_, [u8]>, _) = (open(legacy.body, &coded.0)?, open(modern.body, &coded.1)?);
    let formats = (format(legacy.headers), format(modern.headers));
    match (&*bodies.0, &*bodies.1) {
        (mine, theirs) if mine == theirs => {}
        (mine, []) => add(report, Kind::Missing, Some(preview(mine)), None),
        ([], theirs) => add(report, Kind::Extra, None, Some(preview(theirs))),
        (mine, theirs) => match together(formats, mine, theirs) {
            Format::Json => json(mine, theirs, rules, report)?,
            Format::Text => lines(mine, theirs, report),
            Format::Bytes => bytes(mine, theirs, report),
        },
    }
    Ok(())
}

/// How two bodies are compared that say what they are, each for itself or not at all.
fn together(said: (Option<Format>, Option<Format>), legacy: &[u8], modern: &[u8]) -> Format {
    match said {
        // One side that calls itself JSON is enough to try: the other one's header may lie.
        (Some(Format::Json), _) | (_, Some(Format::Json)) => Format::Json,
        (Some(Format::Text), _) | (_, Some(Format::Text)) => Format::Text,
        (None, None) if looks_like_json(legacy) && looks_like_json(modern) => Format::Json,
        _ => Format::Bytes,
    }
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

fn json(
    legacy: &[u8],
    modern: &[u8],
    rules: &Rules,
    report: &mut Report,
) -> Result<(), Undecodable> {
    let parse = |body, work| {
        json::parse(
            body,
            Bounds {
                depth: rules.limits.depth,
                nodes: work,
            },
        )
    };
    let work = rules.limits.work;
    let mine = parse(legacy, work);
    let spent = mine.as_ref().map_or(0, |document| document.size() as u64);
    let work = work.saturating_sub(spent);
    let theirs = parse(modern, work);
    match (mine, theirs) {
        (Ok(mine), Ok(theirs)) => {
            let work = work.saturating_sub(theirs.size() as u64);
            json::compare(&mine, &theirs, rules, work, report)?;
        }
        (Err(Failure::GaveUp(reason)), _) | (_, Err(Failure::GaveUp(reason))) => {
            return Err(reason);
        }
        // Both lie about what they are, so they are compared as what they can be.
        (Err(Failure::NotJson), Err(Failure::NotJson)) => lines(legacy, modern, report),
        (Ok(_), Err(Failure::NotJson)) | (Err(Failure::NotJson), Ok(_)) => {
            add(
                report,
                Kind::Format,
                Some(preview(legacy)),
                Some(preview(modern)),
            );
        }
    }
    Ok(())
}

/// Compares text, of which characters that are not UTF-8 may be part.
fn lines(legacy: &[u8], modern: &[u8], report: &mut Report) {
    let (mine, theirs) = (
        String::from_utf8_lossy(legacy),
        String::from_utf8_lossy(modern),
    );
    match text::first_hunk(&mine, &theirs) {
        Some((mine, theirs)) => add(report, Kind::Text, mine, theirs),
        // They differ only in bytes that no text shows.
        None => bytes(legacy, modern, report),
    }
}

fn bytes(legacy: &[u8], modern: &[u8], report: &mut Report) {
    let render = |body: &[u8]| Some(format!("{} bytes, xxh3 {:016x}", body.len(), xxh3_64(body)));
    add(report, Kind::Bytes, render(legacy), render(modern));
}

fn preview(body: &[u8]) -> String {
    // Far more than is shown, and far less than a body may have.
    let start = body.get(..1024).unwrap_or(body);
    shorten(&String::from_utf8_lossy(start))
}

fn add(report: &mut Report, kind: Kind, legacy: Option<String>, modern: Option<String>) {
    report.add(|| Discrepancy {
        path: "body".to_owned(),
        kind,
        legacy,
        modern,
    });
}
