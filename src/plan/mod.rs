//! What would be done about each job, and why: a pure function of jobs, state and the moment.
//!
//! `plan`, `apply`, `watch` and the reports for pipelines all use [`plan`], so that a preview cannot
//! differ from what runs.

mod changes;
mod confirm;
mod decide;
mod document;
mod drift;
mod estimate;
mod model;
mod overlap;
mod selection;

use std::collections::HashSet;
use std::sync::Arc;

use crate::job::{Fingerprint, Job, JobKey};
use crate::money::Money;
use crate::state::{Record, Records};

pub use changes::changes;
pub use confirm::{DocumentError, Since, StaleJob, confirm};
pub use decide::decide_again;
pub use document::{
    DocumentJob, KnownOutcome, KnownRecord, KnownSubmission, Origin, PlanDocument, RetiredRecord,
    SourceLine,
};
pub use drift::{Drift, DriftKind};
pub use estimate::{Count, Counts, Estimate, JobEstimate, Prices, TotalEstimate, WorkflowEstimate};
pub use model::{Action, Blocked, Change, Guard, Plan, PlannedJob, Reason, Summary};
pub use selection::{Selection, family};

/// The JSON schema of plans, for programs that read them.
pub fn schema_json() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<PlanDocument>()
        .to_value()
}

/// What a target allows one plan to do.
#[derive(Debug, Clone, Copy, Default)]
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
/// `jobs` have distinct keys and distinct fingerprints; `resolve` has made sure of both.
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
    let mut planned: Vec<PlannedJob> = jobs
        .into_iter()
        .map(|job| decide::decide(job.into(), records))
        .collect();
    if selection.is_everything() {
        return assemble(planned, records, limits);
    }
    let is_selected = |planned: &PlannedJob| selection.contains(&planned.job.key);
    // Their own work is not submitted now, so that it is nobody's overlap; their record may be.
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

/// Puts decided jobs together, and asks the guards.
fn assemble(mut planned: Vec<PlannedJob>, records: &Records, limits: Limits) -> Plan {
    let fingerprints: HashSet<Fingerprint> = planned
        .iter()
        .map(|planned| planned.job.fingerprint)
        .collect();
    planned.sort_by(|left, right| left.job.key.cmp(&right.job.key));
    let retired = retired(records, &fingerprints);
    let summary = summarize(&planned, retired.len());
    let mut plan = Plan {
        jobs: planned,
        retired,
        blocked: Vec::new(),
        warnings: Vec::new(),
        drift: None,
        summary,
        estimate: None,
    };
    plan.blocked.extend(too_many_submissions(&plan, limits));
    let overlaps = overlap::check(&plan.jobs, &plan.retired);
    plan.blocked.extend(overlaps.blocked);
    plan.warnings.extend(overlaps.warnings);
    plan
}

fn retired(records: &Records, fingerprints: &HashSet<Fingerprint>) -> Vec<Arc<Record>> {
    let without_job =
        |record: &&Arc<Record>| !fingerprints.contains(&record.fingerprint) && !record.is_removed();
    let mut retired: Vec<_> = records.iter().filter(without_job).cloned().collect();
    retired
        .sort_by(|left, right| (&left.key, left.fingerprint).cmp(&(&right.key, right.fingerprint)));
    retired
}

fn summarize(jobs: &[PlannedJob], retired: usize) -> Summary {
    let mut summary = Summary {
        retired,
        ..Summary::default()
    };
    for planned in jobs {
        match planned.action {
            Action::Submit => summary.submit += 1,
            Action::Resubmit => summary.resubmit += 1,
            Action::Resolve => summary.resolve += 1,
            Action::Renamed => summary.renamed += 1,
            Action::Unchanged => summary.unchanged += 1,
        }
    }
    summary
}

/// An unresolved job counts: the look-up may end with a submission.
fn too_many_submissions(plan: &Plan, limits: Limits) -> Option<Blocked> {
    let limit = limits.max_submissions?;
    let keys: Vec<JobKey> = plan
        .jobs
        .iter()
        .filter(|planned| planned.may_submit())
        .map(|planned| planned.job.key.clone())
        .collect();
    (keys.len() > limit).then(|| Blocked {
        guard: Guard::MaxSubmissions,
        message: format!(
            "{} submissions, and the target allows {limit} at once",
            keys.len()
        ),
        keys,
    })
}
