//! Findings, for people and for programs.

use std::io::{self, Write};

use super::table::count;
use super::ui::style::{BAD, CHANGE, STRONG};
use crate::diagnostic::Diagnostic;

/// What was looked at.
#[derive(Debug, Clone, Copy)]
pub struct Totals {
    /// Files read.
    pub files: usize,
    /// Jobs found.
    pub jobs: usize,
}

/// Writes findings for people, each with the line it is about.
pub fn human(out: &mut dyn Write, diagnostics: &[Diagnostic], _width: usize) -> io::Result<()> {
    for diagnostic in diagnostics {
        let (word, style) = if diagnostic.is_error() {
            ("error", BAD)
        } else {
            ("warning", CHANGE)
        };
        writeln!(out, "{style}{word}{style:#}: {}", diagnostic.message)?;
        if let Some(place) = &diagnostic.place {
            writeln!(
                out,
                "  --> {}:{}",
                place.file.path().display(),
                place.line()
            )?;
        }
        if let Some(help) = &diagnostic.help {
            writeln!(out, "  help: {help}")?;
        }
    }
    Ok(())
}

/// Writes one line that counts.
pub fn summary(out: &mut dyn Write, diagnostics: &[Diagnostic], totals: Totals) -> io::Result<()> {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error())
        .count();
    let jobs = count(totals.jobs, "job", "jobs");
    let files = count(totals.files, "file", "files");
    let errors = count(errors, "error", "errors");
    writeln!(out, "{STRONG}{jobs} in {files}, {errors}{STRONG:#}")
}
