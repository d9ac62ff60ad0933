//! Where a position lies in a file, told from the text before it: half a line is no document yet.

use crate::document::Syntax;

/// What is being written at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The keys that lead there; an element of a sequence is [`ELEMENT`].
    pub(super) path: Vec<String>,
    pub(super) part: Part,
    /// What is written of it so far.
    pub(super) typed: String,
}

/// The part of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Key,
    /// The value of the last key of the path.
    Value,
    /// An expression in the value of the last key of the path.
    Expression,
}

/// Stands for an element of a sequence in a path.
pub(super) const ELEMENT: &str = "[]";

/// Looks at the position `offset` of a text.
pub(super) fn cursor(text: &str, offset: usize, syntax: Syntax) -> Cursor {
    let before = &text[..text.floor_char_boundary(offset)];
    let before = before.trim_start_matches('\u{feff}');
    let mut scanner = Scanner::new(syntax);
    let mut lines = before.split('\n').peekable();
    while let Some(line) = lines.next() {
        // A blank line says nothing, unless the position is in it.
        if lines.peek().is_none() || !line.trim().is_empty() {
            scanner.line(line.trim_end_matches('\r'));
        }
    }
    let mut cursor = scanner.cursor();
    if !before.ends_with(&cursor.typed) {
        cursor.typed.clear();
    }
    cursor
}

/// A mapping or sequence of the block style that is open.
#[derive(Debug)]
struct Block {
    indent: usize,
    key: String,
}

/// A mapping or sequence in brackets that is open.
#[derive(Debug)]
struct Flow {
    is_mapping: bool,
    key: Option<String>,
}

#[derive(Debug)]
struct Scanner {
    syntax: Syntax,
    /// The table that the last header of TOML named.
    table: Vec<String>,
    blocks: Vec<Block>,
    flows: Vec<Flow>,
    /// The key of the current line at no bracket, in TOML.
    line_key: Option<Vec<String>>,
    token: String,
    quote: Option<char>,
    in_value: bool,
}

impl Scanner {
    fn new(syntax: Syntax) -> Self {
        Self {
            syntax,
            table: Vec::new(),
            blocks: Vec::new(),
            flows: Vec::new(),
            line_key: None,
            token: String::new(),
            quote: None,
            in_value: false,
        }
    }

    fn line(&mut self, line: &str) {
        if !self.flows.is_empty() {
            self.quote = None;
            self.token.clear();
            return self.characters(line);
        }
        self.quote = None;
        self.token.clear();
        self.in_value = false;
        self.line_key = None;
        match self.syntax {
            Syntax::Yaml => self.yaml_line(line),
            Syntax::Toml => self.toml_line(line),
        }
    }

    fn yaml_line(&mut self, line: &str) {
        let mut rest = line.trim_start_matches(' ');
        let mut indent = line.len() - rest.len();
        if rest.starts_with('#') {
            return;
        }
        loop {
            let is_element = rest == "-" || rest.starts_with("- ");
            self.blocks.retain(|block| {
                block.indent < indent
                    || (is_element && block.indent == indent && block.key != ELEMENT)
            });
            if !is_element {
                break;
            }
            self.blocks.push(Block {
                indent,
                key: ELEMENT.to_owned(),
            });
            let after = rest[1..].trim_start_matches(' ');
            indent += rest.len() - after.len();
            rest = after;
        }
        if let Some((key, value)) = yaml_key(rest) {
            self.blocks.push(Block { indent, key });
            self.in_value = true;
            self.characters(value);
        } else if rest.starts_with(['{', '[']) {
            self.in_value = true;
            self.characters(rest);
        } else {
            rest.clone_into(&mut self.token);
        }
    }

    fn toml_line(&mut self, line: &str) {
        let line = line.trim_start();
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_start_matches('[');
            let (name, is_whole) = match header.split_once(']') {
                Some((name, _)) => (name, true),
                None => (header, false),
            };
            self.table = dotted(name);
            if !is_whole {
                // The last part is being written.
                self.token = self.table.pop().unwrap_or_default();
            }
        } else if let Some((key, value)) = line.split_once('=') {
            self.line_key = Some(dotted(key));
            self.in_value = true;
            self.characters(value);
        } else if !line.starts_with('#') {
            line.clone_into(&mut self.token);
        }
    }

    /// Reads what may hold brackets.
    fn characters(&mut self, text: &str) {
        let separator = match self.syntax {
            Syntax::Yaml => ':',
            Syntax::Toml => '=',
        };
        let mut characters = text.chars().peekable();
        let mut expressions = 0_u32;
        while let Some(character) = characters.next() {
            if let Some(quote) = self.quote {
                if character == quote {
                    self.quote = None;
                }
                self.token.push(character);
                continue;
            }
            let is_plain = !self.token.trim().is_empty();
            match character {
                '$' if characters.peek() == Some(&'{') => {
                    characters.next();
                    expressions += 1;
                    self.token.push_str("${");
                }
                '}' if expressions > 0 => {
                    expressions -= 1;
                    self.token.push('}');
                }
                _ if expressions > 0 => self.token.push(character),
                '"' | '\'' if !is_plain => {
                    self.quote = Some(character);
                    self.token.push(character);
                }
                '#' if self.token.is_empty() || self.token.ends_with(' ') => return,
                '{' | '[' if !is_plain => {
                    self.token.clear();
                    self.flows.push(Flow {
                        is_mapping: character == '{',
                        key: None,
                    });
                    self.in_value = false;
                }
                '}' | ']' if !self.flows.is_empty() => {
                    self.flows.pop();
                    self.token.clear();
                    self.in_value = true;
                }
                ',' if !self.flows.is_empty() => {
                    self.token.clear();
                    self.in_value = false;
                    if let Some(flow) = self.flows.last_mut() {
                        flow.key = None;
                    }
                }
                _ if character == separator && !self.in_value => {
                    let key = unquoted(&self.token);
                    if let Some(flow) = self.flows.last_mut().filter(|flow| flow.is_mapping) {
                        flow.key = Some(key);
                        self.in_value = true;
                        self.token.clear();
                    }
                }
                _ => self.token.push(character),
            }
        }
    }

    fn cursor(self) -> Cursor {
        let mut path = self.table;
        path.extend(self.blocks.into_iter().map(|block| block.key));
        path.extend(self.line_key.into_iter().flatten());
        let in_element = self.flows.last().is_some_and(|flow| !flow.is_mapping);
        for flow in self.flows {
            let element = (!flow.is_mapping).then(|| ELEMENT.to_owned());
            path.extend(flow.key.or(element));
        }
        let typed = self.token.trim_start();
        let expression = typed
            .rfind("${")
            .filter(|start| !typed[*start..].contains('}'));
        let (part, typed) = match expression {
            Some(start) => (Part::Expression, typed[start + 2..].to_owned()),
            None if self.in_value || in_element => (
                Part::Value,
                typed.trim_start_matches(['"', '\'']).to_owned(),
            ),
            None => (Part::Key, typed.trim_start_matches(['"', '\'']).to_owned()),
        };
        Cursor { path, part, typed }
    }
}

/// The key of a line of the block style, and what follows its colon.
fn yaml_key(line: &str) -> Option<(String, &str)> {
    if let Some(quote) = line
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))
    {
        let end = line[1..].find(quote)? + 1;
        let value = line[end + 1..].trim_start().strip_prefix(':')?;
        return Some((line[1..end].to_owned(), value));
    }
    if line.starts_with(['{', '[']) {
        return None;
    }
    let end = line
        .match_indices(':')
        .map(|(index, _)| index)
        .find(|index| matches!(line.as_bytes().get(index + 1), None | Some(b' ')))?;
    Some((line[..end].trim_end().to_owned(), &line[end + 1..]))
}

/// The parts of a dotted key.
fn dotted(key: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quote = None;
    for character in key.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '.') => parts.push(String::new()),
            (None, ' ' | '\t') => {}
            _ => {
                if let Some(part) = parts.last_mut() {
                    part.push(character);
                }
            }
        }
    }
    parts
}

fn unquoted(text: &str) -> String {
    text.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Part, cursor};
    use crate::document::Syntax;

    /// The cursor at the mark `|`.
    fn at(text: &str, syntax: Syntax) -> (String, Part, String) {
        let offset = text.find('|').unwrap();
        let Cursor { path, part, typed } = cursor(&text.replace('|', ""), offset, syntax);
        (path.join("/"), part, typed)
    }

    #[track_caller]
    fn check(syntax: Syntax, text: &str, path: &str, part: Part, typed: &str) {
        assert_eq!(
            at(text, syntax),
            (path.to_owned(), part, typed.to_owned()),
            "{text}"
        );
    }

    #[test]
    fn yaml_positions() {
        use Part::{Expression, Key, Value};
        for (text, path, part, typed) in [
            ("|", "", Key, ""),
            ("jo|", "", Key, "jo"),
            ("jobs:\n  |", "jobs", Key, ""),
            (
                "jobs:\n  a:\n    in|\n    operation: {}\n",
                "jobs/a",
                Key,
                "in",
            ),
            ("jobs:\n  a:\n    input: { pre|", "jobs/a/input", Key, "pre"),
            (
                "jobs:\n  a:\n    input: { prefix: x, ob| }",
                "jobs/a/input",
                Key,
                "ob",
            ),
            (
                "jobs:\n  a:\n    input: { prefix: | }",
                "jobs/a/input/prefix",
                Value,
                "",
            ),
            (
                "jobs:\n  a:\n    overlap: al|",
                "jobs/a/overlap",
                Value,
                "al",
            ),
            (
                "jobs:\n  a:\n    name: \"x ${ vars.o|",
                "jobs/a/name",
                Expression,
                " vars.o",
            ),
            (
                "jobs:\n\n  a:\n\n    name: \"${ vars.o }|",
                "jobs/a/name",
                Value,
                "${ vars.o }",
            ),
            (
                "jobs:\n  a:\n    name: x ${ vars.o|",
                "jobs/a/name",
                Expression,
                " vars.o",
            ),
            (
                "jobs:\n  a:\n    operation:\n      workflow_ids:\n        - w|",
                "jobs/a/operation/workflow_ids/[]",
                Key,
                "w",
            ),
            (
                "jobs:\n  a:\n    operation: { workflow_ids: [w1, |",
                "jobs/a/operation/workflow_ids/[]",
                Value,
                "",
            ),
            (
                "jobs: {\n  a: { input: { prefix: a },\n    op|",
                "jobs/a",
                Key,
                "op",
            ),
            ("jobs:\n  a: {}\n|", "", Key, ""),
        ] {
            check(Syntax::Yaml, text, path, part, typed);
        }
    }

    #[test]
    fn toml_positions() {
        use Part::{Key, Value};
        for (text, path, part, typed) in [
            ("de|", "", Key, "de"),
            ("[targets.lo|", "targets", Key, "lo"),
            ("[targets.local]\nbu|", "targets/local", Key, "bu"),
            (
                "[targets.local]\nservice = |",
                "targets/local/service",
                Value,
                "",
            ),
            (
                "[targets.local]\nservice = \"em|",
                "targets/local/service",
                Value,
                "em",
            ),
            (
                "[targets.\"a.b\".workflows]\nw1 = { com|",
                "targets/a.b/workflows/w1",
                Key,
                "com",
            ),
            ("[a]\nx = [\n  1,\n  |", "a/x/[]", Value, ""),
        ] {
            check(Syntax::Toml, text, path, part, typed);
        }
    }
}
