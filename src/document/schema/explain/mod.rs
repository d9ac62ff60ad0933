//! Turns the errors of the schema validator into findings: fields and values instead of keywords
//! and paths, with the token underlined.

mod fields;
mod values;

use std::cell::RefCell;
use std::collections::HashMap;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::{Location, LocationSegment};
use serde_json::Value as JsonValue;

use crate::diagnostic::Diagnostic;
use crate::document::{Document, NodeId, SchemaErrors, Value, shorten};

use crate::source::Span;

use fields::Suggestion;

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

/// A node, its key, and what to call it in messages.
#[derive(Clone)]
struct Subject {
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
        let subject = self.find(error.instance_path());
        let schema = self.schema_of(error.schema_path());
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let unknown = |name: &String| self.unknown_field(&subject, name, schema);
                return unexpected.iter().take(UNKNOWN_LIMIT).map(unknown).collect();
            }
            ValidationErrorKind::MaxProperties { .. } => {
                return self.several_choices(&subject, schema);
            }
            ValidationErrorKind::Required { property } => {
                return self
                    .missing_field(&subject, property, schema)
                    .into_iter()
                    .collect();
            }
            _ => {}
        }
        vec![self.explain_value(error.kind(), &subject, schema)]
    }

    /// Records where the tree violates its schema.
    pub(super) fn record(&self, error: &ValidationError<'_>, errors: &mut SchemaErrors) {
        let subject = self.find(error.instance_path());
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let schema = self.schema_of(error.schema_path());
                for name in unexpected {
                    let Some((key, value)) = self.entry(subject.node, name) else {
                        continue;
                    };
                    errors.unknown_key(key);
                    match self.suggestion(schema, name) {
                        Some(Suggestion::Field(field) | Suggestion::Within(field)) => {
                            errors.missing_field(subject.node, field, Some(value));
                        }
                        None => errors.missing_any_field(subject.node),
                    }
                }
            }
            ValidationErrorKind::Required { property } => {
                let field = property.as_str().unwrap_or_default();
                errors.missing_field(subject.node, field, None);
            }
            ValidationErrorKind::PropertyNames { error } => {
                let name = error.instance().as_str();
                if let Some((_, value)) = name.and_then(|name| self.entry(subject.node, name)) {
                    errors.invalid_value(value);
                }
            }
            _ => errors.invalid_value(subject.node),
        }
    }

    fn about(&self, subject: &Subject, message: String) -> Diagnostic {
        let span = self.document.underline(subject.key, subject.node);
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
    fn find(&self, path: &Location) -> Subject {
        let mut subject = Subject {
            node: self.document.root(),
            key: None,
            name: "this file".to_owned(),
        };
        for segment in path.segments() {
            let next = match (self.document.node(subject.node).value, segment) {
                (Value::Mapping(_), LocationSegment::Property(name)) => {
                    let entry = self.entry(subject.node, &name);
                    entry.map(|(key, node)| (Some(key), node, format!("`{}`", shorten(&name))))
                }
                (Value::Sequence(children), LocationSegment::Index(index)) => {
                    let element = self.document.elements(children).get(index);
                    let name = match subject.name.strip_prefix("an element of ") {
                        Some(_) => subject.name.clone(),
                        None => format!("an element of {}", subject.name),
                    };
                    element.map(|node| (None, *node, name))
                }
                _ => None,
            };
            let Some((key, node, name)) = next else {
                break;
            };
            subject = Subject { node, key, name };
        }
        subject
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
