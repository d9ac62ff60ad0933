//! The guard against paying twice: two jobs of one workflow that cover the same objects.
//!
//! Jobs and records are swept in the order of their inputs, so a prefix is compared only with the
//! prefixes that it lies in; the intervals of these are looked up in trees.

mod footprint;
mod intervals;
mod sweep;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use rayon::slice::ParallelSliceMut;

use super::model::{Blocked, Guard, PlannedJob};
use crate::api::request::Input;
use crate::api::time;
use crate::state::Record;

use footprint::{Footprint, Phase, by_scope, footprints};
use sweep::{Conflicts, sweep};

/// Pairs beyond this number are not reported one by one.
const MAX_REPORTED: usize = 100;

/// What the guard found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What forbids the plan.
    pub(super) blocked: Vec<Blocked>,
    /// What is worth a look.
    pub(super) warnings: Vec<String>,
}

/// Compares the jobs of a plan with one another and with everything that was submitted.
pub(super) fn find(jobs: &[PlannedJob], retired: &[Arc<Record>]) -> Findings {
    let mut findings = Findings::default();
    let conflicts = conflicts(&footprints(jobs, retired));
    for [left, right] in conflicts.values().take(MAX_REPORTED) {
        report(left, right, &mut findings);
    }
    if conflicts.len() > MAX_REPORTED {
        findings.blocked.push(more());
    }
    findings
}

/// Returns every pair that covers the same objects; where there are too many to report, some.
fn conflicts<'plan>(footprints: &[Footprint<'plan>]) -> Conflicts<'plan> {
    let mut conflicts = Conflicts::new();
    for mut group in by_scope(footprints).into_values() {
        // Nothing can be done about overlaps of what was submitted.
        if group.iter().any(|one| one.phase == Phase::Planned) {
            group.par_sort_by(Footprint::sweep_order);
            sweep(&group, &mut conflicts);
        }
    }
    conflicts
}

fn report(left: &Footprint<'_>, right: &Footprint<'_>, findings: &mut Findings) {
    let (job, other) = match left.phase {
        Phase::Planned => (left, right),
        Phase::Submitted | Phase::Failed => (right, left),
    };
    let shared = shared_objects(job, other);
    if other.phase == Phase::Failed {
        findings.warnings.push(format!(
            "`{}` covers {shared} that `{}`{} was to process before it failed",
            job.key,
            other.key,
            submitted(other),
        ));
        return;
    }
    let before = match other.phase {
        Phase::Planned => format!("`{}` and `{}` both cover {shared}", job.key, other.key),
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
        job_ids: Vec::new(),
    });
}

fn submitted(footprint: &Footprint<'_>) -> String {
    let at = footprint.submitted_at.map(time::format);
    at.map_or_else(String::new, |at| format!(" (submitted {at})"))
}

/// Describes the narrower of two inputs and the shared part of their intervals.
fn shared_objects(left: &Footprint<'_>, right: &Footprint<'_>) -> String {
    let (left_input, right_input) = (left.input(), right.input());
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
    let shared = left.interval().shared(right.interval());
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
        message: format!(
            "more than {MAX_REPORTED} pairs of jobs overlap; the others are not listed"
        ),
        keys: Vec::new(),
        job_ids: Vec::new(),
    }
}
