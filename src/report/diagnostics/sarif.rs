//! Findings as SARIF 2.1.0, for code scanning.

use std::collections::BTreeSet;
use std::io::{self, Write};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::file_and_line;
use super::gitlab::identity;
use crate::diagnostic::{Diagnostic, Severity};
use crate::report::json::write as write_json;
use crate::source::{Place, slashes};

/// Code scanning takes no more results of a run.
const RESULTS: usize = 25_000;

/// What a path of a URI does not hold as it is.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b':');

/// Writes findings as a SARIF log; `prefix` leads from the repository to the workspace.
pub fn sarif(out: &mut dyn Write, diagnostics: &[Diagnostic], prefix: &str) -> io::Result<()> {
    let codes: BTreeSet<&str> = diagnostics.iter().map(|finding| finding.code).collect();
    let rules: Vec<Value> = codes.iter().map(|code| json!({ "id": code })).collect();
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|finding| finding.severity);
    let results = sorted.iter().take(RESULTS);
    let results: Vec<Value> = results.map(|finding| result(finding, prefix)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "stocktake",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    write_json(out, &log)
}

/// Code scanning shows no result without a place: what is about no file in particular is put to the
/// workspace file.
fn result(finding: &Diagnostic, prefix: &str) -> Value {
    let primary = finding.place.as_ref().map_or_else(
        || {
            let (file, line) = file_and_line(finding);
            json!({ "physicalLocation": {
                "artifactLocation": { "uri": uri(&format!("{prefix}{file}")), "uriBaseId": "%SRCROOT%" },
                "region": { "startLine": line },
            }})
        },
        |place| location(place, prefix),
    );
    let related = finding
        .related
        .iter()
        .enumerate()
        .map(|(id, (place, words))| {
            let mut location = location(place, prefix);
            location["id"] = json!(id);
            location["message"] = json!({ "text": words });
            location
        });
    let path = finding
        .place
        .as_ref()
        .map_or_else(String::new, |place| slashes(place.file.path()).into_owned());
    let text = match &finding.help {
        Some(help) => format!("{}. {help}", finding.message),
        None => finding.message.clone(),
    };
    json!({
        "ruleId": finding.code,
        "level": match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": { "text": text },
        "locations": [primary],
        "relatedLocations": related.collect::<Vec<_>>(),
        "partialFingerprints": { "stocktake/1": identity(finding, &path) },
    })
}

fn location(place: &Place, prefix: &str) -> Value {
    let start = place.file.line_column(place.span.start);
    let end = place.file.line_column(place.span.end);
    let path = format!("{prefix}{}", slashes(place.file.path()));
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&path), "uriBaseId": "%SRCROOT%" },
        "region": {
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        },
    }})
}

fn uri(path: &str) -> String {
    utf8_percent_encode(path, NOT_IN_PATHS).to_string()
}
