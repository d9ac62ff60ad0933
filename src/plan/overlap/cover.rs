//! Sets of objects that a workflow goes through.

use std::sync::Arc;

use jiff::Timestamp;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::intervals::Interval;
use crate::api::request::Input;
use crate::job::{Fingerprint, Job, JobKey, Overlap, Work};
use crate::plan::model::PlannedJob;
use crate::state::Record;

/// How much a cover weighs against another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Applying the plan submits it, or may do so.
    Planned,
    /// It was submitted.
    Done,
    /// It was submitted, and ended Failed or Cancel: some objects may be untouched.
    Failed,
}

/// A set of objects that one piece of work covers.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Cover {
    owner: Owner,
    pub(super) standing: Standing,
    pub(super) interval: Interval,
    pub(super) submitted_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
enum Owner {
    Job(Arc<Job>),
    /// No job stands for it any more.
    Record(Arc<Record>),
}

/// Where a cover stands in a plan: jobs in the order of keys, then records. No two have the same.
pub(super) type Rank = (bool, JobKey, Fingerprint);

/// Where an input stands in the order: keys first, lists of objects behind them.
pub(super) type Position<'cover> = (u8, &'cover str);

/// The part of the order in which one input can lie in another.
pub(super) const KEYS: u8 = 0;

impl Cover {
    pub(super) fn key(&self) -> &JobKey {
        match &self.owner {
            Owner::Job(job) => &job.key,
            Owner::Record(record) => &record.key,
        }
    }

    pub(super) fn work(&self) -> &Work {
        match &self.owner {
            Owner::Job(job) => &job.work,
            Owner::Record(record) => &record.work,
        }
    }

    pub(super) fn input(&self) -> &Input {
        &self.work().request.input
    }

    pub(super) fn rank(&self) -> Rank {
        match &self.owner {
            Owner::Job(job) => (false, job.key.clone(), job.fingerprint),
            Owner::Record(record) => (true, record.key.clone(), record.fingerprint),
        }
    }

    pub(super) fn position(&self) -> Position<'_> {
        match self.input() {
            Input::Prefix(key) | Input::Object(key) => (KEYS, key),
            Input::Manifest(name) => (1, name),
            Input::UrlFile(name) => (2, name),
        }
    }

    /// Whether two covers that meet are a finding at all.
    pub(super) fn matters_to(&self, other: &Self) -> bool {
        let one_is_planned =
            self.standing == Standing::Planned || other.standing == Standing::Planned;
        // Changing `rerun` is how a person asks for the same objects once more.
        let is_rerun = self.key() == other.key() && self.work().rerun != other.work().rerun;
        one_is_planned && !is_rerun
    }
}

/// What the jobs of a plan cover, and records that no job stands for.
pub(in crate::plan) fn covers(jobs: &[PlannedJob], retired: &[Arc<Record>]) -> Vec<Cover> {
    let planned = jobs.par_iter().filter_map(of_job);
    let owner = |record: &Arc<Record>| Owner::Record(Arc::clone(record));
    let retired = retired
        .par_iter()
        .filter_map(|record| recorded(record, owner(record)));
    planned.chain(retired).collect()
}

/// A job that says `overlap: allow` covers nothing here: that is what it says.
fn of_job(planned: &PlannedJob) -> Option<Cover> {
    let job = &planned.job;
    if job.overlap == Overlap::Allow {
        return None;
    }
    let owner = Owner::Job(Arc::clone(job));
    if planned.may_submit() {
        return Some(Cover {
            owner,
            standing: Standing::Planned,
            // A plan may be applied later than it was made, so that an open end is not yet known.
            interval: Interval::of(job.work.request.operation.time_interval, Timestamp::MAX),
            submitted_at: None,
        });
    }
    recorded(planned.record.as_deref()?, owner)
}

/// What a record covers, if the service took it or may have taken it.
fn recorded(record: &Record, owner: Owner) -> Option<Cover> {
    let accepted = record.accepted().map(|(submission, _)| submission);
    let submission = accepted.or_else(|| record.unresolved())?;
    let failed = record
        .last_seen()
        .is_some_and(|seen| seen.state.is_failure());
    let time_interval = record.work.request.operation.time_interval;
    Some(Cover {
        owner,
        standing: if failed {
            Standing::Failed
        } else {
            Standing::Done
        },
        interval: Interval::of(time_interval, submission.intended_at),
        submitted_at: Some(submission.intended_at),
    })
}
