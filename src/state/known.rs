//! Jobs that a reader of a state has at hand, by what their fingerprints say.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::job::{Fingerprint, Job};

/// Jobs by their fingerprints. Nine records in ten are about a job that is in the files, and reading
/// its work once more takes half of the time of reading a state.
#[derive(Debug, Default)]
pub struct KnownJobs<'a> {
    by_work: HashTable<&'a Arc<Job>>,
    hasher: RandomState,
}

impl<'a> KnownJobs<'a> {
    /// Finds each of `jobs`, which have distinct fingerprints.
    pub fn new(jobs: &'a [Arc<Job>]) -> Self {
        let hasher = RandomState::default();
        let mut by_work = HashTable::with_capacity(jobs.len());
        let hash = |job: &&Arc<Job>| hasher.hash_one(job.fingerprint);
        for job in jobs {
            by_work.insert_unique(hash(&job), job, hash);
        }
        Self { by_work, hasher }
    }

    /// The job with that work.
    pub(super) fn get(&self, work: &Fingerprint) -> Option<&'a Job> {
        let hash = self.hasher.hash_one(work);
        let job = self.by_work.find(hash, |job| job.fingerprint == *work);
        job.map(|job| Arc::as_ref(job))
    }
}
