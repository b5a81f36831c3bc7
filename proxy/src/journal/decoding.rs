//! Bodies without their content encoding, for people to read.
//!
//! Bounded: what unpacks to more than the limit is cut there. The comparator decodes for itself;
//! what is cut here says nothing about a verdict.

use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use std::io::{Cursor, Read};

/// Encodings that may be stacked on one body.
const MAX_STACKED: usize = 3;

/// A body as it can be read.
pub(super) struct Decoded {
    /// The bytes, at most the limit.
    pub(super) bytes: Vec<u8>,
    /// Whether there were more.
    pub(super) cut: bool,
}

/// Why a body can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodeError {
    #[error("encoding {0:?} is unknown")]
    Unknown(String),
    #[error("more than {MAX_STACKED} encodings")]
    Stacked,
    #[error("broken {encoding}: {error}")]
    Broken {
        encoding: String,
        error: std::io::Error,
    },
}

/// Takes the encodings that `headers` name off `body`, reading at most `limit` bytes.
pub(super) fn decode(
    headers: &HeaderMap,
    body: Vec<u8>,
    limit: usize,
) -> Result<Decoded, DecodeError> {
    let values = headers.get_all(CONTENT_ENCODING).iter();
    let names: Vec<String> = values
        .flat_map(|value| value.as_bytes().split(|&b| b == b','))
        .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty() && name != "identity")
        .collect();
    if names.len() > MAX_STACKED {
        return Err(DecodeError::Stacked);
    }
    let mut encoding = String::new();
    let mut reader: Box<dyn Read> = Box::new(Cursor::new(body));
    for name in names.into_iter().rev() {
        reader = unpack(&name, reader)?;
        encoding = name;
    }
    let mut bytes = Vec::new();
    // One byte more than the limit tells a body of just that size from a longer one.
    let mut bounded = reader.take(limit as u64 + 1);
    bounded
        .read_to_end(&mut bytes)
        .map_err(|error| DecodeError::Broken { encoding, error })?;
    let cut = bytes.len() > limit;
    bytes.truncate(limit);
    Ok(Decoded { bytes, cut })
}

fn unpack(name: &str, packed: Box<dyn Read>) -> Result<Box<dyn Read>, DecodeError> {
    Ok(match name {
        "gzip" | "x-gzip" => Box::new(flate2::read::MultiGzDecoder::new(packed)),
        "deflate" => Box::new(flate2::read::ZlibDecoder::new(packed)),
        "br" => Box::new(brotli::Decompressor::new(packed, 4096)),
        "zstd" => {
            let decoder = zstd::stream::read::Decoder::new(packed);
            let encoding = name.to_owned();
            Box::new(decoder.map_err(|error| DecodeError::Broken { encoding, error })?)
        }
        _ => return Err(DecodeError::Unknown(name.to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn headers(encoding: &str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_ENCODING, encoding.parse().unwrap())])
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn encodings_come_off_in_the_reverse_order() {
        let packed = gzip(&zstd::encode_all(&b"hello"[..], 1).unwrap());
        let decoded = decode(&headers("zstd, gzip"), packed, 100).unwrap();
        assert_eq!(
            (decoded.bytes.as_slice(), decoded.cut),
            (&b"hello"[..], false)
        );
        let mut packed = Vec::new();
        brotli::CompressorWriter::new(&mut packed, 4096, 1, 20)
            .write_all(b"hello")
            .unwrap();
        assert_eq!(decode(&headers("BR"), packed, 5).unwrap().bytes, b"hello");
    }

    #[test]
    fn a_bomb_is_cut_at_the_limit() {
        let decoded = decode(&headers("gzip"), gzip(&vec![b'0'; 1 << 24]), 1000).unwrap();
        assert_eq!((decoded.bytes.len(), decoded.cut), (1000, true));
    }

    #[test]
    fn what_cannot_be_decoded_says_why() {
        let error = |encoding, body: &[u8]| {
            decode(&headers(encoding), body.to_vec(), 100)
                .err()
                .unwrap()
                .to_string()
        };
        assert!(error("gzip", b"plain").starts_with("broken gzip: "));
        assert_eq!(error("rot13", b""), "encoding \"rot13\" is unknown");
        assert_eq!(error("br,br,br,br", b""), "more than 3 encodings");
    }
}
