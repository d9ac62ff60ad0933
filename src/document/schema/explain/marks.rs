//! Where the tree does not fit, so that the rest of it can be read.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;

use super::Explainer;
use super::fields::Meant;
use crate::document::Marks;

impl Explainer<'_> {
    /// Takes note of what an error is about.
    pub(in super::super) fn mark(&self, error: &ValidationError<'_>, marks: &mut Marks) {
        let found = self.find(error.instance_path());
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let schema = self.schema_of(error.schema_path());
                for name in unexpected {
                    let Some((key, value)) = self.entry(found.node, name) else {
                        continue;
                    };
                    marks.unknown_key(key);
                    match self.meant(schema, name) {
                        Some(Meant::Field(field) | Meant::Within(field)) => {
                            marks.lose_field(found.node, field, Some(value));
                        }
                        None => marks.lose_any_field(found.node),
                    }
                }
            }
            ValidationErrorKind::Required { property } => {
                let field = property.as_str().unwrap_or_default();
                marks.lose_field(found.node, field, None);
            }
            ValidationErrorKind::PropertyNames { error } => {
                let name = error.instance().as_str();
                if let Some((_, value)) = name.and_then(|name| self.entry(found.node, name)) {
                    marks.break_value(value);
                }
            }
            _ => marks.break_value(found.node),
        }
    }
}
