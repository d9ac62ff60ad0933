//! XML under the rules that quick-xml leaves to its users.

use quick_xml::Reader;
use quick_xml::escape::partial_escape;
use quick_xml::events::Event;
use serde::de::DeserializeOwned;

/// Why a body is not the XML document it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes are not UTF-8.
    #[error("the body is not UTF-8")]
    Encoding,
    /// Not well-formed.
    #[error("the body is not well-formed XML: {problem}")]
    Syntax {
        /// What is wrong.
        problem: String,
        /// Where that begins: how many bytes stand before it.
        offset: usize,
    },
    /// Another document than the expected one, such as a proxy's HTML page.
    #[error("the body's root element is `{found}`, not `{expected}`")]
    Root {
        /// The element that should be there.
        expected: &'static str,
        /// The element that is there.
        found: String,
    },
    /// Something stands behind the root element, or nothing stands there at all.
    #[error("the body is not one XML document")]
    NotOneDocument,
    /// XML cannot carry these.
    #[error("the body contains a control character")]
    ControlCharacter,
    /// Well-formed, but an element is missing or has a value that cannot be.
    #[error("{0}")]
    Content(String),
}

/// Reads a document whose root element is `root`.
pub(super) fn decode<T: DeserializeOwned>(root: &'static str, body: &[u8]) -> Result<T, WireError> {
    let text = std::str::from_utf8(body).map_err(|_| WireError::Encoding)?;
    check_document(root, text)?;
    quick_xml::de::from_str(text).map_err(|error| WireError::Content(error.to_string()))
}

/// Writes one document, element by element.
#[derive(Debug, Default)]
pub(super) struct Document {
    text: String,
}

impl Document {
    /// The text of a document with this root element.
    pub(super) fn write(root: &str, content: impl FnOnce(&mut Self)) -> Result<String, WireError> {
        let mut document = Self::default();
        document.element(root, content);
        if document.text.contains(is_forbidden) {
            return Err(WireError::ControlCharacter);
        }
        Ok(document.text)
    }

    /// Writes an element and what is in it.
    pub(super) fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.tag("<", name, ">");
        content(self);
        self.tag("</", name, ">");
    }

    /// Writes an element that holds a text.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        if text.is_empty() {
            return self.tag("<", name, "/>");
        }
        self.element(name, |document| {
            document.text.push_str(&partial_escape(text));
        });
    }

    /// Writes an element that holds a text, if there is one.
    pub(super) fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    fn tag(&mut self, begin: &str, name: &str, end: &str) {
        for part in [begin, name, end] {
            self.text.push_str(part);
        }
    }
}

/// Characters that XML 1.0 has no way to carry.
fn is_forbidden(character: char) -> bool {
    matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// One pass over the events: exactly one root element, of the right name, and nothing behind it.
/// DTDs are refused, so that no entity can ever be declared.
pub(super) fn check_document(root: &'static str, text: &str) -> Result<(), WireError> {
    let mut reader = Reader::from_str(text);
    // The reader leaves out a byte order mark, and does not count it.
    let mark = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let syntax = |problem: String, offset| WireError::Syntax {
        problem,
        // A body is in memory, and no longer than that can count.
        offset: usize::try_from(offset).map_or(text.len(), |offset| mark + offset),
    };
    let mut depth = 0_usize;
    let mut roots = 0_usize;
    loop {
        let begin = reader.buffer_position();
        let event = reader.read_event();
        match event.map_err(|error| syntax(error.to_string(), reader.error_position()))? {
            Event::Start(start) => {
                if depth == 0 {
                    roots += 1;
                    check_root(root, start.name().as_ref())?;
                }
                depth += 1;
            }
            Event::Empty(start) if depth == 0 => {
                roots += 1;
                check_root(root, start.name().as_ref())?;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(content) if depth == 0 && !content.trim().is_empty() => {
                return Err(WireError::NotOneDocument);
            }
            Event::CData(_) | Event::GeneralRef(_) if depth == 0 => {
                return Err(WireError::NotOneDocument);
            }
            Event::DocType(_) => {
                return Err(syntax("a document type is not allowed".to_owned(), begin));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if depth > 0 {
        let end = reader.buffer_position();
        return Err(syntax("the document ends too early".to_owned(), end));
    }
    if roots != 1 {
        return Err(WireError::NotOneDocument);
    }
    if text.contains(is_forbidden) {
        return Err(WireError::ControlCharacter);
    }
    Ok(())
}

/// The path of each element, such as `Request.Input`, without what lies within those that are deeper
/// than any of ours.
pub(super) fn element_paths(text: &str) -> Vec<String> {
    const DEEPEST: usize = 8;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    let mut paths = Vec::new();
    while let Ok(event) = reader.read_event() {
        let (start, is_empty) = match event {
            Event::Start(start) => (start, false),
            Event::Empty(start) => (start, true),
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                open.truncate(depth);
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        if depth < DEEPEST {
            open.push(start.name().as_ref().to_owned());
            paths.push(open.join("."));
        }
        if is_empty {
            open.truncate(depth);
        } else {
            depth += 1;
        }
    }
    paths
}

fn check_root(expected: &'static str, found: &str) -> Result<(), WireError> {
    if found == expected {
        return Ok(());
    }
    let found = found.to_owned();
    Err(WireError::Root { expected, found })
}

#[cfg(test)]
mod tests {
    use super::{WireError, check_document};

    #[test]
    fn only_one_document_of_the_right_root_passes() {
        assert_eq!(
            check_document("A", "<?xml version='1.0'?>\n<A><B/></A>\n"),
            Ok(())
        );
        assert_eq!(check_document("A", "<A/>"), Ok(()));
        for bad in [
            "",
            "  ",
            "x",
            "<A></A><A></A>",
            "<A/>x",
            "<A>",
            "<B/>",
            "<html></html>",
            "<A></B>",
        ] {
            assert!(check_document("A", bad).is_err(), "{bad:?}");
        }
        let with_entity = "<!DOCTYPE A [<!ENTITY e 'x'>]><A>&e;</A>";
        assert!(matches!(
            check_document("A", with_entity),
            Err(WireError::Syntax { .. })
        ));
        assert_eq!(
            check_document("A", "<A>\u{1}</A>"),
            Err(WireError::ControlCharacter)
        );
    }
}
