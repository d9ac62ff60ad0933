//! Jobs of the service that do what a plan would submit, and that the state does not know: another
//! clone, or a person, submitted that work already.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::look_up::{earliest_creation, list_settled, may_be};
use crate::api::client::{CallError, Client, ClientError, ListQuery, Listing};
use crate::api::name::{BucketName, JobId, Region};
use crate::api::request::Input;
use crate::api::time;
use crate::api::wire::JobDetail;
use crate::job::JobKey;
use crate::plan::{Blocked, Guard, Plan, PlannedJob};
use crate::state::{Listed, Record, Records};

/// How far back the list is read where it is not known until when the state knows every job.
const UNKNOWN_SINCE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The service's clock and its list may be this far apart.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// Jobs beyond this number are not reported one by one.
const MAX_REPORTED: usize = 100;

/// What the service's lists say of a plan.
#[derive(Debug)]
pub struct Strangers {
    /// What forbids the plan: one for each job whose work is done already.
    pub blocked: Vec<Blocked>,
    /// Until when every job of the buckets that were listed is known.
    pub listed: Listed,
}

/// Why the lists cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StrangersError {
    /// There is no client of a bucket.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The service does not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Whether `plan` may submit something, so that the service has to be asked.
pub fn concern(plan: &Plan) -> bool {
    plan.jobs.iter().any(PlannedJob::may_submit)
}

/// Looks for jobs that do what `plan` may submit and that `records` do not have, in the lists of its
/// buckets since the moment until which `known` knows them. `settle` is how long after its submission
/// a list shows a job at the latest.
pub async fn find(
    client: &Client,
    plan: &Plan,
    records: &Records,
    known: &Listed,
    settle: Duration,
) -> Result<Strangers, StrangersError> {
    let ids: HashSet<&JobId> = records
        .iter()
        .flat_map(|record| &record.submissions)
        .filter_map(|submission| submission.job_id())
        .collect();
    let settle = SignedDuration::try_from(settle).unwrap_or(SignedDuration::MAX);
    let (mut found, mut listed) = (Vec::new(), Listed::default());
    for ((bucket, region), jobs) in by_bucket(plan) {
        let client = client.for_bucket(bucket, region)?;
        let query = ListQuery {
            created_from: Some(known.until(bucket, region).unwrap_or_else(long_ago)),
            ..ListQuery::default()
        };
        let mut listing = list_settled(&client, &query).await?;
        listing.jobs.retain(|job| !ids.contains(&job.job_id));
        listing.jobs.sort_by_key(|job| job.created);
        if let Some(until) = known_until(&listing, settle) {
            listed.note(bucket, region, until);
        }
        found.extend(doing_the_same(&jobs, &listing.jobs));
    }
    Ok(Strangers {
        blocked: first_ones(found),
        listed,
    })
}

fn long_ago() -> Timestamp {
    let since = Timestamp::now().checked_sub(UNKNOWN_SINCE);
    since.unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What may be submitted to each bucket.
fn by_bucket(plan: &Plan) -> BTreeMap<(&BucketName, &Region), Vec<&PlannedJob>> {
    let mut by_bucket: BTreeMap<_, Vec<&PlannedJob>> = BTreeMap::new();
    for planned in plan.jobs.iter().filter(|planned| planned.may_submit()) {
        let work = &planned.job.work;
        let jobs = by_bucket.entry((&work.bucket, &work.region)).or_default();
        jobs.push(planned);
    }
    by_bucket
}

/// The moment before which every job is known: that of the list, or of the first one that is not.
fn known_until(unknown: &Listing, settle: SignedDuration) -> Option<Timestamp> {
    let listed_at = unknown.date?.checked_sub(settle).ok()?;
    let mut until = listed_at.checked_sub(MARGIN).ok()?;
    for job in &unknown.jobs {
        until = until.min(job.created?);
    }
    Some(until)
}

/// One for each job whose work others of the list do as well.
fn doing_the_same(jobs: &[&PlannedJob], unknown: &[JobDetail]) -> Vec<Blocked> {
    let mut by_input: HashMap<Option<&Input>, Vec<&JobDetail>> = HashMap::new();
    for job in unknown {
        by_input.entry(job.input.as_ref()).or_default().push(job);
    }
    let mut blocked = Vec::new();
    for planned in jobs {
        let inputs = [Some(&planned.job.work.request.input), None];
        let alike = inputs.iter().filter_map(|input| by_input.get(input));
        let same = alike.flatten().copied();
        let same: Vec<&JobDetail> = same.filter(|job| is_stranger(planned, job)).collect();
        if !same.is_empty() {
            blocked.push(Blocked {
                guard: Guard::UnknownJobs,
                message: message(&planned.job.key, &same),
                keys: vec![planned.job.key.clone()],
                job_ids: same.iter().map(|job| job.job_id.clone()).collect(),
            });
        }
    }
    blocked
}

/// Whether the service's job does the work of the planned one, or may do so, and neither is meant nor
/// will be looked up.
fn is_stranger(planned: &PlannedJob, job: &JobDetail) -> bool {
    let work = &planned.job.work;
    let does_it = match work.is_done_by(job) {
        Some(does_it) => does_it,
        // The service does not say what it was asked for.
        None => job.name == work.request.name.as_str(),
    };
    // A `rerun` that names the job was written by somebody who knows of it.
    let is_meant = work
        .rerun
        .as_ref()
        .is_some_and(|rerun| rerun.contains(job.job_id.as_str()));
    let record = planned.record.as_deref();
    does_it && !is_meant && !record.is_some_and(|record| may_be_ours(record, job))
}

/// Whether looking up an unresolved submission of `record` decides about the job.
fn may_be_ours(record: &Record, job: &JobDetail) -> bool {
    let has_name = job.name.is_empty() || job.name == record.work.request.name.as_str();
    let mut unresolved = record.all_unresolved();
    has_name
        && unresolved.any(|submission| may_be(job, &record.work, earliest_creation(submission)))
}

/// The first ones, and one for the others.
fn first_ones(mut blocked: Vec<Blocked>) -> Vec<Blocked> {
    if blocked.len() > MAX_REPORTED {
        let rest = blocked.split_off(MAX_REPORTED);
        blocked.push(Blocked {
            guard: Guard::UnknownJobs,
            message: format!(
                "the work of {} more jobs is at the service already",
                rest.len()
            ),
            keys: rest.into_iter().flat_map(|blocked| blocked.keys).collect(),
            job_ids: Vec::new(),
        });
    }
    blocked
}

fn message(key: &JobKey, jobs: &[&JobDetail]) -> String {
    let described = jobs.first().map_or_else(String::new, |first| {
        let created = first.created.map(time::format);
        let when = created.map_or_else(String::new, |created| format!(", triggered {created}"));
        format!("{} ({}{when})", first.job_id, first.state)
    });
    let others = match jobs.len().saturating_sub(1) {
        0 => String::new(),
        others => format!(", and {others} more,"),
    };
    let verb = if jobs.len() > 1 { "do" } else { "does" };
    format!(
        "the work of `{key}` is at the service already: job {described}{others} {verb} it, and the state \
         does not know that. If another clone submitted it, get its state; else record it, or ask \
         for it once more, and pay for it once more"
    )
}

#[cfg(test)]
mod tests;
