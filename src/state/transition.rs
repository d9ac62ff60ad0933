//! How a record changes: every change that the program makes to one is here.

use jiff::{SignedDuration, Timestamp};

use super::record::{Record, Removal, Seen, Submission, SubmissionId, Window};
use crate::api::client::Outcome;
use crate::api::wire::JobDetail;
use crate::job::{Job, JobKey};

impl Record {
    /// The record of a job's work, with what an earlier record of that work knows of it.
    pub fn of(job: &Job, earlier: Option<&Self>) -> Self {
        Self {
            fingerprint: job.fingerprint,
            key: job.key.clone(),
            written_at: Timestamp::now(),
            work: job.work.clone(),
            submissions: earlier.map_or_else(Vec::new, |earlier| earlier.submissions.clone()),
            seen: earlier.and_then(|earlier| earlier.seen.clone()),
        }
    }

    /// Adds an attempt that is about to be sent, and that the service can take in this window alone.
    pub fn intend(&mut self, window: Window) -> SubmissionId {
        self.attempt(Timestamp::now(), Some(window))
    }

    /// Says of an attempt that a person asked for it.
    pub fn asked_by_hand(&mut self, id: &SubmissionId) {
        if let Some(submission) = self.submission_mut(id) {
            submission.by_hand = true;
        }
    }

    /// Ends an attempt.
    pub fn conclude(&mut self, id: &SubmissionId, outcome: Outcome, seen: Option<Seen>) {
        if let Some(submission) = self.submission_mut(id) {
            submission.conclude(outcome);
        }
        self.seen = seen.or_else(|| self.seen.take());
    }

    /// Adds an attempt that other means made, and that became the job.
    pub fn adopt(&mut self, job: &JobDetail, now: Timestamp) {
        let outcome = Outcome::Accepted {
            job_id: job.job_id.clone(),
            request_id: None,
        };
        let attempts = self.submissions.iter();
        let last = attempts.map(|submission| submission.intended_at).max();
        let next = last.and_then(|last| last.checked_add(SignedDuration::from_nanos(1)).ok());
        // Attempts have an order, and the service tells whole seconds.
        let created = job.created.unwrap_or(now);
        let id = self.attempt(next.map_or(created, |next| next.max(created)), None);
        self.conclude(&id, outcome, Some(Seen::from_detail(job, now)));
    }

    /// Ends every unresolved attempt as never taken.
    pub fn abandon(&mut self, reason: &str) {
        for submission in &mut self.submissions {
            if submission.is_unresolved() {
                submission.conclude(Outcome::abandoned(reason));
            }
        }
    }

    /// Takes another key; returns the one before.
    pub fn rename(&mut self, key: JobKey) -> JobKey {
        std::mem::replace(&mut self.key, key)
    }

    /// Lets every attempt count no longer; one that was removed already keeps its first removal.
    pub fn remove(&mut self, removal: &Removal) {
        for submission in &mut self.submissions {
            let removed = &mut submission.removed;
            removed.get_or_insert_with(|| Box::new(removal.clone()));
        }
    }

    fn attempt(&mut self, intended_at: Timestamp, window: Option<Window>) -> SubmissionId {
        let id = SubmissionId::random();
        self.submissions.push(Submission {
            id: id.clone(),
            intended_at,
            not_before: window.map(|window| window.not_before),
            not_after: window.map(|window| window.not_after),
            ended_at: None,
            outcome: Outcome::Unresolved { reason: None },
            by_hand: false,
            removed: None,
        });
        id
    }

    fn submission_mut(&mut self, id: &SubmissionId) -> Option<&mut Submission> {
        let mut submissions = self.submissions.iter_mut();
        submissions.find(|submission| submission.id == *id)
    }
}

impl Submission {
    fn conclude(&mut self, outcome: Outcome) {
        let has_ended = !matches!(outcome, Outcome::Unresolved { .. });
        self.ended_at = has_ended.then(Timestamp::now);
        self.outcome = outcome;
    }
}
