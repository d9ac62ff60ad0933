//! A job of the files, and the job of the service that a person says is it.

use std::sync::Arc;

use jiff::Timestamp;

use super::record::{asked_for, record};
use crate::api::name::{BucketName, JobId, Region};
use crate::api::request::{JobType, Request};
use crate::api::wire::JobDetail;
use crate::job::{Job, JobKey, Work};
use crate::plan::{Change, changes};
use crate::state::{Record, Records};

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
        /// Where it was asked for.
        bucket: BucketName,
        /// The bucket's region.
        region: Region,
    },
    /// It does something else.
    #[error("job {job_id} is not the work of `{key}`")]
    Different {
        /// The job of the files.
        key: JobKey,
        /// The job of the service.
        job_id: JobId,
        /// From what the service did to what the files ask for.
        changes: Vec<Change>,
    },
    /// What it does cannot be understood.
    #[error(
        "what job {job_id} was asked for cannot be understood, so nobody can tell whether it is `{key}`"
    )]
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
        /// Whose it is.
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
    /// The work is recorded, and nobody knows what became of it.
    #[error("`{key}` has a submission that nobody knows the end of")]
    Unresolved {
        /// The job of the files.
        key: JobKey,
    },
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
            Some((_, known)) => {
                let known = known.clone();
                return Err(Refusal::Recorded { key, known });
            }
            None if known.unresolved().is_some() => return Err(Refusal::Unresolved { key }),
            None => {}
        }
    }
    let owns = |record: &&Arc<Record>| {
        record
            .counting()
            .any(|submission| submission.job_id() == Some(job_id))
    };
    let job_id = job_id.clone();
    if let Some(owner) = records.iter().find(owns) {
        let owner = owner.key.clone();
        return Err(Refusal::Taken { job_id, owner });
    }
    let Some(detail) = detail else {
        let Work { bucket, region, .. } = Work::clone(&job.work);
        return Err(Refusal::Unknown {
            key,
            job_id,
            bucket,
            region,
        });
    };
    let Some((input, operation)) = asked_for(detail) else {
        return Err(Refusal::Unreadable { key, job_id });
    };
    let request = Request {
        name: job.work.request.name.clone(),
        kind: JobType::Workflow,
        input: input.clone(),
        operation: operation.clone(),
    };
    let did = Work {
        request,
        ..Work::clone(&job.work)
    };
    let changes = changes(&did, &job.work);
    if !changes.is_empty() {
        return Err(Refusal::Different {
            key,
            job_id,
            changes,
        });
    }
    Ok(Some(record(job, detail, records, now)))
}
