//! Asks the service about recorded jobs: pages of its list where one page answers for several jobs,
//! one call per job for the rest.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};

use super::objects::Counter;
use super::{PARALLELISM, PollError, StatusError, is_fresh, is_uncounted, may_change};
use crate::api::client::{Client, ListQuery};
use crate::api::name::{BucketName, JobId, Region};
use crate::api::wire::{JobDetail, JobState};
use crate::job::Fingerprint;
use crate::state::{Objects, Record, Seen};

/// Fewer jobs than this are described one by one.
const MIN_JOBS_FOR_LIST: usize = 10;
/// The list is given up when it has taken one page per this many jobs without finding any of them.
const JOBS_PER_WASTED_PAGE: usize = 20;
/// How far the service's clock may be behind this machine's.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// Ended jobs whose objects are counted in one round, unless the caller sets another limit.
const MAX_COUNTS: usize = 1000;

/// Polls a set of records.
#[derive(Debug)]
pub struct Poller {
    client: Client,
    records: Vec<Arc<Record>>,
    counters: HashMap<JobId, Counter>,
    max_counts: usize,
}

/// The answers of one round.
#[derive(Debug, Default)]
pub struct Round {
    /// Records with a new status, which is still to be written.
    pub changed: Vec<Arc<Record>>,
    /// Further records, of jobs that ended in an earlier round, with their objects counted.
    pub counted: Vec<Arc<Record>>,
    /// Jobs that nothing new is known of.
    pub errors: Vec<PollError>,
}

/// The answer about one job.
type Answer = Result<(Arc<Record>, JobDetail), PollError>;

impl Poller {
    /// Polls `records` through `client`, whichever buckets they name.
    pub fn new(client: Client, records: Vec<Arc<Record>>) -> Self {
        Self {
            client,
            records,
            counters: HashMap::new(),
            max_counts: MAX_COUNTS,
        }
    }

    /// The records with their latest status.
    pub fn records(&self) -> &[Arc<Record>] {
        &self.records
    }

    /// Uses another client from now on: the service has moved.
    pub fn reconnect(&mut self, client: Client) {
        self.client = client;
    }

    /// Counts the objects of this many ended jobs in one round at most.
    #[must_use]
    pub fn with_max_counts(self, max_counts: usize) -> Self {
        Self { max_counts, ..self }
    }

    /// Asks once for every record that may still change, and counts the objects of jobs that run.
    /// Objects of ended jobs are counted after the end was seen: an earlier count may lack some.
    pub async fn poll(&mut self) -> Result<Round, StatusError> {
        let open = self.records.iter().filter(|record| may_change(record));
        let mut round = Round::default();
        for ((bucket, region), records) in by_bucket(open) {
            let client = self.client.for_bucket(&bucket, &region)?;
            let mut answered = Vec::with_capacity(records.len());
            let _ = ask(&client, records, &mut |answer| {
                match answer {
                    Ok(answer) => answered.push(answer),
                    Err(error) => round.errors.push(error),
                }
                ControlFlow::Continue(())
            })
            .await;
            let (running, others): (Vec<_>, Vec<_>) = answered
                .into_iter()
                .partition(|(_, job)| job.state == JobState::Running);
            let others = others.iter();
            round
                .changed
                .extend(others.filter_map(|(record, job)| with_answer(record, job)));
            let running = running.into_iter().map(|(record, job)| {
                let seen = Seen::from_detail(&job, Timestamp::now());
                (record, seen)
            });
            let counted = self.count(&client, running.collect()).await;
            round.changed.extend(
                counted
                    .into_iter()
                    .filter_map(|(record, seen, objects)| with_status(&record, seen, objects)),
            );
        }
        update(&mut self.records, &round.changed);
        self.count_ended(&mut round).await?;
        Ok(round)
    }

    async fn count_ended(&mut self, round: &mut Round) -> Result<(), StatusError> {
        let uncounted = self.records.iter().filter(|record| is_uncounted(record));
        for ((bucket, region), records) in by_bucket(uncounted.take(self.max_counts)) {
            let client = self.client.for_bucket(&bucket, &region)?;
            let ended = records.into_iter().filter_map(|record| {
                let seen = record.last_seen()?.clone();
                Some((record, seen))
            });
            for (record, seen, objects) in self.count(&client, ended.collect()).await {
                let Some(mut objects) = objects else { continue };
                // Runs that have not ended contradict the end of their job.
                let is_listed = objects.succeeded + objects.failed == objects.total;
                objects.more |= !is_listed && seen.state != JobState::Cancel;
                round
                    .counted
                    .extend(with_status(&record, seen, Some(objects)));
            }
        }
        update(&mut self.records, &round.counted);
        update(&mut round.changed, &round.counted);
        let changed: HashSet<Fingerprint> = fingerprints(&round.changed).collect();
        round
            .counted
            .retain(|record| !changed.contains(&record.fingerprint));
        Ok(())
    }

    /// Counts the objects of each job; none where that fails, since the status is worth recording alone.
    async fn count(
        &mut self,
        client: &Client,
        jobs: Vec<(Arc<Record>, Seen)>,
    ) -> Vec<(Arc<Record>, Seen, Option<Objects>)> {
        let counts = jobs.into_iter().map(|(record, seen)| {
            let mut counter = self.counters.remove(&seen.job_id).unwrap_or_default();
            async move {
                let objects = counter.count(client, &record, &seen.job_id).await;
                let objects = objects.inspect_err(|error| {
                    tracing::warn!(job_id = %seen.job_id, %error, "its objects cannot be counted");
                });
                (record, seen, objects.ok(), counter)
            }
        });
        let counts: Vec<_> = counts.collect();
        let mut counts = stream::iter(counts).buffer_unordered(PARALLELISM);
        let mut counted = Vec::new();
        while let Some((record, seen, objects, counter)) = counts.next().await {
            if !seen.state.is_final() {
                self.counters.insert(seen.job_id.clone(), counter);
            }
            counted.push((record, seen, objects));
        }
        counted
    }
}

fn fingerprints(records: &[Arc<Record>]) -> impl Iterator<Item = Fingerprint> {
    records.iter().map(|record| record.fingerprint)
}

/// Replaces those of `records` of which `changed` has a newer version.
pub fn update(records: &mut [Arc<Record>], changed: &[Arc<Record>]) {
    let changed = changed.iter().map(|record| (record.fingerprint, record));
    let changed: HashMap<Fingerprint, &Arc<Record>> = changed.collect();
    for record in records {
        if let Some(changed) = changed.get(&record.fingerprint) {
            *record = Arc::clone(changed);
        }
    }
}

/// Asks once for every accepted job of `records`, ended ones too, and counts no objects. `tell` gets
/// the number of answers so far. The first call that fails is the end: a partial answer would look
/// like a complete one. So the only errors of the round are jobs that the service does not know.
pub async fn poll_all(
    client: &Client,
    records: &[Arc<Record>],
    tell: &mut (dyn FnMut(usize) + Send),
) -> Result<Round, StatusError> {
    let mut round = Round::default();
    let mut answered = 0;
    let accepted = records.iter().filter(|record| record.accepted().is_some());
    for ((bucket, region), records) in by_bucket(accepted) {
        let client = client.for_bucket(&bucket, &region)?;
        let mut failed = None;
        let _ = ask(&client, records, &mut |answer| {
            answered += 1;
            tell(answered);
            match answer {
                Ok((record, job)) => round.changed.extend(with_answer(&record, &job)),
                Err(PollError::Call { error, .. }) => {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
                Err(gone @ PollError::Gone { .. }) => round.errors.push(gone),
            }
            ControlFlow::Continue(())
        })
        .await;
        if let Some(error) = failed {
            return Err(error.into());
        }
    }
    Ok(round)
}

/// Groups records by the bucket whose client can ask for them.
fn by_bucket<'a>(
    records: impl IntoIterator<Item = &'a Arc<Record>>,
) -> BTreeMap<(BucketName, Region), Vec<Arc<Record>>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in records {
        let bucket = (record.work.bucket.clone(), record.work.region.clone());
        groups.entry(bucket).or_default().push(Arc::clone(record));
    }
    groups
}

/// The record with the service's answer, if that is new.
fn with_answer(record: &Record, job: &JobDetail) -> Option<Arc<Record>> {
    with_status(record, Seen::from_detail(job, Timestamp::now()), None)
}

/// The record with this status, if that is new. A count from before the end is not that of an ended
/// job.
fn with_status(record: &Record, mut seen: Seen, objects: Option<Objects>) -> Option<Arc<Record>> {
    let known = record.last_seen();
    let still_counts = |known: &&Seen| known.state == seen.state || !seen.state.is_final();
    let counted = objects.or(known.filter(still_counts).and_then(Seen::counted));
    seen.objects = counted.map(Box::new);
    let is_known = known.is_some_and(|known| {
        let at = known.at;
        Seen { at, ..seen.clone() } == *known
    });
    (!is_known).then(|| {
        Arc::new(Record {
            seen: Some(seen),
            ..record.clone()
        })
    })
}

/// Asks for accepted records of one bucket, and hands each answer to `take`, which says whether to go
/// on. Many ended jobs are looked up in the list alone: they are not worth a call each.
async fn ask(
    client: &Client,
    records: Vec<Arc<Record>>,
    take: &mut (dyn FnMut(Answer) -> ControlFlow<()> + Send),
) -> ControlFlow<()> {
    let mut open: HashMap<JobId, Arc<Record>> = HashMap::with_capacity(records.len());
    for record in records {
        if let Some((_, job_id)) = record.accepted() {
            open.insert(job_id.clone(), Arc::clone(&record));
        }
    }
    if open.len() >= MIN_JOBS_FOR_LIST {
        let is_complete = list(client, &mut open, take).await?;
        let ended = open.extract_if(|_, record| !may_change(record));
        for (job_id, record) in ended.filter(|_| is_complete) {
            take(Err(gone(&record, job_id)))?;
        }
    }
    let answers = stream::iter(open).map(|(job_id, record)| describe(client, job_id, record));
    let mut answers = answers.buffer_unordered(PARALLELISM);
    while let Some(answer) = answers.next().await {
        take(answer)?;
    }
    ControlFlow::Continue(())
}

/// Reads pages as long as they find more jobs than they cost calls; returns whether the list was read
/// to its end. Jobs that are not found are described one by one, and so is the cause of an error.
async fn list(
    client: &Client,
    open: &mut HashMap<JobId, Arc<Record>>,
    take: &mut (dyn FnMut(Answer) -> ControlFlow<()> + Send),
) -> ControlFlow<(), bool> {
    let oldest = open.values().filter_map(|record| {
        let (submission, _) = record.accepted()?;
        submission.intended_at.checked_sub(CLOCK_SKEW).ok()
    });
    let query = ListQuery {
        created_from: oldest.min(),
        ..ListQuery::default()
    };
    let allowance = open.len() / JOBS_PER_WASTED_PAGE + 1;
    let mut token: Option<String> = None;
    let (mut pages, mut found) = (0, 0);
    while !open.is_empty() && pages < found + allowance {
        let Ok(page) = client.list_page(&query, token.as_deref()).await else {
            return ControlFlow::Continue(false);
        };
        pages += 1;
        for job in page.jobs {
            if let Some(record) = open.remove(&job.job_id) {
                found += 1;
                take(Ok((record, job)))?;
            }
        }
        if page.next_token.is_none() {
            return ControlFlow::Continue(true);
        }
        if page.next_token == token {
            return ControlFlow::Continue(false);
        }
        token = page.next_token;
    }
    ControlFlow::Continue(false)
}

async fn describe(client: &Client, job_id: JobId, record: Arc<Record>) -> Answer {
    let key = record.key.clone();
    match client.describe(&job_id).await {
        Ok(Some(job)) => Ok((record, job)),
        Ok(None) => Err(gone(&record, job_id)),
        Err(error) => Err(PollError::Call { key, error }),
    }
}

fn gone(record: &Record, job_id: JobId) -> PollError {
    PollError::Gone {
        fresh: is_fresh(record, Timestamp::now()),
        key: record.key.clone(),
        job_id,
    }
}
