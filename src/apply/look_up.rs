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

/// Whether a job does the work, under whatever name; `None` when the service does not tell what it
/// was asked for.
pub(super) fn asks_the_same(job: &JobDetail, work: &Work) -> Option<bool> {
    let request = &work.request;
    if !job.kind.is_empty() && job.kind != request.kind.as_str() {
        return Some(false);
    }
    let same_input = job.input.as_ref().map(|input| *input == request.input);
    let operation = job.operation.as_ref();
    let same_operation = operation.map(|operation| *operation == request.operation);
    match (same_input, same_operation) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}
