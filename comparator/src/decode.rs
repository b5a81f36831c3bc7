//! Bodies out of their content codings, and comparing chunks without joining them.
//!
//! Everything here is bounded: no stage of unpacking has more bytes than the limit.
//!
//! What a body means is not known here.

use std::borrow::Cow;
use std::io::{BufRead, ErrorKind, Read};

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::Undecodable;

/// More codings on top of each other than this have no honest use.
const MOST_STACKED: usize = 4;
/// The largest window of zstd that RFC 9659 allows as a content coding: 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 23;

/// The codings of a body in the order in which they were applied, in lower case.
pub(crate) fn codings(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(CONTENT_ENCODING).iter();
    let lists = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).to_ascii_lowercase());
    let mut codings = Vec::new();
    for list in lists {
        let names = list.split(',').map(str::trim);
        codings.extend(
            names
                .filter(|n| !matches!(*n, "" | "identity"))
                .map(str::to_owned),
        );
    }
    codings
}

/// A body without its content codings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The bytes, at most the limit.
    pub bytes: Cow<'a, [u8]>,
    /// Whether there were more.
    pub cut: bool,
}

/// Takes off the content codings that `headers` name, and keeps at most `limit` bytes of what is
/// left. With several codings on top of each other, each stage but the last has to fit whole.
pub fn decode<'a>(
    headers: &HeaderMap,
    body: &'a [Bytes],
    limit: usize,
) -> Result<Decoded<'a>, Undecodable> {
    unpacked(body, &codings(headers), limit)
}

/// The whole body without its codings. It, and each stage before it, has at most `limit` bytes.
pub(crate) fn whole<'a>(
    body: &'a [Bytes],
    codings: &[String],
    limit: usize,
) -> Result<Cow<'a, [u8]>, Undecodable> {
    if length(body) > limit {
        return Err(Undecodable::LimitSize);
    }
    let Decoded { bytes, cut } = unpacked(body, codings, limit)?;
    if cut {
        return Err(Undecodable::Bomb);
    }
    Ok(bytes)
}

fn unpacked<'a>(
    body: &'a [Bytes],
    codings: &[String],
    limit: usize,
) -> Result<Decoded<'a>, Undecodable> {
    if codings.len() > MOST_STACKED {
        return Err(Undecodable::UnsupportedEncoding);
    }
    // A response without content, to HEAD for example, may still name a coding.
    let Some((last, others)) = codings.split_last().filter(|_| length(body) > 0) else {
        return Ok(Decoded {
            bytes: joined(body, limit),
            cut: length(body) > limit,
        });
    };
    let (mut bytes, mut cut) = unpack(last, Chunks::new(body), limit)?;
    for coding in others.iter().rev() {
        if cut {
            return Err(Undecodable::Bomb);
        }
        (bytes, cut) = unpack(coding, &*bytes, limit)?;
    }
    let bytes = Cow::Owned(bytes);
    Ok(Decoded { bytes, cut })
}

/// The first `limit` bytes of a body, copied only where they are not in one chunk.
fn joined(body: &[Bytes], limit: usize) -> Cow<'_, [u8]> {
    match body {
        [] => Cow::default(),
        [only] => Cow::Borrowed(only.get(..limit).unwrap_or(only)),
        chunks => {
            let mut bytes = Vec::with_capacity(length(chunks).min(limit));
            for chunk in chunks {
                let room = limit - bytes.len();
                bytes.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
            }
            Cow::Owned(bytes)
        }
    }
}

fn unpack(
    coding: &str,
    packed: impl BufRead + Clone,
    limit: usize,
) -> Result<(Vec<u8>, bool), Undecodable> {
    match coding {
        "gzip" | "x-gzip" => drain(flate2::bufread::MultiGzDecoder::new(packed), limit),
        "deflate" => inflate(packed, limit),
        "br" => drain(brotli::Decompressor::new(packed, 4096), limit),
        "zstd" => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)
                .map_err(|_| Undecodable::BadEncoding)?;
            let window = decoder.window_log_max(ZSTD_WINDOW_LOG);
            window.map_err(|_| Undecodable::BadEncoding)?;
            drain(decoder, limit)
        }
        _ => Err(Undecodable::UnsupportedEncoding),
    }
}

/// `deflate` means zlib, but servers that send the bare stream are as old as the web.
fn inflate(packed: impl BufRead + Clone, limit: usize) -> Result<(Vec<u8>, bool), Undecodable> {
    match drain(flate2::bufread::ZlibDecoder::new(packed.clone()), limit) {
        Err(Undecodable::BadEncoding) => drain(flate2::bufread::DeflateDecoder::new(packed), limit),
        result => result,
    }
}

/// What is unpacked, at most `limit` bytes, and whether there are more.
fn drain(decoder: impl Read, limit: usize) -> Result<(Vec<u8>, bool), Undecodable> {
    let mut body = Vec::new();
    // One byte more than allowed tells a body that just fits from one that goes on.
    let result = decoder.take(limit as u64 + 1).read_to_end(&mut body);
    if body.len() > limit {
        body.truncate(limit);
        return Ok((body, true));
    }
    match result {
        Ok(_) => Ok((body, false)),
        Err(error) if error.kind() == ErrorKind::OutOfMemory => Err(Undecodable::LimitSize),
        Err(_) => Err(Undecodable::BadEncoding),
    }
}

/// How many bytes a body has.
pub(crate) fn length(body: &[Bytes]) -> usize {
    body.iter().map(Bytes::len).sum()
}

/// Whether two bodies have the same bytes, wherever their chunks begin.
pub(crate) fn same_bytes(legacy: &[Bytes], modern: &[Bytes]) -> bool {
    let (mut left, mut right) = (Chunks::new(legacy), Chunks::new(modern));
    if length(legacy) != length(modern) {
        return false;
    }
    loop {
        let (mine, theirs) = (left.chunk(), right.chunk());
        let count = mine.len().min(theirs.len());
        if count == 0 {
            return true;
        }
        if mine.get(..count) != theirs.get(..count) {
            return false;
        }
        left.consume(count);
        right.consume(count);
    }
}

/// A body read chunk by chunk.
#[derive(Clone)]
struct Chunks<'a> {
    rest: &'a [Bytes],
    /// How much of the first chunk has been read.
    read: usize,
}

impl<'a> Chunks<'a> {
    fn new(body: &'a [Bytes]) -> Self {
        Self {
            rest: body,
            read: 0,
        }
    }

    /// What can be read next; empty only at the end.
    fn chunk(&mut self) -> &'a [u8] {
        while let Some((first, rest)) = self.rest.split_first() {
            match first.get(self.read..) {
                Some(unread) if !unread.is_empty() => return unread,
                _ => (self.rest, self.read) = (rest, 0),
            }
        }
        &[]
    }
}

impl BufRead for Chunks<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        Ok(self.chunk())
    }

    fn consume(&mut self, count: usize) {
        self.read += count;
    }
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.chunk().read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use http::HeaderValue;

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn packed(coding: &str, text: &[u8]) -> Vec<u8> {
        match coding {
            "gzip" => gzip(text),
            "deflate" => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            "raw" => {
                let mut encoder =
                    flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            "br" => {
                let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
                encoder.write_all(text).unwrap();
                encoder.into_inner()
            }
            _ => zstd::encode_all(text, 3).unwrap(),
        }
    }

    /// Small chunks, some of them empty.
    fn chunks(bytes: &[u8]) -> Vec<Bytes> {
        let chunks = bytes
            .chunks(7)
            .flat_map(|chunk| [Bytes::copy_from_slice(chunk), Bytes::new()]);
        chunks.collect()
    }

    fn decoded(bytes: &[u8], codings: &[&str], limit: usize) -> Result<Vec<u8>, Undecodable> {
        let codings: Vec<_> = codings.iter().map(|&name| name.to_owned()).collect();
        whole(&chunks(bytes), &codings, limit).map(Cow::into_owned)
    }

    const KINDS: [(&str, &str); 5] = [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("raw", "deflate"),
        ("br", "br"),
        ("zstd", "zstd"),
    ];

    #[test]
    fn every_coding_is_taken_off() {
        let text = "a body, a body, a body".repeat(100).into_bytes();
        for (made, named) in KINDS {
            assert_eq!(
                decoded(&packed(made, &text), &[named], LIMIT),
                Ok(text.clone()),
                "{made}"
            );
        }
        let twice = packed("br", &gzip(&text));
        assert_eq!(decoded(&twice, &["gzip", "br"], LIMIT), Ok(text.clone()));
        let thrice = packed("zstd", &packed("deflate", &gzip(&text)));
        assert_eq!(
            decoded(&thrice, &["gzip", "deflate", "zstd"], LIMIT),
            Ok(text.clone())
        );
        let members = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(
            decoded(&members, &["x-gzip"], LIMIT),
            Ok(b"one two".to_vec())
        );
        assert_eq!(decoded(b"", &["gzip"], LIMIT), Ok(Vec::new()));
    }

    #[test]
    fn broken_and_truncated_bodies_are_bad_encodings() {
        let text = "some text that does not repeat itself: 0123456789".as_bytes();
        for (made, named) in KINDS {
            let whole = packed(made, text);
            for cut in [1, whole.len() / 2, whole.len() - 1] {
                let result = decoded(&whole[..cut], &[named], LIMIT);
                assert_eq!(result, Err(Undecodable::BadEncoding), "{made} cut at {cut}");
            }
            let result = decoded(b"{\"not\": \"packed\"}", &[named], LIMIT);
            assert_eq!(result, Err(Undecodable::BadEncoding), "{made}");
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let zeros = vec![0; LIMIT];
        for (made, named) in KINDS {
            let bomb = packed(made, &zeros);
            assert!(
                decoded(&bomb, &[named], LIMIT).is_ok(),
                "{made} that just fits"
            );
            assert_eq!(
                decoded(&bomb, &[named], LIMIT - 1),
                Err(Undecodable::Bomb),
                "{made}"
            );
        }
        assert_eq!(decoded(&[0; 10], &[], 9), Err(Undecodable::LimitSize));
    }

    #[test]
    fn what_is_longer_is_cut_where_that_is_enough() {
        let text = b"0123456789".repeat(1000);
        for (made, named) in KINDS {
            let headers = HeaderMap::from_iter([(CONTENT_ENCODING, named.parse().unwrap())]);
            let bytes = chunks(&packed(made, &text));
            let decoded = decode(&headers, &bytes, 15).unwrap();
            assert_eq!(&*decoded.bytes, b"012345678901234", "{made}");
            assert!(decoded.cut, "{made}");
            let decoded = decode(&headers, &bytes, text.len()).unwrap();
            assert_eq!((&*decoded.bytes, decoded.cut), (&*text, false), "{made}");
        }
        for body in [chunks(&text), vec![text.clone().into()]] {
            let decoded = decode(&HeaderMap::new(), &body, 12).unwrap();
            assert_eq!((&*decoded.bytes, decoded.cut), (&b"012345678901"[..], true));
        }
    }

    #[test]
    fn unknown_or_endless_codings_are_unsupported() {
        for codings in [&["lzma"][..], &["gzip"; 5]] {
            assert_eq!(
                decoded(b"x", codings, LIMIT),
                Err(Undecodable::UnsupportedEncoding)
            );
        }
    }

    #[test]
    fn codings_are_read_from_all_header_lines() {
        let mut headers = HeaderMap::new();
        headers.append(CONTENT_ENCODING, HeaderValue::from_static("GZip, identity"));
        headers.append(CONTENT_ENCODING, HeaderValue::from_static(" br,"));
        assert_eq!(codings(&headers), ["gzip", "br"]);
    }

    #[test]
    fn chunk_borders_mean_nothing() {
        let text = b"the same bytes in other pieces";
        assert!(same_bytes(&chunks(text), &[Bytes::from_static(text)]));
        assert!(same_bytes(&[], &[Bytes::new()]));
        assert!(!same_bytes(
            &chunks(text),
            &[Bytes::from_static(b"the same bytes in other piecez")]
        ));
        assert!(!same_bytes(&chunks(text), &chunks(&text[1..])));
    }
}
