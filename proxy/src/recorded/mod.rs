//! Recorded traffic: the requests of a HAR or GoReplay file, sent to both sides, and the answers
//! compared. Every entry of a file ends in exactly one counted [`Ended`].
//!
//! A file is read entry by entry and never held whole. What was answered when it was recorded is
//! not looked at. Requests are sent as they are: no id is translated and no session is kept.

mod framing;
mod goreplay;
mod har;
mod sides;
mod tally;

pub(crate) use framing::{FramingError, framed};
pub(crate) use sides::Sides;
pub(crate) use tally::{Ended, Host, Judge, Tally};

use crate::dataplane::is_hop_by_hop;
use crate::exchange::CapturedRequest;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;

/// The longest body that is sent.
const MAX_BODY: usize = 8 << 20;
/// The most headers that a request may have.
const MAX_HEADERS: usize = 256;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// HTTP Archive 1.2, as browsers export it.
    Har,
    /// What GoReplay writes with `--output-file`.
    GoReplay,
}

/// One entry of a file.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its number, from 1.
    pub(crate) number: u64,
    /// The request, or what is wrong with it.
    pub(crate) request: Result<Recorded, EntryError>,
}

/// A request to be sent.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// The host that it was sent to, if it is told.
    pub(crate) host: Option<String>,
    /// The request, without what speaks of its connection.
    pub(crate) request: CapturedRequest,
}

/// Why an entry gives no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EntryError {
    /// It does not have the form.
    #[error("{0}")]
    Form(String),
    /// It is a request that can't be repeated.
    #[error("{0}")]
    Unsendable(String),
}

/// Why a file is not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// It can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no JSON that is laid out as a HAR.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It is JSON without entries.
    #[error("there is no log.entries: it is no HAR file")]
    NoEntries,
}

/// Reads a file, packed with gzip or not, until it ends or nobody wants more.
pub(crate) fn read(
    format: Format,
    file: impl Read,
    each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let mut file = BufReader::with_capacity(64 << 10, file);
    if file.fill_buf()?.starts_with(&GZIP) {
        let unpacked = flate2::bufread::MultiGzDecoder::new(file);
        return read_plain(format, BufReader::with_capacity(64 << 10, unpacked), each);
    }
    read_plain(format, file, each)
}

fn read_plain(
    format: Format,
    file: impl BufRead,
    each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    match format {
        Format::Har => har::read(file, each),
        Format::GoReplay => goreplay::read(file, each),
    }
}

/// The headers of a recorded request that are sent again: not those of its connection, of its host,
/// of its framing, or the proxy's own.
fn sendable(recorded: &HeaderMap) -> HeaderMap {
    let named = recorded.get_all(CONNECTION).iter();
    let named: Vec<String> = named
        .flat_map(|value| value.as_bytes().split(|b| *b == b','))
        .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
        .collect();
    let goes = |name: &HeaderName| {
        let text = name.as_str();
        ![HOST, CONTENT_LENGTH, EXPECT].contains(name)
            && !is_hop_by_hop(text)
            && !text.starts_with("cutover-")
            && !named.iter().any(|other| other == text)
    };
    let kept = recorded.iter().filter(|(name, _)| goes(name));
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// One header of a file.
fn header(name: &[u8], value: &[u8]) -> Result<(HeaderName, HeaderValue), EntryError> {
    let wrong = || {
        let shown = String::from_utf8_lossy(name);
        let shown: String = shown.chars().take(80).collect();
        EntryError::Form(format!("{shown:?} and its value are no header"))
    };
    let name = HeaderName::from_bytes(name).map_err(|_| wrong())?;
    Ok((name, HeaderValue::from_bytes(value).map_err(|_| wrong())?))
}

/// Sees that a request can be repeated.
fn repeatable(request: CapturedRequest, host: Option<String>) -> Result<Recorded, EntryError> {
    let unsendable = |why: &str| Err(EntryError::Unsendable(why.to_owned()));
    if request.method == http::Method::CONNECT {
        return unsendable("a CONNECT makes a tunnel, which has no answer to compare");
    }
    let body: usize = request.body.iter().map(bytes::Bytes::len).sum();
    if body > MAX_BODY {
        return unsendable(&format!("its body has more than {MAX_BODY} bytes"));
    }
    Ok(Recorded { host, request })
}
