//! The tree as the schema validator sees it: as JSON, where it stands.

use std::borrow::Cow;

use jsonschema::json::{Array, Json, JsonNumber, Node, NodeIdentity, Object};
use jsonschema::types::JsonType;
use serde_json::{Map, Number, Value as JsonValue};

use super::tree::{Children, Document, NodeId, Value};

/// The tree as a representation of JSON.
#[derive(Debug)]
pub(crate) struct Tree;

/// A node of the tree, or a name on its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TreeNode<'tree> {
    Node(&'tree Document, NodeId),
    Name(&'tree str),
}

/// A mapping or a sequence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TreeChildren<'tree> {
    document: &'tree Document,
    children: Children,
}

/// A number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TreeNumber {
    Integer(i64),
    Float(f64),
}

impl Document {
    /// The whole tree, for the validator.
    pub(crate) fn json(&self) -> TreeNode<'_> {
        TreeNode::Node(self, self.root())
    }
}

impl Json for Tree {
    type Node<'tree> = TreeNode<'tree>;
    type PreparedKey = String;
    type StringBuffer = ();

    // Our lookup compares one key after the other.
    const KEYS_PER_LOOKUP: usize = 4;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), name: &str, f: impl FnOnce(TreeNode<'_>) -> T) -> T {
        f(TreeNode::Name(name))
    }
}

impl<'tree> TreeNode<'tree> {
    fn value(self) -> Value {
        match self {
            Self::Node(document, id) => document.node(id).value,
            Self::Name(_) => Value::Null,
        }
    }

    fn children(self, children: Children) -> Option<TreeChildren<'tree>> {
        match self {
            Self::Node(document, _) => Some(TreeChildren { document, children }),
            Self::Name(_) => None,
        }
    }

    fn string(self) -> Option<&'tree str> {
        match self {
            Self::Node(document, id) => document.text_of(id),
            Self::Name(name) => Some(name),
        }
    }
}

impl<'tree> Node<'tree, Tree> for TreeNode<'tree> {
    type Object = TreeChildren<'tree>;
    type Array = TreeChildren<'tree>;
    type Number = TreeNumber;

    fn as_object(&self) -> Option<TreeChildren<'tree>> {
        match self.value() {
            Value::Mapping(children) => self.children(children),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<TreeChildren<'tree>> {
        match self.value() {
            Value::Sequence(children) => self.children(children),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'tree, str>> {
        self.string().map(Cow::Borrowed)
    }

    fn as_number(&self) -> Option<TreeNumber> {
        match self.value() {
            Value::Integer(value) => Some(TreeNumber::Integer(value)),
            Value::Float(value) => Some(TreeNumber::Float(value)),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.value() {
            Value::Boolean(value) => Some(value),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        self.json_type() == JsonType::Null
    }

    fn json_type(&self) -> JsonType {
        if let Self::Name(_) = self {
            return JsonType::String;
        }
        match self.value() {
            Value::Null => JsonType::Null,
            Value::Boolean(_) => JsonType::Boolean,
            Value::Integer(_) | Value::Float(_) => JsonType::Number,
            Value::Text(_) => JsonType::String,
            Value::Sequence(_) => JsonType::Array,
            Value::Mapping(_) => JsonType::Object,
        }
    }

    fn to_value(&self) -> Cow<'tree, JsonValue> {
        Cow::Owned(match self {
            Self::Node(document, id) => document.to_json(*id),
            Self::Name(name) => JsonValue::from(*name),
        })
    }

    fn identity(&self) -> Option<NodeIdentity> {
        match self {
            Self::Node(document, id) => {
                let address = std::ptr::from_ref::<Document>(document).addr();
                Some(NodeIdentity::tagged(address, id.0))
            }
            Self::Name(_) => None,
        }
    }
}

impl<'tree> Object<'tree, Tree> for TreeChildren<'tree> {
    type Node = TreeNode<'tree>;
    type MemberName = &'tree str;
    type MembersIter = Members<'tree>;

    fn len(&self) -> usize {
        self.children.count as usize / 2
    }

    fn get(&self, key: &String) -> Option<TreeNode<'tree>> {
        let mut members = self.members();
        members.find_map(|(name, value)| (name == key).then_some(value))
    }

    fn members(&self) -> Members<'tree> {
        Members {
            document: self.document,
            pairs: self.document.elements(self.children).chunks_exact(2),
        }
    }
}

/// Names and values of a mapping.
#[derive(Debug)]
pub(crate) struct Members<'tree> {
    document: &'tree Document,
    pairs: std::slice::ChunksExact<'tree, NodeId>,
}

impl<'tree> Iterator for Members<'tree> {
    type Item = (&'tree str, TreeNode<'tree>);

    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.pairs.next()?;
        let name = self.document.text_of(pair[0]).unwrap_or_default();
        Some((name, TreeNode::Node(self.document, pair[1])))
    }
}

impl<'tree> Array<'tree, Tree> for TreeChildren<'tree> {
    type Node = TreeNode<'tree>;
    type ElementsIter = Elements<'tree>;

    fn len(&self) -> usize {
        self.children.count as usize
    }

    fn elements(&self) -> Elements<'tree> {
        Elements {
            document: self.document,
            ids: self.document.elements(self.children).iter(),
        }
    }
}

/// The elements of a sequence.
#[derive(Debug)]
pub(crate) struct Elements<'tree> {
    document: &'tree Document,
    ids: std::slice::Iter<'tree, NodeId>,
}

impl<'tree> Iterator for Elements<'tree> {
    type Item = TreeNode<'tree>;

    fn next(&mut self) -> Option<Self::Item> {
        let id = self.ids.next()?;
        Some(TreeNode::Node(self.document, *id))
    }
}

impl JsonNumber for TreeNumber {
    fn as_u64(&self) -> Option<u64> {
        self.as_i64().and_then(|value| u64::try_from(value).ok())
    }

    fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Float(_) => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a JSON number as a float is that"
            )]
            Self::Integer(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
        }
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Owned(match self {
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
        })
    }

    fn to_number(&self) -> Cow<'_, Number> {
        Cow::Owned(match self {
            Self::Integer(value) => Number::from(*value),
            // JSON has no infinity.
            Self::Float(value) => Number::from_f64(*value).unwrap_or_else(|| Number::from(0)),
        })
    }

    fn is_integer(&self) -> bool {
        match self {
            Self::Integer(_) => true,
            Self::Float(value) => value.fract() == 0.0,
        }
    }
}

impl Document {
    /// A subtree as a JSON value; for messages and tests, not for the way that runs often.
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
                let entry = |(key, value)| {
                    let key = self.text_of(key).unwrap_or_default();
                    (key.to_owned(), self.to_json(value))
                };
                JsonValue::Object(self.entries(children).map(entry).collect::<Map<_, _>>())
            }
        }
    }
}
