//! All records of one state, in memory.

use std::hash::BuildHasher;
use std::mem;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::record::Record;
use crate::job::{Fingerprint, JobKey};

/// All records of one state: one a fingerprint, found by fingerprint and by key. The tables hold no
/// more than the records themselves, of which there may be very many.
#[derive(Debug, Clone, Default)]
pub struct Records {
    by_fingerprint: HashTable<Arc<Record>>,
    /// Hardly any key has stood for more than one.
    by_key: HashTable<Arc<Record>>,
    hasher: RandomState,
}

impl Records {
    /// Takes room for as many more.
    pub(super) fn reserve(&mut self, additional: usize) {
        let hasher = &self.hasher;
        self.by_fingerprint
            .reserve(additional, |record| hasher.hash_one(record.fingerprint));
        self.by_key
            .reserve(additional, |record| hasher.hash_one(&record.key));
    }

    /// The record of a fingerprint.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<&Arc<Record>> {
        let hash = self.hasher.hash_one(fingerprint);
        self.by_fingerprint
            .find(hash, |record| record.fingerprint == *fingerprint)
    }

    /// The records that were last known under `key`, in no particular order.
    pub fn under_key(&self, key: &JobKey) -> impl Iterator<Item = &Arc<Record>> {
        let alike = self.by_key.iter_hash(self.hasher.hash_one(key));
        alike.filter(move |record| record.key == *key)
    }

    /// Every record, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.by_fingerprint.iter()
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
        let hasher = &self.hasher;
        let (key, own) = (
            hasher.hash_one(&record.key),
            hasher.hash_one(record.fingerprint),
        );
        let is_same = |known: &Arc<Record>| known.fingerprint == record.fingerprint;
        if let Some(known) = self.by_fingerprint.find_mut(own, is_same) {
            let previous = mem::replace(known, Arc::clone(&record));
            let key = hasher.hash_one(&previous.key);
            let is_it = |known: &Arc<Record>| Arc::ptr_eq(known, &previous);
            if let Ok(entry) = self.by_key.find_entry(key, is_it) {
                entry.remove();
            }
        } else {
            let hash = |record: &Arc<Record>| hasher.hash_one(record.fingerprint);
            self.by_fingerprint
                .insert_unique(own, Arc::clone(&record), hash);
        }
        let hash = |record: &Arc<Record>| hasher.hash_one(&record.key);
        self.by_key.insert_unique(key, record, hash);
    }
}
