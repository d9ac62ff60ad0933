//! Findings, for people and for programs.

mod github;
mod gitlab;
mod json;
mod junit;
mod sarif;

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;

use annotate_snippets::renderer::Renderer;
use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Snippet};
use schemars::JsonSchema;
use serde::Serialize;

use super::hint::pasteable;
use super::table::count;
use super::text::{clean, clean_lines, wrap};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Place, SourceFile, Span, slashes};
use crate::workspace;

pub use github::github;
pub use gitlab::gitlab;
pub use json::{json, schema_json};
pub use junit::junit;
pub use sarif::sarif;

/// A line longer than this is not shown, only named.
const LINE_LIMIT: usize = 16 * 1024;
/// Places this many lines apart or less are shown in one piece.
const NEAR: usize = 12;

/// What was looked at.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Totals {
    /// Files read.
    pub files: usize,
    /// Jobs found.
    pub jobs: usize,
}

/// Writes findings for people, each with the line it is about.
pub fn human(out: &mut dyn Write, diagnostics: &[Diagnostic], width: usize) -> io::Result<()> {
    let renderer = Renderer::styled().term_width(width);
    for diagnostic in diagnostics {
        let group = group(diagnostic, width);
        writeln!(out, "{}\n", renderer.render(&[group]))?;
    }
    Ok(())
}

/// Writes one line that counts.
pub fn summary(out: &mut dyn Write, diagnostics: &[Diagnostic], totals: Totals) -> io::Result<()> {
    let counts = Counts::of(diagnostics);
    let mut words = Vec::new();
    if counts.errors > 0 {
        words.push(count(counts.errors, "error", "errors"));
    }
    if counts.warnings > 0 {
        words.push(count(counts.warnings, "warning", "warnings"));
    }
    let files = count(totals.files, "file", "files");
    if words.is_empty() {
        let jobs = count(totals.jobs, "job", "jobs");
        return writeln!(out, "{jobs} in {files}, no mistakes");
    }
    writeln!(out, "{} in {files}", words.join(" and "))
}

/// Returns where a finding is shown by forms that know only places: without a place of its own, on the
/// first line of the workspace file.
fn file_and_line(finding: &Diagnostic) -> (Cow<'_, str>, usize) {
    match &finding.place {
        Some(place) => (slashes(place.file.path()), place.line()),
        None => (Cow::Borrowed(workspace::FILE_NAME), 1),
    }
}

fn group(diagnostic: &Diagnostic, width: usize) -> Group<'_> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    // `warning[]: ` and the code stand in front of the first line.
    let indent = diagnostic.code.len() + 11;
    let message = clean_lines(&diagnostic.message);
    let message = pasteable(&message);
    let message = wrap(&message, width.saturating_sub(indent));
    let mut group = level
        .primary_title(message)
        .id(diagnostic.code)
        .elements(pieces(diagnostic));
    if let Some(help) = &diagnostic.help {
        let help = clean_lines(help);
        let help = wrap(&pasteable(&help), width.saturating_sub(14));
        group = group.element(Level::HELP.message(help));
    }
    group
}

/// A label at a place.
struct Mark<'a> {
    place: &'a Place,
    kind: AnnotationKind,
    label: Option<&'a str>,
}

/// The pieces of source that show all places: those near one another together.
fn pieces(diagnostic: &Diagnostic) -> Vec<Element<'_>> {
    let Some(place) = &diagnostic.place else {
        return Vec::new();
    };
    let primary = Mark {
        place,
        kind: AnnotationKind::Primary,
        label: diagnostic.label.as_deref(),
    };
    let mut pieces: Vec<Vec<Mark<'_>>> = vec![vec![primary]];
    for (place, words) in &diagnostic.related {
        let mark = Mark {
            place,
            kind: AnnotationKind::Context,
            label: Some(words),
        };
        let is_near = |piece: &&mut Vec<Mark<'_>>| {
            Arc::ptr_eq(&piece[0].place.file, &place.file)
                && piece[0].place.line().abs_diff(place.line()) <= NEAR
        };
        match pieces.iter_mut().find(is_near) {
            Some(piece) => piece.push(mark),
            None => pieces.push(vec![mark]),
        }
    }
    pieces.iter().map(|marks| element(marks)).collect()
}

fn element<'a>(marks: &[Mark<'a>]) -> Element<'a> {
    let file = &marks[0].place.file;
    let path = clean(&file.path().to_string_lossy());
    let spans = marks.iter().map(|mark| one_line(file, mark.place.span));
    let spans: Vec<Span> = spans.collect();
    let start = spans
        .iter()
        .map(|span| line_start(file.text(), span.start))
        .min();
    let end = spans
        .iter()
        .map(|span| line_end(file.text(), span.end))
        .max();
    let (start, end) = (start.unwrap_or(0), end.unwrap_or(0));
    let text = &file.text()[start..end];
    if text.lines().any(|line| line.len() > LINE_LIMIT) {
        let at = file.line_column(spans[0].start);
        return Origin::path(path)
            .line(at.line)
            .char_column(at.column)
            .into();
    }
    let narrow = |offset: u32| (offset as usize).saturating_sub(start).min(text.len());
    let annotations = marks.iter().zip(&spans).map(|(mark, span)| {
        let annotation = mark.kind.span(narrow(span.start)..narrow(span.end));
        annotation.label(mark.label.map(clean))
    });
    Snippet::source(text)
        .path(path)
        .line_start(file.line(Span::new(start, start).start))
        .annotations(annotations)
        .into()
}

/// The part of a span on its first line.
fn one_line(file: &SourceFile, span: Span) -> Span {
    let text = file.text();
    let start = (span.start as usize).min(text.len());
    let end = (span.end as usize).clamp(start, text.len());
    let first = text.get(start..end).and_then(|under| under.lines().next());
    Span::new(start, start + first.map_or(0, str::len))
}

fn line_start(text: &str, offset: u32) -> usize {
    let before = text.get(..offset as usize);
    before
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |index| index + 1)
}

fn line_end(text: &str, offset: u32) -> usize {
    let rest = text.get(offset as usize..);
    let length = rest.and_then(|rest| rest.find('\n'));
    length.map_or(text.len(), |length| offset as usize + length)
}

#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
struct Counts {
    errors: usize,
    warnings: usize,
}

impl Counts {
    fn of(diagnostics: &[Diagnostic]) -> Self {
        let errors = diagnostics
            .iter()
            .filter(|finding| finding.is_error())
            .count();
        Self {
            errors,
            warnings: diagnostics.len() - errors,
        }
    }
}

#[cfg(test)]
mod tests;
