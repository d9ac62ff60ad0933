//! A job as its file writes it: its own spec, over the `defaults` of the file.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::document::{Field, FieldRef};
use crate::jobfile::model::JobSpec;
use crate::source::{Place, SourceFile, Span, Spanned};

#[derive(Debug, Clone, Copy)]
pub(super) struct SpecWithDefaults<'a> {
    pub(super) file: &'a Arc<SourceFile>,
    pub(super) key: &'a Spanned<String>,
    pub(super) own: &'a JobSpec,
    pub(super) defaults: Option<&'a Field<JobSpec>>,
    /// The keys of workflows that its file declares.
    pub(super) workflow_keys: &'a [&'a String],
}

impl<'a> SpecWithDefaults<'a> {
    /// A field of the job's own spec, or else of the defaults.
    pub(super) fn find<T>(
        &self,
        field: impl Fn(&'a JobSpec) -> &'a Option<Field<T>>,
    ) -> Option<FieldRef<'a, T>> {
        self.find_nested(|spec| field(spec).as_ref().map(Field::get))
    }

    /// [`find`](Self::find) for a field within a field. Invalid defaults may hold any field.
    pub(super) fn find_nested<T>(
        &self,
        field: impl Fn(&'a JobSpec) -> Option<FieldRef<'a, T>>,
    ) -> Option<FieldRef<'a, T>> {
        field(self.own).or_else(|| inside(self.defaults, field))
    }

    pub(super) fn place(&self, span: Span) -> Place {
        Place::new(self.file, span)
    }

    pub(super) fn error(
        &self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::error(code, message).at(self.place(span))
    }
}

/// A field inside another one. An invalid outer field may hold any inner one.
pub(super) fn inside<'a, T, U>(
    outer: Option<&'a Field<T>>,
    inner: impl Fn(&'a T) -> Option<FieldRef<'a, U>>,
) -> Option<FieldRef<'a, U>> {
    match outer?.get() {
        Ok(outer) => inner(&outer.value),
        Err(texts) => Some(Err(texts)),
    }
}
