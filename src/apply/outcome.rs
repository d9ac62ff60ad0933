//! How an apply ended.

use crate::api::credential_provider::RenewalError;
use crate::api::name::JobId;
use crate::api::wire::JobState;
use crate::job::{Fingerprint, Job, JobKey};
use crate::state::{Outcome, OutcomeKind, Records, Rejection, SubmissionId};

/// How one job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobResult {
    /// An attempt was made, in this run or before, and this became of it.
    Attempted {
        /// The attempt.
        submission: SubmissionId,
        /// What became of it: anything but abandoned.
        outcome: Outcome,
        /// How far the job was when the service told of it, if it was accepted.
        state: Option<JobState>,
        /// Whether this was found out by a look-up.
        looked_up: bool,
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
    /// It was not sent, or what was sent is known not to have been taken.
    NotAttempted {
        /// Why.
        reason: String,
    },
}

impl JobResult {
    pub(super) fn not_attempted(reason: &(impl ToString + ?Sized)) -> Self {
        Self::NotAttempted {
            reason: reason.to_string(),
        }
    }

    pub(super) fn unresolved(submission: SubmissionId, reason: impl Into<String>) -> Self {
        Self::Attempted {
            submission,
            outcome: Outcome::unresolved(reason),
            state: None,
            looked_up: false,
        }
    }

    /// Which kind of outcome the attempt had, if there was one.
    pub fn kind(&self) -> Option<OutcomeKind> {
        match self {
            Self::Attempted { outcome, .. } => Some(outcome.kind()),
            _ => None,
        }
    }
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
    CredentialsRefused(Box<Rejection>),
    /// The credentials have ended and cannot be renewed.
    CredentialsEnded(RenewalError),
    /// Several jobs in a row failed alike.
    FailuresInARow {
        /// How many.
        count: usize,
        /// The failure they share.
        failure: String,
    },
    /// The state can no longer be written.
    StateUnwritable(String),
    /// Another run has taken the shared state over.
    Fenced(String),
}

/// How an apply ended: one outcome for every job that had something to do, in the order of the plan.
#[derive(Debug, Clone, Default)]
pub struct ApplyOutcome {
    /// The jobs.
    pub jobs: Vec<JobOutcome>,
    /// Why not everything was attempted.
    pub halt: Option<Halt>,
    /// Whether this run recorded that it would submit anything.
    pub intended: bool,
}

impl ApplyOutcome {
    /// How many jobs the service took, those that were found there included.
    pub fn submitted(&self) -> usize {
        self.count(OutcomeKind::Accepted)
    }

    /// How many jobs the service refused.
    pub fn rejected(&self) -> usize {
        self.count(OutcomeKind::Rejected)
    }

    /// Counts the jobs as unresolved whose intents are in `records`, although writing them was not
    /// confirmed to this run.
    pub fn count_intents(&mut self, records: &Records) {
        for job in &mut self.jobs {
            let record = records.get(&job.fingerprint);
            let intent = record.and_then(|record| record.unresolved());
            if let (JobResult::NotAttempted { reason }, Some(intent)) = (&job.result, intent) {
                job.result = JobResult::unresolved(intent.id.clone(), reason.clone());
            }
        }
    }

    /// How many jobs are unresolved.
    pub fn unresolved(&self) -> usize {
        self.count(OutcomeKind::Unresolved)
    }

    /// How many jobs were not handed to the service.
    pub fn not_attempted(&self) -> usize {
        let results = self.jobs.iter().map(|job| &job.result);
        let not_attempted = |result: &&JobResult| matches!(result, JobResult::NotAttempted { .. });
        results.filter(not_attempted).count()
    }

    fn count(&self, kind: OutcomeKind) -> usize {
        let kinds = self.jobs.iter().map(|job| job.result.kind());
        kinds.filter(|of_job| *of_job == Some(kind)).count()
    }
}
