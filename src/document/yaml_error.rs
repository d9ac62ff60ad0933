//! Messages for files that are not YAML.

use std::sync::Arc;

use granit_parser::ErrorKind;

use crate::diagnostic::Diagnostic;
use crate::source::{Place, SourceFile, Span};

const CODE: &str = "invalid-yaml";

/// Words the parser's error at a byte offset.
pub(super) fn diagnostic(kind: &ErrorKind, file: &Arc<SourceFile>, offset: usize) -> Diagnostic {
    if let Some(expression) = bare_expression(file, offset) {
        let shown = &file.text()[expression.start as usize..expression.end as usize];
        let shown = shown.replace("${{", "${").replace("}}", "}");
        let message = "an expression between `{` and `}` needs quotation marks";
        return Diagnostic::error(CODE, message)
            .at(Place::new(file, expression))
            .help(format!(
                "put the whole text into quotation marks: \"{shown}\""
            ));
    }
    let (message, help) = words(kind);
    let message = match (message, kind) {
        (Some(message), _) => message.to_owned(),
        (None, ErrorKind::UnexpectedCharacter { character }) => {
            format!(
                "the character U+{:04X} cannot stand here",
                u32::from(*character)
            )
        }
        (None, _) => format!("this is not YAML: {kind}"),
    };
    let diagnostic = Diagnostic::error(CODE, message);
    let diagnostic = diagnostic.at(Place::new(file, character_at(file, offset)));
    if let (ErrorKind::MappingValueNotAllowed, Some(colon)) = (kind, tight_colon(file, offset)) {
        return diagnostic
            .related(Place::new(file, colon), "no space after this colon")
            .help("write `key: value`, with a space after the colon");
    }
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// The character at the offset, or the last visible one of the text when the offset is its end.
pub(super) fn character_at(file: &SourceFile, offset: usize) -> Span {
    let text = file.text();
    let mut start = offset.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    if text[start..].trim().is_empty() {
        let visible = text[..start].trim_end();
        start = visible
            .char_indices()
            .next_back()
            .map_or(0, |(index, _)| index);
    }
    let length = text[start..].chars().next().map_or(0, char::len_utf8);
    Span::new(start, start + length)
}

/// On this line, before the offset, a text with an expression that no quotation mark stands around:
/// within a flow mapping its `{` would be one of YAML's.
fn bare_expression(file: &SourceFile, offset: usize) -> Option<Span> {
    let text = file.text();
    let start = text.get(..offset)?.rfind('\n').map_or(0, |end| end + 1);
    let line = text[start..].lines().next()?;
    let before = line.get(..(offset - start + 1).min(line.len()))?;
    let dollar = before.rfind("${")?;
    let (left, right) = line.split_at(dollar);
    let in_flow = left.contains(['{', '[']);
    if !in_flow || left.matches(['"', '\'']).count() % 2 == 1 {
        return None;
    }
    let first = left.rfind([' ', ',', '{', '[']).map_or(0, |end| end + 1);
    let end = right.find('}').map(|end| {
        let rest = right[end..].trim_start_matches('}');
        let tail = rest.find([' ', ',', '}', ']']).unwrap_or(rest.len());
        right.len() - rest.len() + tail
    })?;
    Some(Span::new(start + first, start + dollar + end))
}

/// On the line above, a colon that lacks the space which would make it the end of a key.
fn tight_colon(file: &SourceFile, offset: usize) -> Option<Span> {
    let line_start = file.text().get(..offset)?.rfind('\n')?;
    let above_start = file.text()[..line_start]
        .rfind('\n')
        .map_or(0, |start| start + 1);
    let above = &file.text()[above_start..line_start];
    let colon = above_start + above.find(':').filter(|_| !above.contains(": "))?;
    let is_tight =
        file.text()[colon + 1..line_start].starts_with(|next: char| !next.is_whitespace());
    is_tight.then(|| Span::new(colon, colon + 1))
}

fn words(kind: &ErrorKind) -> (Option<&'static str>, Option<&'static str>) {
    match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation => {
            (Some("a tab cannot indent YAML"), Some("indent with spaces"))
        }
        ErrorKind::UnclosedQuotedScalar => (
            Some("a quoted text is not closed"),
            Some("add the closing quotation mark"),
        ),
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping => (
            Some("a bracket is not closed"),
            Some("add the closing `]` or `}`"),
        ),
        ErrorKind::MismatchedFlowCollectionEnd { .. } | ErrorKind::MisplacedFlowCollectionEnd => (
            Some("this bracket closes none that is open"),
            Some("match each `[` with `]` and each `{` with `}`"),
        ),
        ErrorKind::ExpectedFlowMappingSeparator => (
            Some("a `,` or `}` is missing before this"),
            Some("separate fields by `,`, and close every `{` that is open"),
        ),
        ErrorKind::ExpectedFlowSequenceSeparator => (
            Some("a `,` or `]` is missing before this"),
            Some("separate elements by `,`, and close every `[` that is open"),
        ),
        ErrorKind::UnknownAnchor => (
            Some("this alias stands for nothing"),
            Some("an alias `*name` needs an anchor `&name` before it"),
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => (
            Some("a `:` is missing after this key"),
            Some("write `key: value`, with a space after the colon"),
        ),
        ErrorKind::MappingValueNotAllowed => (
            Some("a `key: value` cannot begin here"),
            Some("put text that contains `: ` into quotation marks, or check the indentation"),
        ),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => (
            Some("this does not line up with the keys above it"),
            Some("indent all keys of one mapping alike"),
        ),
        ErrorKind::ExpectedBlockSequenceEntry | ErrorKind::BlockSequenceEntryNotAllowed => (
            Some("this does not line up with the list around it"),
            Some("begin each element of a list with `- `, all indented alike"),
        ),
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            Some("nothing may follow the closing quotation mark here"),
            Some("separate elements by `,`; write a quotation mark inside as `\\\"` or `''`"),
        ),
        ErrorKind::RecursionLimitExceeded => (Some("this is nested too deep"), None),
        ErrorKind::UnknownQuotedScalarEscape => (
            Some("this escape does not exist"),
            Some("write `\\\\` for a backslash, or use 'single' quotation marks"),
        ),
        ErrorKind::UnexpectedCharacter {
            character: '%' | '@' | '`',
        } => (
            Some("a text without quotation marks cannot begin with this character"),
            Some("put the text into quotation marks"),
        ),
        _ => (None, None),
    }
}
