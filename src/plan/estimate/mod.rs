//! Adds an estimate to a plan, and the guards that depend on one.

mod guards;

use std::collections::{BTreeMap, HashMap};

use super::Limits;
use super::model::{Action, Plan, PlannedJob};
use crate::estimate::{Counts, Estimate, Prices, Totals};
use crate::job::{Job, JobKey};

impl PlannedJob {
    /// Whether applying the plan may submit it. Looking up an unresolved submission may end with
    /// another one.
    pub fn may_submit(&self) -> bool {
        self.action.submits() || self.action == Action::Resolve
    }
}

impl Plan {
    /// The jobs that applying the plan may submit, which an estimate is about.
    pub fn estimated_jobs(&self) -> impl Iterator<Item = &Job> {
        let jobs = self.jobs.iter().filter(|planned| planned.may_submit());
        jobs.map(|planned| &*planned.job)
    }
}

impl Limits {
    /// Whether they can only be checked with an estimate.
    pub fn need_estimate(&self) -> bool {
        !self.estimated().is_empty()
    }

    /// The names of the limits that can only be checked with an estimate.
    fn estimated(&self) -> Vec<&'static str> {
        let limits = [
            ("max_objects", self.max_objects.is_some()),
            ("max_bytes", self.max_bytes.is_some()),
            ("max_cost", self.max_cost.is_some()),
        ];
        let set = limits.into_iter().filter(|(_, is_set)| *is_set);
        set.map(|(name, _)| name).collect()
    }
}

impl Plan {
    /// Says which guards were not asked, in a plan without an estimate.
    pub fn warn_of_unchecked(&mut self, limits: &Limits) {
        let names = limits.estimated();
        if names.is_empty() || !self.jobs.iter().any(PlannedJob::may_submit) {
            return;
        }
        let (names, are) = (
            names.join(" and "),
            if names.len() == 1 { "is" } else { "are" },
        );
        self.warnings.push(format!(
            "{names} {are} not checked here: `plan --estimate` counts the objects, and `apply` does so \
             before it sends anything"
        ));
    }

    /// Adds what was counted, and asks the guards that depend on it.
    pub fn estimate(&mut self, counts: &Counts, prices: &Prices, limits: &Limits) {
        let mut totals = Totals::new(prices);
        let mut jobs = HashMap::new();
        let mut problems: BTreeMap<String, Vec<JobKey>> = BTreeMap::new();
        for planned in self.jobs.iter().filter(|planned| planned.may_submit()) {
            let counted = counts.jobs.get(&planned.job.fingerprint);
            let not_counted = || Err("it was not counted".to_owned());
            let estimate = match counted.cloned().unwrap_or_else(not_counted) {
                Ok(count) => totals.counted(&planned.job, &count),
                Err(problem) => {
                    let keys = problems.entry(problem.clone()).or_default();
                    keys.push(planned.job.key.clone());
                    totals.uncounted(problem)
                }
            };
            jobs.insert(planned.job.fingerprint, estimate);
        }
        let problems = problems.into_iter();
        self.warnings
            .extend(problems.map(|(problem, keys)| uncounted(&keys, &problem)));
        let estimate = Estimate {
            jobs,
            total: totals.finish(counts),
        };
        self.blocked
            .extend(guards::ask(&self.jobs, &estimate, limits));
        self.estimate = Some(estimate);
    }
}

fn uncounted(keys: &[JobKey], problem: &str) -> String {
    let names = match keys {
        [one] => format!("`{one}`"),
        [one, other] => format!("`{one}` and `{other}`"),
        [first, rest @ ..] => format!("`{first}` and {} other jobs", rest.len()),
        [] => String::new(),
    };
    format!("the objects of {names} could not be counted: {problem}")
}
