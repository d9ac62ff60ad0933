//! The jobs of a document: in words, or put into words while it is written.

use std::borrow::Cow;
use std::collections::HashMap;

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use serde::Serializer;
use serde::ser::{Error, SerializeSeq};
use serde_json::value::{RawValue, to_raw_value};

use super::job::DocumentJob;
use crate::grain;
use crate::job::Fingerprint;
use crate::plan::estimate::JobEstimate;
use crate::plan::model::PlannedJob;

/// The jobs of a document.
pub trait Documents: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// One of them in words.
    fn document(&self, index: usize) -> Cow<'_, DocumentJob<'_>>;
}

impl Documents for Vec<DocumentJob<'_>> {
    fn count(&self) -> usize {
        self.len()
    }

    fn document(&self, index: usize) -> Cow<'_, DocumentJob<'_>> {
        Cow::Borrowed(&self[index])
    }
}

/// Jobs as they were planned. In words they take four times the room, and all of them at once are
/// hardly ever needed.
#[derive(Debug, Clone)]
pub struct PlannedJobs {
    pub(super) jobs: Vec<PlannedJob>,
    pub(super) estimates: HashMap<Fingerprint, JobEstimate>,
}

impl Documents for PlannedJobs {
    fn count(&self) -> usize {
        self.jobs.len()
    }

    fn document(&self, index: usize) -> Cow<'_, DocumentJob<'_>> {
        let planned = &self.jobs[index];
        let estimate = self.estimates.get(&planned.job.fingerprint);
        Cow::Owned(DocumentJob {
            estimate: estimate.map(Cow::Borrowed),
            ..DocumentJob::from(planned)
        })
    }
}

/// Jobs are nearly all of a document: they are put into words on all cores, while the ones before
/// them are written.
pub(super) fn in_parallel<Jobs: Documents, S: Serializer>(
    jobs: &Jobs,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    /// The words of no more than twice as many jobs are held in memory.
    const TOGETHER: usize = 2048;
    type Words = Vec<serde_json::Result<Box<RawValue>>>;
    let words = |begin: usize| -> Words {
        let indices = begin..jobs.count().min(begin + TOGETHER);
        let indices = indices.into_par_iter().with_max_len(grain::HEAVY);
        let words = indices.map(|index| to_raw_value(&*jobs.document(index)));
        words.collect()
    };
    let mut sequence = serializer.serialize_seq(Some(jobs.count()))?;
    let mut ready = words(0);
    for begin in (TOGETHER..jobs.count() + TOGETHER).step_by(TOGETHER) {
        let mut next = Words::new();
        rayon::in_place_scope(|scope| {
            scope.spawn(|_| next = words(begin));
            ready
                .drain(..)
                .try_for_each(|words| sequence.serialize_element(&words.map_err(S::Error::custom)?))
        })?;
        ready = next;
    }
    sequence.end()
}
