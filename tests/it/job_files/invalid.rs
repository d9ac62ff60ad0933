//! Every file under `invalid/` is refused, in words that a snapshot keeps.

use unicode_width::UnicodeWidthStr;

use super::{files, load, seen};

/// Words of the schema language and of our own insides, which no person should have to know.
const JARGON: &[&str] = &[
    "oneOf",
    "anyOf",
    "allOf",
    "additionalProperties",
    "minProperties",
    "schema",
    "$defs",
    "regex",
    "pattern",
    "object type",
    "Spanned",
    "expected struct",
    "serde",
];

#[test]
fn every_invalid_file_is_refused_in_plain_words() {
    let found = files("invalid");
    assert!(
        found.len() >= 80,
        "the corpus has shrunk to {}",
        found.len()
    );
    let mut problems = Vec::new();
    for file in found {
        let name = file
            .path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .replace('.', "_");
        let loaded = load(&[file]);
        let text = seen(&loaded);
        if !loaded.has_errors() {
            problems.push(format!("{name} is accepted"));
        }
        for word in JARGON.iter().filter(|word| text.contains(**word)) {
            problems.push(format!("{name} says {word}"));
        }
        if loaded
            .diagnostics
            .iter()
            .any(|finding| finding.place.is_none())
        {
            problems.push(format!("{name} has a finding without a place"));
        }
        // A line of the file is as wide as it is, when all of it is underlined.
        let words = text.lines().filter(|line| !line.contains(" | "));
        for line in words.filter(|line| line.width() > 80) {
            problems.push(format!("{name} has a long line: {line}"));
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("snapshots/invalid");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
