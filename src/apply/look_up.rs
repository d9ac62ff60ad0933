//! Looking for the job that a submission may have become.

use jiff::{SignedDuration, Timestamp};

use crate::api::client::{CallError, Client, ListQuery};
use crate::api::name::JobName;
use crate::api::wire::JobDetail;
use crate::job::Work;
use crate::state::Submission;

/// How far the service's clock may be behind ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The earliest time at which the service can say that it took the submission.
pub(super) fn earliest_creation(submission: &Submission) -> Timestamp {
    let earliest = submission.intended_at.checked_sub(CLOCK_SKEW);
    earliest.unwrap_or(Timestamp::MIN)
}

/// All jobs of that very name that were created then or later.
pub(super) async fn list_since(
    client: &Client,
    name: &JobName,
    since: Option<Timestamp>,
) -> Result<Vec<JobDetail>, CallError> {
    let query = ListQuery {
        name: Some(name.clone()),
        created_from: since,
        ..ListQuery::default()
    };
    // Whether the service compares whole names is not documented; nor does every answer tell them.
    let of_that_name = |job: &JobDetail| job.name.is_empty() || job.name == name.as_str();
    let listed = client.list(&query).await?;
    Ok(listed.into_iter().filter(of_that_name).collect())
}

/// Whether a job may be the submission's: created since, and not known to do other work.
pub(super) fn may_be(job: &JobDetail, work: &Work, since: Timestamp) -> bool {
    job.created.is_none_or(|created| created >= since) && work.is_done_by(job) != Some(false)
}
