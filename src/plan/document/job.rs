//! A job of a plan, as documents have it.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::name::{BucketName, JobId, Region};
use crate::api::request::Request;
use crate::estimate::JobEstimate;
use crate::job::{Fingerprint, JobKey, OnFailure, Overlap, Work};
use crate::plan::model::{Action, Change, PlannedJob, Reason};
use crate::source::slashes;
use crate::state::{Outcome, OutcomeKind, Record, SubmissionId};

/// One job of a plan.
// It borrows from the plan, or was read from a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "planned job")]
pub struct DocumentJob<'plan> {
    /// Its name in the workspace.
    pub key: JobKey,
    /// What is to be done.
    pub action: Action,
    /// Why; for people only.
    pub reason: Reason,
    /// The fingerprint of the work.
    #[schemars(with = "String", extend("pattern" = "^[0-9a-f]{64}$"))]
    pub fingerprint: Fingerprint,
    /// Where its key is written.
    pub source: SourceLine<'plan>,
    /// What it is for, in the words of its job file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Cow<'plan, str>>,
    /// The bucket that it runs in.
    pub bucket: Cow<'plan, BucketName>,
    /// The bucket's region.
    pub region: Cow<'plan, Region>,
    /// The body that is sent.
    pub request: Cow<'plan, Request>,
    /// The mark for "the same once more".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun: Option<Cow<'plan, str>>,
    /// How often work that fails may be submitted in all; absent when it is left at that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// Whether it may cover the objects of another job.
    #[serde(default, skip_serializing_if = "is_deny")]
    pub overlap: Overlap,
    /// The fields that differ from the latest record under the same key.
    pub changes: Cow<'plan, [Change]>,
    /// What the state knew of the fingerprint; null for nothing. Work is submitted from a saved plan
    /// only while this still holds.
    pub record: Option<KnownRecord<'plan>>,
    /// How much it would make the service process; absent where that was not asked for, and for
    /// jobs that are not submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Cow<'plan, JobEstimate>>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_deny(overlap: &Overlap) -> bool {
    *overlap == Overlap::Deny
}

/// A line of a job file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceLine<'plan> {
    /// The file, relative to the workspace.
    pub file: Cow<'plan, str>,
    /// The line, from 1.
    pub line: usize,
}

/// What the state knew of a fingerprint when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownRecord<'plan> {
    /// The key it was recorded under.
    pub key: Cow<'plan, JobKey>,
    /// How far the service's job was when it was last asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Cow<'plan, str>>,
    /// Every attempt, oldest first.
    pub submissions: Vec<KnownSubmission<'plan>>,
}

/// One attempt to hand the work to the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownSubmission<'plan> {
    /// Its id.
    #[schemars(with = "String")]
    pub id: Cow<'plan, SubmissionId>,
    /// When it was intended.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// How it ended.
    pub outcome: OutcomeKind,
    /// Why its end is unknown, where that is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'plan, str>>,
    /// The service's id of the job, where it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<Cow<'plan, JobId>>,
}

impl<'plan> From<&'plan PlannedJob> for DocumentJob<'plan> {
    fn from(planned: &'plan PlannedJob) -> Self {
        let job = &planned.job;
        let work = &job.work;
        Self {
            source: SourceLine {
                file: slashes(job.source.file.path()),
                line: job.source.line(),
            },
            key: job.key.clone(),
            action: planned.action,
            reason: planned.reason,
            fingerprint: job.fingerprint,
            description: job.description.as_deref().map(Cow::Borrowed),
            bucket: Cow::Borrowed(&work.bucket),
            region: Cow::Borrowed(&work.region),
            request: Cow::Borrowed(&work.request),
            rerun: work.rerun.as_deref().map(Cow::Borrowed),
            max_attempts: match job.on_failure {
                OnFailure::Leave => None,
                OnFailure::Resubmit { max_attempts } => Some(max_attempts),
            },
            overlap: job.overlap,
            changes: Cow::Borrowed(&planned.changes),
            record: planned.record.as_deref().map(KnownRecord::from),
            estimate: None,
        }
    }
}

impl DocumentJob<'_> {
    /// Returns the work that the fingerprint covers.
    pub fn work(&self) -> Work {
        Work {
            bucket: BucketName::clone(&self.bucket),
            region: Region::clone(&self.region),
            request: Request::clone(&self.request),
            rerun: self.rerun.as_deref().map(str::to_owned),
        }
    }
}

impl<'plan> From<&'plan Record> for KnownRecord<'plan> {
    fn from(record: &'plan Record) -> Self {
        let submissions = record.submissions.iter().map(|submission| KnownSubmission {
            id: Cow::Borrowed(&submission.id),
            at: submission.intended_at,
            outcome: submission.outcome.kind(),
            reason: match &submission.outcome {
                Outcome::Unresolved { reason } => reason.as_deref().map(Cow::Borrowed),
                _ => None,
            },
            job_id: submission.job_id().map(Cow::Borrowed),
        });
        Self {
            key: Cow::Borrowed(&record.key),
            state: record.last_seen().map(|seen| seen.state.as_str().into()),
            submissions: submissions.collect(),
        }
    }
}
