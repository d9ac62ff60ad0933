//! The tree: an arena of small nodes, each with the bytes it came from.

use std::sync::Arc;

use serde_json::Value as JsonValue;

use super::schema_errors::SchemaErrors;
use crate::diagnostic::Diagnostic;
use crate::source::{Place, SourceFile, Span};

/// Index of a node in its [`Document`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(pub(super) u32);

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// Nothing was written.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text; see [`Document::text`].
    Text(Text),
    /// Elements; see [`Document::elements`].
    Sequence(Children),
    /// Keys and values; see [`Document::entries`].
    Mapping(Children),
}

/// Where the characters of a text are: in the file, or decoded where it has escapes or folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// These bytes of the file.
    Source(Span),
    /// These bytes of the decoded texts.
    Decoded(Span),
}

/// A run of children; those of a mapping are key, value, key, value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Children {
    pub(super) first: u32,
    pub(super) count: u32,
}

/// One node.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// The bytes it came from.
    pub span: Span,
}

/// A file as a tree.
#[derive(Debug)]
pub struct Document {
    pub(super) file: Arc<SourceFile>,
    pub(super) nodes: Vec<Node>,
    pub(super) children: Vec<NodeId>,
    pub(super) decoded: String,
    pub(super) root: NodeId,
    pub(super) warnings: Vec<Diagnostic>,
    /// Set while a tree that violates its schema is deserialized.
    pub(super) schema_errors: Option<SchemaErrors>,
}

impl Document {
    /// The file it was read from.
    pub fn file(&self) -> &Arc<SourceFile> {
        &self.file
    }

    /// The outermost node.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// The node of an id, which comes from this document.
    pub fn node(&self, id: NodeId) -> Node {
        self.nodes[id.0 as usize]
    }

    /// The characters of a text.
    pub fn text(&self, text: Text) -> &str {
        match text {
            Text::Source(span) => self.file.slice(span),
            Text::Decoded(span) => &self.decoded[span.range()],
        }
    }

    /// The characters of a node that is text, as every key is.
    pub fn text_of(&self, id: NodeId) -> Option<&str> {
        match self.node(id).value {
            Value::Text(text) => Some(self.text(text)),
            _ => None,
        }
    }

    /// The elements of a sequence.
    pub fn elements(&self, children: Children) -> &[NodeId] {
        let first = children.first as usize;
        &self.children[first..first + children.count as usize]
    }

    /// Keys and values of a mapping, in the order of the file.
    pub fn entries(&self, children: Children) -> impl ExactSizeIterator<Item = (NodeId, NodeId)> {
        let pairs = self.elements(children).chunks_exact(2);
        pairs.map(|pair| (pair[0], pair[1]))
    }

    /// What to underline for a value: itself, or its key when it is longer than a line.
    pub fn underline(&self, key: Option<NodeId>, value: NodeId) -> Span {
        let node = self.node(value);
        let is_collection = matches!(node.value, Value::Sequence(_) | Value::Mapping(_));
        match key {
            Some(key) if is_collection && self.file.slice(node.span).contains('\n') => {
                self.node(key).span
            }
            Some(key) if node.span.start == node.span.end => self.node(key).span,
            _ => node.span,
        }
    }

    /// A place of this file.
    pub fn place(&self, span: Span) -> Place {
        Place::new(&self.file, span)
    }

    /// A subtree as a JSON value, aliases written out.
    pub fn to_json(&self, id: NodeId) -> JsonValue {
        match self.node(id).value {
            Value::Null => JsonValue::Null,
            Value::Boolean(value) => value.into(),
            Value::Integer(value) => value.into(),
            Value::Float(value) => value.into(),
            Value::Text(text) => self.text(text).into(),
            Value::Sequence(children) => {
                let elements = self.elements(children).iter();
                elements.map(|element| self.to_json(*element)).collect()
            }
            Value::Mapping(children) => {
                let entry = |(key, value)| (self.key(key).to_owned(), self.to_json(value));
                JsonValue::Object(self.entries(children).map(entry).collect())
            }
        }
    }

    #[expect(clippy::expect_used, reason = "the builder refuses any other key")]
    fn key(&self, id: NodeId) -> &str {
        self.text_of(id).expect("a key is text")
    }
}
