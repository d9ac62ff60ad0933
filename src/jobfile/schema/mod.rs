//! The schema of a type and the check against it: one thing for editors and for us.

mod explain;
mod suggest;

use std::fmt;
use std::marker::PhantomData;

use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema as JsonSchemaObject};
use serde_json::Value;

use super::document::{Document, FINDING_LIMIT, Tree};
use crate::diagnostic::Diagnostic;

pub use suggest::closest;

/// The JSON schema of files that hold a `T`, ready to check trees with.
pub struct Schema<T> {
    json: Value,
    validator: Validator<Tree>,
    of: PhantomData<fn() -> T>,
}

impl<T: JsonSchema> Schema<T> {
    /// Generates and compiles the schema of `T`.
    ///
    /// # Panics
    ///
    /// When a type of this crate describes itself by something that is not a schema.
    pub fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with_transform(OnlyWhatIsWritten);
        let json = settings
            .into_generator()
            .into_root_schema_for::<T>()
            .to_value();
        #[expect(clippy::expect_used, reason = "the schema comes from our own types")]
        let validator = jsonschema::options_for::<Tree>()
            .build(&json)
            .expect("a generated schema compiles");
        Self {
            json,
            validator,
            of: PhantomData,
        }
    }
}

impl<T: JsonSchema> Default for Schema<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Schema<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Schema").finish_non_exhaustive()
    }
}

impl<T> Schema<T> {
    /// The schema as JSON.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Everything in the tree that the schema does not allow.
    pub fn check(&self, document: &Document) -> Vec<Diagnostic> {
        if self.validator.is_valid(document.json()) {
            return Vec::new();
        }
        let errors = self.validator.iter_errors(document.json());
        let explainer = explain::Explainer::new(document, &self.json);
        let mut findings: Vec<Diagnostic> = Vec::new();
        for finding in errors
            .flat_map(|error| explainer.explain(&error))
            .take(FINDING_LIMIT)
        {
            // A value of the wrong type breaks other rules as well: said once.
            if findings
                .last()
                .is_none_or(|last| !is_about_the_same(last, &finding))
            {
                findings.push(finding);
            }
        }
        findings
    }
}

fn is_about_the_same(left: &Diagnostic, right: &Diagnostic) -> bool {
    let span = |finding: &Diagnostic| finding.place.as_ref().map(|place| place.span);
    left.code == right.code && span(left) == span(right)
}

/// Takes out what a person who writes a file has no use for: `null`, since a field that is not given
/// is not written at all; the widths of integers; the line breaks of our source.
#[derive(Clone)]
struct OnlyWhatIsWritten;

impl Transform for OnlyWhatIsWritten {
    fn transform(&mut self, schema: &mut JsonSchemaObject) {
        drop_null_type(schema);
        drop_null_choice(schema);
        drop_integer_width(schema);
        join_lines(schema);
        transform_subschemas(self, schema);
    }
}

fn drop_null_type(schema: &mut JsonSchemaObject) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_mut_slice() {
            let only = only.take();
            schema.insert("type".to_owned(), only);
        }
    }
}

fn drop_null_choice(schema: &mut JsonSchemaObject) {
    let Some(Value::Array(choices)) = schema.get_mut("anyOf") else {
        return;
    };
    choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
    if let [Value::Object(only)] = choices.as_mut_slice() {
        let only = std::mem::take(only);
        schema.remove("anyOf");
        for (keyword, value) in only {
            schema.insert(keyword, value);
        }
    }
}

fn drop_integer_width(schema: &mut JsonSchemaObject) {
    let width = schema.get("format").and_then(Value::as_str);
    if width.is_some_and(|width| width.trim_start_matches('u').starts_with("int")) {
        schema.remove("format");
    }
}

fn join_lines(schema: &mut JsonSchemaObject) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let paragraphs = text
            .split("\n\n")
            .map(|paragraph| paragraph.replace('\n', " "));
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
}
