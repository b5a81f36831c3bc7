//! The body of a message that was stored as it went over the wire.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue};

/// Why what follows a head is no body of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FramingError {
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

/// The body in its framing: chunks, a length, or all that is left.
pub(crate) fn framed(headers: &HeaderMap, rest: &[u8]) -> Result<Vec<u8>, FramingError> {
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
            Err(FramingError::Transfer(coding))
        };
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
                Err(FramingError::OtherLength { declared, present })
            }
        }
        _ => Err(FramingError::Length(lengths.join(", "))),
    }
}

fn unchunk(body: &[u8]) -> Result<Vec<u8>, FramingError> {
    let mut whole = Vec::new();
    let mut rest = body;
    loop {
        let at = body.len() - rest.len();
        let broken = |message| FramingError::Chunk { at, message };
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
                return Err(FramingError::Chunk {
                    at,
                    message: "bytes after the last chunk",
                });
            }
            Some((_, after)) => rest = after,
            None => {
                return Err(FramingError::Chunk {
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
