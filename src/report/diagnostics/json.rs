//! Findings as `stocktake.diagnostics/1`.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::{Counts, Totals};
use crate::diagnostic::{Diagnostic, Severity};
use crate::report::json::write as write_json;
use crate::schema;
use crate::source::{Place, slashes};

const FORMAT: &str = "stocktake.diagnostics/1";

/// The JSON schema of findings.
pub fn schema_json() -> serde_json::Value {
    schema::of::<ReportJson<'_>>()
}

/// What `stocktake validate --format json` prints.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "stocktake diagnostics")]
struct ReportJson<'a> {
    /// The version of this format; fields are added to it, and never changed.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// How much there is.
    summary: SummaryJson,
    /// Every finding.
    diagnostics: Vec<DiagnosticJson<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct SummaryJson {
    #[serde(flatten)]
    totals: Totals,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Serialize, JsonSchema)]
struct DiagnosticJson<'a> {
    /// `error` or `warning`.
    severity: &'static str,
    /// What kind of mistake; never changes.
    code: &'static str,
    /// What is wrong.
    message: &'a str,
    /// A word about the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    /// The way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(flatten)]
    place: Option<PlaceJson>,
    /// Other places that have to do with it.
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

#[derive(Serialize, JsonSchema)]
struct RelatedJson<'a> {
    /// What it has to do with it.
    message: &'a str,
    #[serde(flatten)]
    place: PlaceJson,
}

#[derive(Serialize, JsonSchema)]
struct PlaceJson {
    /// The file, relative to the workspace.
    file: String,
    /// Where it begins.
    start: PositionJson,
    /// Where it ends, exclusive.
    end: PositionJson,
}

/// Line and column from 1, column in Unicode characters, byte from 0.
#[derive(Serialize, JsonSchema)]
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
            file: slashes(place.file.path()).into_owned(),
            start: position(place.span.start),
            end: position(place.span.end),
        }
    }
}

/// Writes findings for programs, as `stocktake.diagnostics/1`.
pub fn json(out: &mut dyn Write, diagnostics: &[Diagnostic], totals: Totals) -> io::Result<()> {
    let report = ReportJson {
        format: FORMAT,
        summary: SummaryJson {
            totals,
            counts: Counts::of(diagnostics),
        },
        diagnostics: diagnostics.iter().map(DiagnosticJson::new).collect(),
    };
    write_json(out, &report)
}
