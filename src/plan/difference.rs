//! How a plan differs from the one before.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::model::{Action, Plan, PlannedJob, Summary};
use crate::job::JobKey;

/// What a job is to go through now, and what it was to go through before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDifference {
    /// The job.
    pub key: JobKey,
    /// Absent for a job that is new in the files.
    pub before: Option<Action>,
    /// Absent for a job that is no longer in the files.
    pub after: Option<Action>,
}

/// How a plan differs from the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The jobs that are not as they were, in the order of keys.
    pub jobs: Vec<JobDifference>,
    /// The counts before.
    pub before: Summary,
    /// The counts now.
    pub after: Summary,
    /// How many jobs a guard holds back now, and did not before.
    pub blocked: usize,
    /// How many jobs a guard held back, and no longer does.
    pub unblocked: usize,
}

impl Difference {
    /// Compares two plans.
    pub fn between(before: &Plan, after: &Plan) -> Self {
        let (blocked_before, blocked_after) = (blocked(before), blocked(after));
        Self {
            jobs: jobs(&before.jobs, &after.jobs),
            before: before.summary,
            after: after.summary,
            blocked: blocked_after.difference(&blocked_before).count(),
            unblocked: blocked_before.difference(&blocked_after).count(),
        }
    }

    /// The jobs of `plan`, the later one, that are not as they were; `limit` of them at most.
    pub fn planned<'plan>(&self, plan: &'plan Plan, limit: usize) -> Vec<&'plan PlannedJob> {
        let there = self.jobs.iter().filter(|job| job.after.is_some());
        let find = |job: &JobDifference| {
            let jobs = &plan.jobs;
            let index = jobs.binary_search_by(|planned| planned.job.key.cmp(&job.key));
            jobs.get(index.ok()?)
        };
        there.take(limit).filter_map(find).collect()
    }

    /// How many jobs are left out where `limit` are shown of those that are there and of those that
    /// are gone.
    pub fn unshown(&self, limit: usize) -> usize {
        let there = self.jobs.iter().filter(|job| job.after.is_some()).count();
        let gone = self.jobs.len() - there;
        there.saturating_sub(limit) + gone.saturating_sub(limit)
    }

    /// Whether the plans say the same.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.before == self.after && self.blocked + self.unblocked == 0
    }
}

fn blocked(plan: &Plan) -> BTreeSet<&JobKey> {
    plan.blocked
        .iter()
        .flat_map(|blocked| &blocked.keys)
        .collect()
}

/// Both are in the order of keys.
fn jobs(before: &[PlannedJob], after: &[PlannedJob]) -> Vec<JobDifference> {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    let mut differences = Vec::new();
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return differences,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            // Most jobs are the very same ones.
            (Some(old), Some(new)) if Arc::ptr_eq(&old.job, &new.job) => Ordering::Equal,
            (Some(old), Some(new)) => old.job.key.cmp(&new.job.key),
        };
        let old = (order != Ordering::Greater)
            .then(|| before.next())
            .flatten();
        let new = (order != Ordering::Less).then(|| after.next()).flatten();
        let Some(planned) = old.or(new) else {
            return differences;
        };
        if !old.zip(new).is_some_and(|(old, new)| is_same(old, new)) {
            differences.push(JobDifference {
                key: planned.job.key.clone(),
                before: old.map(|planned| planned.action),
                after: new.map(|planned| planned.action),
            });
        }
    }
}

fn is_same(old: &PlannedJob, new: &PlannedJob) -> bool {
    old.action == new.action
        && old.reason == new.reason
        && old.job.fingerprint == new.job.fingerprint
}
