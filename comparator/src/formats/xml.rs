//! XML by structure: elements, attributes and text, whatever their prefixes and spelling.
//!
//! Every element is an object: its attributes are keys with `@` in the order of their names, its
//! children keys that may repeat, its text is under `#text`. A namespace is the attribute `@xmlns`
//! of the element where it changes. Comments, processing instructions and the document type mean
//! nothing, and nothing is ever fetched or expanded: a body with entities of its own is no XML here.

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use quick_xml::{Error, XmlVersion};

use super::writer::Writer;
use crate::Undecodable;
use crate::json::{Failure, TEXT};

/// Writes a document as JSON of at most so many bytes.
pub(super) fn json(body: &[u8], most: usize, depth: usize) -> Result<String, Failure> {
    let text = std::str::from_utf8(body).map_err(|_| Failure::NotStructured)?;
    let mut elements = Elements {
        reader: NsReader::from_str(text),
        writer: Writer::new(most),
        open: Vec::new(),
        text: String::new(),
        roots: 0,
        depth,
    };
    elements.writer.open();
    while elements.event()? {}
    if elements.roots != 1 || !elements.open.is_empty() {
        return Err(Failure::NotStructured);
    }
    elements.writer.close();
    Ok(elements.writer.finish())
}

struct Elements<'t> {
    reader: NsReader<&'t [u8]>,
    writer: Writer,
    /// The elements that are not closed yet.
    open: Vec<Open>,
    /// The text since the last tag.
    text: String,
    roots: usize,
    depth: usize,
}

struct Open {
    namespace: String,
    has_children: bool,
}

impl Elements<'_> {
    /// Reads on to the next event; `false` at the end.
    fn event(&mut self) -> Result<bool, Failure> {
        match self.reader.read_event().map_err(|error| failure(&error))? {
            Event::Start(start) => self.start(&start)?,
            Event::Empty(start) => {
                self.start(&start)?;
                self.end()?;
            }
            Event::End(_) => self.end()?,
            Event::Text(text) => self.text.push_str(&text.xml10_content()),
            Event::CData(text) => self.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let referred = reference.resolve_char_ref();
                if let Some(c) = referred.map_err(|error| failure(&error))? {
                    self.text.push(c);
                } else {
                    let text = resolve_xml_entity(&reference).ok_or(Failure::NotStructured)?;
                    self.text.push_str(text);
                }
            }
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::DocType(_) => {}
            Event::Eof => {
                self.outside()?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), Failure> {
        if self.open.len() >= self.depth {
            return Err(Failure::GaveUp(Undecodable::LimitDepth));
        }
        if let Some(parent) = self.open.last_mut() {
            parent.has_children = true;
            // White space between elements is layout.
            if !self.text.trim_ascii().is_empty() {
                self.write_text()?;
            }
            self.text.clear();
        } else {
            self.outside()?;
            self.roots += 1;
        }
        let (namespace, name) = self.reader.resolver().resolve_element(start.name());
        let namespace = uri(&namespace)?.to_owned();
        self.writer.key(name.as_ref())?;
        self.writer.open();
        let outer = self.open.last().map_or("", |parent| &parent.namespace);
        if namespace != outer {
            self.writer.key("@xmlns")?;
            self.writer.string(&namespace)?;
        }
        self.attributes(start)?;
        self.open.push(Open {
            namespace,
            has_children: false,
        });
        Ok(())
    }

    fn attributes(&mut self, start: &BytesStart<'_>) -> Result<(), Failure> {
        let mut attributes = Vec::new();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| Failure::NotStructured)?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (namespace, name) = self.reader.resolver().resolve_attribute(attribute.key);
            let name = match uri(&namespace)? {
                "" => format!("@{}", name.as_ref()),
                uri => format!("@{{{uri}}}{}", name.as_ref()),
            };
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| failure(&error))?;
            attributes.push((name, value));
        }
        attributes.sort();
        if attributes.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Failure::NotStructured);
        }
        for (name, value) in attributes {
            self.writer.key(&name)?;
            self.writer.string(&value)?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        let element = self.open.pop().ok_or(Failure::NotStructured)?;
        let layout = element.has_children && self.text.trim_ascii().is_empty();
        if !layout && !self.text.is_empty() {
            self.write_text()?;
        }
        self.text.clear();
        self.writer.close();
        Ok(())
    }

    fn write_text(&mut self) -> Result<(), Failure> {
        self.writer.key(TEXT)?;
        self.writer.string(&self.text)
    }

    /// Outside of the root there is nothing but layout.
    fn outside(&mut self) -> Result<(), Failure> {
        let text = std::mem::take(&mut self.text);
        let text = text.trim_start_matches('\u{feff}');
        if text.trim_ascii().is_empty() {
            Ok(())
        } else {
            Err(Failure::NotStructured)
        }
    }
}

fn uri<'n>(namespace: &ResolveResult<'n>) -> Result<&'n str, Failure> {
    match namespace {
        ResolveResult::Bound(namespace) => Ok(namespace.0),
        ResolveResult::Unbound => Ok(""),
        ResolveResult::Unknown(_) => Err(Failure::NotStructured),
    }
}

/// Too many namespaces are a limit; anything else is not XML.
fn failure(error: &Error) -> Failure {
    use quick_xml::name::NamespaceError::{TooDeeplyNested, TooManyBindings};
    match error {
        Error::Namespace(TooManyBindings(_) | TooDeeplyNested(_)) => {
            Failure::GaveUp(Undecodable::LimitWork)
        }
        _ => Failure::NotStructured,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<String, Failure> {
        json(text.as_bytes(), 10_000, 16)
    }

    #[test]
    fn elements_attributes_and_text_become_an_object() {
        let text = "<?xml version=\"1.0\"?>\n<!DOCTYPE a>\n<a z='1' b=\"x&amp;&#33;\">\n  <c>1 &lt; <![CDATA[<2>]]></c>\n  <!-- no --><c/>\n</a>\n";
        assert_eq!(
            of(text).unwrap(),
            r##"{"a":{"@b":"x&!","@z":"1","c":{"#text":"1 < <2>"},"c":{}}}"##
        );
        assert_eq!(
            of("<p>one <b>two</b> three</p>").unwrap(),
            r##"{"p":{"#text":"one ","b":{"#text":"two"},"#text":" three"}}"##
        );
    }

    #[test]
    fn namespaces_count_by_their_uri() {
        let expected = r#"{"a":{"@xmlns":"u","@{v}k":"1","b":{},"c":{"@xmlns":""}}}"#;
        assert_eq!(
            of(r#"<x:a xmlns:x="u" xmlns:y="v" y:k="1"><x:b/><c/></x:a>"#).unwrap(),
            expected
        );
        assert_eq!(
            of(r#"<a xmlns="u" xmlns:z="v" z:k="1"><b/><c xmlns=""/></a>"#).unwrap(),
            expected
        );
    }

    #[test]
    fn what_is_no_xml_or_wants_expansion_is_refused() {
        for text in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "<a b='1' b='2'/>",
            "<x:a/>",
            "<a>&own;</a>",
            "<a b='&own;'/>",
            "<!DOCTYPE a [<!ENTITY own \"x\">]><a>&own;</a>",
        ] {
            assert_eq!(of(text), Err(Failure::NotStructured), "{text}");
        }
    }

    #[test]
    fn depth_size_and_namespaces_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(of(&nested(16)).is_ok());
        let gave_up = |reason| Err(Failure::GaveUp(reason));
        assert_eq!(of(&nested(17)), gave_up(Undecodable::LimitDepth));
        // Each attribute has the whole address in its name.
        let each = |count: u32, attribute: &dyn Fn(u32) -> String| {
            (0..count).map(attribute).collect::<Vec<_>>().concat()
        };
        let attributes = each(50, &|i| format!(" x:a{i}='1'"));
        let long = "u".repeat(1000);
        let grows = format!("<a xmlns:x='{long}'{attributes}/>");
        assert_eq!(of(&grows), gave_up(Undecodable::LimitSize));
        let many = each(10_000, &|i| format!(" xmlns:n{i}='u'"));
        assert_eq!(of(&format!("<a{many}/>")), gave_up(Undecodable::LimitWork));
    }
}
