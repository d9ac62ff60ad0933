//! All records of one state, in memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::slice;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::record::Record;
use crate::job::{Fingerprint, JobKey};

/// All records of one state: one a fingerprint, found by fingerprint and by key.
#[derive(Debug, Clone, Default)]
pub struct Records {
    by_fingerprint: HashMap<Fingerprint, Arc<Record>, RandomState>,
    by_key: HashMap<JobKey, Fingerprints, RandomState>,
}

/// Those that a key has stood for. Hardly any key has stood for more than one.
#[derive(Debug, Clone)]
enum Fingerprints {
    One(Fingerprint),
    Several(Vec<Fingerprint>),
}

impl Fingerprints {
    fn as_slice(&self) -> &[Fingerprint] {
        match self {
            Self::One(fingerprint) => slice::from_ref(fingerprint),
            Self::Several(fingerprints) => fingerprints,
        }
    }

    fn push(&mut self, fingerprint: Fingerprint) {
        match self {
            Self::One(first) => *self = Self::Several(vec![*first, fingerprint]),
            Self::Several(fingerprints) => fingerprints.push(fingerprint),
        }
    }

    fn remove(&mut self, fingerprint: Fingerprint) {
        let others = self.as_slice().iter().copied();
        *self = Self::Several(others.filter(|other| *other != fingerprint).collect());
    }
}

impl Records {
    /// Takes room for as many more.
    pub(super) fn reserve(&mut self, additional: usize) {
        self.by_fingerprint.reserve(additional);
        self.by_key.reserve(additional);
    }

    /// The record of a fingerprint.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<&Arc<Record>> {
        self.by_fingerprint.get(fingerprint)
    }

    /// The records that were last known under `key`, in no particular order.
    pub fn under_key(&self, key: &JobKey) -> impl Iterator<Item = &Arc<Record>> {
        let fingerprints = self.by_key.get(key).map(Fingerprints::as_slice);
        fingerprints
            .into_iter()
            .flatten()
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
        if let Some(previous) = self.by_fingerprint.insert(fingerprint, record) {
            if previous.key == key {
                return;
            }
            if let Some(fingerprints) = self.by_key.get_mut(&previous.key) {
                fingerprints.remove(fingerprint);
            }
        }
        match self.by_key.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(Fingerprints::One(fingerprint));
            }
            Entry::Occupied(entry) => entry.into_mut().push(fingerprint),
        }
    }
}
