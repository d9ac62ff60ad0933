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
use super::look_up::{earliest_creation, list_since, may_be};
use super::outcome::{Halt, JobResult};
use super::run::Run;
use crate::api::name::{BucketName, JobId, JobName, Region};
use crate::api::wire::JobDetail;
use crate::crash;
use crate::job::Work;
use crate::plan::PlannedJob;
use crate::state::{Outcome, Record, Seen, Submission, SubmissionId};

/// What became of an unresolved job.
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

/// One submission to look up, as part of the job at `index`.
struct Item {
    index: usize,
    record: Arc<Record>,
    submission: Submission,
}

/// Looks the unresolved submissions of `jobs` up and records what is found. The answer has one
/// resolution for each job, in their order.
pub(super) async fn resolve(run: &Run<'_>, jobs: &[&PlannedJob]) -> Vec<Resolution> {
    let groups = groups(run, jobs);
    let has_settled = settle(run, &groups).await;
    let look_ups = stream::iter(groups).map(|(group, items)| async move {
        if has_settled {
            look_up(run, jobs, group, items).await
        } else {
            let reason = "the run ended before it could be looked up";
            leave(items, reason, Resolution::NotLookedUp)
        }
    });
    let found: Vec<Vec<(usize, Resolution)>> = look_ups
        .buffer_unordered(run.options.parallelism.max(1))
        .collect()
        .await;
    let mut resolutions: Vec<Option<Resolution>> = jobs.iter().map(|_| None).collect();
    for (index, resolution) in found.into_iter().flatten() {
        // One submission of a job that is not free decides for the job.
        let current = &mut resolutions[index];
        if matches!(current, None | Some(Resolution::Free)) {
            *current = Some(resolution);
        }
    }
    let free = |resolution: Option<Resolution>| resolution.unwrap_or(Resolution::Free);
    resolutions.into_iter().map(free).collect()
}

/// Submissions that the same list answers for, oldest first.
fn groups(run: &Run<'_>, jobs: &[&PlannedJob]) -> BTreeMap<Group, Vec<Item>> {
    let mut groups: BTreeMap<Group, Vec<Item>> = BTreeMap::new();
    for (index, planned) in jobs.iter().enumerate() {
        let Some(record) = run.store.get(&planned.job.fingerprint) else {
            continue;
        };
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
            record: Arc::clone(&record),
            submission: submission.clone(),
        }));
    }
    for items in groups.values_mut() {
        items.sort_by_key(|item| item.submission.intended_at);
    }
    groups
}

/// Waits until the service's list can be trusted; false when the person did not want to.
async fn settle(run: &Run<'_>, groups: &BTreeMap<Group, Vec<Item>>) -> bool {
    if matches!(run.halted(), Some(halt) if !matches!(halt, Halt::FailuresInARow { .. })) {
        return false;
    }
    let items = groups.values().flatten();
    let youngest = items.map(|item| item.submission.intended_at).max();
    let delay = youngest.map_or(Duration::ZERO, |intended_at| settle_delay(run, intended_at));
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

fn settle_delay(run: &Run<'_>, intended_at: Timestamp) -> Duration {
    let elapsed = Timestamp::now().duration_since(intended_at);
    // An intent of the future was written by a clock that is ahead of ours.
    let elapsed = Duration::try_from(elapsed).unwrap_or_default();
    run.options.look_up_after.saturating_sub(elapsed)
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

async fn look_up(
    run: &Run<'_>,
    jobs: &[&PlannedJob],
    group: Group,
    items: Vec<Item>,
) -> Vec<(usize, Resolution)> {
    let mut listed = match list(run, &group, &items).await {
        Ok(listed) => listed,
        Err(reason) => {
            let reason = format!("it cannot be looked up: {reason}");
            return leave(items, &reason, Resolution::Done);
        }
    };
    crash::point("a list came and nothing is recorded");
    listed.sort_by_key(|job| (job.created.is_none(), job.created));
    let mut resolutions = Vec::new();
    for item in &items {
        let resolution = decide(run, jobs[item.index], item, &listed).await;
        resolutions.push((item.index, resolution));
    }
    // Only now is it known which jobs no submission accounts for.
    for (item, (_, resolution)) in items.iter().zip(&resolutions) {
        if let Resolution::Done(JobResult::Attempted { outcome, .. }) = resolution
            && let Some(job_id) = outcome.job_id()
        {
            report_duplicates(run, jobs[item.index], item, job_id, &listed);
        }
    }
    resolutions
}

async fn list(run: &Run<'_>, group: &Group, items: &[Item]) -> Result<Vec<JobDetail>, String> {
    let (bucket, region, name) = group;
    let client = run.client.for_bucket(bucket, region);
    let client = client.map_err(|error| error.to_string())?;
    // The oldest one comes first.
    let since = items
        .first()
        .map(|item| earliest_creation(&item.submission));
    select! {
        listed = list_since(&client, name, since) => listed.map_err(|error| error.to_string()),
        () = run.interrupted(Interrupt::Now) => Err("the run was interrupted".to_owned()),
    }
}

/// Jobs of the list that may be the submission's and belong to no other one.
fn candidates<'a>(
    run: &Run<'_>,
    item: &Item,
    listed: &'a [JobDetail],
) -> impl Iterator<Item = &'a JobDetail> {
    let earliest = earliest_creation(&item.submission);
    let matching = listed.iter().filter(move |job| {
        may_be(job, &item.record.work, earliest) && !run.is_claimed(&job.job_id)
    });
    matching.collect::<Vec<_>>().into_iter()
}

async fn decide(
    run: &Run<'_>,
    planned: &PlannedJob,
    item: &Item,
    listed: &[JobDetail],
) -> Resolution {
    let mut unclear = None;
    for job in candidates(run, item, listed) {
        match item.record.work.is_done_by(job) {
            Some(true) if run.claim(&job.job_id) => return adopt(run, planned, item, job).await,
            None => unclear = unclear.or(Some(job)),
            _ => {}
        }
    }
    match unclear {
        Some(job) => {
            let reason = format!(
                "job {} has its name, but the service does not tell what it was asked for",
                job.job_id
            );
            let id = item.submission.id.clone();
            Resolution::Done(JobResult::unresolved(id, reason))
        }
        None => abandon(run, planned, &item.submission.id).await,
    }
}

async fn adopt(run: &Run<'_>, planned: &PlannedJob, item: &Item, job: &JobDetail) -> Resolution {
    let submission = item.submission.id.clone();
    let outcome = Outcome::Accepted {
        job_id: job.job_id.clone(),
        request_id: None,
    };
    let seen = Seen::from_detail(job, Timestamp::now());
    let recorded = run
        .conclude(&planned.job, &submission, outcome.clone(), Some(seen))
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

async fn abandon(run: &Run<'_>, planned: &PlannedJob, submission: &SubmissionId) -> Resolution {
    let outcome = Outcome::abandoned("the service's list does not have it");
    let recorded = run.conclude(&planned.job, submission, outcome, None).await;
    if let Err(error) = recorded {
        let result = JobResult::unresolved(submission.clone(), error.to_string());
        return Resolution::Done(result);
    }
    run.tell(Event::Abandoned {
        key: planned.job.key.clone(),
        fingerprint: planned.job.fingerprint,
        submission: submission.clone(),
    });
    Resolution::Free
}

fn report_duplicates(
    run: &Run<'_>,
    planned: &PlannedJob,
    item: &Item,
    adopted: &JobId,
    listed: &[JobDetail],
) {
    let others: Vec<JobId> = candidates(run, item, listed)
        .filter(|job| item.record.work.is_done_by(job) == Some(true))
        .map(|job| job.job_id.clone())
        .collect();
    if !others.is_empty() {
        run.tell(Event::Duplicates {
            key: planned.job.key.clone(),
            adopted: adopted.clone(),
            others,
        });
    }
}
