//! Jobs that say the same, shown as one.

use crate::plan::{DocumentJob, family};

/// The number of elements of a matrix up to which each is shown by itself.
const FEW: usize = 5;

/// What is shown as one.
#[derive(Debug, Clone)]
pub(super) enum Group<'a> {
    /// A job by itself.
    One(&'a DocumentJob<'a>),
    /// Elements of one matrix with one action, for one reason.
    Many(Vec<&'a DocumentJob<'a>>),
}

/// Groups neighbours; jobs come in the order of keys within an action.
pub(super) fn group<'a>(jobs: &[&'a DocumentJob<'a>]) -> Vec<Group<'a>> {
    let mut groups = Vec::new();
    for alike in jobs.chunk_by(|left, right| is_alike(left, right)) {
        if alike.len() > FEW {
            groups.push(Group::Many(alike.to_vec()));
        } else {
            groups.extend(alike.iter().map(|job| Group::One(job)));
        }
    }
    groups
}

fn is_alike(left: &DocumentJob, right: &DocumentJob) -> bool {
    left.action == right.action
        && left.reason == right.reason
        && family(&left.key) == family(&right.key)
        && left.source == right.source
        && family(&left.key).len() < left.key.as_str().len()
}

impl<'a> Group<'a> {
    /// The first job.
    pub(super) fn first(&self) -> &'a DocumentJob<'a> {
        match self {
            Self::One(job) => job,
            Self::Many(jobs) => jobs[0],
        }
    }

    /// How many jobs.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(jobs) => jobs.len(),
        }
    }
}
