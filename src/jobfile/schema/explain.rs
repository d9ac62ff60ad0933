//! Turns what a schema validator says into what a person can act on.
//!
//! The validator speaks of keywords and paths; a person reads of fields and values, and sees the
//! token underlined.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value as JsonValue;

use super::suggest::closest;
use crate::diagnostic::Diagnostic;
use crate::jobfile::document::{Children, Document, NodeId, Value, shorten};
use crate::source::Span;

/// Unknown fields of one mapping that are spelt out.
const UNKNOWN_LIMIT: usize = 100;

pub(super) struct Explainer<'run> {
    document: &'run Document,
    schema: &'run JsonValue,
}

/// A node, the key it stands under, and what to call it.
#[derive(Clone)]
struct Found {
    node: NodeId,
    key: Option<NodeId>,
    name: String,
}

impl<'run> Explainer<'run> {
    pub(super) fn new(document: &'run Document, schema: &'run JsonValue) -> Self {
        Self { document, schema }
    }

    pub(super) fn explain(&self, error: &ValidationError<'_>) -> Vec<Diagnostic> {
        let found = self.find(error.instance_path());
        let schema = self.schema_of(error.schema_path());
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let unknown = |name: &String| self.unknown_field(&found, name, schema);
                return unexpected.iter().take(UNKNOWN_LIMIT).map(unknown).collect();
            }
            ValidationErrorKind::MaxProperties { .. } => return self.several_choices(&found),
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

    fn explain_value(
        &self,
        kind: &ValidationErrorKind,
        found: &Found,
        schema: &JsonValue,
    ) -> Diagnostic {
        match kind {
            ValidationErrorKind::MinProperties { .. } => self.no_choice(found, schema),
            ValidationErrorKind::Type { kind } => self.wrong_type(found, kind, schema),
            ValidationErrorKind::Enum { options } => {
                let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
                self.unknown_word(found, options.iter())
            }
            ValidationErrorKind::OneOfNotValid { .. } | ValidationErrorKind::AnyOf { .. } => {
                self.unknown_word(found, choices(schema))
            }
            ValidationErrorKind::Constant { expected_value } => {
                self.unknown_word(found, std::iter::once(&**expected_value))
            }
            ValidationErrorKind::PropertyNames { error } => {
                self.bad_name(found, error.instance(), schema)
            }
            ValidationErrorKind::Pattern { .. } => self.wrong_form(found, schema),
            ValidationErrorKind::Minimum { limit } => {
                self.about(found, format!("{} has to be at least {limit}", found.name))
            }
            ValidationErrorKind::Maximum { limit } => {
                self.about(found, format!("{} has to be at most {limit}", found.name))
            }
            ValidationErrorKind::MinLength { .. } => {
                self.about(found, format!("{} is empty", found.name))
            }
            ValidationErrorKind::MinItems { .. } => {
                self.about(found, format!("{} is an empty list", found.name))
            }
            ValidationErrorKind::MaxLength { limit } => self.about(
                found,
                format!("{} is longer than {limit} characters", found.name),
            ),
            ValidationErrorKind::MaxItems { limit } => self.about(
                found,
                format!("{} has more than {limit} elements", found.name),
            ),
            ValidationErrorKind::UniqueItems => {
                self.about(found, format!("{} holds a value twice", found.name))
            }
            _ => self.about(
                found,
                format!("{} has a value that does not fit", found.name),
            ),
        }
    }

    fn about(&self, found: &Found, message: String) -> Diagnostic {
        let span = self.document.underline(found.key, found.node);
        Diagnostic::error("wrong-value", message).at(self.document.place(span))
    }

    fn unknown_field(&self, found: &Found, name: &str, schema: &JsonValue) -> Diagnostic {
        let whole = match title(schema) {
            Some(title) if title.ends_with('s') => format!("`{title}`"),
            Some(title) => format!("{} {title}", article(&title)),
            None => found.name.clone(),
        };
        let message = format!("`{}` is not a field of {whole}", shorten(name));
        let key = self.key(found.node, name);
        let diagnostic = Diagnostic::error("unknown-field", message)
            .at(self.document.place(key.unwrap_or_default()));
        let fields: Vec<&str> = properties(schema).map(|(field, _)| field).collect();
        if let Some(field) = closest(name, fields.iter().copied()) {
            return diagnostic.help(format!("did you mean `{field}`?"));
        }
        if let Some(parent) = self.belongs_under(schema, name) {
            return diagnostic.help(format!("`{name}` belongs under `{parent}`"));
        }
        diagnostic.help(format!("the fields are {}", list(fields)))
    }

    /// The field of `schema` that has a field of this name.
    fn belongs_under(&self, schema: &'run JsonValue, name: &str) -> Option<&'run str> {
        let has_field = |(_, field): &(&str, &'run JsonValue)| {
            properties(self.resolve(field)).any(|(inner, _)| inner == name)
        };
        properties(schema).find(has_field).map(|(parent, _)| parent)
    }

    /// `None` where the field is there, but misspelt: that is said of the misspelt one.
    fn missing_field(
        &self,
        found: &Found,
        property: &JsonValue,
        schema: &JsonValue,
    ) -> Option<Diagnostic> {
        let property = property.as_str().unwrap_or_default();
        if self.is_misspelt(found.node, property, schema) {
            return None;
        }
        let message = match found.key {
            Some(_) => format!("{} has no `{property}`", found.name),
            None => format!("`{property}` is missing"),
        };
        let span = match found.key {
            Some(key) => self.document.node(key).span,
            None => self.first_line(),
        };
        let example = example(&schema["properties"][property]);
        let example = example.map_or_else(String::new, |example| format!(", such as `{example}`"));
        let diagnostic = Diagnostic::error("missing-field", message)
            .at(self.document.place(span))
            .help(format!("add `{property}`{example}"));
        Some(diagnostic)
    }

    fn is_misspelt(&self, mapping: NodeId, property: &str, schema: &JsonValue) -> bool {
        let Value::Mapping(children) = self.document.node(mapping).value else {
            return false;
        };
        let keys = self
            .document
            .entries(children)
            .filter_map(|(key, _)| self.document.text_of(key));
        let fields: Vec<&str> = properties(schema).map(|(field, _)| field).collect();
        let mut unknown = keys.filter(|key| !fields.contains(key));
        unknown.any(|key| closest(key, fields.iter().copied()) == Some(property))
    }

    fn no_choice(&self, found: &Found, schema: &JsonValue) -> Diagnostic {
        let fields = properties(schema).map(|(field, _)| field).collect();
        self.about(found, format!("{} is empty", found.name))
            .help(format!("give one of {}", list(fields)))
    }

    /// A mapping of which exactly one field may be given has more.
    fn several_choices(&self, found: &Found) -> Vec<Diagnostic> {
        let Value::Mapping(children) = self.document.node(found.node).value else {
            return Vec::new();
        };
        let keys: Vec<NodeId> = self
            .document
            .entries(children)
            .map(|(key, _)| key)
            .collect();
        let Some((first, others)) = keys.split_first() else {
            return Vec::new();
        };
        let span = |key: NodeId| self.document.place(self.document.node(key).span);
        let name = |key: NodeId| shorten(self.document.text_of(key).unwrap_or_default());
        let second = |key: &NodeId| {
            let message = format!(
                "{} takes one of its fields, and `{}` is given already",
                found.name,
                name(*first)
            );
            Diagnostic::error("several-choices", message)
                .at(span(*key))
                .related(span(*first), "the first one")
                .help(format!(
                    "remove `{}` or `{}`; a job of its own can read the other",
                    name(*first),
                    name(*key)
                ))
        };
        others.iter().take(UNKNOWN_LIMIT).map(second).collect()
    }

    fn wrong_type(&self, found: &Found, kind: &TypeKind, schema: &JsonValue) -> Diagnostic {
        let expected: Vec<&str> = match kind {
            TypeKind::Single(kind) => vec![words(*kind)],
            TypeKind::Multiple(kinds) => kinds.iter().map(words).collect(),
        };
        let wants_text = match kind {
            TypeKind::Single(kind) => *kind == JsonType::String,
            TypeKind::Multiple(kinds) => kinds.iter().any(|kind| kind == JsonType::String),
        };
        let node = self.document.node(found.node);
        let message = format!("{} has to be {}", found.name, any_of(&expected));
        let diagnostic = self.about(found, message);
        match node.value {
            Value::Null => diagnostic
                .label("nothing is written here")
                .help("give a value, or remove the field"),
            Value::Boolean(_) | Value::Integer(_) | Value::Float(_) if wants_text => {
                let written = shorten(self.document.file().slice(node.span));
                diagnostic
                    .label(format!("this is {}", kind_of(node.value)))
                    .help(format!("put it into quotation marks: \"{written}\""))
            }
            value => {
                let diagnostic = diagnostic.label(format!("this is {}", kind_of(value)));
                let fields: Vec<&str> = properties(schema).map(|(field, _)| field).collect();
                if fields.is_empty() {
                    return diagnostic;
                }
                diagnostic.help(format!("its fields are {}", list(fields)))
            }
        }
    }

    fn unknown_word<'word>(
        &self,
        found: &Found,
        words: impl Iterator<Item = &'word JsonValue>,
    ) -> Diagnostic {
        let options: Vec<String> = words.map(word).collect();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let written = self.document.text_of(found.node);
        let diagnostic = self.about(found, format!("{} has to be {}", found.name, or(&options)));
        match written.and_then(|written| closest(written, options.iter().copied())) {
            Some(option) => diagnostic.help(format!("did you mean `{option}`?")),
            None => diagnostic,
        }
    }

    fn bad_name(&self, found: &Found, name: &JsonValue, schema: &JsonValue) -> Diagnostic {
        let name = name.as_str().unwrap_or_default();
        let names = &schema["propertyNames"];
        let what = title(names).unwrap_or_else(|| "name".to_owned());
        let message = match name {
            "" => format!("an empty text cannot be the {what}"),
            name => format!("`{}` cannot be the {what}", shorten(name)),
        };
        let key = self.key(found.node, name).unwrap_or_default();
        Diagnostic::error("wrong-name", message)
            .at(self.document.place(key))
            .help(description(names))
    }

    fn wrong_form(&self, found: &Found, schema: &JsonValue) -> Diagnostic {
        let written = shorten(self.document.text_of(found.node).unwrap_or_default());
        let what = title(schema).unwrap_or_else(|| "value that fits here".to_owned());
        let message = format!("`{written}` is not {} {what}", article(&what));
        let diagnostic = self.about(found, message);
        match example(schema) {
            Some(example) => diagnostic.help(format!("for example `{example}`")),
            None => diagnostic,
        }
    }

    fn key(&self, mapping: NodeId, name: &str) -> Option<Span> {
        let Value::Mapping(children) = self.document.node(mapping).value else {
            return None;
        };
        let (key, _) = self.entry(children, name)?;
        Some(self.document.node(key).span)
    }

    fn entry(&self, children: Children, name: &str) -> Option<(NodeId, NodeId)> {
        let mut entries = self.document.entries(children);
        entries.find(|(key, _)| self.document.text_of(*key) == Some(name))
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
                (Value::Mapping(children), LocationSegment::Property(name)) => {
                    let entry = self.entry(children, &name);
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

fn properties(schema: &JsonValue) -> impl Iterator<Item = (&str, &JsonValue)> {
    let properties = schema["properties"].as_object();
    properties
        .into_iter()
        .flatten()
        .map(|(name, field)| (name.as_str(), field))
}

fn title(schema: &JsonValue) -> Option<String> {
    schema["title"].as_str().map(str::to_owned)
}

fn example(schema: &JsonValue) -> Option<&str> {
    schema["examples"].get(0).and_then(JsonValue::as_str)
}

fn article(noun: &str) -> &'static str {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    if vowel { "an" } else { "a" }
}

fn description(schema: &JsonValue) -> String {
    schema["description"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// The words among which a schema lets choose.
fn choices(schema: &JsonValue) -> impl Iterator<Item = &JsonValue> {
    let branches = ["oneOf", "anyOf"]
        .into_iter()
        .filter_map(|keyword| schema[keyword].as_array());
    branches.flatten().flat_map(|branch| {
        let listed = branch["enum"].as_array().into_iter().flatten();
        branch.get("const").into_iter().chain(listed)
    })
}

fn word(value: &JsonValue) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn words(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping of fields",
        JsonType::String => "text",
    }
}

fn kind_of(value: Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Boolean(_) => "true or false",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Text(_) => "text",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "a mapping",
    }
}

fn list(names: Vec<&str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn or(options: &[&str]) -> String {
    let quoted: Vec<String> = options.iter().map(|option| format!("`{option}`")).collect();
    any_of(&quoted.iter().map(String::as_str).collect::<Vec<_>>())
}

fn any_of(options: &[&str]) -> String {
    match options {
        [] => "something else".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
