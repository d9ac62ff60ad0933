//! All records of one state, in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::record::{Record, Submission};
use crate::api::name::JobId;
use crate::job::{Fingerprint, JobKey};

/// All records of one state, one a fingerprint, sorted by key and fingerprint.
#[derive(Debug, Clone, Default)]
pub struct Records {
    by_fingerprint: HashMap<Fingerprint, Arc<Record>>,
    by_key: BTreeMap<(JobKey, Fingerprint), Arc<Record>>,
}

impl Records {
    /// Returns the record with this fingerprint.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<&Arc<Record>> {
        self.by_fingerprint.get(fingerprint)
    }

    /// The records that were last known under `key`.
    pub fn under_key(&self, key: &JobKey) -> impl Iterator<Item = &Arc<Record>> {
        let range = (key.clone(), Fingerprint::MIN)..=(key.clone(), Fingerprint::MAX);
        self.by_key.range(range).map(|(_, record)| record)
    }

    /// Every record, sorted by key and fingerprint.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.by_key.values()
    }

    /// Every submission that became this job of the service, removed ones included.
    pub fn submissions_of(
        &self,
        job_id: &JobId,
    ) -> impl Iterator<Item = (&Arc<Record>, &Submission)> {
        self.iter().flat_map(move |record| {
            let submissions = record.submissions.iter();
            let of_job = submissions.filter(move |submission| submission.job_id() == Some(job_id));
            of_job.map(move |submission| (record, submission))
        })
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.by_fingerprint.len()
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.by_fingerprint.is_empty()
    }

    /// Replaces the record with the same fingerprint.
    pub fn insert(&mut self, record: Arc<Record>) {
        let fingerprint = record.fingerprint;
        let key = (record.key.clone(), fingerprint);
        let previous = self.by_fingerprint.insert(fingerprint, Arc::clone(&record));
        if let Some(previous) = previous.filter(|previous| previous.key != record.key) {
            self.by_key.remove(&(previous.key.clone(), fingerprint));
        }
        self.by_key.insert(key, record);
    }
}
