//! A strict RFC 8259 parser into a flat list of nodes.
//!
//! It does not recurse, converts nothing and allows nothing beyond the grammar. Two things the
//! grammar leaves open are kept for the comparison to judge: repeated keys and lone surrogates.

mod start;

use super::document::{Document, Id, Node, Tag};
use super::scan::plain_run;
use crate::Undecodable;
pub(crate) use start::parse_start;

/// Why a text gave no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It isn't what it should be.
    NotStructured,
    /// It may be JSON, but not within the limits.
    GaveUp(Undecodable),
}

/// The bounds of one document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The deepest nesting of arrays and objects.
    pub(crate) depth: usize,
    /// The most nodes.
    pub(crate) nodes: u64,
}

/// What a text holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grammar {
    /// One value.
    Json,
    /// A value on each line that is not blank; they become the elements of one array.
    JsonLines,
    /// One value that was made of XML.
    Elements,
}

/// Parses a whole body. A byte order mark before it is skipped.
pub(crate) fn parse(
    body: &[u8],
    grammar: Grammar,
    bounds: Bounds,
) -> Result<Document<'_>, Failure> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|_| Failure::NotStructured)?;
    // Offsets have 32 bits; `max_body` is far below that.
    u32::try_from(text.len()).map_err(|_| Failure::GaveUp(Undecodable::LimitSize))?;
    let mut parser = Parser {
        bytes: text.as_bytes(),
        at: 0,
        nodes: Vec::new(),
        open: Vec::new(),
        bounds,
        lines: grammar == Grammar::JsonLines,
    };
    // A guess at the number of nodes saves most of the growing.
    parser.nodes.reserve(text.len() / 12);
    if parser.lines {
        parser.lines()?;
    } else {
        parser.document()?;
    }
    Ok(Document {
        text,
        nodes: parser.nodes,
        elements_of_xml: grammar == Grammar::Elements,
    })
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    /// The arrays and objects that are not closed yet.
    open: Vec<Id>,
    bounds: Bounds,
    /// Whether the outermost array is that of the lines.
    lines: bool,
}

type Step<T = ()> = Result<T, Failure>;

impl Parser<'_> {
    /// Reads lines as the elements of an array that is not written.
    fn lines(&mut self) -> Step {
        self.push(0, Tag::Array)?;
        self.open.push(0);
        if self.token_start().is_some() {
            self.document()
        } else {
            self.end_of_lines();
            Ok(())
        }
    }

    /// After a line: a line end, or the end of all.
    fn line_end(&mut self) -> Step<bool> {
        let before = self.at;
        let next = self.token_start();
        let between = self.bytes.get(before..self.at).unwrap_or_default();
        match next {
            None => {
                self.end_of_lines();
                Ok(false)
            }
            Some(_) if between.contains(&b'\n') => Ok(true),
            Some(_) => Err(Failure::NotStructured),
        }
    }

    fn end_of_lines(&mut self) {
        self.open.pop();
        let (end, next) = (offset(self.at), self.size());
        if let Some(node) = self.nodes.first_mut() {
            (node.end, node.next) = (end, next);
        }
    }

    fn document(&mut self) -> Step {
        loop {
            self.value()?;
            // After a value: close what ends here, then go on to the next value.
            loop {
                let Some(container) = self.open.last().copied() else {
                    return self.end();
                };
                if self.lines && self.open.len() == 1 {
                    if self.line_end()? {
                        break;
                    }
                    return Ok(());
                }
                let object = self.nodes[container as usize].tag == Tag::Object;
                match (self.token_start(), object) {
                    (Some(b','), _) => {
                        self.at += 1;
                        if object {
                            self.key()?;
                        }
                        break;
                    }
                    (Some(b']'), false) | (Some(b'}'), true) => self.close(container),
                    _ => return Err(Failure::NotStructured),
                }
            }
        }
    }

    /// Reads up to and including the next scalar or empty container.
    fn value(&mut self) -> Step {
        loop {
            let start = self.at_token();
            match self.peek() {
                Some(b'"') => return self.string(),
                Some(b'-' | b'0'..=b'9') => return self.number(),
                Some(b'{') => {
                    let container = self.push_open(Tag::Object)?;
                    if self.token_start() == Some(b'}') {
                        self.close(container);
                        return Ok(());
                    }
                    self.key()?;
                }
                Some(b'[') => {
                    let container = self.push_open(Tag::Array)?;
                    if self.token_start() == Some(b']') {
                        self.close(container);
                        return Ok(());
                    }
                }
                Some(b't') => return self.literal(start, b"true", Tag::True),
                Some(b'f') => return self.literal(start, b"false", Tag::False),
                Some(b'n') => return self.literal(start, b"null", Tag::Null),
                _ => return Err(Failure::NotStructured),
            }
        }
    }

    fn key(&mut self) -> Step {
        if self.token_start() != Some(b'"') {
            return Err(Failure::NotStructured);
        }
        self.string()?;
        if self.token_start() != Some(b':') {
            return Err(Failure::NotStructured);
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Step {
        let start = self.at;
        self.at += 1;
        let mut tag = Tag::String;
        loop {
            self.at += plain_run(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return self.push(start, tag);
                }
                Some(b'\\') => {
                    tag = Tag::Escaped;
                    self.escape()?;
                }
                _ => return Err(Failure::NotStructured),
            }
        }
    }

    fn escape(&mut self) -> Step {
        let length = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let digits = self
                    .bytes
                    .get(self.at + 2..self.at + 6)
                    .ok_or(Failure::NotStructured)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Failure::NotStructured);
                }
                6
            }
            _ => return Err(Failure::NotStructured),
        };
        self.at += length;
        Ok(())
    }

    fn number(&mut self) -> Step {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        self.push(start, Tag::Number)
    }

    /// At least one digit.
    fn digits(&mut self) -> Step {
        let before = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == before {
            Err(Failure::NotStructured)
        } else {
            Ok(())
        }
    }

    fn literal(&mut self, start: usize, word: &[u8], tag: Tag) -> Step {
        self.at += word.len();
        if self.bytes.get(start..self.at) == Some(word) {
            self.push(start, tag)
        } else {
            Err(Failure::NotStructured)
        }
    }

    fn end(&mut self) -> Step {
        if self.token_start().is_none() {
            Ok(())
        } else {
            Err(Failure::NotStructured)
        }
    }

    fn push_open(&mut self, tag: Tag) -> Step<Id> {
        if self.open.len() >= self.bounds.depth {
            return Err(Failure::GaveUp(Undecodable::LimitDepth));
        }
        let start = self.at;
        self.at += 1;
        self.push(start, tag)?;
        let container = self.size() - 1;
        self.open.push(container);
        Ok(container)
    }

    fn close(&mut self, container: Id) {
        self.at += 1;
        self.open.pop();
        let (end, next) = (offset(self.at), self.size());
        let node = &mut self.nodes[container as usize];
        (node.end, node.next) = (end, next);
    }

    /// Adds a node whose token ends here.
    fn push(&mut self, start: usize, tag: Tag) -> Step {
        if self.nodes.len() as u64 >= self.bounds.nodes {
            return Err(Failure::GaveUp(Undecodable::LimitWork));
        }
        let (start, end) = (offset(start), offset(self.at));
        self.nodes.push(Node {
            start,
            end,
            next: self.size() + 1,
            tag,
        });
        Ok(())
    }

    fn size(&self) -> Id {
        offset(self.nodes.len())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips white space and looks at what follows it.
    fn token_start(&mut self) -> Option<u8> {
        self.at_token();
        self.peek()
    }

    fn at_token(&mut self) -> usize {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
        self.at
    }
}

/// Offsets fit: the text's length was checked, and it has no more nodes than bytes.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the text's length was checked to fit"
)]
fn offset(at: usize) -> u32 {
    at as u32
}

#[cfg(test)]
mod tests;
