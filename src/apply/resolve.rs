//! Finds out what became of unresolved submissions, by looking at the service's own list.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use tokio::select;
use tokio::time::sleep;

use super::Interrupt;
use super::event::Event;
use super::fence::{Absence, absence, listed_until};
use super::look_up::{earliest_creation, earliest_of, list_since, may_be};
use super::outcome::{Halt, JobResult};
use super::run::Run;
use super::submit::leapt;
use crate::api::client::{Client, Listing};
use crate::api::name::{BucketName, JobId, JobName, Region};
use crate::api::wire::JobDetail;
use crate::crash;
use crate::job::Work;
use crate::state::{Outcome, Record, Seen, Submission};

/// A look-up whose time is further away than this is left to a later run.
const MAX_WAIT: Duration = Duration::from_mins(10);

/// What became of an unresolved record.
pub(super) enum Resolution {
    /// It is through.
    Done(JobResult),
    /// It was never taken: it may be submitted.
    Free,
    /// The run ended before.
    NotLookedUp(JobResult),
}

/// Where and under which name the service's list has to be asked.
type Group = (BucketName, Region, JobName);

/// One submission to look up, as part of the record at `index`.
struct Item {
    index: usize,
    record: Arc<Record>,
    submission: Submission,
}

/// Looks the unresolved submissions of `records` up and records what is found. The answer has one
/// resolution for each record, in their order.
pub(super) async fn resolve(run: &Run<'_>, records: &[Arc<Record>]) -> Vec<Resolution> {
    let groups = groups(records);
    let may_look = settle(run, &groups).await;
    let look_ups = stream::iter(groups).map(|(group, items)| async move {
        if may_look {
            look_up(run, group, items).await
        } else {
            let reason = "the run ended before it could be looked up";
            leave(items, reason, Resolution::NotLookedUp)
        }
    });
    let found: Vec<Vec<(usize, Resolution)>> = look_ups
        .buffer_unordered(run.options.parallelism.max(1))
        .collect()
        .await;
    let mut resolutions: Vec<Option<Resolution>> = records.iter().map(|_| None).collect();
    for (index, resolution) in found.into_iter().flatten() {
        // One submission of a record that is not free decides for the record.
        let current = &mut resolutions[index];
        if matches!(current, None | Some(Resolution::Free)) {
            *current = Some(resolution);
        }
    }
    let free = |resolution: Option<Resolution>| resolution.unwrap_or(Resolution::Free);
    resolutions.into_iter().map(free).collect()
}

/// Submissions that the same list answers for, oldest first.
fn groups(records: &[Arc<Record>]) -> BTreeMap<Group, Vec<Item>> {
    let mut groups: BTreeMap<Group, Vec<Item>> = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        let Work {
            bucket,
            region,
            request,
            ..
        } = &*record.work;
        let group = (bucket.clone(), region.clone(), request.name.clone());
        let items = groups.entry(group).or_default();
        items.extend(record.all_unresolved().map(|submission| Item {
            index,
            record: Arc::clone(record),
            submission: submission.clone(),
        }));
    }
    for items in groups.values_mut() {
        items.sort_by_key(|item| (item.submission.not_before, item.submission.intended_at));
    }
    groups
}

/// Waits until the service's lists prove something; false when the person did not want to.
async fn settle(run: &Run<'_>, groups: &BTreeMap<Group, Vec<Item>>) -> bool {
    if matches!(run.halted(), Some(halt) if !matches!(halt, Halt::FailuresInARow { .. })) {
        return false;
    }
    let mut delay = Duration::ZERO;
    for ((bucket, region, _), items) in groups {
        let Ok(client) = run.client.for_bucket(bucket, region) else {
            continue;
        };
        // A service that cannot be asked says so once more when its list is asked for.
        if run.options.waits && client.synchronize().await.is_ok() {
            let delays = items.iter().map(|item| settle_delay(run, &client, item));
            delay = delay.max(delays.max().unwrap_or_default());
        }
    }
    if delay.is_zero() {
        return true;
    }
    run.tell(Event::Settling {
        submissions: groups.values().map(Vec::len).sum(),
        delay,
    });
    select! {
        () = sleep(delay) => true,
        () = run.interrupted(Interrupt::Drain) => false,
    }
}

/// How long it takes until a list proves what became of the submission.
///
/// The service's clock may be wrong when it is read for the first time: either this machine's clock
/// agrees with it, or the submission has been known for as long as its window and the list need.
fn settle_delay(run: &Run<'_>, client: &Client, item: &Item) -> Duration {
    let Some(settle) = run.options.settle else {
        return Duration::ZERO;
    };
    let ends = listed_until(&item.submission, settle);
    let Some(ends) = ends.and_then(|ends| Timestamp::from_second(ends + 1).ok()) else {
        return Duration::ZERO;
    };
    let until = |now: Timestamp| Duration::try_from(ends.duration_since(now)).unwrap_or_default();
    let by_service = until(client.clock().early().unwrap_or(Timestamp::MIN));
    let known_for = run.begun.elapsed();
    let by_own = until(Timestamp::now());
    let by_own = by_own.min((run.options.window + settle).saturating_sub(known_for));
    let delay = by_service.max(by_own);
    if delay > MAX_WAIT {
        Duration::ZERO
    } else {
        delay
    }
}

fn leave(
    items: Vec<Item>,
    reason: &str,
    resolution: fn(JobResult) -> Resolution,
) -> Vec<(usize, Resolution)> {
    let unresolved = |item: Item| {
        let result = JobResult::unresolved(item.submission.id, reason);
        (item.index, resolution(result))
    };
    items.into_iter().map(unresolved).collect()
}

async fn look_up(run: &Run<'_>, group: Group, items: Vec<Item>) -> Vec<(usize, Resolution)> {
    let mut listing = match list(run, &group, &items).await {
        Ok(listing) => listing,
        Err(reason) => {
            let reason = format!("it cannot be looked up: {reason}");
            return leave(items, &reason, Resolution::Done);
        }
    };
    crash::point("a list came and nothing is recorded");
    let jobs = &mut listing.jobs;
    jobs.sort_by_key(|job| (job.created.is_none(), job.created));
    let mut resolutions = Vec::new();
    for item in &items {
        let resolution = decide(run, item, &listing).await;
        resolutions.push((item.index, resolution));
    }
    // Only now is it known which jobs no submission accounts for.
    for (item, (_, resolution)) in items.iter().zip(&resolutions) {
        if let Resolution::Done(JobResult::Attempted { outcome, .. }) = resolution
            && let Some(job_id) = outcome.job_id()
        {
            report_duplicates(run, item, job_id, &listing.jobs);
        }
    }
    resolutions
}

async fn list(run: &Run<'_>, group: &Group, items: &[Item]) -> Result<Listing, String> {
    let (bucket, region, name) = group;
    let client = run.client.for_bucket(bucket, region);
    let client = client.map_err(|error| error.to_string())?;
    let since = earliest_of(items.iter().map(|item| &item.submission));
    let listing = select! {
        listing = list_since(&client, name, since) => listing.map_err(|error| error.to_string()),
        () = run.interrupted(Interrupt::Now) => Err("the run was interrupted".to_owned()),
    }?;
    match client.clock().leap() {
        Some(leap) => Err(leapt(leap)),
        None => Ok(listing),
    }
}

/// Jobs of the list that may be the submission's and belong to no other one.
fn candidates<'a>(run: &Run<'_>, item: &Item, listed: &'a [JobDetail]) -> Vec<&'a JobDetail> {
    let earliest = earliest_creation(&item.submission);
    let may_be =
        |job: &&JobDetail| may_be(job, &item.record.work, earliest) && !run.is_claimed(&job.job_id);
    listed.iter().filter(may_be).collect()
}

async fn decide(run: &Run<'_>, item: &Item, listing: &Listing) -> Resolution {
    let mut unclear = None;
    for job in candidates(run, item, &listing.jobs) {
        match item.record.work.is_done_by(job) {
            Some(true) if run.claim(&job.job_id) => return adopt(run, item, job).await,
            None => unclear = unclear.or(Some(job)),
            _ => {}
        }
    }
    let reason = match (
        unclear,
        absence(&item.submission, run.options.settle, listing.date),
    ) {
        (Some(job), _) => format!(
            "job {} has its name, but the service does not tell what it was asked for",
            job.job_id
        ),
        (None, Absence::Proof) => return abandon(run, item).await,
        (None, absence) => undecided(absence, &item.record),
    };
    let id = item.submission.id.clone();
    Resolution::Done(JobResult::unresolved(id, reason))
}

/// Why the list does not decide about a submission that it lacks.
fn undecided(absence: Absence, record: &Record) -> String {
    let by_hand = format!("`stocktake resolve '{}'` ends it", record.key);
    match absence {
        Absence::TooEarly(until) => {
            let until = Timestamp::from_second(until).unwrap_or(Timestamp::MAX);
            format!("the service's list does not have it, which proves nothing before {until}")
        }
        Absence::TooLate => format!(
            "the service's list does not have it, but may have forgotten it after a day: {by_hand}"
        ),
        Absence::WithoutWindow | Absence::Proof => format!(
            "the service's list does not have it, but it is not recorded until when it could be \
             taken: {by_hand}"
        ),
    }
}

async fn adopt(run: &Run<'_>, item: &Item, job: &JobDetail) -> Resolution {
    let submission = item.submission.id.clone();
    let outcome = Outcome::Accepted {
        job_id: job.job_id.clone(),
        request_id: None,
    };
    let seen = Seen::from_detail(job, Timestamp::now());
    let work = &item.record.fingerprint;
    let recorded = run
        .conclude(work, &submission, outcome.clone(), Some(seen))
        .await;
    Resolution::Done(match recorded {
        Ok(()) => JobResult::Attempted {
            submission,
            outcome,
            state: Some(job.state.clone()),
            looked_up: true,
        },
        Err(error) => {
            let reason = format!(
                "it was found as job {}, which is not recorded: {error}",
                job.job_id
            );
            JobResult::unresolved(submission, reason)
        }
    })
}

async fn abandon(run: &Run<'_>, item: &Item) -> Resolution {
    let submission = &item.submission.id;
    let outcome = Outcome::abandoned("the service's list does not have it");
    let work = &item.record.fingerprint;
    if let Err(error) = run.conclude(work, submission, outcome, None).await {
        let result = JobResult::unresolved(submission.clone(), error.to_string());
        return Resolution::Done(result);
    }
    run.tell(Event::Abandoned {
        key: item.record.key.clone(),
        fingerprint: item.record.fingerprint,
        submission: submission.clone(),
    });
    Resolution::Free
}

fn report_duplicates(run: &Run<'_>, item: &Item, adopted: &JobId, listed: &[JobDetail]) {
    let others: Vec<JobId> = candidates(run, item, listed)
        .into_iter()
        .filter(|job| item.record.work.is_done_by(job) == Some(true))
        .map(|job| job.job_id.clone())
        .collect();
    if !others.is_empty() {
        run.tell(Event::Duplicates {
            key: item.record.key.clone(),
            adopted: adopted.clone(),
            others,
        });
    }
}
