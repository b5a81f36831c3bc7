//! A response out of a file: raw HTTP/1.1, or a body alone.
//!
//! Content codings stay on; the comparator takes them off.

use crate::recorded::{FramingError, framed};
use bytes::Bytes;
use comparator::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::io::{self, Read};
use std::path::Path;

/// A file longer than this is refused.
const LONGEST: usize = 64 << 20;
/// A head with more headers than this is refused.
const MOST_HEADERS: usize = 256;

/// Why a file gives no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// It is larger than what is compared.
    #[error("larger than {LONGEST} bytes")]
    TooLarge,
    /// `--content-type` or a header cannot be one.
    #[error("{0:?} is no value of a header")]
    HeaderValue(String),
    /// A head of another protocol version.
    #[error("{0} has no form in a file: store an HTTP/1.1 response (curl --http1.1 -si --raw)")]
    Version(String),
    /// The head is broken.
    #[error("the head of the response is broken: {0}")]
    Head(httparse::Error),
    /// The file ends within the head.
    #[error("the file ends before the head of a final response does")]
    HeadEnds,
    /// The body has not the length that the head says.
    #[error(transparent)]
    Framing(#[from] FramingError),
}

/// A response that was stored.
#[derive(Debug)]
pub(super) struct Stored {
    status: u16,
    headers: HeaderMap,
    body: [Bytes; 1],
    /// Whether it is a body alone, whose headers nobody knows.
    pub(super) bare: bool,
}

impl Stored {
    /// Reads a file, or the standard input for `-`.
    pub(super) fn read(path: &Path, content_type: Option<&str>) -> Result<Self, LoadError> {
        let bytes = if path.as_os_str() == "-" {
            read_bounded(io::stdin().lock())?
        } else {
            read_bounded(std::fs::File::open(path)?)?
        };
        if bytes.starts_with(b"HTTP/1.") {
            return Self::raw(&bytes);
        }
        if let Some(version) = later_version(&bytes) {
            return Err(LoadError::Version(version));
        }
        let mut headers = HeaderMap::new();
        if let Some(named) = content_type.or_else(|| by_extension(path)) {
            let value = HeaderValue::from_str(named);
            headers.insert(
                CONTENT_TYPE,
                value.map_err(|_| LoadError::HeaderValue(named.into()))?,
            );
        }
        Ok(Self {
            status: 200,
            headers,
            body: [bytes.into()],
            bare: true,
        })
    }

    /// Parses a raw response. Interim ones before it (100 Continue) are skipped.
    fn raw(mut bytes: &[u8]) -> Result<Self, LoadError> {
        loop {
            let (status, headers, rest) = head(bytes)?;
            if (100..200).contains(&status) {
                bytes = rest;
                continue;
            }
            // These have no body, whatever length the one that they speak of has.
            let body = if matches!(status, 204 | 304) && rest.is_empty() {
                Vec::new()
            } else {
                framed(&headers, rest)?
            };
            return Ok(Self {
                status,
                headers,
                body: [body.into()],
                bare: false,
            });
        }
    }

    /// What the comparator compares.
    pub(super) fn view(&self) -> Response<'_> {
        Response {
            status: self.status,
            headers: &self.headers,
            body: &self.body,
        }
    }
}

fn read_bounded(source: impl Read) -> Result<Vec<u8>, LoadError> {
    let mut bytes = Vec::new();
    source.take(LONGEST as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LONGEST {
        Err(LoadError::TooLarge)
    } else {
        Ok(bytes)
    }
}

/// The protocol of a head that HTTP/1 tools do not write, such as `HTTP/2 200`.
fn later_version(bytes: &[u8]) -> Option<String> {
    let mut words = bytes.split(u8::is_ascii_whitespace);
    let version = ["HTTP/2", "HTTP/2.0", "HTTP/3", "HTTP/3.0"]
        .into_iter()
        .find(|version| words.clone().next() == Some(version.as_bytes()))?;
    let status = words.nth(1)?;
    (status.len() == 3 && status.iter().all(u8::is_ascii_digit)).then(|| version.to_owned())
}

fn by_extension(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match extension.as_str() {
        "json" => "application/json",
        "html" | "htm" => "text/html",
        "txt" | "text" | "log" | "md" => "text/plain",
        "xml" => "application/xml",
        "csv" => "text/csv",
        "yaml" | "yml" => "application/yaml",
        "js" | "mjs" => "text/javascript",
        "css" => "text/css",
        _ => return None,
    })
}

fn head(bytes: &[u8]) -> Result<(u16, HeaderMap, &[u8]), LoadError> {
    let mut storage = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Response::new(&mut storage);
    let httparse::Status::Complete(length) = parsed.parse(bytes).map_err(LoadError::Head)? else {
        return Err(LoadError::HeadEnds);
    };
    let mut headers = HeaderMap::new();
    for header in parsed.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(LoadError::HeaderValue(header.name.to_owned()));
        };
        headers.append(name, value);
    }
    let status = parsed.code.ok_or(LoadError::HeadEnds)?;
    Ok((status, headers, bytes.get(length..).unwrap_or_default()))
}
