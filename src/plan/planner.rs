//! A plan that is kept up to date, for those who plan again at every save.

use std::sync::Arc;

use super::Limits;
use super::assembly::Assembly;
use super::decide::decide_all;
use super::model::Plan;
use crate::job::Job;
use crate::state::Records;

/// The plan of jobs that come and go, against records and limits that stay.
///
/// What is done about a job depends on that job and the records alone, so that only the jobs that
/// come are decided. The plan is at all times the one that [`plan`](super::plan()) makes.
#[derive(Debug)]
pub struct Planner {
    records: Arc<Records>,
    limits: Limits,
    assembly: Assembly,
}

/// A plan before and after an update, both without retired records and without the jobs that the
/// update left alone.
#[derive(Debug)]
pub struct Step {
    /// Before.
    pub before: Plan,
    /// After.
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
            assembly: Assembly::new(planned, &records, limits),
            records,
            limits,
        }
    }

    /// The plan as it stands.
    pub fn plan(&self) -> &Plan {
        self.assembly.plan()
    }

    /// Whether the plan is one against these very records and within these limits.
    pub fn is_for(&self, records: &Arc<Records>, limits: Limits) -> bool {
        Arc::ptr_eq(&self.records, records) && self.limits == limits
    }

    /// Takes the jobs `gone` out of the plan, and puts those in that `come`.
    pub fn update(&mut self, gone: &[Arc<Job>], come: &[Arc<Job>]) -> Step {
        let come = decide_all(come, &self.records);
        let before = self.plan().of_jobs(Vec::new());
        let taken = self
            .assembly
            .replace(gone, come.clone(), &self.records, self.limits);
        Step {
            before: Plan {
                jobs: taken,
                ..before
            },
            after: self.plan().of_jobs(come),
        }
    }
}
