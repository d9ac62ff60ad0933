//! Findings as JUnit XML: a case a file, which fails when anything in it is wrong.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use quick_xml::escape::escape;

use super::file_and_line;
use crate::diagnostic::Diagnostic;
use crate::plain_text::{clean, is_steering, one_line};
use crate::source::slashes;

/// Writes a case for each of `files` and for every other file that a finding is about.
pub fn junit<'a>(
    out: &mut dyn Write,
    diagnostics: &[Diagnostic],
    files: impl Iterator<Item = &'a Path>,
) -> io::Result<()> {
    let mut cases: BTreeMap<String, Vec<&Diagnostic>> = BTreeMap::new();
    for file in files {
        cases.entry(slashes(file).into_owned()).or_default();
    }
    for finding in diagnostics {
        let (file, _) = file_and_line(finding);
        cases.entry(file.into_owned()).or_default().push(finding);
    }
    let failures = cases
        .values()
        .filter(|findings| findings.iter().any(|finding| finding.is_error()))
        .count();
    let number = cases.len();
    let counts = format!("tests=\"{number}\" failures=\"{failures}\" errors=\"0\" time=\"0\"");
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites {counts}>")?;
    writeln!(out, "  <testsuite name=\"stocktake validate\" {counts}>")?;
    for (file, findings) in &cases {
        case(out, file, findings)?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn case(out: &mut dyn Write, file: &str, findings: &[&Diagnostic]) -> io::Result<()> {
    let name = xml(&clean(file));
    write!(
        out,
        "    <testcase classname=\"stocktake\" name=\"{name}\" time=\"0\""
    )?;
    if findings.is_empty() {
        return writeln!(out, "/>");
    }
    writeln!(out, ">")?;
    let words: Vec<String> = findings.iter().map(|finding| words(finding)).collect();
    let words = xml(&words.join("\n"));
    match findings.iter().find(|finding| finding.is_error()) {
        Some(first) => writeln!(
            out,
            "      <failure type=\"{}\" message=\"{}\">{words}</failure>",
            xml(first.code),
            xml(&one_line(&first.message))
        )?,
        None => writeln!(out, "      <system-out>{words}</system-out>")?,
    }
    writeln!(out, "    </testcase>")
}

fn words(finding: &Diagnostic) -> String {
    let line = finding.place.as_ref().map(|place| {
        let at = place.file.line_column(place.span.start);
        format!("{}:{}: ", at.line, at.column)
    });
    let help = finding
        .help
        .as_ref()
        .map(|help| format!("\n  {help}"))
        .unwrap_or_default();
    format!(
        "{}{} [{}]{help}",
        line.unwrap_or_default(),
        one_line(&finding.message),
        finding.code
    )
}

/// Escapes markup, and takes out the characters that XML cannot hold at all.
fn xml(text: &str) -> String {
    let clean = text.chars().map(|character| match character {
        '\t' | '\n' => character,
        '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        character if is_steering(character) => char::REPLACEMENT_CHARACTER,
        character => character,
    });
    escape(clean.collect::<String>()).into_owned()
}
