//! A person's word on which of several jobs counts that two branches submitted for the same work.

use super::record::{Record, Removal};
use crate::api::name::JobId;
use crate::job::JobKey;

/// Which job of a key counts.
#[derive(Debug, Clone)]
pub struct Keep<'a> {
    /// The key.
    pub key: &'a JobKey,
    /// The job that counts.
    pub job_id: &'a JobId,
    /// What is said of the others.
    pub removal: Removal,
}

impl Keep<'_> {
    /// Two lines that contradict each other, with every other job of theirs removed; none if this says
    /// nothing about them.
    pub(super) fn of_both(&self, left: &Record, right: &Record) -> Option<(Record, Record)> {
        let both = [left, right];
        let is_asked = both.iter().any(|record| record.key == *self.key)
            && both.iter().any(|record| self.is_kept_in(record));
        is_asked.then(|| (self.of(left), self.of(right)))
    }

    /// Whether the job is one of the record.
    pub(super) fn is_kept_in(&self, record: &Record) -> bool {
        let mut active = record.active();
        active.any(|submission| submission.job_id() == Some(self.job_id))
    }

    fn of(&self, record: &Record) -> Record {
        let mut record = record.clone();
        for submission in &mut record.submissions {
            let is_other = submission.job_id().is_some_and(|id| id != self.job_id);
            if is_other && submission.removed.is_none() {
                submission.removed = Some(Box::new(self.removal.clone()));
            }
        }
        record
    }
}
