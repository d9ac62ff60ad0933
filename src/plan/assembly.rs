//! Decided jobs put together: in order, with the records that none of them stands for, the counts,
//! and what the guards say.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;
use rayon::slice::ParallelSliceMut;

use super::Limits;
use super::model::{Action, Blocked, Guard, Plan, PlannedJob, Summary};
use super::overlap::{Overlaps, covers};
use super::sorted::splice;
use crate::job::{Fingerprint, Job, JobKey};
use crate::state::{Record, Records};

/// A plan, with what it takes to replace some of its jobs without looking at the others.
#[derive(Debug)]
pub(super) struct Assembly {
    plan: Plan,
    overlaps: Overlaps,
}

impl Assembly {
    /// Puts decided jobs together, which come in the order of their keys.
    pub(super) fn new(planned: Vec<PlannedJob>, records: &Records, limits: Limits) -> Self {
        let (retired, mut covered) =
            rayon::join(|| unclaimed(&planned, records), || covers(&planned, &[]));
        let others = covers(&[], &retired);
        covered.reserve_exact(others.len());
        covered.extend(others);
        let overlaps = Overlaps::new(covered);
        let plan = Plan {
            jobs: planned,
            retired,
            blocked: Vec::new(),
            warnings: Vec::new(),
            drift: None,
            summary: Summary::default(),
            estimate: None,
        };
        let mut assembly = Self { plan, overlaps };
        assembly.conclude(limits);
        assembly
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn into_plan(self) -> Plan {
        self.plan
    }

    /// Puts decided jobs in the place of others; gives back what was planned for those.
    pub(super) fn replace(
        &mut self,
        gone: &[Arc<Job>],
        come: Vec<PlannedJob>,
        records: &Records,
        limits: Limits,
    ) -> Vec<PlannedJob> {
        let works_after = works(&come);
        let mut new_covers = covers(&come, &[]);
        let taken = self.replace_jobs(gone, come);
        let works_before = works(&taken);
        let mut old_covers = covers(&taken, &[]);

        let recorded = |works: &Works, others: &Works| {
            let records = works
                .difference(others)
                .filter_map(|work| records.get(work));
            let counting = records.filter(|record| !record.is_removed());
            counting.cloned().collect::<Vec<Arc<Record>>>()
        };
        let retired = recorded(&works_before, &works_after);
        let claimed = recorded(&works_after, &works_before);
        new_covers.extend(covers(&[], &retired));
        old_covers.extend(covers(&[], &claimed));
        self.replace_retired(&claimed, retired);
        self.overlaps.replace(old_covers, new_covers);
        self.conclude(limits);
        taken
    }

    fn replace_jobs(&mut self, gone: &[Arc<Job>], come: Vec<PlannedJob>) -> Vec<PlannedJob> {
        let jobs = &mut self.plan.jobs;
        let position = |job: &Arc<Job>| {
            jobs.binary_search_by(|known| known.job.key.cmp(&job.key))
                .ok()
        };
        let mut positions: Vec<usize> = gone.iter().filter_map(position).collect();
        positions.sort_unstable();
        splice(jobs, &positions, come, by_key)
    }

    fn replace_retired(&mut self, claimed: &[Arc<Record>], come: Vec<Arc<Record>>) {
        let retired = &mut self.plan.retired;
        let position = |record: &Arc<Record>| {
            retired
                .binary_search_by(|known| by_key_and_work(known, record))
                .ok()
        };
        let mut positions: Vec<usize> = claimed.iter().filter_map(position).collect();
        positions.sort_unstable();
        splice(retired, &positions, come, by_key_and_work);
    }

    /// Counts, and asks the guards.
    fn conclude(&mut self, limits: Limits) {
        let plan = &mut self.plan;
        plan.summary = summarize(&plan.jobs, plan.retired.len());
        let overlaps = self.overlaps.findings();
        plan.blocked = too_many_submissions(plan, limits).into_iter().collect();
        plan.blocked.extend(overlaps.blocked);
        plan.warnings = overlaps.warnings;
    }
}

/// The order of jobs in a plan.
fn by_key(left: &PlannedJob, right: &PlannedJob) -> Ordering {
    left.job.key.cmp(&right.job.key)
}

fn by_key_and_work(left: &Arc<Record>, right: &Arc<Record>) -> Ordering {
    (&left.key, left.fingerprint).cmp(&(&right.key, right.fingerprint))
}

/// The records that no job stands for, in the order of keys.
fn unclaimed(planned: &[PlannedJob], records: &Records) -> Vec<Arc<Record>> {
    let mut claimed: HashSet<usize, RandomState> =
        HashSet::with_capacity_and_hasher(planned.len(), RandomState::default());
    let recorded = planned.iter().filter_map(|planned| planned.record.as_ref());
    claimed.extend(recorded.map(identity));
    let unclaimed = records
        .iter()
        .filter(|record| !claimed.contains(&identity(record)) && !record.is_removed());
    let mut unclaimed: Vec<Arc<Record>> = unclaimed.cloned().collect();
    unclaimed.par_sort_by(by_key_and_work);
    unclaimed
}

/// Tells one record from another without a look into it.
fn identity(record: &Arc<Record>) -> usize {
    Arc::as_ptr(record).addr()
}

type Works = HashSet<Fingerprint, RandomState>;

fn works(jobs: &[PlannedJob]) -> Works {
    jobs.iter().map(|planned| planned.job.fingerprint).collect()
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
    })
}
