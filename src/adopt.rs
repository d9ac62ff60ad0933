//! Records jobs that were triggered by other means: those that do the work of a job of the files,
//! those that a person names, and the rest as jobs of a new file. Pure: the caller asks the service
//! and writes the state.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::api::name::{BucketName, JobId, JobName, Region};
use crate::api::request::{Input, JobType, Operation, Request};
use crate::api::wire::JobDetail;
use crate::job::{Fingerprint, Job, JobKey, Work};
use crate::plan::{Change, changes};
use crate::state::{Record, Records};

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
/// earliest is adopted. Recorded jobs are passed over.
pub fn matches(
    bucket: &BucketName,
    region: &Region,
    mut listed: Vec<JobDetail>,
    jobs: &[Arc<Job>],
    records: &Records,
    now: Timestamp,
) -> Matches {
    listed.sort_by(|left, right| (left.created, &left.job_id).cmp(&(right.created, &right.job_id)));
    let active = records.iter().flat_map(|record| record.active());
    let known: HashSet<&JobId> = active
        .filter_map(|submission| submission.job_id())
        .collect();
    let mut by_input: HashMap<&Input, Vec<&Job>> = HashMap::with_capacity(jobs.len());
    for job in jobs {
        if job.work.bucket == *bucket && job.work.region == *region {
            let input = &job.work.request.input;
            by_input.entry(input).or_default().push(job);
        }
    }
    let mut taken: HashSet<Fingerprint> = HashSet::new();
    let mut matches = Matches::default();
    for detail in listed {
        if known.contains(&detail.job_id) {
            continue;
        }
        let alike = detail.input.as_ref().and_then(|input| by_input.get(input));
        let mut alike = alike.into_iter().flatten();
        match alike.find(|job| job.work.is_done_by(&detail) == Some(true)) {
            None => matches.unmatched.push(detail),
            Some(job) if is_recorded(records, job, &detail) || !taken.insert(job.fingerprint) => {
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

/// Whether the state has an attempt at the work of `job` that was accepted, or may have been, and that
/// the service's job does not take the place of.
fn is_recorded(records: &Records, job: &Job, detail: &JobDetail) -> bool {
    let record = records.get(&job.fingerprint);
    record.is_some_and(|record| {
        (record.accepted().is_some() && !is_retry(record, Some(detail)))
            || record.unresolved().is_some()
    })
}

/// Whether the service's job did work again that had failed: it is younger than the recorded attempt.
fn is_retry(record: &Record, detail: Option<&JobDetail>) -> bool {
    let has_failed = record
        .last_seen()
        .is_some_and(|seen| seen.state.is_failure());
    let created = detail.and_then(|detail| detail.created);
    let accepted = record.accepted().zip(created);
    has_failed
        && accepted.is_some_and(|((submission, job_id), created)| {
            // The service tells whole seconds.
            created.as_second() >= submission.intended_at.as_second()
                && detail.is_some_and(|detail| detail.job_id != *job_id)
        })
}

/// The record that says that the service's job is the work of `job`.
fn record(job: &Job, detail: &JobDetail, records: &Records, now: Timestamp) -> Record {
    let earlier = records.get(&job.fingerprint);
    let mut record = Record::of(job, earlier.map(Arc::as_ref));
    record.adopt(detail, now);
    record
}

/// Why a job of the service is not recorded as a job of the files.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The service does not know it.
    #[error("the service knows no job {job_id} in {bucket} ({region}), the bucket of `{key}`")]
    Unknown {
        /// The job of the files.
        key: JobKey,
        /// The id.
        job_id: JobId,
        /// The bucket that was asked about.
        bucket: BucketName,
        /// The bucket's region.
        region: Region,
    },
    /// It does other work.
    #[error("job {job_id} is not the work of `{key}`")]
    Different {
        /// The job of the files.
        key: JobKey,
        /// The job of the service.
        job_id: JobId,
        /// From what the service did to what the files ask for.
        changes: Vec<Change>,
    },
    /// Its request cannot be understood.
    #[error("what job {job_id} was asked for cannot be understood: it may or may not be `{key}`")]
    Unreadable {
        /// The job of the files.
        key: JobKey,
        /// The job of the service.
        job_id: JobId,
    },
    /// It is recorded as the job of another key.
    #[error("job {job_id} is recorded already, as `{owner}`")]
    Taken {
        /// The job of the service.
        job_id: JobId,
        /// The key of its record.
        owner: JobKey,
    },
    /// The work is recorded, as another job.
    #[error("`{key}` is recorded already, as {known}")]
    Recorded {
        /// The job of the files.
        key: JobKey,
        /// The other job.
        known: JobId,
    },
    /// The work has a submission whose end is unknown.
    #[error("`{key}` has an unresolved submission")]
    Unresolved {
        /// The job of the files.
        key: JobKey,
    },
}

impl Refusal {
    pub(crate) fn taken(job_id: &JobId, owner: &Record) -> Self {
        Self::Taken {
            job_id: job_id.clone(),
            owner: owner.key.clone(),
        }
    }
}

/// The record that says that `job` is the service's job of that id, which the service describes as
/// `detail`; none if it is recorded as that already.
pub fn named(
    job: &Job,
    job_id: &JobId,
    detail: Option<&JobDetail>,
    records: &Records,
    now: Timestamp,
) -> Result<Option<Record>, Refusal> {
    let key = job.key.clone();
    if let Some(known) = records.get(&job.fingerprint) {
        match known.accepted() {
            Some((_, known)) if known == job_id => return Ok(None),
            Some((_, recorded)) if !is_retry(known, detail) => {
                let known = recorded.clone();
                return Err(Refusal::Recorded { key, known });
            }
            _ if known.unresolved().is_some() => return Err(Refusal::Unresolved { key }),
            _ => {}
        }
    }
    let mut owners = records.submissions_of(job_id);
    if let Some((owner, _)) = owners.find(|(_, submission)| submission.is_active()) {
        return Err(Refusal::taken(job_id, owner));
    }
    let detail = check(&key, &job.work, job_id, detail)?;
    Ok(Some(record(job, detail, records, now)))
}

/// Checks that the service's job of that id, which the service describes as `detail`, does the work
/// of `key`.
pub(crate) fn check<'a>(
    key: &JobKey,
    work: &Work,
    job_id: &JobId,
    detail: Option<&'a JobDetail>,
) -> Result<&'a JobDetail, Refusal> {
    let (key, job_id) = (key.clone(), job_id.clone());
    let Some(detail) = detail else {
        return Err(Refusal::Unknown {
            key,
            job_id,
            bucket: work.bucket.clone(),
            region: work.region.clone(),
        });
    };
    if work.is_done_by(detail) == Some(true) {
        return Ok(detail);
    }
    let Some((input, operation)) = asked_for(detail) else {
        return Err(Refusal::Unreadable { key, job_id });
    };
    let mut did = work.clone();
    did.request.input = input.clone();
    did.request.operation = operation.clone();
    Err(Refusal::Different {
        changes: changes(&did, work),
        key,
        job_id,
    })
}

/// Jobs of the service as job files could have them.
#[derive(Debug, Default)]
pub struct Unwritten {
    /// What can be written down: each piece of work once, as the job that did it first.
    pub jobs: Vec<(JobDetail, Request)>,
    /// Jobs that did the same again.
    pub repeated: Vec<JobDetail>,
    /// Jobs of another type, or whose request cannot be understood.
    pub unreadable: Vec<JobDetail>,
}

/// Sorts `unmatched`, oldest first, by whether it can be written down.
pub fn unwritten(unmatched: Vec<JobDetail>) -> Unwritten {
    let mut sorted = Unwritten::default();
    let mut known = HashSet::new();
    for detail in unmatched {
        match request(&detail) {
            None => sorted.unreadable.push(detail),
            Some(request) if known.insert((request.input.clone(), request.operation.clone())) => {
                sorted.jobs.push((detail, request));
            }
            Some(_) => sorted.repeated.push(detail),
        }
    }
    sorted
}

/// What a job of the service was asked for; none of another type, or where it cannot be understood.
fn asked_for(detail: &JobDetail) -> Option<(&Input, &Operation)> {
    let is_workflow = detail.kind.is_empty() || detail.kind == JobType::Workflow.as_str();
    let asked = detail.input.as_ref().zip(detail.operation.as_ref());
    asked.filter(|_| is_workflow)
}

/// What the service was asked for. A name that no job file can have is replaced by the id: it is for
/// people.
fn request(detail: &JobDetail) -> Option<Request> {
    let name = JobName::new(&detail.name).or_else(|_| JobName::new(detail.job_id.as_str()));
    let (input, operation) = asked_for(detail)?;
    Some(Request {
        name: name.ok()?,
        kind: JobType::Workflow,
        input: input.clone(),
        operation: operation.clone(),
    })
}
