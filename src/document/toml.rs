//! TOML into the tree.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, Error};

use super::builder::{Builder, FINDING_LIMIT};
use super::tree::{Document, Value};
use super::yaml_error::character_at;
use crate::diagnostic::Diagnostic;
use crate::source::{Place, SourceFile, Span};

/// Reads a file; every mistake of its syntax is reported.
pub(super) fn parse(file: &Arc<SourceFile>) -> Result<Document, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(file.text());
    if !errors.is_empty() {
        return Err(errors
            .iter()
            .take(FINDING_LIMIT)
            .map(|error| syntax_error(file, error))
            .collect());
    }
    let mut builder = Builder::new(file);
    let whole = Span::new(0, file.text().len());
    let outcome = add_table(&mut builder, table.into_inner(), whole);
    builder.finish(outcome)
}

fn syntax_error(file: &Arc<SourceFile>, error: &Error) -> Diagnostic {
    let span = match error.span() {
        Some(range) if !range.is_empty() && !file.text()[range.clone()].trim().is_empty() => {
            Span::new(range.start, range.end)
        }
        range => character_at(file, range.map_or(file.text().len(), |range| range.start)),
    };
    let place = Place::new(file, span);
    let message = error.message();
    if message == "duplicate key" {
        let key = super::shorten(file.slice(span)).into_owned();
        return Diagnostic::error("duplicate-key", format!("`{key}` is written twice"))
            .at(place)
            .help("remove one of them, or give it another name");
    }
    let error = |message: &str| Diagnostic::error("invalid-toml", message).at(place.clone());
    if message.starts_with("string values must be quoted") {
        let written = file.slice(span).trim();
        if !written.is_empty() && !written.starts_with('=') {
            return error("text has to stand in quotation marks")
                .help("put it into quotation marks");
        }
        // The place may be the blank after the sign.
        let before = file.text().get(..span.range().end).unwrap_or_default();
        let end = before.trim_end().len();
        return Diagnostic::error("invalid-toml", "a value is missing behind this")
            .at(Place::new(file, Span::new(end.saturating_sub(1), end)))
            .help("write a value, or remove the field");
    }
    if message.starts_with("invalid offset") {
        return error("a time without quotation marks needs a colon in its offset")
            .help("write `+08:00`, or put the time into quotation marks");
    }
    error(&format!("this is not TOML: {message}"))
}

fn add_table(builder: &mut Builder<'_>, table: DeTable<'_>, span: Span) -> Result<(), Diagnostic> {
    builder.open(span, true)?;
    let mut entries: Vec<_> = table.into_iter().collect();
    // The reader's map is sorted by key; the order of the file is what people see.
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        add_key(builder, &key)?;
        add_value(builder, value)?;
    }
    builder.close(None);
    Ok(())
}

fn add_key(builder: &mut Builder<'_>, key: &Spanned<DeString<'_>>) -> Result<(), Diagnostic> {
    let text = builder.text(key.get_ref());
    builder.scalar(bytes(key), Value::Text(text))?;
    Ok(())
}

fn add_value(builder: &mut Builder<'_>, value: Spanned<DeValue<'_>>) -> Result<(), Diagnostic> {
    let span = bytes(&value);
    let value = match value.into_inner() {
        DeValue::Table(table) => return add_table(builder, table, span),
        DeValue::Array(array) => {
            builder.open(span, false)?;
            for element in array {
                add_value(builder, element)?;
            }
            builder.close(None);
            return Ok(());
        }
        DeValue::Boolean(value) => Value::Boolean(value),
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
            .map_or_else(|_| float(digits.as_str()), Value::Integer),
        DeValue::Float(digits) => float(digits.as_str()),
        DeValue::String(text) => Value::Text(builder.text(&text)),
        // A bare date becomes text, as in YAML; with `T`, as the format requires.
        DeValue::Datetime(moment) => Value::Text(builder.text(&moment.to_string())),
    };
    builder.scalar(span, value)?;
    Ok(())
}

fn float(digits: &str) -> Value {
    Value::Float(digits.parse().unwrap_or(f64::NAN))
}

fn bytes<T>(value: &Spanned<T>) -> Span {
    let range = value.span();
    Span::new(range.start, range.end)
}
