//! Findings as annotations of GitHub: a workflow command a line.

use std::io::{self, Write};

use crate::diagnostic::{Diagnostic, Severity};
use crate::report::text::clean_lines;
use crate::source::slashes;

/// A step shows ten annotations of each kind, and drops the others without a word.
const SHOWN: usize = 10;

/// Writes findings as workflow commands; `prefix` leads from the repository to the workspace.
pub fn github(out: &mut dyn Write, diagnostics: &[Diagnostic], prefix: &str) -> io::Result<()> {
    for (severity, command) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
        let found = diagnostics
            .iter()
            .filter(|finding| finding.severity == severity);
        let found: Vec<&Diagnostic> = found.collect();
        let room = if found.len() > SHOWN {
            SHOWN - 1
        } else {
            SHOWN
        };
        for finding in found.iter().take(room) {
            annotation(out, command, finding, prefix)?;
        }
        if found.len() > room {
            let more = found.len() - room;
            writeln!(
                out,
                "::{command} title=stocktake::and {more} more: run `stocktake validate`"
            )?;
        }
    }
    Ok(())
}

fn annotation(
    out: &mut dyn Write,
    command: &str,
    finding: &Diagnostic,
    prefix: &str,
) -> io::Result<()> {
    write!(out, "::{command} ")?;
    if let Some(place) = &finding.place {
        let file = &place.file;
        let start = file.line_column(place.span.start);
        let end = file.line_column(place.span.end);
        let path = format!("{prefix}{}", slashes(file.path()));
        write!(
            out,
            "file={},line={},endLine={},",
            property(&path),
            start.line,
            end.line
        )?;
        if start.line == end.line {
            write!(out, "col={},endColumn={},", start.column, end.column)?;
        }
    }
    let mut message = finding.message.clone();
    if let Some(help) = &finding.help {
        message = format!("{message}\n{help}");
    }
    writeln!(out, "title={}::{}", property(finding.code), data(&message))
}

/// Keeps text on its line, where it cannot become a command.
fn data(text: &str) -> String {
    clean_lines(text)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
