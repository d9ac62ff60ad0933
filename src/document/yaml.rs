//! YAML 1.2 into the tree, by the rules of its core schema.
//!
//! `no`, `on` and times stay text. Indentation is read as leniently as other tools do: a closing
//! bracket at the left margin is fine.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{
    Event, ParseResult, Parser, ScalarStyle, ScanError, Span as EventSpan, StrInput, Tag,
};

use super::builder::{Anchor, Builder};
use super::tree::{Document, Value};
use super::{yaml_1_1, yaml_error};
use crate::diagnostic::Diagnostic;
use crate::source::{SourceFile, Span};

/// Reads the one document of a file.
pub(super) fn parse(file: &Arc<SourceFile>) -> Result<Document, Vec<Diagnostic>> {
    let mut reader = Reader {
        builder: Builder::new(file),
        anchors: HashMap::new(),
        open_anchors: Vec::new(),
        documents: 0,
        tag_span: Span::default(),
    };
    let mut parser = Parser::new_from_str(file.text());
    let outcome = loop {
        match next(&mut parser) {
            None => break Ok(()),
            Some(Err(error)) => break Err(reader.syntax_error(&error)),
            Some(Ok((event, span))) => {
                if let Err(fatal) = reader.event(event, &span) {
                    break Err(fatal);
                }
            }
        }
    };
    reader.builder.finish(outcome)
}

/// The next event. Where the compiler takes this into the loop, large results are copied once more,
/// and reading takes a tenth longer.
#[inline(never)]
fn next<'text>(parser: &mut Parser<'text, StrInput<'text>>) -> Option<ParseResult<'text>> {
    parser.next_event()
}

struct Reader<'file> {
    builder: Builder<'file>,
    anchors: HashMap<usize, Anchor>,
    /// The anchor of every open collection; 0 for none.
    open_anchors: Vec<usize>,
    documents: usize,
    /// The tag of the current node, or the node when it has none.
    tag_span: Span,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, event_span: &EventSpan) -> Result<(), Diagnostic> {
        let span = bytes(event_span);
        self.tag_span = event_span.tag_span().map_or(span, |tag| bytes(&tag));
        match event {
            Event::DocumentStart(..) => self.document(span),
            Event::Alias(id) => self.alias(id, span),
            Event::Scalar(text, style, id, tag) => {
                let anchor = self.scalar(&text, style, tag.as_deref(), span)?;
                self.remember(id, anchor);
                Ok(())
            }
            Event::SequenceStart(_, id, tag) => self.open(span, false, id, tag.as_deref()),
            Event::MappingStart(_, id, tag) => self.open(span, true, id, tag.as_deref()),
            Event::SequenceEnd | Event::MappingEnd => {
                let closed = self.builder.close(Some(span.end));
                if let (Some(id), Some(anchor)) = (self.open_anchors.pop(), closed) {
                    self.remember(id, anchor);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn document(&mut self, span: Span) -> Result<(), Diagnostic> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        let message = "a job file is one YAML document, and a second one begins here";
        Err(Diagnostic::error("several-documents", message)
            .at(self.builder.place(span))
            .help("put the second document into a file of its own"))
    }

    fn remember(&mut self, id: usize, anchor: Anchor) {
        if id != 0 {
            self.anchors.insert(id, anchor);
        }
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Diagnostic> {
        match self.anchors.get(&id) {
            Some(anchor) => self.builder.alias(span, *anchor),
            None => Err(Diagnostic::error(
                "endless-alias",
                "this alias stands for something it is part of",
            )
            .at(self.builder.place(span))),
        }
    }

    fn open(
        &mut self,
        span: Span,
        is_mapping: bool,
        id: usize,
        tag: Option<&Tag>,
    ) -> Result<(), Diagnostic> {
        let fitting = if is_mapping { "map" } else { "seq" };
        match tag.map(Tag::core_suffix) {
            None => {}
            Some(Some(suffix)) if suffix == fitting => {}
            Some(_) => self.refuse_tag(),
        }
        self.open_anchors.push(id);
        self.builder.open(span, is_mapping)
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<Anchor, Diagnostic> {
        if style == ScalarStyle::Plain && tag.is_none() {
            self.warn_of_yaml_1_1(text, span);
        }
        let is_plain = style == ScalarStyle::Plain && !self.builder.expects_key();
        let value = match tag {
            None if is_plain => resolve(text),
            None => None,
            Some(tag) => self.resolve_tagged(text, tag),
        };
        let value = value.unwrap_or_else(|| Value::Text(self.builder.text(text)));
        self.builder.scalar(span, value)
    }

    /// `None` means text.
    fn resolve_tagged(&mut self, text: &str, tag: &Tag) -> Option<Value> {
        let is_non_specific =
            tag.suffix().is_empty() && tag.handle().is_empty() || tag.original() == "!";
        let suffix = tag.core_suffix();
        if is_non_specific || suffix == Some("str") {
            return None;
        }
        let value = resolve(text);
        let fits = matches!(
            (suffix, value),
            (Some("null"), Some(Value::Null))
                | (Some("bool"), Some(Value::Boolean(_)))
                | (Some("int"), Some(Value::Integer(_)))
                | (Some("float"), Some(Value::Float(_)))
        );
        if !fits {
            self.refuse_tag();
        }
        value
    }

    fn warn_of_yaml_1_1(&mut self, text: &str, span: Span) {
        let Some(meaning) = yaml_1_1::other_meaning(text) else {
            return;
        };
        let message = format!("older readers of YAML take `{text}` for {meaning}");
        let warning = Diagnostic::warning("yaml-1-1", message)
            .at(self.builder.place(span))
            .help(format!("put it into quotation marks: \"{text}\""));
        self.builder.report(warning);
    }

    fn refuse_tag(&mut self) {
        let diagnostic = Diagnostic::error("unknown-tag", "this tag does not fit this value")
            .at(self.builder.place(self.tag_span))
            .help("remove it: the format needs no tags");
        self.builder.report(diagnostic);
    }

    fn syntax_error(&self, error: &ScanError) -> Diagnostic {
        let file = self.builder.source();
        let offset = error.marker().byte_offset().unwrap_or(file.text().len());
        yaml_error::diagnostic(error.kind(), file, offset)
    }
}

fn bytes(span: &EventSpan) -> Span {
    let range = span.byte_range().unwrap_or_default();
    Span::new(range.start, range.end)
}

/// A plain scalar by the core schema; `None` means text.
fn resolve(text: &str) -> Option<Value> {
    match text.as_bytes().first() {
        None => Some(Value::Null),
        Some(b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F') => resolve_word(text),
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => resolve_number(text),
        Some(_) => None,
    }
}

fn resolve_word(text: &str) -> Option<Value> {
    match text {
        "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        "true" | "True" | "TRUE" => Some(Value::Boolean(true)),
        "false" | "False" | "FALSE" => Some(Value::Boolean(false)),
        _ => None,
    }
}

fn resolve_number(text: &str) -> Option<Value> {
    if let Some(octal) = text.strip_prefix("0o") {
        return radix(octal, 8);
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return radix(hexadecimal, 16);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => {
            let infinity = if text.starts_with('-') {
                f64::NEG_INFINITY
            } else {
                f64::INFINITY
            };
            return Some(Value::Float(infinity));
        }
        ".nan" | ".NaN" | ".NAN" if unsigned.len() == text.len() => {
            return Some(Value::Float(f64::NAN));
        }
        _ => {}
    }
    if !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        let integer = text.parse().map(Value::Integer).ok();
        return integer.or_else(|| text.parse().map(Value::Float).ok());
    }
    is_float(unsigned)
        .then(|| text.parse().map(Value::Float).ok())
        .flatten()
}

fn radix(digits: &str, radix: u32) -> Option<Value> {
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    i64::from_str_radix(digits, radix).map(Value::Integer).ok()
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(unsigned: &str) -> bool {
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    has_digits && all_digits(whole) && all_digits(fraction) && exponent_fits
}

#[cfg(test)]
mod tests {
    use super::{Value, resolve};

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        let cases: &[(&str, Option<Value>)] = &[
            ("", Some(Value::Null)),
            ("~", Some(Value::Null)),
            ("null", Some(Value::Null)),
            ("true", Some(Value::Boolean(true))),
            ("False", Some(Value::Boolean(false))),
            ("12", Some(Value::Integer(12))),
            ("-7", Some(Value::Integer(-7))),
            ("+7", Some(Value::Integer(7))),
            ("010", Some(Value::Integer(10))),
            ("0o10", Some(Value::Integer(8))),
            ("0x1F", Some(Value::Integer(31))),
            ("1.5", Some(Value::Float(1.5))),
            (".5", Some(Value::Float(0.5))),
            ("5.", Some(Value::Float(5.0))),
            ("1e3", Some(Value::Float(1000.0))),
            ("-.inf", Some(Value::Float(f64::NEG_INFINITY))),
            (
                "18446744073709551616",
                Some(Value::Float(18_446_744_073_709_551_616.0)),
            ),
        ];
        for (text, value) in cases {
            assert_eq!(resolve(text), *value, "{text:?}");
        }
        for text in [
            "no",
            "yes",
            "on",
            "off",
            "y",
            "tRUE",
            "nul",
            "2022-02-01",
            "12:30:45",
            "1_000",
            "0b11",
            "0x",
            "0o8",
            "+0x1",
            "-",
            "+",
            ".",
            "-.",
            ".e1",
            "e1",
            "1e",
            "1.2.3",
            "-.nan",
            "2022-02-01T12:00:00+0800",
        ] {
            assert_eq!(resolve(text), None, "{text:?}");
        }
    }
}
