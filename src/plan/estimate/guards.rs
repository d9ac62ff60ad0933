//! The guards that depend on an estimate.

use crate::estimate::{Estimate, JobEstimate};
use crate::job::JobKey;
use crate::plan::Limits;
use crate::plan::model::{Blocked, Guard, PlannedJob};
use crate::units::format_bytes;

/// One limit against an estimate.
struct Check {
    guard: Guard,
    allowed: String,
    /// What is too much, if it is.
    excess: Option<String>,
    /// Whether a job's part of it is known.
    is_known: fn(&JobEstimate) -> bool,
}

/// The guards that forbid the plan: because a limit is exceeded, or because that is unknown.
pub(super) fn ask(jobs: &[PlannedJob], estimate: &Estimate, limits: &Limits) -> Vec<Blocked> {
    let checks = checks(estimate, limits).into_iter();
    checks
        .filter_map(|check| check.ask(jobs, estimate))
        .collect()
}

fn checks(estimate: &Estimate, limits: &Limits) -> Vec<Check> {
    let total = &estimate.total;
    let mut checks = Vec::new();
    if let Some(limit) = limits.max_objects {
        let excess = total.objects > limit;
        checks.push(Check {
            guard: Guard::MaxObjects,
            allowed: limit.to_string(),
            excess: excess.then(|| format!("{} objects", total.objects)),
            is_known: |job| job.objects.is_some(),
        });
    }
    if let Some(limit) = limits.max_bytes {
        let excess = total.bytes > limit;
        checks.push(Check {
            guard: Guard::MaxBytes,
            allowed: format_bytes(limit),
            excess: excess.then(|| format_bytes(total.bytes)),
            is_known: |job| job.bytes.is_some(),
        });
    }
    if let Some(limit) = limits.max_cost {
        let excess = total.cost.filter(|cost| cost.exceeds(limit));
        checks.push(Check {
            guard: Guard::MaxCost,
            allowed: limit.to_string(),
            excess: excess.map(|cost| format!("about {cost}")),
            is_known: |job| job.cost.is_some(),
        });
    }
    checks
}

impl Check {
    fn ask(self, jobs: &[PlannedJob], estimate: &Estimate) -> Option<Blocked> {
        let is_unknown = |job: &JobEstimate| !(self.is_known)(job);
        let unknown = keys(jobs, estimate, is_unknown);
        let (guard, name) = (self.guard, self.guard.as_str());
        if let Some(found) = self.excess {
            let allowed = self.allowed;
            return Some(Blocked {
                guard,
                message: format!(
                    "an estimate of {found}, and the target allows {allowed} at once; if that is meant, \
                     raise `{name}` in stocktake.toml"
                ),
                keys: keys(jobs, estimate, |_| true),
                job_ids: Vec::new(),
            });
        }
        let first = unknown.first()?;
        let others = match unknown.len() - 1 {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        Some(Blocked {
            guard,
            message: format!(
                "`{name}` cannot be checked: the estimate of `{first}`{others} is incomplete"
            ),
            keys: unknown,
            job_ids: Vec::new(),
        })
    }
}

/// The jobs whose estimate is of a kind.
fn keys(
    jobs: &[PlannedJob],
    estimate: &Estimate,
    is_meant: impl Fn(&JobEstimate) -> bool,
) -> Vec<JobKey> {
    let meant = jobs.iter().filter(|planned| {
        let estimate = estimate.jobs.get(&planned.job.fingerprint);
        estimate.is_some_and(&is_meant)
    });
    meant.map(|planned| planned.job.key.clone()).collect()
}
