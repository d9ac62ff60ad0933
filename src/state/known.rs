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
    jobs: &'a [Arc<Job>],
    /// Positions in `jobs`.
    by_work: HashTable<usize>,
    hasher: RandomState,
}

impl<'a> KnownJobs<'a> {
    /// Finds each of `jobs`, which have distinct fingerprints.
    pub fn new(jobs: &'a [Arc<Job>]) -> Self {
        let hasher = RandomState::default();
        let mut by_work = HashTable::with_capacity(jobs.len());
        let hash = |position: &usize| hasher.hash_one(jobs[*position].fingerprint);
        for position in 0..jobs.len() {
            by_work.insert_unique(hash(&position), position, hash);
        }
        Self {
            jobs,
            by_work,
            hasher,
        }
    }

    /// Looks jobs up for a reader of records.
    pub(super) fn lookup(&self) -> Lookup<'_> {
        Lookup {
            known: self,
            next: 0,
        }
    }

    fn position(&self, work: &Fingerprint) -> Option<usize> {
        let is_it = |position: &usize| self.jobs[*position].fingerprint == *work;
        let position = self.by_work.find(self.hasher.hash_one(work), is_it);
        position.copied()
    }
}

/// Looks jobs up one after another. Records are sorted by key, and jobs come as their files have
/// them, which is mostly in the same order: the next one is often the one that is asked for.
pub(super) struct Lookup<'a> {
    known: &'a KnownJobs<'a>,
    /// Behind the job that was found last.
    next: usize,
}

impl<'a> Lookup<'a> {
    /// The job with that work.
    pub(super) fn find(&mut self, work: &Fingerprint) -> Option<&'a Job> {
        let known = self.known;
        let is_next = |job: &Arc<Job>| job.fingerprint == *work;
        if !known.jobs.get(self.next).is_some_and(is_next) {
            self.next = known.position(work)?;
        }
        let job = known.jobs.get(self.next)?;
        self.next += 1;
        Some(job)
    }
}
