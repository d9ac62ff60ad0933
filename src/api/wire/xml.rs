//! XML under the rules that quick-xml leaves to its users.

use memchr::memchr;
use quick_xml::Reader;
use quick_xml::escape::partial_escape;
use quick_xml::events::Event;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::text::{cut, has_byte};

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

/// Reads a document whose root element is `root`: with `plain`, which uses [`read_plain`], at a tenth of
/// the cost; what that leaves, and everything wrong, is for [`decode`].
pub(super) fn decode_plain_first<'a, T: DeserializeOwned>(
    root: &'static str,
    body: &'a [u8],
    plain: impl FnOnce(&'a str) -> Option<T>,
) -> Result<T, WireError> {
    let plain = std::str::from_utf8(body).ok().and_then(plain);
    plain.map_or_else(|| decode(root, body), Ok)
}

/// Hardly any document has more elements within each other.
const USUAL_DEPTH: usize = 8;

/// Reads a document as programs write it: tags without attributes, nothing between them, texts that
/// stand for themselves. `take` gets each element's path, and its text unless it holds elements.
/// `None`, also when `take` says false, means that it is for [`decode`] to say what this is.
pub(super) fn read_plain<'a>(
    document: &'a str,
    mut take: impl FnMut(&[&'a str], Option<&'a str>) -> bool,
) -> Option<()> {
    let mut open: Vec<&str> = Vec::with_capacity(USUAL_DEPTH);
    let mut rest = document;
    loop {
        let (tag, behind) = cut(rest.strip_prefix('<')?, b'>')?;
        rest = behind;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop()? != name {
                return None;
            }
            if open.is_empty() {
                return behind.is_empty().then_some(());
            }
            continue;
        }
        let empty = tag.strip_suffix('/');
        let name = empty.unwrap_or(tag);
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return None;
        }
        open.push(name);
        let text = if empty.is_some() {
            Some("")
        } else {
            let (text, next) = behind.split_at(memchr(b'<', behind.as_bytes())?);
            rest = next;
            let holds_text = next.starts_with("</");
            if !(text.is_empty() || holds_text && is_plain(text)) {
                return None;
            }
            holds_text.then_some(text)
        };
        if !take(&open, text) {
            return None;
        }
        if empty.is_some() {
            open.pop();
        }
    }
}

/// Whether a text of a document is just what it says.
fn is_plain(text: &str) -> bool {
    !has_byte(text, |byte| is_suspect(byte) | is_escaped(byte)) && text.trim().len() == text.len()
}

/// Bytes that requests and answers about one job have at most, mostly.
const USUAL_LENGTH: usize = 1024;

/// Writes a document whose root element is `root`.
pub(super) fn encode<T: Serialize>(root: &'static str, value: &T) -> Result<String, WireError> {
    let text = quick_xml::se::to_string_with_root(root, value)
        .map_err(|error| WireError::Content(error.to_string()))?;
    checked(text)
}

/// A document that grows. What is written most is written with it; serde takes three times as long.
#[derive(Debug)]
pub(super) struct Document {
    text: String,
}

impl Document {
    /// Nothing yet, with room for what is usual.
    pub(super) fn new() -> Self {
        Self {
            text: String::with_capacity(USUAL_LENGTH),
        }
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
            if has_byte(text, is_escaped) {
                document.text.push_str(&partial_escape(text));
            } else {
                document.text.push_str(text);
            }
        });
    }

    fn tag(&mut self, begin: &str, name: &str, end: &str) {
        for part in [begin, name, end] {
            self.text.push_str(part);
        }
    }

    /// The whole text.
    pub(super) fn finish(self) -> Result<String, WireError> {
        checked(self.text)
    }
}

fn checked(text: String) -> Result<String, WireError> {
    if has_forbidden(&text) {
        return Err(WireError::ControlCharacter);
    }
    Ok(text)
}

fn has_forbidden(text: &str) -> bool {
    has_byte(text, is_suspect) && text.chars().any(is_forbidden)
}

/// Whether a character that begins with such a byte may be forbidden.
fn is_suspect(byte: u8) -> bool {
    byte < b' ' || byte == 0xef
}

/// Whether [`partial_escape`] writes something else for such a byte.
fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'<' | b'>' | b'&' | b'\r')
}

/// Characters that XML 1.0 has no way to carry.
fn is_forbidden(character: char) -> bool {
    matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// One pass over the events: exactly one root element, of the right name, and nothing behind it.
/// DTDs are refused, so that no entity can ever be declared.
fn check_document(root: &'static str, text: &str) -> Result<(), WireError> {
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
    if has_forbidden(text) {
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
    use quick_xml::escape::partial_escape;

    use super::{WireError, check_document, is_escaped};

    /// What has no such byte is written without the library.
    #[test]
    fn escaped_is_what_the_library_escapes() {
        for byte in 0..=0x7f_u8 {
            let text = char::from(byte).to_string();
            assert_eq!(is_escaped(byte), partial_escape(&*text) != text, "{text:?}");
        }
    }

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
