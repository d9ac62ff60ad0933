//! What can be written at a position.

use gen_lsp_types::{
    CompletionItem, CompletionItemKind, CompletionItemTextEdit, Documentation, Range, TextEdit,
};

use super::cursor::{ELEMENT, Part, cursor};
use super::fields::Choice;
use super::known::Known;
use crate::document::Syntax;

/// The names that begin an expression.
const ROOTS: [(&str, &str); 5] = [
    ("vars.", "a variable"),
    ("matrix.", "a value of the matrix"),
    ("window.start", "the beginning of the period"),
    ("window.end", "the end of the period"),
    ("key", "the key of the job"),
];

/// The completions at an offset of the text; each replaces what is typed already.
pub(super) fn completions(known: &Known<'_>, text: &str, offset: usize) -> Vec<CompletionItem> {
    let at = cursor(text, offset, known.syntax);
    let items = match at.part {
        Part::Expression => expressions(known, &at.typed),
        Part::Value => values(known, &at.path),
        // In a sequence of the block style, a key may still become a value.
        Part::Key if at.path.last().is_some_and(|last| last == ELEMENT) => {
            [values(known, &at.path), keys(known, &at.path, text, offset)].concat()
        }
        Part::Key => keys(known, &at.path, text, offset),
    };
    let typed = match at.part {
        Part::Expression => word_at_end(&at.typed),
        _ => at.typed.as_str(),
    };
    let start = offset - typed.len().min(offset);
    let range = Range::new(known.position(text, start), known.position(text, offset));
    items.into_iter().map(|item| placed(item, range)).collect()
}

/// The item at its place.
fn placed(mut item: CompletionItem, range: Range) -> CompletionItem {
    let text = item
        .insert_text
        .take()
        .unwrap_or_else(|| item.label.clone());
    item.text_edit = Some(CompletionItemTextEdit::TextEdit(TextEdit::new(range, text)));
    item
}

/// The fields that are not there yet; those that are required come first.
fn keys(known: &Known<'_>, path: &[String], text: &str, offset: usize) -> Vec<CompletionItem> {
    let there = keys_beside(text, offset, known.syntax);
    let rest = &text[offset..];
    let line = rest.lines().next().unwrap_or_default();
    let has_sign = line.trim_start().starts_with([':', '=', ']', '.']);
    let in_header = known.syntax == Syntax::Toml
        && text[..offset]
            .lines()
            .last()
            .is_some_and(|line| line.trim_start().starts_with('['));
    let sign = match known.syntax {
        _ if has_sign || in_header => "",
        Syntax::Yaml => ": ",
        Syntax::Toml => " = ",
    };
    let fields = known.fields.fields(path);
    let missing = fields
        .into_iter()
        .filter(|field| !there.contains(&field.name));
    let item = |field: Choice| CompletionItem {
        kind: Some(CompletionItemKind::Field),
        insert_text: Some(format!("{}{sign}", field.name)),
        sort_text: Some(format!("{}{}", u8::from(!field.is_required), field.name)),
        documentation: field.description.map(Documentation::String),
        label: field.name,
        ..CompletionItem::default()
    };
    missing.map(item).collect()
}

fn values(known: &Known<'_>, path: &[String]) -> Vec<CompletionItem> {
    let words = known
        .fields
        .words(path)
        .into_iter()
        .chain(known.names(path));
    let item = |word: Choice| CompletionItem {
        kind: Some(CompletionItemKind::Value),
        documentation: word.description.map(Documentation::String),
        label: word.name,
        ..CompletionItem::default()
    };
    words.map(item).collect()
}

fn expressions(known: &Known<'_>, typed: &str) -> Vec<CompletionItem> {
    let word = word_at_end(typed);
    let variables = known.variables().map(|(name, value)| CompletionItem {
        label: format!("vars.{name}"),
        kind: Some(CompletionItemKind::Variable),
        detail: Some(value.to_owned()),
        ..CompletionItem::default()
    });
    let roots = ROOTS.into_iter().map(|(name, about)| CompletionItem {
        label: name.to_owned(),
        kind: Some(CompletionItemKind::Keyword),
        detail: Some(about.to_owned()),
        ..CompletionItem::default()
    });
    if word.starts_with("vars.") {
        variables.collect()
    } else {
        variables.chain(roots).collect()
    }
}

/// The name that the text ends with, with its dots.
fn word_at_end(text: &str) -> &str {
    let is_name = |character: char| character.is_alphanumeric() || matches!(character, '_' | '.');
    let start = text.trim_end_matches(is_name).len();
    &text[start..]
}

/// The keys that stand in the same mapping of the block style, or the same table.
fn keys_beside(text: &str, offset: usize, syntax: Syntax) -> Vec<String> {
    let start = text[..offset].rfind('\n').map_or(0, |end| end + 1);
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let own = indent(&text[start..offset]);
    let is_over = |line: &&str| match syntax {
        Syntax::Yaml => !line.trim().is_empty() && indent(line) < own,
        Syntax::Toml => line.trim_start().starts_with('['),
    };
    let before = text[..start]
        .lines()
        .rev()
        .take_while(|line| !is_over(line));
    let after = text[offset..]
        .lines()
        .skip(1)
        .take_while(|line| !is_over(line));
    let sign = match syntax {
        Syntax::Yaml => ':',
        Syntax::Toml => '=',
    };
    let is_beside = |line: &&str| syntax == Syntax::Toml || indent(line) == own;
    let key = |line: &str| {
        let (key, _) = line.split_once(sign)?;
        Some(key.trim().trim_matches(['"', '\'']).to_owned())
    };
    before
        .chain(after)
        .filter(is_beside)
        .filter_map(key)
        .collect()
}
