//! Elements as they stand in a document, whatever their names: what is not understood is kept.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::xml::{Document, WireError, check_document};

/// No documented element lies deeper.
const DEEPEST: usize = 32;

/// One element. Attributes are refused, because the API has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub content: Content,
}

/// What an element holds: a text, or elements.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// A text, which may be empty.
    Text(String),
    /// At least one element.
    Elements(Vec<Element>),
}

impl Element {
    /// An element that holds a text.
    pub fn text(name: &str, text: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            content: Content::Text(text.into()),
        }
    }

    /// An element that holds elements, or nothing.
    pub fn of(name: &str, elements: Vec<Self>) -> Self {
        let content = if elements.is_empty() {
            Content::Text(String::new())
        } else {
            Content::Elements(elements)
        };
        Self {
            name: name.to_owned(),
            content,
        }
    }

    /// The elements in it; none if it holds a text.
    pub fn elements(&self) -> &[Self] {
        match &self.content {
            Content::Text(_) => &[],
            Content::Elements(elements) => elements,
        }
    }

    /// The text in it, without blanks around it; absent if it holds elements.
    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text.trim()),
            Content::Elements(_) => None,
        }
    }

    /// The first element of this name in it.
    pub fn find(&self, name: &str) -> Option<&Self> {
        find(self.elements(), name)
    }

    /// The text of the first element of this name in it; empty if there is none.
    pub(super) fn text_of(&self, name: &str) -> &str {
        self.find(name).and_then(Self::as_text).unwrap_or_default()
    }

    pub(super) fn write(&self, document: &mut Document) {
        match &self.content {
            Content::Text(text) => document.text(&self.name, text),
            Content::Elements(elements) => document.element(&self.name, |document| {
                for element in elements {
                    element.write(document);
                }
            }),
        }
    }
}

/// The first element of this name.
pub fn find<'a>(elements: &'a [Element], name: &str) -> Option<&'a Element> {
    elements.iter().find(|element| element.name == name)
}

/// Whether a text can be the name of an element.
pub fn is_element_name(name: &str) -> bool {
    let mut characters = name.chars();
    let begins = |first: char| first.is_alphabetic() || first == '_';
    let goes_on = |next: char| next.is_alphanumeric() || matches!(next, '_' | '-' | '.');
    characters.next().is_some_and(begins) && characters.all(goes_on)
}

/// Reads a document whose root element is `root`, whole.
pub(super) fn decode_tree(root: &'static str, body: &[u8]) -> Result<Element, WireError> {
    let text = std::str::from_utf8(body).map_err(|_| WireError::Encoding)?;
    check_document(root, text)?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Open> = Vec::new();
    loop {
        let event = reader.read_event();
        let event = event.map_err(|error| WireError::Content(error.to_string()))?;
        let ended = match event {
            Event::Start(start) => {
                open.push(Open::new(&start, open.len())?);
                continue;
            }
            Event::Empty(start) => Open::new(&start, open.len())?.close()?,
            Event::End(_) => match open.pop() {
                Some(element) => element.close()?,
                None => continue,
            },
            Event::Eof => return Err(WireError::NotOneDocument),
            other => {
                if let Some(element) = open.last_mut() {
                    element.add_text(&other)?;
                }
                continue;
            }
        };
        match open.last_mut() {
            Some(outer) => outer.elements.push(ended),
            None => return Ok(ended),
        }
    }
}

/// An element that has not ended.
struct Open {
    name: String,
    text: String,
    elements: Vec<Element>,
}

impl Open {
    fn new(start: &BytesStart<'_>, depth: usize) -> Result<Self, WireError> {
        let name = start.name().as_ref().to_owned();
        if depth > 0 && start.attributes().next().is_some() {
            let problem = format!("the element `{name}` has an attribute");
            return Err(WireError::Content(problem));
        }
        if depth > DEEPEST {
            let problem = format!("the element `{name}` lies too deep");
            return Err(WireError::Content(problem));
        }
        Ok(Self {
            name,
            text: String::new(),
            elements: Vec::new(),
        })
    }

    fn add_text(&mut self, event: &Event<'_>) -> Result<(), WireError> {
        match event {
            Event::Text(text) => self.text.push_str(&text.xml10_content()),
            Event::CData(text) => self.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = reference
                    .resolve_char_ref()
                    .map_err(|error| WireError::Content(error.to_string()))?;
                let Some(character) = character else {
                    let known = quick_xml::escape::resolve_predefined_entity(reference);
                    let unknown =
                        || WireError::Content(format!("unknown entity `{}`", &**reference));
                    self.text.push_str(known.ok_or_else(unknown)?);
                    return Ok(());
                };
                self.text.push(character);
            }
            _ => {}
        }
        Ok(())
    }

    fn close(self) -> Result<Element, WireError> {
        if self.elements.is_empty() {
            return Ok(Element::text(&self.name, self.text));
        }
        if !self.text.trim().is_empty() {
            let problem = format!("the element `{}` holds text beside elements", self.name);
            return Err(WireError::Content(problem));
        }
        Ok(Element::of(&self.name, self.elements))
    }
}

/// In JSON, elements are a list of objects with one field each, because order and repetition may
/// mean something.
impl Serialize for Element {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.content {
            Content::Text(text) => serializer.collect_map([(&self.name, text)]),
            Content::Elements(elements) => serializer.collect_map([(&self.name, elements)]),
        }
    }
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        from_json(&value, 0)
            .ok_or_else(|| de::Error::custom("an element is an object with one field"))
    }
}

fn from_json(value: &serde_json::Value, depth: usize) -> Option<Element> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let (name, content) = object.iter().next()?;
    if !is_element_name(name) || depth > DEEPEST {
        return None;
    }
    if let Some(text) = content.as_str() {
        return Some(Element::text(name, text));
    }
    let elements = content.as_array()?.iter();
    let elements = elements.map(|element| from_json(element, depth + 1));
    Some(Element::of(name, elements.collect::<Option<_>>()?))
}
