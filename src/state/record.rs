//! What the state knows of one fingerprint.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::few::few;
use super::lock::host_name;
use super::submission_id::SubmissionId;
use crate::api::name::JobId;
use crate::api::wire::{JobDetail, JobState};
use crate::job::{Fingerprint, JobKey, Work};

/// How one attempt to hand work to the service ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Intended, perhaps sent; nobody knows (yet) whether the service took it.
    Unresolved {
        /// What went wrong, once something did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The service took it.
    Accepted {
        /// The service's id.
        job_id: JobId,
        /// The id of the call, where the service gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
    },
    /// The service refused it: nothing ran. Hardly ever, so that it takes no room.
    Rejected(Box<Rejection>),
    /// It is known that the service never took it.
    Abandoned {
        /// How that is known.
        reason: String,
    },
}

/// How the service refused an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The service's code.
    pub code: String,
    /// The service's words.
    pub message: String,
    /// The id of the call, where the service gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A person's word that a submission counts no longer. What was submitted stays known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removal {
    /// When, by our clock.
    pub at: Timestamp,
    /// Who: the user and the machine.
    pub by: String,
    /// Why, where the person said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Removal {
    /// A removal of this moment, by that user of this machine.
    pub fn now(user: &str, reason: Option<String>) -> Self {
        Self {
            at: Timestamp::now(),
            by: format!("{user}@{}", host_name()),
            reason,
        }
    }
}

/// One attempt to hand work to the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SubmissionFields")]
pub struct Submission {
    /// Its id.
    pub id: SubmissionId,
    /// When it was intended, by our clock.
    pub intended_at: Timestamp,
    /// When its end became known; absent while it is unresolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Who took it out of the account, if somebody did: hardly ever, so that it takes no room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Box<Removal>>,
}

impl Submission {
    /// Whether it is part of the account: nobody has removed it.
    pub fn counts(&self) -> bool {
        self.removed.is_none()
    }

    /// Whether nobody knows its end, and somebody has to.
    pub fn is_unresolved(&self) -> bool {
        self.counts() && matches!(self.outcome, Outcome::Unresolved { .. })
    }

    /// The id of the job it became, removed or not.
    pub fn job_id(&self) -> Option<&JobId> {
        match &self.outcome {
            Outcome::Accepted { job_id, .. } => Some(job_id),
            _ => None,
        }
    }
}

/// The fields of a [`Submission`] side by side: read at once, where a flattened enum would be
/// buffered first, and an unknown field is noticed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubmissionFields {
    id: SubmissionId,
    intended_at: Timestamp,
    ended_at: Option<Timestamp>,
    outcome: OutcomeWord,
    job_id: Option<JobId>,
    request_id: Option<String>,
    code: Option<String>,
    message: Option<String>,
    reason: Option<String>,
    removed: Option<Box<Removal>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeWord {
    Unresolved,
    Accepted,
    Rejected,
    Abandoned,
}

impl TryFrom<SubmissionFields> for Submission {
    type Error = &'static str;

    fn try_from(fields: SubmissionFields) -> Result<Self, Self::Error> {
        let request_id = fields.request_id;
        let outcome = match fields.outcome {
            OutcomeWord::Unresolved => Outcome::Unresolved {
                reason: fields.reason,
            },
            OutcomeWord::Accepted => Outcome::Accepted {
                job_id: fields
                    .job_id
                    .ok_or("an accepted submission has no job_id")?,
                request_id,
            },
            OutcomeWord::Rejected => Outcome::Rejected(Box::new(Rejection {
                code: fields.code.ok_or("a rejected submission has no code")?,
                message: fields.message.unwrap_or_default(),
                request_id,
            })),
            OutcomeWord::Abandoned => Outcome::Abandoned {
                reason: fields.reason.unwrap_or_default(),
            },
        };
        Ok(Self {
            id: fields.id,
            intended_at: fields.intended_at,
            ended_at: fields.ended_at,
            outcome,
            removed: fields.removed,
        })
    }
}

/// What the service last said of an accepted job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The job it was said of.
    pub job_id: JobId,
    /// When, by our clock.
    pub at: Timestamp,
    /// How far the job was.
    pub state: JobState,
    /// The service's words for a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it began to run, by the service's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended, by the service's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What became of its objects, where somebody has counted: mostly nobody has, so that it takes no
    /// room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<Box<Objects>>,
}

impl Seen {
    /// A state and nothing else.
    pub fn new(job_id: JobId, state: JobState, at: Timestamp) -> Self {
        Self {
            job_id,
            at,
            state,
            message: None,
            started: None,
            ended: None,
            objects: None,
        }
    }

    /// What became of its objects, where somebody has counted.
    pub fn counted(&self) -> Option<Objects> {
        self.objects.as_deref().copied()
    }

    /// What an answer of the service says.
    pub fn from_detail(job: &JobDetail, at: Timestamp) -> Self {
        let message = match (job.code.trim(), job.message.trim()) {
            ("", message) => message.to_owned(),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        };
        Self {
            message: (job.state == JobState::Failed).then_some(message),
            started: job.started,
            ended: job.ended.filter(|_| job.state.is_final()),
            ..Self::new(job.job_id.clone(), job.state.clone(), at)
        }
    }
}

/// What became of a job's objects, as far as the service lists their runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objects {
    /// Runs that ended well.
    pub succeeded: u64,
    /// Runs that ended badly.
    pub failed: u64,
    /// All runs: also those under way and cancelled ones.
    pub total: u64,
    /// Whether there are more than were counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// What the state knows of one fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The fingerprint of `work`.
    pub fingerprint: Fingerprint,
    /// The key under which the work was last known.
    pub key: JobKey,
    /// When this line of the log was written, by our clock.
    pub written_at: Timestamp,
    /// The work.
    pub work: Arc<Work>,
    /// Every attempt, oldest first.
    #[serde(deserialize_with = "few")]
    pub submissions: Vec<Submission>,
    /// What the service last said of the job of the latest accepted submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

impl Record {
    /// Keeps the id of the job that was seen once, where it is that of the submission, as it mostly is.
    pub(super) fn share_job_id(&mut self) {
        if let Some(seen) = &mut self.seen
            && let Some(job_id) = self.submissions.last().and_then(Submission::job_id)
            && *job_id == seen.job_id
        {
            seen.job_id = job_id.clone();
        }
    }

    /// The submission that nobody knows the end of, if there is one.
    pub fn unresolved(&self) -> Option<&Submission> {
        let mut submissions = self.submissions.iter().rev();
        submissions.find(|submission| submission.is_unresolved())
    }

    /// The attempts that nobody has removed, oldest first.
    pub fn counting(&self) -> impl DoubleEndedIterator<Item = &Submission> {
        self.submissions
            .iter()
            .filter(|submission| submission.counts())
    }

    /// The latest attempt that counts.
    pub fn latest(&self) -> Option<&Submission> {
        self.counting().next_back()
    }

    /// Whether a person took everything that is recorded here out of the account: the work counts
    /// as never submitted.
    pub fn is_removed(&self) -> bool {
        !self.submissions.is_empty() && self.latest().is_none()
    }

    /// The latest submission that the service took, with the service's id.
    pub fn accepted(&self) -> Option<(&Submission, &JobId)> {
        let mut accepted = self.counting().rev();
        accepted.find_map(|submission| Some((submission, submission.job_id()?)))
    }

    /// The last known state of the job of the latest accepted submission.
    pub fn last_seen(&self) -> Option<&Seen> {
        let (_, job_id) = self.accepted()?;
        self.seen.as_ref().filter(|seen| seen.job_id == *job_id)
    }

    /// How often the service took this work.
    pub fn accepted_count(&self) -> usize {
        let accepted = |submission: &&Submission| submission.job_id().is_some();
        self.counting().filter(accepted).count()
    }
}
