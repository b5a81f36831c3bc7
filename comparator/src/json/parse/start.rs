//! The beginning of a document whose rest is not there, or is no JSON.
//!
//! What is compared is parsed whole or not at all; this is for who looks for something in it.

use super::{Bounds, Document, Node, Parser, Tag, offset};

/// What the beginning of a JSON text holds, and whether that is all of it. What is not closed where
/// the text ends or goes wrong is closed there; a key without its value is left out.
pub(crate) fn parse_start(body: &[u8], bounds: Bounds) -> (Document<'_>, bool) {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let valid = body.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    // Offsets have 32 bits.
    let text = valid.get(..u32::MAX as usize).unwrap_or(valid);
    let mut parser = Parser {
        bytes: text.as_bytes(),
        at: 0,
        nodes: Vec::with_capacity(text.len() / 12),
        open: Vec::new(),
        bounds,
        lines: false,
    };
    let whole = parser.document().is_ok() && text.len() == body.len();
    parser.close_all();
    let document = Document {
        text,
        nodes: parser.nodes,
        elements_of_xml: false,
    };
    (document, whole)
}

impl Parser<'_> {
    /// Closes what is open in a text that ends too early, or goes wrong.
    fn close_all(&mut self) {
        // A number that ends with the text may go on behind it.
        let cut = |node: &Node| node.tag == Tag::Number && node.end as usize == self.bytes.len();
        if !self.open.is_empty() && self.nodes.last().is_some_and(cut) {
            self.nodes.pop();
        }
        if let Some(innermost) = self.open.last().copied()
            && self.nodes[innermost as usize].tag == Tag::Object
        {
            let (mut child, mut children) = (innermost + 1, 0);
            while let Some(node) = self.nodes.get(child as usize) {
                (child, children) = (node.next, children + 1);
            }
            if children % 2 == 1 {
                self.nodes.pop();
            }
        }
        while let Some(container) = self.open.pop() {
            let (end, next) = (offset(self.at.min(self.bytes.len())), self.size());
            let node = &mut self.nodes[container as usize];
            (node.end, node.next) = (end, next);
        }
    }
}
