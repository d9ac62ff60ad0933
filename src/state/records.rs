//! All records of one state, in memory.

use std::collections::HashMap;
use std::sync::Arc;

use super::record::Record;
use crate::job::{Fingerprint, JobKey};

/// All records of one state: one a fingerprint, found by fingerprint and by key.
#[derive(Debug, Clone, Default)]
pub struct Records {
    by_fingerprint: HashMap<Fingerprint, Arc<Record>>,
    by_key: HashMap<JobKey, Vec<Fingerprint>>,
}

impl Records {
    /// No records, with room for some.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            by_fingerprint: HashMap::with_capacity(capacity),
            by_key: HashMap::with_capacity(capacity),
        }
    }

    /// The record of a fingerprint.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<&Arc<Record>> {
        self.by_fingerprint.get(fingerprint)
    }

    /// The records that were last known under `key`, in no particular order.
    pub fn under_key(&self, key: &JobKey) -> impl Iterator<Item = &Arc<Record>> {
        let fingerprints = self.by_key.get(key).map(Vec::as_slice).unwrap_or_default();
        fingerprints
            .iter()
            .filter_map(|fingerprint| self.get(fingerprint))
    }

    /// Every record, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.by_fingerprint.values()
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.by_fingerprint.len()
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.by_fingerprint.is_empty()
    }

    /// Puts a record in the place of the one with the same fingerprint.
    pub fn insert(&mut self, record: Arc<Record>) {
        let (key, fingerprint) = (record.key.clone(), record.fingerprint);
        if let Some(previous) = self.by_fingerprint.insert(fingerprint, record)
            && let Some(fingerprints) = self.by_key.get_mut(&previous.key)
        {
            fingerprints.retain(|other| *other != fingerprint);
        }
        self.by_key.entry(key).or_default().push(fingerprint);
    }
}
