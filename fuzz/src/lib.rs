//! Texts and comparisons for the fuzz targets in `tests/`.
//!
//! The targets run on stable as tests, each for a bounded number of inputs, with
//! `cargo test --manifest-path fuzz/Cargo.toml`. `cargo bolero test --manifest-path …` drives the
//! same targets with libFuzzer or AFL, as long as one likes.

use bytes::Bytes;
use comparator::{Comparison, Response, Rules, compare};
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

/// Turns arbitrary bytes into a text that is nearly of a grammar: most bytes choose a token of the
/// dictionary, the others stand for themselves.
pub fn text(choices: &[u8], dictionary: &[&str]) -> Vec<u8> {
    let mut text = Vec::new();
    for choice in choices {
        match dictionary.get(usize::from(*choice) % (dictionary.len() + 1)) {
            Some(token) => text.extend_from_slice(token.as_bytes()),
            None => text.push(*choice),
        }
    }
    text
}

/// Builds well-formed documents, one choice after the other; when the choices are used up, all that
/// is open is closed.
pub struct Builder<'c> {
    choices: std::slice::Iter<'c, u8>,
}

impl<'c> Builder<'c> {
    /// A builder that has these choices.
    pub fn new(choices: &'c [u8]) -> Self {
        Self {
            choices: choices.iter(),
        }
    }

    fn next(&mut self) -> usize {
        self.choices.next().copied().unwrap_or_default().into()
    }

    fn pick<'t>(&mut self, tokens: &[&'t str]) -> &'t str {
        let at = self.next() % tokens.len().max(1);
        tokens.get(at).copied().unwrap_or_default()
    }

    /// A JSON value.
    pub fn json(&mut self) -> String {
        const KEYS: &[&str] = &["a", "b", "c", "k", "\\u0061", "x/y~"];
        const SCALARS: &[&str] = &[
            "1",
            "1.0",
            "2",
            "-0",
            "0.5",
            "1e400",
            "10e399",
            "null",
            "true",
            "false",
            "\"\"",
            "\"1\"",
            "\"1.0\"",
            "\"true\"",
            "\"a\"",
            "\"A\"",
            "\" a \"",
            "\"ax\"",
            "\"b\"",
            "\"\\u0041\"",
            "\"\\ud800\"",
            "\"é\"",
            "\"e\u{301}\"",
            "\"2024-01-02T03:04:05\"",
            "\"2024-01-02T03:04:05Z\"",
            "\"2024-01-02T03:04:05.5+00:00\"",
            "\"2024-01-02T05:04:05\"",
        ];
        let blank = if self.next() % 8 == 1 { " " } else { "" };
        match self.next() % 4 {
            1 => {
                let members = (0..self.next() % 5)
                    .map(|_| format!("\"{}\":{blank}{}", self.pick(KEYS), self.json()))
                    .collect::<Vec<_>>();
                format!("{{{}}}", members.join(","))
            }
            2 => {
                let elements = (0..self.next() % 6)
                    .map(|_| self.json())
                    .collect::<Vec<_>>();
                format!("[{blank}{}]", elements.join(","))
            }
            _ => self.pick(SCALARS).to_owned(),
        }
    }

    /// An XML element.
    pub fn xml(&mut self) -> String {
        let name = self.pick(&["a", "b", "c", "k"]);
        let attributes = self.pick(&["", " a='1'", " b=\"x\" a='2'", " xmlns='u'", " a=' 1&#32;'"]);
        let children = (0..self.next() % 5)
            .map(|_| match self.next() % 3 {
                0 => self
                    .pick(&[
                        "",
                        "1",
                        "2",
                        " ",
                        "\n ",
                        "a&amp;b",
                        "<!-- c -->",
                        "<![CDATA[1]]>",
                    ])
                    .to_owned(),
                _ => self.xml(),
            })
            .collect::<Vec<_>>();
        format!("<{name}{attributes}>{}</{name}>", children.concat())
    }

    /// Fields of a form.
    pub fn form(&mut self) -> String {
        let fields = (0..self.next() % 6)
            .map(|_| {
                format!(
                    "{}={}",
                    self.pick(&["a", "b", "c", "%61"]),
                    self.pick(&["", "1", "1.0", "x+", "%20", "true"])
                )
            })
            .collect::<Vec<_>>();
        fields.join("&")
    }

    /// Some of what `one` builds, one on each line.
    pub fn lines(&mut self, one: fn(&mut Self) -> String) -> String {
        let lines = (0..self.next() % 6)
            .map(|_| one(self) + "\n")
            .collect::<Vec<_>>();
        lines.concat()
    }
}

/// The same choices with a few of them changed.
pub fn changed(choices: &[u8], changes: &[(u8, u8)]) -> Vec<u8> {
    let mut other = choices.to_vec();
    for (at, choice) in changes {
        let length = other.len().max(1);
        if let Some(place) = other.get_mut(usize::from(*at) % length) {
            *place = *choice;
        }
    }
    other
}

/// Compares two bodies that say they are of this type.
pub fn judge(
    content_type: &'static str,
    legacy: &[u8],
    modern: &[u8],
    rules: &Rules,
) -> Comparison {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
    let (legacy, modern) = (
        [Bytes::copy_from_slice(legacy)],
        [Bytes::copy_from_slice(modern)],
    );
    let [legacy, modern] = [&legacy, &modern].map(|body| Response {
        status: 200,
        headers: &headers,
        body,
    });
    compare(&legacy, &modern, rules)
}
