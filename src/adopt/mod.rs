//! Takes jobs that were triggered by other means into the account: matches what the service lists
//! against the jobs of the files. Pure; who calls it asks and records.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::api::name::{BucketName, JobId, Region};
use crate::api::request::{Input, JobType, Operation};
use crate::api::wire::JobDetail;
use crate::job::{Fingerprint, Job};
use crate::state::{Outcome, Record, Records, Seen, Submission, SubmissionId};

/// What becomes of the jobs that a service lists.
#[derive(Debug, Default)]
pub struct Matches {
    /// Records to write: a job of the files, and the job of the service that is it.
    pub adopted: Vec<Record>,
    /// Jobs of the service that no job of the files asks for.
    pub unmatched: Vec<JobDetail>,
    /// Jobs of the service that do the work of a job that is recorded already.
    pub repeated: Vec<JobDetail>,
}

/// Matches `listed`, the jobs of one bucket, against `jobs`. Of several that do the same work the
/// earliest is adopted. What the account knows already is passed over.
pub fn matches(
    bucket: &BucketName,
    region: &Region,
    mut listed: Vec<JobDetail>,
    jobs: &[Job],
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
        let is_workflow = detail.kind.is_empty() || detail.kind == JobType::Workflow.as_str();
        let request = detail.input.as_ref().zip(detail.operation.as_ref());
        let job = request
            .filter(|_| is_workflow)
            .and_then(|(input, operation)| by_request.get(&(bucket, region, input, operation)));
        match job {
            None => matches.unmatched.push(detail),
            Some(job) if is_recorded(records, job) || !taken.insert(job.fingerprint) => {
                matches.repeated.push(detail);
            }
            Some(job) => matches.adopted.push(record(job, &detail, records, now)),
        }
    }
    matches
}

/// The record that says that the service's job is the work of `job`.
pub fn record(job: &Job, detail: &JobDetail, records: &Records, now: Timestamp) -> Record {
    let previous = records.get(&job.fingerprint);
    let mut submissions = previous.map_or_else(Vec::new, |record| record.submissions.clone());
    submissions.push(Submission {
        id: SubmissionId::random(),
        intended_at: detail.created.unwrap_or(now),
        ended_at: Some(now),
        outcome: Outcome::Accepted {
            job_id: detail.job_id.clone(),
            request_id: None,
        },
        removed: None,
    });
    Record {
        fingerprint: job.fingerprint,
        key: job.key.clone(),
        written_at: now,
        work: job.work.clone(),
        submissions,
        seen: Some(Seen::from_detail(detail, now)),
    }
}

/// Whether the account has an attempt at the work of `job` that counts, or may count.
pub fn is_recorded(records: &Records, job: &Job) -> bool {
    let record = records.get(&job.fingerprint);
    record.is_some_and(|record| record.accepted().is_some() || record.unresolved().is_some())
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
