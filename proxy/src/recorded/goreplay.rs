//! GoReplay's files: a line that says what follows, the bytes as they went over the wire, and a
//! separator of three monkeys.

use super::{
    Entry, EntryError, MAX_BODY, MAX_HEADERS, ReadError, Recorded, framed, header, repeatable,
    sendable,
};
use crate::exchange::CapturedRequest;
use bytes::Bytes;
use http::header::{HOST, UPGRADE};
use http::{HeaderMap, Method, Uri};
use std::io::{BufRead, Read as _};
use std::ops::ControlFlow;

/// The line that ends a payload.
const SEPARATOR: &[u8] = "🐵🙈🙉\n".as_bytes();
/// The longest payload: a body that is sent, and its head.
const LONGEST: usize = MAX_BODY + (1 << 20);
/// The first word of a request; what begins with another number is an answer.
const REQUEST: &[u8] = b"1";

/// Reads the requests in their order. Answers that stand between them are no entries.
pub(super) fn read(
    mut file: impl BufRead,
    each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let mut number = 0;
    let mut payload = Vec::new();
    loop {
        let end = next(&mut file, &mut payload)?;
        let recorded = match end {
            End::Separator => parse(&payload),
            End::TooLong => {
                let why = format!("it has more than {LONGEST} bytes");
                Some(Err(EntryError::Unsendable(why)))
            }
            End::File if payload.trim_ascii().is_empty() => return Ok(()),
            End::File => {
                let why = "the file ends within it".to_owned();
                Some(Err(EntryError::Form(why)))
            }
        };
        if let Some(request) = recorded {
            number += 1;
            if each(Entry { number, request }).is_break() {
                return Ok(());
            }
        }
        if end == End::File {
            return Ok(());
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Separator,
    TooLong,
    File,
}

/// Reads the next payload, of which no more is kept than it may have.
fn next(file: &mut impl BufRead, payload: &mut Vec<u8>) -> Result<End, ReadError> {
    payload.clear();
    let (mut too_long, mut at_line_start) = (false, true);
    loop {
        let before = payload.len();
        // A line may be endless too; one piece of it is held beyond the limit.
        let read = file
            .by_ref()
            .take(LONGEST as u64)
            .read_until(b'\n', payload)?;
        if read == 0 {
            return Ok(End::File);
        }
        let piece = payload.get(before..).unwrap_or_default();
        let ends_line = piece.ends_with(b"\n");
        if at_line_start && piece == SEPARATOR {
            // The line break before it belongs to the separator.
            payload.truncate(before.saturating_sub(1));
            return Ok(if too_long {
                End::TooLong
            } else {
                End::Separator
            });
        }
        at_line_start = ends_line;
        if payload.len() > LONGEST {
            too_long = true;
            payload.clear();
        }
    }
}

/// The request of a payload; nothing where it is an answer.
fn parse(payload: &[u8]) -> Option<Result<Recorded, EntryError>> {
    let end = payload.iter().position(|b| *b == b'\n');
    let (meta, message) = payload.split_at_checked(end?.saturating_add(1))?;
    let kind = meta.trim_ascii().split(|b| *b == b' ').next()?;
    match kind {
        REQUEST => Some(request(message)),
        b"2" | b"3" => None,
        _ => {
            let shown = String::from_utf8_lossy(meta.get(..80).unwrap_or(meta)).into_owned();
            let why = format!("{:?} does not say what follows", shown.trim_end());
            Some(Err(EntryError::Form(why)))
        }
    }
}

fn request(message: &[u8]) -> Result<Recorded, EntryError> {
    let form = |why: &dyn std::fmt::Display| EntryError::Form(why.to_string());
    let mut storage = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut storage);
    let status = parsed
        .parse(message)
        .map_err(|error| form(&format_args!("no request of HTTP/1: {error}")))?;
    let httparse::Status::Complete(length) = status else {
        return Err(form(&"its head does not end"));
    };
    let method = parsed.method.unwrap_or_default();
    let method: Method = method
        .parse()
        .map_err(|_| form(&format_args!("{method:?} is no method")))?;
    let target = parsed.path.unwrap_or_default();
    let uri: Uri = target.parse().map_err(|error| {
        let shown: String = target.chars().take(120).collect();
        form(&format_args!("{shown:?} is no target: {error}"))
    })?;
    let mut headers = HeaderMap::new();
    for line in parsed.headers.iter() {
        let (name, value) = header(line.name.as_bytes(), line.value)?;
        headers.append(name, value);
    }
    let body = framed(&headers, message.get(length..).unwrap_or_default());
    let body = body.map_err(|error| form(&error))?;
    if headers.contains_key(UPGRADE) {
        let why = "it asks for another protocol".to_owned();
        return Err(EntryError::Unsendable(why));
    }
    let host = uri.authority().map(ToString::to_string);
    let named = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| named.map(str::to_owned));
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let request = CapturedRequest {
        method,
        target: Bytes::copy_from_slice(target.as_bytes()),
        headers: sendable(&headers),
        body: if body.is_empty() {
            Vec::new()
        } else {
            vec![body.into()]
        },
    };
    repeatable(request, host)
}
