//! What a person decides about an unresolved submission.

use std::sync::Arc;

use jiff::Timestamp;

use super::look_up::{asks_the_same, earliest_creation, list_since};
use crate::api::client::{CallError, Client};
use crate::api::name::JobId;
use crate::api::wire::JobDetail;
use crate::job::JobKey;
use crate::state::{Outcome, Record, Records, Seen, StateError, StateStore};

/// Why a decision is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// The service cannot be asked about it.
    #[error("the decision cannot be checked: {0}")]
    Call(#[from] CallError),
    /// The state cannot be written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The job already counts as another submission.
    #[error("job {job_id} is recorded as the job of {key}")]
    Taken {
        /// The job.
        job_id: JobId,
        /// Whose it is.
        key: JobKey,
    },
    /// The service has no such job.
    #[error("the service knows no job {0}")]
    Unknown(JobId),
    /// The job does something else.
    #[error("job {0} was asked for something else than this work")]
    Different(JobId),
    /// The service has jobs that may well be the submission.
    #[error("the service has a job that asks for the same: {}", .0[0].job_id)]
    Present(Vec<JobDetail>),
}

/// Jobs of the service that may be the unresolved submissions of `record`: of their name, created
/// since, not recorded, and not known to do something else.
pub async fn candidates(
    client: &Client,
    records: &Records,
    record: &Record,
) -> Result<Vec<JobDetail>, CallError> {
    let unresolved = record
        .submissions
        .iter()
        .filter(|submission| submission.is_unresolved());
    let since = unresolved.map(earliest_creation).min();
    let listed = list_since(client, &record.work.request.name, since).await?;
    let may_be = |job: &JobDetail| {
        job.created
            .zip(since)
            .is_none_or(|(created, since)| created >= since)
            && asks_the_same(job, &record.work) != Some(false)
            && owner(records, &job.job_id).is_none()
    };
    Ok(listed.into_iter().filter(may_be).collect())
}

/// Records that the latest unresolved submission of `record` became the job. With a client, the
/// service is asked whether it can be.
pub async fn adopt(
    store: &StateStore,
    client: Option<&Client>,
    record: &Record,
    job_id: &JobId,
) -> Result<Arc<Record>, DecisionError> {
    if let Some(owner) = owner(&store.records(), job_id) {
        return Err(DecisionError::Taken {
            job_id: job_id.clone(),
            key: owner.key.clone(),
        });
    }
    let mut seen = None;
    if let Some(client) = client {
        let job = client.describe(job_id).await?;
        let job = job.ok_or_else(|| DecisionError::Unknown(job_id.clone()))?;
        if asks_the_same(&job, &record.work) == Some(false) {
            return Err(DecisionError::Different(job_id.clone()));
        }
        seen = Some(Seen::from_detail(&job, Timestamp::now()));
    }
    let mut record = record.clone();
    let mut submissions = record.submissions.iter_mut().rev();
    if let Some(submission) = submissions.find(|submission| submission.is_unresolved()) {
        submission.ended_at = Some(Timestamp::now());
        submission.outcome = Outcome::Accepted {
            job_id: job_id.clone(),
            request_id: None,
        };
    }
    record.seen = seen.or(record.seen);
    Ok(store.append(record).await?)
}

/// Records that no unresolved submission of `record` was ever taken. With a client, the service is
/// asked whether it has a job that speaks against that.
pub async fn abandon(
    store: &StateStore,
    client: Option<&Client>,
    record: &Record,
) -> Result<Arc<Record>, DecisionError> {
    if let Some(client) = client {
        let present = candidates(client, &store.records(), record).await?;
        if !present.is_empty() {
            return Err(DecisionError::Present(present));
        }
    }
    let mut record = record.clone();
    for submission in record
        .submissions
        .iter_mut()
        .filter(|submission| submission.is_unresolved())
    {
        submission.ended_at = Some(Timestamp::now());
        submission.outcome = Outcome::Abandoned {
            reason: "a person decided that it was never taken".to_owned(),
        };
    }
    Ok(store.append(record).await?)
}

/// The record that a job belongs to.
fn owner<'a>(records: &'a Records, job_id: &JobId) -> Option<&'a Arc<Record>> {
    records.iter().find(|record| {
        record.submissions.iter().any(|submission| {
            matches!(&submission.outcome, Outcome::Accepted { job_id: known, .. } if known == job_id)
        })
    })
}
