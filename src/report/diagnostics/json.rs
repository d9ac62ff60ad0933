//! Findings as `stocktake.diagnostics/1`.

use std::io::{self, Write};

use serde::Serialize;

use super::{Counts, Totals};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Place;

#[derive(Serialize)]
struct ReportJson<'a> {
    format: &'static str,
    summary: SummaryJson,
    diagnostics: Vec<DiagnosticJson<'a>>,
}

#[derive(Serialize)]
struct SummaryJson {
    #[serde(flatten)]
    totals: Totals,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Serialize)]
struct DiagnosticJson<'a> {
    severity: &'static str,
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(flatten)]
    place: Option<PlaceJson>,
    related: Vec<RelatedJson<'a>>,
}

impl<'a> DiagnosticJson<'a> {
    fn new(diagnostic: &'a Diagnostic) -> Self {
        let related = |(place, message): &'a (Place, String)| RelatedJson {
            message,
            place: PlaceJson::new(place),
        };
        Self {
            severity: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            code: diagnostic.code,
            message: &diagnostic.message,
            label: diagnostic.label.as_deref(),
            help: diagnostic.help.as_deref(),
            place: diagnostic.place.as_ref().map(PlaceJson::new),
            related: diagnostic.related.iter().map(related).collect(),
        }
    }
}

#[derive(Serialize)]
struct RelatedJson<'a> {
    message: &'a str,
    #[serde(flatten)]
    place: PlaceJson,
}

#[derive(Serialize)]
struct PlaceJson {
    file: String,
    start: PositionJson,
    end: PositionJson,
}

/// Line and column from 1, column in Unicode characters, byte from 0.
#[derive(Serialize)]
struct PositionJson {
    line: usize,
    column: usize,
    byte: u32,
}

impl PlaceJson {
    fn new(place: &Place) -> Self {
        let position = |byte| {
            let at = place.file.line_column(byte);
            PositionJson {
                line: at.line,
                column: at.column,
                byte,
            }
        };
        Self {
            file: slashes(&place.file.path().to_string_lossy()),
            start: position(place.span.start),
            end: position(place.span.end),
        }
    }
}

pub(super) fn slashes(path: &str) -> String {
    if std::path::MAIN_SEPARATOR == '/' {
        path.to_owned()
    } else {
        path.replace(std::path::MAIN_SEPARATOR, "/")
    }
}

/// Writes findings for programs, as `stocktake.diagnostics/1`.
pub fn json(out: &mut dyn Write, diagnostics: &[Diagnostic], totals: Totals) -> io::Result<()> {
    let report = ReportJson {
        format: "stocktake.diagnostics/1",
        summary: SummaryJson {
            totals,
            counts: Counts::of(diagnostics),
        },
        diagnostics: diagnostics.iter().map(DiagnosticJson::new).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}
