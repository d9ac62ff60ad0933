//! How much a plan would make the service process: counted elsewhere, put together here.

mod guards;
mod totals;

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Limits;
use super::model::{Action, Plan, PlannedJob};
use crate::api::name::WorkflowId;
use crate::job::{Fingerprint, JobKey};
use crate::money::{Money, Price};

use totals::Totals;

/// What one workflow costs, for those that have a price.
pub type Prices = BTreeMap<WorkflowId, Price>;

/// Objects that were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// How many.
    pub objects: u64,
    /// Their bytes, as far as sizes are known.
    pub bytes: u64,
    /// How many of them are of unknown size.
    pub without_size: u64,
    /// How many of them a list names and the bucket does not have.
    pub missing: u64,
}

/// What was counted for the jobs of a plan.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Each job's objects, or why they could not be counted.
    pub jobs: HashMap<Fingerprint, Result<Count, String>>,
    /// Objects that more than one of the jobs covers.
    pub covered_twice: u64,
    /// Those of them that one workflow would process more than once.
    pub processed_twice: BTreeMap<WorkflowId, u64>,
}

/// An estimate of what a plan would make the service process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// Job by job.
    pub jobs: HashMap<Fingerprint, JobEstimate>,
    /// All of it.
    pub total: TotalEstimate,
}

/// An estimate of what one job would process; null for what is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct JobEstimate {
    /// How many objects.
    pub objects: Option<u64>,
    /// How many bytes they have.
    pub bytes: Option<u64>,
    /// What the workflows cost that run over them; null where one has no price.
    pub cost: Option<Money>,
    /// How many of the objects are of unknown size.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub without_size: u64,
    /// How many of the objects a list names and the bucket does not have.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: u64,
    /// Why the objects could not be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// An estimate of what all jobs would process. An object counts once for each run over it: twice
/// for a job with two workflows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TotalEstimate {
    /// Whether everything that was asked for is known. If not, the numbers are those of what is known.
    pub complete: bool,
    /// How many objects.
    pub objects: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// What they cost; null where no workflow has a price.
    pub cost: Option<Money>,
    /// Jobs whose objects could not be counted.
    pub uncounted: u64,
    /// Objects of unknown size.
    pub without_size: u64,
    /// Jobs whose cost is not known, though others have a price.
    pub unpriced: u64,
    /// Objects that more than one of the jobs covers, as far as they are listed together: by prefix
    /// and key in one bucket, or in one list.
    pub covered_twice: u64,
    /// The same, workflow by workflow.
    pub workflows: Vec<WorkflowEstimate>,
}

/// An estimate of what one workflow would process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkflowEstimate {
    /// Its id.
    pub workflow_id: WorkflowId,
    /// For how many jobs that could be counted.
    pub jobs: u64,
    /// How many objects.
    pub objects: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// What they cost; null where it has no price or depends on sizes that are not known.
    pub cost: Option<Money>,
    /// Objects that it would process more than once.
    pub processed_twice: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Count {
    /// Takes one more object into account.
    pub fn add(&mut self, size: Option<u64>) {
        self.objects += 1;
        match size {
            Some(size) => self.bytes = self.bytes.saturating_add(size),
            None => self.without_size += 1,
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            objects: self.objects + other.objects,
            bytes: self.bytes.saturating_add(other.bytes),
            without_size: self.without_size + other.without_size,
            missing: self.missing + other.missing,
        }
    }

    /// What this has beyond a part of it.
    #[must_use]
    pub fn minus(&self, part: &Self) -> Self {
        Self {
            objects: self.objects - part.objects,
            bytes: self.bytes - part.bytes,
            without_size: self.without_size - part.without_size,
            missing: self.missing - part.missing,
        }
    }

    /// The same, and objects that are named without being there.
    #[must_use]
    pub fn with_missing(&self, missing: u64) -> Self {
        Self {
            objects: self.objects + missing,
            missing,
            ..*self
        }
    }

    /// Their bytes, if the size of each is known.
    fn known_bytes(&self) -> Option<u64> {
        (self.without_size == 0).then_some(self.bytes)
    }
}

impl Counts {
    /// No job could be counted, and why.
    pub fn failed(plan: &Plan, problem: &str) -> Self {
        let jobs = plan.jobs.iter().filter(|planned| planned.may_submit());
        let jobs = jobs.map(|planned| (planned.job.fingerprint, Err(problem.to_owned())));
        Self {
            jobs: jobs.collect(),
            ..Self::default()
        }
    }
}

impl PlannedJob {
    /// Whether applying the plan may hand it to the service: looking an unresolved submission up
    /// may end with another one.
    pub fn may_submit(&self) -> bool {
        self.action.submits() || self.action == Action::Resolve
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
