//! Builds the tree within limits of size and depth.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::tree::{Children, Document, Node, NodeId, Text, Value};
use crate::diagnostic::Diagnostic;
use crate::source::{Place, SourceFile, Span};

/// Levels of lists and mappings; the format needs six.
const DEPTH_LIMIT: usize = 64;
/// Nodes of a file, aliases written out.
const NODE_LIMIT: u64 = 4_000_000;
/// Bytes of text of a file, aliases written out.
const TEXT_LIMIT: u64 = 256 * 1024 * 1024;
/// Findings that are reported of one file.
pub(crate) const FINDING_LIMIT: usize = 1_000;
/// Below it, comparing keys with one another is faster than hashing them.
const FEW_KEYS: usize = 16;

/// Size of a subtree with every alias written out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    nodes: u64,
    text: u64,
}

/// A node that aliases can refer to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor {
    node: NodeId,
    weight: Weight,
}

struct Open {
    node: NodeId,
    is_mapping: bool,
    first_pending: usize,
    weight_before: Weight,
}

pub(super) struct Builder<'file> {
    file: &'file Arc<SourceFile>,
    nodes: Vec<Node>,
    children: Vec<NodeId>,
    decoded: String,
    /// Children of the collections that are still open.
    pending: Vec<NodeId>,
    open: Vec<Open>,
    weight: Weight,
    findings: Vec<Diagnostic>,
}

impl<'file> Builder<'file> {
    pub(super) fn new(file: &'file Arc<SourceFile>) -> Self {
        Self {
            file,
            nodes: Vec::new(),
            children: Vec::new(),
            decoded: String::new(),
            pending: Vec::new(),
            open: Vec::new(),
            weight: Weight::default(),
            findings: Vec::new(),
        }
    }

    pub(super) fn place(&self, span: Span) -> Place {
        Place::new(self.file, span)
    }

    pub(super) fn source(&self) -> &'file Arc<SourceFile> {
        self.file
    }

    /// Keeps a finding that does not end the reading, until there are too many.
    pub(super) fn report(&mut self, finding: Diagnostic) {
        if self.findings.len() < FINDING_LIMIT {
            self.findings.push(finding);
        }
    }

    /// Whether the next node is the key of an entry.
    pub(super) fn expects_key(&self) -> bool {
        self.open.last().is_some_and(|open| {
            open.is_mapping && (self.pending.len() - open.first_pending).is_multiple_of(2)
        })
    }

    /// Keeps a text, without a copy where it is a part of the file.
    pub(super) fn text(&mut self, text: &str) -> Text {
        let source = self.file.text();
        let offset = (text.as_ptr() as usize).wrapping_sub(source.as_ptr() as usize);
        if offset <= source.len() && text.len() <= source.len() - offset {
            return Text::Source(Span::new(offset, offset + text.len()));
        }
        let start = self.decoded.len();
        self.decoded.push_str(text);
        Text::Decoded(Span::new(start, self.decoded.len()))
    }

    /// Adds a node without children.
    pub(super) fn scalar(&mut self, span: Span, value: Value) -> Result<Anchor, Diagnostic> {
        let length = match value {
            Value::Text(Text::Source(text) | Text::Decoded(text)) => text.end - text.start,
            _ => 0,
        };
        let weight = Weight {
            nodes: 1,
            text: u64::from(length),
        };
        self.weigh(span, weight)?;
        let node = self.add(span, value);
        Ok(Anchor { node, weight })
    }

    /// Adds the node that an alias refers to.
    pub(super) fn alias(&mut self, span: Span, anchor: Anchor) -> Result<(), Diagnostic> {
        self.weigh(span, anchor.weight)?;
        self.pending.push(anchor.node);
        Ok(())
    }

    /// Begins a list or a mapping.
    pub(super) fn open(&mut self, span: Span, is_mapping: bool) -> Result<(), Diagnostic> {
        if self.open.len() == DEPTH_LIMIT {
            let message = format!("this is nested more than {DEPTH_LIMIT} levels deep");
            return Err(Diagnostic::error("too-deep", message).at(self.place(span)));
        }
        let weight_before = self.weight;
        self.weigh(span, Weight { nodes: 1, text: 0 })?;
        let node = self.add(span, Value::Null);
        self.open.push(Open {
            node,
            is_mapping,
            first_pending: self.pending.len(),
            weight_before,
        });
        Ok(())
    }

    /// Ends the innermost list or mapping; `end` is the offset after it.
    pub(super) fn close(&mut self, end: Option<u32>) -> Option<Anchor> {
        let open = self.open.pop()?;
        if open.is_mapping {
            self.check_keys(open.first_pending);
        }
        let children = Children {
            first: narrow(self.children.len()),
            count: narrow(self.pending.len() - open.first_pending),
        };
        self.children
            .extend(self.pending.drain(open.first_pending..));
        let node = &mut self.nodes[open.node.0 as usize];
        node.value = if open.is_mapping {
            Value::Mapping(children)
        } else {
            Value::Sequence(children)
        };
        if let Some(end) = end {
            node.span.end = end.max(node.span.start);
        }
        let weight = Weight {
            nodes: self.weight.nodes - open.weight_before.nodes,
            text: self.weight.text - open.weight_before.text,
        };
        Some(Anchor {
            node: open.node,
            weight,
        })
    }

    /// The finished tree; a file that holds nothing is an empty mapping.
    pub(super) fn finish(
        mut self,
        outcome: Result<(), Diagnostic>,
    ) -> Result<Document, Vec<Diagnostic>> {
        self.findings.extend(outcome.err());
        if self.findings.iter().any(Diagnostic::is_error) {
            return Err(self.findings);
        }
        let root = match self.pending.first() {
            Some(root) => *root,
            None => self.add(Span::default(), Value::Null),
        };
        if self.nodes[root.0 as usize].value == Value::Null {
            self.nodes[root.0 as usize].value = Value::Mapping(Children::default());
        }
        Ok(Document {
            file: Arc::clone(self.file),
            nodes: self.nodes,
            children: self.children,
            decoded: self.decoded,
            root,
            warnings: self.findings,
            schema_errors: None,
        })
    }

    fn add(&mut self, span: Span, value: Value) -> NodeId {
        let id = NodeId(narrow(self.nodes.len()));
        self.nodes.push(Node { value, span });
        self.pending.push(id);
        id
    }

    fn weigh(&mut self, span: Span, more: Weight) -> Result<(), Diagnostic> {
        self.weight.nodes += more.nodes;
        self.weight.text += more.text;
        if self.weight.nodes <= NODE_LIMIT && self.weight.text <= TEXT_LIMIT {
            return Ok(());
        }
        let message = "this file holds more than a file may hold once its aliases are written out";
        let help = format!(
            "split it: at most {NODE_LIMIT} values and {} MiB of text",
            TEXT_LIMIT >> 20
        );
        let diagnostic = Diagnostic::error("file-too-large", message);
        Err(diagnostic.help(help).at(self.place(span)))
    }

    fn check_keys(&mut self, first: usize) {
        let keys = || self.pending[first..].iter().step_by(2).copied();
        let bad = keys().filter_map(|key| self.check_key(key));
        let repeated = self.repeated_keys(first);
        let repeated = repeated
            .iter()
            .map(|(earlier, later)| self.duplicate_key(*earlier, *later));
        let room = FINDING_LIMIT.saturating_sub(self.findings.len());
        let findings: Vec<Diagnostic> = bad.chain(repeated).take(room).collect();
        self.findings.extend(findings);
    }

    /// Keys of the innermost mapping that are written again, each with the earlier one.
    fn repeated_keys(&self, first: usize) -> Vec<(NodeId, NodeId)> {
        let keys = || self.pending[first..].iter().step_by(2).copied();
        if self.pending.len() - first > 2 * FEW_KEYS {
            let mut seen = HashMap::new();
            let insert = |later| Some((seen.insert(self.key_text(later), later)?, later));
            return keys().filter_map(insert).collect();
        }
        let earlier = |(index, later)| {
            let same = |earlier: &NodeId| self.key_text(*earlier) == self.key_text(later);
            Some((keys().take(index).find(same)?, later))
        };
        keys().enumerate().filter_map(earlier).collect()
    }

    fn check_key(&self, key: NodeId) -> Option<Diagnostic> {
        let node = self.nodes[key.0 as usize];
        let Value::Text(_) = node.value else {
            let message = "a key must be text, not a list or a mapping";
            return Some(Diagnostic::error("key-not-text", message).at(self.place(node.span)));
        };
        (self.file.slice(node.span) == "<<").then(|| {
            Diagnostic::error("merge-key", "merge keys are not part of YAML 1.2")
                .at(self.place(node.span))
                .label("this would not merge anything")
                .help("write the fields out, or put what the jobs share under `defaults`")
        })
    }

    fn key_text(&self, key: NodeId) -> Option<&str> {
        match self.nodes[key.0 as usize].value {
            Value::Text(Text::Source(span)) => Some(self.file.slice(span)),
            Value::Text(Text::Decoded(span)) => self.decoded.get(span.range()),
            _ => None,
        }
    }

    fn duplicate_key(&self, earlier: NodeId, later: NodeId) -> Diagnostic {
        let span = |key: NodeId| self.nodes[key.0 as usize].span;
        let key = self.key_text(later).map_or(Cow::Borrowed("?"), shorten);
        Diagnostic::error("duplicate-key", format!("`{key}` is written twice"))
            .at(self.place(span(later)))
            .label("the second one")
            .related(self.place(span(earlier)), "the first one")
            .help("remove one of them, or give it another name")
    }
}

/// A text short enough for a sentence.
pub(crate) fn shorten(text: &str) -> Cow<'_, str> {
    const LIMIT: usize = 48;
    let is_plain = text.len() <= LIMIT && !text.chars().any(char::is_control);
    if is_plain {
        return Cow::Borrowed(text);
    }
    let mut short: String = text
        .chars()
        .take(LIMIT)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(LIMIT).is_some() {
        short.push('…');
    }
    Cow::Owned(short)
}

/// Counts stay far below 32 bits: a file is at most 64 MiB.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
