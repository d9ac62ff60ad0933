//! What of a tree does not fit its schema, so that all the rest of it can still be read.

use std::collections::{HashMap, HashSet};

use super::tree::{Document, NodeId, Value};

/// What is wrong where in a tree; all of it has been reported.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    broken: HashSet<NodeId>,
    unknown_keys: HashSet<NodeId>,
    /// Fields that a mapping should have, or has under another name: these are the values.
    lost: HashMap<NodeId, Vec<(String, Option<NodeId>)>>,
    open: HashSet<NodeId>,
}

impl Marks {
    /// This value is not what it should be.
    pub(crate) fn break_value(&mut self, value: NodeId) {
        self.broken.insert(value);
    }

    /// Nobody knows the field of this key.
    pub(crate) fn unknown_key(&mut self, key: NodeId) {
        self.unknown_keys.insert(key);
    }

    /// The mapping was to have this field, which has perhaps been written as `value`.
    pub(crate) fn lose_field(&mut self, mapping: NodeId, field: &str, value: Option<NodeId>) {
        let lost = self.lost.entry(mapping).or_default();
        lost.push((field.to_owned(), value));
    }

    /// Every field that the mapping does not have may have been meant to be in it.
    pub(crate) fn lose_any_field(&mut self, mapping: NodeId) {
        self.open.insert(mapping);
    }

    pub(super) fn is_broken(&self, value: NodeId) -> bool {
        self.broken.contains(&value)
    }

    pub(super) fn is_unknown(&self, key: NodeId) -> bool {
        self.unknown_keys.contains(&key)
    }

    /// Which of `fields`, all that the mapping may have and does not have, were lost.
    pub(super) fn lost<'a>(
        &'a self,
        mapping: NodeId,
        fields: impl Iterator<Item = &'a str>,
    ) -> Vec<(&'a str, Option<NodeId>)> {
        let lost = self.lost.get(&mapping).map_or(&[][..], Vec::as_slice);
        let is_open = self.open.contains(&mapping);
        let known = fields.filter_map(|field| {
            let found = lost.iter().find(|(name, _)| name == field);
            let value = found.map(|(_, value)| *value);
            Some((field, value.or(is_open.then_some(None))?))
        });
        known.collect()
    }
}

impl Document {
    /// The texts in a subtree that stand where the schema wants texts.
    pub(super) fn sound_texts(&self, marks: &Marks, root: NodeId) -> Vec<NodeId> {
        let mut texts = Vec::new();
        let mut pending = vec![root];
        while let Some(id) = pending.pop() {
            match self.node(id).value {
                Value::Text(_) if !marks.is_broken(id) => texts.push(id),
                Value::Sequence(children) => {
                    pending.extend(self.elements(children).iter().rev());
                }
                Value::Mapping(children) => {
                    let known = self.entries(children);
                    let known = known.filter(|(key, _)| !marks.is_unknown(*key));
                    let values: Vec<NodeId> = known.map(|(_, value)| value).collect();
                    pending.extend(values.iter().rev());
                }
                _ => {}
            }
        }
        texts
    }
}
