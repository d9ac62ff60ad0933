//! How an apply ended.

use crate::api::name::JobId;
use crate::api::wire::{JobState, ServiceError};
use crate::job::{Fingerprint, Job, JobKey};
use crate::state::SubmissionId;

/// How one job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobResult {
    /// The service took it in this run.
    Submitted {
        /// The attempt.
        submission: SubmissionId,
        /// The service's id.
        job_id: JobId,
        /// The id of the call.
        request_id: Option<String>,
        /// How far it was in the answer.
        state: JobState,
    },
    /// An earlier attempt was found at the service.
    Adopted {
        /// The attempt.
        submission: SubmissionId,
        /// The service's id.
        job_id: JobId,
        /// How far it was when it was found.
        state: JobState,
    },
    /// The new key was recorded.
    Renamed {
        /// The key before.
        from: JobKey,
    },
    /// Another run had triggered it since the plan was made.
    AlreadySubmitted {
        /// The service's id.
        job_id: JobId,
    },
    /// The service refused it.
    Rejected {
        /// The attempt.
        submission: SubmissionId,
        /// What the service said.
        error: ServiceError,
    },
    /// Nobody knows whether the service took it.
    Unresolved {
        /// The attempt.
        submission: SubmissionId,
        /// Why nobody knows.
        reason: String,
    },
    /// It was not sent, or what was sent is known not to have been taken.
    NotAttempted {
        /// Why.
        reason: String,
    },
}

/// A job and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOutcome {
    /// The job.
    pub key: JobKey,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// How it ended.
    pub result: JobResult,
}

impl JobOutcome {
    pub(super) fn new(job: &Job, result: JobResult) -> Self {
        Self {
            key: job.key.clone(),
            fingerprint: job.fingerprint,
            result,
        }
    }
}

/// Why nothing more was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// The person interrupted.
    Interrupted,
    /// The service refuses the credentials.
    CredentialsRefused(ServiceError),
    /// Several jobs in a row failed alike.
    FailuresInARow {
        /// How many.
        count: usize,
        /// The failure they share.
        failure: String,
    },
    /// The state can no longer be written.
    StateUnwritable(String),
}

/// How an apply ended: one outcome for every job that had something to do, in the order of the plan.
#[derive(Debug, Clone, Default)]
pub struct ApplyOutcome {
    /// The jobs.
    pub jobs: Vec<JobOutcome>,
    /// Why not everything was attempted.
    pub halt: Option<Halt>,
}

impl ApplyOutcome {
    /// How many jobs the service took, those that were found there included.
    pub fn submitted(&self) -> usize {
        self.count(|result| {
            matches!(
                result,
                JobResult::Submitted { .. } | JobResult::Adopted { .. }
            )
        })
    }

    /// How many jobs the service refused.
    pub fn rejected(&self) -> usize {
        self.count(|result| matches!(result, JobResult::Rejected { .. }))
    }

    /// How many jobs nobody knows the end of.
    pub fn unresolved(&self) -> usize {
        self.count(|result| matches!(result, JobResult::Unresolved { .. }))
    }

    /// How many jobs were not handed to the service.
    pub fn not_attempted(&self) -> usize {
        self.count(|result| matches!(result, JobResult::NotAttempted { .. }))
    }

    fn count(&self, matches: impl Fn(&JobResult) -> bool) -> usize {
        self.jobs.iter().filter(|job| matches(&job.result)).count()
    }
}
