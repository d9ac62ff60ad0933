//! A store in memory: for tests, and as the shortest description of what a store is.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::store::{Answer, Created, Store};

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryStore {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl MemoryStore {
    /// Removes an object, as no store for a state may.
    pub(super) fn remove(&self, name: &str) -> Option<Vec<u8>> {
        self.objects().remove(name)
    }

    /// Writes an object over any other one.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) {
        self.objects().insert(name.to_owned(), bytes.to_vec());
    }
}

impl Store for MemoryStore {
    fn create<'a>(
        &'a self,
        name: &'a str,
        bytes: &'a [u8],
        _ends: Option<Timestamp>,
    ) -> Answer<'a, Created> {
        Box::pin(async move {
            let mut objects = self.objects();
            if objects.contains_key(name) {
                return Ok(Created::Exists);
            }
            objects.insert(name.to_owned(), bytes.to_vec());
            Ok(Created::Created)
        })
    }

    fn read<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move { Ok(self.objects().get(name).cloned()) })
    }

    fn write_hint<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Answer<'a, ()> {
        Box::pin(async move {
            self.objects().insert(name.to_owned(), bytes.to_vec());
            Ok(())
        })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let objects = self.objects();
            let names = objects.keys().filter(|name| name.starts_with(prefix));
            Ok(names.cloned().collect())
        })
    }
}
