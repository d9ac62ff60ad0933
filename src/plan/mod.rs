//! What would be done about each job, and why: a pure function of jobs, state and the moment.
//!
//! `plan`, `apply`, `watch` and the reports for pipelines all use [`plan`], so that a preview cannot
//! differ from what runs.

mod changes;
mod decide;
mod model;
mod overlap;

use std::collections::HashSet;
use std::sync::Arc;

use crate::job::{Fingerprint, Job, JobKey};
use crate::state::{Record, Records};

pub use decide::decide_again;
pub use model::{Action, Blocked, Change, Guard, Plan, PlannedJob, Reason, Summary};

/// What a target allows one plan to do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// The most submissions of one plan; absent where the target sets none.
    pub max_submissions: Option<usize>,
}

/// Decides what is to be done about every job of a target.
///
/// `jobs` have distinct keys and distinct fingerprints; `resolve` has made sure of both.
pub fn plan(jobs: Vec<Job>, records: &Records, limits: Limits) -> Plan {
    let fingerprints: HashSet<Fingerprint> = jobs.iter().map(|job| job.fingerprint).collect();
    let mut planned: Vec<PlannedJob> = jobs
        .into_iter()
        .map(|job| decide::decide(job, records))
        .collect();
    planned.sort_by(|left, right| left.job.key.cmp(&right.job.key));
    let retired = retired(records, &fingerprints);
    let summary = summarize(&planned, retired.len());
    let mut plan = Plan {
        jobs: planned,
        retired,
        blocked: Vec::new(),
        warnings: Vec::new(),
        summary,
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
    let may_submit =
        |planned: &&PlannedJob| planned.action.submits() || planned.action == Action::Resolve;
    let keys: Vec<JobKey> = plan
        .jobs
        .iter()
        .filter(may_submit)
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
