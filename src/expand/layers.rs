//! A spec and what its file puts under it.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::document::Field;
use crate::jobfile::model::JobSpec;
use crate::source::{Place, SourceFile, Span, Spanned};

/// A spec and what its file puts under it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layers<'a> {
    pub(super) file: &'a Arc<SourceFile>,
    pub(super) key: &'a Spanned<String>,
    pub(super) spec: &'a JobSpec,
    pub(super) defaults: Option<&'a Field<JobSpec>>,
}

/// What there is of a field: nothing, its value, or the texts in what is broken.
pub(super) type Said<'a, T> = Option<Result<&'a Spanned<T>, &'a [Spanned<String>]>>;

impl<'a> Layers<'a> {
    /// A field of the spec, or else of the defaults.
    pub(super) fn find<T>(&self, field: impl Fn(&'a JobSpec) -> Said<'a, T>) -> Said<'a, T> {
        field(self.spec).or_else(|| match self.defaults? {
            Field::Sound(defaults) => field(&defaults.value),
            Field::Broken(texts) => Some(Err(texts)),
        })
    }

    /// The place of a span.
    pub(super) fn place(&self, span: Span) -> Place {
        Place::new(self.file, span)
    }

    /// An error about a span.
    pub(super) fn error(
        &self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::error(code, message).at(self.place(span))
    }
}

/// What a field says.
pub(super) fn said<T>(field: Option<&Field<T>>) -> Said<'_, T> {
    field.map(|field| match field {
        Field::Sound(value) => Ok(value),
        Field::Broken(texts) => Err(texts.as_slice()),
    })
}

/// What a field within another one says. In a broken one, it may be anything.
pub(super) fn said_within<'a, T, U>(
    outer: Option<&'a Field<T>>,
    inner: impl Fn(&'a T) -> Said<'a, U>,
) -> Said<'a, U> {
    match outer? {
        Field::Sound(outer) => inner(&outer.value),
        Field::Broken(texts) => Some(Err(texts)),
    }
}
