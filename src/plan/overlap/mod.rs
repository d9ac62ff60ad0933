//! The guard against paying twice: two jobs of one workflow that cover the same objects.
//!
//! Jobs and records are swept in the order of their keys, so that a prefix meets only the prefixes
//! it lies in, and intervals are looked up in trees: nothing is compared with everything.

mod intervals;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::model::{Blocked, Guard, PlannedJob};
use crate::api::name::{BucketName, Region, WorkflowId};
use crate::api::request::Input;
use crate::api::time;
use crate::job::{JobKey, Overlap, Work};
use crate::state::Record;

use intervals::Interval;

/// Pairs beyond this number are not reported one by one.
const REPORTED: usize = 100;

/// What the guard found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What forbids the plan.
    pub(super) blocked: Vec<Blocked>,
    /// What is worth a look.
    pub(super) warnings: Vec<String>,
}

/// How much a cover weighs against another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Applying the plan submits it, or may do so.
    Planned,
    /// It was submitted.
    Done,
    /// It was submitted, and ended Failed or Cancel: some objects may be untouched.
    Failed,
}

/// A set of objects that one piece of work covers.
#[derive(Debug, Clone, Copy)]
struct Cover<'plan> {
    key: &'plan JobKey,
    work: &'plan Work,
    standing: Standing,
    interval: Interval,
    submitted_at: Option<Timestamp>,
}

/// Checks the jobs of a plan against one another and against what was ever submitted.
pub(super) fn check(jobs: &[PlannedJob], retired: &[Arc<Record>]) -> Findings {
    let planned = jobs.iter().filter_map(planned_cover);
    let retired = retired.iter().filter_map(|record| recorded_cover(record));
    let covers: Vec<Cover<'_>> = planned.chain(retired).collect();
    let mut findings = Findings::default();
    for (reported, (left, right)) in pairs(&covers).into_iter().enumerate() {
        if reported == REPORTED {
            findings.blocked.push(more());
            break;
        }
        report(&covers[left], &covers[right], &mut findings);
    }
    findings
}

/// A job that says `overlap: allow` covers nothing here: that is what it says.
fn planned_cover(planned: &PlannedJob) -> Option<Cover<'_>> {
    let job = &planned.job;
    if job.overlap == Overlap::Allow {
        return None;
    }
    if planned.may_submit() {
        return Some(Cover {
            key: &job.key,
            work: &job.work,
            standing: Standing::Planned,
            // A plan may be applied later than it was made, so that an open end is not yet known.
            interval: Interval::of(job.work.request.operation.time_interval, Timestamp::MAX),
            submitted_at: None,
        });
    }
    let record = planned.record.as_deref()?;
    recorded_cover(record).map(|cover| Cover {
        key: &job.key,
        ..cover
    })
}

/// What a record covers, if the service took it or may have taken it.
fn recorded_cover(record: &Record) -> Option<Cover<'_>> {
    let accepted = record.accepted().map(|(submission, _)| submission);
    let submission = accepted.or_else(|| record.unresolved())?;
    let failed = record
        .last_seen()
        .is_some_and(|seen| seen.state.is_failure());
    let time_interval = record.work.request.operation.time_interval;
    Some(Cover {
        key: &record.key,
        work: &record.work,
        standing: if failed {
            Standing::Failed
        } else {
            Standing::Done
        },
        interval: Interval::of(time_interval, submission.intended_at),
        submitted_at: Some(submission.intended_at),
    })
}

/// Every pair that covers the same objects, by index; no more of them than can be reported.
fn pairs(covers: &[Cover<'_>]) -> BTreeSet<(usize, usize)> {
    let mut groups: BTreeMap<(&BucketName, &Region, &WorkflowId), Vec<usize>> = BTreeMap::new();
    for (index, cover) in covers.iter().enumerate() {
        for workflow in cover.work.request.operation.workflow_ids.as_slice() {
            let group = (&cover.work.bucket, &cover.work.region, workflow);
            groups.entry(group).or_default().push(index);
        }
    }
    let mut pairs = BTreeSet::new();
    for group in groups.into_values() {
        if group
            .iter()
            .any(|index| covers[*index].standing == Standing::Planned)
        {
            sweep::sweep(covers, group, &mut pairs);
        }
    }
    pairs
}

/// Whether two covers that meet are a finding at all.
fn matters(left: &Cover<'_>, right: &Cover<'_>) -> bool {
    let one_is_planned = left.standing == Standing::Planned || right.standing == Standing::Planned;
    // Changing `rerun` is how a person asks for the same objects once more.
    let is_rerun = left.key == right.key && left.work.rerun != right.work.rerun;
    one_is_planned && !is_rerun
}

fn report(left: &Cover<'_>, right: &Cover<'_>, findings: &mut Findings) {
    let (job, other) = match left.standing {
        Standing::Planned => (left, right),
        Standing::Done | Standing::Failed => (right, left),
    };
    let shared = shared_objects(job, other);
    if other.standing == Standing::Failed {
        findings.warnings.push(format!(
            "`{}` covers {shared} that `{}`{} was to process before it failed",
            job.key,
            other.key,
            submitted(other),
        ));
        return;
    }
    let before = match other.standing {
        Standing::Planned => format!("`{}` and `{}` both cover {shared}", job.key, other.key),
        _ => format!(
            "`{}` covers {shared} that `{}`{} covers already",
            job.key,
            other.key,
            submitted(other)
        ),
    };
    findings.blocked.push(Blocked {
        guard: Guard::Overlap,
        message: format!(
            "{before}: the same workflow would process them twice; narrow `input` or \
             `time_interval`, or write `overlap: allow` if that is wanted"
        ),
        keys: vec![job.key.clone(), other.key.clone()],
    });
}

fn submitted(cover: &Cover<'_>) -> String {
    let at = cover.submitted_at.map(time::format);
    at.map_or_else(String::new, |at| format!(" (submitted {at})"))
}

/// The narrower of two inputs and the shared part of their intervals, in words.
fn shared_objects(left: &Cover<'_>, right: &Cover<'_>) -> String {
    let (left_input, right_input) = (&left.work.request.input, &right.work.request.input);
    let is_narrower = match (left_input, right_input) {
        (Input::Object(_), _) => true,
        (_, Input::Object(_)) => false,
        _ => left_input.value().len() >= right_input.value().len(),
    };
    let input = if is_narrower { left_input } else { right_input };
    let objects = match input {
        Input::Prefix(prefix) => format!("the objects under `{prefix}`"),
        Input::Object(object) => format!("the object `{object}`"),
        Input::Manifest(name) | Input::UrlFile(name) => format!("the objects listed in `{name}`"),
    };
    let shared = left.interval.shared(right.interval);
    let start = (shared.start > Timestamp::MIN).then(|| time::format(shared.start));
    let end = (shared.end < Timestamp::MAX).then(|| time::format(shared.end));
    match (start, end) {
        (Some(start), Some(end)) => format!("{objects} uploaded from {start} to {end}"),
        (Some(start), None) => format!("{objects} uploaded from {start} on"),
        (None, Some(end)) => format!("{objects} uploaded until {end}"),
        (None, None) => objects,
    }
}

fn more() -> Blocked {
    Blocked {
        guard: Guard::Overlap,
        message: format!("more than {REPORTED} pairs of jobs overlap; the others are not listed"),
        keys: Vec::new(),
    }
}
