//! JSON strings after unescaping, as bytes in WTF-8.
//!
//! A lone surrogate (`\ud800`) has no UTF-8, but JSON's grammar allows it: it becomes the three
//! bytes that WTF-8 gives it, which no valid text contains, so it equals only itself.

use std::borrow::Cow;

/// Unescapes what stands between the quotes of a valid string token.
pub(crate) fn unescape(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|b| *b == b'\\') {
        let (plain, escape) = rest.split_at(at);
        text.extend_from_slice(plain);
        rest = push_escape(escape.get(1..).unwrap_or_default(), &mut text);
    }
    text.extend_from_slice(rest);
    Cow::Owned(text)
}

/// Pushes what one escape, given without its backslash, stands for; returns what follows it.
fn push_escape<'a>(escape: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    let Some((letter, rest)) = escape.split_first() else {
        return &[];
    };
    match letter {
        b'b' => text.push(8),
        b'f' => text.push(12),
        b'n' => text.push(b'\n'),
        b'r' => text.push(b'\r'),
        b't' => text.push(b'\t'),
        b'u' => {
            let (unit, rest) = code_unit(rest);
            let low = rest.strip_prefix(b"\\u").map(code_unit);
            return match low {
                Some((low @ 0xdc00..=0xdfff, rest)) if (0xd800..0xdc00).contains(&unit) => {
                    push_code_point(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), text);
                    rest
                }
                _ => {
                    push_code_point(unit, text);
                    rest
                }
            };
        }
        other => text.push(*other),
    }
    rest
}

/// Reads four hexadecimal digits.
fn code_unit(digits: &[u8]) -> (u32, &[u8]) {
    let (hex, rest) = digits.split_at_checked(4).unwrap_or((digits, &[]));
    let unit = hex.iter().fold(0, |unit, digit| {
        unit << 4 | char::from(*digit).to_digit(16).unwrap_or_default()
    });
    (unit, rest)
}

fn push_code_point(code: u32, text: &mut Vec<u8>) {
    if let Some(c) = char::from_u32(code) {
        text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        // Three bytes of six and twice five bits are all that a surrogate needs.
        let [.., high, low] = code.to_be_bytes();
        text.extend([
            0xe0 | high >> 4,
            0x80 | (high & 0xf) << 2 | low >> 6,
            0x80 | low & 0x3f,
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raw: &str) -> Vec<u8> {
        unescape(raw.as_bytes()).into_owned()
    }

    #[test]
    fn escapes_equal_what_they_stand_for() {
        assert_eq!(of(r"\u0041\n\/\\\u00e9"), "A\n/\\é".as_bytes());
        assert_eq!(of(r"\ud83d\ude00x"), "😀x".as_bytes());
        assert_eq!(of(r#"\"\b\f\r\t"#), b"\"\x08\x0c\r\t");
    }

    #[test]
    fn lone_surrogates_stay_apart() {
        let spellings = [
            r"\ud800",
            r"\ud801",
            r"\udc00",
            r"\udc00\ud800",
            r"\ufffd",
            r"\ud800x",
        ];
        for (at, a) in spellings.iter().enumerate() {
            for (other, b) in spellings.iter().enumerate() {
                assert_eq!(of(a) == of(b), at == other, "{a} {b}");
            }
        }
        assert_eq!(of(r"\uD800"), of(r"\ud800"));
        assert_eq!(of(r"\ud800\u0041"), [of(r"\ud800"), of("A")].concat());
        assert_eq!(of(r"\u0041\udc00"), [of("A"), of(r"\udc00")].concat());
    }
}
