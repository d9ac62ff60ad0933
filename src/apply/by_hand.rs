//! What a person decides about an unresolved submission.

use std::sync::Arc;

use jiff::Timestamp;

use super::look_up::{earliest_of, list_since, may_be};
use crate::adopt::{self, Refusal};
use crate::api::client::{CallError, Client};
use crate::api::name::JobId;
use crate::api::wire::JobDetail;
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
    /// The named job cannot be the submission's.
    #[error(transparent)]
    Refused(#[from] Refusal),
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
    let since = earliest_of(record.all_unresolved());
    let listing = list_since(client, &record.work.request.name, since).await?;
    let may_be = |job: &JobDetail| {
        may_be(job, &record.work, since) && records.submissions_of(&job.job_id).next().is_none()
    };
    Ok(listing.jobs.into_iter().filter(may_be).collect())
}

/// Records that the latest unresolved submission of `record` became the job. With a client, the
/// service is asked whether it can be.
pub async fn adopt(
    store: &StateStore,
    client: Option<&Client>,
    record: &Record,
    job_id: &JobId,
) -> Result<Arc<Record>, DecisionError> {
    if let Some((owner, _)) = store.records().submissions_of(job_id).next() {
        return Err(Refusal::taken(job_id, owner).into());
    }
    let mut seen = None;
    if let Some(client) = client {
        let detail = client.describe(job_id).await?;
        // What the service does not say, the person may know.
        if detail.as_ref().map(|job| record.work.is_done_by(job)) != Some(None) {
            adopt::check(&record.key, &record.work, job_id, detail.as_ref())?;
        }
        seen = detail.map(|job| Seen::from_detail(&job, Timestamp::now()));
    }
    let mut record = record.clone();
    if let Some(id) = record.unresolved().map(|submission| submission.id.clone()) {
        let outcome = Outcome::Accepted {
            job_id: job_id.clone(),
            request_id: None,
        };
        record.conclude(&id, outcome, seen);
    }
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
    record.abandon("a person decided that it was never taken");
    Ok(store.append(record).await?)
}
