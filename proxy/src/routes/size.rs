//! Sizes as people write them.

use bytesize::ByteSize;

/// A text that is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no size such as \"64MiB\" or \"500kB\"")]
pub struct SizeError(String);

/// Bytes out of `64MiB`, `500kB` or a plain number.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    text.parse::<ByteSize>()
        .map(|size| size.as_u64())
        .ok()
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| SizeError(text.chars().take(40).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_nonsense_is_refused() {
        assert_eq!(parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(parse_size("500kB"), Ok(500_000));
        for text in ["", "0", "-1MB", "64 elephants", "1e400GB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
