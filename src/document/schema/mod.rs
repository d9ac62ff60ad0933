//! The schema of a type, and the check of trees against it. Editors use the same schema.

mod explain;
mod transform;

use std::fmt;
use std::marker::PhantomData;

use jsonschema::Validator;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::document::{Document, FINDING_LIMIT, SchemaErrors};

use transform::ForWriters;

/// The JSON schema of files that hold a `T`, ready to check trees with.
pub struct Schema<T> {
    json: Value,
    validator: Validator,
    of: PhantomData<fn() -> T>,
}

impl<T: JsonSchema> Schema<T> {
    /// Generates and compiles the schema of `T`.
    ///
    /// # Panics
    ///
    /// When a type of this crate describes itself by something that is not a schema.
    pub fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with_transform(ForWriters);
        let json = settings
            .into_generator()
            .into_root_schema_for::<T>()
            .to_value();
        #[expect(clippy::expect_used, reason = "the schema comes from our own types")]
        let validator = jsonschema::validator_for(&json).expect("a generated schema compiles");
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
    pub(crate) fn check(&self, document: &Document) -> Verdict {
        let mut verdict = Verdict {
            findings: Vec::new(),
            errors: Some(SchemaErrors::default()),
        };
        let json = document.to_json(document.root());
        if self.validator.is_valid(&json) {
            return verdict;
        }
        let explainer = explain::Explainer::new(document, &self.json);
        for error in self.validator.iter_errors(&json) {
            if verdict.findings.len() >= FINDING_LIMIT {
                verdict.findings.truncate(FINDING_LIMIT);
                verdict.errors = None;
                break;
            }
            if let Some(errors) = &mut verdict.errors {
                explainer.record(&error, errors);
            }
            for finding in explainer.explain(&error) {
                // A value of the wrong type violates other rules as well: reported once.
                let last = verdict.findings.last();
                if last.is_none_or(|last| !is_about_the_same(last, &finding)) {
                    verdict.findings.push(finding);
                }
            }
        }
        verdict
    }
}

/// Result of a schema check.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) findings: Vec<Diagnostic>,
    /// Absent when there are too many to read the rest of the file.
    pub(crate) errors: Option<SchemaErrors>,
}

fn is_about_the_same(left: &Diagnostic, right: &Diagnostic) -> bool {
    let span = |finding: &Diagnostic| finding.place.as_ref().map(|place| place.span);
    left.code == right.code && span(left) == span(right)
}
