//! The set of objects that a job or a record covers.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::intervals::Interval;
use crate::api::name::{BucketName, Region, WorkflowId};
use crate::api::request::Input;
use crate::job::{Fingerprint, JobKey, Overlap, Work};
use crate::plan::model::PlannedJob;
use crate::state::{Record, Submission};

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Applying the plan submits it, or may do so.
    Planned,
    /// It was submitted.
    Submitted,
    /// It was submitted, and ended Failed or Cancel: some objects may be untouched.
    Failed,
}

/// The objects that one job or record covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Footprint<'plan> {
    pub(super) key: &'plan JobKey,
    fingerprint: &'plan Fingerprint,
    pub(super) work: &'plan Work,
    pub(super) phase: Phase,
    pub(super) submitted_at: Option<Timestamp>,
    is_retired: bool,
    /// Of its input; held here because sorting and sweeping compare little else.
    pub(super) position: Position<'plan>,
}

/// The order of footprints in a report: jobs by key, then retired records. It is unique.
pub(super) type SortKey<'plan> = (bool, &'plan JobKey, &'plan Fingerprint);

/// The order of inputs: object keys and prefixes first, lists of objects after them.
pub(super) type Position<'plan> = (u8, &'plan str);

/// The part of the order in which one input can lie in another.
pub(super) const KEYS: u8 = 0;

/// What two footprints must share to cover the same objects.
pub(super) type Scope<'plan> = (&'plan BucketName, &'plan Region, &'plan WorkflowId);

impl<'plan> Footprint<'plan> {
    /// Returns `None` for a job with `overlap: allow`, and for one that the service never had.
    fn of_job(planned: &'plan PlannedJob) -> Option<Self> {
        let job = &planned.job;
        if job.overlap == Overlap::Allow {
            return None;
        }
        let (phase, submitted_at) = if planned.may_submit() {
            (Phase::Planned, None)
        } else {
            submission_phase(planned.record.as_ref()?)?
        };
        Some(Self {
            key: &job.key,
            fingerprint: &job.fingerprint,
            work: &job.work,
            phase,
            submitted_at,
            is_retired: false,
            position: position(&job.work),
        })
    }

    /// Returns `None` for a record of work that the service never had.
    fn of_retired(record: &'plan Record) -> Option<Self> {
        let (phase, submitted_at) = submission_phase(record)?;
        Some(Self {
            key: &record.key,
            fingerprint: &record.fingerprint,
            work: &record.work,
            phase,
            submitted_at,
            is_retired: true,
            position: position(&record.work),
        })
    }

    pub(super) fn sort_key(&self) -> SortKey<'plan> {
        (self.is_retired, self.key, self.fingerprint)
    }

    /// The order in which footprints are swept.
    pub(super) fn sweep_order(&self, other: &Self) -> Ordering {
        let by_position = self.position.cmp(&other.position);
        by_position.then_with(|| self.sort_key().cmp(&other.sort_key()))
    }

    pub(super) fn input(&self) -> &'plan Input {
        &self.work.request.input
    }

    pub(super) fn interval(&self) -> Interval {
        // A plan may be applied later than it was made: an open end is not yet known.
        let end = self.submitted_at.unwrap_or(Timestamp::MAX);
        Interval::of(self.work.request.operation.time_interval, end)
    }

    /// Whether an overlap of the two is reported at all.
    pub(super) fn may_conflict_with(&self, other: &Self) -> bool {
        let is_planned = self.phase == Phase::Planned || other.phase == Phase::Planned;
        // Changing `rerun` is how a person asks for the same objects once more.
        let is_rerun = self.key == other.key && self.work.rerun != other.work.rerun;
        is_planned && !is_rerun
    }
}

/// Whether an input is the other one, or all of its keys begin with that.
pub(super) fn lies_in((space, text): Position<'_>, (other_space, other): Position<'_>) -> bool {
    space == other_space && (text == other || (space == KEYS && text.starts_with(other)))
}

fn position(work: &Work) -> Position<'_> {
    match &work.request.input {
        Input::Prefix(key) | Input::Object(key) => (KEYS, key),
        Input::Manifest(name) => (1, name),
        Input::UrlFile(name) => (2, name),
    }
}

/// Returns how far a record is and since when, if the service took its work or may have taken it.
fn submission_phase(record: &Record) -> Option<(Phase, Option<Timestamp>)> {
    let accepted = record.accepted().map(|(submission, _)| submission);
    let submission: &Submission = accepted.or_else(|| record.unresolved())?;
    let seen = record.last_seen();
    let phase = if seen.is_some_and(|seen| seen.state.is_failure()) {
        Phase::Failed
    } else {
        Phase::Submitted
    };
    Some((phase, Some(submission.intended_at)))
}

/// Returns the footprints of the jobs of a plan, and of the records that no job stands for.
pub(super) fn footprints<'plan>(
    jobs: &'plan [PlannedJob],
    retired: &'plan [Arc<Record>],
) -> Vec<Footprint<'plan>> {
    let jobs = jobs.par_iter().filter_map(Footprint::of_job);
    let retired = retired.par_iter();
    let retired = retired.filter_map(|record| Footprint::of_retired(record));
    jobs.chain(retired).collect()
}

/// Groups footprints by scope. One with several workflows is in several groups.
pub(super) fn by_scope<'plan>(
    footprints: &[Footprint<'plan>],
) -> BTreeMap<Scope<'plan>, Vec<Footprint<'plan>>> {
    let mut groups: BTreeMap<Scope<'plan>, Vec<Footprint<'plan>>> = BTreeMap::new();
    let scopes = |footprint: &Footprint<'plan>| {
        let work = footprint.work;
        (
            &work.bucket,
            &work.region,
            &work.request.operation.workflow_ids,
        )
    };
    // Neighbours in a plan mostly have the same scope.
    for run in footprints.chunk_by(|left, right| scopes(left) == scopes(right)) {
        let (bucket, region, workflows) = scopes(&run[0]);
        for workflow in workflows.as_slice() {
            let group = groups.entry((bucket, region, workflow)).or_default();
            group.extend_from_slice(run);
        }
    }
    groups
}
