//! One mistake is reported once: what depends on it is silent.

use std::collections::HashSet;
use std::sync::Arc;

use stocktake::diagnostic::Diagnostic;
use stocktake::document::{self, Document, NodeId, Syntax, Value};
use stocktake::expand::Expander;
use stocktake::jobfile::Reader;
use stocktake::jobfile::discover;
use stocktake::source::{SourceFile, Span};

use super::{context, files};

/// No field takes a list in a list.
const BROKEN: &str = "[[]]";

#[test]
fn a_broken_value_is_the_only_thing_that_is_said() {
    let broken = every_entry(|document, _, value, path| {
        let is_field = path.len() > 1 || path[0] == "defaults";
        is_field.then(|| (document.node(value).span, BROKEN.to_owned()))
    });
    assert!(broken >= 100, "{broken}");
}

#[test]
fn a_field_that_nobody_knows_is_the_only_thing_that_is_said() {
    let broken = every_entry(|document, key, _, path| {
        let is_name = path.iter().any(|name| name == "matrix");
        let is_needed = matches!(path.last()?.as_str(), "every" | "from");
        let is_field = path.len() > 2 || (path[0] == "defaults" && path.len() == 2);
        // Elements of the API have no list of fields, and a name that no field has is that of one.
        let outer = path.len() - 1;
        let is_element = path[..outer].iter().any(|name| {
            matches!(name.as_str(), "notify_config" | "ext_filter" | "other")
                || (path[0] == "workflows" && matches!(name.as_str(), "operation" | "input"))
        });
        let is_node = path[..outer].last().is_some_and(|name| name == "nodes");
        let is_needed = is_needed || path[0] == "workflows";
        let is_free = is_field && !is_needed && !is_name && !is_element && !is_node;
        is_free.then(|| (document.node(key).span, "zzzz".to_owned()))
    });
    assert!(broken >= 60, "{broken}");
}

/// Makes each of the changes that `change` gives for an entry of a valid file, alone, and looks for
/// findings about something else. Gives the number of changes.
fn every_entry(
    change: impl Fn(&Document, NodeId, NodeId, &[String]) -> Option<(Span, String)>,
) -> usize {
    let reader = Reader::new();
    let expander = Expander::new(context());
    let mut changes = 0;
    for file in files("valid")
        .iter()
        .filter(|file| file.syntax == Syntax::Yaml)
    {
        let source = discover::open(file).unwrap();
        let document = document::parse(&source, Syntax::Yaml).unwrap();
        // An alias refers to a node of another entry.
        if source.text().contains('*') {
            continue;
        }
        let mut spans = HashSet::new();
        walk(
            &document,
            document.root(),
            &mut Vec::new(),
            &mut |key, value, path| {
                spans.extend(change(&document, key, value, path));
            },
        );
        // Everything below `>` or `|` is text.
        let is_block = |span: &Span| {
            let before = &source.text()[..span.start as usize];
            before.trim_end().ends_with(['>', '|', '-', '+'])
        };
        spans.retain(|(span, _)| !is_block(span));
        for (span, replacement) in spans {
            // A block ends where the next thing begins; the blanks between belong to neither.
            let written = source.slice(span).trim_end().len();
            let mut text = source.text().to_owned();
            let start = span.range().start;
            text.replace_range(start..start + written, &replacement);
            let spoilt = Arc::new(SourceFile::new(&file.shown, text));
            let (job_file, mut findings) = reader.load(&spoilt, Syntax::Yaml);
            findings.extend(expander.expand(&spoilt, &job_file.unwrap()).1);
            findings.retain(Diagnostic::is_error);
            let start = span.start;
            let end = start + u32::try_from(replacement.len()).unwrap();
            let line = spoilt.line(start);
            let is_about_it = |finding: &Diagnostic| {
                let place = finding.place.as_ref().unwrap();
                let is_inside = place.span.start >= start && place.span.end <= end;
                // A value that begins on a line of its own is named by its key.
                is_inside || place.line() + 1 == line || place.line() == line
            };
            assert!(!findings.is_empty(), "{}", spoilt.text());
            let other = findings.iter().find(|finding| !is_about_it(finding));
            let other =
                other.map(|finding| (&finding.message, finding.place.as_ref().unwrap().line()));
            assert!(other.is_none(), "{other:?} in {}", spoilt.text());
            let codes: HashSet<_> = findings.iter().map(|finding| finding.code).collect();
            assert_eq!(codes.len(), 1, "{findings:?} in {}", spoilt.text());
            changes += 1;
        }
    }
    changes
}

fn walk(
    document: &Document,
    node: NodeId,
    path: &mut Vec<String>,
    visit: &mut impl FnMut(NodeId, NodeId, &[String]),
) {
    let Value::Mapping(children) = document.node(node).value else {
        return;
    };
    for (key, value) in document.entries(children) {
        path.push(document.text_of(key).unwrap().to_owned());
        visit(key, value, path);
        walk(document, value, path, visit);
        path.pop();
    }
}
