//! Turns what a schema validator says into what a person can act on.
//!
//! The validator speaks of keywords and paths; a person reads of fields and values, and sees the
//! token underlined.

mod fields;
mod marks;
mod values;
mod words;

use std::cell::RefCell;
use std::collections::HashMap;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::{Location, LocationSegment};
use serde_json::Value as JsonValue;

use crate::diagnostic::Diagnostic;
use crate::document::{Document, NodeId, Value, shorten};
use crate::source::Span;

/// Unknown fields of one mapping that are spelt out.
const UNKNOWN_LIMIT: usize = 100;

pub(super) struct Explainer<'run> {
    document: &'run Document,
    schema: &'run JsonValue,
    /// Entries by name of the mappings in which many were looked for.
    entries: RefCell<HashMap<NodeId, Index<'run>>>,
}

/// Key and value by name.
type Index<'run> = HashMap<&'run str, (NodeId, NodeId)>;

/// A node, the key it stands under, and what to call it.
#[derive(Clone)]
struct Found {
    node: NodeId,
    key: Option<NodeId>,
    name: String,
}

impl<'run> Explainer<'run> {
    pub(super) fn new(document: &'run Document, schema: &'run JsonValue) -> Self {
        Self {
            document,
            schema,
            entries: RefCell::default(),
        }
    }

    pub(super) fn explain(&self, error: &ValidationError<'_>) -> Vec<Diagnostic> {
        let found = self.find(error.instance_path());
        let schema = self.schema_of(error.schema_path());
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let unknown = |name: &String| self.unknown_field(&found, name, schema);
                return unexpected.iter().take(UNKNOWN_LIMIT).map(unknown).collect();
            }
            ValidationErrorKind::MaxProperties { .. } => {
                return self.several_choices(&found, schema);
            }
            ValidationErrorKind::Required { property } => {
                return self
                    .missing_field(&found, property, schema)
                    .into_iter()
                    .collect();
            }
            _ => {}
        }
        vec![self.explain_value(error.kind(), &found, schema)]
    }

    fn about(&self, found: &Found, message: String) -> Diagnostic {
        let span = self.document.underline(found.key, found.node);
        Diagnostic::error("wrong-value", message).at(self.document.place(span))
    }

    fn key(&self, mapping: NodeId, name: &str) -> Option<Span> {
        let (key, _) = self.entry(mapping, name)?;
        Some(self.document.node(key).span)
    }

    fn entry(&self, mapping: NodeId, name: &str) -> Option<(NodeId, NodeId)> {
        let Value::Mapping(children) = self.document.node(mapping).value else {
            return None;
        };
        let mut indexes = self.entries.borrow_mut();
        let index = indexes.entry(mapping).or_insert_with(|| {
            let entries = self.document.entries(children);
            let named = |(key, value)| Some((self.document.text_of(key)?, (key, value)));
            entries.filter_map(named).collect()
        });
        index.get(name).copied()
    }

    /// Walks from the root to the value that an error is about.
    fn find(&self, path: &Location) -> Found {
        let mut found = Found {
            node: self.document.root(),
            key: None,
            name: "this file".to_owned(),
        };
        for segment in path.segments() {
            let next = match (self.document.node(found.node).value, segment) {
                (Value::Mapping(_), LocationSegment::Property(name)) => {
                    let entry = self.entry(found.node, &name);
                    entry.map(|(key, node)| (Some(key), node, format!("`{}`", shorten(&name))))
                }
                (Value::Sequence(children), LocationSegment::Index(index)) => {
                    let element = self.document.elements(children).get(index);
                    let name = match found.name.strip_prefix("an element of ") {
                        Some(_) => found.name.clone(),
                        None => format!("an element of {}", found.name),
                    };
                    element.map(|node| (None, *node, name))
                }
                _ => None,
            };
            let Some((key, node, name)) = next else {
                break;
            };
            found = Found { node, key, name };
        }
        found
    }

    /// The schema that holds the keyword at `path`.
    fn schema_of(&self, path: &Location) -> &'run JsonValue {
        let path = path.as_str();
        // What is wrong with a name is known by the schema of the mapping that has it.
        let parent = match path.split_once("/propertyNames/") {
            Some((parent, _)) => parent,
            None => path.rsplit_once('/').map_or("", |(parent, _)| parent),
        };
        self.schema.pointer(parent).unwrap_or(&JsonValue::Null)
    }

    fn resolve(&self, schema: &'run JsonValue) -> &'run JsonValue {
        let target = schema["$ref"]
            .as_str()
            .and_then(|target| target.strip_prefix('#'));
        target
            .and_then(|pointer| self.schema.pointer(pointer))
            .unwrap_or(schema)
    }

    fn first_line(&self) -> Span {
        let text = self.document.file().text();
        let line = text.lines().next().unwrap_or_default();
        Span::new(0, line.len())
    }
}
