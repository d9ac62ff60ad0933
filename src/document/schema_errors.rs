//! Where a tree violates its schema.
//!
//! A file with a mistake is read all the same: what the schema check has reported is looked up here
//! while the tree is deserialized, and becomes a `Field::Invalid`. So one run finds every mistake
//! of a file, and no mistake is reported twice.

use std::collections::{HashMap, HashSet};

use super::tree::{Document, NodeId, Value};

/// The nodes of a tree that violate its schema; each violation has been reported.
#[derive(Debug, Default)]
pub(crate) struct SchemaErrors {
    invalid: HashSet<NodeId>,
    unknown_keys: HashSet<NodeId>,
    /// By mapping: required fields it lacks, and fields it probably has under a misspelt name,
    /// with the value there.
    missing: HashMap<NodeId, Vec<(String, Option<NodeId>)>>,
    /// Mappings with an unknown key that resembles no field.
    any_field_missing: HashSet<NodeId>,
}

impl SchemaErrors {
    pub(crate) fn invalid_value(&mut self, value: NodeId) {
        self.invalid.insert(value);
    }

    pub(crate) fn unknown_key(&mut self, key: NodeId) {
        self.unknown_keys.insert(key);
    }

    /// `value` is what was probably meant to be the field.
    pub(crate) fn missing_field(&mut self, mapping: NodeId, field: &str, value: Option<NodeId>) {
        let missing = self.missing.entry(mapping).or_default();
        missing.push((field.to_owned(), value));
    }

    /// An unknown key of the mapping may have been meant as any of its absent fields.
    pub(crate) fn missing_any_field(&mut self, mapping: NodeId) {
        self.any_field_missing.insert(mapping);
    }

    pub(super) fn is_invalid(&self, value: NodeId) -> bool {
        self.invalid.contains(&value)
    }

    pub(super) fn is_unknown(&self, key: NodeId) -> bool {
        self.unknown_keys.contains(&key)
    }

    /// Which of the mapping's absent `fields` were probably meant to be there.
    pub(super) fn missing<'a>(
        &'a self,
        mapping: NodeId,
        fields: impl Iterator<Item = &'a str>,
    ) -> Vec<(&'a str, Option<NodeId>)> {
        let missing = self.missing.get(&mapping).map_or(&[][..], Vec::as_slice);
        let any = self.any_field_missing.contains(&mapping);
        let known = fields.filter_map(|field| {
            let found = missing.iter().find(|(name, _)| name == field);
            let value = found.map(|(_, value)| *value);
            Some((field, value.or(any.then_some(None))?))
        });
        known.collect()
    }
}

impl Document {
    /// The texts in a subtree where the schema allows a text.
    pub(super) fn valid_texts(&self, errors: &SchemaErrors, root: NodeId) -> Vec<NodeId> {
        let mut texts = Vec::new();
        let mut pending = vec![root];
        while let Some(id) = pending.pop() {
            match self.node(id).value {
                Value::Text(_) if !errors.is_invalid(id) => texts.push(id),
                Value::Sequence(children) => {
                    pending.extend(self.elements(children).iter().rev());
                }
                Value::Mapping(children) => {
                    let known = self.entries(children);
                    let known = known.filter(|(key, _)| !errors.is_unknown(*key));
                    let values: Vec<NodeId> = known.map(|(_, value)| value).collect();
                    pending.extend(values.iter().rev());
                }
                _ => {}
            }
        }
        texts
    }
}
