//! Bodies: out of their codings, then by structure, by line or by bytes.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64;

use crate::content::{Format, format};
use crate::decode::{codings, same_bytes, whole};
use crate::formats::Structure;
use crate::json::{self, Bounds, Document, Failure};
use crate::report::{Report, shorten};
use crate::rules::{Hits, Limits, Rules, Verb};
use crate::{Discrepancy, Ids, Kind, Response, TokenPlace, TokenRule, Undecodable, text};

/// Compares two bodies, and reports how they differ and which rules hid something.
pub(crate) fn compare(
    legacy: &Response<'_>,
    modern: &Response<'_>,
    (rules, ids): (&Rules, Option<&dyn Ids>),
    report: &mut Report,
    hits: &mut Hits,
) -> Result<(), Undecodable> {
    let coded = (codings(legacy.headers), codings(modern.headers));
    let same = coded.0 == coded.1 && same_bytes(legacy.body, modern.body);
    let mints = |rule: &TokenRule| matches!(rule.place, TokenPlace::Path(_));
    if same && !rules.tokens().iter().any(mints) {
        return Ok(());
    }
    if let Some((rule, _)) = rules.ruling(&rules.body, Verb::Ignore)
        && !same
    {
        hits.add(rule);
        return Ok(());
    }
    let open = |body, codings: &[String]| whole(body, codings, rules.limits.body);
    let bodies: (Cow<'_, [u8]>, _) =
        match (open(legacy.body, &coded.0), open(modern.body, &coded.1)) {
            (Ok(mine), Ok(theirs)) => (mine, theirs),
            _ if same => return Ok(()),
            (Err(reason), _) | (_, Err(reason)) => return Err(reason),
        };
    let formats = (format(legacy.headers), format(modern.headers));
    let mut found = Found {
        rules,
        // What is equal is equal, whatever an id in it means elsewhere.
        ids: ids.filter(|_| !same),
        report,
        hits,
    };
    match (&*bodies.0, &*bodies.1) {
        (mine, theirs) if mine == theirs => {
            if let Format::Structured(structure) = together(formats, mine, theirs) {
                // There is nothing to find but tokens that both sides share.
                let _ = found.structures(structure, mine, theirs);
            }
        }
        (mine, []) => found.add(Kind::Missing, Some(preview(mine)), None),
        ([], theirs) => found.add(Kind::Extra, None, Some(preview(theirs))),
        (mine, theirs) => match together(formats, mine, theirs) {
            Format::Structured(structure) => found.structures(structure, mine, theirs)?,
            Format::Text => found.lines(mine, theirs),
            Format::Bytes => found.bytes(mine, theirs),
        },
    }
    Ok(())
}

/// How two bodies are compared that say what they are, each for itself or not at all.
fn together(said: (Option<Format>, Option<Format>), legacy: &[u8], modern: &[u8]) -> Format {
    let (mine, theirs) = (said.0, said.1);
    let structured = [mine, theirs]
        .into_iter()
        .flatten()
        .filter(|format| matches!(format, Format::Structured(_)));
    // One side that calls itself structured is enough to try: the other one's header may lie. Of
    // two, JSON is tried before the others.
    let json = Format::Structured(Structure::Json);
    let best = structured.max_by_key(|format| *format == json);
    match (best, mine, theirs) {
        (Some(structured), ..) => structured,
        (_, Some(Format::Text), _) | (_, _, Some(Format::Text)) => Format::Text,
        (_, None, None) => guess(legacy)
            .filter(|structure| guess(modern) == Some(*structure))
            .map_or(Format::Bytes, Format::Structured),
        _ => Format::Bytes,
    }
}

/// What a body without a header looks like.
fn guess(body: &[u8]) -> Option<Structure> {
    let start = body.trim_ascii_start();
    match start.first()? {
        b'{' | b'[' => Some(Structure::Json),
        b'<' if start.starts_with(b"<?xml") => Some(Structure::Xml),
        _ => None,
    }
}

/// What is found on the way.
struct Found<'f> {
    rules: &'f Rules,
    ids: Option<&'f dyn Ids>,
    report: &'f mut Report,
    hits: &'f mut Hits,
}

impl Found<'_> {
    fn structures(
        &mut self,
        structure: Structure,
        legacy: &[u8],
        modern: &[u8],
    ) -> Result<(), Undecodable> {
        let limits = self.rules.limits;
        let texts = (
            structure.json_of(legacy, limits),
            structure.json_of(modern, limits),
        );
        let mine = read(structure, &texts.0, limits, limits.work);
        let spent = mine.as_ref().map_or(0, |document| document.size() as u64);
        let work = limits.work.saturating_sub(spent);
        let theirs = read(structure, &texts.1, limits, work);
        match (mine, theirs) {
            (Ok(mine), Ok(theirs)) => {
                let work = work.saturating_sub(theirs.size() as u64);
                json::compare(
                    &mine,
                    &theirs,
                    (self.rules, self.ids),
                    work,
                    self.report,
                    self.hits,
                )?;
            }
            (Err(Failure::GaveUp(reason)), _) | (_, Err(Failure::GaveUp(reason))) => {
                return Err(reason);
            }
            // Both lie about what they are, so they are compared as what they can be.
            (Err(Failure::NotStructured), Err(Failure::NotStructured)) => {
                self.lines(legacy, modern);
            }
            (Ok(_), Err(Failure::NotStructured)) | (Err(Failure::NotStructured), Ok(_)) => {
                self.add(Kind::Format, Some(preview(legacy)), Some(preview(modern)));
            }
        }
        Ok(())
    }

    /// Compares text, of which characters that are not UTF-8 may be part. Lines that rules for the
    /// body have changed are shown as they were compared.
    fn lines(&mut self, legacy: &[u8], modern: &[u8]) {
        let mut formed = |body| {
            let text = String::from_utf8_lossy(body);
            match self.in_form(&text) {
                Some(formed) => Cow::Owned(formed),
                None => text,
            }
        };
        let (mine, theirs) = (formed(legacy), formed(modern));
        match text::first_hunk(&mine, &theirs) {
            Some((mine, theirs)) => self.add(Kind::Text, mine, theirs),
            None if *mine != *String::from_utf8_lossy(legacy) => {}
            None if *theirs != *String::from_utf8_lossy(modern) => {}
            // They differ only in bytes that no text shows.
            None => self.bytes(legacy, modern),
        }
    }

    /// A text with each of its lines in the form that rules for the body ask for.
    fn in_form(&mut self, text: &str) -> Option<String> {
        let effects = &self.rules.body;
        if !Rules::judges_scalars(effects) {
            return None;
        }
        let lines = text.split_inclusive('\n').map(|line| {
            let (line, end) = line
                .strip_suffix('\n')
                .map_or((line, ""), |line| (line, "\n"));
            self.rules.formed(effects, line, self.hits).into_owned() + end
        });
        Some(lines.collect())
    }

    fn bytes(&mut self, legacy: &[u8], modern: &[u8]) {
        let render =
            |body: &[u8]| Some(format!("{} bytes, xxh3 {:016x}", body.len(), xxh3_64(body)));
        self.add(Kind::Bytes, render(legacy), render(modern));
    }

    fn add(&mut self, kind: Kind, legacy: Option<String>, modern: Option<String>) {
        self.report.add(|| Discrepancy {
            path: "body".to_owned(),
            kind,
            legacy,
            modern,
        });
    }
}

fn read<'t>(
    structure: Structure,
    text: &'t Result<Cow<'_, [u8]>, Failure>,
    limits: Limits,
    work: u64,
) -> Result<Document<'t>, Failure> {
    let text = text.as_ref().map_err(|failure| *failure)?;
    // What holds the lines or the root element is no nesting of the body's own.
    let own = usize::from(structure != Structure::Json);
    let bounds = Bounds {
        depth: limits.depth + own,
        nodes: work,
    };
    json::parse(text, structure.grammar(), bounds)
}

fn preview(body: &[u8]) -> String {
    // Far more than is shown, and far less than a body may have.
    let start = body.get(..1024).unwrap_or(body);
    shorten(&String::from_utf8_lossy(start))
}
