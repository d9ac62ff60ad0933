//! What is wrong with the fields that a mapping has or does not have.

use serde_json::Value as JsonValue;

use super::values::{article, description, example, list, properties, title};
use super::{Explainer, Subject, UNKNOWN_LIMIT};
use crate::diagnostic::{Diagnostic, closest};
use crate::document::{NodeId, Value, shorten};

/// What an unknown field was probably meant to be.
pub(super) enum Suggestion<'run> {
    /// This field.
    Field(&'run str),
    /// A field of that name within this one.
    Within(&'run str),
}

impl<'run> Explainer<'run> {
    pub(super) fn unknown_field(
        &self,
        subject: &Subject,
        name: &str,
        schema: &'run JsonValue,
    ) -> Diagnostic {
        let whole = match title(schema) {
            Some(title) if title.ends_with('s') => format!("`{title}`"),
            Some(title) => format!("{} {title}", article(&title)),
            None => subject.name.clone(),
        };
        let message = format!("`{}` is not a field of {whole}", shorten(name));
        let key = self.key(subject.node, name);
        let diagnostic = Diagnostic::error("unknown-field", message)
            .at(self.document.place(key.unwrap_or_default()));
        match self.suggestion(schema, name) {
            Some(Suggestion::Field(field)) => diagnostic.help(format!("did you mean `{field}`?")),
            Some(Suggestion::Within(parent)) => {
                diagnostic.help(format!("`{name}` belongs under `{parent}`"))
            }
            None => {
                let fields = properties(schema).map(|(field, _)| field).collect();
                diagnostic.help(format!("the fields are {}", list(fields)))
            }
        }
    }

    /// The field of `schema` that an unknown name probably means.
    pub(super) fn suggestion(
        &self,
        schema: &'run JsonValue,
        name: &str,
    ) -> Option<Suggestion<'run>> {
        let near = closest(name, properties(schema).map(|(field, _)| field));
        let within = || self.belongs_under(schema, name).map(Suggestion::Within);
        near.map(Suggestion::Field).or_else(within)
    }

    /// The field of `schema` that has a field of this name.
    fn belongs_under(&self, schema: &'run JsonValue, name: &str) -> Option<&'run str> {
        let has_field = |(_, field): &(&str, &'run JsonValue)| {
            properties(self.resolve(field)).any(|(inner, _)| inner == name)
        };
        properties(schema).find(has_field).map(|(parent, _)| parent)
    }

    /// `None` where the field is there, but misspelt: the misspelt one is reported.
    pub(super) fn missing_field(
        &self,
        subject: &Subject,
        property: &JsonValue,
        schema: &JsonValue,
    ) -> Option<Diagnostic> {
        let property = property.as_str().unwrap_or_default();
        if self.is_misspelt(subject.node, property, schema) {
            return None;
        }
        let message = match subject.key {
            Some(_) => format!("{} has no `{property}`", subject.name),
            None => format!("`{property}` is missing"),
        };
        let span = match subject.key {
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

    pub(super) fn no_choice(&self, subject: &Subject, schema: &JsonValue) -> Diagnostic {
        let fields = properties(schema).map(|(field, _)| field).collect();
        self.about(subject, format!("{} is empty", subject.name))
            .help(format!("give one of {}", list(fields)))
    }

    /// A mapping of which exactly one field may be given has more. Unknown fields do not count.
    pub(super) fn several_choices(&self, subject: &Subject, schema: &JsonValue) -> Vec<Diagnostic> {
        let Value::Mapping(children) = self.document.node(subject.node).value else {
            return Vec::new();
        };
        let is_known = |key: &NodeId| {
            let name = self.document.text_of(*key);
            properties(schema).any(|(field, _)| Some(field) == name)
        };
        let keys = self.document.entries(children).map(|(key, _)| key);
        let keys: Vec<NodeId> = keys.filter(is_known).collect();
        let Some((first, others)) = keys.split_first() else {
            return Vec::new();
        };
        let span = |key: NodeId| self.document.place(self.document.node(key).span);
        let name = |key: NodeId| shorten(self.document.text_of(key).unwrap_or_default());
        let second = |key: &NodeId| {
            let message = format!(
                "{} takes one of its fields, and `{}` is given already",
                subject.name,
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

    pub(super) fn bad_name(
        &self,
        subject: &Subject,
        name: &JsonValue,
        schema: &JsonValue,
    ) -> Diagnostic {
        let name = name.as_str().unwrap_or_default();
        let names = &schema["propertyNames"];
        let what = title(names).unwrap_or_else(|| "name".to_owned());
        let message = match name {
            "" => format!("an empty text cannot be the {what}"),
            name => format!("`{}` cannot be the {what}", shorten(name)),
        };
        let key = self.key(subject.node, name).unwrap_or_default();
        Diagnostic::error("wrong-name", message)
            .at(self.document.place(key))
            .help(description(names))
    }
}
