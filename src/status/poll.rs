//! Asks the service about recorded jobs: pages of its list where one page answers for several jobs,
//! one call per job for the rest.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};

use super::objects::Counter;
use super::{PARALLELISM, PollError, StatusError, is_fresh, may_change};
use crate::api::client::{Client, ListQuery};
use crate::api::name::{BucketName, JobId, Region};
use crate::api::wire::{JobDetail, JobState};
use crate::job::Fingerprint;
use crate::state::{Objects, Record, Seen};

/// Fewer jobs than this are described one by one.
const MIN_JOBS_FOR_LIST: usize = 10;
/// The list is given up when it has taken one page per so many jobs without finding any of them.
const JOBS_PER_WASTED_PAGE: usize = 20;
/// How far the service's clock may be behind this machine's.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// Objects of ended jobs are counted when no more jobs than this are polled.
const MAX_JOBS_TO_COUNT: usize = 20;

/// Polls a set of records.
#[derive(Debug)]
pub struct Poller {
    client: Client,
    records: Vec<Arc<Record>>,
    counters: HashMap<JobId, Counter>,
}

/// The answers of one round.
#[derive(Debug, Default)]
pub struct Round {
    /// Records with a new status, which is still to be written.
    pub changed: Vec<Arc<Record>>,
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

    /// Asks once for every record that may still change.
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
            round.changed.extend(self.count(&client, answered).await);
        }
        update(&mut self.records, &round.changed);
        Ok(round)
    }

    /// The records of which something new is known, with their objects counted.
    async fn count(
        &mut self,
        client: &Client,
        answered: Vec<(Arc<Record>, JobDetail)>,
    ) -> Vec<Arc<Record>> {
        let counts_ended = self.records.len() <= MAX_JOBS_TO_COUNT;
        let is_counted = |job: &JobDetail| {
            job.state == JobState::Running || (counts_ended && job.state != JobState::Submitted)
        };
        let counts = answered.into_iter().map(|(record, job)| {
            let counter = self.counters.remove(&job.job_id).unwrap_or_default();
            let counter = is_counted(&job).then_some(counter);
            async move {
                match counter {
                    Some(mut counter) => {
                        let objects = count(client, &mut counter, &record, &job).await;
                        (record, job, objects, Some(counter))
                    }
                    None => (record, job, None, None),
                }
            }
        });
        let counts: Vec<_> = counts.collect();
        let mut counts = stream::iter(counts).buffer_unordered(PARALLELISM);
        let mut changed = Vec::new();
        while let Some((record, job, objects, counter)) = counts.next().await {
            changed.extend(with_answer(&record, &job, objects).map(Arc::new));
            if let Some(counter) = counter.filter(|_| !job.state.is_final()) {
                self.counters.insert(job.job_id, counter);
            }
        }
        changed
    }
}

/// The status of a job is worth recording without its count.
async fn count(
    client: &Client,
    counter: &mut Counter,
    record: &Record,
    job: &JobDetail,
) -> Option<Objects> {
    let objects = counter.count(client, record, &job.job_id).await;
    let objects = objects.inspect_err(|error| {
        tracing::warn!(job_id = %job.job_id, %error, "its objects cannot be counted");
    });
    objects.ok()
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
                Ok((record, job)) => round
                    .changed
                    .extend(with_answer(&record, &job, None).map(Arc::new)),
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
fn with_answer(record: &Record, job: &JobDetail, objects: Option<Objects>) -> Option<Record> {
    let mut seen = Seen::from_detail(job, Timestamp::now());
    let known = record.last_seen();
    seen.objects = objects.or(known.and_then(Seen::counted)).map(Box::new);
    let is_known = known.is_some_and(|known| {
        let at = known.at;
        Seen { at, ..seen.clone() } == *known
    });
    (!is_known).then(|| Record {
        seen: Some(seen),
        ..record.clone()
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
