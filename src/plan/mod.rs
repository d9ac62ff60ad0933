//! What would be done about each job, and why: a pure function of jobs, state and the moment.
//!
//! `plan`, `apply`, `watch` and the reports for pipelines all use [`plan`], so that a preview cannot
//! differ from what runs. A [`Planner`] keeps the same plan up to date while jobs come and go.

mod assembly;
mod changes;
mod confirm;
mod decide;
mod difference;
mod document;
mod drift;
mod estimate;
mod model;
mod overlap;
mod planner;
mod selection;

use std::sync::Arc;

use crate::job::{Job, OnFailure};
use crate::money::Money;
use crate::schema;
use crate::state::Records;

use assembly::{assemble, summarize, too_many_submissions};

pub use changes::changes;
pub use confirm::{DocumentError, Since, StaleJob, confirm};
pub use decide::decide_again;
pub use difference::{Difference, JobDifference};
pub use document::{
    DocumentJob, KnownRecord, KnownSubmission, Origin, PlanDocument, RetiredRecord, SourceLine,
};
pub use drift::{Drift, DriftKind};
pub use model::{Action, Blocked, Change, Guard, Plan, PlannedJob, Reason, Summary};
pub use planner::{Planner, Step};
pub use selection::{Selection, family};

/// The JSON schema of plans, for programs that read them.
pub fn schema_json() -> serde_json::Value {
    schema::of::<PlanDocument>()
}

/// What a target allows one plan to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// The most submissions of one plan; absent where the target sets none.
    pub max_submissions: Option<usize>,
    /// The most objects to process, as [`TotalEstimate`] counts them.
    pub max_objects: Option<u64>,
    /// The most bytes to process.
    pub max_bytes: Option<u64>,
    /// The most that it may cost.
    pub max_cost: Option<Money>,
}

/// Decides what is to be done about every job of a target.
///
/// `jobs` have distinct keys and distinct fingerprints; `expand` has made sure of both.
pub fn plan(
    jobs: impl IntoIterator<Item = impl Into<Arc<Job>>>,
    records: &Records,
    limits: Limits,
) -> Plan {
    plan_selected(jobs, records, limits, &Selection::default())
}

/// [`plan`] for some of the jobs. What is recorded of the others counts for the guards all the same.
pub fn plan_selected(
    jobs: impl IntoIterator<Item = impl Into<Arc<Job>>>,
    records: &Records,
    limits: Limits,
    selection: &Selection,
) -> Plan {
    let jobs: Vec<Arc<Job>> = jobs.into_iter().map(Into::into).collect();
    let mut planned = decide::decide_all(&jobs, records);
    if selection.is_everything() {
        return assemble(planned, records, limits);
    }
    let is_selected = |planned: &PlannedJob| selection.contains(&planned.job.key);
    // Their own work is not submitted now, so it overlaps nothing; their record may.
    planned.retain(|planned| is_selected(planned) || !planned.action.submits());
    let mut plan = assemble(planned, records, limits);
    plan.jobs.retain(is_selected);
    plan.retired.clear();
    plan.summary = summarize(&plan.jobs, 0);
    plan.blocked
        .retain(|blocked| blocked.guard != Guard::MaxSubmissions);
    plan.blocked.extend(too_many_submissions(&plan, limits));
    plan
}

/// The plan that submits once more those of the selected jobs that failed, whatever the files say about
/// failures; `None` where none of them failed. Nothing else is part of it.
pub fn plan_retry(
    mut jobs: Vec<Arc<Job>>,
    records: &Records,
    limits: Limits,
    selection: &Selection,
) -> Option<Plan> {
    let mut failed = Vec::new();
    for job in &mut jobs {
        let reason = decide::decide(Arc::clone(job), records).reason;
        if selection.contains(&job.key) && (reason.is_left_failed() || reason == Reason::Failed) {
            failed.push(job.key.to_string());
            *job = Arc::new(Job {
                on_failure: OnFailure::Resubmit {
                    max_attempts: u32::MAX,
                },
                ..Job::clone(job)
            });
        }
    }
    if failed.is_empty() {
        return None;
    }
    let mut plan = plan_selected(jobs, records, limits, &Selection::new(failed));
    for planned in &mut plan.jobs {
        if planned.reason == Reason::Failed {
            planned.reason = Reason::Retried;
        }
    }
    Some(plan)
}
