//! The decision table: one job against what the state says.

use std::sync::Arc;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::changes::changes;
use super::model::{Action, PlannedJob, Reason};
use crate::job::{Job, JobKey, OnFailure};
use crate::state::{Outcome, Record, Records};

/// Decides what is to be done about each of `jobs`.
pub(super) fn decide_all(jobs: &[Arc<Job>], records: &Records) -> Vec<PlannedJob> {
    let jobs = jobs.par_iter();
    jobs.map(|job| decide(Arc::clone(job), records)).collect()
}

/// Decides what is to be done about one job.
pub(super) fn decide(job: Arc<Job>, records: &Records) -> PlannedJob {
    let record = records.get(&job.fingerprint).cloned();
    let record = record.filter(|record| !record.is_removed());
    let (action, reason, changes) = if let Some(record) = &record {
        let (action, reason) = decide_known(&job.key, job.on_failure, record);
        (action, reason, Vec::new())
    } else if let Some(previous) = latest_under_key(&job.key, records) {
        let changes = changes(&previous.work, &job.work);
        (Action::Resubmit, Reason::Changed, changes)
    } else {
        (Action::Submit, Reason::New, Vec::new())
    };
    PlannedJob {
        job,
        action,
        reason,
        record,
        changes,
    }
}

/// What the table says of one job against the record of its own work alone. `apply` asks this again
/// right before it submits, with the record as it is then.
pub fn decide_again(job: &Job, record: Option<&Record>) -> Action {
    record.map_or(Action::Submit, |record| {
        decide_known(&job.key, job.on_failure, record).0
    })
}

/// The rows of the table for work that has a record.
pub(super) fn decide_known(
    key: &JobKey,
    on_failure: OnFailure,
    record: &Record,
) -> (Action, Reason) {
    if record.unresolved().is_some() {
        return (Action::Resolve, Reason::Unresolved);
    }
    if record.accepted().is_none() {
        return (Action::Submit, never_accepted(record));
    }
    if record
        .last_seen()
        .is_some_and(|seen| seen.state.is_failure())
    {
        return failed(on_failure, record);
    }
    // No other job has this fingerprint, so the recorded key no longer stands for it, whether
    // the files still use that key (for other work) or not.
    if record.key != *key {
        return (Action::Renamed, Reason::Renamed);
    }
    let done = record.last_seen().is_some_and(|seen| seen.state.is_final());
    (
        Action::Unchanged,
        if done { Reason::Done } else { Reason::Running },
    )
}

fn never_accepted(record: &Record) -> Reason {
    match record.latest().map(|submission| &submission.outcome) {
        Some(Outcome::Rejected(_)) => Reason::Rejected,
        Some(Outcome::Abandoned { .. }) => Reason::Abandoned,
        _ => Reason::New,
    }
}

fn failed(on_failure: OnFailure, record: &Record) -> (Action, Reason) {
    match on_failure {
        OnFailure::Leave => (Action::Unchanged, Reason::LeftFailed),
        OnFailure::Resubmit { max_attempts } if record.accepted_count() < max_attempts as usize => {
            (Action::Resubmit, Reason::Failed)
        }
        OnFailure::Resubmit { .. } => (Action::Unchanged, Reason::AttemptsUsedUp),
    }
}

/// The record under `key` that was handed to the service last.
fn latest_under_key<'a>(key: &JobKey, records: &'a Records) -> Option<&'a Arc<Record>> {
    let intended = |record: &&Arc<Record>| record.latest().map(|submission| submission.intended_at);
    records
        .under_key(key)
        .filter(|record| !record.is_removed())
        .max_by_key(|record| (intended(record), record.fingerprint))
}
