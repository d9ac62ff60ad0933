//! What is wrong with the fields that a mapping has or does not have.

use serde_json::Value as JsonValue;

use super::words::{article, description, example, list, properties, title};
use super::{Explainer, Found, UNKNOWN_LIMIT};
use crate::diagnostic::{Diagnostic, closest};
use crate::document::{NodeId, Value, shorten};

/// What an unknown field was perhaps to be.
pub(super) enum Meant<'run> {
    /// This field.
    Field(&'run str),
    /// A field of that name within this one.
    Within(&'run str),
}

impl<'run> Explainer<'run> {
    pub(super) fn unknown_field(
        &self,
        found: &Found,
        name: &str,
        schema: &'run JsonValue,
    ) -> Diagnostic {
        let whole = match title(schema) {
            Some(title) if title.ends_with('s') => format!("`{title}`"),
            Some(title) => format!("{} {title}", article(&title)),
            None => found.name.clone(),
        };
        let message = format!("`{}` is not a field of {whole}", shorten(name));
        let key = self.key(found.node, name);
        let diagnostic = Diagnostic::error("unknown-field", message)
            .at(self.document.place(key.unwrap_or_default()));
        match self.meant(schema, name) {
            Some(Meant::Field(field)) => diagnostic.help(format!("did you mean `{field}`?")),
            Some(Meant::Within(parent)) => {
                diagnostic.help(format!("`{name}` belongs under `{parent}`"))
            }
            None => {
                let fields = properties(schema).map(|(field, _)| field).collect();
                diagnostic.help(format!("the fields are {}", list(fields)))
            }
        }
    }

    /// Which field of `schema` an unknown one was perhaps to be.
    pub(super) fn meant(&self, schema: &'run JsonValue, name: &str) -> Option<Meant<'run>> {
        let near = closest(name, properties(schema).map(|(field, _)| field));
        let within = || self.belongs_under(schema, name).map(Meant::Within);
        near.map(Meant::Field).or_else(within)
    }

    /// The field of `schema` that has a field of this name.
    fn belongs_under(&self, schema: &'run JsonValue, name: &str) -> Option<&'run str> {
        let has_field = |(_, field): &(&str, &'run JsonValue)| {
            properties(self.resolve(field)).any(|(inner, _)| inner == name)
        };
        properties(schema).find(has_field).map(|(parent, _)| parent)
    }

    /// `None` where the field is there, but misspelt: that is said of the misspelt one.
    pub(super) fn missing_field(
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

    pub(super) fn no_choice(&self, found: &Found, schema: &JsonValue) -> Diagnostic {
        let fields = properties(schema).map(|(field, _)| field).collect();
        self.about(found, format!("{} is empty", found.name))
            .help(format!("give one of {}", list(fields)))
    }

    /// A mapping of which exactly one field may be given has more. One that nobody knows is no choice.
    pub(super) fn several_choices(&self, found: &Found, schema: &JsonValue) -> Vec<Diagnostic> {
        let Value::Mapping(children) = self.document.node(found.node).value else {
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

    pub(super) fn bad_name(
        &self,
        found: &Found,
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
        let key = self.key(found.node, name).unwrap_or_default();
        Diagnostic::error("wrong-name", message)
            .at(self.document.place(key))
            .help(description(names))
    }
}
