//! What is wrong with a value.

use jsonschema::JsonType;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value as JsonValue;

use super::{Explainer, Subject};
use crate::diagnostic::{Diagnostic, closest};
use crate::document::{Value, shorten};

impl Explainer<'_> {
    pub(super) fn explain_value(
        &self,
        kind: &ValidationErrorKind,
        subject: &Subject,
        schema: &JsonValue,
    ) -> Diagnostic {
        match kind {
            ValidationErrorKind::MinProperties { .. } => self.no_choice(subject, schema),
            ValidationErrorKind::Type { kind } => self.wrong_type(subject, kind, schema),
            ValidationErrorKind::Enum { options } => {
                let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
                self.unknown_word(subject, options.iter())
            }
            ValidationErrorKind::OneOfNotValid { .. } | ValidationErrorKind::AnyOf { .. } => {
                self.unknown_word(subject, choices(schema))
            }
            ValidationErrorKind::Constant { expected_value } => {
                self.unknown_word(subject, std::iter::once(&**expected_value))
            }
            ValidationErrorKind::PropertyNames { error } => {
                self.bad_name(subject, error.instance(), schema)
            }
            ValidationErrorKind::Pattern { .. } => self.wrong_form(subject, schema),
            ValidationErrorKind::Minimum { limit } => self.about(
                subject,
                format!("{} has to be at least {limit}", subject.name),
            ),
            ValidationErrorKind::Maximum { limit } => self.about(
                subject,
                format!("{} has to be at most {limit}", subject.name),
            ),
            ValidationErrorKind::MinLength { .. } => {
                self.about(subject, format!("{} is empty", subject.name))
            }
            ValidationErrorKind::MinItems { .. } => {
                self.about(subject, format!("{} is an empty list", subject.name))
            }
            ValidationErrorKind::MaxLength { limit } => self.about(
                subject,
                format!("{} is longer than {limit} characters", subject.name),
            ),
            ValidationErrorKind::MaxItems { limit } => self.about(
                subject,
                format!("{} has more than {limit} elements", subject.name),
            ),
            ValidationErrorKind::UniqueItems => {
                self.about(subject, format!("{} holds a value twice", subject.name))
            }
            _ => self.about(
                subject,
                format!("{} has a value that does not fit", subject.name),
            ),
        }
    }

    fn wrong_type(&self, subject: &Subject, kind: &TypeKind, schema: &JsonValue) -> Diagnostic {
        let expected: Vec<&str> = match kind {
            TypeKind::Single(kind) => vec![words(*kind)],
            TypeKind::Multiple(kinds) => kinds.iter().map(words).collect(),
        };
        let wants_text = match kind {
            TypeKind::Single(kind) => *kind == JsonType::String,
            TypeKind::Multiple(kinds) => kinds.iter().any(|kind| kind == JsonType::String),
        };
        let node = self.document.node(subject.node);
        let message = format!("{} has to be {}", subject.name, any_of(&expected));
        let diagnostic = self.about(subject, message);
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
        subject: &Subject,
        words: impl Iterator<Item = &'word JsonValue>,
    ) -> Diagnostic {
        let options: Vec<String> = words.map(word).collect();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let written = self.document.text_of(subject.node);
        let diagnostic = self.about(
            subject,
            format!("{} has to be {}", subject.name, or(&options)),
        );
        match written.and_then(|written| closest(written, options.iter().copied())) {
            Some(option) => diagnostic.help(format!("did you mean `{option}`?")),
            None => diagnostic,
        }
    }

    fn wrong_form(&self, subject: &Subject, schema: &JsonValue) -> Diagnostic {
        let written = shorten(self.document.text_of(subject.node).unwrap_or_default());
        let what = title(schema).unwrap_or_else(|| "value that fits here".to_owned());
        let message = format!("`{written}` is not {} {what}", article(&what));
        let diagnostic = self.about(subject, message);
        match example(schema) {
            Some(example) => diagnostic.help(format!("for example `{example}`")),
            None => diagnostic,
        }
    }
}

pub(super) fn properties(schema: &JsonValue) -> impl Iterator<Item = (&str, &JsonValue)> {
    let properties = schema["properties"].as_object();
    properties
        .into_iter()
        .flatten()
        .map(|(name, field)| (name.as_str(), field))
}

pub(super) fn title(schema: &JsonValue) -> Option<String> {
    schema["title"].as_str().map(str::to_owned)
}

pub(super) fn example(schema: &JsonValue) -> Option<&str> {
    schema["examples"].get(0).and_then(JsonValue::as_str)
}

pub(super) fn article(noun: &str) -> &'static str {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    if vowel { "an" } else { "a" }
}

pub(super) fn description(schema: &JsonValue) -> String {
    schema["description"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// The words among which a schema lets choose.
pub(super) fn choices(schema: &JsonValue) -> impl Iterator<Item = &JsonValue> {
    let branches = ["oneOf", "anyOf"]
        .into_iter()
        .filter_map(|keyword| schema[keyword].as_array());
    branches.flatten().flat_map(|branch| {
        let listed = branch["enum"].as_array().into_iter().flatten();
        branch.get("const").into_iter().chain(listed)
    })
}

pub(super) fn word(value: &JsonValue) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn words(kind: JsonType) -> &'static str {
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

pub(super) fn kind_of(value: Value) -> &'static str {
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

pub(super) fn list(names: Vec<&str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

pub(super) fn or(options: &[&str]) -> String {
    let quoted: Vec<String> = options.iter().map(|option| format!("`{option}`")).collect();
    any_of(&quoted.iter().map(String::as_str).collect::<Vec<_>>())
}

pub(super) fn any_of(options: &[&str]) -> String {
    match options {
        [] => "something else".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
