//! What the state knows of one fingerprint.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::lock::host_name;
use crate::api::client::{Outcome, OutcomeKind, Rejection};
use crate::api::name::JobId;
use crate::api::wire::{JobDetail, JobState};
use crate::job::{Fingerprint, JobKey, Work};
use crate::job_status::Objects;

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

/// The id of one attempt, made by us: a version-4 UUID, but any text is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubmissionId(String);

impl SubmissionId {
    /// A new, random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4().to_string())
    }
}

impl fmt::Display for SubmissionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// When the service can take an attempt, in Unix seconds by its own clock. It refuses the signature
/// before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first second.
    pub not_before: i64,
    /// The last second.
    pub not_after: i64,
}

impl Window {
    /// A service that is this far behind its own answers still takes the attempt.
    const BEFORE: i64 = 120;

    /// The window that ends that long after the second of `now`.
    pub fn from(now: Timestamp, length: Duration) -> Self {
        let length = i64::try_from(length.as_secs()).unwrap_or(i64::MAX / 2);
        Self {
            not_before: now.as_second() - Self::BEFORE,
            not_after: now.as_second().saturating_add(1).saturating_add(length),
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
    /// From when its signature holds, in Unix seconds by the service's clock; absent in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    /// The last second at which the service can take it, by the service's clock; absent in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<i64>,
    /// When its end became known; absent while it is unresolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Whether a person asked for it, where the files alone would not have.
    #[serde(default, skip_serializing_if = "is_false")]
    pub by_hand: bool,
    /// Who removed it, and when. Boxed because rare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Box<Removal>>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands a reference over"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Submission {
    /// Whether it counts: it was not removed.
    pub fn is_active(&self) -> bool {
        self.removed.is_none()
    }

    /// Whether its end is unknown and has to be found out.
    pub fn is_unresolved(&self) -> bool {
        self.is_active() && matches!(self.outcome, Outcome::Unresolved { .. })
    }

    /// The id of the job it became, removed or not.
    pub fn job_id(&self) -> Option<&JobId> {
        self.outcome.job_id()
    }
}

/// The fields of a [`Submission`] side by side: read at once, where a flattened enum would be
/// buffered first, and an unknown field is noticed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubmissionFields {
    id: SubmissionId,
    intended_at: Timestamp,
    not_before: Option<i64>,
    not_after: Option<i64>,
    ended_at: Option<Timestamp>,
    outcome: OutcomeKind,
    job_id: Option<JobId>,
    request_id: Option<String>,
    code: Option<String>,
    message: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    by_hand: bool,
    removed: Option<Box<Removal>>,
}

impl TryFrom<SubmissionFields> for Submission {
    type Error = &'static str;

    fn try_from(fields: SubmissionFields) -> Result<Self, Self::Error> {
        let request_id = fields.request_id;
        let outcome = match fields.outcome {
            OutcomeKind::Unresolved => Outcome::Unresolved {
                reason: fields.reason,
            },
            OutcomeKind::Accepted => Outcome::Accepted {
                job_id: fields
                    .job_id
                    .ok_or("an accepted submission has no job_id")?,
                request_id,
            },
            OutcomeKind::Rejected => Outcome::Rejected(Box::new(Rejection {
                code: fields.code.ok_or("a rejected submission has no code")?,
                message: fields.message.unwrap_or_default(),
                request_id,
            })),
            OutcomeKind::Abandoned => Outcome::Abandoned {
                reason: fields.reason.unwrap_or_default(),
            },
        };
        Ok(Self {
            id: fields.id,
            intended_at: fields.intended_at,
            not_before: fields.not_before,
            not_after: fields.not_after,
            ended_at: fields.ended_at,
            outcome,
            by_hand: fields.by_hand,
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
    /// What became of its objects, once they were counted. Boxed because rare.
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

    /// What became of its objects, once they were counted.
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
    pub submissions: Vec<Submission>,
    /// What the service last said of the job of the latest accepted submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

impl Record {
    /// The latest submission whose end is unknown, if there is one.
    pub fn unresolved(&self) -> Option<&Submission> {
        self.all_unresolved().next_back()
    }

    /// The submissions whose end is unknown, oldest first.
    pub fn all_unresolved(&self) -> impl DoubleEndedIterator<Item = &Submission> {
        self.active()
            .filter(|submission| submission.is_unresolved())
    }

    /// The attempts that were not removed, oldest first.
    pub fn active(&self) -> impl DoubleEndedIterator<Item = &Submission> {
        self.submissions
            .iter()
            .filter(|submission| submission.is_active())
    }

    /// The latest attempt that was not removed.
    pub fn latest(&self) -> Option<&Submission> {
        self.active().next_back()
    }

    /// Whether a person removed everything that is recorded here: the work counts as never submitted.
    pub fn is_removed(&self) -> bool {
        !self.submissions.is_empty() && self.latest().is_none()
    }

    /// The latest submission that the service took, with the service's id.
    pub fn accepted(&self) -> Option<(&Submission, &JobId)> {
        let mut accepted = self.active().rev();
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
        self.active().filter(accepted).count()
    }
}
