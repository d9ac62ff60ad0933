//! What is wrong with a value.

use jsonschema::JsonType;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value as JsonValue;

use super::words::{
    any_of, article, choices, example, kind_of, list, or, properties, title, word, words,
};
use super::{Explainer, Found};
use crate::diagnostic::{Diagnostic, closest};
use crate::document::{Value, shorten};

impl Explainer<'_> {
    pub(super) fn explain_value(
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
}
