//! A plan that is kept up to date, for `watch`, which plans again at every save.

use std::collections::HashSet;
use std::sync::Arc;

use super::Limits;
use super::assembly::{assemble, complete, sort};
use super::decide::decide_all;
use super::model::Plan;
use crate::job::Job;
use crate::state::Records;

/// The plan of jobs that change, against records and limits that stay.
///
/// What is done about a job depends on that job and the records alone, so only new jobs are decided.
/// The plan is at all times the one that [`plan`](super::plan()) makes.
#[derive(Debug)]
pub struct Planner {
    records: Arc<Records>,
    limits: Limits,
    plan: Plan,
}

/// A plan before and after an update, both without retired records and without the jobs that the
/// update left alone.
#[derive(Debug)]
pub struct Step {
    pub before: Plan,
    pub after: Plan,
}

impl Planner {
    /// Plans `jobs`, which have distinct keys and distinct fingerprints.
    pub fn new(
        jobs: impl IntoIterator<Item = Arc<Job>>,
        records: Arc<Records>,
        limits: Limits,
    ) -> Self {
        let jobs: Vec<Arc<Job>> = jobs.into_iter().collect();
        let planned = decide_all(&jobs, &records);
        Self {
            plan: assemble(planned, &records, limits),
            records,
            limits,
        }
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether the plan is one against these very records and within these limits.
    pub fn is_for(&self, records: &Arc<Records>, limits: Limits) -> bool {
        Arc::ptr_eq(&self.records, records) && self.limits == limits
    }

    /// Replaces the jobs `removed` by those `added`.
    pub fn update(&mut self, removed: &[Arc<Job>], added: &[Arc<Job>]) -> Step {
        let mut added = decide_all(added, &self.records);
        sort(&mut added);
        let before = self.plan.of_jobs(Vec::new());
        let removed: HashSet<*const Job> = removed.iter().map(Arc::as_ptr).collect();
        let is_removed = |job: &Arc<Job>| removed.contains(&Arc::as_ptr(job));
        let taken = self
            .plan
            .jobs
            .extract_if(.., |planned| is_removed(&planned.job));
        let taken = taken.collect();
        self.plan.jobs.extend_from_slice(&added);
        complete(&mut self.plan, &self.records, self.limits);
        Step {
            before: Plan {
                jobs: taken,
                ..before
            },
            after: self.plan.of_jobs(added),
        }
    }
}
