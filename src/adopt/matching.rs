//! What the service lists, matched to the jobs of the files.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::api::name::{BucketName, JobId, Region};
use crate::api::request::{Input, Operation};
use crate::api::wire::JobDetail;
use crate::job::{Fingerprint, Job, JobKey};
use crate::state::{Record, Records};

use super::record::{asked_for, is_recorded, record};

/// What becomes of the jobs that a service lists.
#[derive(Debug, Default)]
pub struct Matches {
    /// Records to write, in the order of keys: a job of the files, and the job of the service that is
    /// it.
    pub adopted: Vec<Record>,
    /// Jobs of the service that no job of the files asks for.
    pub unmatched: Vec<JobDetail>,
    /// Jobs of the service that do the work of a job of the files that another one did before.
    pub repeated: Vec<(JobDetail, JobKey)>,
}

/// Matches `listed`, the jobs of one bucket, against `jobs`. Of several that do the same work the
/// earliest is adopted. What the account knows already is passed over.
pub fn matches(
    bucket: &BucketName,
    region: &Region,
    mut listed: Vec<JobDetail>,
    jobs: &[Arc<Job>],
    records: &Records,
    now: Timestamp,
) -> Matches {
    listed.sort_by(|left, right| (left.created, &left.job_id).cmp(&(right.created, &right.job_id)));
    let known = known_ids(records);
    let mut by_request: HashMap<Asked<'_>, &Job> = HashMap::with_capacity(jobs.len());
    for job in jobs {
        by_request.entry(asked(job)).or_insert(job);
    }
    let mut taken: HashSet<Fingerprint> = HashSet::new();
    let mut matches = Matches::default();
    for detail in listed {
        if known.contains(&detail.job_id) {
            continue;
        }
        let job = asked_for(&detail)
            .and_then(|(input, operation)| by_request.get(&(bucket, region, input, operation)))
            .copied();
        match job {
            None => matches.unmatched.push(detail),
            Some(job) if is_recorded(records, job) || !taken.insert(job.fingerprint) => {
                matches.repeated.push((detail, job.key.clone()));
            }
            Some(job) => matches.adopted.push(record(job, &detail, records, now)),
        }
    }
    matches
        .adopted
        .sort_by(|left, right| left.key.cmp(&right.key));
    matches
}

/// The ids of every job that is part of the account.
fn known_ids(records: &Records) -> HashSet<JobId> {
    let submissions = records.iter().flat_map(|record| record.counting());
    submissions
        .filter_map(|submission| submission.job_id().cloned())
        .collect()
}

/// What a service can tell of a job: all of its work but `rerun`.
type Asked<'a> = (&'a BucketName, &'a Region, &'a Input, &'a Operation);

fn asked(job: &Job) -> Asked<'_> {
    let work = &job.work;
    let request = &work.request;
    (
        &work.bucket,
        &work.region,
        &request.input,
        &request.operation,
    )
}
