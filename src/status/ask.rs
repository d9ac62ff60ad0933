//! What the service says of many jobs, in few calls: pages of a list where one page answers for
//! several jobs, a question a job for the rest.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};

use super::{PARALLELISM, Trouble, is_fresh, may_change};
use crate::api::client::{Client, ListQuery};
use crate::api::name::JobId;
use crate::api::wire::JobDetail;
use crate::state::Record;

/// Fewer jobs than this are asked for one by one.
const WORTH_A_LIST: usize = 10;
/// One page in so many jobs may be in vain: then a question a job is the politer way.
const JOBS_A_WASTED_PAGE: usize = 20;
/// How far the service's clock may be behind ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// One job's answer.
pub(super) type Answer = Result<(Arc<Record>, JobDetail), Trouble>;

/// Asks for accepted records of one bucket, and hands each answer to `take`, which says whether to go
/// on. Jobs that have ended are not worth a question each: of many they are looked for in the list
/// alone.
pub(super) async fn ask(
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
    if open.len() >= WORTH_A_LIST {
        let is_complete = list(client, &mut open, take).await?;
        let ended = open.extract_if(|_, record| !may_change(record));
        for (job_id, record) in ended.filter(|_| is_complete) {
            take(Err(gone(&record, job_id)))?;
        }
    }
    let questions = stream::iter(open).map(|(job_id, record)| describe(client, job_id, record));
    let mut questions = questions.buffer_unordered(PARALLELISM);
    while let Some(answer) = questions.next().await {
        take(answer)?;
    }
    ControlFlow::Continue(())
}

/// Reads pages as long as they find more jobs than they cost calls, and says whether it has seen
/// them all. What cannot be listed is left to single questions, which say what is wrong.
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
    let allowance = open.len() / JOBS_A_WASTED_PAGE + 1;
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
        Err(error) => Err(Trouble::Call { key, error }),
    }
}

fn gone(record: &Record, job_id: JobId) -> Trouble {
    Trouble::Gone {
        fresh: is_fresh(record, Timestamp::now()),
        key: record.key.clone(),
        job_id,
    }
}
