//! Decided jobs put together: in order, with the records that none of them stands for, the counts,
//! and what the guards say.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use rayon::slice::ParallelSliceMut;

use super::model::{Action, Blocked, Guard, Plan, PlannedJob, Summary};
use super::{Limits, overlap};
use crate::job::JobKey;
use crate::state::{Record, Records};

/// Makes a plan of decided jobs.
pub(super) fn assemble(planned: Vec<PlannedJob>, records: &Records, limits: Limits) -> Plan {
    let mut plan = Plan {
        jobs: planned,
        retired: Vec::new(),
        blocked: Vec::new(),
        warnings: Vec::new(),
        drift: None,
        summary: Summary::default(),
        estimate: None,
    };
    complete(&mut plan, records, limits);
    plan
}

/// Brings everything up to date that follows from the jobs of a plan.
pub(super) fn complete(plan: &mut Plan, records: &Records, limits: Limits) {
    sort(&mut plan.jobs);
    plan.retired = unclaimed(&plan.jobs, records);
    plan.summary = summarize(&plan.jobs, plan.retired.len());
    let overlaps = overlap::find(&plan.jobs, &plan.retired);
    plan.blocked = too_many_submissions(plan, limits).into_iter().collect();
    plan.blocked.extend(overlaps.blocked);
    plan.warnings = overlaps.warnings;
}

/// Sorts jobs by key, the order of a plan.
pub(super) fn sort(jobs: &mut [PlannedJob]) {
    jobs.par_sort_by(|left, right| left.job.key.cmp(&right.job.key));
}

/// The records that no job stands for, in the order of keys.
fn unclaimed(planned: &[PlannedJob], records: &Records) -> Vec<Arc<Record>> {
    let claimed = planned.iter().filter_map(|planned| planned.record.as_ref());
    let claimed: HashSet<*const Record> = claimed.map(Arc::as_ptr).collect();
    let unclaimed = records.iter();
    let unclaimed =
        unclaimed.filter(|record| !claimed.contains(&Arc::as_ptr(record)) && !record.is_removed());
    let mut unclaimed: Vec<Arc<Record>> = unclaimed.cloned().collect();
    unclaimed.par_sort_by(by_key_and_fingerprint);
    unclaimed
}

fn by_key_and_fingerprint(left: &Arc<Record>, right: &Arc<Record>) -> Ordering {
    (&left.key, left.fingerprint).cmp(&(&right.key, right.fingerprint))
}

/// Counts the jobs with each action.
pub(super) fn summarize(jobs: &[PlannedJob], retired: usize) -> Summary {
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
        summary.failed += usize::from(planned.reason.is_left_failed());
    }
    summary
}

/// An unresolved job counts: the look-up may end with a submission.
pub(super) fn too_many_submissions(plan: &Plan, limits: Limits) -> Option<Blocked> {
    let limit = limits.max_submissions?;
    let submissions = plan.summary.submit + plan.summary.resubmit + plan.summary.resolve;
    let keys = || -> Vec<JobKey> {
        let jobs = plan.jobs.iter().filter(|planned| planned.may_submit());
        jobs.map(|planned| planned.job.key.clone()).collect()
    };
    (submissions > limit).then(|| Blocked {
        guard: Guard::MaxSubmissions,
        message: format!("{submissions} submissions, and the target allows {limit} at once"),
        keys: keys(),
        job_ids: Vec::new(),
    })
}
