//! Looking for the job that a submission may have become.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use crate::api::client::{CallError, Client, ListQuery, Listing};
use crate::api::name::{JobId, JobName};
use crate::api::wire::JobDetail;
use crate::job::Work;
use crate::state::Submission;

/// How much earlier than its window the service may say that it took a submission.
const BEFORE_WINDOW: SignedDuration = SignedDuration::from_secs(60);
/// How often a list of several pages is read, to see it twice alike.
const READINGS: usize = 4;

/// The earliest time, by the service's clock, at which it can say that it took the submission; none
/// if its window is not known.
pub(super) fn earliest_creation(submission: &Submission) -> Option<Timestamp> {
    let not_before = Timestamp::from_second(submission.not_before?).ok()?;
    not_before.checked_sub(BEFORE_WINDOW).ok()
}

/// The earliest time at which the service can say that it took any of the submissions.
pub(super) fn earliest_of<'a>(
    submissions: impl IntoIterator<Item = &'a Submission>,
) -> Option<Timestamp> {
    let mut earliest = submissions.into_iter().map(earliest_creation);
    let first = earliest.next()??;
    earliest.try_fold(first, |least, moment| Some(least.min(moment?)))
}

/// All jobs of that very name that were created then or later, as [`list_settled`] reads them.
pub(super) async fn list_since(
    client: &Client,
    name: &JobName,
    since: Option<Timestamp>,
) -> Result<Listing, CallError> {
    let query = ListQuery {
        name: Some(name.clone()),
        created_from: since,
        ..ListQuery::default()
    };
    let mut listing = list_settled(client, &query).await?;
    // Whether the service compares whole names is not documented; nor does every answer tell them.
    listing
        .jobs
        .retain(|job| job.name.is_empty() || job.name == name.as_str());
    Ok(listing)
}

/// Every job that the query lets through.
///
/// Its date is absent if the list proves nothing about what it lacks: a page may miss a job that
/// moved to another page meanwhile, so a list of several pages has to be seen twice alike.
pub(super) async fn list_settled(client: &Client, query: &ListQuery) -> Result<Listing, CallError> {
    let mut listing = client.list_dated(query).await?;
    let mut readings = 1;
    while listing.pages > 1 {
        if readings == READINGS {
            listing.date = None;
            break;
        }
        let again = client.list_dated(query).await?;
        readings += 1;
        let are_alike = ids(&again) == ids(&listing);
        if are_alike {
            // The earlier date is that of both.
            break;
        }
        listing = again;
    }
    Ok(listing)
}

fn ids(listing: &Listing) -> HashSet<&JobId> {
    listing.jobs.iter().map(|job| &job.job_id).collect()
}

/// Whether a job may be the submission's: created since, and not known to do other work.
pub(super) fn may_be(job: &JobDetail, work: &Work, since: Option<Timestamp>) -> bool {
    let is_older = job
        .created
        .zip(since)
        .is_some_and(|(created, since)| created < since);
    !is_older && work.is_done_by(job) != Some(false)
}
