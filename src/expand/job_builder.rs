//! Builds one job: what its expressions see, and the mistakes found so far.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;

use minijinja::Value;

use super::Expander;
use super::expression::Expressions;
use super::instances::{Instance, Unresolvable};
use super::spec::SpecWithDefaults;
use super::uses::Tracker;
use crate::api::name::NameError;
use crate::diagnostic::Diagnostic;
use crate::document::{Field, FieldRef};
use crate::jobfile::model::{JobSpec, MatrixValue};
use crate::source::{Span, Spanned};

/// The mistake has been reported: in this field, or in one that it depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reported;

pub(super) type Checked<T> = Result<T, Reported>;

pub(super) struct JobBuilder<'a> {
    pub(super) expander: &'a Expander,
    pub(super) spec: &'a SpecWithDefaults<'a>,
    pub(super) instance: &'a Instance<'a>,
    pub(super) unresolvable: Unresolvable,
    pub(super) tracker: &'a Tracker,
    pub(super) diagnostics: Vec<Diagnostic>,
    context: OnceCell<Value>,
}

impl<'a> JobBuilder<'a> {
    pub(super) fn new(
        expander: &'a Expander,
        spec: &'a SpecWithDefaults<'a>,
        instance: &'a Instance<'a>,
        unresolvable: Unresolvable,
        tracker: &'a Tracker,
    ) -> Self {
        Self {
            expander,
            spec,
            instance,
            unresolvable,
            tracker,
            diagnostics: Vec::new(),
            context: OnceCell::new(),
        }
    }

    pub(super) fn report<T>(&mut self, result: Result<T, Diagnostic>) -> Checked<T> {
        result.map_err(|problem| {
            self.diagnostics.push(problem);
            Reported
        })
    }

    /// A field of the spec, or else of the defaults.
    pub(super) fn find<T>(
        &mut self,
        field: impl Fn(&'a JobSpec) -> &'a Option<Field<T>>,
    ) -> Checked<Option<&'a Spanned<T>>> {
        let field = self.spec.find(field);
        self.checked(field)
    }

    /// The value of a field that may be absent; the expressions in an invalid one are checked.
    pub(super) fn checked<T>(
        &mut self,
        field: Option<FieldRef<'a, T>>,
    ) -> Checked<Option<&'a Spanned<T>>> {
        let value = field.transpose();
        value.map_err(|texts| self.check_texts(texts))
    }

    pub(super) fn valid<T>(&mut self, field: &'a Field<T>) -> Checked<&'a Spanned<T>> {
        field.get().map_err(|texts| self.check_texts(texts))
    }

    /// Checks the expressions in the texts of an invalid field.
    pub(super) fn check_texts(&mut self, texts: &[Spanned<String>]) -> Reported {
        for text in texts {
            // What is wrong has been reported.
            let _ = self.text(text);
        }
        Reported
    }

    /// A field that may be absent.
    pub(super) fn optional_text(
        &mut self,
        field: impl Fn(&'a JobSpec) -> &'a Option<Field<String>>,
    ) -> Checked<Option<String>> {
        let text = self.find(field)?;
        let text = text.map(|text| self.text(text).map(Cow::into_owned));
        text.transpose()
    }

    /// A text that has to be a name of the API.
    pub(super) fn named<T>(
        &mut self,
        text: &Spanned<String>,
        field: &'static str,
        new: impl Fn(&str) -> Result<T, NameError>,
    ) -> Checked<T> {
        let value = self.text(text)?;
        let name = new(&value).map_err(|error| self.name_problem(text.span, field, &value, &error));
        self.report(name)
    }

    pub(super) fn name_problem(
        &self,
        span: Span,
        field: &str,
        value: &str,
        error: &NameError,
    ) -> Diagnostic {
        let shown = if value.chars().count() > 40 {
            String::new()
        } else {
            format!(" `{value}`")
        };
        self.spec
            .error("invalid-name", span, format!("the {field}{shown} {error}"))
    }

    /// A text with its expressions evaluated; what is wrong with them is underlined inside it.
    pub(super) fn text<'t>(&mut self, text: &'t Spanned<String>) -> Checked<Cow<'t, str>> {
        if !Expressions::is_template(&text.value) {
            return Ok(Cow::Borrowed(&text.value));
        }
        let context = self.context.get_or_init(|| self.make_context());
        let unknown = |name: &str| self.unresolvable.includes(name);
        let is_whole = self.unresolvable == Unresolvable::default();
        let expressions = &self.expander.expressions;
        let result = if is_whole {
            expressions.evaluate(&text.value, context).map(Some)
        } else {
            expressions.evaluate_known(&text.value, context, unknown)
        };
        let result = result.map_err(|error| {
            let span = error.range.and_then(|range| self.span_inside(text, range));
            let span = span.unwrap_or(text.span);
            let problem = self.spec.error("expression", span, error.message);
            error.help.into_iter().fold(problem, Diagnostic::help)
        });
        self.report(result)?.map(Cow::Owned).ok_or(Reported)
    }

    /// The place of a part of a text. Where escapes or indentation make the file differ from the
    /// text, it is the part that reads alike and comes as often before it.
    fn span_inside(&self, text: &Spanned<String>, range: Range<usize>) -> Option<Span> {
        let source = self.spec.file.slice(text.span);
        let start = text.span.start as usize;
        // A range may end within a character that the expression parser did not expect.
        let range =
            text.value.floor_char_boundary(range.start)..text.value.ceil_char_boundary(range.end);
        if let Some(offset) = source.find(&text.value) {
            return Some(Span::new(
                start + offset + range.start,
                start + offset + range.end,
            ));
        }
        let part = text
            .value
            .get(range.clone())
            .filter(|part| !part.is_empty())?;
        let before = text.value.get(..range.start)?.matches(part).count();
        let (offset, _) = source.match_indices(part).nth(before)?;
        Some(Span::new(start + offset, start + offset + part.len()))
    }

    fn make_context(&self) -> Value {
        let mut context = BTreeMap::from([
            ("vars", self.tracker.variables()),
            ("key", Value::from(self.spec.key.value.as_str())),
        ]);
        if !self.instance.matrix.is_empty() {
            let matrix = self
                .instance
                .matrix
                .iter()
                .map(|(name, value)| (*name, matrix_value(value)));
            context.insert("matrix", Value::from(matrix.collect::<BTreeMap<_, _>>()));
        }
        if let Some(window) = &self.instance.window {
            let ends = BTreeMap::from([("start", window.start_text()), ("end", window.end_text())]);
            context.insert("window", Value::from(ends));
        }
        Value::from(context)
    }
}

fn matrix_value(value: &MatrixValue) -> Value {
    match value {
        MatrixValue::Boolean(value) => Value::from(*value),
        MatrixValue::Integer(value) => Value::from(*value),
        MatrixValue::Text(value) => Value::from(value.as_str()),
    }
}
