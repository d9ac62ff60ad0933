//! Sets of objects that a workflow goes through.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::intervals::Interval;
use crate::api::request::Input;
use crate::job::{Fingerprint, Job, JobKey, Overlap, Work};
use crate::plan::model::PlannedJob;
use crate::state::{Record, Submission};

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

/// A set of objects that one piece of work covers. There is one for nearly every job, so that it says
/// where to look and no more.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Cover {
    owner: Owner,
    pub(super) standing: Standing,
}

#[derive(Debug, Clone)]
enum Owner {
    /// A job that is to be submitted.
    Job(Arc<Job>),
    /// A job that was submitted.
    Recorded(Arc<Job>, Arc<Record>),
    /// What was submitted, and no job stands for any more.
    Record(Arc<Record>),
}

/// Where a cover stands in a plan: jobs in the order of keys, then records. No two have the same.
pub(super) type Rank = (bool, JobKey, Fingerprint);

/// Where an input stands in the order: keys first, lists of objects behind them.
pub(super) type Position<'cover> = (u8, &'cover str);

/// The part of the order in which one input can lie in another.
pub(super) const KEYS: u8 = 0;

/// A cover with its position at hand: to sort and to sweep is to compare positions, and each would
/// have to be looked for in its job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed<'cover> {
    pub(super) position: Position<'cover>,
    pub(super) cover: &'cover Cover,
}

impl<'cover> Placed<'cover> {
    pub(super) fn new(cover: &'cover Cover) -> Self {
        Self {
            position: cover.position(),
            cover,
        }
    }

    /// The order in which covers are swept; no two are equal.
    pub(super) fn in_order(left: &Self, right: &Self) -> Ordering {
        let by_position = left.position.cmp(&right.position);
        by_position.then_with(|| left.cover.place().cmp(&right.cover.place()))
    }
}

impl Cover {
    pub(super) fn key(&self) -> &JobKey {
        match &self.owner {
            Owner::Job(job) | Owner::Recorded(job, _) => &job.key,
            Owner::Record(record) => &record.key,
        }
    }

    pub(super) fn work(&self) -> &Work {
        match &self.owner {
            Owner::Job(job) | Owner::Recorded(job, _) => &job.work,
            Owner::Record(record) => &record.work,
        }
    }

    pub(super) fn input(&self) -> &Input {
        &self.work().request.input
    }

    pub(super) fn rank(&self) -> Rank {
        let (is_record, key, fingerprint) = self.place();
        (is_record, key.clone(), *fingerprint)
    }

    /// What [`Cover::rank`] gives, where it is looked at only.
    fn place(&self) -> (bool, &JobKey, &Fingerprint) {
        match &self.owner {
            Owner::Job(job) | Owner::Recorded(job, _) => (false, &job.key, &job.fingerprint),
            Owner::Record(record) => (true, &record.key, &record.fingerprint),
        }
    }

    pub(super) fn position(&self) -> Position<'_> {
        match self.input() {
            Input::Prefix(key) | Input::Object(key) => (KEYS, key),
            Input::Manifest(name) => (1, name),
            Input::UrlFile(name) => (2, name),
        }
    }

    pub(super) fn submitted_at(&self) -> Option<Timestamp> {
        match &self.owner {
            Owner::Job(_) => None,
            Owner::Recorded(_, record) | Owner::Record(record) => {
                submission(record).map(|submission| submission.intended_at)
            }
        }
    }

    pub(super) fn interval(&self) -> Interval {
        let time_interval = self.work().request.operation.time_interval;
        // A plan may be applied later than it was made, so that an open end is not yet known.
        let end = self.submitted_at().unwrap_or(Timestamp::MAX);
        Interval::of(time_interval, end)
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
#[expect(
    clippy::filter_map_identity,
    reason = "unlike `flatten`, it leaves them in the room that they have"
)]
pub(in crate::plan) fn covers(jobs: &[PlannedJob], retired: &[Arc<Record>]) -> Vec<Cover> {
    let jobs = jobs.par_iter().map(of_job);
    let retired = retired.par_iter().map(of_record);
    let covers: Vec<Option<Cover>> = jobs.chain(retired).collect();
    covers.into_iter().filter_map(|cover| cover).collect()
}

fn of_record(record: &Arc<Record>) -> Option<Cover> {
    let standing = standing(record)?;
    let owner = Owner::Record(Arc::clone(record));
    Some(Cover { owner, standing })
}

/// A job that says `overlap: allow` covers nothing here: that is what it says.
fn of_job(planned: &PlannedJob) -> Option<Cover> {
    let job = &planned.job;
    if job.overlap == Overlap::Allow {
        return None;
    }
    let (owner, standing) = if planned.may_submit() {
        (Owner::Job(Arc::clone(job)), Standing::Planned)
    } else {
        let record = planned.record.as_ref()?;
        let owner = Owner::Recorded(Arc::clone(job), Arc::clone(record));
        (owner, standing(record)?)
    };
    Some(Cover { owner, standing })
}

/// How much a record weighs, if the service took it or may have taken it.
fn standing(record: &Record) -> Option<Standing> {
    submission(record)?;
    let seen = record.last_seen();
    Some(if seen.is_some_and(|seen| seen.state.is_failure()) {
        Standing::Failed
    } else {
        Standing::Done
    })
}

/// The submission that the service took, or may have taken.
fn submission(record: &Record) -> Option<&Submission> {
    let accepted = record.accepted().map(|(submission, _)| submission);
    accepted.or_else(|| record.unresolved())
}
