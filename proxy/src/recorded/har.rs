//! HAR 1.2: one JSON document, of which `log.entries` is read element by element.

use super::{Entry, EntryError, MAX_HEADERS, ReadError, Recorded, header, repeatable, sendable};
use crate::exchange::CapturedRequest;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::ops::ControlFlow;

/// The longest entry: recorded answers are in it, too, and are held until it has been read.
const LONGEST: usize = 64 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads the entries in their order.
pub(super) fn read(
    mut file: impl BufRead,
    each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    if file.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        file.consume(BYTE_ORDER_MARK.len());
    }
    let left = Cell::new(LONGEST);
    let bounded = io::BufReader::new(Bounded { file, left: &left });
    let mut json = serde_json::Deserializer::from_reader(bounded);
    let mut walk = Walk {
        left: &left,
        each,
        number: 0,
        found: false,
        stopped: false,
    };
    let read = Place(&mut walk, Level::File).deserialize(&mut json);
    let (found, stopped) = (walk.found, walk.stopped);
    match read {
        // Who wants no more ends the reading by an error of its own.
        Err(_) if stopped => Ok(()),
        Err(error) => Err(error.into()),
        Ok(()) if !found => Err(ReadError::NoEntries),
        Ok(()) => Ok(json.end()?),
    }
}

/// A file of which no entry may be longer than what is left.
struct Bounded<'c, R> {
    file: R,
    left: &'c Cell<usize>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            let message = format!("an entry has more than {LONGEST} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let count = self.file.read(buffer)?;
        self.left.set(left.saturating_sub(count));
        Ok(count)
    }
}

/// What is known on the way through the document.
struct Walk<'w> {
    left: &'w Cell<usize>,
    each: &'w mut dyn FnMut(Entry) -> ControlFlow<()>,
    number: u64,
    found: bool,
    stopped: bool,
}

/// A place in the document.
struct Place<'p, 'w>(&'p mut Walk<'w>, Level);

#[derive(Clone, Copy)]
enum Level {
    File,
    Log,
    Entries,
}

impl<'de> DeserializeSeed<'de> for Place<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match self.1 {
            Level::File | Level::Log => json.deserialize_map(self),
            Level::Entries => json.deserialize_seq(self),
        }
    }
}

impl<'de> Visitor<'de> for Place<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.1 {
            Level::File => "a HAR file, which is an object",
            Level::Log => "the object `log`",
            Level::Entries => "the array `log.entries`",
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (key, below) = match self.1 {
            Level::File => ("log", Level::Log),
            Level::Log | Level::Entries => ("entries", Level::Entries),
        };
        while let Some(name) = map.next_key::<String>()? {
            if name == key {
                map.next_value_seed(Place(self.0, below))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let walk = self.0;
        walk.found = true;
        while let Some(entry) = entries.next_element::<Box<RawValue>>()? {
            walk.left.set(LONGEST);
            walk.number += 1;
            let (number, request) = (walk.number, request(entry.get()));
            drop(entry);
            if (walk.each)(Entry { number, request }).is_break() {
                walk.stopped = true;
                return Err(serde::de::Error::custom("nobody wants more"));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct HarEntry {
    request: HarRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarRequest {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<NameValue>,
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct NameValue {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    #[serde(default)]
    mime_type: String,
    text: Option<String>,
    #[serde(default)]
    params: Vec<NameValue>,
}

/// The request of one entry.
fn request(entry: &str) -> Result<Recorded, EntryError> {
    let form = EntryError::Form;
    let HarEntry { request } =
        serde_json::from_str(entry).map_err(|error| form(format!("no entry of a HAR: {error}")))?;
    let shown = |text: &str| text.chars().take(120).collect::<String>();
    let HarRequest {
        method,
        url,
        headers: recorded,
        post_data,
    } = request;
    let method: Method = method
        .parse()
        .map_err(|_| form(format!("{:?} is no method", shown(&method))))?;
    let uri: Uri = url
        .parse()
        .map_err(|error| form(format!("{:?} is no URL: {error}", shown(&url))))?;
    let host = uri.authority().map(ToString::to_string);
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        let why = format!("{:?} is no URL of HTTP", shown(&url));
        return Err(EntryError::Unsendable(why));
    }
    if recorded.len() > MAX_HEADERS {
        return Err(form(format!("it has more than {MAX_HEADERS} headers")));
    }
    let mut headers = HeaderMap::new();
    // A name with a colon in front is HTTP/2's for what stands in the request line.
    for NameValue { name, value } in recorded.iter().filter(|h| !h.name.starts_with(':')) {
        let (name, value) = header(name.as_bytes(), value.as_bytes())?;
        headers.append(name, value);
    }
    if headers.contains_key(UPGRADE) {
        let why = "it asks for another protocol".to_owned();
        return Err(EntryError::Unsendable(why));
    }
    let mut headers = sendable(&headers);
    let body = match post_data {
        Some(data) => data.body(&mut headers)?,
        None => Vec::new(),
    };
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let request = CapturedRequest {
        method,
        target: Bytes::copy_from_slice(target.as_bytes()),
        headers,
        body,
    };
    repeatable(request, host)
}

impl PostData {
    /// The body, whose type is also told where no header does.
    fn body(self, headers: &mut HeaderMap) -> Result<Vec<Bytes>, EntryError> {
        if !headers.contains_key(CONTENT_TYPE)
            && !self.mime_type.is_empty()
            && let Ok(value) = HeaderValue::from_str(&self.mime_type)
        {
            headers.insert(CONTENT_TYPE, value);
        }
        let text = match self.text {
            Some(text) => text,
            None if self.params.is_empty() => return Ok(Vec::new()),
            None if self
                .mime_type
                .starts_with("application/x-www-form-urlencoded") =>
            {
                let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
                let pairs = self.params.iter();
                let pairs = pairs.map(|p| format!("{}={}", encode(&p.name), encode(&p.value)));
                pairs.collect::<Vec<_>>().join("&")
            }
            None => {
                let why = format!("its body of type {:?} was not recorded", self.mime_type);
                return Err(EntryError::Unsendable(why));
            }
        };
        Ok(if text.is_empty() {
            Vec::new()
        } else {
            vec![text.into()]
        })
    }
}
