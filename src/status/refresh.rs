//! One round of asking about everything that may still change.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;

use super::ask::{Answer, ask};
use super::count::Counter;
use super::{PARALLELISM, StatusError, Trouble, may_change};
use crate::api::client::Client;
use crate::api::name::{BucketName, JobId, Region};
use crate::api::wire::{JobDetail, JobState};
use crate::job::Fingerprint;
use crate::state::{Objects, Record, Seen};

/// Objects of ended jobs are answered when no more jobs than this are asked for: those who look at
/// thousands of jobs look at the jobs.
const SCREENFUL: usize = 20;

/// Asks for a set of records, as often as wanted.
#[derive(Debug)]
pub struct Refresher {
    client: Client,
    records: Vec<Arc<Record>>,
    counters: HashMap<JobId, Counter>,
}

/// What a round has found.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// Records of which something new is known, which is to be recorded.
    pub changed: Vec<Arc<Record>>,
    /// Jobs that nothing new is known of.
    pub troubles: Vec<Trouble>,
}

impl Refresher {
    /// Will ask for `records` through `client`, whichever buckets they name.
    pub fn new(client: Client, records: Vec<Arc<Record>>) -> Self {
        Self {
            client,
            records,
            counters: HashMap::new(),
        }
    }

    /// The records with all that is known of them.
    pub fn records(&self) -> &[Arc<Record>] {
        &self.records
    }

    /// Asks another way from now on: the service has moved.
    pub fn reconnect(&mut self, client: Client) {
        self.client = client;
    }

    /// Asks once for every record that may still change.
    pub async fn refresh(&mut self) -> Result<Refreshed, StatusError> {
        let open = self.records.iter().filter(|record| may_change(record));
        let mut refreshed = Refreshed::default();
        for ((bucket, region), records) in by_bucket(open) {
            let client = self.client.for_bucket(&bucket, &region)?;
            let mut answers = Vec::with_capacity(records.len());
            let _ = ask(&client, records, &mut |answer| {
                answers.push(answer);
                ControlFlow::Continue(())
            })
            .await;
            self.take(&client, answers, &mut refreshed).await;
        }
        self.remember(&refreshed.changed);
        Ok(refreshed)
    }

    async fn take(&mut self, client: &Client, answers: Vec<Answer>, refreshed: &mut Refreshed) {
        let counts_ended = self.records.len() <= SCREENFUL;
        let mut answered = Vec::new();
        for answer in answers {
            match answer {
                Ok((record, job)) => {
                    let counts = job.state == JobState::Running
                        || (counts_ended && job.state != JobState::Submitted);
                    let counter = counts.then(|| {
                        let counter = self.counters.remove(&job.job_id);
                        counter.unwrap_or_default()
                    });
                    answered.push((record, job, counter));
                }
                Err(trouble) => refreshed.troubles.push(trouble),
            }
        }
        let counts = stream::iter(answered)
            .map(|(record, job, counter)| count(client, record, job, counter));
        let mut counts = counts.buffer_unordered(PARALLELISM);
        while let Some((record, job, counter, objects)) = counts.next().await {
            if let Some(counter) = counter.filter(|_| !job.state.is_final()) {
                self.counters.insert(job.job_id.clone(), counter);
            }
            refreshed
                .changed
                .extend(with_news(&record, &job, objects).map(Arc::new));
        }
    }

    fn remember(&mut self, changed: &[Arc<Record>]) {
        let changed = changed.iter().map(|record| (record.fingerprint, record));
        let changed: HashMap<Fingerprint, &Arc<Record>> = changed.collect();
        for record in &mut self.records {
            if let Some(changed) = changed.get(&record.fingerprint) {
                *record = Arc::clone(changed);
            }
        }
    }
}

/// Records side by side that one client can ask for.
pub(super) fn by_bucket<'a>(
    records: impl IntoIterator<Item = &'a Arc<Record>>,
) -> BTreeMap<(BucketName, Region), Vec<Arc<Record>>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in records {
        let bucket = (record.work.bucket.clone(), record.work.region.clone());
        groups.entry(bucket).or_default().push(Arc::clone(record));
    }
    groups
}

/// A count that fails is no reason to do without the state.
async fn count(
    client: &Client,
    record: Arc<Record>,
    job: JobDetail,
    counter: Option<Counter>,
) -> (Arc<Record>, JobDetail, Option<Counter>, Option<Objects>) {
    let Some(mut counter) = counter else {
        return (record, job, None, None);
    };
    let objects = counter.count(client, &record, &job.job_id).await;
    let objects = objects.inspect_err(|error| {
        tracing::warn!(job_id = %job.job_id, %error, "its objects cannot be answered");
    });
    (record, job, Some(counter), objects.ok())
}

/// The record with what the service said, if that is new.
pub(super) fn with_news(
    record: &Record,
    job: &JobDetail,
    objects: Option<Objects>,
) -> Option<Record> {
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
