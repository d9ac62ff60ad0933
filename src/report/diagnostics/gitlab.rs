//! Findings as a code quality report of GitLab.

use std::collections::HashMap;
use std::io::{self, Write};

use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::file_and_line;
use crate::diagnostic::{Diagnostic, Severity};
use crate::report::json::write as write_json;

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
}

/// Writes findings as a JSON array; `prefix` leads from the repository to the workspace. What is
/// about no file in particular is put to the first line of the workspace file.
pub fn gitlab(out: &mut dyn Write, diagnostics: &[Diagnostic], prefix: &str) -> io::Result<()> {
    let mut seen = HashMap::new();
    let issues: Vec<Issue<'_>> = diagnostics
        .iter()
        .map(|finding| issue(finding, prefix, &mut seen))
        .collect();
    write_json(out, &issues)
}

fn issue<'a>(
    finding: &'a Diagnostic,
    prefix: &str,
    seen: &mut HashMap<String, usize>,
) -> Issue<'a> {
    let (file, line) = file_and_line(finding);
    let path = format!("{prefix}{file}");
    let identity = identity(finding, &path);
    let count = seen.entry(identity.clone()).or_default();
    *count += 1;
    let description = match &finding.help {
        Some(help) => format!("{} ({help})", finding.message),
        None => finding.message.clone(),
    };
    Issue {
        description,
        check_name: finding.code,
        fingerprint: format!("{identity}-{count}"),
        severity: match finding.severity {
            Severity::Error => "major",
            Severity::Warning => "minor",
        },
        location: Location {
            path,
            lines: Lines { begin: line },
        },
    }
}

/// What a finding is, whatever its line: it stays the same when lines move.
pub(super) fn identity(finding: &Diagnostic, path: &str) -> String {
    let mut hash = Sha256::new();
    for part in [finding.code, path, &finding.message] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    HEXLOWER.encode(&hash.finalize()[..16])
}
