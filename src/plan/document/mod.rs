//! A plan as a document: what is shown, given to programs, saved, and applied later.

mod job;
mod jobs;

use std::collections::HashMap;

use jiff::Timestamp;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::drift::Drift;
use super::estimate::TotalEstimate;
use super::model::{Blocked, Plan, Summary};
use crate::grain;
use crate::job::{Fingerprint, JobKey};
use crate::state::Lineage;

pub use job::{DocumentJob, KnownOutcome, KnownRecord, KnownSubmission, SourceLine};
use jobs::in_parallel;
pub use jobs::{Documents, PlannedJobs};

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
// Its jobs are in words already, or become so while it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "stocktake plan")]
#[serde(bound(serialize = "Jobs: Documents"))]
pub struct PlanDocument<Jobs = Vec<DocumentJob<'static>>> {
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
    pub jobs: Jobs,
    /// Records whose job is no longer in the files, in the order of keys.
    pub retired: Vec<RetiredRecord>,
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

/// A document all in words, which were read or are those of a plan.
pub type PlanInWords<'plan> = PlanDocument<Vec<DocumentJob<'plan>>>;

impl PlanDocument<PlannedJobs> {
    /// The document of a plan, to be written as it is or put into words.
    pub fn new(plan: Plan, origin: Origin) -> Self {
        let retired = plan.retired.iter().map(|record| RetiredRecord {
            key: record.key.clone(),
            fingerprint: record.fingerprint,
        });
        let (estimates, total) = match plan.estimate {
            Some(estimate) => (estimate.jobs, Some(estimate.total)),
            None => (HashMap::new(), None),
        };
        let retired = retired.collect();
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
            retired,
            jobs: PlannedJobs {
                jobs: plan.jobs,
                estimates,
            },
            estimate: total,
        }
    }

    /// The document in words.
    pub fn in_words(&self) -> PlanInWords<'_> {
        let indices = (0..self.jobs.count()).into_par_iter();
        let indices = indices.with_max_len(grain::LIGHT);
        let jobs = indices.map(|index| self.jobs.document(index).into_owned());
        PlanDocument {
            format: self.format.clone(),
            stocktake: self.stocktake.clone(),
            created: self.created,
            target: self.target.clone(),
            lineage: self.lineage.clone(),
            commit: self.commit.clone(),
            files: self.files.clone(),
            summary: self.summary,
            blocked: self.blocked.clone(),
            warnings: self.warnings.clone(),
            drift: self.drift.clone(),
            estimate: self.estimate.clone(),
            jobs: jobs.collect(),
            retired: self.retired.clone(),
        }
    }
}

impl<Jobs> PlanDocument<Jobs> {
    /// Whether `apply` would hand anything to the service.
    pub fn submits(&self) -> bool {
        self.summary.submits()
    }

    /// Whether `apply` would do anything at all.
    pub fn has_work(&self) -> bool {
        self.summary.has_work()
    }
}
