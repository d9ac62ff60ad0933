//! A plan as a document: what is shown, given to programs, saved, and applied later.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use schemars::JsonSchema;
use serde::ser::{Error, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::drift::Drift;
use super::estimate::{JobEstimate, TotalEstimate};
use super::model::{Action, Blocked, Change, Plan, PlannedJob, Reason, Summary};
use crate::api::name::{BucketName, JobId, Region};
use crate::api::request::Request;
use crate::job::{Fingerprint, JobKey, OnFailure, Overlap, Work};
use crate::state::{Lineage, Outcome, Record, SubmissionId};

/// The format of the documents that this version writes and reads.
pub(super) const FORMAT: &str = "stocktake.plan/1";

/// The version of this program: a plan is applied by the version that made it.
pub(super) const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a plan was made from, beside jobs and records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// When.
    pub created: Timestamp,
    /// For which target.
    pub target: String,
    /// Against which state, if there was one.
    pub lineage: Option<Lineage>,
    /// The commit that is checked out, in a git work tree.
    pub commit: Option<String>,
    /// SHA-256 over the job files.
    pub files: Option<String>,
}

/// What would be done about every job of a target: the result of `stocktake plan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "stocktake plan")]
pub struct PlanDocument {
    /// The version of this format; fields are added to it, and never changed.
    #[schemars(extend("const" = FORMAT))]
    pub format: String,
    /// The version of stocktake that made the plan.
    pub stocktake: String,
    /// When it was made.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created: Timestamp,
    /// The target that it is for.
    pub target: String,
    /// The state that it was made against; null when there was none yet.
    #[schemars(with = "Option<String>")]
    pub lineage: Option<Lineage>,
    /// The commit that was checked out; null outside a git work tree.
    pub commit: Option<String>,
    /// SHA-256 over the paths and contents of the job files; null where they were not needed.
    pub files: Option<String>,
    /// How many jobs have each action.
    pub summary: Summary,
    /// The guards that forbid the plan; empty when nothing does.
    pub blocked: Vec<Blocked>,
    /// What is worth a look but forbids nothing.
    pub warnings: Vec<String>,
    /// What the service says otherwise than the records; absent when it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Vec<Drift>>,
    /// How much all jobs would make the service process; absent where that was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<TotalEstimate>,
    /// Every job, in the order of keys.
    #[serde(serialize_with = "in_parallel")]
    pub jobs: Vec<DocumentJob>,
    /// Records whose job is no longer in the files, in the order of keys.
    pub retired: Vec<RetiredRecord>,
}

/// Jobs are nearly all of a document: they are put into words on all cores.
fn in_parallel<S: Serializer>(jobs: &[DocumentJob], serializer: S) -> Result<S::Ok, S::Error> {
    /// The words of no more jobs than this are held in memory.
    const TOGETHER: usize = 4096;
    let mut sequence = serializer.serialize_seq(Some(jobs.len()))?;
    for jobs in jobs.chunks(TOGETHER) {
        let words: Result<Vec<Box<RawValue>>, _> = jobs.par_iter().map(to_raw_value).collect();
        for words in words.map_err(S::Error::custom)? {
            sequence.serialize_element(&words)?;
        }
    }
    sequence.end()
}

/// One job of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "planned job")]
pub struct DocumentJob {
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
    pub source: SourceLine,
    /// What it is for, in the words of its job file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The bucket that it runs in.
    pub bucket: BucketName,
    /// The bucket's region.
    pub region: Region,
    /// The body that is sent.
    pub request: Request,
    /// The mark for "the same once more".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun: Option<String>,
    /// How often work that fails may be submitted in all; absent when it is left at that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// Whether it may cover the objects of another job.
    #[serde(default, skip_serializing_if = "is_deny")]
    pub overlap: Overlap,
    /// The fields that differ from the latest record under the same key.
    pub changes: Vec<Change>,
    /// What the state knew of the fingerprint; null for nothing. Work is submitted from a saved plan
    /// only while this still holds.
    pub record: Option<KnownRecord>,
    /// How much it would make the service process; absent where that was not asked for, and for
    /// jobs that are not submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Box<JobEstimate>>,
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
pub struct SourceLine {
    /// The file, relative to the workspace.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// What the state knew of a fingerprint when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownRecord {
    /// The key it was recorded under.
    pub key: JobKey,
    /// How far the service's job was when it was last asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Every attempt, oldest first.
    pub submissions: Vec<KnownSubmission>,
}

/// One attempt to hand the work to the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownSubmission {
    /// Its id.
    #[schemars(with = "String")]
    pub id: SubmissionId,
    /// When it was intended.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// How it ended.
    pub outcome: KnownOutcome,
    /// Why nobody knows its end, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The service's id of the job, where it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KnownOutcome {
    /// Nobody knows whether the service took it.
    Unresolved,
    /// The service took it.
    Accepted,
    /// The service refused it.
    Rejected,
    /// It is known that the service never took it.
    Abandoned,
}

/// A record whose job is no longer in the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetiredRecord {
    /// The key it was recorded under.
    pub key: JobKey,
    /// The fingerprint of its work.
    #[schemars(with = "String")]
    pub fingerprint: Fingerprint,
}

impl PlanDocument {
    /// The document of a plan.
    pub fn new(plan: Plan, origin: Origin) -> Self {
        let retired = plan.retired.iter().map(|record| RetiredRecord {
            key: record.key.clone(),
            fingerprint: record.fingerprint,
        });
        let (estimates, total) = match plan.estimate {
            Some(estimate) => (estimate.jobs, Some(estimate.total)),
            None => (HashMap::new(), None),
        };
        let document_job = |planned: PlannedJob| {
            let estimate = estimates.get(&planned.job.fingerprint);
            DocumentJob {
                estimate: estimate.cloned().map(Box::new),
                ..DocumentJob::from(planned)
            }
        };
        Self {
            format: FORMAT.to_owned(),
            stocktake: TOOL_VERSION.to_owned(),
            created: origin.created,
            target: origin.target,
            lineage: origin.lineage,
            commit: origin.commit,
            files: origin.files,
            summary: plan.summary,
            blocked: plan.blocked,
            warnings: plan.warnings,
            drift: plan.drift,
            retired: retired.collect(),
            jobs: plan.jobs.into_par_iter().map(document_job).collect(),
            estimate: total,
        }
    }

    /// Whether `apply` would hand anything to the service.
    pub fn submits(&self) -> bool {
        self.summary.submits()
    }

    /// Whether `apply` would do anything at all.
    pub fn has_work(&self) -> bool {
        self.summary.has_work()
    }
}

impl From<PlannedJob> for DocumentJob {
    fn from(planned: PlannedJob) -> Self {
        let job = Arc::unwrap_or_clone(planned.job);
        let work = Arc::unwrap_or_clone(job.work);
        Self {
            source: SourceLine {
                file: slashes(job.source.file.path()),
                line: job.source.line(),
            },
            key: job.key,
            action: planned.action,
            reason: planned.reason,
            fingerprint: job.fingerprint,
            description: job.description.as_deref().map(str::to_owned),
            bucket: work.bucket,
            region: work.region,
            request: work.request,
            rerun: work.rerun,
            max_attempts: match job.on_failure {
                OnFailure::Leave => None,
                OnFailure::Resubmit { max_attempts } => Some(max_attempts),
            },
            overlap: job.overlap,
            changes: planned.changes,
            record: planned.record.as_deref().map(KnownRecord::from),
            estimate: None,
        }
    }
}

impl DocumentJob {
    /// The work.
    pub fn work(&self) -> Work {
        Work {
            bucket: self.bucket.clone(),
            region: self.region.clone(),
            request: self.request.clone(),
            rerun: self.rerun.clone(),
        }
    }
}

impl From<&Record> for KnownRecord {
    fn from(record: &Record) -> Self {
        let submissions = record.submissions.iter().map(|submission| {
            let (outcome, job_id) = match &submission.outcome {
                Outcome::Unresolved { .. } => (KnownOutcome::Unresolved, None),
                Outcome::Accepted { job_id, .. } => (KnownOutcome::Accepted, Some(job_id.clone())),
                Outcome::Rejected(_) => (KnownOutcome::Rejected, None),
                Outcome::Abandoned { .. } => (KnownOutcome::Abandoned, None),
            };
            let reason = match &submission.outcome {
                Outcome::Unresolved { reason } => reason.clone(),
                _ => None,
            };
            KnownSubmission {
                id: submission.id.clone(),
                at: submission.intended_at,
                outcome,
                reason,
                job_id,
            }
        });
        Self {
            key: record.key.clone(),
            state: record.last_seen().map(|seen| seen.state.to_string()),
            submissions: submissions.collect(),
        }
    }
}

/// A path as every machine format writes it.
fn slashes(path: &Path) -> String {
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' {
        text.into_owned()
    } else {
        text.replace(std::path::MAIN_SEPARATOR, "/")
    }
}
