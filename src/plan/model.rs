//! A plan, as data.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::drift::Drift;
use crate::api::name::JobId;
use crate::characters;
use crate::estimate::Estimate;
use crate::job::{Job, JobKey};
use crate::state::Record;

/// What is to be done about one job. The set is closed: `apply` matches on it and on nothing else.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Look an unresolved submission up before anything else.
    Resolve,
    /// Submit work that this key never stood for.
    Submit,
    /// Submit work under a key that stood for other work, or work whose run failed.
    Resubmit,
    /// Record the new key, submit nothing.
    Renamed,
    /// Nothing.
    Unchanged,
}

impl Action {
    /// Whether `apply` would hand something to the service for it.
    pub fn submits(self) -> bool {
        matches!(self, Self::Submit | Self::Resubmit)
    }

    /// The word that machine formats have for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Submit => "submit",
            Self::Resubmit => "resubmit",
            Self::Renamed => "renamed",
            Self::Unchanged => "unchanged",
        }
    }
}

/// Why a job has its action. For people only: no decision may depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Neither the work nor the key is known.
    New,
    /// The key is known for other work.
    Changed,
    /// The service refused it the last time.
    Rejected,
    /// It is known that the last attempt never arrived.
    Abandoned,
    /// It failed or was cancelled, and the job asks for another attempt.
    Failed,
    /// It failed or was cancelled, and a person asks for another attempt.
    Retried,
    /// It failed or was cancelled, and the job leaves it at that.
    LeftFailed,
    /// It failed as often as the job allows.
    AttemptsUsedUp,
    /// Whether the service took it is unknown.
    Unresolved,
    /// The same work is recorded under a key that is no longer in the files.
    Renamed,
    /// It is submitted and has not ended.
    Running,
    /// It is done.
    Done,
}

impl Reason {
    /// Whether the job failed and is not submitted again.
    pub fn is_left_failed(self) -> bool {
        matches!(self, Self::LeftFailed | Self::AttemptsUsedUp)
    }
}

/// One field that differs from the latest record under the same key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Change {
    /// The field in the words of a job file, such as `operation.time_interval.end`.
    pub path: String,
    /// What was submitted; absent when the field was not there.
    pub before: Option<String>,
    /// What would be submitted; absent when the field is no longer there.
    pub after: Option<String>,
}

impl Change {
    /// The change for people: values that would look alike are spelt out.
    #[must_use]
    pub fn told_apart(&self) -> Self {
        let both = self.before.as_deref().zip(self.after.as_deref());
        let apart = both.and_then(|(before, after)| characters::told_apart(before, after));
        match apart {
            Some((before, after)) => Self {
                path: self.path.clone(),
                before: Some(before),
                after: Some(after),
            },
            None => self.clone(),
        }
    }
}

/// One job of the plan.
#[derive(Debug, Clone)]
pub struct PlannedJob {
    /// The job.
    pub job: Arc<Job>,
    /// What is to be done.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// What the state knows of the job's fingerprint.
    pub record: Option<Arc<Record>>,
    /// Against the latest record under the same key, for a changed job.
    pub changes: Vec<Change>,
}

/// The kinds of guard that can forbid a plan.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// More submissions than the target allows at once.
    MaxSubmissions,
    /// Objects would be processed twice by one workflow.
    Overlap,
    /// More objects than the target allows at once, or an unknown number.
    MaxObjects,
    /// More bytes than the target allows at once, or an unknown number.
    MaxBytes,
    /// A higher cost than the target allows at once, or an unknown one.
    MaxCost,
    /// The service has jobs that do the work and that the state does not know.
    UnknownJobs,
}

impl Guard {
    /// The word that files and machine formats have for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MaxSubmissions => "max_submissions",
            Self::Overlap => "overlap",
            Self::MaxObjects => "max_objects",
            Self::MaxBytes => "max_bytes",
            Self::MaxCost => "max_cost",
            Self::UnknownJobs => "unknown_jobs",
        }
    }
}

/// A guard that forbids the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Blocked {
    /// Which guard.
    pub guard: Guard,
    /// What it found, and the way out.
    pub message: String,
    /// The jobs it is about.
    pub keys: Vec<JobKey>,
    /// The jobs of the service it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub job_ids: Vec<JobId>,
}

/// How many jobs have each action.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Summary {
    /// [`Action::Submit`]
    pub submit: usize,
    /// [`Action::Resubmit`]
    pub resubmit: usize,
    /// [`Action::Resolve`]
    pub resolve: usize,
    /// [`Action::Renamed`]
    pub renamed: usize,
    /// [`Action::Unchanged`]
    pub unchanged: usize,
    /// Those of the unchanged jobs that failed and are not submitted again.
    #[serde(default)]
    pub failed: usize,
    /// Records whose job is no longer in the files.
    pub retired: usize,
}

impl Summary {
    /// Whether `apply` would hand anything to the service.
    pub fn submits(&self) -> bool {
        self.submit + self.resubmit > 0
    }

    /// Whether `apply` would do anything at all.
    pub fn has_work(&self) -> bool {
        self.submits() || self.resolve + self.renamed > 0
    }
}

/// What would be done about every job of a target.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Every job, in the order of keys.
    pub jobs: Vec<PlannedJob>,
    /// Records that no job stands for, in the order of keys.
    pub retired: Vec<Arc<Record>>,
    /// What forbids the plan; empty when nothing does.
    pub blocked: Vec<Blocked>,
    /// What is worth a look but forbids nothing.
    pub warnings: Vec<String>,
    /// What the service says otherwise than the records, in the order of keys; absent when it was
    /// not asked.
    pub drift: Option<Vec<Drift>>,
    /// The counts.
    pub summary: Summary,
    /// How much it would make the service process, where that was asked for.
    pub estimate: Option<Estimate>,
}

impl Plan {
    /// The plan with these jobs of it and without its retired records; nothing is left out of its counts
    /// and findings.
    #[must_use]
    pub fn of_jobs(&self, jobs: Vec<PlannedJob>) -> Self {
        Self {
            jobs,
            retired: Vec::new(),
            blocked: self.blocked.clone(),
            warnings: self.warnings.clone(),
            drift: self.drift.clone(),
            summary: self.summary,
            estimate: self.estimate.clone(),
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
