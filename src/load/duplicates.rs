//! How often each key and each work occurs: tells without a look at all jobs whether any occurs
//! twice.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use crate::job::{Fingerprint, Job, JobKey};

/// The counts of keys and works.
#[derive(Debug, Default)]
pub(super) struct DuplicateIndex {
    keys: Counts<JobKey>,
    works: Counts<Fingerprint>,
}

#[derive(Debug)]
struct Counts<T> {
    counts: HashMap<T, u32>,
    /// How many occur more than once.
    doubles: usize,
}

impl DuplicateIndex {
    /// Counts jobs in.
    pub(super) fn add(&mut self, jobs: &[Arc<Job>]) {
        for job in jobs {
            self.keys.add(job.key.clone());
            self.works.add(job.fingerprint);
        }
    }

    /// Counts jobs out that were counted in.
    pub(super) fn remove(&mut self, jobs: &[Arc<Job>]) {
        for job in jobs {
            self.keys.remove(&job.key);
            self.works.remove(&job.fingerprint);
        }
    }

    /// Whether a key or a work occurs more than once.
    pub(super) fn has_duplicates(&self) -> bool {
        self.keys.doubles + self.works.doubles > 0
    }
}

impl<T> Default for Counts<T> {
    fn default() -> Self {
        Self {
            counts: HashMap::new(),
            doubles: 0,
        }
    }
}

impl<T: Eq + Hash> Counts<T> {
    fn add(&mut self, value: T) {
        let count = self.counts.entry(value).or_default();
        *count += 1;
        self.doubles += usize::from(*count == 2);
    }

    fn remove(&mut self, value: &T) {
        let Some(count) = self.counts.get_mut(value) else {
            return;
        };
        self.doubles -= usize::from(*count == 2);
        *count -= 1;
        if *count == 0 {
            self.counts.remove(value);
        }
    }
}
