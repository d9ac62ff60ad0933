//! How far accepted jobs are: asks the service, records the answer.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::api::client::{CallError, Client, ClientError};
use crate::api::name::JobId;
use crate::api::wire::JobDetail;
use crate::job::JobKey;
use crate::state::{Record, Seen, StateError, StateStore};

/// How many questions are under way at once.
const PARALLELISM: usize = 8;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Why the state of a job cannot be asked for or recorded.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The service does not answer, or not in a way that can be understood.
    #[error("cannot ask for {key}: {error}")]
    Call {
        /// The job.
        key: JobKey,
        /// What went wrong.
        error: CallError,
    },
    /// The service does not know a job that it took.
    #[error("the service no longer knows {job_id} ({key})")]
    Gone {
        /// The job.
        key: JobKey,
        /// Its id.
        job_id: JobId,
    },
    /// The bucket of a record cannot be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The answer cannot be recorded.
    #[error(transparent)]
    State(#[from] StateError),
    /// A question was lost on this side.
    #[error("a question to the service was cut off")]
    CutOff,
}

/// Whether the service may still change what is recorded.
pub fn may_change(record: &Record) -> bool {
    record.accepted().is_some() && !record.last_seen().is_some_and(|seen| seen.state.is_final())
}

/// Asks once for every record that may still change, and records what is new. Returns the records
/// that changed.
pub async fn refresh(store: &StateStore, client: &Client) -> Result<Vec<Arc<Record>>, StatusError> {
    let records = store.records();
    let open: Vec<Arc<Record>> = records
        .iter()
        .filter(|record| may_change(record))
        .cloned()
        .collect();
    let mut open = open.into_iter();
    let mut questions = JoinSet::new();
    let mut changed = Vec::new();
    loop {
        while questions.len() < PARALLELISM
            && let Some(record) = open.next()
        {
            let client = client.for_bucket(&record.work.bucket, &record.work.region)?;
            questions.spawn(async move { ask(&client, record).await });
        }
        let Some(answer) = questions.join_next().await else {
            return Ok(changed);
        };
        let (record, job) = answer.map_err(|_| StatusError::CutOff)??;
        if let Some(record) = with_news(&record, &job) {
            changed.push(store.append(record).await?);
        }
    }
}

/// Asks until nothing can change any more, ever less often; tells of each record that changed.
pub async fn wait(
    store: &StateStore,
    client: &Client,
    on_change: &mut (dyn FnMut(&Record) + Send),
) -> Result<(), StatusError> {
    let mut pause = FIRST_PAUSE;
    loop {
        for record in refresh(store, client).await? {
            pause = FIRST_PAUSE;
            on_change(&record);
        }
        if !store.records().iter().any(|record| may_change(record)) {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

async fn ask(
    client: &Client,
    record: Arc<Record>,
) -> Result<(Arc<Record>, JobDetail), StatusError> {
    let key = record.key.clone();
    let Some((_, job_id)) = record.accepted() else {
        return Err(StatusError::CutOff);
    };
    let job_id = job_id.clone();
    match client.describe(&job_id).await {
        Ok(Some(job)) => Ok((record, job)),
        Ok(None) => Err(StatusError::Gone { key, job_id }),
        Err(error) => Err(StatusError::Call { key, error }),
    }
}

/// The record with what the service said, if that is news.
fn with_news(record: &Record, job: &JobDetail) -> Option<Record> {
    let now = Timestamp::now();
    let mut seen = Seen::from_detail(job, now);
    if let Some(known) = record.last_seen() {
        seen.objects = known.objects;
        let is_news = Seen {
            at: known.at,
            ..seen.clone()
        } != *known;
        if !is_news {
            return None;
        }
    }
    Some(Record {
        written_at: now,
        seen: Some(seen),
        ..record.clone()
    })
}
