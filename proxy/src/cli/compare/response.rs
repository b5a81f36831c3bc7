//! A response out of a file: raw HTTP/1.1, or a body alone.
//!
//! Content codings stay on; the comparator takes them off.

use bytes::Bytes;
use comparator::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
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
    /// A length is no number, or two of them contradict each other.
    #[error("Content-Length {0:?} is not one number")]
    Length(String),
    /// A body has another length than its head says.
    #[error("Content-Length says {declared} bytes, but {present} follow the head")]
    OtherLength { declared: usize, present: usize },
    /// A transfer coding that is not `chunked`.
    #[error("Transfer-Encoding {0:?} is not supported, only chunked is")]
    Transfer(String),
    /// The chunks are broken.
    #[error(
        "broken chunk at byte {at} of the body: {message} (curl -i unchunks but keeps the header: add --raw)"
    )]
    Chunk { at: usize, message: &'static str },
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
            let body = body(status, &headers, rest)?;
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

/// The body in its framing: chunks, a length, or all that is left.
fn body(status: u16, headers: &HeaderMap, rest: &[u8]) -> Result<Vec<u8>, LoadError> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
    let transfer: Vec<_> = headers
        .get_all(TRANSFER_ENCODING)
        .iter()
        .map(text)
        .collect();
    if !transfer.is_empty() {
        let coding = transfer.join(", ");
        let chunked = coding.eq_ignore_ascii_case("chunked");
        return if chunked {
            unchunk(rest)
        } else {
            Err(LoadError::Transfer(coding))
        };
    }
    // These have no body, whatever length the one that they speak of has.
    if matches!(status, 204 | 304) && rest.is_empty() {
        return Ok(Vec::new());
    }
    let lengths: Vec<_> = headers.get_all(CONTENT_LENGTH).iter().map(text).collect();
    let Some((first, others)) = lengths.split_first() else {
        return Ok(rest.to_vec());
    };
    let digits = first.bytes().all(|b| b.is_ascii_digit());
    match first.parse::<usize>() {
        Ok(declared) if digits && others.iter().all(|other| other == first) => {
            let present = rest.len();
            if declared == present {
                Ok(rest.to_vec())
            } else {
                Err(LoadError::OtherLength { declared, present })
            }
        }
        _ => Err(LoadError::Length(lengths.join(", "))),
    }
}

fn unchunk(body: &[u8]) -> Result<Vec<u8>, LoadError> {
    let mut whole = Vec::new();
    let mut rest = body;
    loop {
        let at = body.len() - rest.len();
        let broken = |message| LoadError::Chunk { at, message };
        let (line, after) =
            line(rest).ok_or_else(|| broken("the file ends before the last chunk"))?;
        let size = line
            .split(|b| *b == b';')
            .next()
            .unwrap_or_default()
            .trim_ascii_end();
        let size = size_of(size).ok_or_else(|| broken("no chunk size"))?;
        if size == 0 {
            rest = after;
            break;
        }
        let (chunk, after) = after
            .split_at_checked(size)
            .ok_or_else(|| broken("the file ends within the chunk"))?;
        whole.extend_from_slice(chunk);
        rest = match self::line(after) {
            Some((b"", after)) => after,
            _ => return Err(broken("the chunk is longer than its size")),
        };
    }
    // Trailers say nothing that is compared.
    loop {
        let at = body.len() - rest.len();
        match line(rest) {
            Some((b"", [])) => return Ok(whole),
            Some((b"", _)) => {
                return Err(LoadError::Chunk {
                    at,
                    message: "bytes after the last chunk",
                });
            }
            Some((_, after)) => rest = after,
            None => {
                return Err(LoadError::Chunk {
                    at,
                    message: "the file ends before the last chunk",
                });
            }
        }
    }
}

/// The bytes before the next line end, and those after it.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..)?))
}

fn size_of(digits: &[u8]) -> Option<usize> {
    let hexadecimal = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| hexadecimal)?;
    usize::from_str_radix(text, 16).ok()
}
